"""Finite-sample expressivity (Zhang et al. 2017, section 4): ReLU networks that provably interpolate.

depth_two            Theorem 1: 2n + d weights for any n labels on any n distinct points
"""

from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant

__all__ = ["DepthTwoNetwork", "relu_interpolant"]
