r"""Empirical Rademacher complexity: how well a class correlates with random signs.

    R_n(H) = E_sigma sup_{h in H} (1/n) sum_i sigma_i h(x_i),      sigma uniform on {-1, 1}^n.

Zhang et al. 2017, section 2.2: a class that fits every sign vector has R_n(H) = 1, and the bound

    error <= training error + R_n(H) + 3 sqrt(log(2/delta) / (2n))        (h with values in {-1, 1})

says nothing (Mohri, Rostamizadeh, Talwalkar 2018, theorem 3.5; the 0-1 loss halves the complexity).

**Where the supremum is known.** Linear functions of norm at most B, and the ball of radius B in a kernel's Hilbert
space, by Cauchy and Schwarz:

    sup = (B/n) ||sum_i sigma_i x_i||,      (B/n) sqrt(sigma^T K sigma).

By Jensen R_n <= (B/n) sqrt(sum_i ||x_i||^2) = (B/n) sqrt(tr K), and R_n is no less than that over sqrt(2) (Latala,
Oleszkiewicz 1994). A finite class: the largest of its correlations; R_n <= max_h sqrt(sum_i h(x_i)^2) sqrt(2 log |H|)
/ n (Massart 2000, lemma 5.2).

**The expectation** is a sum over all 2^n sign vectors up to n = 16. Beyond, T sign vectors are drawn. Changing one sign
changes one supremum by at most 2 b_i / n, b_i = sup_h |h(x_i)|, and their mean by 2 b_i / (nT); by McDiarmid 1989

    P(|mean - R_n| >= t) <= 2 exp(-2 t^2 / (T sum_i (2 b_i / (nT))^2)),    t = sqrt(2 sum_i b_i^2 log(2/delta) / T) / n.

**Where it is not known**, a procedure that fits signs gives a function of the class, hence at most the supremum:
the mean correlation it attains, less t of one side with b_i = 1, is a lower bound of R_n(H) with probability 1 - delta.
It needs few sign vectors: t falls with nT, since it is the supremum that concentrates, whatever the procedure does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_points, as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled, scaled_number
from theory.common.streams import words
from theory.complexity.bounds import Bound, deviation, require_error, require_probability
from theory.expressivity.projection import blocks

_ENUMERATED = 16  # 2^16 sign vectors of 16 take 8 MB

Supremum = Callable[[Float64Array], Float64Array]
"""Sign vectors (T, n) -> sup_h (1/n) sum_i sigma_i h(x_i) of each, (T,)."""


@dataclass(frozen=True)
class RademacherComplexity:
    """R_n(H), exactly or within an interval.

    Attributes:
        value: the mean supremum over the sign vectors, or the mean correlation attained.
        lower, upper: R_n(H) lies between, except with the failure probability.
        failure_probability: over the sign vectors; 0 if all were enumerated.
        sign_vectors: how many were used.
    """

    value: float
    lower: float
    upper: float
    failure_probability: float
    sign_vectors: int


@plain_numbers
def all_signs(n: int) -> Float64Array:
    """All sign vectors of length n, float64 (2^n, n). Raises ValueError unless 1 <= n <= 16."""
    if not 1 <= n <= _ENUMERATED:
        raise ValueError(f"sign vectors are enumerated for 1 <= n <= {_ENUMERATED}, got n = {n}: draw them instead")
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return (2 * bits - 1).astype(np.float64)


@plain_numbers
def random_signs(n: int, count: int, seed: int) -> Float64Array:
    """`count` independent uniform sign vectors of length n, float64 (count, n): a function of (seed, n) and the row."""
    if n < 1 or count < 1:
        raise ValueError(f"n and the number of sign vectors must be at least 1, got {n} and {count}")
    bits = words(seed, "rademacher-signs", np.arange(count), -(-n // 64))
    unpacked = np.unpackbits(bits.astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :n]
    return 2 * unpacked.astype(np.float64) - 1


@plain_numbers
def linear_complexity(
    points: Any,
    radius: float = 1.0,
    *,
    sign_vectors: int = 1000,
    failure_probability: float = 0.05,
    seed: int = 0,
) -> RademacherComplexity:
    """R_n of {x -> <w, x> : ||w||_2 <= radius} on points (n, d), or (n, ...) flattened, of any real dtype.

    Exact for n <= 16; else from so many random sign vectors, with an interval. Sums are in float64, a block of rows at
    a time. Raises ValueError for empty or infinite points, a negative radius, or a probability outside (0, 1).
    """
    points = as_points(points)
    _require_radius(radius)
    unit = exponent(points)

    def supremum(signs: Float64Array) -> Float64Array:
        sums = np.zeros((len(signs), points.shape[1]))
        for rows in blocks(len(points), 8 * points.shape[1]):
            sums += signs[:, rows] @ scaled(points[rows].astype(np.float64), -unit)
        norms: Float64Array = np.linalg.norm(sums, axis=1)
        return radius / len(points) * norms

    magnitudes = radius * math.sqrt(_squared_norms(points, unit).sum())
    return _expected(supremum, len(points), magnitudes, sign_vectors, failure_probability, seed, unit)


@plain_numbers
def linear_complexity_bound(points: Any, radius: float = 1.0) -> float:
    """The upper bound (radius/n) sqrt(sum_i ||x_i||^2) of `linear_complexity`, at most sqrt(2) too large."""
    points = as_points(points)
    _require_radius(radius)
    unit = exponent(points)
    return scaled_number(float(radius * math.sqrt(_squared_norms(points, unit).sum()) / len(points)), unit)


@plain_numbers
def kernel_complexity(
    gram: Any,
    radius: float = 1.0,
    *,
    sign_vectors: int = 1000,
    failure_probability: float = 0.05,
    seed: int = 0,
) -> RademacherComplexity:
    """R_n of the functions of norm at most `radius` in the Hilbert space of a kernel with Gram matrix (n, n).

    As `linear_complexity`, which is the case of gram = X X^T. Raises ValueError also for a matrix that is not square,
    not symmetric, or indefinite by the look of its diagonal: negative there, or too small for an entry beside it.
    """
    gram, unit = _as_gram(gram)
    _require_radius(radius)
    n = len(gram)

    def supremum(signs: Float64Array) -> Float64Array:
        # sigma^T K sigma >= 0 exactly; rounding may leave it a little below.
        squares = np.maximum(((signs @ gram) * signs).sum(1), 0.0)
        roots: Float64Array = np.sqrt(squares)
        return radius / n * roots

    magnitudes = radius * math.sqrt(float(np.trace(gram)))
    return _expected(supremum, n, magnitudes, sign_vectors, failure_probability, seed, unit)


@plain_numbers
def kernel_complexity_bound(gram: Any, radius: float = 1.0) -> float:
    """The upper bound (radius/n) sqrt(tr K) of `kernel_complexity`, at most sqrt(2) too large."""
    gram, unit = _as_gram(gram)
    _require_radius(radius)
    return scaled_number(radius * math.sqrt(float(np.trace(gram))) / len(gram), unit)


@plain_numbers
def finite_complexity(
    predictions: Any, *, sign_vectors: int = 1000, failure_probability: float = 0.05, seed: int = 0
) -> RademacherComplexity:
    """R_n of a finite class, given the values (classes' functions, n) that its functions take on the sample.

    Exact for n <= 16, else with an interval. Raises ValueError for empty or infinite predictions.
    """
    values = as_points(predictions, "predictions").astype(np.float64)
    n, unit = values.shape[1], exponent(values)
    values = scaled(values, -unit)
    magnitudes = float(np.linalg.norm(np.abs(values).max(0)))
    return _expected(
        lambda signs: (signs @ values.T).max(1) / n, n, magnitudes, sign_vectors, failure_probability, seed, unit
    )


def finite_complexity_bound(predictions: Any) -> float:
    """Massart's bound on `finite_complexity`: the largest norm of a row, times sqrt(2 log of the distinct rows) / n."""
    values = np.unique(as_points(predictions, "predictions").astype(np.float64), axis=0)
    unit = exponent(values)
    longest = float(np.linalg.norm(scaled(values, -unit), axis=1).max())
    return scaled_number(longest * math.sqrt(2 * math.log(len(values))) / values.shape[1], unit)


@plain_numbers
def rademacher_of_fitter(
    fit: Callable[[Float64Array, int], Any],
    n: int,
    sign_vectors: int | None = 20,
    *,
    failure_probability: float = 0.05,
    seed: int = 0,
) -> RademacherComplexity:
    """The mean correlation with random signs that a fitting procedure attains: a lower bound of its class's R_n.

    Arguments:
        fit: (signs (n,) float64 of -1 and 1, a seed) -> values (n,) in [-1, 1] that a function of the class, fitted to
            those signs, takes on the sample; numpy or torch. Threshold or clip a network's outputs: then the class is
            that of thresholded or clipped networks.
        n: size of the sample, which `fit` knows.
        sign_vectors: how many are drawn; None for all 2^n of them (n <= 16).
        failure_probability: the probability that the interval misses, over the sign vectors.
        seed: the seed of the sign vectors; `fit` gets seed, seed + 1, ... .

    `value` is the mean attained. `lower` bounds R_n of the class of all functions that `fit` can return, as in the
    module's docstring; `upper` is 1, the trivial bound: a better procedure may fit better.
    Raises ValueError for values of another shape or outside [-1, 1].
    """
    require_probability(failure_probability)
    signs = all_signs(n) if sign_vectors is None else random_signs(n, sign_vectors, seed)
    attained = []
    for index, sign_vector in enumerate(signs):
        returned = fit(sign_vector.copy(), seed + index)
        values = as_real(returned, "the values that fit returned").astype(np.float64)
        if values.shape != (n,):
            raise ValueError(f"fit must return {n} values, one for each sign, got shape {values.shape}")
        if not np.abs(values).max() <= 1:
            raise ValueError("fit returned values outside [-1, 1]: threshold them by their sign, or clip them")
        attained.append(float(sign_vector @ values) / n)
    mean = math.fsum(attained) / len(attained)
    if sign_vectors is None:
        return RademacherComplexity(mean, mean, 1.0, 0.0, len(signs))
    half_width = math.sqrt(2 * math.log(1 / failure_probability) / (n * len(signs)))
    return RademacherComplexity(mean, mean - half_width, 1.0, failure_probability, len(signs))


@plain_numbers
def rademacher_bound(training_error: float, complexity: float, n: int, *, failure_probability: float = 0.05) -> Bound:
    """Training error + R_n(H) + 3 sqrt(log(2/delta) / (2n)), H with values in {-1, 1}.

    Arguments:
        training_error: share of training labels missed.
        complexity: R_n(H), or an upper bound of it. With a *lower* bound the result is a lower bound of what any
            Rademacher bound can say: enough to call it vacuous.

    Raises ValueError for an error outside [0, 1], a complexity that is negative or not a number, n < 1 or a probability
    outside (0, 1).
    """
    require_error(training_error)
    if not complexity >= 0:
        raise ValueError(f"complexity must be a number of at least 0, got {complexity}")
    return Bound(
        "Rademacher",
        training_error + complexity + deviation(n, failure_probability),
        "test error (0-1) of every function of the class",
        "Zhang et al. 2017, section 2.2; Mohri, Rostamizadeh, Talwalkar 2018, theorem 3.5",
        failure_probability,
    )


def _expected(
    supremum: Supremum,
    n: int,
    magnitudes: float,
    sign_vectors: int,
    failure_probability: float,
    seed: int,
    unit: int,
) -> RademacherComplexity:
    """The expectation of the supremum, which is in units of 2^unit; magnitudes is sqrt(sum_i b_i^2) in the same."""
    require_probability(failure_probability)
    if n <= _ENUMERATED:
        exact = scaled_number(float(supremum(all_signs(n)).mean()), unit)
        return RademacherComplexity(exact, exact, exact, 0.0, 2**n)
    mean = float(supremum(random_signs(n, sign_vectors, seed)).mean())
    half_width = magnitudes / n * math.sqrt(2 * math.log(2 / failure_probability) / sign_vectors)
    value, lower, upper = (scaled_number(number, unit) for number in (mean, mean - half_width, mean + half_width))
    return RademacherComplexity(value, lower, upper, failure_probability, sign_vectors)


def _squared_norms(points: Any, unit: int) -> Float64Array:
    """||x_i / 2^unit||^2, (n,)."""
    norms = np.empty(len(points))
    for rows in blocks(len(points), 8 * points.shape[1]):
        norms[rows] = (scaled(points[rows].astype(np.float64), -unit) ** 2).sum(1)
    return norms


def _as_gram(gram: Any) -> tuple[Float64Array, int]:
    """The matrix / 4^unit, and the unit of what is linear in its square roots."""
    matrix = as_points(gram, "gram").astype(np.float64)
    unit = exponent(matrix, moderate=0) // 2
    matrix = scaled(matrix, -2 * unit)
    if matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T):
        raise ValueError(f"gram must be a symmetric matrix (n, n), got shape {matrix.shape}")
    if matrix.diagonal().min() < 0:
        raise ValueError("gram has a negative diagonal entry: it is not positive semi-definite")
    # |k(x, z)|^2 <= k(x, x) k(z, z), up to what float32 makes of products of a few thousand terms.
    lengths = np.sqrt(matrix.diagonal())
    if (np.abs(matrix) > np.multiply.outer(lengths, lengths) * (1 + _GRAM_ROUNDING)).any():
        raise ValueError("gram has an entry above the root of the product of its diagonal entries: it is indefinite")
    return matrix, unit


_GRAM_ROUNDING = 1e-3


def _require_radius(radius: float) -> None:
    if not 0 <= radius < math.inf:
        raise ValueError(f"radius must be finite and not negative, got {radius}")
