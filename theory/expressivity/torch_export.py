"""The networks of Theorem 1 and Corollary 1 as torch modules: the same parameters, a plain forward pass."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from theory.common.arrays import BeyondFloat64Error, as_points, as_real, as_targets

if TYPE_CHECKING:
    from theory.expressivity.deep import DeepNetwork
    from theory.expressivity.depth_two import DepthTwoNetwork

_TOLERANCE = 0.5  # closer than this the nearest integer is the label
_RELATIVE_TOLERANCE = 1e-2  # share of the largest |label|, where labels are no integers
_BATCH_ELEMENTS = 2**24


class DepthTwoModule(nn.Module):
    """c(x) = sum_j w_j relu(<a, x> - b_j) with the parameters `direction` (d,), `biases` (n,), `weights` (n, k).

    Inputs (m, d) or (m, ...), flattened, in the module's dtype; output (m,) or (m, k). The hidden layer of all m points
    is held at once, as in any network: pass batches.
    """

    def __init__(self, network: "DepthTwoNetwork", dtype: torch.dtype):
        super().__init__()
        self.direction = _parameter(network.direction, dtype)
        self.biases = _parameter(network.biases, dtype)
        self.weights = _parameter(network.weights, dtype)
        self.vector_output = network.vector_output

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Evaluate the network as Theorem 1 writes it."""
        projection = points.flatten(1).to(self.direction.dtype) @ self.direction
        outputs = torch.relu(projection[:, None] - self.biases) @ self.weights
        return outputs if self.vector_output else outputs[:, 0]


class DeepModule(nn.Module):
    """Corollary 1's network: `direction`, `origin`, `offsets`, and `biases.l`, `weights.l` of each hidden layer.

    Inputs and output as for `DepthTwoModule`.
    """

    def __init__(self, network: "DeepNetwork", dtype: torch.dtype):
        super().__init__()
        self.direction = _parameter(network.direction, dtype)
        self.biases = nn.ParameterList(_parameter(layer.biases, dtype) for layer in network.layers)
        self.weights = nn.ParameterList(_parameter(layer.weights, dtype) for layer in network.layers)
        if network.depth > 2:
            self.origin = _parameter(network.origin, dtype)
            self.offsets = _parameter(network.offsets, dtype)
        self.vector_output = network.vector_output

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Evaluate the network layer by layer."""
        carried = points.flatten(1).to(self.direction.dtype) @ self.direction
        total: torch.Tensor = torch.relu(carried[:, None] - self.biases[0]) @ self.weights[0]
        for index in range(1, len(self.biases)):
            carried = torch.relu(carried - self.origin) if index == 1 else torch.relu(carried)
            shifted = torch.relu(total + self.offsets)
            total = shifted - self.offsets + torch.relu(carried[:, None] - self.biases[index]) @ self.weights[index]
        return total if self.vector_output else total[:, 0]


def export(
    build: Callable[[torch.dtype], nn.Module], dtype: torch.dtype | None, device: Any, sample: tuple[Any, Any] | None
) -> nn.Module:
    """Make a network's module in a dtype (float64 by default) on a device.

    In float64 the module's plain forward pass obeys the network's `error_bound(..., order="any")`. A coarser dtype
    rounds the direction and the knots too, which can make it another network altogether: it is only given out after
    it has been run on a `sample`, (points, labels), and came within 1/2 of every label; if labels are not integers,
    within a hundredth of the largest |label|, and 1/2 at most.

    Raises ValueError for a coarser dtype without a sample, BeyondFloat64Error where it fails on the sample.
    """
    dtype = dtype or torch.float64
    module = build(dtype)
    if dtype != torch.float64:
        if sample is None:
            raise ValueError(
                f"{dtype} may round the network to another one: give sample=(points, labels) to check it on"
            )
        points = as_points(sample[0])
        error = _largest_error(module, points, sample[1])
        if not error < _tolerance(sample[1]):
            raise BeyondFloat64Error(
                f"rounded to {dtype} the network misses a label by {error:.2g}: use dtype=torch.float64"
            )
    return module.to(device)


def _tolerance(labels: Any) -> float:
    values = as_real(labels, "labels").astype(np.float64)
    if bool((np.rint(values) == values).all()):
        return _TOLERANCE
    return min(_TOLERANCE, _RELATIVE_TOLERANCE * float(np.abs(values).max()))


def _largest_error(module: nn.Module, points: Any, labels: Any) -> float:
    outputs = []
    step = max(1, _BATCH_ELEMENTS // max(parameter.numel() for parameter in module.parameters()))
    with torch.no_grad():
        for start in range(0, len(points), step):
            block = points[start : start + step]  # torch takes neither reversed views nor the other byte order
            outputs.append(module(torch.from_numpy(np.array(block, dtype=block.dtype.newbyteorder("="), order="C"))))
    computed = torch.cat(outputs).reshape(len(points), -1).double()
    targets = torch.from_numpy(as_targets(labels, len(points), computed.shape[1]).copy())
    error = (computed - targets).abs().max().item()
    return error if error == error else float("inf")


def _parameter(values: Any, dtype: torch.dtype) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=dtype))
