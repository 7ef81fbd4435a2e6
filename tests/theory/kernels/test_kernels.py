"""Kernels against independent formulas, integrals, finite networks and extended precision."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import scipy.integrate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from theory.common.streams import generator
from theory.kernels import KERNELS, ArcCosine, Gaussian, Laplacian, Linear, NeuralTangent, Polynomial
from theory.kernels.kernels import EPS

ALL = [
    Linear(),
    Polynomial(3, 0.5, 2.0),
    Gaussian(1.3),
    Laplacian(0.7),
    ArcCosine(0),
    ArcCosine(1),
    NeuralTangent(2),
    NeuralTangent(4),
]
each_kernel = pytest.mark.parametrize("kernel", ALL, ids=str)


def points(seed: int, n: int, d: int) -> torch.Tensor:
    return torch.from_numpy(generator(seed, "kernel-test-points").standard_normal((n, d)))


@each_kernel
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), d=st.integers(1, 5))
def test_gram_matrices_are_symmetric_and_positive_semi_definite(kernel, seed, n, d):
    X = points(seed, n, d)
    X = torch.cat([X, X[:1], torch.zeros(1, d, dtype=X.dtype), 3 * X[:1]])  # equal points, zero, a multiple
    K = kernel.block(X, X)
    # Equal points: half of the digits of rho near 1 are lost where the kernel is not smooth there (entry_error).
    tolerance = kernel.entry_error(float((X**2).sum(1).max()), (d + 4) * EPS) + 1e-15
    assert (K - K.T).abs().max() <= 2 * tolerance
    assert torch.linalg.eigvalsh((K + K.T) / 2)[0] >= -len(X) * (tolerance + 8 * EPS * float(K.abs().max()))
    assert (K.diagonal() - kernel.diagonal((X**2).sum(1))).abs().max() <= 2 * tolerance + 8 * EPS * float(K.max())


def test_against_scikit_learn():
    X, Z = points(0, 30, 7), points(1, 20, 7)
    np.testing.assert_allclose(Gaussian(1.7).block(X, Z), rbf_kernel(X, Z, gamma=1 / (2 * 1.7**2)), rtol=1e-12)
    np.testing.assert_allclose(
        Polynomial(4, 1.5, 0.3).block(X, Z), polynomial_kernel(X, Z, degree=4, gamma=0.3, coef0=1.5), rtol=1e-11
    )
    np.testing.assert_allclose(Linear().block(X, Z), X @ Z.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(Laplacian(0.9).block(X, Z), torch.exp(-torch.cdist(X, Z) / 0.9), rtol=1e-11)


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, 2.5, math.pi])
@pytest.mark.parametrize("order", [0, 1])
def test_arc_cosine_is_the_mean_over_random_units(order, angle):
    """2 E s(<w, x>) s(<w, z>), w standard normal, s the threshold or the ReLU: in polar coordinates."""
    lengths = (1.5, 0.4)
    x, z = lengths[0] * np.array([1.0, 0.0]), lengths[1] * np.array([math.cos(angle), math.sin(angle)])

    def unit(value: float) -> float:
        return float(value > 0) if order == 0 else max(value, 0.0)

    def integrand(phi: float) -> float:
        w = np.array([math.cos(phi), math.sin(phi)])
        return unit(float(w @ x)) * unit(float(w @ z))

    edges = sorted({(a + b) % (2 * math.pi) for a in (0.0, angle) for b in (math.pi / 2, 3 * math.pi / 2)})
    mean = scipy.integrate.quad(integrand, 0, 2 * math.pi, points=edges, limit=200)[0] / (2 * math.pi)
    expected = 2 * mean * (1 if order == 0 else 2)  # the squared radius has mean 2
    value = ArcCosine(order).block(torch.tensor(x)[None], torch.tensor(z)[None]).item()
    assert value == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("depth", [2, 3])
def test_neural_tangent_kernel_is_the_limit_of_finite_networks(depth):
    """Inner products of a wide random network's gradients: their relative error is of order 1/sqrt(width)."""
    X, width = points(2, 4, 6), 2048
    torch.manual_seed(0)
    sizes = [6, *[width] * (depth - 1), 1]
    weights = [torch.randn(b, a, dtype=torch.float64, requires_grad=True) for a, b in pairwise(sizes)]

    def network(x: torch.Tensor) -> torch.Tensor:
        for layer, weight in enumerate(weights):
            x = x @ weight.T
            if layer < depth - 1:
                x = torch.relu(x) * math.sqrt(2 / width)
        return x[0]

    rows = [torch.cat([g.ravel() for g in torch.autograd.grad(network(x), weights)]) for x in X]
    measured = torch.stack(rows) @ torch.stack(rows).T
    scale = NeuralTangent(depth).diagonal((X**2).sum(1)).sqrt()
    error = (measured - NeuralTangent(depth).block(X, X)) / torch.outer(scale, scale)
    assert error.abs().max() < 6 / math.sqrt(width)


