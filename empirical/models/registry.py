"""Networks by name, or by the import path of the user's own."""

import copy
import itertools
import re
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from empirical.import_path import import_object
from empirical.models.inception_v3 import inception_v3, require_torchvision
from empirical.models.mlp import mlp
from empirical.models.small_alexnet import small_alexnet
from empirical.models.small_inception import small_inception
from empirical.models.wide_resnet import blocks_per_group, wide_resnet
from empirical.network_names import LEARNING_RATES
from theory.common.names import nearest_name
from theory.common.streams import torch_seed

ModelFactory = Callable[[tuple[int, int, int], int], nn.Module]
"""(channels, height, width) of the preprocessed input and the number of classes -> a network giving logits."""

MODELS: dict[str, ModelFactory] = {
    "mlp-1x512": partial(mlp, hidden_layers=1),
    "mlp-3x512": partial(mlp, hidden_layers=3),
    "inception": small_inception,
    "inception-no-bn": partial(small_inception, batch_norm=False),
    "alexnet": small_alexnet,
    "wide-resnet-28-1": partial(wide_resnet, depth=28, width=1),
    "inception-v3": inception_v3,
}
"""The networks of the paper and of its authors' release. Names of other sizes, `mlp-LxW` and `wide-resnet-D-W`, are
known too."""

_PERCEPTRON = re.compile(r"mlp-([1-9]\d*)x([1-9]\d*)")
_WIDE_RESNET = re.compile(r"wide-resnet-(\d+)-([1-9]\d*)")


def build_model(name: str, image_shape: tuple[int, int, int], num_classes: int, seed: int) -> nn.Module:
    """Build a network with weights drawn, by its own initialisation, from the seed's stream.

    Arguments:
        name: as `model_factory` takes it.
        image_shape: (channels, height, width) of the preprocessed images.
        num_classes: logits given.
        seed: of the weights.

    The weights are drawn on the CPU: they are the same on every device.
    Raises ValueError for an unknown name, an import path that leads to no callable, or a network that cannot be built
    or does not turn such images into logits.
    """
    factory = model_factory(name)
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
    return model


def _check_logits(name: str, model: nn.Module, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raises ValueError unless the network turns two images into logits, in evaluation and, as a copy, in training."""
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
            got = str(tuple(logits.shape)) if isinstance(logits, torch.Tensor) else type(logits).__name__
            got += " in training" if training else ""
            expected = (2, num_classes)
            raise ValueError(f"model {name!r} must give logits of shape {expected} for two images, it gives {got}")
    model.train()


def model_factory(name: str) -> ModelFactory:
    """The factory behind a name.

    Arguments:
        name: one of `MODELS`; `mlp-LxW`, of L hidden layers of W units; `wide-resnet-D-W`, of depth D and widening
            factor W; or `package.module:factory`, a factory as `ModelFactory` describes.

    Raises ValueError if there is none, or if what it needs is not installed.
    """
    if ":" in name:
        factory: ModelFactory = import_object(name, "model")
        return factory
    if found := _PERCEPTRON.fullmatch(name):
        return partial(mlp, hidden_layers=int(found[1]), width=int(found[2]))
    if found := _WIDE_RESNET.fullmatch(name):
        blocks_per_group(int(found[1]))
        return partial(wide_resnet, depth=int(found[1]), width=int(found[2]))
    if name not in MODELS:
        known = nearest_name(name, MODELS)
        raise ValueError(f"model (--model): {known}; mlp-LxW, wide-resnet-D-W, or package.module:factory")
    if name == "inception-v3":
        require_torchvision()
    return MODELS[name]


def default_learning_rate(name: str) -> float:
    """The initial step size of SGD with momentum 0.9 that goes with a network.

    `LEARNING_RATES` for the networks there; 0.1 for other Wide ResNets, 0.01 for other perceptrons and the user's own.

    Raises ValueError for an unknown name.
    """
    if name not in MODELS:
        model_factory(name)
    return 0.1 if _WIDE_RESNET.fullmatch(name) else LEARNING_RATES.get(name, 0.01)


def check_model(name: str, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raises ValueError for an unknown name, and for images that one of our networks does not take; builds nothing."""
    factory = model_factory(name)
    if ":" not in name:
        with torch.device("meta"):  # shapes without values
            factory(image_shape, num_classes)


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
