r"""Potentials: the geometry in which an algorithm measures how far it moves.

A potential psi is strictly convex and separable, psi(w) = sum_j psi_j(w_j), with mirror map theta = psi'(w), its
inverse w = (psi')^-1(theta), and Bregman divergence D(w, w_0) = psi(w) - psi(w_0) - <psi'(w_0), w - w_0>.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from theory.common.plain_numbers import plain_numbers

Float64Array = npt.NDArray[np.float64]
Elementwise = Callable[[Float64Array], Float64Array]


@dataclass(frozen=True)
class Potential:
    """A separable potential psi, given coordinate by coordinate.

    Attributes:
        name: for people.
        value: psi_j(w_j), elementwise.
        mirror_map: psi_j'(w_j).
        inverse_map: the inverse of the mirror map.
    """

    name: str
    value: Elementwise
    mirror_map: Elementwise
    inverse_map: Elementwise

    def divergence(self, w: Float64Array, start: Float64Array) -> float:
        """D(w, start) for w and start (d,)."""
        return float(np.sum(self.value(w) - self.value(start) - self.mirror_map(start) * (w - start)))


@plain_numbers
def p_norm_potential(p: float) -> Potential:
    """psi(w) = ||w||_p^p / p: the point of least divergence from zero is the one of least p-norm.

    Raises ValueError unless p > 1 (strict convexity) and finite.
    """
    if not 1 < p < np.inf:
        raise ValueError(f"p must exceed 1 and be finite, got {p}")
    return Potential(
        name=f"{p:g}-norm",
        value=lambda w: np.abs(w) ** p / p,
        mirror_map=partial(_signed_power, exponent=p - 1),
        inverse_map=partial(_signed_power, exponent=1 / (p - 1)),
    )


def entropy_potential() -> Potential:
    """psi(w) = sum w log w - w for w > 0: D is the Kullback-Leibler divergence."""
    return Potential(name="entropy", value=lambda w: w * np.log(w) - w, mirror_map=np.log, inverse_map=np.exp)


@plain_numbers
def hyperbolic_entropy_potential(scale: float) -> Potential:
    """psi(w) = scale^2 sum q(w_j / scale^2) with q(z) = 2 - sqrt(4 + z^2) + z arcsinh(z/2), so q'(z) = arcsinh(z/2).

    Near zero q(z) = z^2/4, far out z log z: the 2-norm for large scales, the 1-norm for small ones (Woodworth et al.
    2020, theorem 1). Raises ValueError unless scale > 0, and its square is a normal number.
    """
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")
    square = float(scale) * float(scale)
    if not 2.0**-1021 < square < np.inf:
        raise ValueError(f"the square of scale {scale} leaves float64: measure the data in another unit")

    def value(w: Float64Array) -> Float64Array:
        z = w / square
        # 2 - sqrt(4 + z^2) = -z^2 / (2 + sqrt(4 + z^2)), without cancellation, and without the square of z.
        values: Float64Array = square * (z * (np.arcsinh(z / 2) - z / (2 + np.hypot(2, z))))
        return values

    return Potential(
        name=f"hyperbolic entropy, scale {scale:g}",
        value=value,
        mirror_map=lambda w: np.arcsinh(w / (2 * square)),
        inverse_map=lambda theta: 2 * square * np.sinh(theta),
    )


def _signed_power(x: Float64Array, exponent: float) -> Float64Array:
    powers: Float64Array = np.sign(x) * np.abs(x) ** exponent
    return powers
