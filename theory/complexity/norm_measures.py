r"""Norms of a network's layers, with and without its margin: measures of complexity without the constants of a bound.

Jiang et al. 2020 (appendix C) and Dziugaite, Drouin et al. 2020 compare them: a measure is good if it is larger where
the gap between test and training error is. W_1 .. W_L are the weights of the layers without their biases, V_1 .. V_L
those before training, || ||_F and || ||_s the Frobenius and the spectral norm, and gamma the margin that nine tenths
of the training sample exceed (`lower_margin`). A convolution has the Frobenius norm of its kernels, and a bound of its
spectral norm (`weight_layers`). Here are the square roots of their measures, which are norms:

    parameter norm                          (sum_l ||W_l||_F^2)^{1/2}
    distance from initialisation            (sum_l ||W_l - V_l||_F^2)^{1/2}
    spectral distance from initialisation   (sum_l ||W_l - V_l||_s^2)^{1/2}
    product of Frobenius norms              prod_l ||W_l||_F                           without and with 1 / gamma
    product of spectral norms               prod_l ||W_l||_s                           without and with 1 / gamma
    stable ranks                            (sum_l ||W_l||_F^2 / ||W_l||_s^2)^{1/2}
    spectral and stable ranks               prod_l ||W_l||_s (stable ranks) / gamma
    spectral and distances                  prod_l ||W_l||_s (sum_l ||W_l - V_l||_F^2 / ||W_l||_s^2)^{1/2} / gamma
    path norm                               (sum over paths of products of squared weights)^{1/2},   and with 1 / gamma

A path leads from an input, or from a bias, to an output of a fully connected network. Their sums of norms,
L (prod_l ||W_l||^2)^{1/L}, are increasing in the products, so that networks of one architecture have the same order by
both; they are left out.

A product of norms and the margin grow alike when a layer grows by a factor c, in a network without biases: divided by
the margin, a product stays as it is, and so does the path norm. The others do not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import product, scaled_number
from theory.complexity.homogeneous_network import HomogeneousNetwork
from theory.complexity.weight_layers import WeightLayer


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


def layer_norms(layers: Sequence[WeightLayer], initial: Sequence[WeightLayer]) -> LayerNorms:
    """The norms of a network's weights without biases, and of their change from the initial ones.

    Arguments:
        layers, initial: `weight_layers` of the network, and of the network before training.

    Raises ValueError unless both have as many layers of the same shapes.
    """
    if len(layers) != len(initial):
        raise ValueError(f"initial must have the network's {len(layers)} layers, got {len(initial)}")
    changes = [after - before for after, before in zip(layers, initial, strict=True)]
    return LayerNorms(
        tuple(layer.frobenius_norm for layer in layers),
        tuple(layer.spectral_norm for layer in layers),
        tuple(change.frobenius_norm for change in changes),
        tuple(change.spectral_norm for change in changes),
    )


_LEAST_POWER = -(2**20)  # where no path leads to a unit


def path_norm(network: HomogeneousNetwork) -> float:
    """The root of the sum, over all paths from an input or a bias to an output, of the product of squared weights.

    Jiang et al. have its square: the sum of the outputs, on an input of ones, of the network with squared weights.
    """
    # Each unit's number is a mantissa and a power of its own: products of layers leave float64 where the norm does not.
    sizes, powers = np.frexp(np.ones(network.matrices[0].shape[1]))
    for matrix in (*network.matrices, np.ones((1, len(network.matrices[-1])))):
        parts, shifts = np.frexp(np.asarray(matrix, dtype=np.float64))
        parts, shifts = parts * sizes, shifts + powers
        top = shifts.max(axis=1, where=parts != 0, initial=_LEAST_POWER)
        sizes, carry = np.frexp(np.sqrt((np.ldexp(parts, shifts - top[:, None]) ** 2).sum(axis=1)))
        powers = carry + top
    return scaled_number(float(sizes[0]), int(powers[0]))


@plain_numbers
def norm_measures(norms: LayerNorms, path: float | None, margin: float) -> dict[str, float]:
    """The measures of the module's docstring by name; those that are divided by the margin are infinite if it is not
    positive.

    Arguments:
        norms: `layer_norms` of the network.
        path: its `path_norm`; None leaves the measures of paths out.
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

    measures = {
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
    }
    return measures if path is None else measures | {"path norm": path, "path norm / margin": over_margin(path)}


def _root_of_squares(sizes: tuple[float, ...]) -> float:
    return math.hypot(*sizes)


def _ratios(sizes: tuple[float, ...], spectral: tuple[float, ...]) -> float:
    """The root of the sum of squared quotients; a layer of zeros, which has no rank, adds none."""
    return math.hypot(*(size / s if s else 0.0 for size, s in zip(sizes, spectral, strict=True)))
