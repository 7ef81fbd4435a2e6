"""The paper's small AlexNet."""

import torch
from torch import nn

from empirical.models.local_response_normalization import LocalResponseNormalization

_CHANNELS = 64


def small_alexnet(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """The small AlexNet (Zhang et al. 2017, appendix A).

    Twice: convolution 5 x 5, ReLU, max-pool 3 x 3 of stride 2, local response normalisation; then fully connected
    layers of 384 and 192 units with ReLU, and a linear layer.

    On 28 x 28 x 3 inputs and 10 classes it has the paper's 1,387,786 parameters. That number tells what the paper does
    not: 64 channels for either convolution, and "same" padding of convolutions (2 on every side) and pools (1), after
    which 7 x 7 x 64 = 3,136 units enter the first full layer. The normalisation's constants are those of the network
    that it resembles, in TensorFlow's tutorial on CIFAR-10.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images; any height and width.
        num_classes: logits given.

    Its weights are torch's here. `build_model` draws them anew, by default Glorot's.
    """
    channels, height, width = image_shape
    places = -(-height // 4) * -(-width // 4)  # each pool halves a side, rounding up

    def features(inputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, _CHANNELS, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            LocalResponseNormalization(_CHANNELS),
        ]

    return nn.Sequential(
        *features(channels),
        *features(_CHANNELS),
        nn.Flatten(),
        nn.Linear(places * _CHANNELS, 384),
        nn.ReLU(),
        nn.Linear(384, 192),
        nn.ReLU(),
        nn.Linear(192, num_classes),
    ).to(memory_format=torch.channels_last)
