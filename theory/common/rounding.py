"""Bounds on the rounding of floating-point sums and products."""

UNIT_ROUNDOFF = 2.0**-53
"""The largest relative error of one operation in float64, rounded to nearest."""

SMALLEST = 2.0**-1074
"""The smallest positive float64. A product, or a number moved to another unit, that underflows is off by half of it at
most, whatever its size: sums round relatively, and never underflow."""


def gamma(m: int, unit: float = UNIT_ROUNDOFF) -> float:
    """m u / (1 - m u), the error factor of m roundings of at most u each (Higham 2002, lemma 3.1); m u < 1."""
    return m * unit / (1 - m * unit)
