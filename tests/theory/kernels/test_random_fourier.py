"""Random Fourier features against the Gaussian kernel, least squares of minimum norm against the pseudo-inverse."""

import numpy as np
import pytest
import torch

from theory.common.streams import generator
from theory.kernels import Gaussian
from theory.kernels.random_fourier import dual_coefficients, minimum_norm_coefficients, random_fourier_features


@pytest.mark.parametrize("d", [3, 4])
def test_products_are_the_gaussian_kernel_up_to_hoeffdings_error(d):
    points = generator(0, "fourier-points").standard_normal((12, d))
    count = 20_000
    features = random_fourier_features(points, count, 1.5)
    X = torch.from_numpy(points)
    kernel = Gaussian(1.5).block(X, X).numpy()
    # 12 * 13 / 2 products, each beyond this with probability at most 1e-9
    assert np.abs(features @ features.T - kernel).max() < (8 * np.log(2e9) / count) ** 0.5
    few = random_fourier_features(points, 100, 1.5)
    np.testing.assert_allclose(few * 100**0.5, features[:, :100] * count**0.5, atol=1e-12)
    block = random_fourier_features(points, count, 1.5, only=range(7, 30))
    np.testing.assert_allclose(block, features[:, 7:30], atol=1e-15)
    assert random_fourier_features(points, count, 1.5, only=range(0)).shape == (12, 0)


@pytest.mark.parametrize(("n", "count"), [(20, 5), (20, 19), (20, 20), (20, 21), (20, 200)])
def test_coefficients_are_those_of_the_pseudo_inverse(n, count):
    random = generator(0, f"fourier-{n}-{count}")
    features, targets = random.standard_normal((n, count)), random.standard_normal((n, 3))
    coefficients = minimum_norm_coefficients(features, targets)
    np.testing.assert_allclose(coefficients, np.linalg.pinv(features) @ targets, atol=1e-7)
    if count >= n:
        np.testing.assert_allclose(features @ coefficients, targets, atol=1e-7)
        alpha = dual_coefficients(features @ features.T, targets, count)
        np.testing.assert_allclose(features.T @ alpha, coefficients, atol=1e-7)


def test_equal_samples_do_not_break_it():
    features = np.ones((4, 6))
    np.testing.assert_allclose(minimum_norm_coefficients(features, np.ones((4, 1))), np.full((6, 1), 1 / 6))
    np.testing.assert_allclose(dual_coefficients(np.full((4, 4), 6.0), np.ones((4, 1)), 6), np.full((4, 1), 1 / 24))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: random_fourier_features(np.ones(3), 2, 1.0), "a matrix"),
        (lambda: random_fourier_features(np.ones((3, 2)), 0, 1.0), "count must be at least 1"),
        (lambda: random_fourier_features(np.ones((3, 2)), 2, 0.0), "bandwidth"),
        (lambda: minimum_norm_coefficients(np.ones((3, 2)), np.ones((2, 1))), "each of the 3 rows"),
        (lambda: random_fourier_features(np.ones((3, 2)), 4, 1.0, only=range(2, 5)), "columns from 0 to 3"),
        (lambda: random_fourier_features(np.ones((3, 2)), 4, 1.0, only=range(-1, 2)), "columns from 0 to 3"),
        (lambda: dual_coefficients(np.ones((3, 2)), np.ones((3, 1)), 4), "as many rows"),
        (lambda: dual_coefficients(np.ones((3, 3)), np.ones((2, 1)), 4), "as many rows"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
