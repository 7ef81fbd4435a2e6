"""The paper's small Inception, with and without batch norm."""

import torch
from torch import nn


class ShiftBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that shifts but does not scale: y = (x - mean) / sqrt(variance + 0.001) + shift.

    The default of TensorFlow in the paper's time, epsilon included; a ReLU follows, which makes a scale redundant with
    the next layer's weights. Running statistics move by a tenth a step (torch's default; TensorFlow's thousandth takes
    thousands of steps, more than a small data set needs to be fitted).
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.1)
        del self.weight
        self.register_buffer("weight", torch.ones(channels), persistent=False)  # a constant: no part of the state


class SideBySide(nn.Module):
    """Applies every branch to the same images and concatenates their channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, channels, height, width) to (n, sum of the branches' channels, their height, their width)."""
        return torch.cat([branch(images) for branch in self.branches], dim=1)


def small_inception(image_shape: tuple[int, int, int], num_classes: int, batch_norm: bool = True) -> nn.Sequential:
    """The small Inception (Zhang et al. 2017, figure 3 and appendix A).

    With C(k, c) a convolution k x k to c channels, batch norm, ReLU; I(a, b) = C(1, a) beside C(3, b); and D(b) =
    C(3, b) of stride 2 beside a max-pool 3 x 3 of stride 2: C(3, 96), I(32, 32), I(32, 48), D(80), I(112, 48),
    I(96, 64), I(80, 80), I(48, 96), D(96), I(176, 160), I(176, 160), mean over all places, a linear layer.

    On 28 x 28 x 3 inputs and 10 classes it has the paper's 1,649,402 parameters. That number tells that batch norm
    has a shift and no scale, and without batch norm every convolution has biases: the paper gives both the same count.

    Padding is "same": (k - 1) / 2 on every side, so that D halves a side, rounding up (28, 14, 7). TensorFlow's "same"
    gives these sizes too, but pads even sides on the right only.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images; any height and width.
        num_classes: logits given.
        batch_norm: False leaves it out.

    Its weights are torch's here. `build_model` draws them anew, by default Glorot's.
    """

    def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
        layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=not batch_norm)
        return nn.Sequential(layer, *[ShiftBatchNorm2d(outputs)] * batch_norm, nn.ReLU())

    def inception(inputs: int, ones: int, threes: int) -> SideBySide:
        return SideBySide(convolution(inputs, ones, 1), convolution(inputs, threes, 3))

    def downsample(inputs: int, threes: int) -> SideBySide:
        return SideBySide(convolution(inputs, threes, 3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))

    return nn.Sequential(
        convolution(image_shape[0], 96, 3),
        inception(96, 32, 32),
        inception(64, 32, 48),
        downsample(80, 80),
        inception(160, 112, 48),
        inception(160, 96, 64),
        inception(160, 80, 80),
        inception(160, 48, 96),
        downsample(144, 96),
        inception(240, 176, 160),
        inception(336, 176, 160),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(336, num_classes),
    ).to(memory_format=torch.channels_last)
