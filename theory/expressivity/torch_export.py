"""The networks of Theorem 1 and Corollary 1 as torch modules: the same parameters, a plain forward pass."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

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
        dtype = dtype or torch.float64
        self.direction = nn.Parameter(torch.tensor(network.direction, dtype=dtype, device=device))
        self.biases = nn.Parameter(torch.tensor(network.biases, dtype=dtype, device=device))
        self.weights = nn.Parameter(torch.tensor(network.weights, dtype=dtype, device=device))
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

        def parameter(values: Any) -> nn.Parameter:
            return nn.Parameter(torch.tensor(values, dtype=dtype or torch.float64, device=device))

        self.direction = parameter(network.direction)
        self.biases = nn.ParameterList(parameter(layer.biases) for layer in network.layers)
        self.weights = nn.ParameterList(parameter(layer.weights) for layer in network.layers)
        if network.depth > 2:
            self.origin = parameter(network.origin)
            self.offsets = parameter(network.offsets)
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
