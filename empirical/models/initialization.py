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


def he_centred(network: nn.Module) -> None:
    """Draw as `he` does, take from every layer's weights but the first's their mean by output, and set the last to 0.

    What comes out of ReLUs has a mean, m > 0, that images share. An output sum_i w_i x_i has m sum_i w_i of it, the
    same for every image; from layer to layer this grows against what tells images apart, until without batch norm all
    logits move together. Weights of sum 0 take the shared mean out, as batch norm does, but at the start alone. The
    rest is passed on with 1 - 1 / pi of its second moment (the variance of ReLU(z) is (1 - 1 / pi) E[ReLU(z)^2] for
    normal z of mean 0), so features get smaller with depth, and with them the first gradients of the last layers.
    Centred weights: Brock, De, Smith, "Characterizing signal propagation to close the performance gap in unnormalized
    ResNets" (2021): they centre them in every step. A last layer of 0: Zhang, Dauphin, Ma, "Fixup
    initialization" (2019).
    """
    he(network)
    layers = [layer for layer in network.modules() if isinstance(layer, _LAYERS)]
    if not layers or not isinstance(layers[-1], nn.Linear):
        raise ValueError(
            "initialization (--training.initialization) he-centred needs a network that ends with a linear layer: its "
            "weights become 0"
        )
    with torch.no_grad():
        for layer in layers[1:]:
            layer.weight -= layer.weight.flatten(1).mean(1).reshape(-1, *[1] * (layer.weight.dim() - 1))
    nn.init.zeros_(layers[-1].weight)


INITIALIZATIONS: dict[Initialization, Callable[[nn.Module], None]] = {
    "own": own,
    "torch": torch_default,
    "glorot": glorot,
    "he": he,
    "he-centred": he_centred,
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
