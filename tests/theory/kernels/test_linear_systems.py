"""Panels, Gram matrices, Cholesky, conjugate gradients, eigenvalue bounds: against dense float64 algebra."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.common.streams import generator
from theory.kernels import Gaussian, Laplacian, Linear, NeuralTangent, SymmetricPanels, cross_product, gram_from_blocks
from theory.kernels.cholesky import NotPositiveDefiniteError, cholesky
from theory.kernels.krylov import KrylovState, conjugate_gradients, nystrom_preconditioner
from theory.kernels.panels import empty_panels, panel_bounds, panel_bytes
from theory.kernels.smallest_eigenvalue import bound_by_cholesky, bound_by_lanczos


def points(seed: int, n: int, d: int = 5) -> torch.Tensor:
    return torch.from_numpy(generator(seed, "linear-system-points").standard_normal((n, d)))


def gram(seed: int, n: int, height: int = 32, dtype: torch.dtype = torch.float64, bandwidth: float = 1.5):
    X = points(seed, n).to(dtype)
    return gram_from_blocks(Gaussian(bandwidth), [(X,)], height=height).training


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 90), height=st.integers(1, 40), k=st.integers(1, 4), devices=st.integers(1, 3))
def test_panels_multiply_like_the_dense_matrix(n, height, k, devices):
    dense = points(n, n, n)
    dense = dense + dense.T
    matrix = empty_panels(n, torch.float64, ["cpu"] * devices, height)
    for start, stop, panel in matrix.rows():
        panel.copy_(dense[start:stop, :stop])
    V = points(n + 1, n, k)
    assert torch.equal(matrix.dense(), dense)
    # An inner product of n terms, summed in any order: n eps times the sum of magnitudes.
    tolerance = 2 * n * torch.finfo(torch.float64).eps * (dense.abs() @ V.abs())
    assert ((matrix.multiply(V) - dense @ V).abs() <= tolerance).all()
    chosen = torch.arange(0, n, 3)
    assert torch.equal(matrix.columns(chosen), dense[:, chosen])
    assert torch.equal(matrix.diagonal(), dense.diagonal())
    assert panel_bytes(n, 8, height) == sum(panel.numel() for panel in matrix.panels) * 8
    assert panel_bounds(n, height)[-1][1] == n


def test_products_are_in_the_precision_of_the_vectors():
    matrix = gram(0, 200, dtype=torch.float32)
    V = points(1, 200, 3)
    exact = matrix.dense().double() @ V
    assert matrix.multiply(V).dtype == torch.float64
    assert (matrix.multiply(V) - exact).abs().max() < 1e-12
    assert (matrix.multiply(V.float()) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("kernel", [Linear(), Gaussian(2.0), Laplacian(2.0), NeuralTangent(3)], ids=str)
def test_gram_from_blocks_of_features_is_that_of_all_features(kernel):
    X, Z = points(2, 70, 12) + 3, points(3, 20, 12) + 3
    blocks = [(X[:, part], Z[:, part]) for part in (slice(0, 5), slice(5, 6), slice(6, 12))]
    shares: list[float] = []
    streamed = gram_from_blocks(kernel, blocks, height=16, report=shares.append)
    whole = gram_from_blocks(kernel, [(X, Z)], height=16)
    expected = kernel.block(X, X)
    square = expected.clone()
    square.diagonal().copy_(kernel.diagonal((X**2).sum(1)))
    # Squared norms are about 150 here; Laplacian and neural tangent kernels lose half of the digits near rho = 1.
    np.testing.assert_allclose(streamed.training.dense(), square, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(streamed.training.dense(), whole.training.dense(), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(streamed.others[0], kernel.block(Z, X), rtol=1e-12, atol=1e-11)
    assert torch.equal(streamed.training.dense(), streamed.training.dense().T)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    coefficients = points(4, 70, 2)
    np.testing.assert_allclose(
        cross_product(kernel, Z, X, coefficients), kernel.block(Z, X) @ coefficients, rtol=1e-10, atol=1e-9
    )


def test_no_features_are_an_error():
    with pytest.raises(ValueError, match="at least one block"):
        gram_from_blocks(Linear(), [])


@pytest.mark.parametrize("height", [7, 32, 500])
def test_cholesky_solves_and_inverts(height):
    matrix = gram(5, 150, height)
    dense = matrix.dense()
    factor = cholesky(matrix)
    L = torch.linalg.cholesky(dense)
    lower = factor.panels.dense().tril()
    condition = float(torch.linalg.cond(dense))
    eps = torch.finfo(torch.float64).eps
    assert (lower - L).norm() <= 150 * eps * condition * L.norm()
    B = points(6, 150, 3)
    assert (factor.solve(B) - torch.linalg.solve(dense, B)).norm() <= 150 * eps * condition * torch.linalg.solve(
        dense, B
    ).norm()
    diagonal = torch.linalg.inv(dense).diagonal()
    assert ((factor.inverse_diagonal() - diagonal).abs() <= 150 * eps * condition * diagonal).all()
    assert torch.equal(matrix.dense(), dense), "the matrix stays as it is"


def test_cholesky_goes_on_from_its_panels_to_the_bit():
    matrix = gram(7, 100, 16)
    kept: list[torch.Tensor] = []
    whole = cholesky(matrix, observe=kept.append)
    resumed = cholesky(matrix, done=kept[:3])
    assert all(torch.equal(a, b) for a, b in zip(whole.panels.panels, resumed.panels.panels, strict=True))


def test_cholesky_names_where_it_fails():
    matrix = gram(8, 60, 16)
    matrix.panels[2][:, 32:].diagonal().sub_(5)
    with pytest.raises(NotPositiveDefiniteError, match="rows 32 to 47"):
        cholesky(matrix)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_conjugate_gradients_solve_to_the_tolerance(dtype, tolerance):
    matrix = gram(9, 400, 64, dtype, bandwidth=0.7)
    y = points(10, 400, 4)
    y[:, 2] = 0
    solved = conjugate_gradients(matrix, y, nystrom_preconditioner(matrix, 100), tolerance=tolerance)
    dense = matrix.dense().double()
    assert solved.converged
    assert ((dense @ solved.solution - y).norm(dim=0) <= 1.01 * tolerance * y.norm(dim=0)).all()
    exact = torch.linalg.solve(dense, y)
    condition = float(torch.linalg.cond(dense))
    assert (solved.solution - exact).norm() <= 2 * tolerance * condition * exact.norm()
    assert not solved.solution[:, 2].any()


def test_the_preconditioner_saves_iterations():
    matrix = gram(11, 600, 128, bandwidth=0.8)
    y = points(12, 600, 1)
    few = conjugate_gradients(matrix, y, nystrom_preconditioner(matrix, 2), tolerance=1e-8).iterations
    many = conjugate_gradients(matrix, y, nystrom_preconditioner(matrix, 400), tolerance=1e-8).iterations
    assert many < few / 2


def test_the_preconditioner_is_at_least_the_identity():
    """P^-1 <= I is what the eigenvalue bound builds on, whatever the accuracy of U."""
    matrix = gram(13, 120, 32, torch.float32)
    preconditioner = nystrom_preconditioner(matrix, 60)
    inverse = preconditioner.inverse(torch.eye(120, dtype=torch.float64))
    values = torch.linalg.eigvalsh((inverse + inverse.T) / 2)
    assert values[0] > 0
    assert values[-1] <= 1 + 1e-5  # rounding of U in float32
    root = preconditioner.root(preconditioner.root(torch.eye(120, dtype=torch.float64)))
    assert (preconditioner.inverse(root) - torch.eye(120)).abs().max() < 1e-2 * float(preconditioner.eigenvalues[0])


def test_conjugate_gradients_go_on_to_the_bit():
    matrix, y = gram(14, 200), points(15, 200, 3)
    preconditioner = nystrom_preconditioner(matrix, 40)
    states: list[KrylovState] = []
    whole = conjugate_gradients(matrix, y, preconditioner, tolerance=1e-10, observe=states.append)
    for at in (0, len(states) // 2, len(states) - 1):
        resumed = conjugate_gradients(matrix, y, preconditioner, tolerance=1e-10, state=states[at])
        assert torch.equal(resumed.solution, whole.solution)
        assert resumed.iterations == whole.iterations


def test_a_singular_matrix_ends_the_iteration():
    X = points(18, 80, 3).float()
    matrix = gram_from_blocks(Linear(), [(X,)], height=32).training
    y = points(19, 80, 1)
    solved = conjugate_gradients(matrix, y, nystrom_preconditioner(matrix, 10), tolerance=1e-4)
    assert not solved.converged


def test_too_few_iterations_are_reported():
    matrix, y = gram(16, 200), points(17, 200, 1)
    solved = conjugate_gradients(matrix, y, nystrom_preconditioner(matrix, 4), tolerance=1e-12, max_iterations=3)
    assert not solved.converged
    assert solved.iterations == 3
    assert solved.relative_residual > 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_lanczos_in_float32_does_not_overstate(seed):
    """The precision in which it is used. Rounding of the products moves eigenvalues by about eps ||K||."""
    matrix = gram(seed, 300, 64, torch.float32, bandwidth=0.5 + 0.03 * seed)
    values = torch.linalg.eigvalsh(matrix.dense().double())
    likely = bound_by_lanczos(matrix, nystrom_preconditioner(matrix, 150), seed=seed)
    assert 0.01 * values[0] < likely.value <= values[0] + 1e-6 * values[-1]


@pytest.mark.parametrize("seed", range(10))
def test_eigenvalue_bounds_hold_and_are_useful(seed):
    matrix = gram(seed, 300, 64, bandwidth=0.5 + 0.02 * seed)
    smallest = float(torch.linalg.eigvalsh(matrix.dense())[0])
    proved = bound_by_cholesky(matrix, smallest)
    assert proved.evidence == "cholesky"
    assert 0.9 * smallest < proved.value <= smallest
    likely = bound_by_lanczos(matrix, nystrom_preconditioner(matrix, 150), seed=seed)
    assert likely.evidence == "lanczos"
    assert 0.01 * smallest < likely.value <= smallest


def test_eigenvalue_bounds_do_not_overstate():
    """An estimate that is too large must not become a bound, nor an indefinite matrix look definite."""
    matrix = gram(30, 100, 32)
    smallest = float(torch.linalg.eigvalsh(matrix.dense())[0])
    assert bound_by_cholesky(matrix, 1.05 * smallest).value <= smallest
    assert bound_by_cholesky(matrix, 100 * smallest).value <= smallest
    negative = SymmetricPanels(tuple(panel.clone() for panel in matrix.panels))
    negative.add_to_diagonal(-2 * smallest)
    assert bound_by_cholesky(negative, smallest).value <= 0
    assert bound_by_lanczos(negative, nystrom_preconditioner(matrix, 50)).value <= 0
