"""Certificates against exact answers in extended precision, and broken solutions that they must expose."""

import mpmath
import numpy as np
import pytest
import torch

from theory.common.rounding import UNIT_ROUNDOFF as U
from theory.common.rounding import gamma
from theory.common.streams import generator
from theory.kernels import (
    Gaussian,
    KernelInterpolator,
    Laplacian,
    Linear,
    SymmetricPanels,
    certify_interpolation,
    gram_from_blocks,
)
from theory.kernels.smallest_eigenvalue import EigenvalueBound

N, D = 24, 3
KERNEL = Gaussian(0.9)


def sample(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = generator(seed, "certificate-test")
    return torch.from_numpy(random.standard_normal((N, D))), torch.from_numpy(random.standard_normal((N, 2)))


@pytest.fixture(scope="module")
def exact():
    """K, K^-1 and lambda_min's lower bound in 60 digits."""
    X, _ = sample()
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(value) for value in row] for row in X.tolist()]

        def entry(x, z):
            return mpmath.exp(
                -mpmath.fsum((a - b) ** 2 for a, b in zip(x, z, strict=True)) / (2 * mpmath.mpf(0.9) ** 2)
            )

        K = mpmath.matrix([[entry(x, z) for z in rows] for x in rows])
        return K, K**-1, float(mpmath.eigsy(K, eigvals_only=True)[0])


def certify(coefficients, y, smallest, **changes):
    X, _ = sample()
    matrix = gram_from_blocks(KERNEL, [(X,)], height=10).training
    bound = EigenvalueBound(smallest, "cholesky", 0.0)
    return certify_interpolation(matrix, y, coefficients, bound, kernel=KERNEL, points=X, **changes)


@pytest.mark.parametrize("scale", [0.0, 1e-13, 1e-9, 1e-4, 1.0])
def test_bounds_hold_and_are_not_far_off(exact, scale):
    K, inverse, smallest = exact
    X, y = sample()
    best = torch.linalg.solve(KERNEL.block(X, X), y)
    alpha = best + scale * torch.from_numpy(generator(1, "perturbation").standard_normal((N, 2)))
    certificate = certify(alpha, y, smallest * (1 - 1e-9))
    with mpmath.workdps(60):
        for output in range(2):
            a, labels = (mpmath.matrix(values[:, output].tolist()) for values in (alpha, y))
            residual = K * a - labels
            distance = float(mpmath.sqrt((residual.T * inverse * residual)[0]))
            least = float(mpmath.sqrt((labels.T * inverse * labels)[0]))
            norm = float(mpmath.sqrt((a.T * K * a)[0]))
            largest = float(max(abs(value) for value in residual))
            assert distance <= certificate.distance_bounds[output]
            assert least >= certificate.norm_lower_bounds[output]
            assert abs(norm - float(certificate.norms[output])) <= 1e-9 * norm
            assert largest <= certificate.max_residual + certificate.rounding
            assert certificate.distance_bounds[output] <= 1e3 * distance + 1e-8, "says too little"
            if scale <= 1e-9:
                assert certificate.norm_lower_bounds[output] >= (1 - 1e-6) * least
    assert certificate.gram_error is not None
    assert certificate.gram_error < 1e-13 * N


def test_a_wrong_gram_matrix_is_exposed():
    X, y = sample()
    matrix = gram_from_blocks(KERNEL, [(X,)], height=10).training
    alpha = torch.linalg.solve(matrix.dense(), y)
    matrix.panels[1][3, 2] += 1e-3  # the solver's K is off in one entry
    wrong = torch.linalg.solve(matrix.dense(), y)
    bound = EigenvalueBound(1e-2, "cholesky", 0.0)
    certificate = certify_interpolation(matrix, y, wrong, bound, kernel=KERNEL, points=X)
    assert certificate.gram_error == pytest.approx(2**0.5 * 1e-3, rel=1e-6)
    assert certificate.max_residual > 1e-5
    assert certificate.smallest_eigenvalue.value == pytest.approx(1e-2 - certificate.gram_error)
    assert str(certificate).endswith("(proved); the solver's K is off by 1.4e-03")
    trusting = certify_interpolation(matrix, y, wrong, bound)
    assert trusting.gram_error is None
    assert trusting.max_residual < 1e-10
    assert str(trusting).endswith("(proved)")
    assert not torch.allclose(alpha, wrong)


