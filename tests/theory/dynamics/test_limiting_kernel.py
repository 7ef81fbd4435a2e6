"""H-infinity against its definition, extended precision, and the exact condition for being singular."""

import itertools
import math
from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
import torch

from theory.common.streams import generator
from theory.dynamics import LimitingKernel, Spectrum, limiting_spectrum
from theory.dynamics.limiting_kernel import _entry_errors
from theory.kernels import ArcCosine
from theory.kernels.kernels import EPS, NEAR


def points(seed: int, n: int, d: int) -> torch.Tensor:
    return torch.from_numpy(generator(seed, "limiting-kernel-test").standard_normal((n, d)))


def unit_points(seed: int, n: int, d: int) -> torch.Tensor:
    return torch.nn.functional.normalize(points(seed, n, d))


def test_is_the_formula_of_the_paper():
    X = unit_points(0, 12, 4)
    products = (X @ X.T).numpy()
    expected = products * (math.pi - np.arccos(np.clip(products, -1, 1))) / (2 * math.pi)
    np.testing.assert_allclose(LimitingKernel().block(X, X), expected, atol=1e-7)


def test_is_half_of_the_product_with_the_arc_cosine_kernel_of_order_zero():
    X, Z = points(1, 7, 3), points(2, 5, 3)
    expected = X @ Z.T * ArcCosine(0).block(X, Z) / 2
    torch.testing.assert_close(LimitingKernel().block(X, Z), expected, rtol=1e-14, atol=1e-15)
    squares = (X**2).sum(1)
    torch.testing.assert_close(LimitingKernel().diagonal(squares), squares / 2 * ArcCosine(0).diagonal(squares))


def test_a_point_zero_has_a_row_of_zeros():
    X = torch.cat([points(3, 2, 3), torch.zeros(1, 3, dtype=torch.float64)])
    assert not LimitingKernel().block(X, X)[2].any()


def exact_gram(X: torch.Tensor) -> mpmath.matrix:
    rows = [[mpmath.mpf(value) for value in row] for row in X.tolist()]

    def entry(x, z):
        product = mpmath.fdot(x, z)
        cosine = product / mpmath.sqrt(mpmath.fdot(x, x) * mpmath.fdot(z, z))
        return product * (mpmath.pi - mpmath.acos(max(min(cosine, 1), -1))) / (2 * mpmath.pi)

    return mpmath.matrix([[entry(x, z) for z in rows] for x in rows])


@pytest.mark.parametrize("distance", [1.0, 1e-3, 1e-7, 1e-9, 0.0])
def test_errors_are_within_their_bounds(distance):
    """Entries and eigenvalues, also where points are near one another and arccos loses digits."""
    X = points(4, 5, 4)
    X = torch.cat([X, X[:2] + distance * points(5, 2, 4)])
    with mpmath.workdps(40):
        exact = exact_gram(X)
        eigenvalues = np.array([float(value) for value in mpmath.eigsy(exact, eigvals_only=True)])[::-1]
        entries = np.array(exact.tolist(), dtype=float)
    bound = LimitingKernel().entry_error(float((X**2).sum(1).max()), (X.shape[1] + 6) * EPS)
    assert np.abs(LimitingKernel().block(X, X).numpy() - entries).max() <= bound
    spectrum = limiting_spectrum(X)
    assert np.abs(spectrum.eigenvalues.numpy() - eigenvalues).max() <= spectrum.error + 4 * EPS * spectrum.largest
    if distance >= 1e-3:
        assert spectrum.error < 1e-11  # the bound is of use


def off_by(cosines: torch.Tensor, squared_norm: float, e: float) -> Iterator[tuple[torch.Tensor, ...]]:
    """Products (1, n) and squared norms (1,) and (n,), each off by the share e, one way or the other."""
    for product, left, right in itertools.product((-e, e), repeat=3):
        norms = torch.full_like(cosines, squared_norm)
        yield squared_norm * (cosines + product)[None], norms[:1] * (1 + left), norms * (1 + right)


