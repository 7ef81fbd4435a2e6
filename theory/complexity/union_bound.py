r"""Bounds for parameters fixed beforehand, made to hold for those of a trained model: a union over a grid.

A theorem about all networks of norm at most C, C fixed before the data are seen, says nothing of the norm that training
ends with. Put C on the grid {2^(j/m) : j an integer}, give the j-th statement the share

    p(j) = (2/3) / ((|j| + 1)(|j| + 2))

of the failure probability, and all hold together with the probability asked for: over the integers the shares sum to
(2/3)(1 + 1/2) = 1, the sums telescope. Rounding C up to the grid costs at most a factor 2^(1/m), and the share costs
log 1/p(j), about 2 log |j|, where the failure probability enters.
"""

import math

from theory.common.plain_numbers import plain_numbers


@plain_numbers
def share(index: int) -> float:
    """p(j), the share of the failure probability that the j-th statement gets."""
    return 2.0 / 3.0 / ((abs(index) + 1) * (abs(index) + 2))


@plain_numbers
def grid_index_above(value: float, points_per_octave: int) -> int:
    """The smallest j with 2^(j/m) >= value, m points an octave; that of 2^-64 for smaller values, 0 among them.

    Raises ValueError for a value that is negative, NaN or infinite.
    """
    if not 0 <= value < math.inf:
        raise ValueError(f"no point of the grid lies above {value}: the network's norms must be finite")
    if value <= 2.0**-64:
        return -64 * points_per_octave
    # The logarithm is rounded, by far less than 1 / m: its floor is not above j, and a step or two from it.
    index = math.floor(math.log2(value) * points_per_octave)
    while grid_point(index, points_per_octave) < value:
        index += 1
    return index


@plain_numbers
def grid_index_below(value: float, points_per_octave: int) -> int:
    """The largest j with 2^(j/m) <= value. Raises ValueError unless value is positive and finite."""
    if not 0 < value < math.inf:
        raise ValueError(f"no point of the grid lies below {value}: a positive finite number is needed")
    index = math.ceil(math.log2(value) * points_per_octave)
    while grid_point(index, points_per_octave) > value:
        index -= 1
    return index


@plain_numbers
def grid_point(index: int, points_per_octave: int) -> float:
    """2^(j/m); infinite or 0 where it leaves float64."""
    exponent = index / points_per_octave
    return math.inf if exponent >= 1024 else 2.0**exponent
