r"""How steep Theorem 1's interpolant is, how large its weights are, and the margin that leaves.

c(x) = g(<a, x>) with g piecewise linear, its slopes s_1 .. s_n the running sums of the weights w_1 .. w_n. With
knots at the data points (`depth_two`), h the least distance of a knot to the next one (z_n counts as one), and M =
max|y|:

*Slopes and weights.* s_j = (y_j - y_{j-1}) / (z_j - b_j) with y_0 = 0 and w_j = s_j - s_{j-1}, so that

    |s_j| <= 2 M / h,    |w_j| <= 4 M / h.

Alternating labels +-M on points at equal gaps attain both for n >= 3.

*Lipschitz constant.* With S = max|s_j|, by Cauchy and Schwarz |c(x) - c(x')| <= S |<a, x - x'>| <= S ||a|| ||x -
x'||, and two points that differ along a on the steepest piece attain it. So L = S ||a|| is the Lipschitz constant
in the Euclidean norm, not a bound on it. Any function at all that takes the labels has at least

    max_ij |y_i - y_j| / ||x_i - x_j||.

*Margin.* Let |c(x_i) - y_i| <= e < 1/2 (e is 0 but for rounding) and ||v|| < (1/2 - e) / L. Then c(x_i + v) is
within e + L ||v|| < 1/2 of y_i: an integer label stays the nearest integer. So does a one-hot label's class: its
output stays above 1/2, all others below.

*Random position.* Let the z_j be independent with density f (int f^2 finite), the labels independent of them, two of
them at the mean distance D. Two points with labels y and y' are joined by a slope above n^2 t with probability about
2 int f^2 |y - y'| / (n^2 t), and there are n^2/2 pairs: the number of such slopes tends to a Poisson variable of mean
D int f^2 / t. If there is none, S <= n^2 t. So log S - 2 log n tends to a constant and a standard Gumbel variable, of
standard deviation pi/sqrt(6): S grows like n^2, the inverse of the least of n - 1 gaps. A robust radius of order n^-2
is what this construction pays for looking along one line only.
"""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import Float64Array, as_labels, as_points
from theory.common.streams import generator
from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
from theory.expressivity.exact import exact_relu_interpolant
from theory.expressivity.projection import blocks

ALL_PAIRS_UP_TO = 300
"""Up to this many points all pairs are compared for the least possible Lipschitz constant, else neighbours."""


@dataclass(frozen=True)
class InterpolantGeometry:
    """Size and steepness of an interpolant; the module docstring has the proofs.

    Attributes:
        lipschitz: L, the Lipschitz constant in the Euclidean norm, of the output where it is largest; inf if it
            leaves float64's range.
        lipschitz_bound: 2 max|y| ||a|| / min gap, which L does not exceed but for the rounding of the weights.
        lipschitz_needed: any function that takes the labels has at least this constant.
        weight_l1, weight_l2, weight_max: norms of the output weights w, all outputs together.
        weight_bound: 4 max|y| / min gap, which no |w_j| exceeds but for its rounding.
        robust_radius: no shorter change of a training point changes the integer, or the one-hot class, that is
            nearest to the output.
    """

    lipschitz: float
    lipschitz_bound: float
    lipschitz_needed: float
    weight_l1: float
    weight_l2: float
    weight_max: float
    weight_bound: float
    robust_radius: float


def interpolant_geometry(network: DepthTwoNetwork, points: Any, labels: Any) -> InterpolantGeometry:
    """Measure Theorem 1's network on the sample that it interpolates.

    Arguments:
        network: what `relu_interpolant` made of the sample.
        points, labels: the sample.

    Time O(nd + n log n), and O(n^2 d) for up to `ALL_PAIRS_UP_TO` points. Raises ValueError for bad points or
    labels, and if the network's knots are not the sample's points.
    """
    points = as_points(points)
    labels = as_labels(labels, len(points)).reshape(len(points), -1)
    projections = network.project(points)
    z = np.unique(projections)
    if not np.array_equal(z[:-1], network.biases[1:]):
        raise ValueError("network is not the relu_interpolant of these points: its knots are not their projections")
    least_gap = float((z - network.biases).min())
    largest = float(np.abs(labels).max())
    norm = math.hypot(*network.direction)
    lipschitz = network.lipschitz_in_projection * norm
    weights = np.abs(network.weights).ravel()
    error = float(np.abs(network(points).reshape(labels.shape) - labels).max())
    return InterpolantGeometry(
        lipschitz=lipschitz,
        lipschitz_bound=2 * largest / least_gap * norm,
        lipschitz_needed=_steepest_pair(points, labels, np.argsort(projections)),
        weight_l1=float(weights.sum()),
        weight_l2=math.hypot(*weights),
        weight_max=float(weights.max()),
        weight_bound=4 * largest / least_gap,
        robust_radius=max(0.5 - error, 0.0) / lipschitz if lipschitz > 0 else math.inf,
    )


def _steepest_pair(points: npt.NDArray[Any], labels: Float64Array, order: npt.NDArray[np.intp]) -> float:
    """The largest |y_i - y_j| / ||x_i - x_j|| over all pairs of a small sample, else over neighbours in the order."""
    steepest = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # a distance beyond float64's range shows nothing
        for shift in range(1, len(order) if len(order) <= ALL_PAIRS_UP_TO else 2):
            for rows in blocks(len(order) - shift, 8 * points.shape[1]):
                before, after = order[:-shift][rows], order[shift:][rows]
                climbs = np.abs(labels[after] - labels[before]).max(axis=1)
                distances = _lengths(points[after].astype(np.float64) - points[before])
                apart = distances > 0  # equal points have equal labels
                steepest = max(steepest, float((climbs[apart] / distances[apart]).max(initial=0.0)))
    return steepest


