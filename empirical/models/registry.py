"""Networks, the user's own among them, built and looked at."""

import copy
import itertools

import torch
from torch import nn

from empirical.models.initialization import INITIALIZATIONS
from empirical.models.networks import Initialization, ModelFactory, default_initialization, find_network
from theory.common.names import nearest_name
from theory.common.streams import torch_seed


def build_model(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    seed: int,
    initialization: Initialization | None = None,
) -> nn.Module:
    """Build a network with weights drawn from the seed's stream.

    Arguments:
        name: as `model_factory` takes it.
        image_shape: (channels, height, width) of the preprocessed images.
        num_classes: logits given.
        seed: the seed of the weights.
        initialization: a rule of `INITIALIZATIONS`; None for the network's default.

    The weights are drawn on the CPU: they are the same on every device.
    Raises ValueError for an unknown name or rule, an import path that leads to no callable, or a network that cannot
    be built or does not turn such images into logits.
    """
    factory = model_factory(name)
    rule = initialization or default_initialization(name)
    if rule not in INITIALIZATIONS:
        raise ValueError(f"initialization (--training.initialization): {nearest_name(rule, INITIALIZATIONS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "initialisation"))
        try:
            model = factory(image_shape, num_classes)
        except ValueError:
            raise
        except Exception as error:  # the user's own factory may raise anything
            raise ValueError(f"model {name!r} cannot be built: {type(error).__name__}: {error}") from error
        if not isinstance(model, nn.Module):
            raise ValueError(f"model {name!r} must return a torch.nn.Module, it returned {type(model).__name__}")
        _check_logits(name, model, image_shape, num_classes)
        if rule == "torch":  # the weights that layers are made with are the stream's first
            torch.manual_seed(torch_seed(seed, "initialisation"))
        INITIALIZATIONS[rule](model)
    return model


def _check_logits(name: str, model: nn.Module, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raise ValueError unless the network turns two images into logits, in evaluation and, as a copy, in training."""
    own = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0))
    images = torch.zeros(2, *image_shape, device=own.device)
    for training in (False, True):
        looked_at = copy.deepcopy(model).train() if training else model.eval()
        try:
            with torch.no_grad():
                logits = looked_at(images)
        except Exception as error:  # the user's own network may raise anything
            shape = tuple(images.shape)
            raise ValueError(f"model {name!r} fails on images {shape}: {type(error).__name__}: {error}") from error
        if not isinstance(logits, torch.Tensor) or logits.shape != (2, num_classes):
            output = str(tuple(logits.shape)) if isinstance(logits, torch.Tensor) else type(logits).__name__
            output += " in training" if training else ""
            expected = (2, num_classes)
            raise ValueError(f"model {name!r} must give logits of shape {expected} for two images, it gives {output}")
    model.train()


def model_factory(name: str) -> ModelFactory:
    """The factory behind a name, as `find_network` takes it."""
    return find_network(name).build


def check_model(name: str, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raise ValueError for an unknown name, or for images that a network of this package does not take; builds
    nothing."""
    factory = model_factory(name)
    if ":" not in name:
        with torch.device("meta"):  # shapes without values
            factory(image_shape, num_classes)


def num_parameters(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
