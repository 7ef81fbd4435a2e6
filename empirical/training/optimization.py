"""The optimiser of a run, its step size at a step, and the precision of products."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from empirical.import_path import import_object
from empirical.training.config import TrainingConfig
from theory.common.names import nearest_name


def build_optimizer(model: nn.Module, config: TrainingConfig, *, stacked: bool = False) -> torch.optim.Optimizer:
    """The optimiser of the model's parameters, each group of them with its own initial rate.

    Arguments:
        stacked: whether each parameter is a stack of those of several networks, along its first dimension.

    Raises ValueError if a user's factory fails or returns something else, or if its step() wants a closure.
    """
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            _groups(model, config, stacked),
            lr=config.step_size,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the parameters: a fifth of an MLP's epoch on a CPU
        )
    factory = optimizer_factory(config.optimizer)
    try:
        optimizer = factory(list(model.parameters()), config.step_size)  # a list: a factory may go through it twice
    except Exception as error:  # the user's own factory may raise anything
        raise ValueError(f"optimizer {config.optimizer!r} cannot be built: {type(error).__name__}: {error}") from error
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"optimizer {config.optimizer!r} must return a torch.optim.Optimizer, "
            f"it returned {type(optimizer).__name__}"
        )
    _check_step(factory, config)
    return optimizer


def _groups(model: nn.Module, config: TrainingConfig, stacked: bool) -> Any:
    """The parameters, in two groups where some of them do not decay: the vectors, biases among them, do not."""
    if config.weight_decay_of == "parameters":
        return model.parameters()
    parameters = list(model.parameters())
    weights, vectors = ([p for p in parameters if (p.dim() > 1 + stacked) == several] for several in (True, False))
    return [{"params": weights}, *([{"params": vectors, "weight_decay": 0.0}] if vectors else [])]


def _check_step(factory: Callable[..., Any], config: TrainingConfig) -> None:
    """Raise ValueError if step() asks for a closure, as optimisers do that evaluate the loss several times a step.

    The optimiser is tried on two parameters of its own, whose gradients are zero: some optimisers ask by their
    signature, others only when called.
    """
    model = nn.Linear(2, 2)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    try:
        step = factory(list(model.parameters()), config.step_size).step
        asks = inspect.signature(step).parameters.get("closure")
    except Exception:  # a factory for other parameters than these: it is known to take the network's
        return
    try:
        if asks is None or asks.default is not inspect.Parameter.empty:
            step()
            return
        reason = "step() takes one"
    except Exception as error:
        reason = f"step() without one raises {type(error).__name__}: {error}"
        about_it = isinstance(error, AssertionError) or "closure" in str(error) or "NoneType" in str(error)
        if asks is None or not about_it:
            return
    raise ValueError(
        f"optimizer {config.optimizer!r} asks for a closure that evaluates the loss again ({reason}); this training "
        "loop evaluates it once a step and gives none: choose an optimiser that needs gradients alone"
    )


def initial_rates(optimizer: torch.optim.Optimizer, config: TrainingConfig) -> list[float]:
    """The rate that each group of parameters was made with; the configuration's for a group without a rate."""
    return [float(group.get("lr", config.step_size)) for group in optimizer.param_groups]


def diverged(what: str, loss: float, epoch: int, config: TrainingConfig) -> FloatingPointError:
    """The error of a loss that is no longer finite, with its most likely cause.

    A step of SGD multiplies the weights by 1 - rate * decay, which is below -1 for a product above 2.
    """
    decay = config.weight_decay * config.step_size
    cause = (
        f"weight decay {config.weight_decay:g} at the learning rate {config.step_size} turns the weights round at "
        "every step and makes them larger"
        if decay > 2
        else f"the learning rate {config.step_size} is too large for this network and data"
    )
    return FloatingPointError(f"{what} became {loss} in epoch {epoch}: {cause}")


def optimizer_factory(name: str) -> Callable[..., Any]:
    """The user's optimiser behind an import path; ValueError if there is none."""
    if ":" not in name:
        raise ValueError(f"optimizer (--training.optimizer): {_hint(name)}")
    factory: Callable[..., Any] = import_object(name, "optimizer")
    return factory


def _hint(name: str) -> str:
    """What to write instead of a name that is none: torch's optimisers are known by theirs, whatever the case."""
    torch_names = {
        key.lower(): key
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }
    spelling = torch_names.get(name.lower().removeprefix("torch.optim.").replace("-", "").replace("_", ""))
    if spelling is None:
        return f"{nearest_name(name, ['sgd'])}, or package.module:factory, as torch.optim:Adam"
    return (
        f"unknown name {name!r}: torch's {spelling} is torch.optim:{spelling}; it is given the step size of SGD unless "
        "--training.learning-rate says another"
    )


def step_size_at(config: TrainingConfig, step: int, initial_rate: float | None = None) -> float:
    """The step size of step number `step`, counted from 0: the initial rate, by default the configuration's, times the
    schedule's factor.
    """
    initial = config.step_size if initial_rate is None else initial_rate
    return initial * config.learning_rate_decay ** (step // config.decay_steps)


@contextmanager
def precision(config: TrainingConfig, device: torch.device) -> Iterator[None]:
    """Products of a network in the configuration's precision; torch's setting is put back afterwards.

    On a GPU convolutions are cuDNN's deterministic ones, so that a resumed run has the bits of an undisturbed one.
    Operations that add in no fixed order are the exception: the backward pass of overlapping max pooling, as in AlexNet
    and Inception.
    """
    if config.precision == "float32" and device.type == "cpu":
        yield  # unchanged: a CPU has no other precision, and small steps are spared the time
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
