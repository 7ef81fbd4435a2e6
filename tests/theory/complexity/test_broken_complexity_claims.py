"""Each claim about complexity turns when what it claims is broken."""

import math
from dataclasses import replace
from functools import cache

import pytest

from theory import complexity, expressivity
from theory.checks import complexity as checks
from theory.claims import Verdict
from theory.complexity import RademacherComplexity
from theory.complexity import vc_dimension as vc


def scaled(name, factor):
    """The function of that name in the checks, its result multiplied."""
    right = getattr(complexity, name)

    def wrong(*arguments, **options):
        result = right(*arguments, **options)
        if isinstance(result, RademacherComplexity):
            return replace(
                result, value=factor * result.value, lower=factor * result.lower, upper=factor * result.upper
            )
        return factor * result if isinstance(result, float) else replace(result, value=factor * result.value)

    return lambda patch: patch.setattr(complexity, name, wrong)


def fewer_points(patch):
    right = expressivity.relu_interpolant
    patch.setattr(
        expressivity,
        "relu_interpolant",
        lambda points, signs, seed: right(points[: len(points) // 2], signs[::2], seed=seed),
    )


def without_degrees(patch):
    patch.setattr(vc, "_log2_sign_vectors", lambda polynomials, degree, variables: float(min(polynomials, variables)))


def interval_too_short(patch):
    right = complexity.linear_complexity

    def wrong(*arguments, **options):
        result = right(*arguments, **options)
        return replace(result, lower=result.value, upper=result.value)

    patch.setattr(complexity, "linear_complexity", wrong)


def thin_slabs(patch):
    right = complexity.memorize_by_slabs

    def wrong(points, positive, *, seed):
        network = right(points, positive, seed=seed)
        return replace(network, weights=network.weights / 2)

    patch.setattr(complexity, "memorize_by_slabs", wrong)


def pinsker(patch):
    patch.setattr(complexity, "upper_inverse", lambda q, bound: min(1.0, q + math.sqrt(bound / 2)))


def cancelling(patch):
    """kl as the difference of two terms, wrong where both are small."""

    def wrong(q, p):
        if not 0 < p < 1:
            return 0.0 if p == q else math.inf
        first = q * math.log(q / p) if q else 0.0
        return first + ((1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0)

    patch.setattr(complexity, "binary_kl", wrong)


def larger_steps(patch):
    right = checks._sgd
    patch.setattr(checks, "_sgd", lambda slope, rate, epochs: right(slope, 1.01 * rate, epochs))


MUTATIONS = [
    ("rademacher-linear", scaled("linear_complexity", 1.001)),
    ("rademacher-linear", interval_too_short),
    ("rademacher-theorem-1", fewer_points),
    ("rademacher-frobenius", scaled("golowich_complexity_bound", 0.25)),
    ("vc-bounds", without_degrees),
    ("vc-bounds", thin_slabs),
    ("spectral-perturbation", scaled("perturbation_bound", 1 / 3)),
    ("binary-kl", pinsker),
    ("binary-kl", cancelling),
    ("binary-kl", scaled("maurer_constant", 1.001)),
    ("stability-convex", scaled("convex_stability_bound", 0.5)),
    ("stability-convex", scaled("parameter_distance_bound", 0.5)),
    ("stability-convex", larger_steps),
]


@cache
def intact(name) -> Verdict:
    return next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)(7).verdict


@pytest.mark.parametrize(("name", "mutate"), MUTATIONS)
def test_broken_claims_do_not_hold(name, mutate, monkeypatch):
    check = next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)
    assert intact(name) is Verdict.HOLDS
    mutate(monkeypatch)
    assert check(7).verdict is Verdict.DOES_NOT_HOLD


def test_every_claim_is_broken_once():
    assert {name for name, _ in MUTATIONS} == {checked.claim.id for checked in checks.CLAIMS}
