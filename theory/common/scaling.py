r"""Units: data divided by a power of two before a computation, results multiplied by a power of two after.

Squares leave float64 at 1e154 and underflow at 1e-154: a norm, a Gram matrix or a residual of numbers that are
themselves harmless can be infinite or zero. Multiplying by 2^k rounds nothing as long as the numbers stay normal, so
f(2^k x) computed as 2^j f(x) has every bit of f(x). Data whose largest magnitude lies between 2^-100 and 2^100 are left
as they are.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import BeyondFloat64Error, Float64Array

_MODERATE = 100
"""Exponents up to this size: fourth powers of such numbers, and of quotients of two, are far from the ends."""


def exponent(array: Any, *, moderate: int = _MODERATE) -> int:
    """k with 2^k <= max |array| < 2^(k+1); 0 for zeros, and where |k| <= moderate."""
    largest = float(np.abs(array).max(initial=0.0))
    if largest == 0:
        return 0
    k = math.frexp(largest)[1] - 1
    return 0 if abs(k) <= moderate else k


def output_exponents(array: Float64Array) -> npt.NDArray[np.int64]:
    """`exponent` of each column of (n, k): (k,). One unit for all would make zeros of the columns far below it."""
    return np.array([exponent(column) for column in array.T], dtype=np.int64)


def scaled(array: Float64Array, k: int | npt.NDArray[np.int64]) -> Float64Array:
    """2^k array in float64, the array itself for k = 0; what underflows is rounded, what overflows infinite."""
    array = np.asarray(array, dtype=np.float64)  # before it is multiplied: float32 ends at 2^128
    if not np.any(k):
        return array
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(array, k), dtype=np.float64)


def scaled_number(value: float, k: int) -> float:
    """2^k value, infinite where it overflows."""
    try:
        return math.ldexp(value, k)
    except OverflowError:
        return math.copysign(math.inf, value)


def scaled_bound(value: float, k: int) -> float:
    """The number 2^k value >= 0, rounded up where that underflows."""
    product = scaled_number(value, k)
    return math.nextafter(product, math.inf) if 0 < value < math.inf and product < 2.0**-1021 else product


def require_representable(array: Float64Array, what: str) -> Float64Array:
    """The array. Raises BeyondFloat64Error if scaling back made it overflow."""
    if not np.isfinite(array).all():
        raise BeyondFloat64Error(f"{what} overflows float64: measure X in a smaller unit, or y in a larger one")
    return array


def product(factors: Iterable[float]) -> float:
    """The product, infinite or zero only if it is itself beyond float64: no partial product is."""
    mantissa, power = 1.0, 0
    for factor in factors:
        part, shift = math.frexp(factor)
        mantissa, carry = math.frexp(mantissa * part)
        power += shift + carry
    return scaled_number(mantissa, power)


def norm(array: Float64Array) -> float:
    """The Frobenius norm, computed in float64 from any dtype, whatever the scale of the numbers; infinite only if it is
    beyond float64 itself."""
    k = exponent(array)
    return scaled_number(float(np.linalg.norm(scaled(array, -k))), k)
