r"""The error that label noise adds to ridgeless least squares on Gaussian features, whatever the clean labels are.

The minimum-norm interpolant W = X^+ Y is linear in the labels: at x its outputs are s^T Y with s = (X^+)^T x. Noise of
variance v in each label adds v ||s||^2 to the expected squared error, and for isotropic Gaussian rows of X and x,
E ||s||^2 is the risk of fitting pure unit noise (`theory.implicit_bias.ridgeless.gaussian_risk` with no signal):

    n / (d - n - 1) for d > n + 1,        d / (n - d - 1) for d < n - 1,        infinite between:

the peak of double descent is the noise's. One-hot labels corrupted with probability p have v = 1 - ||P||^2
(`corruption`), summed over classes, and their mean moves to (1 - p) f_clean + (p/k) S 1 besides (`linear_smoother`).
"""

import numpy as np

from theory.common.arrays import as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, require_representable, scaled
from theory.label_noise.corruption import Float64Array, label_variance
from theory.least_squares.references import RowSpace


def minimum_norm_smoother(X: Float64Array, Z: Float64Array) -> Float64Array:
    """S = Z X^+, (m, n): least squares of minimum norm on X (n, d), evaluated at Z (m, d).

    X^+ is that of `minimum_norm_solution`, with its rank. Raises BeyondFloat64Error for weights that overflow.
    """
    X, Z = as_points(X, "X").astype(np.float64), as_points(Z, "Z").astype(np.float64)
    unit, length = exponent(X), exponent(Z)
    if not X.any():
        return np.zeros((len(Z), len(X)))
    inverse = RowSpace.of(scaled(X, -unit)).solve(np.eye(len(X)))
    return require_representable(scaled(scaled(Z, -length) @ inverse, length - unit), "a weight of the smoother")


@plain_numbers
def noise_excess_risk(n: int, d: int, variance: float) -> float:
    """The expected squared error that label noise of this variance adds: v n/(d - n - 1) or v d/(n - d - 1)."""
    from theory.implicit_bias.ridgeless import gaussian_risk

    return gaussian_risk(n, d, 0.0, variance)


@plain_numbers
def corruption_excess_risk(n: int, d: int, label_noise: float, num_classes: int) -> float:
    """E tr Cov f(x) for one-hot labels corrupted with probability p, summed over the k outputs.

    The part of the expected squared error that is the noise's variance; the mean's shift comes on top. Raises
    ValueError for a p that is no probability.
    """
    return noise_excess_risk(n, d, label_variance(label_noise, num_classes))
