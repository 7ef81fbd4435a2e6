"""The paper's networks, to the parameter, and any network of the user's by import path."""

from empirical.models.inception_v3 import inception_v3
from empirical.models.mlp import mlp
from empirical.models.registry import (
    FAMILIES,
    MODELS,
    ModelFactory,
    Network,
    build_model,
    check_model,
    default_learning_rate,
    find_network,
    model_factory,
    num_parameters,
)
from empirical.models.small_alexnet import small_alexnet
from empirical.models.small_inception import small_inception
from empirical.models.wide_resnet import wide_resnet

__all__ = [
    "FAMILIES",
    "MODELS",
    "ModelFactory",
    "Network",
    "build_model",
    "check_model",
    "default_learning_rate",
    "find_network",
    "inception_v3",
    "mlp",
    "model_factory",
    "num_parameters",
    "small_alexnet",
    "small_inception",
    "wide_resnet",
]
