"""Equal points, parallel points, and points that are near in comparison with their norms."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from theory.kernels import (
    ArcCosine,
    Gaussian,
    KernelInterpolationClassifier,
    KernelInterpolator,
    Laplacian,
    Linear,
    NeuralTangent,
    Polynomial,
    gram_from_blocks,
)
from theory.kernels.kernels import EPS


def test_one_point_with_two_labels_gets_their_mean():
    with pytest.warns(ConvergenceWarning, match="nearly singular"):
        model = KernelInterpolator(Laplacian(1.0)).fit([[1, 2], [1, 2], [3, 4]], [1, 3, 2])
    assert model.interpolation_.solver == "eigenvalues"
    # Two points at distance 2 sqrt(2) with labels 2 and 2, and an error of 1 on each of (1, 3): sqrt(2) of sqrt(14).
    k = np.exp(-2 * np.sqrt(2))
    assert model.norms_[0] == pytest.approx(np.sqrt(8 / (1 + k)), rel=1e-12)
    assert model.interpolation_.relative_residual == pytest.approx(np.sqrt(2 / 14), rel=1e-9)
    np.testing.assert_allclose(model.predict([[1, 2], [3, 4]]), [2, 2], rtol=1e-12)


def test_parallel_points_under_a_kernel_of_the_angle():
    with pytest.warns(ConvergenceWarning):
        model = KernelInterpolator(ArcCosine(0)).fit([[1, 1], [2, 2], [3, -1]], [1, 2, 3])
    np.testing.assert_allclose(model.predict([[1, 1], [2, 2], [3, -1]]), [1.5, 1.5, 3], rtol=1e-12)
    alike = KernelInterpolator(ArcCosine(0)).fit([[1, 1], [2, 2], [3, -1]], [1, 1, 3])
    np.testing.assert_allclose(alike.predict([[7, 7]]), [1], rtol=1e-12)


def test_a_repeated_image_with_another_label_costs_itself_alone():
    images, labels = load_digits(return_X_y=True)
    X, y = images[:300], labels[:300]
    with pytest.warns(ConvergenceWarning):
        model = KernelInterpolationClassifier(ArcCosine(0)).fit(
            np.concatenate([X, X[1:2]]), np.append(y, (y[1] + 1) % 10)
        )
    clean = KernelInterpolationClassifier(ArcCosine(0)).fit(X, y)
    accuracy = np.mean(model.predict(images[300:]) == labels[300:])
    assert accuracy > 0.85
    assert accuracy == pytest.approx(np.mean(clean.predict(images[300:]) == labels[300:]), abs=0.01)


@pytest.mark.parametrize("kernel", [Gaussian(1.0), Laplacian(1.0), ArcCosine(0), NeuralTangent(2), Linear()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_leave_one_out_with_repeated_points_is_what_leaving_one_out_gives(kernel):
    random = np.random.default_rng(0)
    X = random.standard_normal((6, 3))
    X = np.concatenate([X, X[:1], X[2:3], X[2:3]])
    y = random.standard_normal(len(X))
    left_out = KernelInterpolator(kernel, leave_one_out=True).fit(X, y).leave_one_out_predictions_
    for i in range(len(X)):
        refitted = KernelInterpolator(kernel).fit(np.delete(X, i, 0), np.delete(y, i))
        assert left_out[i] == pytest.approx(refitted.predict(X[i : i + 1])[0], abs=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("distance", [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-5])
@pytest.mark.parametrize("kernel", [Gaussian(1.0), Laplacian(1.0), ArcCosine(0), ArcCosine(1), NeuralTangent(3)])
def test_the_residual_is_that_of_predict(kernel, distance):
    random = np.random.default_rng(1)
    X = random.standard_normal((8, 4))
    X = np.concatenate([X, X[:2] + distance * random.standard_normal((2, 4))])
    y = random.standard_normal(len(X))
    model = KernelInterpolator(kernel).fit(X, y)
    measured = np.linalg.norm(model.predict(X) - y) / np.linalg.norm(y)
    assert measured <= model.interpolation_.relative_residual * (1 + 1e-6)


def test_near_points_far_from_the_mean():
    X = np.array([[1e3], [1e3 + 1e-5], [-1e3], [0.0]])
    model = KernelInterpolator(Gaussian(1e-5)).fit(X, [1, 2, 3, 4])
    k, between = np.exp(-0.5), np.exp(-1 / 8)  # the points are 1e-5 apart, up to the rounding of 1e3 + 1e-5
    right = between * (1 + 2) / (1 + k)
    assert model.predict([[1e3 + 0.5e-5]])[0] == pytest.approx(right, rel=1e-6)
    assert right == pytest.approx(1.648, abs=1e-3)
    assert model.certificate_ is not None
    assert model.certificate_.rounding < 1e-9


def test_the_certificate_sees_a_matrix_that_cancelled():
    X = torch.tensor([[1e3], [1e3 + 1e-5], [-1e3], [0.0]], dtype=torch.float64)
    kernel = Gaussian(1e-5)
    exact = gram_from_blocks(kernel, [(X,)]).training.dense()
    cancelled = kernel.from_products(X @ X.T, (X**2).sum(1), (X**2).sum(1))
    assert float((exact - cancelled).abs().max()) > 0.01
    assert float(exact[0, 1]) == pytest.approx(np.exp(-0.5), rel=1e-6)


@pytest.mark.parametrize("kernel", [Gaussian(0.3), Laplacian(0.3), ArcCosine(0), ArcCosine(1), NeuralTangent(3)])
@pytest.mark.parametrize("distance", [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_a_block_agrees_with_arithmetic_of_fifty_digits(kernel, distance):
    mpmath = pytest.importorskip("mpmath")
    random = np.random.default_rng(2)
    x = random.standard_normal(5)
    z = x + distance * random.standard_normal(5)
    with mpmath.workdps(50):
        value = exact_value(mpmath, kernel, [mpmath.mpf(float(a)) for a in x], [mpmath.mpf(float(b)) for b in z])
        for factor in (1.0, -1.0):
            if factor < 0 and kernel.measure == "distance":
                continue
            signed = [mpmath.mpf(float(factor * b)) for b in z]
            expected = exact_value(mpmath, kernel, [mpmath.mpf(float(a)) for a in x], signed)
            block = kernel.block(torch.tensor(x)[None], torch.tensor(factor * z)[None])
            assert abs(float(block[0, 0]) - float(expected)) <= 40 * EPS * float(x @ x + 1)
    assert value > 0


def exact_value(mpmath, kernel, x, z):
    """The definition, in the precision of the context."""
    inner = sum(a * b for a, b in zip(x, z, strict=True))
    norms = mpmath.sqrt(sum(a * a for a in x)) * mpmath.sqrt(sum(b * b for b in z))
    distance = mpmath.sqrt(sum((a - b) ** 2 for a, b in zip(x, z, strict=True)))
    cosine = max(min(inner / norms, mpmath.mpf(1)), mpmath.mpf(-1))

    def kappa_0(c):
        return 1 - mpmath.acos(c) / mpmath.pi

    def kappa_1(c):
        return (mpmath.sqrt(1 - c * c) + (mpmath.pi - mpmath.acos(c)) * c) / mpmath.pi

    if isinstance(kernel, Gaussian):
        return mpmath.exp(-(distance**2) / (2 * mpmath.mpf(kernel.bandwidth) ** 2))
    if isinstance(kernel, Laplacian):
        return mpmath.exp(-distance / mpmath.mpf(kernel.bandwidth))
    if isinstance(kernel, ArcCosine):
        return kappa_0(cosine) if kernel.order == 0 else norms * kappa_1(cosine)
    tangent = cosine
    for _ in range(kernel.depth - 1):
        tangent = tangent * kappa_0(cosine) + kappa_1(cosine)
        cosine = min(kappa_1(cosine), mpmath.mpf(1))
    return norms * tangent


def test_blocks_of_features_measure_near_points_as_points_do():
    random = np.random.default_rng(3)
    X = random.standard_normal((7, 6))
    X = torch.tensor(np.concatenate([X, X[:2], X[:2] * (1 + 1e-9), X[2:3] + 1e-8]))
    Z = X[[0, 3]] + 1e-9
    for kernel in (Gaussian(1.0), Laplacian(0.01), ArcCosine(0), NeuralTangent(2), Polynomial(2)):
        whole = gram_from_blocks(kernel, [(X, Z)], height=3)
        parts = gram_from_blocks(kernel, [(X[:, :2], Z[:, :2]), (X[:, 2:], Z[:, 2:])], height=5)
        scale = float(whole.training.dense().abs().max())
        torch.testing.assert_close(parts.training.dense(), whole.training.dense(), rtol=0, atol=1e-13 * scale)
        torch.testing.assert_close(parts.others[0], whole.others[0], rtol=0, atol=1e-13 * scale)
        torch.testing.assert_close(kernel.block(X, X), whole.training.dense(), rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize(("unit", "message"), [(1e160, "overflow"), (1e-160, "underflow")])
@pytest.mark.parametrize("kernel", [Gaussian(1.0), ArcCosine(1), Linear()])
def test_squares_beyond_the_range_are_refused(kernel, unit, message):
    X = unit * np.array([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=message):
        KernelInterpolator(kernel).fit(X, [1, 2])


@pytest.mark.parametrize("kind", [Gaussian, Laplacian])
@pytest.mark.parametrize("bandwidth", [1e-160, 1e160, 0.0, -1.0, np.nan, np.inf])
def test_bandwidths_that_leave_float64_are_refused(kind, bandwidth):
    with pytest.raises(ValueError, match="bandwidth must be positive and finite"):
        kind(bandwidth)


def test_a_bandwidth_too_small_for_float32():
    with pytest.raises(ValueError, match="use float64"):
        KernelInterpolator(Gaussian(1e-60), precision="float32").fit([[1.0], [2.0]], [1, 2])
