"""Each claim about label noise turns when what it claims is broken."""

from dataclasses import replace

import numpy as np
import pytest

from theory import kernels, label_noise
from theory.checks import label_noise as checks
from theory.claims import Verdict
from theory.kernels import KernelInterpolator


def independent_test_points(patch):
    right = label_noise.copied_accuracy

    def binomial(neighbours, *arguments):
        moments = right(neighbours, *arguments)
        return replace(moments, variance=moments.mean * (1 - moments.mean) / len(neighbours))

    patch.setattr(label_noise, "copied_accuracy", binomial)


def replaced_labels_are_all_wrong(patch):
    patch.setattr(label_noise, "memorised_accuracy", lambda accuracy, p, chance: (1 - p) * accuracy)


def replacement_never_keeps_the_label(patch):
    right = label_noise.corrupt_labels

    def other_class(labels, k, p, seed, **options):
        draws = right(labels, k, p, seed, **options)
        return np.where((draws == labels) & (right(labels * 0, k, p, seed) != 0), (labels + 1) % k, draws)

    patch.setattr(label_noise, "corrupt_labels", other_class)


def rows_taken_to_sum_to_one(patch):
    right = label_noise.noisy_outputs

    def broken(S, labels, p, k):
        outputs = right(S, labels, p, k)
        return replace(outputs, mean=(1 - p) * outputs.clean + p / k)

    patch.setattr(label_noise, "noisy_outputs", broken)


def uncorrelated_classes(patch):
    right = label_noise.noisy_outputs

    def broken(S, labels, p, k):
        outputs = right(S, labels, p, k)
        return replace(outputs, covariance=outputs.covariance * np.eye(k))

    patch.setattr(label_noise, "noisy_outputs", broken)


def excess_without_bias(patch):
    right = label_noise.noisy_outputs

    def broken(S, labels, p, k):
        outputs = right(S, labels, p, k)
        return replace(outputs, squared_excess=np.trace(outputs.covariance, axis1=1, axis2=2))

    patch.setattr(label_noise, "noisy_outputs", broken)


class Ridge(KernelInterpolator):
    """Does not interpolate."""

    def __init__(self, kernel=None, **options):
        super().__init__(kernel, ridge=1e-4, **options)


def another_rule(patch):
    patch.setattr(kernels, "KernelInterpolator", Ridge)


def clean_labels(patch):
    right = label_noise.simulated_accuracy
    patch.setattr(
        label_noise,
        "simulated_accuracy",
        lambda S, labels, test, p, k, **options: right(S, labels, test, 0.0, k, **options),
    )


def draws_of_another_seed(patch):
    right = label_noise.simulated_accuracy
    patch.setattr(
        label_noise,
        "simulated_accuracy",
        lambda *arguments, seed, **options: right(*arguments, seed=seed + 1, **options),
    )


def variance_of_replaced_labels_alone(patch):
    right = label_noise.corruption_excess_risk
    patch.setattr(label_noise, "corruption_excess_risk", lambda n, d, p, k: p * right(n, d, 1.0, k))


BROKEN = [
    ("nearest-neighbour-noise", independent_test_points),
    ("nearest-neighbour-noise", replaced_labels_are_all_wrong),
    ("nearest-neighbour-noise", replacement_never_keeps_the_label),
    ("smoother-noise-moments", rows_taken_to_sum_to_one),
    ("smoother-noise-moments", uncorrelated_classes),
    ("smoother-noise-moments", excess_without_bias),
    ("interpolant-noise-accuracy", another_rule),
    ("interpolant-noise-accuracy", clean_labels),
    ("interpolant-noise-accuracy", draws_of_another_seed),
    ("ridgeless-label-noise", variance_of_replaced_labels_alone),
]


@pytest.mark.parametrize(("name", "breaks"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_broken_claims_do_not_hold(name, breaks, monkeypatch):
    check = next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)
    breaks(monkeypatch)
    assert check(7).verdict is Verdict.DOES_NOT_HOLD


def test_every_claim_is_broken_once():
    assert {name for name, _ in BROKEN} == {checked.claim.id for checked in checks.CLAIMS}
