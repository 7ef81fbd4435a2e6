"""The weights' loop against the same loop written with exact sums and products of two floats."""

from dataclasses import astuple
from importlib.util import find_spec

import numpy as np
import pytest

from theory.common.double_double import two_product, two_sum
from theory.expressivity import knots
from theory.expressivity.knots import Position, knot_weights


def plain_weights(z, biases, targets, position):
    """One weight after another, by calls of `two_sum` and `two_product`."""
    slope, slope_low, value, value_low = astuple(position)
    weights = []
    for end, start, target in zip(z, biases, targets, strict=True):
        width, width_low = two_sum(end, -start)
        weight = (((target - value) - value_low) / width - slope) - slope_low
        weights.append(weight)
        slope, error = two_sum(slope, weight)
        slope, slope_low = two_sum(slope, slope_low + error)
        rise, rise_low = two_product(slope, width)
        rise_low += slope_low * width + slope * width_low
        value, error = two_sum(value, rise)
        value, value_low = two_sum(value, value_low + error + rise_low)
    return np.array(weights), Position(*map(float, (slope, slope_low, value, value_low)))


def problem(n: int):
    random = np.random.default_rng(n)
    z = np.cumsum(random.exponential(size=n) ** 4 + 1e-9)
    position = Position(*(random.standard_normal(4) * [1, 1e-17, 1, 1e-17]).tolist())
    return z, np.concatenate([[z[0] - 3.0], z[:-1]]), random.integers(-10, 10, n) * 1.0, position


@pytest.fixture(params=["interpreted", "compiled"])
def route(request, monkeypatch):
    """Each way of carrying the loop out, in parts of 100 points."""
    monkeypatch.setattr(knots, "_TOGETHER", 100)
    if request.param == "compiled":
        if not find_spec("numba"):
            pytest.skip("numba is not installed: pip install 'rethinking-generalization[fast]'")
        monkeypatch.setattr(knots, "_WORTH_COMPILING", 0)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 1234])
def test_every_weight_is_the_plain_loops_to_the_bit(n):
    z, biases, targets, position = problem(n)
    weights, end = knot_weights(z, biases, targets, position)
    expected, expected_end = plain_weights(z, biases, targets, position)
    np.testing.assert_array_equal(weights, expected)
    assert end == expected_end


@pytest.mark.usefixtures("route")
def test_the_function_goes_on_from_where_it_is():
    z, biases, targets, position = problem(500)
    whole, end = knot_weights(z, biases, targets, position)
    first, middle = knot_weights(z[:321], biases[:321], targets[:321], position)
    second, end_of_second = knot_weights(z[321:], biases[321:], targets[321:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert end_of_second == end


def test_numba_is_left_alone_for_few_points(monkeypatch):
    monkeypatch.setattr(knots, "_compiled", lambda: pytest.fail("numba was asked for"))
    knot_weights(*problem(1000))
