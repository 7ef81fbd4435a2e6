"""Networks by name, or by the import path of the user's own."""

import copy
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from empirical.import_path import import_object
from empirical.models.inception_v3 import inception_v3
from empirical.models.mlp import mlp
from empirical.models.resnet import resnet_18
from empirical.models.small_alexnet import small_alexnet
from empirical.models.small_inception import small_inception
from empirical.models.vision_transformer import VisionTransformer
from empirical.models.wide_resnet import blocks_per_group, wide_resnet
from theory.common.names import nearest_name
from theory.common.streams import torch_seed

ModelFactory = Callable[[tuple[int, int, int], int], nn.Module]
"""(channels, height, width) of the preprocessed input and the number of classes -> a network giving logits."""


@dataclass(frozen=True)
class Network:
    """A network by name, and what goes with it.

    Attributes:
        build: makes it, with weights drawn by its own initialisation.
        description: in a line, for `--list`.
        learning_rate: initial step size of SGD with momentum 0.9.
        laptop_images: training images, and test images, that it gets at laptop scale.
        laptop_steps: limit of steps there.
    """

    build: ModelFactory
    description: str
    learning_rate: float = 0.01
    laptop_images: int = 1_000
    laptop_steps: int = 1_000


def _perceptron(hidden_layers: int, width: int) -> Network:
    words = f"perceptron of {hidden_layers} hidden layer{'s' * (hidden_layers > 1)} of {width} ReLUs"
    build = partial(mlp, hidden_layers=hidden_layers, width=width)
    return Network(build, words, laptop_images=10_000, laptop_steps=60_000)


def _wide_resnet(depth: int, width: int) -> Network:
    blocks_per_group(depth)
    words = f"Wide ResNet of depth {depth} and widening factor {width} (Zagoruyko, Komodakis 2016)"
    return Network(partial(wide_resnet, depth=depth, width=width), words, learning_rate=0.1)


MODELS: dict[str, Network] = {
    "mlp-1x512": _perceptron(1, 512),
    "mlp-3x512": _perceptron(3, 512),
    "inception": Network(small_inception, "the paper's small Inception, with batch norm", 0.1),
    "inception-no-bn": Network(partial(small_inception, batch_norm=False), "the same without batch norm", 0.1),
    "alexnet": Network(small_alexnet, "the paper's small AlexNet"),
    "wide-resnet-28-1": _wide_resnet(28, 1),
    # TensorFlow's package has 0.045 for RMSprop with an epsilon of 1, which divides by little more than 1 where
    # gradients are small.
    "inception-v3": Network(
        inception_v3, "Inception V3, the paper's for ImageNet", 0.045, laptop_images=200, laptop_steps=400
    ),
    "resnet-18": Network(resnet_18, "ResNet-18 with the stem for small images (He et al. 2016)", 0.1),
    "vit-small": Network(VisionTransformer, "a vision transformer of 6 blocks of width 192 (Dosovitskiy et al. 2021)"),
}
"""The networks of the paper and of its authors' release, and two that came after. The step sizes are the paper's
(appendix A) where it has the network, 0.1 for residual networks as in the authors' release."""

FAMILIES: dict[str, tuple[re.Pattern[str], Callable[[int, int], Network]]] = {
    "mlp-LxW": (re.compile(r"mlp-([1-9]\d*)x([1-9]\d*)"), _perceptron),
    "wide-resnet-D-W": (re.compile(r"wide-resnet-(\d+)-([1-9]\d*)"), _wide_resnet),
}
"""Names with two numbers: L hidden layers of W units; depth D and widening factor W."""


def find_network(name: str) -> Network:
    """The network behind a name.

    Arguments:
        name: one of `MODELS`, a name of `FAMILIES`, or `package.module:factory`, a factory as `ModelFactory` describes.

    Raises ValueError if there is none.
    """
    if ":" in name:
        factory: ModelFactory = import_object(name, "model")
        return Network(factory, "your own")
    if name in MODELS:
        return MODELS[name]
    for pattern, network_of in FAMILIES.values():
        if numbers := pattern.fullmatch(name):
            return network_of(*map(int, numbers.groups()))
    known = nearest_name(name, MODELS)
    raise ValueError(f"model (--model): {known}; {', '.join(FAMILIES)}, or package.module:factory")


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
    """The factory behind a name, as `find_network` takes it."""
    return find_network(name).build


def default_learning_rate(name: str) -> float:
    """The initial step size of SGD with momentum 0.9 that goes with a network; ValueError for an unknown name."""
    return find_network(name).learning_rate if ":" not in name else Network.learning_rate


def check_model(name: str, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raises ValueError for an unknown name, and for images that one of our networks does not take; builds nothing."""
    factory = model_factory(name)
    if ":" not in name:
        with torch.device("meta"):  # shapes without values
            factory(image_shape, num_classes)


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