def exact(kernel, x: list[float], z: list[float]) -> mpmath.mpf:
    """The kernel in extended precision, from its definition."""
    p = mpmath.fdot(x, z)
    a, b = mpmath.fdot(x, x), mpmath.fdot(z, z)
    distance = mpmath.fsum((s - t) ** 2 for s, t in zip(map(mpmath.mpf, x), map(mpmath.mpf, z), strict=True))
    if isinstance(kernel, Linear):
        return p
    if isinstance(kernel, Polynomial):
        return (kernel.scale * p + kernel.offset) ** kernel.degree
    if isinstance(kernel, Gaussian):
        return mpmath.exp(-distance / (2 * mpmath.mpf(kernel.bandwidth) ** 2))
    if isinstance(kernel, Laplacian):
        return mpmath.exp(-mpmath.sqrt(distance) / mpmath.mpf(kernel.bandwidth))
    scale = mpmath.sqrt(a * b)
    theta = mpmath.acos(min(p / scale, 1))

    def kappa_1(angle):
        return (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) / mpmath.pi

    if isinstance(kernel, ArcCosine):
        return 1 - theta / mpmath.pi if kernel.order == 0 else scale * kappa_1(theta)
    tangent = mpmath.cos(theta)
    for _ in range(kernel.depth - 1):
        cosine = kappa_1(theta)
        tangent = cosine + tangent * (1 - theta / mpmath.pi)
        theta = mpmath.acos(min(cosine, 1))
    return scale * tangent


@each_kernel
def test_entry_error_covers_rounding_near_and_far(kernel):
    d, worst = 20, 0.0
    X = points(3, 12, d)
    apart = torch.tensor([0, 1e-15, 1e-12, 1e-8, 1e-4, 1e-2, 0.1, 1, -1, 2, -2, 10], dtype=X.dtype)
    Z = X * (1 - (apart.abs() < 0.2) * apart)[:, None] + apart[:, None] * points(4, 12, d)
    K = kernel.block(X, Z)
    squared_norm = float(torch.maximum((X**2).sum(1), (Z**2).sum(1)).max())
    bound = kernel.entry_error(squared_norm, (d + 4) * EPS / 2)
    with mpmath.workdps(60):
        for i in range(12):
            difference = abs(mpmath.mpf(K[i, i].item()) - exact(kernel, X[i].tolist(), Z[i].tolist()))
            worst = max(worst, float(difference))
    assert worst <= bound
    assert bound <= 1e-4 * float(kernel.diagonal(torch.tensor([squared_norm], dtype=torch.float64))[0]), "says nothing"


def test_entry_error_of_a_high_power_near_zero():
    kernel, d = Polynomial(50, 1.0, 1.0), 3
    X = points(5, 8, d) * 1e-2
    K = kernel.block(X, X)
    bound = kernel.entry_error(float((X**2).sum(1).max()), (d + 4) * EPS / 2)
    with mpmath.workdps(60):
        worst = max(
            abs(mpmath.mpf(K[i, j].item()) - exact(kernel, X[i].tolist(), X[j].tolist()))
            for i in range(8)
            for j in range(8)
        )
    assert worst <= bound < 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(0.0), "bandwidth must be positive"),
        (lambda: Laplacian(float("nan")), "bandwidth must be positive"),
        (lambda: Polynomial(0), "integer degree"),
        (lambda: Polynomial(2, -1.0), "offset >= 0"),
        (lambda: ArcCosine(2), "order 0 or 1"),
        (lambda: NeuralTangent(1), "at least 2"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_names_find_the_kernels():
    assert {name: kernel().name for name, kernel in KERNELS.items()} == {name: name for name in KERNELS}
    assert str(Polynomial(2, 0.0, 1.5)) == "polynomial(degree = 2, offset = 0, scale = 1.5)"