def _lengths(vectors: Float64Array) -> Float64Array:
    """Euclidean norms of the rows, without overflow or underflow of the squares."""
    largest = np.abs(vectors).max(axis=1)
    units = vectors / np.where(largest > 0, largest, 1.0)[:, None]
    return np.asarray(largest * np.linalg.norm(units, axis=1), dtype=np.float64)


def _steepest(z: Float64Array, labels: npt.NDArray[Any]) -> float:
    """The largest |slope| between neighbours on a line, z ascending."""
    return float(np.abs(np.diff(labels) / np.diff(z)).max())


_SIZES = (100, 10_000)
_DIRECTIONS = 2000
_GUMBEL_DEVIATION = math.pi / math.sqrt(6)


def _check_growth(seed: int) -> Evidence:
    random = generator(seed, "theorem-1-lipschitz")
    points = random.standard_normal((max(_SIZES), 20))
    logarithms = []
    for n in _SIZES:
        steepest = []
        for _ in range(_DIRECTIONS):
            direction = random.standard_normal(20)
            z = np.sort(points[:n] @ direction / np.linalg.norm(direction))
            # The labels know nothing of the points: drawn for each direction, in the order of the projections.
            steepest.append(_steepest(z, random.integers(0, 10, n)))
        logarithms.append(np.log(steepest).mean())
    apart = math.log(max(_SIZES) / min(_SIZES))
    exponent = float(logarithms[1] - logarithms[0]) / apart
    deviation = math.sqrt(2 / _DIRECTIONS) * _GUMBEL_DEVIATION / apart
    sample, labels = points[:ALL_PAIRS_UP_TO], random.integers(0, 10, ALL_PAIRS_UP_TO)
    network = relu_interpolant(sample, labels, seed=seed)
    geometry = interpolant_geometry(network, sample, labels)
    z = network.project(sample)
    order = np.argsort(z)
    formula = _steepest(z[order], labels[order]) * float(np.linalg.norm(network.direction))
    return Evidence(
        verdict(abs(exponent - 2) < 0.05 and abs(geometry.lipschitz / formula - 1) < 1e-9),
        f"L grows like n^{exponent:.3f} from n = {_SIZES[0]} to {_SIZES[1]} (means of log L over {_DIRECTIONS} "
        f"directions); the network on {ALL_PAIRS_UP_TO} points has L = {geometry.lipschitz:.1e}, any interpolant at "
        f"least {geometry.lipschitz_needed:.1f}; radius {geometry.robust_radius:.1e}",
        "n^1.95 to n^2.05; the network's L that of its steepest piece, to 1e-9",
        f"log L has standard deviation pi/sqrt(6), the exponent {deviation:.3f}: the test's size is below 1e-7, and so "
        "is the chance to miss an exponent of 1.9 or 2.1",
    )


def _check_bounds(seed: int) -> Evidence:
    random = generator(seed, "theorem-1-weight-bound")
    n, d = 300, 20
    images, labels = random.integers(0, 256, (n, d)), random.integers(-9, 10, n)
    line, signs = np.arange(1, n + 1)[:, None], (-1) ** np.arange(n)
    slope, weight = _exact_constants(images, labels, seed)
    tight_slope, tight_weight = _exact_constants(line, signs, seed)
    return Evidence(
        verdict(slope <= 2 and weight <= 4 and tight_slope == 2 and tight_weight == 4),
        f"in units of max|y| / min gap: slopes up to {float(slope):.3f}, weights up to {float(weight):.3f} on {n} "
        f"random images; {tight_slope} and {tight_weight} for alternating labels at equal gaps",
        "2 and 4, attained",
        "rational arithmetic, no tolerance; w_j = s_j - s_{j-1} with s_j = (y_j - y_{j-1}) / (z_j - b_j)",
    )


def _exact_constants(
    points: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], seed: int
) -> tuple[Fraction, Fraction]:
    """max|s_j| and max|w_j| of the exact network, times min gap / max|y|."""
    network = exact_relu_interpolant(points, labels, seed=seed)
    (layer,) = network.layers
    last = max(sum(a * x for a, x in zip(network.direction, row, strict=True)) for row in points.tolist())
    unit = min(end - start for start, end in itertools.pairwise([*layer.biases, last])) / int(np.abs(labels).max())
    (weights,) = layer.weights
    return max(map(abs, itertools.accumulate(weights))) * unit, max(map(abs, weights)) * unit


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "theorem-1-lipschitz",
            "The Lipschitz constant of Theorem 1's interpolant of random labels grows like n^2 in random position: "
            "the least of n - 1 gaps is of order 1/n^2.",
            "theorem of this package, after Zhang et al. 2017, theorem 1",
        ),
        _check_growth,
        1e-7,
        "nominal",
    ),
    CheckedClaim(
        Claim(
            "theorem-1-weight-bound",
            "Its slopes are at most 2 max|y| / min gap and its weights at most 4 max|y| / min gap, and no smaller "
            "constants do.",
            "theorem of this package, after Zhang et al. 2017, theorem 1",
        ),
        _check_bounds,
    ),
)
