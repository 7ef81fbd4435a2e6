"""Each claim about kernels turns when what it claims is broken."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from theory import kernels
from theory.checks import kernels as checks
from theory.claims import Verdict
from theory.common.streams import generator
from theory.kernels import KernelInterpolator, NeuralTangent
from theory.kernels.cholesky import CholeskyFactor


class Ridge(KernelInterpolator):
    """Does not interpolate."""

    def __init__(self, kernel=None, **options):
        super().__init__(kernel, ridge=0.01, **options)


def with_ridge(patch):
    patch.setattr(kernels, "KernelInterpolator", Ridge)


def overstated_certificates(patch):
    certify = Ridge._interpolate.__globals__["certify_interpolation"]

    def overstate(*arguments, **options):
        certificate = certify(*arguments, **options)
        return replace(certificate, distance_bounds=certificate.distance_bounds * 1e-3)

    patch.setattr("theory.kernels.estimators.certify_interpolation", overstate)


def wrong_inverse(patch):
    right = CholeskyFactor.inverse_diagonal
    patch.setattr(CholeskyFactor, "inverse_diagonal", lambda self, report=None: 1.001 * right(self))


def another_depth(patch):
    patch.setattr(kernels, "NeuralTangent", lambda depth: NeuralTangent(depth + 1))


def labels_in_their_order(patch):
    class Identity:
        def permutation(self, n):
            return np.arange(n)

    patch.setattr(
        checks, "generator", lambda seed, purpose: Identity() if purpose.endswith("order") else generator(seed, purpose)
    )


MUTATIONS = {
    "kernel-least-norm": with_ridge,
    "kernel-linear": with_ridge,
    "kernel-solvers": overstated_certificates,
    "kernel-leave-one-out": wrong_inverse,
    "neural-tangent-kernel": another_depth,
    "kernel-noise-norm": labels_in_their_order,
}


@cache
def intact(name) -> Verdict:
    return next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)(7).verdict


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_claims_do_not_hold(name, monkeypatch):
    check = next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)
    assert intact(name) is Verdict.HOLDS
    MUTATIONS[name](monkeypatch)
    assert check(7).verdict is Verdict.DOES_NOT_HOLD


def test_every_claim_is_broken_once():
    assert set(MUTATIONS) == {checked.claim.id for checked in checks.CLAIMS}
