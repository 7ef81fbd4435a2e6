r"""The linear layers of a network, fully connected or convolutional, and their spectral norms.

A convolution of images of h x w by kernels of k x k, with zeros around them, is a matrix too large to have: (outputs x
places) x (inputs x pixels). It is a part of the convolution on a torus of the size of the image with its zeros, which
has more places and more pixels. So its spectral norm is at most that of the convolution on the torus, which the
Fourier transform makes block diagonal, with a block of outputs x inputs for each frequency:

    || K ||_s  <=  max over (p, q) of || sum_{a, b} K[:, :, a, b] exp(-2 pi i (p a / H + q b / W)) ||_s.

H x W is the image with its zeros. For a convolution that goes round the torus the two sides are equal (Sedghi, Gupta,
Long 2019, whom Jiang et al. 2020 follow, on a torus of the image without zeros). A stride takes some of the places, so
that the bound stands.

A fully connected layer is a convolution of one pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.common.arrays import Float64Array, as_real
from theory.common.scaling import exponent, norm, scaled, scaled_number


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """The weights of a layer, without its biases.

    Attributes:
        kernels: (groups, outputs of a group, inputs of a group, rows, columns), of any real dtype, held as float64;
            rows and columns are 1 for a fully connected layer, and count the zeros within a dilated kernel.
        torus: (H, W), the pixels that a convolution has in the bound of its spectral norm; 1 for a side on which the
            kernel has one row or column.

    Raises ValueError for kernels that are not finite or are larger than the torus, TypeError for what is not real.
    """

    kernels: Float64Array
    torus: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernels", as_real(self.kernels, "kernels").astype(np.float64))
        if self.kernels.ndim != 5 or not np.isfinite(self.kernels).all():
            raise ValueError(f"kernels must be finite, with five axes, got shape {self.kernels.shape}")
        if any(side < size for side, size in zip(self.torus, self.kernels.shape[3:], strict=True)):
            raise ValueError(f"kernels of {self.kernels.shape[3:]} are larger than the torus, {self.torus}")

    def __sub__(self, other: "WeightLayer") -> "WeightLayer":
        """The change of the weights. Raises ValueError for layers of other shapes."""
        if self.kernels.shape != other.kernels.shape or self.torus != other.torus:
            raise ValueError(
                f"layers must have one shape, got {self.kernels.shape} on {self.torus} and {other.kernels.shape} on "
                f"{other.torus}"
            )
        return WeightLayer(self.kernels - other.kernels, self.torus)

    @property
    def frobenius_norm(self) -> float:
        """The root of the sum of squared weights; each weight of a convolution counts once, not once a place."""
        return norm(self.kernels)

    @property
    def spectral_norm(self) -> float:
        """The spectral norm of a fully connected layer, and the bound above for a convolution."""
        k = exponent(self.kernels)
        kernels = scaled(self.kernels, -k)
        symbols: Any = kernels[..., 0, 0]
        if self.torus != (1, 1):  # half of the frequencies: the others have the complex conjugates
            symbols = np.moveaxis(np.fft.rfft2(kernels, s=self.torus), (-2, -1), (0, 1))
        return scaled_number(float(np.linalg.norm(symbols, 2, axis=(-2, -1)).max()), k)


def weight_layers(module: nn.Module, inputs: torch.Tensor) -> tuple[WeightLayer, ...]:
    """The Linear and Conv2d layers of a network in the order in which it applies them.

    Arguments:
        module: inputs -> outputs; run once, without gradients, in the mode that it is in: call `eval()` first.
        inputs: a few inputs of the size that the network is for, (n, ...), n at least 1, which set the torus of each
            convolution.

    Other layers must be without parameters. Raises TypeError for one that has some, batch normalisation for instance,
    and for padding with anything but zeros; ValueError for a layer that is not applied exactly once.
    """
    owners = {
        layer: name for name, layer in module.named_modules() if next(layer.parameters(recurse=False), None) is not None
    }
    for layer, name in owners.items():
        if type(layer).forward not in (nn.Linear.forward, nn.Conv2d.forward):
            raise TypeError(f"layer {name!r} is a {type(layer).__name__}: only Linear and Conv2d have known norms")
    applied: list[tuple[nn.Module, torch.Size]] = []

    def note(layer: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        applied.append((layer, arguments[0].shape))

    handles = [layer.register_forward_pre_hook(note) for layer in owners]
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for handle in handles:
            handle.remove()
    for layer, name in owners.items():
        times = sum(other is layer for other, _ in applied)
        if times != 1:
            raise ValueError(f"layer {name!r} is applied {times} times: each must be applied once")
    return tuple(_layer(layer, shape) for layer, shape in applied)


def _layer(layer: nn.Module, shape: Sequence[int]) -> WeightLayer:
    weights = layer.weight.detach().double().cpu()  # type: ignore[operator]
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, weights, shape)
    return WeightLayer(weights.numpy()[None, :, :, None, None])


def _convolution(layer: nn.Conv2d, weights: torch.Tensor, shape: Sequence[int]) -> WeightLayer:
    if layer.padding_mode != "zeros":
        raise TypeError(f"a convolution that pads with {layer.padding_mode!r} in place of zeros has no known norm")
    sizes = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    spread = weights.new_zeros(*weights.shape[:2], *sizes)
    spread[:, :, :: layer.dilation[0], :: layer.dilation[1]] = weights
    sides = []
    for axis, (size, pixels) in enumerate(zip(sizes, shape[-2:], strict=True)):
        padding = layer.padding
        zeros = {"same": size - 1, "valid": 0}[padding] if isinstance(padding, str) else 2 * padding[axis]
        sides.append(1 if size == 1 else pixels + zeros)
    return WeightLayer(spread.unflatten(0, (layer.groups, -1)).numpy(), (sides[0], sides[1]))
