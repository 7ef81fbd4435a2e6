"""The initial weights of Glorot and Bengio."""

from torch import nn


def initialize_as_glorot(network: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers, in order, uniform of variance 2 / (fan_in + fan_out).

    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010). Biases become 0.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
