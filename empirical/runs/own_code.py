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
    user's; of other runs, whether the network can be trained on the last batch of an epoch.

    Raises ValueError, with the remedy, for a network without trainable parameters, a network or an optimiser that
    cannot be built, is another one when it is built again, or whose state cannot be read again from a checkpoint, an
    optimiser that wants a closure or leaves parameters out, and for a last batch of one image that the network cannot
    be trained on.
    """
    keys = set()
    for config in configs:
        key = config.model, config.training, config.n_train
        if config.training is None or key in keys:
            continue
        keys.add(key)
        if ":" in config.model or config.training.optimizer != "sgd":
            _check(config, dataset)
        elif _last_batch(config) == 1:  # batch norm cannot take one image
            shape = seen_shape(dataset.image_shape, config.crop)
            model = build_model(config.model, shape, config.num_classes, config.seed, config.training.initialization)
            _check_smallest_batch(config, model, shape)


def _check(config: RunConfig, dataset: ImageDataset) -> None:
    shape = seen_shape(dataset.image_shape, config.crop)
    training = config.hyper_parameters
    model = build_model(config.model, shape, config.num_classes, config.seed, training.initialization)
    if not num_parameters(model):
        raise ValueError(
            f"model {config.model!r} has no trainable parameters: nothing would be trained (is requires_grad off?)"
        )
    again = build_model(config.model, shape, config.num_classes, config.seed, training.initialization)
    if not _same_weights(model, again):
        raise ValueError(
            f"model {config.model!r} has other initial weights when it is built again with the same seed: draw them "
            "with torch's own generator, which is seeded for each run, and not with NumPy's or Python's"
        )
    _check_smallest_batch(config, model, shape)
    optimizer = build_optimizer(model, training)
    _check_groups(training.optimizer, optimizer, model)
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


def _same_weights(model: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same tensors in their states, bit for bit; NaN equals NaN."""
    states = model.state_dict(), other.state_dict()
    if states[0].keys() != states[1].keys():
        return False
    pairs = [(states[0][name], states[1][name]) for name in states[0]]
    return all(
        torch.equal(a.nan_to_num(), b.nan_to_num())
        for a, b in pairs
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)
    )


def _last_batch(config: RunConfig) -> int:
    """The number of images in the last batch of an epoch."""
    size = config.hyper_parameters.batch_size
    return config.n_train % size or min(size, config.n_train)


def _check_groups(name: str, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    """Whether every trainable parameter is in a group of the optimiser: those that are in none are not trained."""
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    left_out = [key for key, own in model.named_parameters() if own.requires_grad and id(own) not in held]
    if left_out:
        raise ValueError(
            f"optimizer {name!r} leaves {', '.join(left_out[:3])}{' and others' * (len(left_out) > 3)} out of its "
            "groups, so that they would not be trained: put them into a group, or set requires_grad off in the network"
        )


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
    if _last_batch(config) > 1:
        return
    size = config.hyper_parameters.batch_size
    try:
        model.train()(torch.zeros(1, *shape))
    except Exception as error:  # the user's own network may raise anything
        n = config.n_train
        raise ValueError(
            f"model {config.model!r} cannot be trained on the last batch of an epoch, which contains one of the {n:,} "
            f"images ({type(error).__name__}: {error}): choose another --training.batch-size than {size}, or "
            f"--train-size {n - 1}"
        ) from error
