r"""Corollary 1: for every depth k >= 2, a ReLU network of width O(n/k) and O(n + d) weights that interpolates.

Zhang et al. 2017, appendix C. The paper's sketch selects the block of the input by products with approximate
indicator functions; a product is not a ReLU network of constant size. This construction is exact.

*Construction.* Project and sort as for Theorem 1 and cut the n points into k - 1 blocks of at most ceil(n/(k-1)),
one for each hidden layer. The layer of a block adds to the output the part of the interpolant that rises or falls
across its points: one hinge a point, and one more that makes the sum level again behind its last point,

    Delta_l(z) = sum_j w_j max(z - b_j, 0),    Delta_l = 0 before the block, y_end - y_start behind it.

Two numbers travel beside the hinges from layer to layer, each kept non-negative so that its ReLU changes nothing:

    p = max(z - o, 0),    o below every projection and every bias but the first layer's;
    s_l = max((s_{l-1} - q) + (Delta_l + q), 0),    the sum so far, shifted by q = max(0, -min y): s_{l-1} - q is the
    sum without the shift, and Delta_l + q has the next one.

Because every block ends level, the sum so far lies between 0 and the labels for every input, not only for the sample: q
never has to be larger, and what is carried does not cost digits. (Without the level end the sum continues on the last
slope, 10^5 times larger on CIFAR-10, and rounding with it.) The last layer needs no level end. For k = 2 this is
Theorem 1's network.

*Counts,* for one output and k >= 3. Width: ceil(n/(k-1)) hinges, one more to end level, p and s: at most
ceil(n/(k-1)) + 3. Weights: d for the direction, a bias and a weight for each of at most n + k - 2 hinges, o and q:

    d + 2(n + k - 2) + 2 = 2n + d + 2k - 2.

As in Theorem 1's count, ones that only hand a number on are not weights; `num_wires` counts them.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from theory.common.array_files import load_arrays
from theory.common.arrays import BeyondFloat64Error, Float64Array, as_points, as_targets
from theory.common.atomic import replacing
from theory.common.double_double import two_sum
from theory.common.plain_numbers import plain_numbers
from theory.common.rounding import UNIT_ROUNDOFF, gamma
from theory.expressivity.depth_two import (
    DepthTwoNetwork,
    pairwise_sum,
    require_finite_weights,
    require_interpolation,
    require_moderate,
)
from theory.expressivity.knots import Position, knot_weights
from theory.expressivity.projection import blocks, knots_before, project_sample, projection_error

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Hinges:
    """The hinges of one hidden layer.

    Attributes:
        biases: b, float64 (m,), increasing: of the projection z in the first layer, of p = z - origin behind it.
        weights: w, float64 (m, outputs).
    """

    biases: Float64Array
    weights: Float64Array


@dataclass(frozen=True, eq=False)
class DeepNetwork:
    """A network of depth k = len(layers) + 1 as the module describes.

    Attributes:
        direction: a, float64 (d,).
        layers: the hinges of hidden layers 1 .. k-1.
        origin: o.
        offsets: q, one an output, float64 (outputs,).
        vector_output: whether an evaluation returns (m, outputs) or (m,).
    """

    direction: Float64Array
    layers: tuple[Hinges, ...]
    origin: float
    offsets: Float64Array
    vector_output: bool = False

    @property
    def depth(self) -> int:
        """The depth k: hidden layers and the output layer."""
        return len(self.layers) + 1

    @property
    def width(self) -> int:
        """Units of the widest hidden layer."""
        last = len(self.layers) - 1
        carried = [(index < last) + (index > 0) * len(self.offsets) for index in range(len(self.layers))]
        return max(len(layer.biases) + more for layer, more in zip(self.layers, carried, strict=True))

    @property
    def num_weights(self) -> int:
        """The number of weights and biases, without weights of 1 that only hand a number on (module docstring)."""
        hinges = sum(layer.biases.size + layer.weights.size for layer in self.layers)
        return self.direction.size + hinges + (1 + self.offsets.size if self.depth > 2 else 0)

    @property
    def num_wires(self) -> int:
        """The number of weights of 1 that only hand a number on: into each hinge, along p, along s."""
        hinges = sum(layer.biases.size for layer in self.layers)
        return hinges + (self.depth - 2) * (1 + self.offsets.size)

    def __call__(self, points: Any) -> Float64Array:
        """The network at the points, by the stable route of `DepthTwoNetwork`: O(md + (m + n) log n) time."""
        return self._flat(points)

    def forward(self, points: Any) -> Float64Array:
        """The network at the points layer by layer, as a ReLU network is evaluated: O(mn) time, in blocks of rows."""
        z = self._flat.project(points)
        out = np.empty((len(z), len(self.offsets)))
        widest = max(len(layer.biases) for layer in self.layers)
        for rows in blocks(len(z), 8 * (widest + 1)):
            carried, total = z[rows], np.zeros((len(z[rows]), len(self.offsets)))
            for index, layer in enumerate(self.layers):
                if index > 0:
                    total = np.maximum(total + self.offsets, 0.0) - self.offsets
                hidden = np.maximum(carried[:, None] - layer.biases, 0.0)
                if layer.biases.size:
                    total = total + np.stack([pairwise_sum(hidden * weights) for weights in layer.weights.T], axis=1)
                carried = np.maximum(carried - (self.origin if index == 0 else 0.0), 0.0)
            out[rows] = total
        return out if self.vector_output else out[:, 0]

    def sum_of_relus(self, points: Any) -> Float64Array:
        """The same as `forward`: the evaluation that the corollary speaks of."""
        return self.forward(points)

    def error_bound(self, points: Any, labels: Any, order: Literal["pairwise", "any"] = "any") -> Float64Array:
        """A proved bound on |computed output - y_i| for layer-by-layer float64 evaluations, shape of the labels.

        That of `DepthTwoNetwork.error_bound` for the sum of all hinges, and what a deep evaluation adds:

        * p = z - o is rounded, which moves the argument of all later hinges by the same amount, at most u |p|: their
          sum has at most the largest slope L;
        * a later hinge's bias is given for p; b + o, where the sum of all hinges has it, is rounded;
        * each of the k - 1 sums carries what was there before, through four roundings of at most |s| + q.

        The first two amounts are the errors of floating-point sums, computed exactly.
        """
        points = as_points(points)
        labels = as_targets(labels, len(points), len(self.offsets))
        flat = self._flat
        bound = flat.error_bound(points, labels, order).reshape(len(points), -1)
        if self.depth > 2:
            z = flat.project(points)
            # Where projections are exact so is what rounds in z - o; elsewhere any evaluation rounds by u |p| at most.
            exact = projection_error(points, self.direction) == 0
            rounding = np.where(
                exact, np.abs(two_sum(z, np.array(-self.origin))[1]), np.abs(z - self.origin) * 2.0**-52
            )
            knots = [two_sum(layer.biases, np.array(self.origin)) for layer in self.layers[1:]]
            start = self.layers[0].biases.size
            shifts = np.abs(flat.biases[start:] - np.concatenate([high for high, _ in knots]))
            shifts += np.abs(np.concatenate([low for _, low in knots]))
            moved = np.concatenate([np.zeros(start), shifts])[:, None] * np.abs(flat.weights)
            hinges = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum(moved, axis=0)])
            largest = np.abs(flat(points)).max() + np.abs(labels).max() + self.offsets.max()
            carried = 4 * UNIT_ROUNDOFF * self.depth * largest
            bound = bound * (1 + gamma(self.depth)) + rounding[:, None] * flat.lipschitz_in_projection + carried
            bound = bound + hinges[knots_before(flat.biases, z, "right")] * (1 + 1e-10)
        return bound if self.vector_output else bound[:, 0]

    def to_torch(
        self, dtype: "torch.dtype | None" = None, device: Any = None, *, sample: tuple[Any, Any] | None = None
    ) -> "torch.nn.Module":
        """The same network as a torch module with exactly these parameters, as `torch_export.export` describes."""
        from theory.expressivity.torch_export import DeepModule, export

        return export(lambda exact: DeepModule(self, exact), dtype, device, sample)

    def save(self, path: str | Path) -> None:
        """Write the network to `path`, an .npz file without pickles."""
        arrays = {
            f"{name}_{index}": getattr(layer, name) for index, layer in enumerate(self.layers) for name in _FIELDS
        }
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                direction=self.direction,
                origin=np.array(self.origin),
                offsets=self.offsets,
                vector_output=np.array(self.vector_output),
                **arrays,
            )

    @classmethod
    def load(cls, path: str | Path) -> "DeepNetwork":
        """Read what `save` wrote. Raises ValueError for a weight that is not finite, and for anything else."""
        file = load_arrays(path)
        try:
            count = sum(name.startswith("biases_") for name in file)
            layers = tuple(Hinges(file[f"biases_{i}"], file[f"weights_{i}"]) for i in range(count))
            weights = [array for layer in layers for array in (layer.biases, layer.weights)]
            require_finite_weights(path, file["direction"], file["origin"], file["offsets"], *weights)
            outputs = file["offsets"].shape
            if not (layers and file["direction"].ndim == len(outputs) == 1) or any(
                layer.weights.shape != (*layer.biases.shape, *outputs) for layer in layers
            ):
                raise ValueError("its shapes are of no network")
            return cls(file["direction"], layers, float(file["origin"]), file["offsets"], bool(file["vector_output"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no network: {error}") from error

    @cached_property
    def _flat(self) -> DepthTwoNetwork:
        """The same function as a sum of all hinges: equal in exact arithmetic wherever p and s are not cut off.

        p is cut off below o, before all hinges that take it; s never is (module docstring).
        """
        return _sum_of_hinges(self)


def _sum_of_hinges(network: DeepNetwork) -> DepthTwoNetwork:
    biases = [layer.biases + (network.origin if index else 0.0) for index, layer in enumerate(network.layers)]
    weights = [layer.weights for layer in network.layers]
    knots = np.maximum.accumulate(np.concatenate(biases))  # b + o may round to just before the knot before
    return DepthTwoNetwork(network.direction, knots, np.concatenate(weights), network.vector_output)


_FIELDS = ("biases", "weights")


@plain_numbers
def deep_relu_interpolant(points: Any, labels: Any, depth: int, *, seed: int = 0) -> DeepNetwork:
    """The network of Corollary 1 of the given depth that takes the value labels[i] at points[i], for every i.

    Arguments and errors as for `relu_interpolant`; `depth` is any k >= 2 (ValueError otherwise). If there are more
    layers than points, some layers only hand on.
    """
    check_depth(depth)
    sample = project_sample(points, labels, seed)
    z, outputs = sample.z, sample.labels.shape[1]
    origin = float(z[0] - sample.extent)
    ends = np.linspace(0, len(z), depth).round().astype(int)
    layers: list[Hinges] = []
    positions = [Position()] * outputs
    with np.errstate(over="ignore", invalid="ignore"):
        for index, (start, end) in enumerate(itertools.pairwise(ends)):
            shift = origin if index else 0.0
            before = z[start - 1] if start else origin
            knots = np.concatenate([[before], z[start:end]]) - shift
            if not (np.diff(knots) > 0).all():
                raise BeyondFloat64Error(
                    "the projections, once shifted, lie closer together than rounding: use exact_relu_interpolant"
                )
            level = end > start and index < depth - 2
            columns = []
            for output in range(outputs):
                targets = sample.labels[start:end, output]
                weights, positions[output] = knot_weights(knots[1:], knots[:-1], targets, positions[output])
                if level:
                    weights, positions[output] = _level(weights, positions[output])
                columns.append(weights)
            layers.append(Hinges(knots if level else knots[:-1], np.stack(columns, axis=1)))
    require_moderate(np.concatenate([layer.weights for layer in layers]), sample)
    offsets = np.maximum(0.0, -sample.labels.min(axis=0))
    network = DeepNetwork(sample.direction, tuple(layers), origin, offsets, sample.vector_labels)
    require_interpolation(_sum_of_hinges(network), sample)
    return network


@plain_numbers
def check_depth(depth: int) -> None:
    """Raise ValueError unless the depth is at least 2, TypeError unless it is an integer."""
    if depth < 2:
        raise ValueError(f"depth must be an integer of at least 2, got {depth}")


def _level(weights: Float64Array, position: Position) -> tuple[Float64Array, Position]:
    """One more hinge, at the last point, takes the slope away; what rounding leaves of it stays in the position."""
    closing = -position.slope
    return np.append(weights, closing), Position(position.slope_low, 0.0, position.value, position.value_low)
