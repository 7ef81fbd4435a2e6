"""Directions that round nothing where they can, and what they round where they cannot."""

from fractions import Fraction

import numpy as np
import pytest

from theory.common.arrays import BeyondFloat64Error
from theory.expressivity import projection, relu_interpolant
from theory.expressivity.projection import (
    blocks,
    is_exact_projection,
    project,
    project_sample,
    projection_error,
)

ONES = np.ones(2)
LARGEST = 2**53


@pytest.mark.parametrize(
    ("points", "extent"), [([3, 5], 2), ([-4, 1, 2], 6), ([-4], 4), ([0.25], 0.25), ([0], 1), ([[0, 0]], 1)]
)
def test_the_extent_is_the_range_or_the_magnitude_of_a_single_point(points, extent):
    assert project_sample(points, np.zeros(len(points)), 0).extent == extent


@pytest.mark.parametrize("largest", [1, 85, 255, 2**20 + 1, 2**49, 2**50, 2**51 // 3])
@pytest.mark.parametrize("signs", [[0, 1], [-1, 0], [-1, 1]])
def test_integers_are_projected_without_rounding_by_all_the_bits_there_are(largest, signs):
    """Sums of |a_k x_k| stay below 2^53; with weights of one bit more they need not."""
    d = 3
    points = np.array([[sign * largest] * d for sign in signs])
    weights = []
    for seed in range(40):
        direction = project_sample(points, [0, 1], seed).direction
        np.testing.assert_array_equal(direction, np.rint(direction))
        assert int(np.abs(direction).sum()) * largest < LARGEST
        weights.append(int(np.abs(direction).max()))
    assert max(weights) * d * largest > 0.9 * 2**52


def test_integers_whose_sums_do_not_fit_are_projected_with_rounding():
    points = np.array([[2**52, 1], [2**52, 2]])
    direction = project_sample(points, [0, 1], 0).direction
    assert not is_exact_projection(points, direction)
    assert (direction != np.rint(direction)).any()


@pytest.mark.parametrize(
    ("points", "direction", "exact"),
    [
        ([[LARGEST - 2**21, 1]], ONES, True),
        ([[LARGEST - 1, 2]], ONES, False),  # 2^53 + 1, which rounds to 2^53
        ([[1, 1], [LARGEST - 1, 2]], ONES, False),  # one row is enough
        ([[LARGEST - 1, 2], [1, 1]], ONES, False),
        ([[LARGEST - 1, -2]], ONES, False),  # another order may add 2 to the next number
        ([[LARGEST - 1.0, 2.0]], ONES, False),
        ([[LARGEST // 2 + 1, 1]], ONES, True),
        ([[LARGEST // 2 + 1.0, 0.0]], ONES, True),
        ([[LARGEST // 4 + 1, 1]], [0.5, 0.5], True),
        ([[LARGEST - 1, 1]], [0.5, 0.25], False),
        ([[1.0, 2.0**-52]], ONES, True),
        ([[1.0, 2.0**-53]], ONES, False),
        ([[0.0, 0.0]], ONES, True),
        ([[3 * 2.0**-600, 0.0]], 2.0**-400 * ONES, True),
        ([[2.0**-600, 0.0]], 2.0**-600 * ONES, False),  # underflows
    ],
)
def test_exact_projections_by_hand(points, direction, exact):
    """The largest sum of |a_k x_k| against 2^53, less 1e-10 of it, times the last place that any product has."""
    points = np.array(points)
    assert is_exact_projection(points, np.asarray(direction)) is exact
    assert (projection_error(points, np.asarray(direction)) == 0).all() == exact


@pytest.mark.parametrize(
    ("points", "direction"),
    [
        ([[0.1, 0.7, -0.3], [1e9, 1.0, -1e-9]], [0.3, -0.6, 1.1]),
        ([[3 * 2.0**-1074, 2.0**-1074, 0.0]], [0.5, 0.3, 1.0]),  # below the least number
        ([[0.1 * 2.0**-500, -0.3, 0.7 * 2.0**500]], [2.0**-500, 0.3, 2.0**-500]),
    ],
)
def test_the_error_of_a_projection_bounds_twice_that_of_any_order(points, direction):
    points, direction = np.array(points), np.array(direction)
    bound = projection_error(points, direction)
    a = [Fraction(weight) for weight in direction.tolist()]
    for row, rounded, largest in zip(points.tolist(), project(points, direction).tolist(), bound.tolist(), strict=True):
        terms = [weight * Fraction(x) for weight, x in zip(a, row, strict=True)]
        assert 2 * abs(Fraction(rounded) - sum(terms)) <= largest
        magnitude = sum(map(abs, terms))
        u = Fraction(1, 2**53)
        expected = 2 * (3 * u / (1 - 3 * u)) * magnitude + Fraction(3, 2**1074)
        assert largest == pytest.approx(float(expected), rel=1e-15, abs=2.0**-1074)


def test_blocks_fit_in_memory_and_hold_at_least_one_row(monkeypatch):
    monkeypatch.setattr(projection, "_BLOCK_BYTES", 100)
    assert list(blocks(7, 30)) == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert list(blocks(2, 101)) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize("exponent", [-900, -700, -401, 401, 700, 900])
@pytest.mark.parametrize("seed", range(5))
def test_a_single_coordinate_of_any_scale_is_projected_without_rounding(exponent, seed):
    points = np.ldexp(np.array([0.1, 0.3, -0.7]), exponent)
    sample = project_sample(points, [0, 1, 2], seed)
    assert np.frexp(sample.direction)[0] == 0.5, "a power of two"
    np.testing.assert_array_equal(sample.z / sample.direction, np.sort(points))
    assert 2.0**-400 <= sample.extent <= 2.0**400


@pytest.mark.parametrize("label", [2.0**-480, 1.0, 2.0**500])
@pytest.mark.parametrize("exponent", [-1000, -700, 0, 700, 1000])
def test_labels_and_points_of_opposite_scales_are_interpolated(exponent, label):
    points, labels = np.ldexp([0.0, 1.0, 3.0], exponent), label * np.array([0.0, 1.0, -1.0])
    np.testing.assert_allclose(relu_interpolant(points, labels)(points), labels, rtol=1e-15)


def test_points_whose_range_overflows():
    points = [1.7e308, 0.1, -1.7e308]
    np.testing.assert_allclose(relu_interpolant(points, [1, 2, 3])(points), [1, 2, 3], rtol=1e-15)


@pytest.mark.parametrize("sign", [-1, 1])
def test_coordinates_of_very_different_scales_are_scaled_by_their_largest_magnitudes(sign):
    """No coordinate alone separates these: rows 1 and 2 differ in the second only, rows 0 and 3 in the first."""
    points = sign * np.array([[-(2.0**600), 1.0], [1.0, 2.0], [1.0, 4.0], [-(2.0**599), 1.0]])
    labels = np.arange(4.0)
    np.testing.assert_allclose(relu_interpolant(points, labels)(points), labels, atol=1e-9)


def test_labels_below_2_to_the_minus_500_are_refused():
    least = 2.0**-500
    sample = project_sample([0, 1, 2], [0.0, -least, 1.0], 0)
    np.testing.assert_array_equal(sample.labels[:, 0], [0.0, -least, 1.0])
    with pytest.raises(BeyondFloat64Error, match="rescale the labels"):
        project_sample([0, 1, 2], [0.0, -np.nextafter(least, 0), 1.0], 0)


@pytest.mark.parametrize(("rows", "more"), [(6, ""), (7, r" \(and 1 more pairs\)")])
def test_at_most_five_pairs_of_equal_points_are_named(rows, more):
    with pytest.raises(ValueError, match=rf"rows 0 and 1, 0 and 2, 0 and 3, 0 and 4, 0 and 5{more}: no function"):
        project_sample(np.ones((rows, 2)), np.arange(rows), 0)
