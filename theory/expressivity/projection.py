"""Projecting a sample onto a line so that distinct points stay distinct: the first step of every construction.

*Choice of direction.* Rounding in z = <a, x> is multiplied by the slopes of what is built on top, about range/(min
gap), so the best direction is one that rounds nothing. For integer data (images) a random integer direction, as
long as the products allow, makes every projection an integer below 2^53: exact in float64 in any order of
summation. For other data a standard normal direction; where coordinates are on scales that float64 cannot add up,
each is first scaled by a power of two; a single coordinate is the last resort."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from theory.common.arrays import (
    MAX_EXACT_INTEGER,
    BeyondFloat64Error,
    Float64Array,
    as_float64,
    as_labels,
    as_points,
)
from theory.common.rounding import gamma
from theory.common.streams import generator

_BLOCK_BYTES = 2**26  # what a temporary may take
_DIRECTIONS_TO_TRY = 4
_SAFE_EXTENT = (2.0**-400, 2.0**400)  # for the projections: slopes and their products stay far from overflow
_SMALLEST_LABEL = 2.0**-500  # differences of labels are above 2^-553, slopes above 2^-953, their roundings normal


@dataclass(frozen=True, eq=False)
class ProjectedSample:
    """A sample on a line, equal points merged.

    Attributes:
        direction: a, float64 (d,).
        z: projections, strictly increasing, float64 (m,).
        labels: their labels, float64 (m, k).
        vector_labels: whether the labels were given as (n, k) rather than (n,).
    """

    direction: Float64Array
    z: Float64Array
    labels: Float64Array
    vector_labels: bool

    @property
    def extent(self) -> float:
        """Range of the projections; of a single point, its magnitude or 1."""
        first, last = self.z[[0, -1]].tolist()  # Python's floats overflow to infinity without a warning
        return last - first if len(self.z) > 1 else abs(first) or 1.0


def project_sample(points: Any, labels: Any, seed: int) -> ProjectedSample:
    """Find a direction that separates the points, and sort by it. Time O(nd + n log n).

    Raises ValueError for bad points or labels, for equal points with different labels (naming the rows), and
    BeyondFloat64Error where float64 cannot tell the points apart.
    """
    points = as_points(points, check_finite=False)  # a NaN or an infinity shows in the projections
    labels = as_labels(labels, len(points))
    if points.dtype.itemsize >= 8:
        points = as_float64(points, "points")
    for direction in _directions(points, seed):
        z = project(points, direction)
        if not np.isfinite(z).all():
            as_points(points)  # says which rows, if it is not an overflow
            continue
        order = np.argsort(z)
        z = z[order]
        distinct = np.concatenate([[True], z[1:] > z[:-1]])
        if not distinct.all():
            if not _merge_duplicates(points, labels, order, distinct):
                continue  # different points, one projection: another direction
            order, z = order[distinct], z[distinct]
        sample = ProjectedSample(direction, z, labels[order].reshape(len(z), -1), labels.ndim == 2)
        if _SAFE_EXTENT[0] <= sample.extent <= _SAFE_EXTENT[1]:
            _require_no_underflow(labels)
            return sample
    raise BeyondFloat64Error(
        f"no direction tried separates the {len(points)} points in float64: some differ by less than rounding; "
        "use exact_relu_interpolant"
    )


def project(points: npt.NDArray[Any], direction: Float64Array) -> Float64Array:
    """<a, x> of each row, a function of the row alone: einsum runs along one contiguous row at a time."""
    out = np.empty(len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(points), 8 * points.shape[1]):
            np.einsum("ij,j->i", np.ascontiguousarray(points[rows], dtype=np.float64), direction, out=out[rows])
    return out


def knots_before(knots: Float64Array, z: Float64Array, side: Literal["left", "right"] = "left") -> npt.NDArray[np.intp]:
    """How many knots lie before each z, (m,): `searchsorted`, asked in order of z, so that it stays in the cache."""
    order = np.argsort(z)
    number = np.empty(len(z), dtype=np.intp)
    number[order] = np.searchsorted(knots, z[order], side=side)
    return number


def project_magnitudes(points: npt.NDArray[Any], direction: Float64Array) -> Float64Array:
    """sum_k |a_k x_k| of each row."""
    out = np.empty(len(points))
    for rows in blocks(len(points), 16 * points.shape[1]):
        out[rows] = project(np.abs(points[rows].astype(np.float64)), np.abs(direction))
    return out


def projection_error(points: npt.NDArray[Any], direction: Float64Array) -> Float64Array:
    """A bound on the difference of two float64 evaluations of <a, x> in any orders, (n,).

    Each errs by at most gamma_d sum_k |a_k x_k| (Higham 2002, section 3.1) and by 2^-1075 for each product that
    underflows; where all partial sums are exact, by 0.
    """
    if is_exact_projection(points, direction):
        return np.zeros(len(points))
    return 2 * gamma(direction.size) * project_magnitudes(points, direction) + direction.size * 2.0**-1074


def is_exact_projection(points: npt.NDArray[Any], direction: Float64Array) -> bool:
    """Whether <a, x> is exact in any order: all partial sums are multiples of one quantum, below 2^53 of it."""
    quantum = _quantum(points) * _quantum(direction)
    largest = float(project_magnitudes(points, direction).max()) * (1 + 1e-10)
    return bool(quantum > 0 and largest <= MAX_EXACT_INTEGER * quantum)


def blocks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices of consecutive rows that fit in the memory for temporaries."""
    step = max(1, _BLOCK_BYTES // bytes_per_row)
    return (slice(start, start + step) for start in range(0, rows, step))


def _require_no_underflow(labels: Float64Array) -> None:
    """Raise BeyondFloat64Error for labels so small that slopes or their rounding errors could underflow."""
    smallest = np.abs(labels[labels != 0]).min(initial=1.0)
    if smallest < _SMALLEST_LABEL:
        raise BeyondFloat64Error(
            f"labels as small as {smallest:.1e} make slopes that underflow float64; rescale the labels, or use "
            "exact_relu_interpolant"
        )


def _merge_duplicates(
    points: npt.NDArray[Any], labels: Float64Array, order: npt.NDArray[np.intp], distinct: npt.NDArray[np.bool_]
) -> bool:
    """True if points of equal projection are equal points with equal labels; False if different points collide.

    Raises ValueError if equal points carry different labels.
    """
    starts = np.flatnonzero(distinct)
    firsts = np.repeat(np.minimum.reduceat(order, starts), np.diff(starts, append=len(order)))
    conflicts: list[tuple[int, int]] = []
    for row, first in zip(order.tolist(), firsts.tolist(), strict=True):
        if row == first:
            continue
        if not np.array_equal(points[row], points[first]):
            return False
        if not np.array_equal(labels[row], labels[first]):
            conflicts.append((first, row))
    if conflicts:
        listed = ", ".join(f"{first} and {row}" for first, row in sorted(conflicts)[:5])
        more = f" (and {len(conflicts) - 5} more pairs)" if len(conflicts) > 5 else ""
        raise ValueError(
            f"the same point has different labels in rows {listed}{more}: "
            "no function takes both values; drop or merge those rows"
        )
    return True


def _directions(points: npt.NDArray[Any], seed: int) -> Iterator[Float64Array]:
    """Directions to try, best first; all but the first few are for points that differ by very little."""
    d = points.shape[1]
    random = generator(seed, "projection-direction")
    if d == 1:
        yield np.ones(1)
    elif _all_integers(points):
        largest = max(int(points.max()), -int(points.min()))
        bits = MAX_EXACT_INTEGER.bit_length() - 1 - (d * largest).bit_length()
        if bits >= 1:  # sum |a_k x_k| < 2^53: exact in any order
            for _ in range(_DIRECTIONS_TO_TRY):
                magnitude = random.integers(1, 2**bits, (d,), endpoint=True)
                yield magnitude * random.choice(np.array([-1.0, 1.0]), (d,))
    if d > 1:
        yield random.standard_normal((d,))
    # Coordinates on very different scales, or scales near the ends of float64's range: equalise them first.
    largest = np.maximum(points.max(axis=0).astype(np.float64), -points.min(axis=0).astype(np.float64))
    _, exponents = np.frexp(largest)
    scales = np.ldexp(1.0, np.clip(-exponents, -1000, 1000))
    if d > 1:
        for _ in range(_DIRECTIONS_TO_TRY):
            yield random.standard_normal((d,)) * scales
    # A single coordinate is projected without any rounding.
    for coordinate in range(d):
        yield np.where(np.arange(d) == coordinate, scales, 0.0)


def _all_integers(points: npt.NDArray[Any]) -> bool:
    """Whether all values are integers, judged on the first rows before all are looked at."""
    if points.dtype.kind in "iu":
        return True
    with np.errstate(invalid="ignore"):
        return all(
            bool((np.isfinite(points[rows]) & (np.rint(points[rows]) == points[rows])).all())
            for rows in (slice(16), *blocks(len(points), 4096))
        )


def _quantum(values: npt.NDArray[Any]) -> float:
    """The largest power of two (at most 1 for integers) that divides all values; 0 if it underflows."""
    if values.dtype.kind in "iu":
        return 1.0
    least = 54
    for rows in blocks(len(values), 64 * values[0].size):
        block = values[rows]
        mantissas, exponents = np.frexp(block[block != 0].astype(np.float64))
        if mantissas.size:
            integers = np.ldexp(mantissas, 53).astype(np.int64)
            _, trailing = np.frexp((integers & -integers).astype(np.float64))
            least = min(least, int((exponents + trailing).min()))
    return float(np.ldexp(1.0, least - 54))