@pytest.mark.parametrize("smallest", [-1.0, -1e-3, 0.0])
def test_without_a_positive_eigenvalue_bound_nothing_is_claimed(smallest):
    X, y = sample()
    alpha = torch.linalg.solve(KERNEL.block(X, X), y)
    certificate = certify(alpha, y, smallest)
    assert torch.isinf(certificate.distance_bounds).all()
    assert (certificate.norm_lower_bounds > 0).all()


def test_ridge_is_part_of_the_system():
    X, y = sample()
    ridge = 0.3
    matrix = gram_from_blocks(KERNEL, [(X,)], height=7).training
    matrix.add_to_diagonal(ridge)
    alpha = torch.linalg.solve(KERNEL.block(X, X) + ridge * torch.eye(N, dtype=torch.float64), y)
    bound = EigenvalueBound(ridge, "cholesky", 0.0)
    certificate = certify_interpolation(matrix, y, alpha, bound, kernel=KERNEL, points=X, ridge=ridge)
    assert certificate.max_residual < 1e-12
    assert certificate.gram_error is not None
    assert certificate.gram_error < 1e-12


def test_the_measurement_says_what_limits_it():
    X, y = sample()
    gaussian = certify(torch.linalg.solve(KERNEL.block(X, X), y), y, 1e-3)
    laplacian = Laplacian(0.9)
    matrix = gram_from_blocks(laplacian, [(X,)]).training
    alpha = torch.linalg.solve(matrix.dense(), y)
    rough = certify_interpolation(matrix, y, alpha, EigenvalueBound(1e-3, "cholesky", 0.0), kernel=laplacian, points=X)
    assert rough.rounding < 10 * gaussian.rounding, "near points are told apart by differences: a root loses nothing"
    for certificate in (gaussian, rough):
        text = str(certificate)
        assert "largest residual" in text
        assert "proved" in text
    likely = certify_interpolation(matrix, y, alpha, EigenvalueBound(1e-3, "lanczos", 1e-6))
    assert "probability 1 - 1e-06" in str(likely)
    np.testing.assert_allclose(likely.norms, rough.norms, rtol=1e-6)


def test_near_duplicates_do_not_fool_the_eigenvalue_bound():
    """Where rounding hides how near two points are, the solver's K and the sweep's share the error; the bound knows."""
    random = generator(2, "near-duplicates")
    X = torch.from_numpy(random.standard_normal((6, 10)))
    X[5] = X[0] + 1e-10
    y = torch.from_numpy(random.standard_normal((6, 1)))
    model = KernelInterpolator(Laplacian(1.0)).fit(X.numpy(), y.numpy())
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(value) for value in row] for row in X.tolist()]
        K = mpmath.matrix(
            [
                [mpmath.exp(-mpmath.sqrt(mpmath.fsum((a - b) ** 2 for a, b in zip(x, z, strict=True)))) for z in rows]
                for x in rows
            ]
        )
        smallest = float(mpmath.eigsy(K, eigvals_only=True)[0])
    assert smallest < 1e-9
    assert model.certificate_.smallest_eigenvalue.value <= smallest


def test_an_outlier_counts_from_the_centre():
    """The sweep centres the points: its rounding is that of the centred ones."""
    X = torch.zeros(40, 2, dtype=torch.float64)
    X[:, 0] = 1 + 1e-3 * torch.arange(40)
    X[-1, 0] = -1
    y = torch.ones(40, 1, dtype=torch.float64)
    kernel = Gaussian(1.0)  # so wide that the rounding of a distance depends on how large the points are
    matrix = gram_from_blocks(kernel, [(X,)]).training
    bound = EigenvalueBound(1e-3, "cholesky", 0.0)
    near = certify_interpolation(matrix, y, y, bound, kernel=kernel, points=X)
    far = certify_interpolation(matrix, y, y, bound, kernel=kernel, points=X + 2.0**20)
    assert far.rounding == pytest.approx(near.rounding, rel=1e-3, abs=0)
    centred = X - X.mean(0)
    low, high = (40 * kernel.entry_error(float((centred**2).sum(1).max()), error) for error in (4 * U, 30 * U))
    assert low <= near.rounding <= high


