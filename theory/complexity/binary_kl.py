r"""The relative entropy of two coins, and its inverses.

    kl(q || p) = q log(q/p) + (1 - q) log((1 - q)/(1 - p)),      0 log 0 = 0.

For fixed q it is convex in p, 0 at p = q, and grows to both sides: kl(q || p) <= c is an interval of p around q. Its
ends are the inverses. By Chernoff and Hoeffding (1963, theorem 1) the mean of m independent variables in [0, 1] with
expectation p is at most some q < p with kl(q || p) >= c with probability at most exp(-mc). By Pinsker's inequality
kl(q || p) >= 2 (q - p)^2, so that an end is never further than sqrt(c/2) from q.
"""

import math


def binary_kl(q: float, p: float) -> float:
    """kl(q || p), in nats; infinite if p is 0 or 1 and q is not. Raises ValueError outside [0, 1]."""
    if not (0 <= q <= 1 and 0 <= p <= 1):
        raise ValueError(f"q and p must be probabilities, got {q} and {p}")
    return _term(q, p) + _term(1 - q, 1 - p)


def upper_inverse(q: float, bound: float) -> float:
    """The largest p with kl(q || p) <= bound, rounded up: bisection in [q, 1] down to neighbouring floats.

    Raises ValueError for q outside [0, 1] or a negative bound.
    """
    return _end(q, bound, 1.0)


def lower_inverse(q: float, bound: float) -> float:
    """The smallest p with kl(q || p) <= bound, rounded down. Raises ValueError as `upper_inverse`."""
    return _end(q, bound, 0.0)


def _term(q: float, p: float) -> float:
    if q == 0:
        return 0.0
    return q * math.log(q / p) if p > 0 else math.inf


def _end(q: float, bound: float, outside: float) -> float:
    if not 0 <= q <= 1:
        raise ValueError(f"q must be a probability, got {q}")
    if not bound >= 0:
        raise ValueError(f"the bound on the relative entropy must not be negative, got {bound}")
    inside = q
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
