"""Layered ReLU networks with rational weights, evaluated exactly.

A network is a list of layers, a layer a list of neurons, a neuron the few weights that are not zero and a
bias; ReLU after every layer but the last. Nothing else happens in an evaluation: affine maps and max(., 0),
whatever the data.

Every finite float is a rational number, so a network with rational weights maps floats to rationals and "the
output is the label" is a statement without a tolerance. There are two exact evaluations that share no
arithmetic, the plain one of a single point over `fractions.Fraction` and a fast one of many points over
integers with a common denominator, and one in float64, to see what rounding does.

Constructions write a layer as {name: affine function of the names of the layer before} (`Affine`, `named`);
`assemble` turns names into indices.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import Float64Array, as_array, as_points
from theory.expressivity.interleaved_matrix import as_rationals


@dataclass(frozen=True)
class Neuron:
    """An affine function of the layer before.

    Attributes:
        weights: pairs (index in the layer before, weight); the others are zero.
        bias: the constant.
    """

    weights: tuple[tuple[int, Fraction], ...]
    bias: Fraction


Layer = tuple[Neuron, ...]


@dataclass(frozen=True)
class ExactReluNetwork:
    """A feed-forward ReLU network over the rationals with one output.

    Attributes:
        input_dimension: d.
        layers: the affine maps in order, ReLU after all but the last, which has a single neuron.
    """

    input_dimension: int
    layers: tuple[Layer, ...]

    @property
    def depth(self) -> int:
        """Number of affine maps: hidden layers + 1."""
        return len(self.layers)

    @property
    def width(self) -> int:
        """Most neurons in a hidden layer."""
        return max((len(layer) for layer in self.layers[:-1]), default=0)

    @property
    def num_parameters(self) -> int:
        """Number of weights stored and of biases that are not zero.

        A weight of one that only hands a number on counts like any other. The weights of the input are all
        stored, as Theorem 1 counts them; behind the first layer only those that are not zero (`assemble`).
        """
        return sum(len(neuron.weights) + (neuron.bias != 0) for layer in self.layers for neuron in layer)

    @property
    def num_dense_parameters(self) -> int:
        """Number of weights and biases if the same layers were fully connected, zeros included."""
        return sum(len(layer) * (fan_in + 1) for fan_in, layer in self._with_fan_in())

    @property
    def bit_length(self) -> int:
        """Bits of the longest numerator or denominator among weights and biases."""
        return max(max(_bits(number)) for number in self._numbers())

    @property
    def total_bits(self) -> int:
        """Bits of all numerators and denominators together: what the network takes to store."""
        return sum(sum(_bits(number)) for number in self._numbers())

    def evaluate(self, point: Iterable[float | Fraction]) -> Fraction:
        """The output at one point, by a plain forward pass over fractions.

        Raises ValueError for a point of the wrong dimension.
        """
        values = as_rationals(list(point), "point")
        if len(values) != self.input_dimension:
            raise ValueError(f"point must have {self.input_dimension} coordinates, got {len(values)}")
        *hidden, output = self.layers
        for layer in hidden:
            values = [max(_value(neuron, values), Fraction(0)) for neuron in layer]
        return _value(output[0], values)

    def evaluate_many(self, points: Any) -> list[Fraction]:
        """The outputs at the rows of a matrix, exactly: the same forward pass over integers.

        All values of a layer are integers over one common denominator. The least common multiple of the
        layer's own denominators keeps them so; a common factor is divided out after each layer. The
        denominator is positive, so ReLU acts on the numerators.

        Raises TypeError and ValueError as `as_points` does, and ValueError for points of the wrong dimension.
        """
        numerators, denominator = integer_points(self._checked(points))
        values = list(numerators.astype(object).T)
        for depth, layer in enumerate(self.layers, start=1):
            factor = math.lcm(*(number.denominator for neuron in layer for number in _numbers(neuron)))
            sums = []
            for neuron in layer:
                total = np.full(len(numerators), int(neuron.bias * factor) * denominator, dtype=object)
                for index, weight in neuron.weights:
                    total = total + values[index] * int(weight * factor)
                sums.append(total if depth == self.depth else np.maximum(total, 0))
            denominator *= factor
            common = math.gcd(denominator, *(np.gcd.reduce(total) for total in sums))
            denominator //= common
            values = [total // common for total in sums]
        return [Fraction(value, denominator) for value in values[0]]

    def evaluate_float64(self, points: Any) -> Float64Array:
        """The outputs at the rows of a matrix, every weight and every operation rounded to float64.

        Raises OverflowError for weights beyond the range of float64, and what `evaluate_many` raises.
        """
        values = self._checked(points).astype(np.float64)
        for depth, (fan_in, layer) in enumerate(self._with_fan_in(), start=1):
            weights = np.zeros((fan_in, len(layer)))
            for column, neuron in enumerate(layer):
                for index, weight in neuron.weights:
                    weights[index, column] = float(weight)
            values = values @ weights + [float(neuron.bias) for neuron in layer]
            if depth < self.depth:
                values = np.maximum(values, 0.0)
        return values[:, 0]

    def _with_fan_in(self) -> Iterator[tuple[int, Layer]]:
        fan_ins = [self.input_dimension, *(len(layer) for layer in self.layers[:-1])]
        return zip(fan_ins, self.layers, strict=True)

    def _numbers(self) -> Iterator[Fraction]:
        for layer in self.layers:
            for neuron in layer:
                yield from _numbers(neuron)

    def _checked(self, points: Any) -> npt.NDArray[Any]:
        array = as_points(points)
        if array.shape[1] != self.input_dimension:
            raise ValueError(f"points must have {self.input_dimension} columns, got {array.shape[1]}")
        return array


def mislabelled(network: ExactReluNetwork, points: Any, labels: npt.ArrayLike) -> list[int]:
    """The rows where the network's exact output is not the label: empty if and only if it interpolates."""
    pairs = zip(network.evaluate_many(points), as_array(labels, "labels").tolist(), strict=True)
    return [row for row, (output, label) in enumerate(pairs) if output != label]


