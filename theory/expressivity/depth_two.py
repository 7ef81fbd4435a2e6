r"""Theorem 1: a depth-2 ReLU network with 2n + d weights that interpolates any n labels.

Zhang et al. 2017, section 4 and appendix C: for n distinct points x_i in R^d and any real labels y_i there are
a in R^d and b, w in R^n with

    c(x) = sum_j w_j max(<a, x> - b_j, 0),    c(x_i) = y_i for every i.

*Construction.* Take a direction a under which the projections z_i = <a, x_i> differ, sort by z, and choose biases
b_1 < z_1 <= b_2 < z_2 <= ... <= b_n < z_n. The matrix max(z_i - b_j, 0) is lower triangular with positive diagonal
(Lemma 1), so some w fits. Nothing needs to be solved: c is piecewise linear in z with its knots at the biases.

*Choice of biases.* Here b_{j+1} = z_j: a knot at every data point, and b_1 one median gap before z_1. Then c joins the
data by straight lines and the weights are differences of slopes,

    s_j = (y_j - y_{j-1}) / (z_j - b_j),    w_j = s_j - s_{j-1}     (y_0 = s_0 = 0),

so |w_j| <= 4 max|y| / min gap. With a knot strictly inside the gap, at z_j - eps (z_j - z_{j-1}), the old slope lasts a
while longer and the new one must make up for it: slopes obey s_j = (secant_j - (1 - eps) s_{j-1}) / eps, errors and
weights grow like ((1 - eps)/eps)^n for eps < 1/2 and never shrink for eps = 1/2 (`interleaved_matrix`). On 50,000
CIFAR-10 images with random labels the plain sum errs by 1e-3 with midpoints, by 1e-6 with knots at data points.

*Choice of direction.* Rounding in <a, x> is multiplied by the slopes, about range/(min gap), so the best direction is
one that rounds nothing. For integer data (images) a random integer direction, as long as the products allow, makes
every projection an integer below 2^53: exact in float64 in any order of summation. For other data a standard normal
direction, each coordinate scaled by a power of two to the data's range.

*Choice of weights.* Rounding w_j to float64 perturbs c at all later points, so that errors add up. The weights
are therefore chosen one after another, each aiming at its label from where the network with the *rounded* weights
before it really is (kept in double-double). That makes errors local: 1e-11 instead of 1e-6 on CIFAR-10 for the
function that the float weights define. The loop is O(n) but interpreted: it is used up to `COMPENSATED_UP_TO`
points, the closed form beyond.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from theory import double_double
from theory.expressivity.points import (
    MAX_EXACT_INTEGER,
    Float64Array,
    as_float64,
    as_labels,
    as_points,
)
from theory.streams import generator

if TYPE_CHECKING:
    import torch

UNIT_ROUNDOFF = 2.0**-53
COMPENSATED_UP_TO = 2**17
"""Up to this many points the weights are chosen with feedback (module docstring)."""

_BLOCK_BYTES = 2**26  # what a temporary of the honest sum may take
_DIRECTIONS_TO_TRY = 4
_SAFE_EXTENT = (2.0**-400, 2.0**400)  # of the projections: slopes and their products stay far from overflow


@dataclass(frozen=True, eq=False)
class DepthTwoNetwork:
    """The network c(x) = sum_j w_j max(<a, x> - b_j, 0) of Theorem 1.

    Attributes:
        direction: a, float64 (d,).
        biases: b, float64 (n,), increasing.
        weights: w, float64 (n, k), one column an output.
        vector_output: whether an evaluation returns (m, k) (True) or (m,) (False, then k = 1).
    """

    direction: Float64Array
    biases: Float64Array
    weights: Float64Array
    vector_output: bool = False

    @property
    def num_weights(self) -> int:
        """Weights, counted as in Theorem 1: d + n + nk, which is 2n + d for one output."""
        return self.direction.size + self.biases.size + self.weights.size

    @property
    def num_units(self) -> int:
        """Hidden units, n."""
        return self.biases.size

    def project(self, points: Any) -> Float64Array:
        """z = <a, x> of each point, float64 (m,): a function of the point alone, whatever else is in the batch."""
        points = as_points(points)
        if points.shape[1] != self.direction.size:
            raise ValueError(f"points have {points.shape[1]} coordinates, the network takes {self.direction.size}")
        return _project(points, self.direction)

    def __call__(self, points: Any) -> Float64Array:
        """c at the points, by the stable route: O(md + (m + n) log n) time, O(m + n) memory beside the data.

        Between two knots c is a line; the running slope and value at each knot are accumulated in
        double-double, so that the result is that of the given float weights to a few units in the last place.
        """
        value, rise = self._at(self.project(points))
        return self._shaped(value + rise)

    def sum_of_relus(self, points: Any) -> Float64Array:
        """c at the points as Theorem 1 writes it: O(mn) time, in float64, terms added pairwise, in blocks of rows."""
        z = self.project(points)
        out = np.empty((len(z), self.weights.shape[1]))
        for rows in _blocks(len(z), 8 * self.num_units):
            hidden = np.maximum(z[rows, None] - self.biases, 0.0)
            for output, weights in enumerate(self.weights.T):
                out[rows, output] = _pairwise_sum(hidden * weights)
        return self._shaped(out)

    @cached_property
    def lipschitz_in_projection(self) -> float:
        """The largest |slope| of c as a function of z = <a, x>: c's Lipschitz constant is this times ||a||."""
        return float(np.abs(self._pieces[0]).max())

    def error_bound(self, points: Any, labels: Any, order: Literal["pairwise", "any"] = "any") -> Float64Array:
        """A proved bound on |computed c(x_i) - y_i| for float64 evaluations that add ReLUs up, shape of the labels.

        With u the unit round-off, gamma_m = mu/(1 - mu) (Higham 2002, section 3), and z the computed projections:

            |computed c(x_i) - y_i| <= |c(z_i) - y_i| + gamma_(m+3) sum_j |w_j| max(z_i - b_j, 0) + L delta_i

        m is the number of additions a term can go through: n for a sum in `any` order (a matrix product, on any
        device), ceil(log2 n) for the `pairwise` one of `sum_of_relus`; the other three roundings are those of the
        difference, the product, and a fused or separate first addition. The first term is what rounding the
        weights did, evaluated by the stable route and enlarged by its own error. delta_i bounds how far a
        projection computed in another order is from z_i, 2 gamma_d sum_k |a_k x_ik|, 0 where all is integer below
        2^53; L is the largest slope.
        """
        points = as_points(points)
        labels = as_labels(labels, len(points)).reshape(len(points), -1)
        z = self.project(points)
        value, rise = self._at(z)
        interpolation = np.abs(value + rise - labels) + 4 * UNIT_ROUNDOFF * (np.abs(value) + np.abs(rise))
        # sum_j |w_j| max(z - b_j, 0) in O(n): it is the same network with |w|, without any cancellation.
        magnitudes = DepthTwoNetwork(self.direction, self.biases, np.abs(self.weights), vector_output=True)
        additions = self.num_units if order == "any" else int(np.ceil(np.log2(self.num_units))) + 1
        summation = _gamma(additions + 3) * sum(magnitudes._at(z))
        if _is_exact_projection(points, self.direction):
            projection = np.zeros(len(z))
        else:
            projection = 2 * _gamma(self.direction.size) * _project(np.abs(points), np.abs(self.direction))
        bound = interpolation + summation + self.lipschitz_in_projection * projection[:, None]
        return self._shaped(bound * (1 + 1e-10))  # the bound itself was computed in float64

    def to_torch(self, dtype: "torch.dtype | None" = None, device: Any = None) -> "torch.nn.Module":
        """The same network as a torch module with exactly these parameters; float64 unless told otherwise."""
        from theory.expressivity.torch_export import DepthTwoModule

        return DepthTwoModule(self, dtype=dtype, device=device)

    def save(self, path: str | Path) -> None:
        """Write the network to `path`, an .npz file without pickles."""
        with open(path, "wb") as file:
            np.savez(
                file,
                direction=self.direction,
                biases=self.biases,
                weights=self.weights,
                vector_output=np.array(self.vector_output),
            )

    @classmethod
    def load(cls, path: str | Path) -> "DepthTwoNetwork":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["direction"], file["biases"], file["weights"], bool(file["vector_output"]))

    @cached_property
    def _pieces(self) -> tuple[Float64Array, Float64Array]:
        """Slope of each piece and value at its knot, both (n + 1, k); piece 0, before the first knot, is 0."""
        slopes = double_double.cumulative_sum((self.weights, np.zeros_like(self.weights)))
        widths = np.diff(self.biases)[:, None]  # exact up to rounding that `two_sum` returns
        _, widths_low = double_double.two_sum(self.biases[1:], -self.biases[:-1])
        rises = double_double.add(
            double_double.multiply((slopes[0][:-1], slopes[1][:-1]), widths),
            double_double.two_product(slopes[0][:-1], widths_low[:, None]),
        )
        values = double_double.cumulative_sum(rises)
        start = np.zeros((1, self.weights.shape[1]))
        return np.concatenate([start, slopes[0]]), np.concatenate([start, start, values[0]])

    def _at(self, z: Float64Array) -> tuple[Float64Array, Float64Array]:
        """c(z) as the value at the last knot before z plus the rise since, each (m, k)."""
        slopes, values = self._pieces
        piece = np.searchsorted(self.biases, z, side="left")  # number of knots below z
        since = z - self.biases[np.maximum(piece - 1, 0)]
        return values[piece], slopes[piece] * since[:, None]

    def _shaped(self, outputs: Float64Array) -> Float64Array:
        return outputs if self.vector_output else outputs[:, 0]


