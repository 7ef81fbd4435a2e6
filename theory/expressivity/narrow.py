r"""A deep ReLU network of width 12 that memorises n labels, exactly, with O(sqrt(n log n)) + d parameters.

After Vardi, Yehudai, Shamir, "On the Optimal Memorization Power of ReLU Neural Networks" (ICLR 2022): n
separated points of R^d with integer labels are memorised by a ReLU network of width 12 with O(sqrt(n log n))
+ d parameters. (By VC dimension no ReLU network whose units share no weights memorises all labels with fewer
than of order sqrt(n).) The labels and places of about sqrt(n) points are binary digits of one weight; the
first half of the network selects the weight of x's group, the second half reads its digits. The plan is
theirs; the gadgets are chosen for few parameters. Each is exact on integers, so the network outputs the
labels themselves, without a tolerance.

**Projection.** An integer direction a for which the z_i = <a, x_i> are n different integers (floats are
dyadic rationals: an integer multiple of them). Shift by the least, divide by the greatest common divisor. Let
delta be the least gap. Then the *cells* q_i = floor(z_i / delta) differ too, and lie in 0 .. Q with Q =
floor(range / delta). Q says how well the points are separated, and enters the counts by its logarithm alone.
Under a normal direction |<a, u>| <= eps ||u|| has probability at most sqrt(2/pi) eps, so with eps = n^-2 all
n^2/2 pairs stay apart more often than not: Q = O(n^2 r / rho), times sqrt(log n) for the longest projection,
if the points lie in a ball of radius r and rho apart. On random pixels the best of 16 directions has Q of
about n^2 / 3.

**Floor.** No ReLU network rounds all real numbers, but one does round bounded integers: on them max(z - c +
1, 0) - max(z - c, 0) is the indicator of z >= c. K layers, K the bit length of Q, take the binary digits of q
= floor(z / delta) off z, highest first. From here on the points are n different integers q in 0 .. Q,
whatever the scale of the data. (Left out where delta = 1, or where that takes fewer parameters: then q = z
and Q is the range.)

**Codes.** With labels y in 0 .. C-1, position and label of a point make one integer. Let

    t_i = C (q_i + 1),    c_i = t_i - y_i.

The codes c_i increase with i, and t_j - c_i is y_i if j = i, at least C if j > i, and negative if j < i. So a
network that has t and runs through the codes selects a label without a product: it is the one difference in 0
.. C-1.

**Groups.** A group is at most s successive points; its string holds c_1 - 1, then the steps c_{i+1} - c_i -
1, as binary fields of L bits (the first of L_0 bits). A group ends early where a step does not fit; since all
steps add up to less than C (Q + 1), that happens at most C (Q + 1) / 2^(L-1) times, of order s if L = log2(C
Q / s). So a point takes about 1.5 log2 n bits; its position would take 2 log2 n. Short groups are filled up
with steps of C, which match no point.

**Selection.** The string as a function of t is a staircase. With v_1 .. v_m the strings and p_g the last t of
group g,

    b_g = max(1 - max(t - p_g, 0), 0)     (1 up to p_g, 0 from p_g + 1 on),
    v(t) = v_m - sum_g (v_{g+1} - v_g) b_g.

Summed from the last group to the first, every partial sum is a v_g: never negative, so ReLU passes it on.
That is five parameters a step. With five steps a layer, the inner halves of five ramps, the outer halves of
the five before, t and v are 12 neurons.

**Reading.** Tent map T(x) = 2 max(x, 0) - 4 max(x - 1/2, 0) on [0, 1]. Its iterate T^k rises from 0 to 1 on
each [F / 2^k, (F + 1) / 2^k] with F even and falls where F is odd (Telgarsky 2016). So a field f is written
as the even number F = 2f, which takes one bit more: x = (F + rest) / 2^L lies on a rising branch, T^L(x) =
rest is the string of the fields still to come, and the field is

    f = 2^(L-1) x - T^L(x) / 2.

L layers of two neurons shift a field out and an affine map reads it: no threshold, hence no margin between
digits, and no weight beyond 2^(L-1). What is left of t after the codes so far, p, is carried along:

    r = max(p - 2^(L-1) x, 0),    p' = max(r + T^L(x) / 2 - 1, 0) = max(p - f - 1, 0).

(If p >= f + 1, what r cuts off is nothing: p - 2^(L-1) x = p - f - T^L(x) / 2 > 0. Otherwise p <= f, so r = 0
and p' = 0.) At code i, p is y_i for the point itself, at least C for later points, and 0 for earlier ones,
since codes increase. With excess = max(p - C + 1, 0)

    y' = max(y + p - C excess, 0)

becomes y_i for the point itself (y = 0 before), stays y for earlier ones (p = 0) and 0 for later ones (for
them p - C excess <= 0). The last field has no rest: p' = max(p - 2^(L-1) x - 1, 0) reads it without a tent.
The output is y plus the lowest label. This stage is 5 wide.

**Count.** Weights and biases that are not zero, weights of one included, and all d weights of the direction:

    projection  d + 1
    floor       12 K - 2, or nothing
    selection   5 (m - 1), and 2 for each of its ceil((m - 1) / 5) layers, and at most 9
    reading     6 L_0 + (s - 2)(7 L + 8) + 13

(`NarrowLayout.num_parameters`; biases that happen to be zero come off, as the output's if the lowest label is
0.) With m = n/s groups, 5.4 n/s + s (7 L + 8) is least at s = sqrt(5.4 n / (7 L + 8)), which balances groups
and bits: 2 sqrt(5.4 n (7 L + 8)) parameters, for Q of order n^2 and large n 2 sqrt(5.4 * 7 * 1.5 n log2 n) =
15.1 sqrt(n log2 n). From the bound on early ends follows a count for every sample with a given Q
(`narrow_parameter_count`). For Q = n^2 and C <= 10 it is

    parameters <= 18 sqrt(n log2 n) + d + 203,

evaluated at every n up to 10^4 (it takes 202.94 at n = 2901, C = 10) and a few thousand up to 10^9 (145.3), and
fewer than Theorem 1's 2n + d from n = 966 on (C = 2: from 891). Random pixels with 10 random labels and d = 64 get
there between n = 500 and 600; they take about 1,650 parameters for n = 1,000 and 5,850 for n = 10,000 (Theorem 1:
2,064 and 20,064). The depth is about m/5 + L_0 + (s - 2) L.

**Price.** The strings have L_0 + (s - 1) L - 1 bits, of order sqrt(n log n): about 60 for n = 300, 120 for n
= 1,000, 400 for n = 10,000. Once they have more than the 53 of float64, the same network evaluated in float64
misses labels: the tent map shifts in digits that were never stored. For data that are not integers the
projection fails earlier.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import MAX_EXACT_INTEGER, as_labels, as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import words
from theory.expressivity.exact_network import (
    ExactReluNetwork,
    NamedLayer,
    Neuron,
    assemble,
    constant,
    integer_points,
    named,
)

WIDTH = 12
"""Neurons in a hidden layer, at most: the width of Vardi, Yehudai and Shamir."""

_STEPS = (WIDTH - 2) // 2  # that the selection stage takes in one layer
_DIRECTIONS_TO_TRY = 16
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class NarrowLayout:
    """The sizes that decide how many parameters the network has.

    Attributes:
        num_labels: C; labels are lowest .. lowest + C - 1.
        group_size: s, fields in a string.
        num_groups: m, strings.
        first_bits: L_0, bits of a string's first field.
        bits: L, bits of its other fields.
        floor_bits: K, bits of the cell numbers that the floor stage extracts; 0 without one.
    """

    num_labels: int
    group_size: int
    num_groups: int
    first_bits: int
    bits: int
    floor_bits: int

    @property
    def string_bits(self) -> int:
        """Bits of a whole string: L_0 + (s - 1) L - 1."""
        return self.first_bits + (self.group_size - 1) * self.bits - 1

    def num_parameters(self, dimension: int) -> int:
        """The number of parameters, but for biases that happen to be zero (module docstring)."""
        projection = dimension + 1
        floor = 12 * self.floor_bits - 2 if self.floor_bits else 0
        steps = self.num_groups - 1
        layers = -(-steps // _STEPS)
        in_last_layer = steps - max(layers - 1, 0) * _STEPS
        selection = 5 * steps + in_last_layer + (2 * layers + 4 if layers > 1 else layers + 4)
        reading = 6 * self.first_bits + (self.group_size - 2) * (7 * self.bits + 8) + 13
        return projection + floor + selection + reading


@dataclass(frozen=True)
class NarrowMemorization:
    """A narrow network and how it came about.

    Attributes:
        network: the network.
        layout: the sizes behind its number of parameters.
        num_points: n, after equal points were merged.
        num_merged: points that were equal to one before them.
        cells: Q, the largest cell number: separation of the projections as range / gap.
    """

    network: ExactReluNetwork
    layout: NarrowLayout
    num_points: int
    num_merged: int
    cells: int


@plain_numbers
def memorize_narrow(points: Any, labels: Any, seed: int = 0) -> NarrowMemorization:
    """A ReLU network of width 12, with O(sqrt(n log n)) + d parameters, that outputs every label exactly.

    Arguments:
        points: (n, d), or what else `as_points` takes; a float stands for the rational number that it is.
        labels: (n,) integers. C is the length of their range: give classes as 0 .. k-1.
        seed: the seed of the random directions.

    Raises TypeError for values that are not real numbers; ValueError for empty input, NaN, infinity, labels
    that are not integers or not n, and for equal points with different labels, naming the rows.
    """
    array = as_points(points)
    targets = _integer_labels(labels, len(array))
    numerators, denominator = integer_points(array)
    kept = _distinct_rows(numerators, targets)
    lowest = min(targets)
    offsets = np.array([targets[row] - lowest for row in kept], dtype=object)
    plans = [
        _plan(projection, offsets, cell)
        for projection in _projections(numerators[kept], seed)
        for cell in {1, projection.gap}
    ]
    plan = min(plans, key=lambda plan: plan.layout.num_parameters(array.shape[1]))
    return NarrowMemorization(
        network=_build(plan, denominator, lowest),
        layout=plan.layout,
        num_points=len(kept),
        num_merged=len(array) - len(kept),
        cells=plan.cells,
    )


@plain_numbers
def narrow_parameter_count(
    n: int, dimension: int, num_labels: int, cells: int | None = None, *, floored: bool = True
) -> int:
    """A number of parameters that suffices for every sample whose projections fit in that many cells.

    Arguments:
        n, dimension, num_labels: the sizes of the sample.
        cells: Q >= n - 1, range / gap of the projections (module docstring); n^2 unless told.
        floored: whether to count a floor stage, which integer projections with a gap of 1 do not need.

    Raises ValueError for numbers that no sample has.
    """
    cells = n * n if cells is None else cells
    if n < 1 or num_labels < 1 or cells < n - 1:
        raise ValueError(
            "n and num_labels must be at least 1, cells at least n - 1, "
            f"got n = {n}, num_labels = {num_labels}, cells = {cells}"
        )

    def most_groups(bits: int, size: int) -> int:
        # A step that does not fit is 2^(L-1) + 1 at least; all steps add up to C Q + C - 1 at most. A run of
        # k points between two such steps takes ceil(k / s) <= (k + s - 1) / s groups.
        runs = 1 + (num_labels * (cells + 1) - 1) // ((1 << (bits - 1)) + 1)
        return min((n + runs * (size - 1)) // size, n)

    layout = _best_layout(n, num_labels, cells, cells.bit_length() if floored else 0, most_groups)
    return layout.num_parameters(dimension)


def floor_stage(cell: int, bits: int, scale: int) -> list[NamedLayer]:
    """Layers from z to t = scale (floor(z / cell) + 1), for integers 0 <= z < cell 2^bits."""
    z, x, up, down = map(named, ("z", "x", "up", "down"))
    layers: list[NamedLayer] = []
    rest = z
    for bit in reversed(range(bits)):
        threshold = cell << bit
        layer = {"z": z, "up": rest - (threshold - 1), "down": rest - threshold}
        if layers:
            layer["x"] = rest
        rest = (x if layers else z) - threshold * (up - down)
        layers.append(layer)
    layers.append({"t": Fraction(scale, cell) * (z - rest) + scale})
    return layers


def selection_stage(thresholds: Sequence[int], strings: Sequence[Fraction]) -> list[NamedLayer]:
    """Layers from t to p = t, x = the string of t's group and h = max(x - 1/2, 0).

    Group g are the t >= 0 from thresholds[g-1] + 1 to thresholds[g]; strings lie in [0, 1).
    """
    t, v = named("t"), named("v")
    differences = [after - before for before, after in pairwise(strings)]
    steps = list(zip(thresholds, differences, strict=True))[::-1]
    batches = [steps[start : start + _STEPS] for start in range(0, len(steps), _STEPS)]
    value = constant(strings[-1])
    layers: list[NamedLayer] = []
    for depth in range(len(batches) + 1):
        layer = {"t": t}
        if depth < len(batches):
            layer |= {f"a{j}": t - threshold for j, (threshold, _) in enumerate(batches[depth])}
        if depth > 1:
            layer["v"] = value
            value = v
        if depth > 0:
            for j, (_, difference) in enumerate(batches[depth - 1]):
                layer[f"b{j}"] = constant(1) - named(f"a{j}")
                value = value - difference * named(f"b{j}")
        layers.append(layer)
    layers.append({"p": t, "x": value, "h": value - _HALF})
    return layers


def reading_stage(layout: NarrowLayout, lowest: int) -> list[NamedLayer]:
    """Layers from p = t, x = the string of its group and h = max(x - 1/2, 0) to its label, `lowest` added."""
    p, x, h, r, y, excess = map(named, ("p", "x", "h", "r", "y", "excess"))
    tent = 2 * x - 4 * h
    fields = [layout.first_bits, *[layout.bits] * (layout.group_size - 1)]
    layers: list[NamedLayer] = []
    label = constant(0)  # the label, if one of the codes before was its own
    for field, bits in enumerate(fields[:-1]):
        for step in range(1, bits + 1):
            layer = {"x": tent, "h": tent - _HALF}
            if step == 1:
                layer["r"] = p - (1 << (bits - 1)) * x
            elif step < bits:
                layer["r"] = r
            else:
                layer["p"] = r + _HALF * tent - 1
            if field and step == 1:
                layer |= {"y": label + p, "excess": p - (layout.num_labels - 1)}
            elif field:
                layer["y"] = y - layout.num_labels * excess if step == 2 else y
            layers.append(layer)
        if field:
            label = y
    del layers[-1]["h"]  # the last field is read without a tent
    layers.append(
        {
            "p": p - (1 << (fields[-1] - 1)) * x - 1,
            "y": label + p,
            "excess": p - (layout.num_labels - 1),
        }
    )
    layers.append({"p": p, "y": y - layout.num_labels * excess})
    layers.append({"label": y + p + lowest})
    return layers


def encode(codes: Sequence[int], layout: NarrowLayout) -> Fraction:
    """The string of a group: its first code and the steps to the next ones, less 1; then steps of C."""
    padding = [layout.num_labels - 1] * (layout.group_size - len(codes))
    fields = [codes[0] - 1, *(after - before - 1 for before, after in pairwise(codes)), *padding]
    string = 0
    for field in fields:
        string = (string << layout.bits) + field
    return Fraction(string, 1 << layout.string_bits)


@dataclass(frozen=True, eq=False)
class _Projection:
    """Projections <a, x_i> = origin + unit z_i, with integers z_i >= 0 whose greatest common divisor is 1."""

    direction: Sequence[int]
    origin: int
    unit: int
    z: npt.NDArray[Any]

    @property
    def gap(self) -> int:
        return int(min(np.diff(np.sort(self.z)), default=1))


@dataclass(frozen=True)
class _Plan:
    """All that the network is made of, in the order of the projections."""

    projection: _Projection
    cell: int
    cells: int
    positions: Sequence[int]
    codes: Sequence[int]
    layout: NarrowLayout
    starts: Sequence[int]  # where the groups begin


def _plan(projection: _Projection, labels: npt.NDArray[Any], cell: int) -> _Plan:
    order = np.argsort(projection.z)
    q = projection.z[order] // cell
    num_labels, cells = int(labels.max()) + 1, int(q[-1])
    positions = num_labels * (q + 1)
    codes = positions - labels[order]
    bits_needed = np.array([(step - 1).bit_length() for step in np.diff(codes)], dtype=np.int64)
    layout = _best_layout(
        len(q),
        num_labels,
        cells,
        cells.bit_length() if cell > 1 else 0,
        lambda bits, size: len(_group_starts(bits_needed, bits, size)),
    )
    starts = _group_starts(bits_needed, layout.bits, layout.group_size)
    return _Plan(projection, cell, cells, positions.tolist(), codes.tolist(), layout, starts)


def _best_layout(
    n: int, num_labels: int, cells: int, floor_bits: int, num_groups: Callable[[int, int], int]
) -> NarrowLayout:
    """The layout of fewest parameters, if num_groups(L, s) strings of s fields of L bits hold the sample."""
    first_bits = max(2, 1 + (num_labels * (cells + 1) - 1).bit_length())
    layouts = []
    for bits in range(max(2, 1 + (num_labels - 1).bit_length()), first_bits + 1):
        size = max(2, round(math.sqrt((5 + 2 / _STEPS) * n / (7 * bits + 8))))
        layouts.append(NarrowLayout(num_labels, size, num_groups(bits, size), first_bits, bits, floor_bits))
    return min(layouts, key=lambda layout: layout.num_parameters(0))


def _group_starts(bits_needed: npt.NDArray[np.int64], bits: int, size: int) -> list[int]:
    """The starts of the groups: after `size` points, and where the step to the next code fits no field."""
    breaks = (np.flatnonzero(bits_needed > bits - 1) + 1).tolist()
    runs = pairwise([0, *breaks, len(bits_needed) + 1])
    return [start for begin, end in runs for start in range(begin, end, size)]


def _build(plan: _Plan, denominator: int, lowest: int) -> ExactReluNetwork:
    layout, projection = plan.layout, plan.projection
    floored = layout.floor_bits > 0
    scale = Fraction(1 if floored else layout.num_labels, projection.unit)
    first = Neuron(
        tuple((j, scale * denominator * a) for j, a in enumerate(projection.direction)),
        -scale * projection.origin + (0 if floored else layout.num_labels),
    )
    groups = [plan.codes[start:end] for start, end in pairwise([*plan.starts, len(plan.codes)])]
    layers = [
        *(floor_stage(plan.cell, layout.floor_bits, layout.num_labels) if floored else []),
        *selection_stage(
            [plan.positions[start - 1] for start in plan.starts[1:]],
            [encode(codes, layout) for codes in groups],
        ),
        *reading_stage(layout, lowest),
    ]
    return assemble(first, "z" if floored else "t", layers, len(projection.direction))


def _integer_labels(labels: Any, n: int) -> list[int]:
    values = as_labels(labels, n)
    if values.ndim != 1:
        raise ValueError(f"labels must have shape ({n},), one integer a point, got {values.shape}")
    fractional = np.flatnonzero(values != np.floor(values))
    if fractional.size:
        raise ValueError(f"labels must be integers, but row {fractional[0]} has {values[fractional[0]]}")
    return [int(value) for value in values]


def _distinct_rows(points: npt.NDArray[Any], labels: Sequence[int]) -> list[int]:
    """The first row of every distinct point; ValueError if equal points differ in their labels."""
    first: dict[Any, int] = {}
    for row, point in enumerate(points):
        twin = first.setdefault(tuple(point) if points.dtype == object else point.tobytes(), row)
        if labels[twin] != labels[row]:
            raise ValueError(
                f"points in rows {twin} and {row} are equal, but their labels are {labels[twin]} and "
                f"{labels[row]}: no function fits both"
            )
    return list(first.values())


def _projections(points: npt.NDArray[Any], seed: int) -> list[_Projection]:
    """Projections that keep the points apart: on directions as small as will do, and on generic ones.

    Entries are uniform on -A .. A. A direction lets two given points collide with probability 1/(2A + 1) at
    most, so A = n^2 keeps all apart more often than not. Small directions make small integers out of small
    integers, with gaps of 1; generic ones do what the module docstring says of normal ones.
    """
    radius = 1
    while not (small := _separating(points, radius, seed)):
        radius *= 2
    return small + _separating(points, len(points) ** 2, seed)


def _separating(points: npt.NDArray[Any], radius: int, seed: int) -> list[_Projection]:
    """Projections on those of a few random directions, entries up to `radius`, that keep the points apart."""
    dimension = points.shape[1]
    bound = dimension * radius * max(abs(int(points.max())), abs(int(points.min())))
    # Sums of integers below 2^53 are exact in float64, in any order; beyond, Python integers.
    exact = points.astype(np.float64 if bound <= MAX_EXACT_INTEGER else object)
    separating = []
    for draw in words(seed, f"narrow direction, radius {radius}", range(_DIRECTIONS_TO_TRY), dimension):
        direction = [int(word) * (2 * radius + 1) // 2**64 - radius for word in draw]
        projected = np.array([int(z) for z in exact @ np.array(direction, dtype=exact.dtype)], dtype=object)
        if len(set(projected)) == len(points):
            origin = int(projected.min())
            unit = int(np.gcd.reduce(projected - origin)) or 1
            separating.append(_Projection(direction, origin, unit, (projected - origin) // unit))
    return separating
