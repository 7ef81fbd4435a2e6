"""kl(q || p) and its inverses against arithmetic of many digits, small probabilities above all."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.complexity import binary_kl, lower_inverse, upper_inverse, upper_slopes

U = 2.0**-53
probabilities = st.one_of(
    st.floats(0, 1), st.floats(-300, 0).map(lambda e: 10.0**e), st.floats(1e-16, 1).map(lambda x: 1 - x)
)


def exact_kl(q, p, digits=700):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(digits):
        a, b = mpmath.mpf(q), mpmath.mpf(p)
        first = a * mpmath.log(a / b) if q > 0 else 0
        return first + ((1 - a) * mpmath.log((1 - a) / (1 - b)) if q < 1 else 0)


def test_values_that_cancelled():
    assert binary_kl(1e-20, 2e-20) == pytest.approx(3.0685281944005e-21, rel=1e-12, abs=0)
    assert upper_inverse(1e-12, 1e-13) == pytest.approx(1.51622116142463e-12, rel=1e-12, abs=0)
    assert exact_kl(1e-12, upper_inverse(1e-12, 1e-13)) >= 1e-13


@settings(max_examples=150, deadline=None)
@given(q=probabilities, p=probabilities, near=st.one_of(st.none(), st.floats(-1e-3, 1e-3)))
def test_relative_error(q, p, near):
    p = p if near is None else min(max(q * (1 + near), 0.0), 1.0)
    value = binary_kl(q, p)
    assert value >= 0
    if 0 < p < 1 and p != q:
        # What underflows is off by a few of the smallest numbers.
        assert abs(value - exact_kl(q, p)) <= 32 * U * exact_kl(q, p) + 2.0**-1070


def test_relative_error_where_the_series_ends():
    """x = (q - p)/p is on both sides of 1/4 and 1/2, or that of 1 - q and 1 - p: rounding is worst just above 1/4."""
    random = np.random.default_rng(0)
    for x in np.linspace(0.05, 0.6, 1500) * random.choice((-1, 1), 1500):
        small = 10.0 ** random.uniform(-12, -0.5)
        other = small * (1 + x)
        for q, p in ((other, small), (1 - other, 1 - small)):
            expected = exact_kl(q, p, 50)
            assert abs(binary_kl(q, p) - expected) <= 24 * U * expected


@settings(max_examples=60, deadline=None)
@given(q=probabilities, bound=st.one_of(st.floats(-30, 1), st.floats(-323, 1)).map(lambda e: 10.0**e))
def test_inverses_are_on_the_safe_side(q, bound):
    for end, far in ((upper_inverse(q, bound), 1.0), (lower_inverse(q, bound), 0.0)):
        if end in (0.0, 1.0):
            assert end in (far, q)
            continue
        assert exact_kl(q, end) >= bound * (1 - 2.0**-1000)
        inner = end + (q - end) * 1e-9 if abs(q - end) > 1e-280 else q
        assert inner == end or exact_kl(q, math.nextafter(inner, q)) <= bound * (1 + 200 * U)


@pytest.mark.parametrize(("q", "p"), [(-0.5, 0.5), (0.5, -0.5), (1.5, 0.5), (0.5, 1.5), (float("nan"), 0.5)])
def test_what_is_no_probability(q, p):
    with pytest.raises(ValueError, match="must be probabilities"):
        binary_kl(q, p)


@pytest.mark.parametrize(
    ("q", "c"),
    [(0.01, 0.05), (0.2, 0.1), (0.5, 1.0), (0.3, 3.0), (0.9, 1e-9), (0.3, 6e-32), (1e-20, 1e-19), (1e-310, 1)],
)
def test_slopes_by_differences_of_many_digits(q, c):
    """Along the curve kl(q || p) = c, dp/dc = 1 / (dkl/dp) and dp/dq = -(dkl/dq) / (dkl/dp)."""
    mpmath = pytest.importorskip("mpmath")
    p = upper_inverse(q, c)
    with mpmath.workdps(700):
        step = mpmath.mpf(10) ** -50
        by_q = (exact_kl(q * (1 + step), p) - exact_kl(q * (1 - step), p)) / (2 * step * q)
        by_p = (exact_kl(q, p * (1 + step)) - exact_kl(q, p * (1 - step))) / (2 * step * p)
        expected = float(-by_q / by_p), float(1 / by_p)
    assert upper_slopes(q, c) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: upper_inverse(1.5, 1.0), "q must be a probability"),
        (lambda: lower_inverse(-0.5, 1.0), "q must be a probability"),
        (lambda: upper_slopes(0.0, 0.1), "0 < q < 1"),
        (lambda: upper_slopes(1.0, 0.1), "0 < q < 1"),
        (lambda: upper_slopes(0.5, 0.0), "positive bound"),
        (lambda: upper_slopes(0.5, 100.0), "no slope"),
    ],
)
def test_arguments_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
