"""kl(q || p) and its inverses against arithmetic of many digits, small probabilities above all."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.complexity import binary_kl, lower_inverse, upper_inverse

U = 2.0**-53
probabilities = st.one_of(
    st.floats(0, 1), st.floats(-300, 0).map(lambda e: 10.0**e), st.floats(1e-16, 1).map(lambda x: 1 - x)
)


def exact_kl(q, p):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(700):
        a, b = mpmath.mpf(q), mpmath.mpf(p)
        first = a * mpmath.log(a / b) if q > 0 else 0
        return first + ((1 - a) * mpmath.log((1 - a) / (1 - b)) if q < 1 else 0)


def test_values_that_cancelled():
    assert binary_kl(1e-20, 2e-20) == pytest.approx(3.0685281944005e-21, rel=1e-12)
    assert upper_inverse(1e-12, 1e-13) == pytest.approx(1.51622116142463e-12, rel=1e-12)
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


@settings(max_examples=60, deadline=None)
@given(q=probabilities, bound=st.floats(-30, 1).map(lambda e: 10.0**e))
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