@pytest.mark.parametrize("tile", [1, 5, 7, 10, 24])
def test_the_sweep_in_tiles_of_any_size(tile, monkeypatch):
    monkeypatch.setattr("theory.kernels.certificate._TILE", tile)
    X, y = sample()
    matrix = gram_from_blocks(KERNEL, [(X,)], height=10).training
    alpha = torch.from_numpy(generator(3, "tiles").standard_normal((N, 2)))
    ridge = 0.25
    K = KERNEL.block(X, X) + ridge * torch.eye(N, dtype=torch.float64)
    shares = []
    bound = EigenvalueBound(1.0, "cholesky", 0.0)
    certificate = certify_interpolation(
        matrix, y, alpha, bound, kernel=KERNEL, points=X, ridge=ridge, report=shares.append
    )
    assert certificate.max_residual == pytest.approx(float((K @ alpha - y).abs().max()), rel=1e-12)
    assert certificate.gram_error == pytest.approx(ridge * N**0.5, rel=1e-12), "the solver's matrix has no ridge"
    assert shares == pytest.approx([(10 / 24) ** 2, (20 / 24) ** 2, 1])


def test_each_output_in_its_own_unit():
    """Residuals of 1e-13 of labels of 2^-500 have squares below float64's least, labels of 2^600 beyond its largest."""
    X, y = sample()
    alpha = torch.linalg.solve(KERNEL.block(X, X), y)
    alpha += 1e-13 * alpha.abs().max()
    plain = certify(alpha, y, 1e-3)
    units = torch.tensor([2.0**-500, 2.0**600], dtype=torch.float64)
    together = certify(alpha * units, y * units, 1e-3)
    for name in ("residual_norms", "norms", "norm_lower_bounds", "distance_bounds"):
        assert torch.equal(getattr(together, name), getattr(plain, name) * units), name
    alone = certify(alpha[:, :1] * units[0], y[:, :1] * units[0], 1e-3)
    first = certify(alpha[:, :1], y[:, :1], 1e-3)
    assert (alone.max_residual, alone.rounding) == (first.max_residual * 2.0**-500, first.rounding * 2.0**-500)
    nothing = certify(alpha * units, 0 * y, 1e-3)
    assert torch.equal(nothing.norms, plain.norms * units)
    tiny = certify(alpha * 2.0**-1060, y * 2.0**-1060, 1e-3)  # where float64 rounds to a few digits
    assert (tiny.norm_lower_bounds == 0).all()
    assert (tiny.distance_bounds > 0).all()


@pytest.mark.parametrize("unit", [2.0**-500, 1.0, 2.0**500])
def test_every_bound_by_hand(unit):
    """One output, K = I: what is measured, and every term that rounding adds, in multiples of u = 2^-53."""
    n = 4
    matrix = SymmetricPanels((torch.eye(n, dtype=torch.float64),))
    alpha, y = (unit * torch.tensor(values).double()[:, None] for values in ([3, 0, 4, 0], [3, 1, 4, 0]))
    certificate = certify_interpolation(matrix, y, alpha, EigenvalueBound(0.25, "cholesky", 0.0))
    per_entry = gamma(n + 4) * 7 + 2 * U * 4
    residual_error = gamma(n + 2) + per_entry * n**0.5
    squared_error = 7 * (per_entry + gamma(n + 2) * 4)
    high, low = (25 + squared_error) ** 0.5, (25 - squared_error) ** 0.5
    inner = 25 - gamma(n + 2) * 25
    assert (certificate.max_residual, certificate.gram_error) == (unit, None)
    for value, right, tolerance in (
        (certificate.rounding, per_entry, 0),
        (certificate.residual_norms - unit, residual_error, U),
        (certificate.norms, (high + low) / 2, 10 * U),
        (5 * unit - certificate.norm_lower_bounds, 5 - inner / high, 10 * U),
        (certificate.distance_bounds - 2 * unit, 2 * residual_error, 2 * U),
    ):
        assert float(value) / unit == pytest.approx(right, rel=1e-12, abs=tolerance)
    assert certificate.smallest_eigenvalue.value == 0.25
    nothing = certify_interpolation(matrix, 0 * y, 0 * alpha, EigenvalueBound(-1.0, "cholesky", 0.0))
    assert (float(nothing.norms), float(nothing.norm_lower_bounds), float(nothing.distance_bounds)) == (0, 0, 0)
    aslant = certify_interpolation(matrix, -y, alpha, EigenvalueBound(1.0, "cholesky", 0.0))
    assert float(aslant.norm_lower_bounds) == 0, "no norm is negative"


