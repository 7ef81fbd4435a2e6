"""Networks by name, and their properties that are known before they are built: only building a network imports
torch."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from empirical.import_path import import_object
from theory.common.names import nearest_name

if TYPE_CHECKING:
    from torch import nn

ModelFactory = Callable[[tuple[int, int, int], int], "nn.Module"]
"""(channels, height, width) of the preprocessed input and the number of classes -> a network giving logits."""

Initialization = Literal["own", "torch", "glorot", "he", "he-centred"]
"""Names of the rules for initial weights, `initialization.INITIALIZATIONS`."""


@dataclass(frozen=True)
class Network:
    """A network by name, and its defaults.

    Attributes:
        build: makes it, with weights of its own.
        description: a line for `--list`.
        learning_rate: initial step size of SGD with momentum 0.9.
        laptop_images: training images, and test images, that it gets at laptop scale.
        laptop_steps: the limit of steps at laptop scale.
        initialization: its default rule of `initialization.INITIALIZATIONS`.
    """

    build: ModelFactory
    description: str
    learning_rate: float = 0.01
    laptop_images: int = 1_000
    laptop_steps: int = 1_000
    initialization: Initialization = "own"


def _builder(name: str, module: str = "", **sizes: Any) -> ModelFactory:
    """The function `name` of a module of this package, by default the module of that name, which is imported then."""

    def build(image_shape: tuple[int, int, int], num_classes: int) -> "nn.Module":
        network: nn.Module = getattr(import_module(f"empirical.models.{module or name}"), name)(
            image_shape, num_classes, **sizes
        )
        return network

    return build


def _perceptron(hidden_layers: int, width: int) -> Network:
    words = f"perceptron of {hidden_layers} hidden layer{'s' * (hidden_layers > 1)} of {width} ReLUs"
    build = _builder("mlp", hidden_layers=hidden_layers, width=width)
    return Network(build, words, laptop_images=10_000, laptop_steps=60_000, initialization="glorot")


def blocks_per_group(depth: int) -> int:
    """(depth - 4) / 6; ValueError if that is not a positive integer."""
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(f"the depth of a Wide ResNet is 6 n + 4, n >= 1: 10, 16, 22, 28, 34, 40; got {depth}")
    return blocks


def _wide_resnet(depth: int, width: int) -> Network:
    blocks_per_group(depth)
    words = f"Wide ResNet of depth {depth} and widening factor {width} (Zagoruyko, Komodakis 2016)"
    return Network(_builder("wide_resnet", depth=depth, width=width), words, learning_rate=0.1)


MODELS: dict[str, Network] = {
    "mlp-1x512": _perceptron(1, 512),
    "mlp-3x512": _perceptron(3, 512),
    "inception": Network(
        _builder("small_inception"), "the paper's small Inception, with batch norm", 0.1, initialization="glorot"
    ),
    "inception-no-bn": Network(
        _builder("small_inception", batch_norm=False), "the same without batch norm", 0.1, initialization="glorot"
    ),
    "alexnet": Network(_builder("small_alexnet"), "the paper's small AlexNet", initialization="glorot"),
    "wide-resnet-28-1": _wide_resnet(28, 1),
    # TensorFlow's package takes 0.045 for RMSprop with an epsilon of 1, which divides by little more than 1 where
    # gradients are small.
    "inception-v3": Network(
        _builder("inception_v3"),
        "Inception V3, the paper's for ImageNet",
        0.045,
        laptop_images=200,
        laptop_steps=400,
    ),
    "resnet-18": Network(
        _builder("resnet_18", "resnet"), "ResNet-18 with the stem for small images (He et al. 2016)", 0.1
    ),
    "vit-small": Network(
        _builder("VisionTransformer", "vision_transformer"),
        "a vision transformer of 6 blocks of width 192 (Dosovitskiy et al. 2021)",
    ),
}
"""The networks of the paper and of its authors' release, and two that came after. The step sizes are the paper's
(appendix A) for its networks, 0.1 for residual networks as in the authors' release. Initial weights the paper does not
state: those of its networks on small images are Glorot's, TensorFlow's default of the time. Inception V3 and Wide
ResNets start from the weights of their releases, ResNet-18 and the transformer from those of their factories."""

FAMILIES: dict[str, tuple[re.Pattern[str], Callable[[int, int], Network]]] = {
    "mlp-LxW": (re.compile(r"mlp-([1-9]\d*)x([1-9]\d*)"), _perceptron),
    "wide-resnet-D-W": (re.compile(r"wide-resnet-(\d+)-([1-9]\d*)"), _wide_resnet),
}
"""Families of networks, named by two numbers: L hidden layers of W units; depth D and widening factor W."""


_TRANSFORMER = re.compile(r"transformer-([1-9]\d*)x([1-9]\d*)")


def perceptron_sizes(name: str) -> tuple[int, int] | None:
    """(hidden layers, width) of `mlp-LxW`; None for another network's name."""
    return _numbers(FAMILIES["mlp-LxW"][0], name)


def transformer_sizes(name: str) -> tuple[int, int] | None:
    """(blocks, width) of `transformer-LxW`, the language models of the experiment `bits`; None for another name."""
    return _numbers(_TRANSFORMER, name)


def _numbers(pattern: re.Pattern[str], name: str) -> tuple[int, int] | None:
    match = pattern.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def find_network(name: str) -> Network:
    """The network behind a name.

    Arguments:
        name: one of `MODELS`, a name of `FAMILIES`, or `package.module:factory`, a factory as `ModelFactory` describes.

    Raises ValueError if there is none.
    """
    if ":" in name:
        return Network(_as_it_asks(import_object(name, "model")), "your own")
    if network := _built_in(name):
        return network
    hint = nearest_name(name, MODELS)
    raise ValueError(f"model (--model): {hint}; {', '.join(FAMILIES)}, or package.module:factory")


def _built_in(name: str) -> Network | None:
    """The network of this name if it is one of ours; ValueError for numbers that a family does not have."""
    if name in MODELS:
        return MODELS[name]
    for pattern, network_of in FAMILIES.values():
        if numbers := _numbers(pattern, name):
            return network_of(*numbers)
    return None


def _as_it_asks(factory: Callable[..., Any]) -> ModelFactory:
    """A factory that takes no positional argument, as torchvision's, is given the number of classes by its name.

    Called with an image's shape first, torchvision's would take that for `pretrained`.
    """
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # one that does not tell
        return factory
    kinds = {parameter.kind for parameter in parameters.values()}
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    if not kinds.isdisjoint({*positional, inspect.Parameter.VAR_POSITIONAL}):
        return factory
    if "num_classes" not in parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
        return factory

    def build(image_shape: tuple[int, int, int], num_classes: int) -> "nn.Module":
        shape = {"image_shape": image_shape} if "image_shape" in parameters else {}
        network: nn.Module = factory(num_classes=num_classes, **shape)
        return network

    return build


def default_learning_rate(name: str) -> float:
    """The initial step size of SGD with momentum 0.9 that goes with a network; ValueError for an unknown name."""
    return find_network(name).learning_rate if ":" not in name else Network.learning_rate


def default_initialization(name: str) -> Initialization:
    """The rule by which a network's initial weights are drawn if no other is chosen: `own` for the user's networks."""
    return (_built_in(name) or Network).initialization


def earlier_initialization(name: str) -> Initialization:
    """The rule that a record means which does not state any: perceptrons had torch's weights then."""
    return "torch" if perceptron_sizes(name) else default_initialization(name)
