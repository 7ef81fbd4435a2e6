"""The paper's networks, to the parameter, and any network of the user's by import path."""

import itertools
from collections.abc import Callable

import torch
from torch import nn

from empirical.import_path import import_object
from theory.claims import nearest_name
from theory.streams import torch_seed

ModelFactory = Callable[[tuple[int, int, int], int], nn.Module]
"""(channels, height, width) of the preprocessed input and the number of classes -> a network giving logits."""


def mlp(image_shape: tuple[int, int, int], num_classes: int, hidden_layers: int, width: int = 512) -> nn.Sequential:
    """A multi-layer perceptron with ReLU.

    On 28 x 28 x 3 inputs it has 1,209,866 parameters for 1 x 512 and 1,735,178 for 3 x 512 (paper, table 1).
    """
    sizes = [image_shape[0] * image_shape[1] * image_shape[2], *[width] * hidden_layers]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))


MODELS: dict[str, ModelFactory] = {
    "mlp-1x512": lambda image_shape, num_classes: mlp(image_shape, num_classes, hidden_layers=1),
    "mlp-3x512": lambda image_shape, num_classes: mlp(image_shape, num_classes, hidden_layers=3),
}
"""The networks known by name."""


def build_model(name: str, image_shape: tuple[int, int, int], num_classes: int, seed: int) -> nn.Module:
    """Build a network with weights drawn, by its own initialisation, from the seed's stream.

    Arguments:
        name: one of `MODELS`, or `package.module:factory`, a factory as `ModelFactory` describes.

    The weights are drawn on the CPU: they are the same on every device.
    Raises ValueError for an unknown name or an import path that leads to no callable.
    """
    factory = model_factory(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "initialisation"))
        model = factory(image_shape, num_classes)
    if not isinstance(model, nn.Module):
        raise ValueError(f"model {name!r} must return a torch.nn.Module, it returned {type(model).__name__}")
    return model


def model_factory(name: str) -> ModelFactory:
    """The factory behind a name or an import path; ValueError if there is none."""
    if ":" in name:
        factory: ModelFactory = import_object(name, "model")
        return factory
    if name not in MODELS:
        raise ValueError(f"model (--model): {nearest_name(name, MODELS)}, or package.module:factory")
    return MODELS[name]


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
