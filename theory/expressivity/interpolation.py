"""One door to the constructions: float64 where it is good enough, exact arithmetic where it is not."""

import math
from typing import Any

from theory.expressivity.deep import DeepNetwork, check_depth, deep_relu_interpolant
from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
from theory.expressivity.exact import RationalNetwork, exact_relu_interpolant
from theory.expressivity.points import BeyondFloat64Error

Interpolant = DepthTwoNetwork | DeepNetwork | RationalNetwork


def interpolate(points: Any, labels: Any, *, depth: int = 2, tolerance: float = math.inf, seed: int = 0) -> Interpolant:
    """A network of Theorem 1 (depth 2) or Corollary 1 (more) that takes labels[i] at points[i].

    In float64 if that separates the points and the proved error bound of its sum of ReLUs stays within
    `tolerance`; otherwise over the rationals, where every point is interpolated exactly.

    Arguments and errors as for `exact_relu_interpolant`; all that it can do, this can.
    """
    check_depth(depth)
    try:
        network: Interpolant
        if depth == 2:
            network = relu_interpolant(points, labels, seed=seed)
        else:
            network = deep_relu_interpolant(points, labels, depth, seed=seed)
        if math.isinf(tolerance) or network.error_bound(points, labels, "pairwise").max() <= tolerance:
            return network
    except BeyondFloat64Error:
        pass
    return exact_relu_interpolant(points, labels, depth=depth, seed=seed)
