"""Theorem 1 and Corollary 1 over the rationals: networks that interpolate with no error at all.

Every float is a rational number, so any sample of floats or integers is a sample of rational points, and the
constructions of `depth_two` and `deep` can be carried out exactly: an integer direction, rational projections, knots at
the projections, weights that are differences of quotients. The slopes telescope, so numerators and denominators stay as
short as those of a single quotient, and n points take O(n) operations with python-flint.

The result is a `RationalNetwork`. What it claims is checked by `certificates`, which shares no code with this module.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from theory.expressivity.deep import check_depth
from theory.expressivity.exact_network import integer_points
from theory.expressivity.points import Float64Array, as_points
from theory.streams import generator

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
        """k: hidden layers and the output layer."""
        return len(self.layers) + 1

    @property
    def num_weights(self) -> int:
        """Weights and biases counted as in Theorem 1: 2n + d at depth 2 and one output."""
        outputs = len(self.offsets)
        hinges = sum(len(layer.biases) * (1 + outputs) for layer in self.layers)
        return len(self.direction) + hinges + (1 + outputs if self.depth > 2 else 0)

    def evaluate(self, points: Any) -> list[tuple[Fraction, ...]]:
        """The network at each point, exactly, layer by layer as it is written: O(m n) rational operations."""
        numerators, denominator = integer_points(as_points(points))
        return [self._forward(row, denominator) for row in numerators.tolist()]

    def __call__(self, points: Any) -> Float64Array:
        """The exact values, rounded once to float64: (m,), or (m, outputs) for vector outputs."""
        values = np.array([[float(value) for value in row] for row in self.evaluate(points)])
        return values if self.vector_output else values[:, 0]

    def sum_of_relus(self, points: Any) -> Float64Array:
        """The same as a call: there is no rounding to tell two ways of evaluation apart."""
        return self(points)

    def error_bound(self, points: Any, labels: Any, order: str = "any") -> Float64Array:
        """|value - label| of the rounded values, (m,) or (m, outputs): half a unit in the last place at most."""
        return np.abs(self(points) - np.asarray(labels, dtype=np.float64))

    def _forward(self, coordinates: Sequence[int], denominator: int) -> tuple[Fraction, ...]:
        z = sum(a * x for a, x in zip(self.direction, coordinates, strict=True)) / Fraction(denominator)
        carried, totals = z, [Fraction(0)] * len(self.offsets)
        for index, layer in enumerate(self.layers):
            if index > 0:
                totals = [max(total + q, Fraction(0)) - q for total, q in zip(totals, self.offsets, strict=True)]
            hidden = [max(carried - bias, Fraction(0)) for bias in layer.biases]
            totals = [
                total + sum((w * h for w, h in zip(weights, hidden, strict=True) if h), Fraction(0))
                for total, weights in zip(totals, layer.weights, strict=True)
            ]
            carried = max(carried - (self.origin if index == 0 else 0), Fraction(0))
        return tuple(totals)


def exact_relu_interpolant(points: Any, labels: Any, *, depth: int = 2, seed: int = 0) -> RationalNetwork:
    """The network of Theorem 1 (depth 2) or Corollary 1 that takes the value labels[i] at points[i] exactly.

    Arguments:
        points: n points as rows, any real dtype (integers of any size in an object array included).
        labels: real labels (n,) or (n, outputs): floats or integers, or Fractions in an object array.
        depth: k >= 2.
        seed: of the integer direction.

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
    array = np.asarray(points)
    if array.dtype == object and array.size and all(isinstance(value, int) for value in array.ravel()):
        return array.reshape(len(array), -1), 1
    return integer_points(as_points(points))


def _exact_labels(labels: Any, n: int) -> tuple[list[tuple[Any, ...]], bool]:
    """Labels as tuples of fmpq, and whether they were given as (n, outputs)."""
    array = np.asarray(labels.detach().cpu().numpy() if hasattr(labels, "detach") else labels)
    if array.ndim not in (1, 2) or len(array) != n or array.size == 0:
        raise ValueError(f"labels must have shape ({n},) or ({n}, k) to go with {n} points, got {array.shape}")
    if array.dtype != object:
        as_points(array, "labels")
    rows = array.reshape(n, -1).tolist()
    return [tuple(flint.fmpq(*value.as_integer_ratio()) for value in row) for row in rows], array.ndim == 2


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


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))