def test_the_error_of_an_entry_covers_the_worst_products():
    """The slope of arccos is steepest at the nearest pairs that are left to products; it is taken for 3 e, not 2 e."""
    kernel, e = LimitingKernel(), 2.0**-25
    cosines = torch.linspace(-1, 1, 1001).double().clamp(-1 + NEAR, 1 - NEAR)
    for squared_norm in (0.25, 1.0, 4.0):
        exact = kernel.from_products(*next(off_by(cosines, squared_norm, 0)))
        changes = [kernel.from_products(*parts) - exact for parts in off_by(cosines, squared_norm, e)]
        worst = float(torch.stack(changes).abs().max())
        assert worst <= kernel.entry_error(squared_norm, e) <= 2 * worst


def test_the_errors_of_a_spectrums_entries_cover_the_worst_products():
    """For cosines that are off 1 by no more than the error itself, too; there sqrt(3 e) is allowed for sqrt(2 e)."""
    kernel, e = LimitingKernel(), 2.0**-25
    near_one = 1 - e * torch.arange(0, 12, 0.25).double()
    cosines = torch.cat([torch.linspace(-1, 1, 1001).double(), near_one, -near_one])
    exact, largest = kernel.from_products(*next(off_by(cosines, 4.0, 0))), []
    for products, left, right in off_by(cosines, 4.0, e):
        bound = _entry_errors(products, torch.outer(left.sqrt(), right.sqrt()), e)[0, 1:]  # the first is a diagonal
        change = (kernel.from_products(products, left, right) - exact)[0, 1:].abs()
        assert (change <= bound).all()
        largest.append((float(bound.max()), float(change.max())))
    bounds, changes = zip(*largest, strict=True)
    assert max(bounds) <= 1.3 * max(changes)


def test_the_error_of_orthonormal_points_by_hand():
    """(4 + 6) eps of each entry, more off the diagonal by 3 times the slope sqrt(2) over 2 pi; 4 eps times 1/2."""
    off_diagonal = 1 + 3 * math.sqrt(2) / (2 * math.pi)
    expected = 10 * math.sqrt(4 + 12 * off_diagonal**2) + 4 / 2
    assert limiting_spectrum(torch.eye(4).double()).error / EPS == pytest.approx(expected, rel=1e-9)


def test_the_condition_is_infinite_unless_the_smallest_eigenvalue_is_above_its_error():
    assert [Spectrum(torch.tensor([1.0, 0.5]), torch.eye(2), error).condition for error in (0.25, 0.5)] == [2, math.inf]
    zero = limiting_spectrum(torch.zeros(2, 3))
    assert (zero.largest, zero.condition) == (0, math.inf)


def test_spectrum_is_a_decomposition():
    X = unit_points(6, 30, 5)
    spectrum = limiting_spectrum(X)
    V, eigenvalues = spectrum.eigenvectors, spectrum.eigenvalues
    H = LimitingKernel().block(X, X)
    H.diagonal().fill_(0.5)
    torch.testing.assert_close(V * eigenvalues @ V.T, H, atol=1e-13, rtol=0)
    assert (eigenvalues.diff() <= 0).all()
    assert spectrum.condition == spectrum.largest / spectrum.smallest
    residual = points(7, 30, 2)
    torch.testing.assert_close(spectrum.energies(residual).sum(), residual.square().sum())
    torch.testing.assert_close(spectrum.energies(residual[:, 0]), (V.T @ residual[:, 0]) ** 2)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_singular_exactly_when_antipodal_pairs_have_dependent_directions(d):
    X = points(8 + d, 4, d) if d > 1 else torch.ones(1, 1, dtype=torch.float64)
    for pairs in range(len(X) + 1):
        spectrum = limiting_spectrum(torch.cat([X, -2 * X[:pairs]]))
        assert (spectrum.smallest > spectrum.error) == (pairs <= d), pairs


def test_refusals():
    with pytest.raises(ValueError, match="matrix of finite numbers"):
        limiting_spectrum(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match="matrix of finite numbers"):
        limiting_spectrum(torch.zeros(0, 3))
    for unit in (2.0**-500, 2.0**520):
        with pytest.raises(ValueError, match="another unit"):
            limiting_spectrum(unit * points(0, 4, 3))
    with pytest.raises(ValueError, match="spectrum's 4 samples"):
        limiting_spectrum(unit_points(0, 4, 3)).energies(torch.zeros(5))
