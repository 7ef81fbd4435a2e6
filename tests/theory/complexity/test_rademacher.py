"""Rademacher complexities against values worked by hand, brute force, and closed forms of binomial sums."""

import itertools
import math

import numpy as np
import pytest
import torch

from theory.common.streams import words
from theory.complexity import (
    all_signs,
    finite_complexity,
    finite_complexity_bound,
    kernel_complexity,
    kernel_complexity_bound,
    linear_complexity,
    linear_complexity_bound,
    rademacher_bound,
    rademacher_of_fitter,
    random_signs,
)


def mean_absolute_sum(n):
    """E |sum of n signs| = n C(n - 1, floor((n - 1)/2)) / 2^(n - 1)."""
    return n * math.comb(n - 1, (n - 1) // 2) / 2 ** (n - 1)


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_linear_on_one_repeated_point(n):
    points = np.tile([3.0, 4.0], (n, 1))
    assert linear_complexity(points, 2.0).value == pytest.approx(2 * 5 * mean_absolute_sum(n) / n, rel=1e-14)


def test_linear_on_orthogonal_points_is_the_bound():
    points = np.diag([1.0, 2.0, 3.0])  # every signed sum has norm sqrt(14)
    expected = 0.5 * math.sqrt(14) / 3
    assert linear_complexity(points, 0.5).value == pytest.approx(expected, rel=1e-14)
    assert linear_complexity_bound(points, 0.5) == pytest.approx(expected, rel=1e-14)


def test_linear_is_the_mean_over_signs():
    points = np.random.default_rng(0).standard_normal((6, 2))
    sums = [np.linalg.norm(np.array(signs) @ points) for signs in itertools.product((-1, 1), repeat=6)]
    complexity = linear_complexity(points, 3.0)
    assert complexity.value == pytest.approx(3 * np.mean(sums) / 6, rel=1e-13)
    assert (complexity.lower, complexity.upper, complexity.failure_probability) == (
        complexity.value,
        complexity.value,
        0,
    )


@pytest.mark.parametrize("seed", range(10))
def test_interval_holds_the_exact_value(seed):
    n = 40
    complexity = linear_complexity(np.ones((n, 1)), sign_vectors=200, failure_probability=0.01, seed=seed)
    assert complexity.lower <= mean_absolute_sum(n) / n <= complexity.upper
    # sqrt(2 n log(2/0.01) / 200) / n
    assert complexity.upper - complexity.value == pytest.approx(math.sqrt(2 * math.log(200) / 200 / n), rel=1e-12)
    assert complexity.value != linear_complexity(np.ones((n, 1)), sign_vectors=200, seed=seed + 100).value


def test_linear_in_blocks_of_any_dtype(monkeypatch):
    points = np.random.default_rng(1).integers(0, 256, (30, 2, 3), dtype=np.uint8)
    whole = linear_complexity(points.astype(np.float64)).value
    monkeypatch.setattr(
        "theory.complexity.rademacher.blocks", lambda rows, _: (slice(i, i + 7) for i in range(0, rows, 7))
    )
    for same in (points, torch.from_numpy(points), points.astype(np.float32)):
        assert linear_complexity(same).value == pytest.approx(whole, rel=1e-14)


@pytest.mark.parametrize("n", [7, 30])
def test_kernel_ball_of_the_linear_kernel(n):
    points = np.random.default_rng(2).standard_normal((n, 4))
    linear, kernel = linear_complexity(points, 1.5, seed=3), kernel_complexity(points @ points.T, 1.5, seed=3)
    for linear_value, kernel_value in zip(
        (linear.value, linear.lower, linear_complexity_bound(points, 1.5)),
        (kernel.value, kernel.lower, kernel_complexity_bound(points @ points.T, 1.5)),
        strict=True,
    ):
        assert linear_value == pytest.approx(kernel_value, rel=1e-12)


def test_finite_classes_by_hand():
    vector = np.array([[1.0, -1.0, 1.0, 1.0, -1.0]])
    assert finite_complexity(vector).value == 0
    assert finite_complexity(np.concatenate([vector, -vector])).value == pytest.approx(mean_absolute_sum(5) / 5)
    assert finite_complexity(all_signs(6)).value == 1
    assert finite_complexity_bound(vector) == 0
    assert finite_complexity_bound(all_signs(6)) == pytest.approx(math.sqrt(2 * math.log(2)))
    # Equal functions count once; the bound of two is sqrt(5) sqrt(2 log 2) / 5.
    doubled = np.concatenate([vector, -vector, vector])
    assert finite_complexity_bound(doubled) == pytest.approx(math.sqrt(2 * math.log(2) / 5))


@pytest.mark.parametrize("seed", range(5))
def test_finite_class_below_massart_and_equal_to_brute_force(seed):
    random = np.random.default_rng(seed)
    values = random.uniform(-1, 1, (9, 7)) * random.uniform(0, 2, (9, 1))
    brute = np.mean([max(np.dot(signs, row) for row in values) / 7 for signs in itertools.product((-1, 1), repeat=7)])
    exact = finite_complexity(values)
    assert exact.value == pytest.approx(brute, rel=1e-12)
    assert exact.value <= finite_complexity_bound(values)
    estimate = finite_complexity(np.tile(values, 3), sign_vectors=500, failure_probability=1e-6, seed=seed)
    assert estimate.lower < estimate.value < estimate.upper
    assert estimate.upper - estimate.lower == pytest.approx(
        2 / 21 * math.sqrt(2 * 3 * (np.abs(values).max(0) ** 2).sum() * math.log(2e6) / 500)
    )


def test_fitter_that_fits_everything_or_nothing():
    fits = rademacher_of_fitter(lambda signs, seed: signs, 8, None)
    assert (fits.value, fits.lower, fits.upper, fits.sign_vectors) == (1, 1, 1, 256)
    estimate = rademacher_of_fitter(lambda signs, seed: torch.from_numpy(signs), 200, 5, failure_probability=0.01)
    assert estimate.value == 1
    assert estimate.lower == pytest.approx(1 - math.sqrt(2 * math.log(100) / 1000))
    ignores = rademacher_of_fitter(lambda signs, seed: np.ones(8), 8, None)
    assert ignores.value == 0


def test_fitter_gets_a_seed_for_each_sign_vector_and_is_below_the_supremum():
    points = np.random.default_rng(4).standard_normal((10, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    seeds = []

    def fit(signs, seed):
        seeds.append(seed)
        w = np.linalg.lstsq(points, signs, rcond=None)[0]
        return points @ (w / np.linalg.norm(w))

    attained = rademacher_of_fitter(fit, 10, None, seed=7)
    assert seeds == list(range(7, 7 + 1024))
    exact = linear_complexity(points).value
    assert 0.8 * exact < attained.value <= exact


def test_random_signs_are_the_same_for_ever_and_row_by_row():
    signs = random_signs(130, 400, 5)
    assert signs.shape == (400, 130)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    np.testing.assert_array_equal(signs[:3], random_signs(130, 3, 5))
    # Means of 400 independent signs: six standard deviations.
    assert np.abs(signs.mean(0)).max() < 6 / 20
    # Sign i is bit i of the row's words, whatever the machine's byte order.
    bits = words(5, "rademacher-signs", [2], 3)[0]
    expected = [2.0 * (int(bits[i // 64]) >> (i % 64) & 1) - 1 for i in range(130)]
    np.testing.assert_array_equal(signs[2], expected)
    np.testing.assert_array_equal(random_signs(8, 2, 0), [[1, -1, 1, -1, 1, -1, 1, 1], [1, 1, -1, -1, -1, 1, -1, 1]])


def test_bound_by_hand():
    bound = rademacher_bound(0.1, 0.2, 10_000, failure_probability=2 * math.exp(-2))
    assert bound.value == pytest.approx(0.1 + 0.2 + 3 * math.sqrt(2 / 20_000))
    assert not bound.vacuous
    assert rademacher_bound(0.0, 1.0, 10**9).vacuous


def test_results_say_how_they_came_about():
    vector = np.ones((1, 16))
    exact = finite_complexity(vector)
    assert (exact.failure_probability, exact.sign_vectors) == (0, 2**16), "16 signs are enumerated"
    estimate = finite_complexity(np.ones((1, 17)), sign_vectors=10, failure_probability=0.1)
    assert (estimate.failure_probability, estimate.sign_vectors) == (0.1, 10)
    everything = rademacher_of_fitter(lambda signs, seed: signs / 2, 3, None)
    assert (everything.value, everything.lower, everything.upper) == (0.5, 0.5, 1)
    assert (everything.failure_probability, everything.sign_vectors) == (0, 8)
    fitter_estimate = rademacher_of_fitter(lambda signs, seed: signs / 2, 3, 4, failure_probability=0.1)
    assert (
        fitter_estimate.value,
        fitter_estimate.upper,
        fitter_estimate.failure_probability,
        fitter_estimate.sign_vectors,
    ) == (0.5, 1, 0.1, 4)


def test_the_ends_of_arguments():
    assert all_signs(1).tolist() == [[-1], [1]]
    assert all_signs(16).shape == (2**16, 16)
    assert random_signs(1, 1, 0).shape == (1, 1)
    for n, count in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="n and the number of sign vectors must be at least 1"):
            random_signs(n, count, 0)
    with pytest.raises(ValueError, match="n = 0"):
        all_signs(0)
    with pytest.raises(ValueError, match="outside"):
        rademacher_of_fitter(lambda signs, seed: np.array([0.0, 2.0, 0.0]), 3)
    # A point at the origin is a row and a column of zeros; of the other two, each sum has norm sqrt(2).
    assert kernel_complexity(np.diag([1.0, 0.0, 1.0])).value == pytest.approx(math.sqrt(2) / 3)
    with pytest.raises(ValueError, match="negative diagonal"):
        kernel_complexity(np.diag([1.0, -1.0]))
    assert linear_complexity(np.ones((2, 1)), 0.0).value == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_complexity(np.ones((3, 2)), -1.0), "radius must be finite and not negative"),
        (lambda: linear_complexity(np.ones((30, 2)), failure_probability=0.0), "failure_probability must lie"),
        (lambda: kernel_complexity(np.ones((3, 2))), "gram must be a symmetric matrix"),
        (lambda: kernel_complexity(-np.eye(2)), "negative diagonal"),
        (lambda: all_signs(17), "draw them instead"),
        (lambda: random_signs(3, 0, 0), "at least 1"),
        (lambda: rademacher_of_fitter(lambda s, _: s[:2], 3), "3 values, one for each sign, got shape"),
        (lambda: rademacher_of_fitter(lambda s, _: 2 * s, 3), "threshold them by their sign, or clip"),
        (lambda: rademacher_of_fitter(lambda s, _: s * np.nan, 3), "outside"),
        (lambda: rademacher_bound(5.0, 1.0, 10), "a share between 0 and 1"),
        (lambda: rademacher_bound(0.0, 1.0, 0), "at least 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("gram", [[[0.0, 1.0], [1.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]], [[1e300, 2e300], [2e300, 1e300]]])
def test_an_indefinite_gram_matrix_is_named(gram):
    for complexity in (kernel_complexity, kernel_complexity_bound):
        with pytest.raises(ValueError, match="indefinite"):
            complexity(gram)


def test_a_gram_matrix_in_float32_is_none():
    points = np.random.default_rng(0).standard_normal((20, 3000)).astype(np.float32)
    twice = np.concatenate([points, points])
    assert kernel_complexity(twice @ twice.T).value > 0


@pytest.mark.parametrize("complexity", [-5.0, -1e-300, math.nan])
def test_a_bound_takes_no_negative_complexity(complexity):
    with pytest.raises(ValueError, match="complexity must be a number of at least 0"):
        rademacher_bound(0.0, complexity, 10)
