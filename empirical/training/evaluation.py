"""The predictions of a fixed network on a split, and the record of an epoch that follows from them."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from empirical.outcome import encode_hits
from empirical.training.data import TrainingData
from empirical.training.distributed import ALONE, Ranks
from empirical.training.epoch_record import EpochRecord
from empirical.training.image_source import ImageSource

_NANOS = 10**9


_EVALUATED, _EVALUATED_VALUES = 2048, 25_000_000  # images at once, and at most about as many values


@dataclass(frozen=True)
class Online:
    """The number of an epoch's samples that the network has got right so far, and the sum of its losses on them, in
    billionths of a nat.

    Integers, so that an epoch has the same sums in whatever parts it was trained.
    """

    hits: int
    nanos: int

    @staticmethod
    def sums(hits: int, losses: Iterable[float]) -> "Online":
        """Add up the losses of batches, each the sum over its samples. A loss that is not finite is left out, since
        evaluation ends the run because of it.
        """
        return Online(hits, sum(round(_NANOS * loss) for loss in losses if math.isfinite(loss)))

    def __add__(self, other: "Online") -> "Online":
        return Online(self.hits + other.hits, self.nanos + other.nanos)


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a fixed network on a split, by sample.

    Attributes:
        classes: the most likely class, int64 (n,).
        losses: cross-entropies in nats, float64 (n,).
        top_5: whether the label is among the five most likely, bool (n,).
    """

    classes: torch.Tensor
    losses: torch.Tensor
    top_5: torch.Tensor

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self.losses.mean().item()


def evaluated_at_once(image_shape: tuple[int, int, int]) -> int:
    """The images in a batch of `predict`: fewer if they are large, since their activations would fill the memory."""
    return max(1, min(_EVALUATED, _EVALUATED_VALUES // math.prod(image_shape)))


def predict(model: nn.Module, source: ImageSource, labels: torch.Tensor, ranks: Ranks = ALONE) -> Predictions:
    """Evaluate the fixed model on a whole split; each rank evaluates its share, and every rank gets the whole result.

    A sample's numbers are written in its own place, once, so they do not depend on the number of ranks.
    """
    n = len(labels)
    classes = torch.zeros(n, dtype=torch.int64, device=labels.device)
    losses = torch.zeros(n, dtype=torch.float64, device=labels.device)
    top_5 = torch.zeros(n, dtype=torch.int64, device=labels.device)
    model.eval()
    samples = _evaluation_batches(n, source, ranks, labels.device)
    with torch.no_grad():
        for some, images in zip(samples, source.batches(samples), strict=True):
            logits, targets = model(images).float(), labels[some]
            classes[some] = logits.argmax(dim=1)
            losses[some] = functional.cross_entropy(logits.double(), targets, reduction="none")
            best = logits.topk(min(5, logits.shape[1])).indices
            top_5[some] = (best == targets[:, None]).any(dim=1).long()
    for values in (classes, losses, top_5):
        ranks.sum(values)
    return Predictions(classes, losses, top_5.bool())


def evaluate(model: nn.Module, images: torch.Tensor, batch_size: int = 2048) -> torch.Tensor:
    """The logits of all images from the fixed model, (n, classes)."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).float() for batch in images.split(batch_size)])


def misses_a_label(model: nn.Module, data: TrainingData, ranks: Ranks) -> bool:
    """Whether the fixed network misses a given label; each rank looks through its share until it finds a missed label.
    The batches are those of `predict`, so that both answers have the same bits.
    """
    labels, missed = data.train_labels, torch.zeros((), dtype=torch.int64, device=data.train_labels.device)
    model.eval()
    samples = _evaluation_batches(len(labels), data.train_source, ranks, labels.device)
    with torch.no_grad():
        for batch, images in zip(samples, data.train_source.batches(samples), strict=True):
            if bool((model(images).float().argmax(dim=1) != labels[batch]).any()):
                missed += 1
                break
    return bool(ranks.sum(missed) > 0)


def epoch_record(
    on_train: Predictions | None,
    on_test: Predictions,
    data: TrainingData,
    epoch: int,
    step: int,
    learning_rate: float,
    start: float,
    online: Online | None,
) -> EpochRecord:
    """The record of an epoch from predictions; `on_train` is None if the training split was not evaluated whole."""
    n = len(data.train_labels)
    correct = on_train.classes == data.train_labels if on_train else None
    changed = data.train_labels != data.clean_labels
    return EpochRecord(
        epoch=epoch,
        step=step,
        learning_rate=learning_rate,
        train_loss=on_train.loss if on_train else None,
        train_accuracy=_mean(correct) if correct is not None else None,
        train_accuracy_clean_labels=_mean(on_train.classes == data.clean_labels) if on_train else None,
        train_accuracy_changed=_mean(correct[changed]) if correct is not None and changed.any() else None,
        train_accuracy_unchanged=_mean(correct[~changed]) if correct is not None and not changed.all() else None,
        test_loss=on_test.loss,
        test_accuracy=_mean(on_test.classes == data.test_labels),
        seconds=time.perf_counter() - start,
        online_accuracy=online.hits / n if online else None,
        online_loss=online.nanos / _NANOS / n if online else None,
        test_hits=encode_hits((on_test.classes == data.test_labels).cpu().numpy()),
    )


def _evaluation_batches(n: int, source: ImageSource, ranks: Ranks, device: torch.device) -> tuple[torch.Tensor, ...]:
    """This rank's share of a split's samples, in batches."""
    mine = torch.arange(n, device=device)[ranks.share(n)]
    return mine.split(evaluated_at_once(source.shape)) if len(mine) else ()


def _mean(hits: torch.Tensor) -> float:
    return int(hits.sum()) / len(hits)
