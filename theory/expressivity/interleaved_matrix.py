"""Lemma 1: the matrix A = [max(z_i - b_j, 0)], exactly, and when its smallest eigenvalue bounds the weights.

Throughout b_1 < z_1 <= b_2 < z_2 <= ... <= b_n < z_n. Theorem 1 of Zhang et al. 2017 fits labels y on points
whose projections are z by the weights w with A w = y. Lemma 1 says that A is lower triangular with a positive
diagonal d_j = z_j - b_j: its determinant is prod d_j, its rank n, its eigenvalues are the d_j, the smallest
lambda = min d_j. The paper adds that this eigenvalue can be used to give reasonable bounds on w (claim C19).
Whether it can depends on the place of the biases alone, as follows.

**Factors.** Let g_1 = 0 and g_j = b_j - z_{j-1} >= 0 for j >= 2, L the lower triangle of ones, Z the shift
(Z v)_j = v_{j-1}, so that L^-1 = I - Z. Then

    A = L B L,   B = diag(d) + diag(g) Z.

*Proof.* s = L w are the slopes of the interpolant: s_j holds between b_j and b_{j+1}. From z_{j-1} to z_j it
climbs g_j s_{j-1} + d_j s_j = (B s)_j, and y = A w sums the climbs.

**Inverse.** Write r_j = g_j / d_j, the *feedback ratio*; a bias at z_j - eps (z_j - z_{j-1}) has
r_j = (1 - eps)/eps. Then A^-1 = (I - Z) (I + diag(r) Z)^-1 diag(1/d) (I - Z), and column j of it has, in the
rows j, j+1 and k >= j+2,

    1/d_j,
    -(1/d_{j+1} + (1 + r_{j+1})/d_j),
    (-1)^(k-j) (1 + r_k) r_{k-1} ... r_{j+2} (1/d_{j+1} + r_{j+1}/d_j).

So (a) the signs of A^-1 form a chequerboard: of all labels in [-1, 1] the alternating ones +-1 ask for the
largest weights, in every row at once; (b) |A^-1| grows with every r_j and every 1/d_j, entry by entry; (c)
|A^-1| is made by adding and multiplying non-negative numbers, which floats do without cancellation.

**Theorem.** Let kappa_1 = 1 and, for n >= 2, kappa_n(rho) = 3 + rho + (1 + rho)^2 sum_{k=0}^{n-3} rho^k. Then

    kappa_n(min r_j) / max d_j  <=  ||A^-1||_p  <=  kappa_n(max r_j) / min d_j     for p = 1 and infinity

with the extrema of r_j over j >= 2. For equal gaps h and b_j = z_j - eps h both sides are equal: d_j = eps h
and r_j = (1 - eps)/eps. The upper bound holds for p = 2 as well.
*Proof.* By (b) it is enough to sum the first column, or the last row, for equal d_j and equal r_j. For p = 2
use ||.||_2^2 <= ||.||_1 ||.||_inf.

**The paper's remark** in these terms, with rho = max r_j, whatever the gaps, and with ||w|| and ||y|| both in
the 1-norm, the 2-norm or the maximum norm:

* rho < 1 (each bias is nearer to the point before it): ||w|| <= 4/(1 - rho) ||y|| / lambda for every n. The
  remark holds. No smaller constant does for all n. For equal gaps: max|w| <= 4 max|y| / ((2 eps - 1) h).
* rho = 0 (b_j = z_{j-1}): the constant is 4, attained for every n >= 3 by equal gaps and alternating labels,
  and A^-1 takes second differences: w_j = t_j - t_{j-1} with t_j = (y_j - y_{j-1}) / (z_j - z_{j-1}).
* rho = 1 (midpoints): no constant does. The bound is ||w|| <= 4 (n - 1) ||y|| / lambda (n >= 2), attained in
  the maximum norm by equal gaps and alternating labels; the single entries of A^-1 stay within 4/lambda.
* rho > 1: the bound grows like rho^n. *Counter-example in integers:* z = (3, 6, ..., 3n),
  b = (2, 5, ..., 3n - 1), rho = 2, labels (1, 0, ..., 0): for every n >= 3 lambda = 1 and w_n = 9 (-2)^(n-3).
  By the lower bound no choice of bounded gaps helps as long as all r_j >= rho > 1.

What does bound w is the smallest singular value, sigma_min = 1/||A^-1||_2. It lies between
lambda / kappa_n(rho) and lambda.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import require_unmasked
from theory.common.lazy_import import lazy_import
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import generator
from theory.proofs.theorems import proof

if TYPE_CHECKING:
    import flint
else:
    flint = lazy_import("flint")

Float64Array = npt.NDArray[np.float64]
Numbers = Sequence[int | float | Fraction] | npt.NDArray[Any]
"""A vector of numbers, each taken for the rational number it is."""

_SQUARINGS = 18
_PERRON_STEPS = 4
_PERRON_BITS = 64


def as_rationals(values: Numbers, name: str) -> list[Fraction]:
    """The numbers of a vector, exactly.

    Raises, naming the argument, ValueError unless all are finite, and TypeError for a masked array or complex numbers.
    """
    require_unmasked(values, name)
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {values.shape}")
    numbers = values.tolist() if hasattr(values, "tolist") else list(values)
    return [_rational(number, f"{name}[{index}]") for index, number in enumerate(numbers)]


def _rational(number: Any, name: str) -> Fraction:
    """The rational number that a number of any type is, of Python's integers: NumPy's overflow in a fraction."""
    if isinstance(number, np.ndarray) and number.ndim == 0:
        number = number.item()
    if isinstance(number, Integral):
        return Fraction(int(number))
    try:
        return Fraction(*map(int, number.as_integer_ratio()))
    except (OverflowError, ValueError):  # infinity and NaN have no ratio
        raise ValueError(f"{name.partition('[')[0]} must be finite, got {name} = {number}") from None
    except AttributeError:
        raise TypeError(f"{name.partition('[')[0]} must hold real numbers, got {name} = {number}") from None


def interleaved_matrix(z: Numbers, b: Numbers) -> Float64Array:
    """The matrix [max(z_i - b_j, 0)] of Lemma 1, shape (n, n), float64.

    Entries are rounded once if z and b are float64; numbers that float64 does not hold are rounded first.

    Arguments:
        z: the projected points, shape (n,), ascending.
        b: the biases, shape (n,), with b[j] < z[j] <= b[j + 1].

    Raises ValueError, naming the first index, where z and b do not interleave or are not finite;
    OverflowError if a difference leaves float64's range.
    """
    _differences(z, b)
    with np.errstate(over="ignore"):
        matrix = np.maximum(np.subtract.outer(np.asarray(z, np.float64), np.asarray(b, np.float64)), 0.0)
    return _finite(matrix)


def exact_interleaved_matrix(z: Numbers, b: Numbers) -> flint.fmpq_mat:
    """The matrix of `interleaved_matrix` over the rationals. Raises ValueError as that does."""
    _differences(z, b)
    points, biases = as_rationals(z, "z"), as_rationals(b, "b")
    return _fmpq_matrix([[max(point - bias, Fraction(0)) for bias in biases] for point in points])


def eigenvalues(z: Numbers, b: Numbers) -> list[Fraction]:
    """The eigenvalues z_j - b_j of A, exactly, in the order of the points. Raises ValueError as above."""
    return _differences(z, b)[0]


def feedback_ratios(z: Numbers, b: Numbers) -> list[Fraction]:
    """r_j = (b_j - z_{j-1}) / (z_j - b_j) for j = 2 .. n, exactly. Raises ValueError as above."""
    return _ratios(*_differences(z, b))[1:]


def biases_before(z: Numbers, eps: Fraction | float) -> list[Fraction]:
    """The biases b_j = z_j - eps (z_j - z_{j-1}), exactly; eps = 1 puts them on the previous points.

    The first point has no gap before it and takes the second's (1 if there is no second).
    Raises ValueError if eps is not in (0, 1] or z does not ascend.
    """
    share = _rational(eps, "eps")
    if not 0 < share <= 1:
        raise ValueError(f"eps must be in (0, 1], got {eps}")
    points = as_rationals(z, "z")
    gaps = [after - before for before, after in itertools.pairwise(points)]
    for j, gap in enumerate(gaps):
        if gap <= 0:
            raise ValueError(f"z must ascend, got z[{j}] = {z[j]} and z[{j + 1}] = {z[j + 1]}")
    gaps_before = [*gaps[:1], *gaps] or [Fraction(1)] * len(points)
    return [point - share * gap for point, gap in zip(points, gaps_before, strict=True)]


@plain_numbers
def weight_bound(n: int, ratio: Fraction | float) -> Fraction:
    """kappa_n(ratio): the largest ||A^-1|| min(z_i - b_i) with n points and feedback ratios up to `ratio`.

    Exact; for the norms induced by the 1-norm and the maximum norm. Raises ValueError for n < 1 or ratio < 0.
    """
    rho = _rational(ratio, "ratio")
    if n < 1 or rho < 0:
        raise ValueError(f"n must be at least 1 and ratio at least 0, got n = {n}, ratio = {ratio}")
    if n == 1:
        return Fraction(1)
    powers = Fraction(n - 2) if rho == 1 else (1 - rho ** (n - 2)) / (1 - rho)
    return 3 + rho + (1 + rho) ** 2 * powers


def interleaved_weights(z: Numbers, b: Numbers, y: Numbers) -> list[Fraction]:
    """The weights w with A w = y, exactly, in O(n) operations: differences of the interpolant's slopes.

    Arguments:
        z, b: interleaved, as in `interleaved_matrix`.
        y: labels, shape (n,).

    Raises ValueError as `interleaved_matrix` does, and if there are not n labels.
    """
    diagonal, offsets = _differences(z, b)
    labels = as_rationals(y, "y")
    if len(labels) != len(diagonal):
        raise ValueError(f"y must hold {len(diagonal)} labels, got {len(labels)}")
    weights = []
    slope = label_before = Fraction(0)
    for d, g, label in zip(diagonal, offsets, labels, strict=True):
        slope_before, slope = slope, (label - label_before - g * slope) / d
        label_before = label
        weights.append(slope - slope_before)
    return weights


def interleaved_inverse(z: Numbers, b: Numbers) -> Float64Array:
    """A^-1 in float64, shape (n, n), each entry to a relative error of at most about 4n units of round-off.

    The entries are sums of products of positive numbers, so no conditioning of A spoils them.
    Raises ValueError as `interleaved_matrix` does, OverflowError if an entry leaves float64's range (about
    r^n / d for feedback ratios r > 1).
    """
    diagonal, offsets = _differences(z, b)
    n = len(diagonal)
    reciprocals = [float(1 / d) for d in diagonal]
    ratios = [float(ratio) for ratio in _ratios(diagonal, offsets)]
    with np.errstate(over="ignore", invalid="ignore"):
        absolute = _finite(np.array(_absolute_inverse_times(reciprocals, ratios, np.eye(n))))
    chequerboard = 1.0 - 2.0 * (np.add.outer(np.arange(n), np.arange(n)) % 2)
    return absolute * chequerboard


def inverse_norm(z: Numbers, b: Numbers) -> Fraction:
    """||A^-1||_inf, exactly: the largest weight that labels in [-1, 1] can ask for, in O(n) operations.

    Alternating labels ask for it (the module's docstring). Raises ValueError as `interleaved_matrix` does.
    """
    signs = [(-1) ** j for j in range(len(z))]
    return max(abs(weight) for weight in interleaved_weights(z, b, signs))


def smallest_singular_value(z: Numbers, b: Numbers) -> float:
    """sigma_min(A) = 1/||A^-1||_2 to a relative error of about 5n units of round-off, however small it is.

    An SVD of A itself is lost once sigma_min < 1e-16 ||A||; that of the entrywise accurate inverse is not,
    for there the value is the largest one. Raises as `interleaved_inverse` does.
    """
    return float(1.0 / np.linalg.norm(interleaved_inverse(z, b), 2))


def condition_number(z: Numbers, b: Numbers) -> float:
    """||A||_2 ||A^-1||_2, to the relative accuracy of `smallest_singular_value`. Raises as that does."""
    return float(np.linalg.norm(interleaved_matrix(z, b), 2)) / smallest_singular_value(z, b)


def smallest_singular_value_bounds(z: Numbers, b: Numbers) -> tuple[Fraction, Fraction]:
    """Rational numbers lower <= sigma_min(A) <= upper, proved: exact arithmetic, rounded outward at the end.

    M = |A^-1|^T |A^-1| has the eigenvalues of A^-T A^-1 (the signs form a chequerboard), and no negative
    entry: by Collatz and Wielandt, min_i (Mv)_i / v_i <= ||M|| <= max_i (Mv)_i / v_i for every positive v.
    Floats propose v; a bad v makes the bounds wide, never wrong. Their relative distance is usually 1e-15.
    Raises ValueError as `interleaved_matrix` does.
    """
    diagonal, offsets = _differences(z, b)
    reciprocals, ratios = [1 / d for d in diagonal], _ratios(diagonal, offsets)
    vector = _dominant_vector(z, b)
    for _ in range(_PERRON_STEPS):
        image = _gram_times(reciprocals, ratios, vector)
        vector = [_rounded_down(component / max(image)) for component in image]
    quotients = [u / v for u, v in zip(_gram_times(reciprocals, ratios, vector), vector, strict=True)]
    return _root_below(1 / max(quotients)), 1 / _root_below(min(quotients))


def _differences(z: Numbers, b: Numbers) -> tuple[list[Fraction], list[Fraction]]:
    """(d, g), which are non-negative exactly when z and b interleave; ValueError where they do not."""
    points, biases = as_rationals(z, "z"), as_rationals(b, "b")
    if not points or len(points) != len(biases):
        raise ValueError(f"z and b must be of one length, at least 1, got {len(points)} and {len(biases)}")
    diagonal, offsets = [], []
    for j, (point, bias) in enumerate(zip(points, biases, strict=True)):
        before = points[j - 1] if j else bias
        if bias < before:
            raise ValueError(f"z and b must interleave: z[{j - 1}] = {z[j - 1]} exceeds b[{j}] = {b[j]}")
        if point <= bias:
            raise ValueError(f"z and b must interleave: b[{j}] = {b[j]} is not below z[{j}] = {z[j]}")
        diagonal.append(point - bias)
        offsets.append(bias - before)
    return diagonal, offsets


def _ratios(diagonal: Sequence[Fraction], offsets: Sequence[Fraction]) -> list[Fraction]:
    return [g / d for g, d in zip(offsets, diagonal, strict=True)]


def _absolute_inverse_times(reciprocals: Sequence[Any], ratios: Sequence[Any], rows: Iterable[Any]) -> list[Any]:
    """|A^-1| V, row by row: (I + Z) (I - diag(r) Z)^-1 diag(1/d) (I + Z) V. Rows are numbers or arrays."""
    product = []
    slope: Any = 0
    row_before: Any = 0
    for reciprocal, ratio, row in zip(reciprocals, ratios, rows, strict=True):
        slope_before, slope = slope, ratio * slope + reciprocal * (row + row_before)
        row_before = row
        product.append(slope + slope_before)
    return product


def _absolute_inverse_transposed_times(
    reciprocals: Sequence[Fraction], ratios: Sequence[Fraction], vector: Sequence[Fraction]
) -> list[Fraction]:
    product = []
    entry_after = carried = scaled_after = Fraction(0)
    for reciprocal, ratio, entry in zip(reversed(reciprocals), reversed(ratios), reversed(vector), strict=True):
        total = entry + entry_after + carried
        product.append(total * reciprocal + scaled_after)
        entry_after, carried, scaled_after = entry, ratio * total, total * reciprocal
    return product[::-1]


def _gram_times(
    reciprocals: Sequence[Fraction], ratios: Sequence[Fraction], vector: Sequence[Fraction]
) -> list[Fraction]:
    image = _absolute_inverse_times(reciprocals, ratios, vector)
    return _absolute_inverse_transposed_times(reciprocals, ratios, image)


def _dominant_vector(z: Numbers, b: Numbers) -> list[Fraction]:
    """A positive vector near the Perron vector of |A^-1|^T |A^-1|; ones if that is out of floats' reach.

    By repeated squaring: sums and products of non-negative floats keep even its smallest components accurate.
    """
    try:
        absolute = np.abs(interleaved_inverse(z, b))
    except OverflowError:
        return [Fraction(1)] * len(z)
    absolute /= absolute.max()
    power = absolute.T @ absolute
    for _ in range(_SQUARINGS):
        power /= power.max()
        power = power @ power
    vector = np.maximum(power.sum(axis=1), np.finfo(float).tiny)
    return [Fraction(component) for component in vector.tolist()]


def _rounded_down(value: Fraction) -> Fraction:
    """A positive rational, rounded down to `_PERRON_BITS` significant bits, or one fewer."""
    shift = _PERRON_BITS - value.numerator.bit_length() + value.denominator.bit_length()
    return Fraction(math.floor(value * Fraction(2) ** shift)) / Fraction(2) ** shift


def _root_below(value: Fraction) -> Fraction:
    """The square root of a positive rational, from below, to a relative error of at most 2^-62."""
    shift = _PERRON_BITS - (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    return Fraction(math.isqrt(math.floor(value * Fraction(4) ** shift))) / Fraction(2) ** shift


def _finite(matrix: Float64Array) -> Float64Array:
    if not np.isfinite(matrix).all():
        raise OverflowError("an entry leaves float64's range: rescale the points, or use the exact functions")
    return matrix


def _fmpq_matrix(rows: Sequence[Sequence[Fraction]]) -> flint.fmpq_mat:
    return flint.fmpq_mat([[flint.fmpq(entry.numerator, entry.denominator) for entry in row] for row in rows])


def _fraction(number: flint.fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _column(values: Sequence[Fraction]) -> flint.fmpq_mat:
    return _fmpq_matrix([[value] for value in values])


def _random_interleaved(rng: np.random.Generator, n: int, most: Fraction) -> tuple[list[Fraction], list[Fraction]]:
    """Random rationals that interleave, with feedback ratios in [0, most], a third of them 0."""
    z, b = [], []
    point = Fraction(int(rng.integers(-1000, 1000)), 7)
    for j in range(n):
        d = Fraction(int(rng.integers(1, 1000)), int(rng.integers(1, 1000)))
        share = Fraction(int(rng.integers(0, 101)), 100) if j and rng.random() < 2 / 3 else Fraction(0)
        b.append(point + share * most * d)
        z.append(b[-1] + d)
        point = z[-1]
    return z, b


def _check_rank(seed: int) -> Evidence:
    rng = generator(seed, "lemma-1-rank")
    sizes = [1, 2, *rng.integers(3, 30, size=6).tolist()]
    holds = True
    for n in sizes:
        z, b = _random_interleaved(rng, n, Fraction(5))
        matrix = exact_interleaved_matrix(z, b)
        product = math.prod(eigenvalues(z, b))
        holds &= matrix.det() == flint.fmpq(product.numerator, product.denominator) and matrix.rank() == n
    return Evidence(
        verdict(holds),
        f"rank and determinant of {len(sizes)} random rational matrices, n = 1 to {max(sizes)}",
        "rank n, determinant prod (z_i - b_i), exactly",
        "rational arithmetic by general algorithms that do not know that A is triangular",
    )


def _check_eigenvalue(seed: int) -> Evidence:
    rng = generator(seed, "lemma-1-eigenvalue")
    sizes = [1, 2, *rng.integers(3, 16, size=4).tolist()]
    holds = True
    for n in sizes:
        z, b = _random_interleaved(rng, n, Fraction(5))
        roots = [flint.fmpq(root.numerator, root.denominator) for root in eigenvalues(z, b)]
        product = math.prod((flint.fmpq_poly([-root, 1]) for root in roots), start=flint.fmpq_poly([1]))
        characteristic = exact_interleaved_matrix(z, b).charpoly()
        holds &= characteristic == product and characteristic(min(roots)) == 0
    return Evidence(
        verdict(holds),
        f"characteristic polynomial of {len(sizes)} random rational matrices, n = 1 to {max(sizes)}",
        "prod (t - (z_i - b_i)), coefficient by coefficient; so the smallest root is min (z_i - b_i)",
        "rational arithmetic; the polynomial is computed from the whole matrix",
    )


def _check_weights_bounded(seed: int) -> Evidence:
    rng = generator(seed, "lemma-1-weights-bounded")
    holds = True
    closest = Fraction(0)
    for most in (Fraction(0), Fraction(int(rng.integers(1, 100)), 100), Fraction(1), Fraction(3)):
        for n in (1, 2, 3, int(rng.integers(4, 25))):
            z, b = _random_interleaved(rng, n, most)
            inverse = exact_interleaved_matrix(z, b).inv().tolist()
            absolute = [[abs(_fraction(entry)) for entry in row] for row in inverse]
            diagonal, ratios = eigenvalues(z, b), feedback_ratios(z, b)
            upper = weight_bound(n, max(ratios, default=0)) / min(diagonal)
            lower = weight_bound(n, min(ratios, default=0)) / max(diagonal)
            norms = [max(map(sum, lines)) for lines in (absolute, zip(*absolute, strict=True))]
            holds &= lower <= min(norms) and max(norms) <= upper and norms[0] == inverse_norm(z, b)
            closest = max(closest, max(norms) / upper)
    return Evidence(
        verdict(holds),
        f"largest row and column sum of 16 exact inverses: at most {float(closest):.3f} of the upper bound",
        "kappa_n(min r_j) / max d_j to kappa_n(max r_j) / min d_j; alternating labels ask for the row sum",
        "the theorem in theory.expressivity.interleaved_matrix; rational arithmetic, no tolerance",
    )


def _check_eigenvalue_remark(seed: int) -> Evidence:
    rng = generator(seed, "lemma-1-eigenvalue-remark")
    n = int(rng.integers(20, 40))
    constants = {}
    holds = True
    for eps in (Fraction(1), Fraction(int(rng.integers(51, 100)), 100), Fraction(1, 2), Fraction(1, 3)):
        z = range(1, n + 1)
        b = biases_before(z, eps)
        signs = _column([Fraction((-1) ** j) for j in range(n)])
        weights = exact_interleaved_matrix(z, b).solve(signs).entries()
        largest = max(abs(_fraction(weight)) for weight in weights)
        constants[eps] = largest * min(eigenvalues(z, b))
        rho = (1 - eps) / eps
        holds &= constants[eps] == weight_bound(n, rho) and (rho >= 1 or constants[eps] <= 4 / (1 - rho))
    holds &= constants[Fraction(1)] == 4 and constants[Fraction(1, 2)] == 4 * (n - 1)
    multiples, below = range(3, 3 * n + 1, 3), range(2, 3 * n, 3)
    first = _column([Fraction(j == 0) for j in range(n)])
    last = exact_interleaved_matrix(multiples, below).solve(first).entries()[-1]
    holds &= min(eigenvalues(multiples, below)) == 1 and last == 9 * (-2) ** (n - 3)
    listing = ", ".join(f"{float(constant):.4g} at eps = {eps}" for eps, constant in constants.items())
    return Evidence(
        verdict(holds),
        f"n = {n}, equal gaps, labels +-1: max |w| times the smallest eigenvalue is {listing}; "
        f"with eigenvalue 1 and labels 1, 0, ..., 0 the last weight is {last}",
        "4/(1 - rho) if rho = (1 - eps)/eps < 1; exactly 4(n - 1) at eps = 1/2; exactly 9 (-2)^(n-3)",
        "the theorem in theory.expressivity.interleaved_matrix; rational weights by a general solver",
    )


def _check_singular_value(seed: int) -> Evidence:
    rng = generator(seed, "lemma-1-singular-value")
    n = 50
    even = [Fraction(j) for j in range(1, n + 1)]
    instances = [(even, biases_before(even, Fraction(k, 4))) for k in (1, 2, 3, 4)]
    instances.append(_random_interleaved(rng, n, Fraction(1, 2)))
    holds = True
    values = []
    for z, b in instances:
        lower, upper = smallest_singular_value_bounds(z, b)
        smallest = min(eigenvalues(z, b))
        holds &= smallest / weight_bound(n, max(feedback_ratios(z, b))) <= lower and upper <= smallest
        holds &= lower <= upper <= lower * (1 + Fraction(1, 10**6))
        values.append(f"{float(lower):.4g}")
    in_doubles = np.linalg.svd(interleaved_matrix(*instances[0]), compute_uv=False)[-1]
    return Evidence(
        verdict(holds),
        f"n = 50, gaps 1: sigma_min = {', '.join(values[:4])} at eps = 1/4, 1/2, 3/4, 1 (an SVD of A in "
        f"doubles gives {in_doubles:.1e} for the first); {values[4]} on random gaps",
        "lambda / kappa_n(max r_j) <= sigma_min <= lambda; the enclosure's relative width at most 1e-6",
        "rational enclosures by Collatz and Wielandt's quotients of |A^-1|^T |A^-1|",
    )


_SOURCE = "Zhang et al. 2017, appendix C, Lemma 1 (claim C19)"

CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "lemma-1-rank",
            "The matrix [max(z_i - b_j, 0)] of interleaved sequences has full rank.",
            _SOURCE,
            proof("lemma_1"),
        ),
        _check_rank,
    ),
    CheckedClaim(
        Claim(
            "lemma-1-eigenvalue",
            "Its eigenvalues are z_i - b_i, the smallest min_i (z_i - b_i).",
            _SOURCE,
            proof("lemma_1"),
        ),
        _check_eigenvalue,
    ),
    CheckedClaim(
        Claim(
            "lemma-1-weights-bounded",
            "The weights for labels in [-1, 1] are at most kappa_n(rho) / lambda, with lambda the smallest "
            "eigenvalue and rho the largest (b_j - z_{j-1}) / (z_j - b_j); if rho < 1, at most "
            "4 / ((1 - rho) lambda).",
            f"theorem of this package, after {_SOURCE}",
        ),
        _check_weights_bounded,
    ),
    CheckedClaim(
        Claim(
            "lemma-1-eigenvalue-remark",
            "The smallest eigenvalue bounds the weights by a constant that does not depend on n exactly when "
            "the biases keep rho below 1: the bound grows linearly at rho = 1 (midpoints), exponentially "
            "beyond. So the paper's remark is true of biases near the previous point, not of every choice.",
            f"theorem of this package, deciding the remark after {_SOURCE}",
        ),
        _check_eigenvalue_remark,
    ),
    CheckedClaim(
        Claim(
            "lemma-1-singular-value",
            "The smallest singular value lies between lambda / kappa_n(rho) and lambda: it is below 1e-16 "
            "for 50 points at distance 1 with biases 1/4 before them; the smallest eigenvalue is 1/4.",
            f"theorem of this package, after {_SOURCE}",
        ),
        _check_singular_value,
    ),
)
