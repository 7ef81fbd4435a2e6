"""Bounds on the smallest eigenvalue of diagonal matrices, whose eigenvalues and Ritz values are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from theory.common.rounding import UNIT_ROUNDOFF as U
from theory.common.rounding import gamma
from theory.kernels import SymmetricPanels
from theory.kernels.krylov import NystromPreconditioner
from theory.kernels.smallest_eigenvalue import bound_by_cholesky, bound_by_lanczos


def diagonal(values, dtype=torch.float64):
    return SymmetricPanels((torch.diag(torch.as_tensor(values, dtype=dtype)),))


def by_lanczos(smallest, largest, n, steps, failure_probability):
    """The theorem of Kuczynski and Wozniakowski with twenty looks, the end Ritz values being the end eigenvalues."""
    e = (math.log(2 * 20 * 1.648 * math.sqrt(n) / failure_probability) / (2 * steps - 1)) ** 2
    return (smallest - e * largest / (1 - e)) / (1 - e) if e < 1 else 0.0


@pytest.mark.parametrize(
    ("smallest", "largest", "n", "steps"),
    [
        (1.0, 1.1, 20, 20),  # the first look is enough
        (1.0, 1.1, 21, 20),
        (1.0, 4.7, 60, 40),  # the first look gives 0.45 or nothing: less than half is not enough
        (1.0, 100.0, 60, 60),  # the third look is the last, and says nothing: the bound is negative
        (1.0, 1.1, 10, 10),  # too few steps for the theorem
    ],
)
@pytest.mark.parametrize("failure_probability", [1e-6, 1e-3])
def test_the_theorem_by_hand(smallest, largest, n, steps, failure_probability):
    scaled = torch.linspace(smallest, largest, n, dtype=torch.float64)
    # P = diag(4, 1, ..., 1): the theorem speaks of P^-1/2 K P^-1/2.
    preconditioner = NystromPreconditioner(torch.eye(n, 2, dtype=torch.float64), torch.tensor([4.0, 1.0]).double())
    K = diagonal(scaled * torch.tensor([4.0] + [1.0] * (n - 1), dtype=torch.float64))
    shares = []
    bound = bound_by_lanczos(K, preconditioner, failure_probability=failure_probability, report=shares.append)
    assert shares == pytest.approx([(step + 1) / n for step in range(steps)])
    right = by_lanczos(smallest, largest, n, steps, failure_probability)
    assert (bound.evidence, bound.failure_probability) == ("lanczos", failure_probability)
    # The end Ritz values reach the end eigenvalues up to rounding after n steps, nearly so after one less.
    assert bound.value == pytest.approx(right, rel=1e-6 if steps == n else 1e-2)


def test_shares_of_an_estimate():
    """Cholesky succeeds with the first of 0.99, 0.9, 0.5 and 0.1 of the estimate that is below the smallest, 2."""
    values = np.arange(2.0, 14.0)
    rounding = gamma(14) / (1 - gamma(14)) * values.sum() + 2 * U * 13
    for estimate, share in ((2.0, 0.99), (2.1, 0.9), (3.0, 0.5), (10.0, 0.1)):
        bound = bound_by_cholesky(diagonal(values), estimate)
        assert bound.value == pytest.approx(share * estimate - rounding, abs=U)
        assert (bound.evidence, bound.failure_probability) == ("cholesky", 0)
    # All but nothing is subtracted: what is left is the rounding, of float32's own unit.
    factor = gamma(14, 2.0**-24)
    rounding = factor / (1 - factor) * values.sum() + 2 * 2.0**-24 * 13
    assert bound_by_cholesky(diagonal(values, torch.float32), 1e-30).value == pytest.approx(-rounding, rel=1e-9)
    refused = bound_by_cholesky(diagonal(values), 30.0)
    assert (refused.value, refused.evidence, refused.failure_probability) == (0, "cholesky", 0)


def test_what_is_not_positive_definite_has_no_bound():
    plain = NystromPreconditioner(torch.eye(3, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    for values in ([1.0, -1.0, -1.0], [0.0, 0.0, 0.0]):
        assert bound_by_lanczos(diagonal(values), plain).value == 0


def test_a_preconditioner_that_is_not_positive_definite_gives_no_bound():
    # Stands for rounding in its vectors: the second application has the wrong sign.
    preconditioner = SimpleNamespace(root=lambda V: V, inverse=lambda V: V * signs.pop())
    signs = [-1.0, 1.0]
    bound = bound_by_lanczos(diagonal([1.0, 2.0, 3.0]), preconditioner)
    assert (bound.value, bound.evidence) == (0, "lanczos")
