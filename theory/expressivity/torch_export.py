"""The networks of Theorem 1 and Corollary 1 as torch modules: the same parameters, a plain forward pass."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from theory.expressivity.points import BeyondFloat64Error, Float64Array

if TYPE_CHECKING:
    from theory.expressivity.deep import DeepNetwork
    from theory.expressivity.depth_two import DepthTwoNetwork


class DepthTwoModule(nn.Module):
    """c(x) = sum_j w_j relu(<a, x> - b_j) with the parameters `direction` (d,), `biases` (n,), `weights` (n, k).

    Inputs (m, d) or (m, ...), flattened, in the module's dtype; output (m,) or (m, k). The hidden layer of all m points
    is held at once, as in any network: pass batches.
    """

    def __init__(self, network: "DepthTwoNetwork", dtype: torch.dtype | None = None, device: Any = None):
        super().__init__()
        self.direction = _parameter(network.direction, dtype, device)
        self.biases = _knots(network.biases, dtype, device)
        self.weights = _parameter(network.weights, dtype, device)
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

    def __init__(self, network: "DeepNetwork", dtype: torch.dtype | None = None, device: Any = None):
        super().__init__()
        self.direction = _parameter(network.direction, dtype, device)
        self.biases = nn.ParameterList(_knots(layer.biases, dtype, device) for layer in network.layers)
        self.weights = nn.ParameterList(_parameter(layer.weights, dtype, device) for layer in network.layers)
        if network.depth > 2:
            self.origin = _parameter(network.origin, dtype, device)
            self.offsets = _parameter(network.offsets, dtype, device)
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


def _parameter(values: Any, dtype: torch.dtype | None, device: Any) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=dtype or torch.float64, device=device))


def _knots(biases: Float64Array, dtype: torch.dtype | None, device: Any) -> nn.Parameter:
    """The biases, if the dtype can still tell them apart: two points on one knot would be a silently wrong network."""
    knots = _parameter(biases, dtype, device)
    coincide = int((knots.diff() <= 0).sum())
    if coincide:
        raise BeyondFloat64Error(
            f"{coincide} of {len(biases)} biases coincide once rounded to {dtype}: use dtype=torch.float64"
        )
    return knots
