"""Double-double arithmetic on arrays: unevaluated sums of two float64 numbers, about 106 bits.

The error-free transformations of Dekker (1971) and Knuth: `two_sum` and `two_product` return the rounded result
and its rounding error, exactly, barring overflow and underflow. They carry the running sums of a network's
weights, whose cancellation costs plain float64 up to ten digits on 50,000 points.
"""

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
DoubleDouble = tuple[Float64Array, Float64Array]  # (high, low), |low| <= ulp(high) / 2

_SPLITTER = 2.0**27 + 1.0
OVERFLOW_THRESHOLD = 2.0**996
"""Operands of `two_product` must stay below this: Dekker's splitting multiplies them by 2^27 + 1."""


def two_sum(a: Float64Array, b: Float64Array) -> DoubleDouble:
    """a + b = high + low exactly (Knuth, TAOCP 2, section 4.2.2)."""
    high = a + b
    virtual = high - a
    return high, (a - (high - virtual)) + (b - virtual)


def two_product(a: Float64Array, b: Float64Array) -> DoubleDouble:
    """a * b = high + low exactly (Dekker 1971), for |a|, |b|, |a b| below 2^996 and no underflow."""
    high = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    return high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low


def split(a: Float64Array) -> DoubleDouble:
    """a = head + tail exactly, each of at most 26 bits, so that products of them are exact (Dekker 1971)."""
    scaled = _SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def add(x: DoubleDouble, y: DoubleDouble) -> DoubleDouble:
    """Sum of two double-doubles; relative error at most 3 * 2^-106 (Joldes, Muller, Popescu 2017, algorithm 6)."""
    high, low = two_sum(x[0], y[0])
    tail, tail_low = two_sum(x[1], y[1])
    high, low = _renormalise(high, low + tail)
    return _renormalise(high, low + tail_low)


def multiply(x: DoubleDouble, y: Float64Array) -> DoubleDouble:
    """Product of a double-double and a float64; relative error at most 2^-103."""
    high, low = two_product(x[0], y)
    return _renormalise(high, low + x[1] * y)


def cumulative_sum(x: DoubleDouble) -> DoubleDouble:
    """Running sums along the first axis, by a parallel prefix scan: 2n additions in 2 log2 n vector operations.

    Neighbours are added in pairs, the pairs' running sums are taken in the same way, and every other sum is one
    addition away from one of them (Brent and Kung 1982). Every sum is made of at most 2 ceil(log2 n) nested additions,
    so its error is at most about 6 ceil(log2 n) 2^-106 times the sum of the magnitudes.
    """
    high, low = x[0].copy(), x[1].copy()
    if len(high) > 1:
        pairs = cumulative_sum(add((high[1::2], low[1::2]), (high[:-1:2], low[:-1:2])))
        high[1::2], low[1::2] = pairs
        last = len(high[2::2])
        high[2::2], low[2::2] = add((high[2::2], low[2::2]), (pairs[0][:last], pairs[1][:last]))
    return high, low


def _renormalise(a: Float64Array, b: Float64Array) -> DoubleDouble:
    high = a + b
    return high, b - (high - a)
