"""Interval evidence for networks with float weights: proved enclosures of their outputs, by Arb.

A float is a rational number, so a network with float weights is a function over the reals with a definite value at
each point. Arb's ball arithmetic (Johansson 2017) encloses that value: a midpoint and a radius that provably contain
it. The projections and which hinges are active are decided exactly, over the integers; sums are taken in balls of 128
bits, and come out narrower than the float weights are coarse. The distance from the label to the far end of the ball is
then a proved bound on how well this network, evaluated over the reals, interpolates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from theory.expressivity.deep import DeepNetwork
from theory.expressivity.depth_two import DepthTwoNetwork
from theory.expressivity.exact import integer_projections
from theory.expressivity.exact_network import integer_points
from theory.expressivity.points import Float64Array, as_labels, as_points

PRECISION = 128
"""Bits of the balls' midpoints."""


@dataclass(frozen=True, eq=False)
class IntervalEvidence:
    """Enclosures of a float network's outputs at the points of a sample.

    Attributes:
        lower, upper: the exact output lies between them, float64 rounded outwards, (n, outputs).
        radius: every output lies within this distance of its label.
        worst_row: the row where that distance is reached.
    """

    lower: Float64Array
    upper: Float64Array
    radius: float
    worst_row: int


def enclose(network: DepthTwoNetwork | DeepNetwork, points: Any, labels: Any) -> IntervalEvidence:
    """Enclose the network's exact output at each point and compare with the labels.

    Arguments:
        points, labels: as for `relu_interpolant`.

    Time O(nd + n k log n) for depth k; the radius is a proof, whatever it is.
    """
    points = as_points(points)
    labels = as_labels(labels, len(points)).reshape(len(points), -1)
    with flint.ctx.workprec(PRECISION):
        z = _exact_projections(network.direction, points)
        order = sorted(range(len(z)), key=z.__getitem__)
        outputs = _outputs(network, [z[row] for row in order])
        lower, upper = np.empty(labels.shape), np.empty(labels.shape)
        distance = np.empty(labels.shape)
        for output, balls in enumerate(outputs):
            for row, ball in zip(order, balls, strict=True):
                lower[row, output] = np.nextafter(float(ball.lower()), -np.inf)
                upper[row, output] = np.nextafter(float(ball.upper()), np.inf)
                distance[row, output] = float((ball - flint.arb(float(labels[row, output]))).abs_upper())
    # float() rounds to nearest: one step up is above the true bound.
    worst = int(distance.max(axis=1).argmax())
    return IntervalEvidence(lower, upper, float(np.nextafter(distance.max(), np.inf)), worst)


def _exact_projections(direction: Float64Array, points: Any) -> list[Any]:
    """<a, x> as fmpq."""
    numerators, below = integer_points(points)
    a, below_a = integer_points(direction)
    return [flint.fmpq(z, below * below_a) for z in integer_projections(numerators, [int(value) for value in a])]


def _outputs(network: DepthTwoNetwork | DeepNetwork, z: list[Any]) -> list[list[Any]]:
    """Balls of each output at projections in increasing order, layer by layer."""
    if isinstance(network, DepthTwoNetwork):
        layers: Sequence[tuple[Float64Array, Float64Array]] = [(network.biases, network.weights)]
        origin, offsets = flint.fmpq(0), [flint.arb(0)] * network.weights.shape[1]
    else:
        layers = [(layer.biases, layer.weights) for layer in network.layers]
        origin, offsets = _rational(network.origin), [flint.arb(float(q)) for q in network.offsets]
    zero = flint.arb(0)
    carried = z
    totals = [[zero] * len(z) for _ in offsets]
    for index, (biases, weights) in enumerate(layers):
        for output, offset in enumerate(offsets):
            before = totals[output]
            if index > 0:
                before = [(total + offset).max(zero) - offset for total in before]
            sums = _hinge_sums(carried, biases, weights[:, output])
            totals[output] = [total + more for total, more in zip(before, sums, strict=True)]
        carried = [max(value - origin, flint.fmpq(0)) if index == 0 else value for value in carried]
    return totals


def _hinge_sums(at: list[Any], biases: Float64Array, weights: Float64Array) -> Iterator[Any]:
    """Balls of sum_j w_j max(x - b_j, 0) for increasing x: slope and intercept are running sums."""
    knots = [_rational(bias) for bias in biases]
    slope = intercept = flint.arb(0)
    j = 0
    for x in at:
        while j < len(knots) and knots[j] < x:
            weight = flint.arb(float(weights[j]))
            slope, intercept, j = slope + weight, intercept + weight * flint.arb(knots[j]), j + 1
        yield slope * flint.arb(x) - intercept


def _rational(value: float) -> Any:
    return flint.fmpq(*float(value).as_integer_ratio())