def relu_interpolant(points: Any, labels: Any, *, seed: int = 0) -> DepthTwoNetwork:
    """The network of Theorem 1 that takes the value labels[i] at points[i], for every i.

    Arguments:
        points: n points as rows, any real dtype, numpy or torch; images (n, ...) are flattened.
        labels: real labels (n,), or (n, k) for k outputs that share the direction and the biases.
        seed: of the random direction.

    Time O(nd + n log n), memory O(n) beside the data. Equal points with equal labels count once, so the network has
    2m + d weights for m distinct points, m(k + 1) + d for k outputs.

    Raises ValueError for bad points or labels (see `as_points`, `as_labels`), for equal points with different labels
    (naming the rows), and where float64 cannot do it: no direction tried separates the points, or a weight
    overflows. The exact construction, `exact_relu_interpolant`, has no such limits.
    """
    points = as_points(points, check_finite=False)  # a NaN or an infinity shows in the projections
    labels = as_labels(labels, len(points))
    if points.dtype.itemsize >= 8:
        points = as_float64(points, "points")
    for direction in _directions(points, seed):
        z = _project(points, direction)
        if not np.isfinite(z).all():
            as_points(points)  # says which rows, if it is not an overflow
            continue
        order = np.argsort(z, kind="stable")
        z = z[order]
        distinct = np.concatenate([[True], z[1:] > z[:-1]])
        if not distinct.all():
            if not _merge_duplicates(points, labels, order, distinct):
                continue  # different points, one projection: another direction
            order, z = order[distinct], z[distinct]
        extent = z[-1] - z[0] if len(z) > 1 else np.abs(z[0]) or 1.0
        if not _SAFE_EXTENT[0] <= extent <= _SAFE_EXTENT[1]:
            continue
        # Any b_1 < z_1 will do; the further away, the smaller the first weight. One range of the data it is.
        biases = np.concatenate([[z[0] - extent], z[:-1]])
        targets = labels[order].reshape(len(z), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.stack([_weights(z, biases, target) for target in targets.T], axis=1)
        if not np.abs(weights).max() < double_double.OVERFLOW_THRESHOLD:
            raise ValueError(
                "the weights overflow float64: the labels are too large for the smallest gap between projections, "
                f"{np.diff(z).min():.1e}; rescale the labels, or use exact_relu_interpolant"
            )
        return DepthTwoNetwork(direction, biases, weights, vector_output=labels.ndim == 2)
    raise ValueError(
        f"no direction tried separates the {len(points)} points in float64: some differ by less than rounding; "
        "use exact_relu_interpolant"
    )


def _weights(z: Float64Array, biases: Float64Array, targets: Float64Array) -> Float64Array:
    """Weights that take c from knot to knot through the targets; see the module docstring."""
    if len(z) > COMPENSATED_UP_TO:
        slopes = np.diff(targets, prepend=0.0) / (z - biases)
        return np.diff(slopes, prepend=0.0)
    weights = np.empty_like(z)
    slope = slope_low = value = value_low = 0.0  # of the network so far, in double-double
    for j, (end, start, target) in enumerate(zip(z.tolist(), biases.tolist(), targets.tolist(), strict=True)):
        width, width_low = _two_sum(end, -start)
        weight = (((target - value) - value_low) / width - slope) - slope_low
        weights[j] = weight
        slope, error = _two_sum(slope, weight)
        slope, slope_low = _two_sum(slope, slope_low + error)
        rise, rise_low = _two_product(slope, width)
        rise_low += slope_low * width + slope * width_low
        value, error = _two_sum(value, rise)
        value, value_low = _two_sum(value, value_low + error + rise_low)
    return weights


def _two_sum(a: float, b: float) -> tuple[float, float]:
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def _two_product(a: float, b: float) -> tuple[float, float]:
    product = a * b
    scaled_a, scaled_b = 134217729.0 * a, 134217729.0 * b  # 2^27 + 1
    a_high, b_high = scaled_a - (scaled_a - a), scaled_b - (scaled_b - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _directions(points: npt.NDArray[Any], seed: int) -> Iterator[Float64Array]:
    """Directions to try, best first; all but the first few are for points that differ by very little."""
    d = points.shape[1]
    random = generator(seed, "projection-direction")
    if d == 1:
        yield np.ones(1)
    elif _all_integers(points):
        largest = max(int(points.max()), -int(points.min()), 1)
        bits = MAX_EXACT_INTEGER.bit_length() - 1 - (d * largest).bit_length()
        if bits >= 1:  # sum |a_k x_k| < 2^53: exact in any order
            for _ in range(_DIRECTIONS_TO_TRY):
                magnitude = random.integers(1, 2**bits, (d,), endpoint=True)
                yield magnitude * random.choice(np.array([-1.0, 1.0]), (d,))
    if d > 1:
        yield random.standard_normal((d,))
    # Coordinates on very different scales, or scales near the ends of float64's range: equalise them first.
    _, exponents = np.frexp(np.abs(points).max(axis=0).astype(np.float64))
    scales = np.ldexp(1.0, np.clip(-exponents, -1000, 1000))
    if d > 1:
        for _ in range(_DIRECTIONS_TO_TRY):
            yield random.standard_normal((d,)) * scales
    # A single coordinate is projected without any rounding.
    for coordinate in range(d):
        yield np.where(np.arange(d) == coordinate, scales, 0.0)


def _merge_duplicates(
    points: npt.NDArray[Any],
    labels: Float64Array,
    order: npt.NDArray[np.intp],
    distinct: npt.NDArray[np.bool_],
) -> bool:
    """True if points of equal projection are equal points with equal labels; False if different points collide.

    Raises ValueError if equal points carry different labels.
    """
    firsts = order[np.maximum.accumulate(np.where(distinct, np.arange(len(order)), 0))]
    conflicts: list[str] = []
    for row, first in zip(order[~distinct], firsts[~distinct], strict=True):
        if not np.array_equal(points[row], points[first]):
            return False
        if not np.array_equal(labels[row], labels[first]):
            conflicts.append(f"{first} and {row}")
    if conflicts:
        more = f" (and {len(conflicts) - 5} more pairs)" if len(conflicts) > 5 else ""
        raise ValueError(
            f"the same point has different labels in rows {', '.join(conflicts[:5])}{more}: "
            "no function takes both values; drop or merge those rows"
        )
    return True


def _project(points: npt.NDArray[Any], direction: Float64Array) -> Float64Array:
    """<a, x> of each row. einsum runs along one row at a time: a row's result does not depend on the other rows."""
    out = np.empty(len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in _blocks(len(points), 8 * points.shape[1]):
            np.einsum("ij,j->i", points[rows].astype(np.float64, copy=False), direction, out=out[rows])
    return out


def _all_integers(points: npt.NDArray[Any]) -> bool:
    """Whether all values are integers, judged on the first rows before all are looked at."""
    if points.dtype.kind in "iu":
        return True
    with np.errstate(invalid="ignore"):
        return all(
            bool((np.rint(points[rows]) == points[rows]).all()) for rows in (slice(16), *_blocks(len(points), 4096))
        )


def _is_exact_projection(points: npt.NDArray[Any], direction: Float64Array) -> bool:
    """Whether <a, x> is exact in any order: all partial sums are multiples of one quantum, below 2^53 of it."""
    quantum = _quantum(points) * _quantum(direction)
    largest = float(_project(np.abs(points), np.abs(direction)).max()) * (1 + 1e-10)
    return bool(quantum > 0 and largest <= MAX_EXACT_INTEGER * quantum)


def _quantum(values: npt.NDArray[Any]) -> float:
    """The largest power of two (at most 1 for integers) that divides all values; 0 if it underflows."""
    if values.dtype.kind in "iu":
        return 1.0
    mantissas, exponents = np.frexp(values[values != 0].astype(np.float64))
    if mantissas.size == 0:
        return 1.0
    integers = np.ldexp(mantissas, 53).astype(np.int64)
    _, trailing = np.frexp((integers & -integers).astype(np.float64))
    return float(np.ldexp(1.0, int((exponents + trailing).min()) - 54))


def _blocks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices of consecutive rows that fit in the memory for temporaries."""
    step = max(1, _BLOCK_BYTES // bytes_per_row)
    return (slice(start, start + step) for start in range(0, rows, step))


def _pairwise_sum(terms: Float64Array) -> Float64Array:
    """Sum along the last axis by folding it in half: ceil(log2 n) additions for each term. Overwrites `terms`."""
    n = terms.shape[-1]
    while n > 1:
        half = n // 2
        terms[..., :half] += terms[..., n - half : n]
        n -= half
    return terms[..., 0].copy()


def _gamma(m: int) -> float:
    """m u / (1 - m u), the error factor of m roundings (Higham 2002, lemma 3.1)."""
    return m * UNIT_ROUNDOFF / (1 - m * UNIT_ROUNDOFF)
