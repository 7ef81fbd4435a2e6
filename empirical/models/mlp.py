"""Multi-layer perceptrons."""

import itertools

from torch import nn


def mlp(image_shape: tuple[int, int, int], num_classes: int, hidden_layers: int, width: int = 512) -> nn.Sequential:
    """A multi-layer perceptron with ReLU.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images.
        num_classes: logits given.
        hidden_layers, width: their number, and the units of each.

    On 28 x 28 x 3 inputs it has 1,209,866 parameters for 1 x 512 and 1,735,178 for 3 x 512 (Zhang et al. 2017,
    table 1).

    Its weights are torch's here. `build_model` draws them anew, by default Glorot's.
    """
    sizes = [image_shape[0] * image_shape[1] * image_shape[2], *[width] * hidden_layers]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))
