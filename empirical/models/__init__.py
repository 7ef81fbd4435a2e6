"""The paper's networks, to the parameter, and any network of the user's by import path."""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from empirical.models.initialization import INITIALIZATIONS
    from empirical.models.networks import (
        FAMILIES,
        MODELS,
        Initialization,
        ModelFactory,
        Network,
        default_initialization,
        default_learning_rate,
        earlier_initialization,
        find_network,
        perceptron_sizes,
        transformer_sizes,
    )
    from empirical.models.registry import build_model, check_model, model_factory, num_parameters

__all__ = [
    "FAMILIES",
    "INITIALIZATIONS",
    "MODELS",
    "Initialization",
    "ModelFactory",
    "Network",
    "build_model",
    "check_model",
    "default_initialization",
    "default_learning_rate",
    "earlier_initialization",
    "find_network",
    "model_factory",
    "num_parameters",
    "perceptron_sizes",
    "transformer_sizes",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
