"""What the bounds speak of: a trained network, how it was trained, and its data."""

import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from empirical.models import build_model
from empirical.outcome import share_of
from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import PartState
from empirical.runs.studies import BoundsConfig
from empirical.studies.bounds.evaluated_bound import EvaluatedBound, Family
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.dropout import set_dropout
from empirical.training.evaluation import evaluate
from empirical.training.loop import train
from empirical.training.state import TrainingState
from theory.complexity import Bound


@dataclass(frozen=True, eq=False)
class Subject:
    """The run that the bounds speak of: its network after and before training, and its data."""

    config: RunConfig
    study: BoundsConfig
    training: TrainingConfig
    trained: nn.Module
    initial: nn.Module
    data: ResidentData
    train_error: float
    test_error: float

    @property
    def n(self) -> int:
        """The number of training images."""
        return len(self.data.train_labels)

    def network(self, outputs: int, seed: int) -> nn.Module:
        """The run's architecture with this number of outputs, at its initialisation."""
        images = self.data.train_images
        channels, height, width = images.shape[1:]
        model = build_model(self.config.model, (channels, height, width), outputs, seed, self.training.initialization)
        if self.training.dropout is not None:
            model = set_dropout(model, self.training.dropout)
        memory_format = torch.contiguous_format if images.is_contiguous() else torch.channels_last
        return model.to(images.device).to(memory_format=memory_format)

    def first(self, n: int, labels: torch.Tensor) -> ResidentData:
        """The first n training images with these labels, and a few test images, which a record needs."""
        data = self.data
        stored = None if data.stored_images is None else data.stored_images[:n]
        test = data.test_images[:1], data.test_labels[:1]
        return ResidentData(data.train_images[:n], labels, labels, *test, stored_images=stored, crop=data.crop)

    def entry(self, family: Family, bound: Bound, note: str = "", **measured: float) -> EvaluatedBound:
        """The entry of a bound of the 0-1 error, by default this network's."""
        finite = math.isfinite(bound.value)
        return EvaluatedBound(
            bound.name,
            family,
            bound.bounds,
            bound.source,
            bound.value if finite else None,
            bound.vacuous,
            **{
                "guessing": 1 - 1 / self.config.num_classes,
                "measured": self.test_error,
                "gap": self.test_error - self.train_error,
                **measured,
            },
            note=note if finite else "above the largest float64",
        )


def train_to_the_end(
    model: nn.Module, data: ResidentData, training: TrainingConfig, seed: int, kept: PartState | None = None
) -> int:
    """Train to the end, from the state that is kept if there is one; returns the number of steps.

    The records are not kept. So a single test image is evaluated for them, not all, which took most of the time.
    """
    data = replace(data, test_images=data.test_images[:1], test_labels=data.test_labels[:1])
    saved = kept.load() if kept else None
    state = TrainingState.of(saved) if saved else None
    for _, reached in train(model, data, training, seed, state, checkpoint_interval(0.0) if kept else math.inf):
        state = reached
        if kept:
            kept.offer(min(state.step / training.max_steps, 1.0), state.content)
    assert state is not None, "training yields at least the untrained network"
    return state.step


def error_of(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of the labels that the fixed model misses."""
    return share_of(evaluate(model, images).argmax(1) != labels)
