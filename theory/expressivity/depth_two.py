r"""Theorem 1: a depth-2 ReLU network with 2n + d weights that interpolates any n labels.

Zhang et al. 2017, section 4 and appendix C: for n distinct points x_i in R^d and any real labels y_i there are
a in R^d and b, w in R^n with

    c(x) = sum_j w_j max(<a, x> - b_j, 0),    c(x_i) = y_i for every i.

*Construction.* Take a direction a under which the projections z_i = <a, x_i> differ (`projection`), sort by z, and
choose biases b_1 < z_1 <= b_2 < z_2 <= ... <= b_n < z_n. The matrix max(z_i - b_j, 0) is lower triangular with
positive diagonal (Lemma 1), so some w fits. Nothing needs to be solved: c is piecewise linear in z with its knots
at the biases, and the weights are differences of its slopes (`knots`).

*Choice of biases.* Here b_{j+1} = z_j: a knot at every data point, and b_1 one range of the data before z_1. Then c
joins the data by straight lines, |w_j| <= 4 max|y| / min gap, and the error of a step stays where it is. With a
knot strictly inside the gap, at z_j - eps (z_j - z_{j-1}), the old slope lasts a while longer and the new one must
make up for it: slopes obey s_j = (secant_j - (1 - eps) s_{j-1}) / eps, errors and weights grow like ((1 -
eps)/eps)^n for eps < 1/2 and never shrink for eps = 1/2 (`interleaved_matrix`). On 50,000 CIFAR-10 images with
random labels the plain sum errs by 1e-3 with midpoints, by 1e-6 with knots at data points.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from theory.common import double_double
from theory.common.array_files import load_arrays
from theory.common.arrays import BeyondFloat64Error, Float64Array, as_points, as_targets
from theory.common.atomic import replacing
from theory.common.plain_numbers import plain_numbers
from theory.common.rounding import UNIT_ROUNDOFF, gamma
from theory.expressivity.knots import knot_weights
from theory.expressivity.projection import (
    ProjectedSample,
    blocks,
    knots_before,
    project,
    project_sample,
    projection_error,
)

if TYPE_CHECKING:
    import torch


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
        """The number of hidden units, n."""
        return self.biases.size

    def project(self, points: Any) -> Float64Array:
        """z = <a, x> of each point, float64 (m,): a function of the point alone, whatever else is in the batch."""
        points = as_points(points)
        if points.shape[1] != self.direction.size:
            raise ValueError(f"points have {points.shape[1]} coordinates, the network takes {self.direction.size}")
        return project(points, self.direction)

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
        for rows in blocks(len(z), 8 * self.num_units):
            hidden = np.maximum(z[rows, None] - self.biases, 0.0)
            for output, weights in enumerate(self.weights.T):
                out[rows, output] = pairwise_sum(hidden * weights)
        return self._shaped(out)

    @cached_property
    def lipschitz_in_projection(self) -> float:
        """The largest |slope| of c as a function of z = <a, x>: c's Lipschitz constant is this times ||a||."""
        return float(np.abs(self._pieces[0]).max())

    def error_bound(self, points: Any, labels: Any, order: Literal["pairwise", "any"] = "any") -> Float64Array:
        """A proved bound on |computed c(x_i) - y_i| for float64 evaluations that add ReLUs up, shape of the labels.

        With u the unit round-off, gamma_m = mu/(1 - mu) (Higham 2002, section 3), and z the computed projections:

            |computed c(x_i) - y_i| <= |c(z_i) - y_i| + gamma_(m+3) sum_j |w_j| max(z_i + delta_i - b_j, 0)
                                       + L delta_i + m 2^-1074

        m is the number of additions a term can go through: n for a sum in `any` order (a matrix product, on any
        device), ceil(log2 n) for the `pairwise` one of `sum_of_relus`; the other three roundings are those of the
        difference, the product, and a fused or separate first addition; the last term is what underflow can add. The
        first term is what rounding the weights did, evaluated by the stable route and enlarged by its own error:
        a few units in the last place, and 2^-90 of the sum of magnitudes for its double-double sums, whose own
        factor is below 2^-97 for any n below 2^64. delta_i bounds how far a projection computed in another order is
        from z_i, 2 gamma_d sum_k |a_k x_ik| + d 2^-1074, 0 where all is integer below 2^53; L is the largest slope.

        Raises ValueError for labels of another shape than the outputs, or another `order`.
        """
        if order not in ("pairwise", "any"):
            raise ValueError(f"order must be 'pairwise' or 'any', got {order!r}")
        points = as_points(points)
        labels = as_targets(labels, len(points), self.weights.shape[1])
        z = self.project(points)
        moved = projection_error(points, self.direction)
        value, rise = self._at(z)
        # sum_j |w_j| max(z - b_j, 0) in O(n): it is the same network with |w|, without any cancellation.
        magnitudes = DepthTwoNetwork(self.direction, self.biases, np.abs(self.weights), vector_output=True)
        hinges = sum(magnitudes._at(z + moved))
        additions = self.num_units if order == "any" else int(np.ceil(np.log2(self.num_units))) + 1
        interpolation = np.abs(value + rise - labels) + 4 * UNIT_ROUNDOFF * (np.abs(value) + np.abs(rise))
        bound = interpolation + (gamma(additions + 3) + 2.0**-90) * hinges
        bound = bound + self.lipschitz_in_projection * moved[:, None]
        return self._shaped(bound * (1 + 1e-10) + (additions + 3) * 2.0**-1074)  # the bound was computed in float64

    def to_torch(
        self, dtype: "torch.dtype | None" = None, device: Any = None, *, sample: tuple[Any, Any] | None = None
    ) -> "torch.nn.Module":
        """The same network as a torch module with exactly these parameters, as `torch_export.export` describes."""
        from theory.expressivity.torch_export import DepthTwoModule, export

        return export(lambda exact: DepthTwoModule(self, exact), dtype, device, sample)

    def save(self, path: str | Path) -> None:
        """Write the network to `path`, an .npz file without pickles."""
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                direction=self.direction,
                biases=self.biases,
                weights=self.weights,
                vector_output=np.array(self.vector_output),
            )

    @classmethod
    def load(cls, path: str | Path) -> "DepthTwoNetwork":
        """Read what `save` wrote. Raises ValueError for a weight that is not finite, and for anything else."""
        file = load_arrays(path)
        try:
            arrays = (file["direction"], file["biases"], file["weights"])
            require_finite_weights(path, *arrays)
            if not (arrays[0].ndim == arrays[1].ndim == 1 and arrays[2].ndim == 2 and len(arrays[1]) == len(arrays[2])):
                raise ValueError(f"shapes {[array.shape for array in arrays]} are of no network")
            return cls(*arrays, bool(file["vector_output"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no network: {error}") from error

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
        piece = knots_before(self.biases, z)
        since = z - self.biases[np.maximum(piece - 1, 0)]
        return values[piece], slopes[piece] * since[:, None]

    def _shaped(self, outputs: Float64Array) -> Float64Array:
        return outputs if self.vector_output else outputs[:, 0]


@plain_numbers
def relu_interpolant(points: Any, labels: Any, *, seed: int = 0) -> DepthTwoNetwork:
    """The network of Theorem 1 that takes the value labels[i] at points[i], for every i.

    Arguments:
        points: n points as rows, any real dtype, numpy or torch; images (n, ...) are flattened.
        labels: real labels (n,), or (n, k) for k outputs that share the direction and the biases.
        seed: the seed of the random direction.

    Time O(nd + n log n), memory O(n) beside the data. Equal points with equal labels count once, so the network has
    2m + d weights for m distinct points, m(k + 1) + d for k outputs.

    Raises ValueError for bad points or labels (see `as_points`, `as_labels`), for equal points with different labels
    (naming the rows), and its subclass BeyondFloat64Error where float64 cannot do it: no direction tried separates the
    points, or a weight overflows. The exact construction, `exact_relu_interpolant`, has no such limits; `interpolate`
    goes over to it by itself.
    """
    sample = project_sample(points, labels, seed)
    # Any b_1 < z_1 will do; the further away, the smaller the first weight. One range of the data it is.
    biases = np.concatenate([[sample.z[0] - sample.extent], sample.z[:-1]])
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.stack([knot_weights(sample.z, biases, target)[0] for target in sample.labels.T], axis=1)
    require_moderate(weights, sample)
    network = DepthTwoNetwork(sample.direction, biases, weights, vector_output=sample.vector_labels)
    require_interpolation(network, sample)
    return network


_MISSED = 1e-3  # share of the largest |label|: `interpolate`'s tolerance


def require_interpolation(network: DepthTwoNetwork, sample: ProjectedSample) -> None:
    """Raise BeyondFloat64Error if the weights, rounded to float64, are those of a network that misses its labels.

    A slope of 1 over a gap, rounded, is off by its last place times the distance to the next point. Held against the
    labels by the stable route, output by output: a thousandth of the largest |label| is allowed.
    """
    value, rise = network._at(sample.z)
    missed = np.abs(value + rise - sample.labels).max(axis=0)
    if not (missed <= _MISSED * np.abs(sample.labels).max(axis=0)).all():
        raise BeyondFloat64Error(
            f"float64 weights miss a label by {missed.max():.2g}: gaps between projections range from "
            f"{np.diff(sample.z).min():.1e} to {np.diff(sample.z).max():.1e}; use exact_relu_interpolant"
        )


def require_finite_weights(path: str | Path, *arrays: Float64Array) -> None:
    """Raise ValueError unless all numbers of a network that was read from a file are finite."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{path} holds a network with weights that are NaN or infinite")


def require_moderate(weights: Float64Array, sample: ProjectedSample) -> None:
    """Raise BeyondFloat64Error if a weight overflowed, or nearly: double-double needs room above."""
    if not np.abs(weights).max() < double_double.OVERFLOW_THRESHOLD:
        raise BeyondFloat64Error(
            "the weights overflow float64: the labels are too large for the smallest gap between projections, "
            f"{np.diff(sample.z).min():.1e}; rescale the labels, or use exact_relu_interpolant"
        )


def pairwise_sum(terms: Float64Array) -> Float64Array:
    """Sum along the last axis by folding it in half: ceil(log2 n) additions for each term. Overwrites `terms`."""
    n = terms.shape[-1]
    while n > 1:
        half = n // 2
        terms[..., :half] += terms[..., n - half : n]
        n -= half
    return terms[..., 0].copy()
