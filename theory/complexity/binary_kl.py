r"""The relative entropy of two coins, and its inverses.

    kl(q || p) = q log(q/p) + (1 - q) log((1 - q)/(1 - p)),      0 log 0 = 0.

For fixed q it is convex in p, 0 at p = q, and grows to both sides: kl(q || p) <= c is an interval of p around q. Its
ends are the inverses. By Chernoff and Hoeffding (1963, theorem 1) the mean of m independent variables in [0, 1] with
expectation p is at most some q < p with kl(q || p) >= c with probability at most exp(-mc); where their expectations
differ, p is the mean of these. By Pinsker's inequality
kl(q || p) >= 2 (q - p)^2, so that an end is never further than sqrt(c/2) from q.

The two terms have opposite signs and nearly cancel where p is near q, or both are small. Rounding is kept relative by

    kl(q || p) = D(q, p) + D(1 - q, 1 - p),      D(a, b) = a log(a/b) - a + b >= 0,

which is exact since the added numbers sum to zero. With x = (a - b)/b, D = b ((1 + x) log(1 + x) - x), for small x
b (x^2/2 - x^3/6 + x^4/12 - ...). Inverses are rounded away from q by more than kl's own rounding: bounds stay bounds.
"""

import math

from theory.common.plain_numbers import plain_numbers

_SERIES_BELOW = 0.25  # |x|; thirty terms then leave 1e-20
_TERMS = 30
_ROUNDING = 64 * 2.0**-53
"""More than the relative error of `binary_kl`: where the series ends, at x = 1/4, the roundings of a, b, x, of the
logarithm and of its product with a add up to 1.6 * 2^-53 b at most, and D is 0.029 b. Tests find at most 24 * 2^-53."""


@plain_numbers
def binary_kl(q: float, p: float) -> float:
    """kl(q || p), in nats; infinite if p is 0 or 1 and q is not. Raises ValueError outside [0, 1]."""
    if not (0 <= q <= 1 and 0 <= p <= 1):
        raise ValueError(f"q and p must be probabilities, got {q} and {p}")
    if q == p:
        return 0.0
    if p in (0, 1):
        return math.inf
    return _excess(q, p, q - p) + _excess(1 - q, 1 - p, p - q)


@plain_numbers
def upper_inverse(q: float, bound: float) -> float:
    """The largest p with kl(q || p) <= bound, rounded up: bisection in [q, 1] down to neighbouring floats.

    Raises ValueError for q outside [0, 1] or a negative bound.
    """
    return _end(q, bound, 1.0)


@plain_numbers
def lower_inverse(q: float, bound: float) -> float:
    """The smallest p with kl(q || p) <= bound, rounded down. Raises ValueError as `upper_inverse`."""
    return _end(q, bound, 0.0)


@plain_numbers
def upper_slopes(q: float, bound: float) -> tuple[float, float]:
    """The derivatives of p = `upper_inverse(q, bound)` by q and by the bound c, for 0 < q < 1 and c > 0.

    From kl(q || p) = c by implicit differentiation, with d kl / dp = (p - q) / (p (1 - p)):

        dp/dc = p (1 - p) / (p - q),      dp/dq = dp/dc (log(p/q) + log((1 - q)/(1 - p))).

    Raises ValueError for other q and c, and where p is rounded to 1.
    """
    if not (0 < q < 1 and bound > 0):
        raise ValueError(f"the inverse has slopes for 0 < q < 1 and a positive bound, got {q} and {bound}")
    p = upper_inverse(q, bound)
    if p == 1:
        raise ValueError(f"a bound of {bound} on the relative entropy allows every p in float64: there is no slope")
    by_bound = p * (1 - p) / (p - q)
    logarithms = _log_quotient(p, q, (p - q) / q) + _log_quotient(1 - q, 1 - p, (p - q) / (1 - p))
    return by_bound * logarithms, by_bound


def _excess(a: float, b: float, difference: float) -> float:
    """D(a, b), the difference a - b as accurate as float64 allows."""
    if a == 0:
        return b
    x = difference / b
    if abs(x) <= _SERIES_BELOW:
        return b * x * x * math.fsum((-x) ** k / ((k + 1) * (k + 2)) for k in range(_TERMS))
    return a * _log_quotient(a, b, x) - difference


def _log_quotient(a: float, b: float, x: float) -> float:
    """log(a/b) for x = (a - b)/b, which rounds less where a is near b, and may be infinite."""
    if abs(x) < 0.5:
        return math.log1p(x)
    return math.log(a) - math.log(b) if x > 1e300 else math.log(a / b)


def _end(q: float, bound: float, outside: float) -> float:
    if not 0 <= q <= 1:
        raise ValueError(f"q must be a probability, got {q}")
    if not bound >= 0:
        raise ValueError(f"the bound on the relative entropy must not be negative, got {bound}")
    inside = q
    bound = bound * (1 + _ROUNDING)
    if binary_kl(q, outside) <= bound:
        return outside
    while True:
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            return outside
        if binary_kl(q, middle) <= bound:
            inside = middle
        else:
            outside = middle
