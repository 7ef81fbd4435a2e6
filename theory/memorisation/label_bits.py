r"""How many bits of labels p parameters hold: the constructions, and what counting allows, in bits.

n labels in k classes, any of the k^n labellings, are n log2 k bits.

Theorem 1 of Zhang et al. 2017 (`theory.expressivity`)   p = 2n + d:  (p - d)/2 labels, log2(k) / 2 bits a parameter
Width 12 (`theory.expressivity.narrow`)                  p <= 18 sqrt(n log2 n) + d + 203, k <= 10: p^2 / log p in order
Counting sign patterns (`theory.expressivity`)           n <= 1 + p (p + 1 + log2(e n)), k = 2: no more than that

The count is of ReLU networks each of whose units has a parameter to itself. Where units share weights, as those of a
transformer do, or have none of their own, depth alone adds labellings and it bounds nothing.

The second says that parameters of unlimited precision hold more bits the more there are, each; a trained network's do
not.
"""

import math
from collections.abc import Callable

from theory.common.plain_numbers import plain_numbers
from theory.complexity import theorem_1_lower_bound


@plain_numbers
def theorem_1_bits(parameters: int, dimension: int, classes: int) -> float:
    """The bits of labels that Theorem 1's network of so many weights holds, 0 if there is none.

    Raises ValueError for fewer than two classes or no dimension.
    """
    _require(dimension, classes)
    if parameters < dimension + 2:
        return 0.0
    return theorem_1_lower_bound(parameters, dimension) * math.log2(classes)


@plain_numbers
def narrow_bits(parameters: int, dimension: int, classes: int) -> float:
    """The bits of labels that the network of width 12 holds for every sample whose projections fit into n^2 cells, by
    its closed form; 0 if there is no such network.

    Raises ValueError for fewer than two classes or more than ten, which the closed form was evaluated for, or no
    dimension.
    """
    _require(dimension, classes)
    if classes > 10:
        raise ValueError(f"classes must be at most 10: the closed form was evaluated for these, got {classes}")
    labels = _largest(lambda n: 18 * math.sqrt(n * math.log2(n)) + dimension + 203 <= parameters)
    return labels * math.log2(classes)


@plain_numbers
def counting_bits(parameters: int) -> float:
    """The bits, labels in two classes, that no ReLU network of so many parameters holds more than, if each of its units
    has a parameter to itself.

    Raises ValueError for no parameters.
    """
    if parameters < 1:
        raise ValueError(f"parameters must be at least 1, got {parameters}")
    return float(_largest(lambda n: n <= 1 + parameters * (parameters + 1 + math.log2(math.e * n))))


def _require(dimension: int, classes: int) -> None:
    if dimension < 1 or classes < 2:
        raise ValueError(f"dimension must be at least 1 and classes at least 2, got {dimension} and {classes}")


def _largest(holds: Callable[[int], bool]) -> int:
    """The largest n >= 2 with holds(n), which must not turn true again; 0 if there is none."""
    if not holds(2):
        return 0
    high = 4
    while holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
