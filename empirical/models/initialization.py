"""Initial weights of any network, by rule."""

from collections.abc import Callable

import torch
from torch import nn

from empirical.models.networks import Initialization

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def own(network: nn.Module) -> None:
    """Leave the weights as the network's factory made them."""


def torch_default(network: nn.Module) -> None:
    """Draw the weights and biases of all layers by torch's default, in order.

    For linear layers and convolutions both are uniform of variance 1 / (3 fan_in).
    """
    for layer in network.modules():
        reset = getattr(layer, "reset_parameters", None)
        if reset is not None:
            reset()


def glorot(network: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers, in order, uniform of variance 2 / (fan_in + fan_out).

    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010). Biases become 0.
    TensorFlow's default in the paper's time.
    """
    _draw(network, nn.init.xavier_uniform_)


def he(network: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers, in order, normal of variance 2 / fan_in.

    He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015): ReLUs pass on the variance of their inputs then. Biases
    become 0.
    """
    _draw(network, nn.init.kaiming_normal_)


def he_zero(network: nn.Module) -> None:
    """Draw as `he` does, but set the last linear layer to 0: all logits are 0 before the first step.

    Without batch norm the features of a deep network of ReLUs have a mean over images that is several times their
    spread. Through a random last layer that mean makes logits that are nearly the same for all images, and the first
    steps at a large rate are spent on taking them back.
    """
    he(network)
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError("initialization (--training.initialization) he-zero needs a linear layer: the last becomes 0")
    nn.init.zeros_(linear[-1].weight)


INITIALIZATIONS: dict[Initialization, Callable[[nn.Module], None]] = {
    "own": own,
    "torch": torch_default,
    "glorot": glorot,
    "he": he,
    "he-zero": he_zero,
}
"""The rules by name, for `TrainingConfig.initialization`. Other parameters than those named stay as they are."""


def _draw(network: nn.Module, rule: Callable[[torch.Tensor], object]) -> None:
    """Weights by the rule and biases 0. The order of a tensor's numbers in memory does not change its values."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, _LAYERS):
                drawn = torch.empty_like(layer.weight, memory_format=torch.contiguous_format)
                rule(drawn)
                layer.weight.copy_(drawn)
                if layer.bias is not None:
                    layer.bias.zero_()
