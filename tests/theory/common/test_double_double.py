from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.common import double_double

floats = st.floats(-(2.0**300), 2.0**300, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 2.0**-300)


def exact(x: double_double.DoubleDouble) -> list[Fraction]:
    return [Fraction(high) + Fraction(low) for high, low in zip(x[0].tolist(), x[1].tolist(), strict=True)]


@given(floats, floats)
def test_two_sum_and_two_product_are_exact(a, b):
    x, y = np.array([a]), np.array([b])
    assert exact(double_double.two_sum(x, y)) == [Fraction(a) + Fraction(b)]
    assert exact(double_double.two_product(x, y)) == [Fraction(a) * Fraction(b)]


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=40))
def test_add_and_multiply_keep_about_106_bits(pairs):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    x = double_double.two_sum(a, b * 2.0**-53)
    (total,), (product,) = (
        exact(tuple(part[:1] for part in result))
        for result in (double_double.add(x, double_double.two_sum(b, a)), double_double.multiply(x, b))
    )
    first = Fraction(float(x[0][0])) + Fraction(float(x[1][0]))
    second = Fraction(float(a[0])) + Fraction(float(b[0]))
    assert abs(total - (first + second)) <= Fraction(3, 2**106) * abs(first + second)
    assert abs(product - first * Fraction(float(b[0]))) <= Fraction(1, 2**103) * abs(product)


@given(st.lists(floats, min_size=1, max_size=70))
def test_cumulative_sum(values):
    array = np.array(values)
    sums = exact(double_double.cumulative_sum((array, np.zeros_like(array))))
    running, magnitude = Fraction(0), Fraction(0)
    for value, measured in zip(values, sums, strict=True):
        running, magnitude = running + Fraction(value), magnitude + abs(Fraction(value))
        assert abs(measured - running) <= Fraction(6 * 7, 2**106) * magnitude


def shifted_sums(x: double_double.DoubleDouble) -> double_double.DoubleDouble:
    """Running sums by n log2 n additions (Hillis and Steele 1986): another order than the module's."""
    high, low = x[0].copy(), x[1].copy()
    step = 1
    while step < len(high):
        high[step:], low[step:] = double_double.add((high[step:], low[step:]), (high[:-step], low[:-step]))
        step *= 2
    return high, low


@pytest.mark.parametrize("n", [1, 2, 3, 64, 1000, 50_001])
def test_the_order_of_additions_does_not_show_in_float64(n):
    """Weights of a network: their sums lose ten digits or so to cancellation, and 106 bits have these to spare."""
    random = np.random.default_rng(n)
    slopes = random.standard_normal((n, 2)) / random.exponential(size=(n, 1))
    x = np.diff(slopes, prepend=0.0, axis=0), np.zeros((n, 2))
    sums, expected = double_double.cumulative_sum(x), shifted_sums(x)
    np.testing.assert_array_equal(sums[0], expected[0])
