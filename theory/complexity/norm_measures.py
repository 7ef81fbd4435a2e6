r"""Norms of a network's layers, with and without its margin: measures of complexity without the constants of a bound.

Jiang et al. 2020 (appendix C) and Dziugaite, Drouin et al. 2020 compare them: a measure is good if it is larger where
the gap between test and training error is. W_1 .. W_L are the weights of the layers without their biases, V_1 .. V_L
those before training, || ||_F and || ||_s the Frobenius and the spectral norm, and gamma the margin that nine tenths
of the training sample exceed (`lower_margin`). Here are the square roots of their measures, which are norms:

    parameter norm                          (sum_l ||W_l||_F^2)^{1/2}
    distance from initialisation            (sum_l ||W_l - V_l||_F^2)^{1/2}
    spectral distance from initialisation   (sum_l ||W_l - V_l||_s^2)^{1/2}
    product of Frobenius norms              prod_l ||W_l||_F                           without and with 1 / gamma
    product of spectral norms               prod_l ||W_l||_s                           without and with 1 / gamma
    stable ranks                            (sum_l ||W_l||_F^2 / ||W_l||_s^2)^{1/2}
    spectral and stable ranks               prod_l ||W_l||_s (stable ranks) / gamma
    spectral and distances                  prod_l ||W_l||_s (sum_l ||W_l - V_l||_F^2 / ||W_l||_s^2)^{1/2} / gamma
    path norm                               (sum over paths of products of squared weights)^{1/2},   and with 1 / gamma

A path leads from an input, or from a bias, to an output. Their sums of norms, L (prod_l ||W_l||^2)^{1/L}, are
increasing in the products, so that networks of one architecture have the same order by both; they are left out.

A product of norms and the margin grow alike when a layer grows by a factor c, in a network without biases: divided by
the margin, a product stays as it is, and so does the path norm. The others do not.
"""

import math
from dataclasses import dataclass

import numpy as np

from theory.common.arrays import Float64Array
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, norm, product, scaled, scaled_number
from theory.complexity.homogeneous_network import HomogeneousNetwork


@dataclass(frozen=True)
class LayerNorms:
    """Norms of each layer's weights and of their change, (L,) each.

    Attributes:
        frobenius, spectral: ||W_l||_F and ||W_l||_s.
        distances, spectral_distances: ||W_l - V_l||_F and ||W_l - V_l||_s.
    """

    frobenius: tuple[float, ...]
    spectral: tuple[float, ...]
    distances: tuple[float, ...]
    spectral_distances: tuple[float, ...]


def layer_norms(network: HomogeneousNetwork, initial: HomogeneousNetwork) -> LayerNorms:
    """The norms of a network's weights without biases, and of their change from the initial ones.

    Raises ValueError if the two networks have layers of other shapes.
    """
    if [w.shape for w in network.weights] != [v.shape for v in initial.weights]:
        raise ValueError("initial must have layers of the network's shapes")
    changes = [w - v for w, v in zip(network.weights, initial.weights, strict=True)]
    return LayerNorms(
        tuple(map(norm, network.weights)),
        tuple(map(_spectral_norm, network.weights)),
        tuple(map(norm, changes)),
        tuple(map(_spectral_norm, changes)),
    )


def path_norm(network: HomogeneousNetwork) -> float:
    """The root of the sum, over all paths from an input or a bias to an output, of the product of squared weights.

    Jiang et al. have its square: the sum of the outputs, on an input of ones, of the network with squared weights.
    """
    sizes: Float64Array = np.ones(network.matrices[0].shape[1])
    for matrix in network.matrices:
        sizes = np.array([norm(row * sizes) for row in matrix])
    return norm(sizes)


@plain_numbers
def norm_measures(norms: LayerNorms, path: float, margin: float) -> dict[str, float]:
    """The measures of the module's docstring by name; those that are divided by the margin are infinite if it is not
    positive.

    Arguments:
        norms: `layer_norms` of the network.
        path: its `path_norm`.
        margin: gamma.

    Raises ValueError for a margin that is not finite.
    """
    if not math.isfinite(margin):
        raise ValueError(f"margin must be finite, got {margin}")
    ratios = [_ratios(sizes, norms.spectral) for sizes in (norms.frobenius, norms.distances)]

    def over_margin(*factors: float) -> float:
        if margin <= 0:
            return math.inf
        mantissa, power = math.frexp(margin)
        return scaled_number(product([*factors, 1 / mantissa]), -power)

    return {
        "inverse margin": over_margin(1.0),
        "parameter norm": _root_of_squares(norms.frobenius),
        "distance from initialisation": _root_of_squares(norms.distances),
        "spectral distance from initialisation": _root_of_squares(norms.spectral_distances),
        "product of Frobenius norms": product(norms.frobenius),
        "product of Frobenius norms / margin": over_margin(*norms.frobenius),
        "product of spectral norms": product(norms.spectral),
        "product of spectral norms / margin": over_margin(*norms.spectral),
        "stable ranks": ratios[0],
        "spectral norms and stable ranks / margin": over_margin(*norms.spectral, ratios[0]),
        "spectral norms and distances / margin": over_margin(*norms.spectral, ratios[1]),
        "path norm": path,
        "path norm / margin": over_margin(path),
    }


def _spectral_norm(matrix: Float64Array) -> float:
    k = exponent(matrix)
    return scaled_number(float(np.linalg.norm(scaled(matrix, -k), 2)), k)


def _root_of_squares(sizes: tuple[float, ...]) -> float:
    return math.hypot(*sizes)


def _ratios(sizes: tuple[float, ...], spectral: tuple[float, ...]) -> float:
    """The root of the sum of squared quotients; a layer of zeros, which has no rank, adds none."""
    return math.hypot(*(size / s if s else 0.0 for size, s in zip(sizes, spectral, strict=True)))
