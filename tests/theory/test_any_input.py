"""Scale, order, duplicates and near-duplicates for kernels and constructions: the right answer, or an error by name.

Least squares and the conic references have such tests beside their own: `least_squares/test_any_scale.py`,
`implicit_bias/test_units.py`.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.common.arrays import BeyondFloat64Error
from theory.complexity import linear_complexity, linear_complexity_bound
from theory.expressivity import exact_relu_interpolant, interpolate, relu_interpolant
from theory.expressivity.deep import deep_relu_interpolant
from theory.expressivity.exact_network import mislabelled
from theory.expressivity.narrow import memorize_narrow
from theory.kernels import (
    ArcCosine,
    Gaussian,
    KernelInterpolationClassifier,
    KernelInterpolator,
    Laplacian,
    Linear,
    NeuralTangent,
)
from theory.least_squares.estimators import MinimumNormRegressor

exponents = st.integers(-500, 500)
few = settings(max_examples=12, deadline=None)
ANGULAR = [ArcCosine(0), ArcCosine(1), NeuralTangent(2), Linear()]


def sample(n=5, d=3):
    random = np.random.default_rng(0)
    return random.standard_normal((n, d)), random.standard_normal(n)


@pytest.mark.parametrize("kernel", [Gaussian(1.0), Laplacian(1.0), *ANGULAR])
@few
@given(a=exponents, b=exponents)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_kernels_in_any_unit(kernel, a, b):
    X, y = sample(3 if isinstance(kernel, Linear) else 5)
    plain = KernelInterpolator(kernel).fit(X, y)
    try:
        scaled_kernel = type(kernel)(float(np.ldexp(1.0, a))) if isinstance(kernel, Gaussian | Laplacian) else kernel
        model = KernelInterpolator(scaled_kernel).fit(np.ldexp(X, a), np.ldexp(y, b))
        outputs = model.predict(np.ldexp(X[:2] + 0.1, a))
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert abs(a) > 140
        assert "another unit" in refusal or "larger unit" in refusal or "smaller unit" in refusal
        return
    np.testing.assert_allclose(np.ldexp(outputs, -b), plain.predict(X[:2] + 0.1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
@few
@given(a=exponents, b=exponents)
def test_constructions_in_any_unit(depth, a, b):
    X, y = sample()
    points, labels = np.ldexp(X, a), np.ldexp(y, b)
    network = interpolate(points, labels, depth=depth)
    assert np.abs(np.ldexp(network(points), -b) - y).max() <= 1e-3
    exact = exact_relu_interpolant(points, labels, depth=depth)
    np.testing.assert_array_equal(exact(points), labels)
    try:
        rounded = relu_interpolant(points, labels) if depth == 2 else deep_relu_interpolant(points, labels, depth)
    except BeyondFloat64Error:
        return
    bounds = rounded.error_bound(points, labels, "pairwise")
    assert (np.abs(rounded.sum_of_relus(points) - labels) <= bounds).all()
    assert np.ldexp(bounds, -b).max() <= 1e-6


@few
@given(order=st.permutations(range(8)), distance=st.sampled_from([0.0, 1e-15, 1e-12, 1e-6]), kernel=st.sampled_from(
    [Gaussian(1.0), Laplacian(0.5), ArcCosine(0), ArcCosine(1), NeuralTangent(3)]))  # fmt: skip
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_kernels_with_near_duplicates_in_any_order(order, distance, kernel):
    X, y = sample(6)
    X = np.concatenate([X, X[:2] + distance])
    y = np.append(y, [y[0], y[1] + 1])
    plain = KernelInterpolator(kernel).fit(X, y)
    reordered = KernelInterpolator(kernel).fit(X[list(order)], y[list(order)])
    # The labels, or an honest residual; the same residual in any order.
    for model, points, labels in ((plain, X, y), (reordered, X[list(order)], y[list(order)])):
        missed = np.linalg.norm(model.predict(points) - labels) / np.linalg.norm(labels)
        assert missed <= model.interpolation_.relative_residual * (1 + 1e-6) + 1e-15
    if plain.interpolation_.solver == reordered.interpolation_.solver == "eigenvalues":
        np.testing.assert_allclose(plain.predict(X[:1]), reordered.predict(X[:1]), atol=1e-3)


@few
@given(order=st.permutations(range(7)), distance=st.sampled_from([0.0, 1e-300, 5e-324, 1e-15, 1e-6]))
def test_constructions_with_near_duplicates_in_any_order(order, distance):
    X, y = sample(5, 2)
    X = np.concatenate([X, np.zeros((1, 2)), np.full((1, 2), distance)])
    y = np.append(y, [1.0, 1.0 if distance == 0 else 2.0])
    points, labels = X[list(order)], y[list(order)]
    network = interpolate(points, labels)
    assert np.abs(network(points) - labels).max() <= 2e-3
    np.testing.assert_array_equal(exact_relu_interpolant(points, labels)(points), labels)
    assert np.abs(interpolate(points, labels, depth=3)(points) - labels).max() <= 2e-3
    classes = (labels > 1).astype(int)
    assert mislabelled(memorize_narrow(points, classes).network, points, classes) == []


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32, np.uint8, bool, "torch", "list"])
def test_dtypes(dtype):
    X = np.array([[0, 1], [1, 0], [1, 1]])
    y = np.array([1, 0, 1])
    convert = {"torch": torch.tensor, "list": np.ndarray.tolist}.get(dtype, lambda array: array.astype(dtype))
    reference = interpolate(X, y)(X)
    np.testing.assert_allclose(interpolate(convert(X), convert(y))(convert(X)), reference, atol=1e-9)
    assert mislabelled(memorize_narrow(convert(X), convert(y)).network, convert(X), y) == []
    if dtype == np.float16:
        return  # scikit-learn's estimators below take it as float64 as well
    model = KernelInterpolator(Gaussian(1.0), precision="float64").fit(convert(X), convert(y))
    np.testing.assert_allclose(model.predict(convert(X)), y, atol=1e-9)
    np.testing.assert_allclose(MinimumNormRegressor().fit(convert(X), convert(y)).predict(convert(X)), y, atol=1e-9)


@few
@given(a=st.integers(-300, 300))
def test_complexity_of_linear_functions_in_any_unit(a):
    X, _ = sample()
    plain, scaling = linear_complexity(X).value, linear_complexity(np.ldexp(X, a)).value
    np.testing.assert_allclose(np.ldexp(scaling, -a), plain, rtol=1e-12)
    np.testing.assert_allclose(
        np.ldexp(linear_complexity_bound(np.ldexp(X, a)), -a), linear_complexity_bound(X), rtol=1e-12
    )


def test_classes_of_repeated_points_are_those_of_their_mean():
    X = np.array([[0.0], [0.0], [0.0], [5.0]])
    with pytest.warns(match="nearly singular"):
        model = KernelInterpolationClassifier(Gaussian(1.0)).fit(X, ["a", "b", "b", "a"])
    assert model.predict([[0.0], [5.0]]).tolist() == ["b", "a"]
