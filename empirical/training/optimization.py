"""The optimiser of a run, its step size at a step, and the precision of products."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from empirical.import_path import import_object
from empirical.training.config import TrainingConfig
from theory.common.names import nearest_name


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of the model's parameters. ValueError if a user's factory returns something else."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            lr=config.step_size,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the parameters: a fifth of an MLP's epoch on a CPU
        )
    optimizer = optimizer_factory(config.optimizer)(model.parameters(), config.step_size)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer {config.optimizer!r} must return a torch.optim.Optimizer")
    return optimizer


def optimizer_factory(name: str) -> Callable[..., Any]:
    """The user's optimiser behind an import path; ValueError if there is none."""
    if ":" not in name:
        raise ValueError(f"optimizer (--training.optimizer): {nearest_name(name, ['sgd'])}, or package.module:factory")
    factory: Callable[..., Any] = import_object(name, "optimizer")
    return factory


def step_size_at(config: TrainingConfig, step: int) -> float:
    """The step size of step number `step`, counted from 0."""
    return config.step_size * config.learning_rate_decay ** (step // config.decay_steps)


@contextmanager
def precision(config: TrainingConfig, device: torch.device) -> Iterator[None]:
    """Products of a network in the configuration's precision; torch's setting is put back afterwards.

    On a GPU convolutions are cuDNN's deterministic ones, so that a resumed run has the bits of an undisturbed one. What
    adds up in no fixed order there has not: the backward pass of overlapping max pooling, as in AlexNet and Inception.
    """
    if config.precision == "float32" and device.type == "cpu":
        yield  # as it is: a CPU has no other, and small steps are spared the time
        return
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.deterministic
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    cudnn.allow_tf32, cudnn.deterministic = config.precision == "tf32", True
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32, cudnn.deterministic = before[1:]
