"""A single function for all constructions: float64 where it is good enough, exact arithmetic where it is not."""

from typing import Any

import numpy as np

from theory.common.arrays import BeyondFloat64Error, as_array
from theory.common.plain_numbers import plain_numbers
from theory.expressivity.deep import DeepNetwork, check_depth, deep_relu_interpolant
from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
from theory.expressivity.exact import RationalNetwork, exact_relu_interpolant

Interpolant = DepthTwoNetwork | DeepNetwork | RationalNetwork


@plain_numbers
def interpolate(
    points: Any, labels: Any, *, depth: int = 2, tolerance: float | None = None, seed: int = 0
) -> Interpolant:
    """A network of Theorem 1 (depth 2) or Corollary 1 (more) that takes labels[i] at points[i].

    In float64 if that separates the points and the proved error bound of its sum of ReLUs stays within `tolerance`;
    otherwise over the rationals, where every point is interpolated exactly. By default the tolerance is 1/4 for
    integer labels, which leaves no doubt about the nearest one, and a thousandth of the largest |label| for others.

    Arguments and errors as for `exact_relu_interpolant`; all that it can do, this can.
    """
    check_depth(depth)
    try:
        network: Interpolant
        if depth == 2:
            network = relu_interpolant(points, labels, seed=seed)
        else:
            network = deep_relu_interpolant(points, labels, depth, seed=seed)
        if network.error_bound(points, labels, "pairwise").max() <= _tolerance(labels, tolerance):
            return network
    except BeyondFloat64Error:
        pass
    return exact_relu_interpolant(points, labels, depth=depth, seed=seed)


def _tolerance(labels: Any, tolerance: float | None) -> float:
    if tolerance is not None:
        return tolerance
    values = as_array(labels)
    return 0.25 if bool((np.rint(values) == values).all()) else 1e-3 * float(np.abs(values).max())
