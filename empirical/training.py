"""One readable training loop: resident data, a record for each epoch, exact resume.

Everything an epoch does is a function of the state at its start and of (seed, epoch): the order of the samples and
the noise of layers such as dropout are drawn from streams keyed by the epoch, the step size is a function of the
step. So the state to save is the network, the optimiser and the epoch number, and a run resumed from it equals
the undisturbed one to the bit on the same device and number of threads.

The paper leaves open: batch size (128, as in the authors' release), initialisation (each network's own). Its
learning rate falls by 0.95 every epoch, which on 50,000 images is 391 steps of 128. The schedule here counts those
steps, so that it means the same on a smaller data set: there an epoch has fewer steps, and a decay for each of them
would stop training before it began.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.import_path import import_object
from theory.claims import nearest_name
from theory.streams import torch_seed, words


@dataclass(frozen=True)
class TrainingConfig:
    """Hyper-parameters; the defaults are the paper's for its perceptrons.

    Attributes:
        optimizer: `sgd`, or `package.module:factory`, called as factory(parameters, learning_rate).
        learning_rate: initial step size.
        momentum: of SGD.
        weight_decay: of SGD, an l2 penalty; 0 is the paper's unregularised setting.
        learning_rate_decay: factor on the step size every `decay_steps` steps.
        decay_steps: 391 steps are an epoch of the paper.
        batch_size: samples a step; the last batch of an epoch may be smaller.
        max_steps: limit for a run that does not fit its labels; it finishes its epoch. After the default, 153 epochs
            of the paper, the step size has fallen by a factor of 2,600.
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    learning_rate_decay: float = 0.95
    decay_steps: int = 391
    batch_size: int = 128
    max_steps: int = 60_000

    def __post_init__(self) -> None:
        for name in ("learning_rate", "learning_rate_decay", "decay_steps", "batch_size", "max_steps"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")
        for name in ("momentum", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.optimizer != "sgd" and (self.momentum, self.weight_decay) != (
            TrainingConfig.momentum,
            TrainingConfig.weight_decay,
        ):
            raise ValueError("momentum and weight_decay are SGD's: set them in your own optimiser's factory")


@dataclass(frozen=True, eq=False)
class ResidentData:
    """All the data of a run as tensors on its device.

    Attributes:
        train_images, test_images: preprocessed, float32 (n, channels, height, width).
        train_labels: the labels the network is given, int64 (n,).
        clean_labels: the training labels before corruption, int64 (n,).
        test_labels: clean, int64 (m,).
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    clean_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


@dataclass(frozen=True)
class EpochRecord:
    """The network after an epoch, evaluated as it stands over whole splits; epoch 0 is before training.

    Accuracies are fractions: on the labels given, on the clean ones, and on the given labels of the samples whose
    label was changed and was not (None where there are none). Losses are mean cross-entropies in nats. `seconds` is the
    time of training and evaluation so far, over interruptions.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    train_accuracy_clean_labels: float
    train_accuracy_changed: float | None
    train_accuracy_unchanged: float | None
    test_loss: float
    test_accuracy: float
    seconds: float

    @property
    def fitted(self) -> bool:
        """Whether the network gives every training sample the label it was given."""
        return self.train_accuracy == 1.0


State = dict[str, Any]
"""What resuming needs: tensors and numbers only, so that it loads with `weights_only=True`."""


def train(
    model: nn.Module, data: ResidentData, config: TrainingConfig, seed: int, state: State | None = None
) -> Iterator[tuple[EpochRecord, State]]:
    """Train until every given label is fitted, or for `max_steps`; yields a record and the state after each epoch.

    Arguments:
        model: on the device of `data`; changed in place.
        seed: of the order of samples and of stochastic layers.
        state: as yielded before, to go on from there.

    The yielded state refers to the live tensors: save it before asking for the next record.
    Raises FloatingPointError if the loss is no longer finite.
    """
    optimizer = _build_optimizer(model, config)
    start = time.perf_counter() - (state["seconds"] if state else 0.0)

    def observe(epoch: int, step: int) -> tuple[EpochRecord, State]:
        record = _evaluate(model, data, epoch, step, _learning_rate(config, step), start)
        return record, {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": epoch,
            "step": step,
            "seconds": record.seconds,
            "fitted": record.fitted,
        }

    if state is None:
        record, state = observe(0, 0)
        yield record, state
    else:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    while not state["fitted"] and state["step"] < config.max_steps:
        epoch = state["epoch"] + 1
        step = _train_epoch(model, data, optimizer, config, seed, epoch, state["step"])
        record, state = observe(epoch, step)
        if not math.isfinite(record.train_loss):
            raise FloatingPointError(
                f"the training loss became {record.train_loss} in epoch {epoch}: the learning rate "
                f"{config.learning_rate} is too large for this network and data"
            )
        yield record, state


def _train_epoch(
    model: nn.Module,
    data: ResidentData,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    seed: int,
    epoch: int,
    step: int,
) -> int:
    """One pass over the training set in the epoch's own order; returns the number of steps made so far."""
    keys = words(seed, "shuffling", [epoch], len(data.train_labels))[0]
    order = torch.from_numpy(np.argsort(keys, kind="stable")).to(data.train_labels.device)
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(torch_seed(seed, f"stochastic-layers/{epoch}"))
        for batch in order.split(config.batch_size):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(config, step)
            logits = model(data.train_images.index_select(0, batch))
            loss = functional.cross_entropy(logits, data.train_labels.index_select(0, batch))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
    return step


def evaluate(model: nn.Module, images: torch.Tensor, batch_size: int = 2048) -> torch.Tensor:
    """Logits of all images from the fixed model, (n, classes)."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch) for batch in images.split(batch_size)])


def optimizer_factory(name: str) -> Callable[..., Any]:
    """The user's optimiser behind an import path; ValueError if there is none."""
    if ":" not in name:
        raise ValueError(f"optimizer (--training.optimizer): {nearest_name(name, ['sgd'])}, or package.module:factory")
    factory: Callable[..., Any] = import_object(name, "optimizer")
    return factory


def _build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the parameters: a fifth of an MLP's epoch on a CPU
        )
    optimizer = optimizer_factory(config.optimizer)(model.parameters(), config.learning_rate)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer {config.optimizer!r} must return a torch.optim.Optimizer")
    return optimizer


def _learning_rate(config: TrainingConfig, step: int) -> float:
    return config.learning_rate * config.learning_rate_decay ** (step // config.decay_steps)


def _evaluate(
    model: nn.Module, data: ResidentData, epoch: int, step: int, learning_rate: float, start: float
) -> EpochRecord:
    train_logits = evaluate(model, data.train_images)
    test_logits = evaluate(model, data.test_images)
    predictions = train_logits.argmax(dim=1)
    correct = predictions == data.train_labels
    changed = data.train_labels != data.clean_labels
    return EpochRecord(
        epoch=epoch,
        step=step,
        learning_rate=learning_rate,
        train_loss=_loss(train_logits, data.train_labels),
        train_accuracy=_mean(correct),
        train_accuracy_clean_labels=_mean(predictions == data.clean_labels),
        train_accuracy_changed=_mean(correct[changed]) if changed.any() else None,
        train_accuracy_unchanged=_mean(correct[~changed]) if not changed.all() else None,
        test_loss=_loss(test_logits, data.test_labels),
        test_accuracy=_mean(test_logits.argmax(dim=1) == data.test_labels),
        seconds=time.perf_counter() - start,
    )


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return functional.cross_entropy(logits.double(), labels).item()


def _mean(hits: torch.Tensor) -> float:
    return int(hits.sum()) / len(hits)
