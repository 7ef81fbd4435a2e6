"""Try a user's network and optimiser before any run starts, so that faults that would stop a run late are reported
early."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from empirical.datasets import ImageDataset
from empirical.datasets.preprocessing import seen_shape
from empirical.models import build_model, num_parameters
from empirical.runs.config import RunConfig
from empirical.training.optimization import build_optimizer


def check_own_code(configs: Sequence[RunConfig], dataset: ImageDataset) -> None:
    """Try the network and the optimiser of each run with hyper-parameters, where the network or the optimiser is a
    user's.

    Raises ValueError, with the remedy, for a network without trainable parameters, a network or an optimiser that
    cannot be built or whose state cannot be read again from a checkpoint, an optimiser that wants a closure, and for a
    last batch of one image that the network cannot be trained on.
    """
    keys = set()
    for config in configs:
        if config.training is None or not (":" in config.model or config.training.optimizer != "sgd"):
            continue
        key = config.model, config.training, config.n_train
        if key not in keys:
            keys.add(key)
            _check(config, dataset)


def _check(config: RunConfig, dataset: ImageDataset) -> None:
    shape = seen_shape(dataset.image_shape, config.crop)
    training = config.hyper_parameters
    model = build_model(config.model, shape, config.num_classes, config.seed, training.initialization)
    if not num_parameters(model):
        raise ValueError(
            f"model {config.model!r} has no trainable parameters: nothing would be trained (is requires_grad off?)"
        )
    _check_smallest_batch(config, model, shape)
    optimizer = build_optimizer(model, training)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    try:
        optimizer.step()
    except Exception as error:  # the user's own optimiser may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"optimizer {training.optimizer!r} cannot take a step: {reason}") from error
    _check_state(f"model {config.model!r}", model.state_dict())
    _check_state(f"optimizer {training.optimizer!r}", optimizer.state_dict())


def _check_state(owner: str, state: dict[str, Any]) -> None:
    file = io.BytesIO()
    try:
        torch.save(state, file)
        file.seek(0)
        torch.load(file, weights_only=True)
    except Exception as error:  # any object in the state may raise anything
        raise ValueError(
            f"{owner}: its state cannot be read again from a checkpoint, and an interrupted run could not go on; keep "
            f"tensors, numbers, texts, lists and dictionaries in it, not NumPy scalars nor other objects "
            f"({str(error).splitlines()[0]})"
        ) from error


def _check_smallest_batch(config: RunConfig, model: nn.Module, shape: tuple[int, int, int]) -> None:
    """Train on the last batch of an epoch, which may be a single image, whose variance batch norm cannot take."""
    size = config.hyper_parameters.batch_size
    last = config.n_train % size or min(size, config.n_train)
    if last > 1:
        return
    try:
        model.train()(torch.zeros(1, *shape))
    except Exception as error:  # the user's own network may raise anything
        n = config.n_train
        raise ValueError(
            f"model {config.model!r} cannot be trained on the last batch of an epoch, which contains one of the {n:,} "
            f"images ({type(error).__name__}: {error}): choose another --training.batch-size than {size}, or "
            f"--train-size {n - 1}"
        ) from error
