"""A short training from given weights, watched: what the network is given, and what comes of it."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.diagnosis.passes import Pass, image_digests
from empirical.outcome import share_of
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.loop import train
from empirical.training.random_state import forked_rng
from theory.common.streams import torch_seed

STEPS = 40
"""Least number of steps of a probe: enough to see a loss fall or rise, too few to fit random labels."""

_LEAST_EPOCHS = 2
"""A probe trains for at least this many epochs, so that two epochs can be compared."""


@dataclass(frozen=True)
class Fit:
    """Mean cross-entropy, in nats, and accuracy, as a fraction, of a network whose weights are held."""

    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Probe:
    """What a short training showed.

    Attributes:
        learning_rate: the step size, the same at every step.
        steps: number of steps made.
        before, after: the network before and after, held fixed, in training mode: batch norm as it is in training.
        running_accuracy: over the last epoch, each batch by the weights of its step; None if no epoch was finished.
        fixed_accuracy: the accuracy of the network afterwards, in evaluation mode.
        passes: what the network was given in the first two epochs.
        network: as it is after the probe.
        stopped: why the training broke off; "" if it did not.
    """

    learning_rate: float
    steps: int
    before: Fit
    after: Fit
    running_accuracy: float | None
    fixed_accuracy: float
    passes: tuple[Pass, ...]
    network: nn.Module
    stopped: str = ""

    @property
    def fall(self) -> float:
        """The fall of the loss, as a share of its first value; -inf if training broke off."""
        if self.stopped or not math.isfinite(self.after.loss):
            return -math.inf
        return (self.before.loss - self.after.loss) / self.before.loss


def probe(model: nn.Module, data: ResidentData, config: TrainingConfig, seed: int) -> Probe:
    """Train a copy of the model for at least `STEPS` steps, whole epochs, at a step size that does not decay.

    The training loop is `empirical.training.loop.train`, and ends as soon as all labels are fitted.
    """
    epochs = max(_LEAST_EPOCHS, -(-STEPS // -(-len(data.train_labels) // config.batch_size)))
    # Hooks see no compiled network and no graph, and a pass is between two records.
    config = replace(
        config,
        learning_rate_decay=1.0,
        compile=False,
        graphed=False,
        epochs_per_record=1,
        epochs_per_train_evaluation=1,
    )
    network = copy.deepcopy(model)
    before = fit_in_training_mode(network, data, config.batch_size, seed)
    steps, running, fixed, stopped = 0, None, math.nan, ""
    passes: list[Pass] = []
    with _watch(network) as batches:
        try:
            for record in filter(None, (record for record, _ in train(network, data, config, seed))):
                steps, fixed = record.step, math.nan if record.train_accuracy is None else record.train_accuracy
                if batches:
                    running = share_of(torch.cat([batch.correct for batch in batches]))
                    passes += [_as_pass(batches)] if len(passes) < 2 else []
                    batches.clear()
                if record.epoch >= epochs:
                    break
        except FloatingPointError as error:
            stopped = str(error)
    after = Fit(math.inf, 0.0) if stopped else fit_in_training_mode(network, data, config.batch_size, seed)
    return Probe(config.step_size, steps, before, after, running, fixed, tuple(passes), network, stopped)


def fit_in_training_mode(model: nn.Module, data: ResidentData, batch_size: int, seed: int) -> Fit:
    """How a network fits its training data in training mode, batch by batch, its weights held. It is left as it is."""
    network = copy.deepcopy(model).train()
    with torch.no_grad(), forked_rng(data.train_labels.device):
        torch.manual_seed(torch_seed(seed, "diagnosis/stochastic-layers"))
        logits = torch.cat([network(batch) for batch in data.train_images.split(batch_size)]).double()
    loss = functional.cross_entropy(logits, data.train_labels).item()
    return Fit(loss, share_of(logits.argmax(dim=1) == data.train_labels))


def given_labels(logits: torch.Tensor, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The labels that a cross-entropy was computed with, and whether the logits predict them, from its gradient.

    With respect to the logits of a sample labelled y the gradient is a positive multiple of softmax(logits) - e_y: at
    y it is not positive, elsewhere not negative. At the largest logit softmax is at least 1/k, so there the gradient is
    positive if that logit is not y's, and then y is where it is smallest.

    Arguments:
        logits, gradient: (b, classes).

    Returns labels int64 (b,) and correct bool (b,).
    """
    predicted = logits.argmax(dim=1)
    correct = gradient.gather(1, predicted[:, None])[:, 0] <= 0
    return torch.where(correct, predicted, gradient.argmin(dim=1)), correct


@dataclass(frozen=True, eq=False)
class _Batch:
    digests: tuple[bytes, ...]
    labels: torch.Tensor
    correct: torch.Tensor


@contextmanager
def _watch(network: nn.Module) -> Iterator[list[_Batch]]:
    """Gathers every batch that the network is trained on: the images at its input, the labels from the gradient."""
    batches: list[_Batch] = []

    def watch(module: nn.Module, inputs: tuple[torch.Tensor, ...], logits: torch.Tensor) -> None:
        if module.training and logits.requires_grad:
            digests = image_digests(inputs[0])
            values = logits.detach().clone()
            logits.register_hook(lambda gradient: batches.append(_Batch(digests, *given_labels(values, gradient))))

    handle = network.register_forward_hook(watch)
    try:
        yield batches
    finally:
        handle.remove()


def _as_pass(batches: list[_Batch]) -> Pass:
    digests = tuple(digest for batch in batches for digest in batch.digests)
    return Pass(digests, torch.cat([batch.labels for batch in batches]).cpu().numpy().astype(np.int64))
