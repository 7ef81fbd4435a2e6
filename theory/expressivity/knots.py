"""Weights of hinges that take a piecewise-linear function through given values at its knots.

A sum of hinges sum_j w_j max(z - b_j, 0) with b_1 < z_1 <= b_2 < z_2 <= ... is piecewise linear. With b_{j+1} = z_j
it joins the values y_j at z_j by straight lines, and its weights are differences of slopes,

    s_j = (y_j - y_{j-1}) / (z_j - b_j),    w_j = s_j - s_{j-1}.

Rounding w_j to float64 perturbs the function at all later points, so that errors add up. The weights are therefore
chosen one after another, each aiming at its value from where the function with the *rounded* weights before it
really is, kept in double-double. Errors become local: 1e-11 instead of 1e-6 on 50,000 CIFAR-10 images with random
labels. Each choice waits for the rounding of the one before, so the loop is O(n) but cannot be a vector operation:
what does not depend on the loop is computed outside it, the rest is interpreted, or compiled by numba, with equal bits,
where that is installed and there are many points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array
from theory.common.double_double import split, two_sum

_TOGETHER = 2**16  # points at once as Python's floats, which take several times the memory of an array
_WORTH_COMPILING = 2**21  # points whose interpreted loop takes longer than numba's import and compilation


@dataclass(frozen=True)
class Position:
    """Slope and value of the function after its last knot so far, each an unevaluated sum of two floats."""

    slope: float = 0.0
    slope_low: float = 0.0
    value: float = 0.0
    value_low: float = 0.0


def knot_weights(
    z: Float64Array, biases: Float64Array, targets: Float64Array, position: Position | None = None
) -> tuple[Float64Array, Position]:
    """Weights (n,) that take the function from its position at biases[0] through targets[j] at z[j], and where it ends.

    `biases` (n,) are the knots, biases[j] < z[j] and biases[j + 1] = z[j].
    """
    position = position or Position()
    state = (position.slope, position.slope_low, position.value, position.value_low)
    weights = np.empty_like(z)
    compiled = len(z) >= _WORTH_COMPILING and find_spec("numba") is not None
    choose: Callable[..., tuple[float, float, float, float]] = _compiled() if compiled else _choose
    for start in range(0, len(z), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        width, width_low = two_sum(z[part], -biases[part])
        columns = (targets[part], width, width_low, *split(width))
        if compiled:
            state = choose(*columns, weights[part], *state)
        else:
            chosen = [0.0] * len(width)
            state = choose(*(array.tolist() for array in columns), chosen, *state)
            weights[part] = chosen
    return weights, Position(*state)


@cache
def _compiled() -> Callable[..., tuple[float, float, float, float]]:
    """`_choose` as machine code; numba neither reorders nor fuses operations unless it is told to."""
    import numba

    return numba.njit(_choose)  # type: ignore[no-any-return]


def _choose(
    targets: Any,
    widths: Any,
    widths_low: Any,
    widths_head: Any,
    widths_tail: Any,
    weights: Any,
    slope: float,
    slope_low: float,
    value: float,
    value_low: float,
) -> tuple[float, float, float, float]:
    """Fill `weights`. Its sums and its product are `two_sum` and `two_product` written out: calls take a third longer.

    Widths are unevaluated sums of two floats, and the first of the two is a head and a tail of 26 bits (`split`).
    """
    points = zip(targets, widths, widths_low, widths_head, widths_tail)  # noqa: B905 - numba's zip takes no keyword
    for j, (target, width, width_low, width_head, width_tail) in enumerate(points):
        weight = (((target - value) - value_low) / width - slope) - slope_low
        weights[j] = weight
        total = slope + weight
        virtual = total - slope
        low = slope_low + ((slope - (total - virtual)) + (weight - virtual))
        slope = total + low
        virtual = slope - total
        slope_low = (total - (slope - virtual)) + (low - virtual)
        rise = slope * width
        scaled = 134217729.0 * slope  # 2^27 + 1
        head = scaled - (scaled - slope)
        tail = slope - head
        rise_low = ((head * width_head - rise) + head * width_tail + tail * width_head) + tail * width_tail
        rise_low += slope_low * width + slope * width_low
        total = value + rise
        virtual = total - value
        low = value_low + ((value - (total - virtual)) + (rise - virtual)) + rise_low
        value = total + low
        virtual = value - total
        value_low = (total - (value - virtual)) + (low - virtual)
    return slope, slope_low, value, value_low