def test_a_norm_that_rounding_may_have_made():
    """K alpha = 0 for alpha that is not: the norm is 0, or what rounding can hide, whose middle is half of that."""
    n, size = 2, 1e8
    matrix = SymmetricPanels((torch.ones(n, n, dtype=torch.float64),))
    alpha = torch.tensor([[size], [-size]], dtype=torch.float64)
    certificate = certify_interpolation(matrix, 0 * alpha, alpha, EigenvalueBound(1.0, "cholesky", 0.0))
    hidden = 2 * size * gamma(6) * 2 * size
    assert float(certificate.norms) == pytest.approx(hidden**0.5 / 2, rel=1e-9)
    assert float(certificate.norm_lower_bounds) == 0
    # ||f||^2 = 2^-48 = 32 u, give or take 2 gamma_6 2 = 24 u.
    alpha = torch.tensor([[1.0], [2.0**-24 - 1]], dtype=torch.float64)
    certificate = certify_interpolation(matrix, 0 * alpha, alpha, EigenvalueBound(1.0, "cholesky", 0.0))
    assert float(certificate.norms) == pytest.approx(((56 * U) ** 0.5 + (8 * U) ** 0.5) / 2, rel=1e-6, abs=0)


def test_the_worst_output_and_the_largest_entry_count():
    matrix = SymmetricPanels((torch.diag(torch.tensor([1.0, 4.0])).double(),))
    alpha, y = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).double(), torch.tensor([[2.0, 0.0], [0.0, 3.5]]).double()
    certificate = certify_interpolation(matrix, y, alpha, EigenvalueBound(0.25, "cholesky", 0.0))
    assert certificate.max_residual == 1
    assert certificate.rounding == pytest.approx(gamma(6) * 4 * 3 + 2 * U * 2, rel=1e-12, abs=0)
    # Residuals of 1 and 1/2 are distances of 2 and 1 at most, from functions of norms 3 and 2.
    assert "relative distance from the minimum-norm interpolant at most 6.7e-01" in str(certificate)


def test_one_point():
    X, one = torch.tensor([[2.0]]).double(), torch.tensor([[1.0]]).double()
    matrix = gram_from_blocks(Linear(), [(X,)]).training
    certificate = certify_interpolation(matrix, one, one, EigenvalueBound(4, "cholesky", 0), kernel=Linear(), points=X)
    assert (certificate.max_residual, certificate.gram_error, float(certificate.norms)) == (3, 0, 2)


@pytest.mark.parametrize("ridge", [0.0, 2.0**20])
def test_what_the_eigenvalue_loses_by_hand(ridge):
    """K = diag(9, 1, 1, 1) exactly: n gamma_10 9 for entries in four coordinates, the distance 2 ridge with gamma_6."""
    X = torch.diag(torch.tensor([3.0, 1.0, 1.0, 1.0])).double()
    matrix = gram_from_blocks(Linear(), [(X,)]).training
    matrix.add_to_diagonal(ridge)
    bound = EigenvalueBound(2 * ridge, "cholesky", 0.0)
    certificate = certify_interpolation(matrix, X[:, :1], X[:, :1], bound, kernel=Linear(), points=X)
    assert certificate.gram_error == 2 * ridge
    lost = 2 * ridge * gamma(6) + 4 * 9 * gamma(10)
    assert certificate.smallest_eigenvalue.value == pytest.approx(-lost, rel=1e-9, abs=0)


def test_the_eigenvalue_is_that_of_the_exact_matrix():
    """Weyl: less the distance of the solver's matrix, and n times what an entry of the sweep can be off by."""
    X, y = sample()
    matrix = gram_from_blocks(KERNEL, [(X,)]).training
    matrix.add_to_diagonal(0.5)
    certificate = certify_interpolation(matrix, y, y, EigenvalueBound(4.0, "cholesky", 0.0), kernel=KERNEL, points=X)
    centred = X - X.mean(0)
    entry = KERNEL.entry_error(float((centred**2).sum(1).max()), gamma(D + 6))
    assert certificate.gram_error == pytest.approx(0.5 * N**0.5, rel=1e-12)
    lost = N * entry + certificate.gram_error * gamma(N + 2)
    assert 4 - certificate.gram_error - certificate.smallest_eigenvalue.value == pytest.approx(lost, rel=0.2, abs=0)
