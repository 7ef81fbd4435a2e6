"""The networks of `depth_two` and `deep` at many points in one sweep: O((n + m) log n) instead of n m operations.

A sum of hinges at increasing arguments needs two running sums, A of w_j and B of w_j b_j over the hinges passed: it
is A x - B. The numbers may be rationals or balls: anything with +, - and *.
"""

from collections.abc import Iterator, Sequence
from typing import Any

Layers = Sequence[tuple[Sequence[Any], Sequence[Sequence[Any]]]]
"""The biases of each hidden layer, increasing, and the weights of each output."""


def sweep(z: Sequence[Any], layers: Layers, origin: Any, offsets: Sequence[Any], zero: Any) -> list[list[Any]]:
    """The outputs, output by output, at exact projections z in increasing order.

    Arguments as the attributes of `deep.DeepNetwork`; `zero` is the zero of the numbers that are summed.
    """
    carried = list(z)
    totals = [[zero] * len(carried) for _ in offsets]
    for index, (biases, columns) in enumerate(layers):
        for output, weights in enumerate(columns):
            before, offset = totals[output], offsets[output]
            if index > 0:
                before = [_positive_part(total + offset, zero) - offset for total in before]
            sums = _hinge_sums(carried, biases, weights, zero)
            totals[output] = [total + more for total, more in zip(before, sums, strict=True)]
        if index == 0:
            carried = [value - origin if value > origin else value - value for value in carried]
    return totals


def _positive_part(value: Any, zero: Any) -> Any:
    """max(value, 0), of a ball the ball of all maxima."""
    return value.max(zero) if hasattr(value, "max") else max(value, zero)


def _hinge_sums(at: Sequence[Any], biases: Sequence[Any], weights: Sequence[Any], zero: Any) -> Iterator[Any]:
    slope = intercept = zero
    j = 0
    for x in at:
        while j < len(biases) and biases[j] < x:
            slope, intercept, j = slope + weights[j], intercept + weights[j] * biases[j], j + 1
        yield slope * x - intercept
