r"""Projections of integer points onto a rational direction by machine integers, equal to those of Python's integers.

`certificate_checker` projects in Python's integers and imports nothing: for 50,000 images that takes most of its time.
This is the fast route to the same numbers, for whoever also trusts NumPy's int64 products:

    check_certificate(certificate, points, labels, projections=int64_projections)

*Why nothing overflows.* Let c be the common denominator of the direction, A_k = c a_k its integer numerators, d the
number of coordinates and X >= 1 a bound on all |x_k|. Let m be the number of bits of d X, so that d X < 2^m. If
b = 63 - m is at least 1, write each numerator in digits to the base 2^b, with its sign,

    A_k = sum_j 2^(b j) D_kj,    |D_kj| <= 2^b - 1,

and project onto each digit by itself: P_j = sum_k D_kj x_k. The sum of all magnitudes satisfies

    sum_k |D_kj| |x_k| <= d (2^b - 1) X < 2^m 2^b = 2^63,

and it bounds every product, every partial sum in whatever order they are added, and the result. All are integers of
magnitude below 2^63, so int64 holds each of them exactly. Then <a, x> = (sum_j 2^(b j) P_j) / c is put together in
Python's integers, which are unbounded. Bytes in 3,072 coordinates have m = 20, so numerators of up to 43 bits need one
digit: enough for 100,000 points in `exact`'s directions.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.expressivity.certificate_checker import integer_projections

_ENTRIES_AT_ONCE = 2**21


def int64_projections(direction: Sequence[Fraction], points: Any) -> Iterable[Fraction]:
    """<a, x> of every point, exactly: what `certificate_checker.integer_projections` gives.

    Arguments:
        direction: a, d rational numbers.
        points: n points as rows. NumPy arrays of an integer dtype go the fast way where the bound allows it, that is
            where d max|x| < 2^62; everything else is left to Python's integers.

    Raises ValueError for points of another dimension.
    """
    if not isinstance(points, np.ndarray) or points.dtype.kind not in "iu" or points.size == 0:
        return integer_projections(direction, points)
    rows = points.reshape(len(points), -1)
    largest = max(int(rows.max()), -int(rows.min()), 1)
    bits = 63 - (rows.shape[1] * largest).bit_length()
    if bits < 1 or rows.shape[1] != len(direction):  # the other route says what is wrong
        return integer_projections(direction, points)
    common = math.lcm(*(a.denominator for a in direction))
    return (Fraction(total, common) for total in _projected(rows, [int(a * common) for a in direction], bits))


def _projected(rows: npt.NDArray[Any], numerators: list[int], bits: int) -> Iterator[int]:
    """<A, x> of each row, from the projections onto the digits of A."""
    digits = _digits(numerators, bits)
    step = max(1, _ENTRIES_AT_ONCE // rows.shape[1])
    for start in range(0, len(rows), step):
        block = rows[start : start + step].astype(np.int64)
        totals = (block @ digits[0]).tolist()
        for place, digit in enumerate(digits[1:], start=1):
            more = (block @ digit).tolist()
            totals = [total + (value << place * bits) for total, value in zip(totals, more, strict=True)]
        yield from totals


def _digits(numerators: list[int], bits: int) -> list[npt.NDArray[np.int64]]:
    """The signed digits D_j to the base 2^bits, the least significant first: at least one array of shape (d,)."""
    longest = max(abs(value) for value in numerators).bit_length()
    places = max(1, -(-longest // bits))
    return [
        np.array(
            [((abs(value) >> place * bits) % 2**bits) * (-1 if value < 0 else 1) for value in numerators],
            dtype=np.int64,
        )
        for place in range(places)
    ]
