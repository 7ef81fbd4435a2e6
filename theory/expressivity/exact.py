"""Theorem 1 and Corollary 1 over the rationals: networks that interpolate with no error at all.

Every float is a rational number, so any sample of floats or integers is a sample of rational points, and the
constructions of `depth_two` and `deep` can be carried out exactly: an integer direction, rational projections, knots at
the projections, weights that are differences of quotients. The slopes telescope, so numerators and denominators stay as
short as those of a single quotient, and n points take O(n) operations with python-flint.

The result is a `RationalNetwork`. What it claims is checked by `certificates`, which shares no code with this module.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import Float64Array, as_array, as_points
from theory.common.lazy_import import lazy_import
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import generator
from theory.expressivity.deep import check_depth
from theory.expressivity.exact_network import integer_points
from theory.expressivity.sweep import sweep

if TYPE_CHECKING:
    import flint
else:
    flint = lazy_import("flint")

_INT64_SAFE = 2**62


@dataclass(frozen=True)
class RationalHinges:
    """The hinges of one hidden layer: `biases` (m,), and `weights`, for each output its m weights."""

    biases: tuple[Fraction, ...]
    weights: tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class RationalNetwork:
    """A network of Theorem 1 (one hidden layer) or Corollary 1 (more) with rational weights.

    Attributes as of `deep.DeepNetwork`: `direction` (d,), `layers`, `origin`, `offsets` (outputs,), `vector_output`.
    """

    direction: tuple[Fraction, ...]
    layers: tuple[RationalHinges, ...]
    origin: Fraction
    offsets: tuple[Fraction, ...]
    vector_output: bool = False

    @property
    def depth(self) -> int:
        """The depth k: hidden layers and the output layer."""
        return len(self.layers) + 1

    @property
    def num_weights(self) -> int:
        """Weights and biases counted as in Theorem 1: 2n + d at depth 2 and one output."""
        outputs = len(self.offsets)
        hinges = sum(len(layer.biases) * (1 + outputs) for layer in self.layers)
        return len(self.direction) + hinges + (1 + outputs if self.depth > 2 else 0)

    def evaluate(self, points: Any) -> list[tuple[Fraction, ...]]:
        """The network at each point, exactly: O(m d + (m + n) log n) rational operations for a fixed depth.

        Raises ValueError for points of another dimension.
        """
        rows, denominator = _exact_points(points)
        if rows.shape[1] != len(self.direction):
            raise ValueError(f"points have {rows.shape[1]} coordinates, the network takes {len(self.direction)}")
        common = math.lcm(*(a.denominator for a in self.direction))
        numerators = integer_projections(rows, [int(a * common) for a in self.direction])
        z = [flint.fmpq(value, denominator * common) for value in numerators]
        order = sorted(range(len(z)), key=z.__getitem__)
        layers = [
            ([_fmpq(b) for b in layer.biases], [[_fmpq(w) for w in column] for column in layer.weights])
            for layer in self.layers
        ]
        zero, offsets = flint.fmpq(0), [_fmpq(q) for q in self.offsets]
        outputs = sweep([z[row] for row in order], layers, _fmpq(self.origin), offsets, zero)
        values: list[tuple[Fraction, ...]] = [()] * len(z)
        for row, row_outputs in zip(order, zip(*outputs, strict=True), strict=True):
            values[row] = tuple(map(_fraction, row_outputs))
        return values

    def __call__(self, points: Any) -> Float64Array:
        """The exact values, rounded once to float64: (m,), or (m, outputs) for vector outputs."""
        values = np.array([[float(value) for value in row] for row in self.evaluate(points)])
        return values if self.vector_output else values[:, 0]

    def sum_of_relus(self, points: Any) -> Float64Array:
        """The same as a call: there is no rounding to tell two ways of evaluation apart."""
        return self(points)

    def error_bound(self, points: Any, labels: Any, order: str = "any") -> Float64Array:
        """|value rounded to float64 - label| at each point, rounded up: (m,) or (m, outputs).

        Half a unit in the last place of the label at most, and 0 for labels that are floats. `order` is there for
        the sake of the other networks' signature. Raises ValueError for labels of another shape than the outputs.
        """
        values = self.evaluate(points)
        targets, _ = _exact_labels(labels, len(values))
        if len(targets[0]) != len(self.offsets):
            raise ValueError(f"labels have {len(targets[0])} columns, the network has {len(self.offsets)} outputs")
        errors = np.array(
            [
                [float(abs(Fraction(float(value)) - _fraction(target))) for value, target in zip(*row, strict=True)]
                for row in zip(values, targets, strict=True)
            ]
        )
        bounds = np.where(errors > 0, np.nextafter(errors, np.inf), 0.0)
        return bounds if self.vector_output else bounds[:, 0]


@plain_numbers
def exact_relu_interpolant(points: Any, labels: Any, *, depth: int = 2, seed: int = 0) -> RationalNetwork:
    """The network of Theorem 1 (depth 2) or Corollary 1 that takes the value labels[i] at points[i] exactly.

    Arguments:
        points: n points as rows, any real dtype (integers of any size in an object array included).
        labels: real labels (n,) or (n, outputs): floats or integers, or Fractions in an object array.
        depth: k >= 2.
        seed: the seed of the integer direction.

    Raises ValueError for bad input and for equal points with different labels, naming the rows. Points that differ at
    all are told apart, whatever their scale.
    """
    check_depth(depth)
    rows, denominator = _exact_points(points)
    targets, vector_output = _exact_labels(labels, len(rows))
    direction, z = _separate(rows, targets, seed)
    order = sorted(range(len(z)), key=z.__getitem__)
    distinct = [i for i, before in zip(order, [None, *order], strict=False) if before is None or z[i] != z[before]]
    knots = [flint.fmpq(z[i], denominator) for i in distinct]
    values = [targets[i] for i in distinct]
    extent = knots[-1] - knots[0] if len(knots) > 1 else flint.fmpq(1)
    origin = knots[0] - extent
    ends = np.linspace(0, len(knots), depth).round().astype(int).tolist()
    layers = []
    outputs = len(values[0])
    for index, (start, end) in enumerate(itertools.pairwise(ends)):
        shift = origin if index else flint.fmpq(0)
        level = end > start and index < depth - 2
        before = [knots[start - 1] if start else origin]
        biases = before + knots[start:end] if level else (before + knots[start:end])[:-1]
        weights = []
        for output in range(outputs):
            first = values[start - 1][output] if start else flint.fmpq(0)
            # The last layer goes on from where the levelled ones end; so does every layer: its first slope is 0.
            weights.append(_weights(before + knots[start:end], [first, *(v[output] for v in values[start:end])], level))
        layers.append(
            RationalHinges(
                tuple(_fraction(bias - shift) for bias in biases),
                tuple(tuple(map(_fraction, column)) for column in weights),
            )
        )
    offsets = tuple(_fraction(max(flint.fmpq(0), -min(v[o] for v in values))) for o in range(outputs))
    return RationalNetwork(tuple(map(Fraction, direction)), tuple(layers), _fraction(origin), offsets, vector_output)


def _weights(knots: list[Any], values: list[Any], level: bool) -> list[Any]:
    """Differences of the slopes between consecutive knots; `level`: one more, back to slope 0."""
    slopes = [
        (after - before) / (end - start)
        for (start, end), (before, after) in zip(itertools.pairwise(knots), itertools.pairwise(values), strict=True)
    ]
    padded = [flint.fmpq(0), *slopes, *([flint.fmpq(0)] if level else [])]
    return [after - before for before, after in itertools.pairwise(padded)]


def _exact_points(points: Any) -> tuple[npt.NDArray[Any], int]:
    """Points as rows of integers over a common denominator."""
    array = as_array(points, "points")
    if array.dtype != object:
        return integer_points(as_points(points))
    if array.ndim == 0 or array.size == 0:
        as_points(np.zeros(array.shape), "points")  # says that it is empty
    rows = array.reshape(len(array), -1)
    ratios = _ratios(rows.ravel().tolist(), "points")
    denominator = math.lcm(*(below for _, below in ratios))
    numerators = np.empty(len(ratios), dtype=object)
    numerators[:] = [above * (denominator // below) for above, below in ratios]
    return numerators.reshape(rows.shape), denominator


def _exact_labels(labels: Any, n: int) -> tuple[list[tuple[Any, ...]], bool]:
    """Labels as tuples of fmpq, and whether they were given as (n, outputs)."""
    array = as_array(labels, "labels")
    if array.ndim not in (1, 2) or len(array) != n or array.size == 0:
        raise ValueError(f"labels must have shape ({n},) or ({n}, k) to go with {n} points, got {array.shape}")
    if array.dtype != object:
        as_points(array, "labels")
    rows = array.reshape(n, -1).tolist()
    return [tuple(flint.fmpq(*ratio) for ratio in _ratios(row, "labels")) for row in rows], array.ndim == 2


def _ratios(values: list[Any], name: str) -> list[tuple[int, int]]:
    try:
        ratios = [value.as_integer_ratio() for value in values]
    except (AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be finite real numbers: {error}") from error
    return [(int(above), int(below)) for above, below in ratios]


def _separate(rows: npt.NDArray[Any], targets: list[tuple[Any, ...]], seed: int) -> tuple[list[int], list[int]]:
    """An integer direction that separates all distinct points, and the projections.

    Directions get longer until one does. Entries of B bits, uniform, make two distinct points collide with
    probability at most 2^-B: with B = 2 log2 n + 8 some pair of n points does with probability below 1/256.
    """
    for direction in _integer_directions(rows, seed):
        z = integer_projections(rows, direction)
        if _tells_apart(rows, targets, z):
            return direction, z
    raise AssertionError("some direction separates distinct points")


def _integer_directions(rows: npt.NDArray[Any], seed: int) -> Iterator[list[int]]:
    n, d = rows.shape
    if d == 1:
        yield [1]
        return
    random = generator(seed, "exact-direction")
    bits = 2 * max(1, n - 1).bit_length() + 8
    while True:
        raw = [int.from_bytes(random.bytes(-(-bits // 8) + 1), "little") for _ in range(d)]
        yield [(value % 2**bits + 1) * (1 if value >> bits & 1 else -1) for value in raw]
        bits *= 2


def integer_projections(rows: npt.NDArray[Any], direction: list[int]) -> list[int]:
    """<a, x> of each row as Python integers, in machine integers where these cannot overflow."""
    largest = max(abs(value) for value in direction)
    if rows.dtype != object:
        reach = max(int(rows.max()), -int(rows.min()), 1) * largest * len(direction)
        if reach < _INT64_SAFE:
            a = np.array(direction, dtype=np.int64)
            step = max(1, 2**24 // rows.shape[1])
            blocks = (rows[start : start + step].astype(np.int64) @ a for start in range(0, len(rows), step))
            return np.concatenate(list(blocks)).tolist()  # type: ignore[no-any-return]
    return [sum(a * x for a, x in zip(direction, row, strict=True)) for row in rows.tolist()]


def _tells_apart(rows: npt.NDArray[Any], targets: list[tuple[Any, ...]], z: list[int]) -> bool:
    """Whether only equal points share a projection. ValueError if equal points have different labels."""
    first: dict[int, int] = {}
    conflicts = []
    for row, value in enumerate(z):
        earlier = first.setdefault(value, row)
        if earlier == row:
            continue
        if not np.array_equal(rows[row], rows[earlier]):
            return False
        if targets[row] != targets[earlier]:
            conflicts.append(f"{earlier} and {row}")
    if conflicts:
        raise ValueError(
            f"the same point has different labels in rows {', '.join(conflicts[:5])}"
            + (f" (and {len(conflicts) - 5} more pairs)" if len(conflicts) > 5 else "")
            + ": no function takes both values; drop or merge those rows"
        )
    return True


def _fmpq(value: Fraction) -> Any:
    return flint.fmpq(value.numerator, value.denominator)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))
