"""Interval evidence for networks with float weights: proved enclosures of their outputs, by Arb.

A float is a rational number, so a network with float weights is a function over the reals with a definite value at
each point. Arb's ball arithmetic (Johansson 2017) encloses that value: a midpoint and a radius that provably contain
it. The projections and which hinges are active are decided exactly, over the integers; sums are taken in balls of 128
bits, and come out narrower than the float weights are coarse. The distance from the label to the far end of the ball is
then a proved bound on how well this network, evaluated over the reals, interpolates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.common.arrays import Float64Array, as_points, as_targets
from theory.common.lazy_import import lazy_import
from theory.expressivity.deep import DeepNetwork
from theory.expressivity.depth_two import DepthTwoNetwork
from theory.expressivity.exact import integer_projections
from theory.expressivity.exact_network import integer_points
from theory.expressivity.sweep import sweep

if TYPE_CHECKING:
    import flint
else:
    flint = lazy_import("flint")

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

    Time O(nd + n k log n) for depth k; the radius is a proof, whatever it is. Raises ValueError for bad points or
    labels, or of another shape than the network's.
    """
    points = as_points(points)
    outputs = network.weights.shape[1] if isinstance(network, DepthTwoNetwork) else len(network.offsets)
    labels = as_targets(labels, len(points), outputs)
    if points.shape[1] != network.direction.size:
        raise ValueError(f"points have {points.shape[1]} coordinates, the network takes {network.direction.size}")
    with flint.ctx.workprec(PRECISION):
        z = _exact_projections(network.direction, points)
        order = sorted(range(len(z)), key=z.__getitem__)
        enclosures = _outputs(network, [z[row] for row in order])
        lower, upper = np.empty(labels.shape), np.empty(labels.shape)
        distance = np.empty(labels.shape)
        for output, balls in enumerate(enclosures):
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
        hinges = [(network.biases, network.weights)]
        origin, offsets = 0.0, np.zeros(network.weights.shape[1])
    else:
        hinges = [(layer.biases, layer.weights) for layer in network.layers]
        origin, offsets = network.origin, network.offsets
    layers = [
        ([_rational(bias) for bias in biases], [[_ball(weight) for weight in column] for column in weights.T])
        for biases, weights in hinges
    ]
    return sweep(z, layers, _rational(origin), [_ball(q) for q in offsets], flint.arb(0))


def _rational(value: float) -> Any:
    return flint.fmpq(*float(value).as_integer_ratio())


def _ball(value: float) -> Any:
    return flint.arb(float(value))
