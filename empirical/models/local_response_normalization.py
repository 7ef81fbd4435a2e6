"""Normalisation of each unit by its neighbours in other channels."""

import torch
from torch import nn
from torch.nn import functional

_RADIUS = 4
_BIAS = 1.0
_ALPHA = 0.001 / 9


class LocalResponseNormalization(nn.Module):
    """Local response normalisation (Krizhevsky, Sutskever, Hinton 2012, section 3.3) over channels.

    y_c = x_c / (k + alpha sum_{|j - c| <= r} x_j^2)^(3/4) at every place of an image, with the constants of the
    network for CIFAR-10 in TensorFlow's tutorial of the paper's time: r = 4, k = 1, alpha = 0.001 / 9.

    torch's `LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1)` is the same function: its alpha multiplies the mean of
    nine squares. It pools padded copies in three dimensions; here the sums are one product with a banded matrix of
    zeros and ones, and the power two roots, which on a CPU is a few times as fast.

    Takes and returns (n, channels, height, width).
    """

    band: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        index = torch.arange(channels)
        band = ((index[:, None] - index).abs() <= _RADIUS).to(torch.get_default_dtype())
        self.register_buffer("band", band, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise."""
        # A matrix product, not a convolution: the latter is rounded to TensorFloat-32 on a GPU by default.
        sums = functional.linear(images.square().movedim(1, -1), self.band).movedim(-1, 1)
        root = torch.rsqrt(_BIAS + _ALPHA * sums)
        return images * (root * root.sqrt())