def integer_points(points: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    """A matrix of finite real numbers as integers over a common denominator: (numerators, denominator).

    Integers stay as they are. Floats are dyadic rationals: the denominator is the least power of two that
    makes all of them integers, the numerators are Python integers of whatever length that takes.
    """
    if points.dtype.kind in "iu":
        return points, 1
    ratios = [number.as_integer_ratio() for number in points.ravel().tolist()]
    denominator = max(below for _, below in ratios)
    numerators = np.empty(len(ratios), dtype=object)
    numerators[:] = [above * (denominator // below) for above, below in ratios]
    return numerators.reshape(points.shape), denominator


@dataclass(frozen=True)
class Affine:
    """An affine function of named neurons, with the arithmetic that formulas need."""

    terms: Mapping[str, Fraction]
    constant: Fraction = Fraction(0)

    def __add__(self, other: "Affine | Fraction | int") -> "Affine":
        if not isinstance(other, Affine):
            return Affine(self.terms, self.constant + other)
        terms = dict(self.terms)
        for name, weight in other.terms.items():
            terms[name] = terms.get(name, Fraction(0)) + weight
        return Affine(terms, self.constant + other.constant)

    def __rmul__(self, factor: Fraction | int) -> "Affine":
        return Affine({name: factor * weight for name, weight in self.terms.items()}, factor * self.constant)

    def __sub__(self, other: "Affine | Fraction | int") -> "Affine":
        return self + -1 * other


NamedLayer = dict[str, Affine]


def named(name: str) -> Affine:
    """The value of one neuron of the layer before."""
    return Affine({name: Fraction(1)})


def constant(value: Fraction | int) -> Affine:
    """A constant function."""
    return Affine({}, Fraction(value))


def assemble(first: Neuron, name: str, layers: Sequence[NamedLayer], input_dimension: int) -> ExactReluNetwork:
    """The network of a first layer with a single neuron, called `name`, and of named layers.

    Weights of zero are dropped, but for those of the first layer.
    """
    assembled: list[Layer] = [(first,)]
    index = {name: 0}
    for layer in layers:
        assembled.append(
            tuple(
                Neuron(
                    tuple((index[source], weight) for source, weight in affine.terms.items() if weight),
                    affine.constant,
                )
                for affine in layer.values()
            )
        )
        index = {target: i for i, target in enumerate(layer)}
    return ExactReluNetwork(input_dimension, tuple(assembled))


def _value(neuron: Neuron, values: Sequence[Fraction]) -> Fraction:
    return sum((weight * values[index] for index, weight in neuron.weights), neuron.bias)


def _numbers(neuron: Neuron) -> Iterator[Fraction]:
    yield neuron.bias
    for _, weight in neuron.weights:
        yield weight


def _bits(number: Fraction) -> tuple[int, int]:
    return number.numerator.bit_length(), number.denominator.bit_length()
