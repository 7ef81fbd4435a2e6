"""Each claim about dynamics turns when what it claims is broken."""

import numpy as np
import pytest
import torch

from theory import dynamics
from theory.checks import dynamics as checks
from theory.claims import Verdict
from theory.dynamics import TwoLayerNetwork, limiting_kernel
from theory.dynamics.limiting_kernel import LimitingKernel
from theory.kernels import Linear


class Tilted(LimitingKernel):
    """A tenth off where cosines are not one."""

    def from_products(self, products, left, right):
        return 0.9 * super().from_products(products, left, right)


def another_kernel(patch):
    patch.setattr(dynamics, "LimitingKernel", Tilted)


def units_off_centre(patch):
    right = dynamics.random_network

    def shifted(*arguments, **options):
        network = right(*arguments, **options)
        return TwoLayerNetwork(network.weights + 0.3, network.signs)

    patch.setattr(dynamics, "random_network", shifted)


def kernel_of_finite_rank(patch):
    patch.setattr(limiting_kernel, "LimitingKernel", Linear)


def kernel_without_cancellation(patch):
    """Definite even for three antipodal pairs: a ridge."""

    class Ridged(LimitingKernel):
        def diagonal(self, squared_norms):
            return 0.01 + super().diagonal(squared_norms)

    patch.setattr(limiting_kernel, "LimitingKernel", Ridged)


def wrong_step_size(patch):
    right = dynamics.gradient_descent
    patch.setattr(
        dynamics, "gradient_descent", lambda X, y, state, step, **options: right(X, y, state, 1.2 * step, **options)
    )


def initial_output_forgotten(patch):
    right = dynamics.predicted_residual_norms

    def forgetful(spectrum, residual, step_size, steps):
        return right(spectrum, residual.sign(), step_size, steps)

    patch.setattr(dynamics, "predicted_residual_norms", forgetful)


def half_the_gradient(patch):
    right = dynamics.gradient_descent
    patch.setattr(
        dynamics, "gradient_descent", lambda X, y, state, step, **options: right(X, y, state, step / 2, **options)
    )


def labels_in_their_order(patch):
    class Identity:
        def permutation(self, n):
            return np.arange(n)

    right = checks.generator
    patch.setattr(
        checks, "generator", lambda seed, purpose: Identity() if purpose.endswith("order") else right(seed, purpose)
    )


def complexity_without_the_inverse(patch):
    right = dynamics.complexity_measure
    patch.setattr(dynamics, "complexity_measure", lambda spectrum, y: right(spectrum, torch.ones_like(y)))


BROKEN = [
    ("limiting-kernel", another_kernel),
    ("limiting-kernel", units_off_centre),
    ("limiting-kernel-definite", kernel_of_finite_rank),
    ("limiting-kernel-definite", kernel_without_cancellation),
    ("predicted-dynamics", wrong_step_size),
    ("predicted-dynamics", initial_output_forgotten),
    ("random-labels-slower", half_the_gradient),
    ("random-labels-slower", labels_in_their_order),
    ("random-labels-slower", complexity_without_the_inverse),
]


@pytest.mark.parametrize(("name", "breaks"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_broken_claims_do_not_hold(name, breaks, monkeypatch):
    check = next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)
    breaks(monkeypatch)
    evidence = check(7)
    assert evidence.verdict is Verdict.DOES_NOT_HOLD


def test_every_claim_is_broken_once():
    assert {name for name, _ in BROKEN} == {checked.claim.id for checked in checks.CLAIMS}
