r"""Fully connected ReLU networks as products of matrices, biases and all.

The norm bounds are about f(x) = A_L relu(A_{L-1} relu(... relu(A_1 x))), without biases. A network with biases is one
of these on inputs with a last coordinate 1, which every hidden layer hands on as relu(1) = 1:

    x -> (x, 1),      A_l = [[W_l, b_l], [0, 1]] for l < L,      A_L = [W_L, b_L].

So ||A_l||_F^2 = ||W_l||_F^2 + ||b_l||^2 + 1 for hidden layers, and inputs have norm sqrt(||x||^2 + 1). The class that
the bounds then speak of holds all matrices of these shapes, more than the networks with biases.

Such an f is homogeneous in every A_l: c A_l gives c f, for c >= 0. So a bound may move factors between the layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.common.arrays import Float64Array, as_points, as_real
from theory.common.scaling import exponent, scaled


@dataclass(frozen=True, eq=False)
class HomogeneousNetwork:
    """f(x) = A_L relu(... relu(A_1 x)), x extended by a coordinate 1 if the network has biases.

    Attributes:
        matrices: A_1 .. A_L of any real dtype, held as float64, A_l of shape (units of layer l, units of layer l - 1).
        constant: whether the inputs are extended.

    Raises ValueError if there is no matrix, shapes do not fit together, or an entry is not finite,
    TypeError for a matrix that is not of real numbers.
    """

    matrices: tuple[Float64Array, ...]
    constant: bool = False

    def __post_init__(self) -> None:
        if not self.matrices:
            raise ValueError("a network has at least one matrix")
        # Sums of squares in float32 come out too small by 1e-5, and with them the bounds.
        matrices = tuple(as_real(m, f"matrices[{i}]").astype(np.float64) for i, m in enumerate(self.matrices))
        object.__setattr__(self, "matrices", matrices)
        for index, matrix in enumerate(matrices):
            if matrix.ndim != 2 or not np.isfinite(matrix).all():
                raise ValueError(f"matrices[{index}] must be a finite matrix, got shape {matrix.shape}")
            if index and matrix.shape[1] != self.matrices[index - 1].shape[0]:
                raise ValueError(
                    f"matrices[{index}] takes {matrix.shape[1]} inputs, the layer before has "
                    f"{self.matrices[index - 1].shape[0]} outputs"
                )

    @property
    def depth(self) -> int:
        """The number of matrices, L."""
        return len(self.matrices)

    @property
    def num_classes(self) -> int:
        """The number of outputs."""
        return int(self.matrices[-1].shape[0])

    @property
    def largest_dimension(self) -> int:
        """The largest number of inputs or outputs of a matrix."""
        return int(max(max(matrix.shape) for matrix in self.matrices))

    @cached_property
    def spectral_norms(self) -> tuple[float, ...]:
        """The largest singular value of each matrix."""
        return tuple(float(np.linalg.norm(matrix, 2)) for matrix in self.matrices)

    def __call__(self, inputs: Any) -> Float64Array:
        """The outputs at inputs (n, d) or (n, ...), flattened; float64 (n, outputs)."""
        hidden = as_points(inputs, "inputs").astype(np.float64)
        if self.constant:
            hidden = np.column_stack([hidden, np.ones(len(hidden))])
        for matrix in self.matrices[:-1]:
            hidden = np.maximum(hidden @ matrix.T, 0.0)
        outputs: Float64Array = hidden @ self.matrices[-1].T
        return outputs

    def input_norms(self, inputs: Any) -> Float64Array:
        """||x||, or sqrt(||x||^2 + 1) where the inputs are extended, float64 (n,)."""
        points = as_points(inputs, "inputs")
        unit = exponent(points)
        if unit == 0:
            squares = np.einsum("ij,ij->i", points, points, dtype=np.float64)
            norms: Float64Array = np.sqrt(squares + self.constant)
            return norms
        lengths = scaled(np.linalg.norm(scaled(points.astype(np.float64), -unit), axis=1), unit)
        return np.hypot(lengths, float(self.constant))


def homogeneous_network(module: nn.Module) -> HomogeneousNetwork:
    """The same function as a torch Sequential of Linear and ReLU in turn; Flatten and Dropout (off) are passed over.

    A Sequential within it is read in its place.

    The inputs are extended if any layer has a bias. Raises TypeError for any other module, naming it: a convolution or
    batch norm is no plain matrix here, nor is a subclass with a forward pass of its own, or a module with hooks;
    ValueError if Linear and ReLU do not alternate, from Linear to Linear.
    """
    if not isinstance(module, nn.Sequential) or not _is_plain(module):
        raise TypeError(f"a fully connected torch.nn.Sequential is needed, got {type(module).__name__}")
    layers: list[nn.Linear] = []
    activated = True
    for index, layer in enumerate(_flat(module)):
        if not _is_plain(layer):
            raise TypeError(
                f"layer {index} is a {type(layer).__name__} with a forward pass or hooks of its own: what it computes "
                "is not known"
            )
        if isinstance(layer, nn.Linear) and activated:
            layers.append(layer)
            activated = False
        elif isinstance(layer, nn.ReLU) and not activated:
            activated = True
        elif isinstance(layer, nn.Linear | nn.ReLU):
            raise ValueError(f"layer {index}: Linear and ReLU must alternate, starting with Linear")
        elif not isinstance(layer, nn.Flatten | nn.Dropout | nn.Identity):
            raise TypeError(
                f"layer {index} is a {type(layer).__name__}: only Linear, ReLU, Flatten and Dropout are known"
            )
    if activated:
        raise ValueError("the last layer but for Dropout must be Linear")
    constant = any(layer.bias is not None for layer in layers)
    matrices = []
    for layer in layers:
        matrix = _array(layer.weight)
        if constant:
            bias = np.zeros(len(matrix)) if layer.bias is None else _array(layer.bias)
            matrix = np.column_stack([matrix, bias])
            if layer is not layers[-1]:
                matrix = np.vstack([matrix, np.eye(1, matrix.shape[1], matrix.shape[1] - 1)])
        matrices.append(matrix)
    return HomogeneousNetwork(tuple(matrices), constant)


_KNOWN = (nn.Sequential, nn.Linear, nn.ReLU, nn.Flatten, nn.Dropout, nn.Identity)


def _is_plain(module: nn.Module) -> bool:
    """Whether a module of a known kind computes what that kind does."""
    kind = next((kind for kind in _KNOWN if isinstance(module, kind)), None)
    own = kind is not None and type(module).forward is not kind.forward
    return not (own or module._forward_hooks or module._forward_pre_hooks)


def _flat(module: nn.Sequential) -> Iterator[nn.Module]:
    for layer in module:
        if isinstance(layer, nn.Sequential):
            yield from _flat(layer)
        else:
            yield layer


def _array(parameter: torch.Tensor) -> Float64Array:
    array: Float64Array = parameter.detach().cpu().double().numpy()
    return array
