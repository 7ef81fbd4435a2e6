r"""Random Fourier features of the Gaussian kernel (Rahimi, Recht 2007), and least squares of minimum norm on them.

For frequencies v_j ~ N(0, I / bandwidth^2) and phases b_j uniform on [0, 2 pi),

    phi_j(x)  =  sqrt(2 / N) cos(<v_j, x> + b_j),       j = 1 .. N,

the product <phi(x), phi(z)> is a mean of N independent numbers in [-2, 2] with expectation
exp(-||x - z||^2 / (2 bandwidth^2)), and lies within t of it except with probability at most 2 exp(-N t^2 / 8)
(Hoeffding).

The coefficients of N features that fit n samples best, and of those the ones of least norm, are Phi^+ Y. For N < n
they are those of least squares; from N = n on they interpolate. Both come from the spectrum of the smaller of
Phi^T Phi and Phi Phi^T. Eigenvalues below max(n, N) eps of the largest count as zero, as in a pseudo-inverse of Phi
with the tolerance sqrt(max(n, N) eps). More features than fit into memory are taken in blocks: Phi Phi^T is the sum of
the blocks' products, `dual_coefficients` are alpha = (Phi Phi^T)^+ Y, and a block's coefficients are Phi_block^T alpha.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, output_exponents, require_representable, scaled
from theory.common.streams import normals, uniforms, words

Float64Array = npt.NDArray[np.float64]


@plain_numbers
def random_fourier_features(
    points: Any, count: int, bandwidth: float, seed: int = 0, *, only: range | None = None
) -> Float64Array:
    """Return phi (n, count) of points (n, d), or `only` a block of its columns (n, len(only)).

    Feature j depends on seed, j and d alone, but for the factor sqrt(2 / count).

    Raises ValueError for a count below 1, a bandwidth that is not positive and finite, or a column that is not one of
    the `count`.
    """
    X = as_real(points, "points").astype(np.float64, copy=False)
    if X.ndim != 2:
        raise ValueError(f"points must be a matrix (n, d), their shape is {X.shape}")
    if count < 1 or not 0 < bandwidth < np.inf:
        raise ValueError(f"count must be at least 1 and bandwidth positive and finite, got {count} and {bandwidth}")
    columns = np.arange(count) if only is None else np.asarray(only, dtype=np.int64)
    if columns.size and not (columns.min() >= 0 and columns.max() < count):
        raise ValueError(f"only must be columns from 0 to {count - 1}, got {only}")
    d = X.shape[1]
    frequencies = normals(words(seed, "fourier-frequencies", columns, 2 * -(-d // 2)))[:, :d] / bandwidth
    phases = 2 * np.pi * uniforms(words(seed, "fourier-phases", columns, 1))[:, 0]
    return np.asarray((2 / count) ** 0.5 * np.cos(X @ frequencies.T + phases))


def minimum_norm_coefficients(features: Float64Array, targets: Float64Array) -> Float64Array:
    """Return Phi^+ Y (N, k) for features Phi (n, N) and targets Y (n, k), in whatever units these are.

    The rank is cut as the module says, at singular values sqrt(max(n, N) eps) of the largest: 1e-8, not the 1e-16 of
    `theory.least_squares.minimum_norm_solution`.

    Raises ValueError for rows that do not match, BeyondFloat64Error for coefficients that overflow.
    """
    features = as_real(features, "features").astype(np.float64, copy=False)
    targets = as_real(targets, "targets").astype(np.float64, copy=False)
    n, count = features.shape
    if targets.ndim != 2 or len(targets) != n:
        raise ValueError(f"targets must have a row for each of the {n} rows of the features, got {targets.shape}")
    k, m = exponent(features), output_exponents(targets)
    features, targets = scaled(features, -k), scaled(targets, -m)
    if count >= n:
        coefficients = features.T @ _pseudo_solution(features @ features.T, targets, count)
    else:
        coefficients = _pseudo_solution(features.T @ features, features.T @ targets, n)
    return require_representable(scaled(coefficients, m - k), "a coefficient")


@plain_numbers
def dual_coefficients(gram: Float64Array, targets: Float64Array, count: int) -> Float64Array:
    """Return alpha (n, k) with Phi^T alpha = Phi^+ Y, from Phi Phi^T (n, n) of `count` features and targets Y (n, k).

    Raises ValueError for shapes that do not match, BeyondFloat64Error for numbers that overflow.
    """
    gram = as_real(gram, "gram").astype(np.float64, copy=False)
    targets = as_real(targets, "targets").astype(np.float64, copy=False)
    n = len(gram)
    if gram.shape != (n, n) or targets.ndim != 2 or len(targets) != n:
        raise ValueError(f"gram (n, n) and targets (n, k) must have as many rows, got {gram.shape} and {targets.shape}")
    k, m = exponent(gram), output_exponents(targets)
    alpha = _pseudo_solution(scaled(gram, -k), scaled(targets, -m), count)
    return require_representable(scaled(alpha, m - k), "a coefficient")


def _pseudo_solution(gram: Float64Array, product: Float64Array, other: int) -> Float64Array:
    """A^+ B for the smaller Gram matrix A of features, whose `other` dimension is not less."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(len(gram), other) * np.finfo(np.float64).eps * values[-1]
    inverse = np.divide(1, values, out=np.zeros_like(values), where=kept)
    return np.asarray(vectors @ (inverse[:, None] * (vectors.T @ product)))
