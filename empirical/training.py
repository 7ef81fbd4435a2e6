"""One readable training loop: resident data, a record for each epoch, exact resume.

Everything an epoch does is a function of the state at its start and of (seed, epoch): the order of the samples, their
augmentation and the noise of layers such as dropout are drawn from streams keyed by the epoch, the step size is a
function of the step. So the state to save is the network, the optimiser, where the run is and, within an epoch, the
state of torch's generators. A run resumed from it equals the undisturbed one to the bit on the same device and number
of threads.

The paper leaves open: batch size (128, as in the authors' release), initialisation (each network's own). Its
learning rate falls by 0.95 every epoch, which on 50,000 images is 391 steps of 128. The schedule here counts those
steps, so that it means the same on a smaller data set: there an epoch has fewer steps, and a decay for each of them
would stop training before it began.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.augmentation import Augmentation, augment, draw_augmentations
from empirical.import_path import import_object
from empirical.preprocessing import whiten
from theory.claims import nearest_name
from theory.streams import torch_seed, words

Precision = Literal["float32", "tf32", "bf16"]


_ADDED = {"added": True}
"""Marks fields that came later: at their default they are no part of a configuration's hash, on which records rely."""


@dataclass(frozen=True)
class TrainingConfig:
    """Hyper-parameters; the defaults are the paper's.

    Attributes:
        optimizer: `sgd`, or `package.module:factory`, called as factory(parameters, learning_rate).
        learning_rate: initial step size; by default the paper's: 0.1 for Inception, 0.01 for the others.
        momentum: of SGD.
        weight_decay: of SGD, an l2 penalty; 0 is the paper's unregularised setting.
        learning_rate_decay: factor on the step size every `decay_steps` steps.
        decay_steps: 391 steps are an epoch of the paper.
        batch_size: samples a step; the last batch of an epoch may be smaller.
        max_steps: limit for a run that does not fit its labels; it finishes its epoch. After the default, 153 epochs
            of the paper, the step size has fallen by a factor of 2,600.
        min_steps: a run that fits its labels sooner goes on as long, to see what training on does.
        augmentation: random changes of the training images: none, crop, flip-rotate or resized-crop.
        dropout: probability of dropping each input of the last linear layer; where a network has dropout layers of its
            own, theirs. By default these are left as they are, and there are no others.
        precision: of products: float32; tf32 and bf16 are faster on GPUs that have them, and change results.
        compile: have torch.compile rewrite the network's forward and backward pass.
        epochs_per_record: epochs between records, and between looks at whether all labels are fitted. On a small data
            set evaluation at the end of every epoch takes longer than the epoch.
    """

    optimizer: str = "sgd"
    learning_rate: float | None = None
    momentum: float = 0.9
    weight_decay: float = 0.0
    learning_rate_decay: float = 0.95
    decay_steps: int = 391
    batch_size: int = 128
    max_steps: int = 60_000
    min_steps: int = field(default=0, metadata=_ADDED)
    augmentation: Augmentation = field(default="none", metadata=_ADDED)
    dropout: float | None = field(default=None, metadata=_ADDED)
    precision: Precision = field(default="float32", metadata=_ADDED)
    compile: bool = field(default=False, metadata=_ADDED)
    epochs_per_record: int = field(default=1, metadata=_ADDED)

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "learning_rate_decay",
            "decay_steps",
            "batch_size",
            "max_steps",
            "epochs_per_record",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value}")
        for name in ("momentum", "weight_decay", "min_steps"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.min_steps > self.max_steps:
            raise ValueError(f"min_steps is {self.min_steps}, above max_steps, {self.max_steps}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability below 1, got {self.dropout}")
        for name, known in (("augmentation", Augmentation), ("precision", Precision)):
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name} must be one of {', '.join(get_args(known))}, got {getattr(self, name)!r}")
        if self.optimizer != "sgd" and (self.momentum, self.weight_decay) != (
            TrainingConfig.momentum,
            TrainingConfig.weight_decay,
        ):
            raise ValueError("momentum and weight_decay are SGD's: set them in your own optimiser's factory")

    @property
    def step_size(self) -> float:
        """The initial step size; ValueError if it is left to the network, which is not known here."""
        if self.learning_rate is None:
            raise ValueError("learning_rate is not set: empirical.models.default_learning_rate gives the paper's")
        return self.learning_rate


@dataclass(frozen=True, eq=False)
class ResidentData:
    """All the data of a run as tensors on its device.

    Attributes:
        train_images, test_images: preprocessed, float32 (n, channels, height, width), contiguous or channels_last.
        stored_images: the training images before preprocessing, for runs with augmentation; None for the others.
        crop: side of the centre crop, which augmentation replaces.
        train_labels: the labels the network is given, int64 (n,).
        clean_labels: the training labels before corruption, int64 (n,).
        test_labels: clean, int64 (m,).
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    clean_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    stored_images: torch.Tensor | None = None
    crop: int | None = None


@dataclass(frozen=True)
class EpochRecord:
    """The network after an epoch, evaluated as it stands over whole splits; epoch 0 is before training.

    Accuracies are fractions: on the labels given, on the clean ones, and on the given labels of the samples whose
    label was changed and was not (None where there are none). Losses are mean cross-entropies in nats. `seconds` is the
    time of training and evaluation so far, over interruptions. `online_accuracy` is another thing: the share of the
    epoch's samples, augmented if they are, that the network got right at the moment it was trained on them.
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
    online_accuracy: float | None = None

    @property
    def fitted(self) -> bool:
        """Whether the network gives every training sample the label it was given."""
        return self.train_accuracy == 1.0


State = dict[str, Any]
"""What resuming needs: tensors and numbers only, so that it loads with `weights_only=True`."""


def train(
    model: nn.Module,
    data: ResidentData,
    config: TrainingConfig,
    seed: int,
    state: State | None = None,
    seconds_between_states: float = math.inf,
) -> Iterator[tuple[EpochRecord | None, State]]:
    """Train until every given label is fitted, or for `max_steps`; yields a record and the state after each epoch, or
    after every `epochs_per_record` of them and the last.

    Arguments:
        model: on the device of `data`; changed in place.
        seed: of the order of samples, of augmentation and of stochastic layers.
        state: as yielded before, to go on from there.
        seconds_between_states: within an epoch that takes longer, it also yields None and the state: what is then lost
            by a kill. It changes nothing else.

    The yielded state refers to the live tensors: save it before asking for more.
    Raises FloatingPointError if the loss is no longer finite, ValueError for a configuration without learning rate, and
    for augmentation without stored images.
    """
    if config.augmentation != "none" and data.stored_images is None:
        raise ValueError(f"augmentation {config.augmentation} needs the stored images (ResidentData.stored_images)")
    optimizer = _build_optimizer(model, config)
    forward = torch.compile(model) if config.compile else model
    start = time.perf_counter() - (state["seconds"] if state else 0.0)

    def snapshot(**where: Any) -> State:
        return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), **where}

    def observe(epoch: int, step: int, training_seconds: float, online: float | None) -> tuple[EpochRecord, State]:
        with precision(config, data.train_images.device):
            record = _evaluate(model, data, epoch, step, _learning_rate(config, step), start, online)
        return record, snapshot(
            epoch=epoch,
            recorded=epoch,
            step=step,
            batches=0,
            online_hits=0,
            generators=[],
            seconds=record.seconds,
            training_seconds=training_seconds,
            fitted=record.fitted,
        )

    if state is None:
        record, state = observe(0, 0, 0.0, None)
        yield record, state
    else:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    n, yielded = len(data.train_labels), time.perf_counter()
    while _goes_on(state, config):
        epoch, step, at, hits = state["epoch"] + 1, state["step"], state["batches"], state["online_hits"]
        training_seconds, fitted, generators = state["training_seconds"], state["fitted"], state["generators"]
        recorded = state["recorded"]
        batches = Batches(data, config, seed, epoch)
        while at < len(batches):
            begun, first = time.perf_counter(), at
            until = begun + seconds_between_states
            with torch.random.fork_rng():
                _set_generators(generators, torch_seed(seed, f"stochastic-layers/{epoch}"))
                model.train()
                at, more_hits = _train_until(until, forward, optimizer, batches, config, at, step)
                generators = _generators()
            step, hits = step + at - first, hits + more_hits
            training_seconds += time.perf_counter() - begun
            if at < len(batches):
                yield (
                    None,
                    snapshot(
                        epoch=epoch - 1,
                        recorded=recorded,
                        step=step,
                        batches=at,
                        online_hits=hits,
                        generators=generators,
                        seconds=time.perf_counter() - start,
                        training_seconds=training_seconds,
                        fitted=fitted,
                    ),
                )
        state = {**state, "epoch": epoch, "step": step, "batches": 0, "online_hits": 0, "generators": []}
        state |= {"seconds": time.perf_counter() - start, "training_seconds": training_seconds}
        if epoch % config.epochs_per_record and _goes_on(state, config):
            if time.perf_counter() - yielded > seconds_between_states:
                yielded = time.perf_counter()
                yield None, {**state, **snapshot()}
            continue
        record, state = observe(epoch, step, training_seconds, hits / n)
        if not math.isfinite(record.train_loss):
            raise FloatingPointError(
                f"the training loss became {record.train_loss} in epoch {epoch}: the learning rate "
                f"{config.learning_rate} is too large for this network and data"
            )
        yield record, state


def _goes_on(state: State, config: TrainingConfig) -> bool:
    """Whether to train on: an epoch that has begun is finished, and one more follows until the stopping rule holds."""
    begun: bool = state["batches"] > 0
    return begun or state["step"] < (config.min_steps if state["fitted"] else config.max_steps)


class Batches:
    """The batches of an epoch, in the epoch's own order: every sample once, any batch by its number."""

    def __init__(self, data: ResidentData, config: TrainingConfig, seed: int, epoch: int):
        n, self.device = len(data.train_labels), data.train_labels.device
        keys = words(seed, "shuffling", [epoch], n)[0]
        order = torch.from_numpy(np.argsort(keys, kind="stable")).to(self.device)
        self._samples = order.split(config.batch_size)
        self._data, self._augmentation = data, config.augmentation
        if config.augmentation != "none":
            self._numbers = draw_augmentations(seed, epoch, n).to(self.device)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images as the network sees them, and the labels it is given."""
        samples, data = self._samples[at], self._data
        labels = data.train_labels.index_select(0, samples)
        if self._augmentation == "none":
            return _select(data.train_images, samples), labels
        assert data.stored_images is not None, "checked by train"
        numbers = self._numbers.index_select(0, samples)
        return whiten(augment(self._augmentation, _select(data.stored_images, samples), numbers, data.crop)), labels


def _select(images: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """These images, in the memory format of all: `index_select` alone would change channels_last, and be slow at it."""
    if images.is_contiguous():
        return images.index_select(0, samples)
    return images.permute(0, 2, 3, 1).index_select(0, samples).permute(0, 3, 1, 2)


def _train_until(
    until: float,
    forward: Callable[[torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    config: TrainingConfig,
    at: int,
    step: int,
) -> tuple[int, int]:
    """Train on the batches from number `at` until the epoch ends or the time has come.

    Arguments:
        until: of `time.perf_counter`.
        forward: the model, or its compiled form, in training mode.
        step: number of steps made before.

    Returns the number of the next batch, and how many samples the network had right just before it was trained on them.
    """
    hits = torch.zeros((), dtype=torch.int64, device=batches.device)
    while at < len(batches):
        images, labels = batches[at]
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(config, step)
        with precision(config, batches.device):
            logits = forward(images)
            loss = functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
        optimizer.step()
        hits += (logits.detach().argmax(dim=1) == labels).sum()
        at, step = at + 1, step + 1
        if time.perf_counter() > until:
            break
    return at, int(hits)


def _generators() -> list[torch.Tensor]:
    """The states of torch's generators on the CPU and, where there is CUDA, on the current device."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_available() else [])]


def _set_generators(states: list[torch.Tensor], otherwise: int) -> None:
    """Put the generators into these states, or seed them if there are none."""
    if not states:
        torch.manual_seed(otherwise)
        return
    torch.set_rng_state(states[0].cpu())
    if len(states) > 1 and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[1].cpu())


@contextmanager
def precision(config: TrainingConfig, device: torch.device) -> Iterator[None]:
    """Products of a network in the configuration's precision; torch's setting is put back afterwards."""
    if config.precision == "float32" and device.type == "cpu":
        yield  # as it is: a CPU has no other, and small steps are spared the time
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = config.precision == "tf32"
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def evaluate(model: nn.Module, images: torch.Tensor, batch_size: int = 2048) -> torch.Tensor:
    """Logits of all images from the fixed model, (n, classes)."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).float() for batch in images.split(batch_size)])


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
            lr=config.step_size,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the parameters: a fifth of an MLP's epoch on a CPU
        )
    optimizer = optimizer_factory(config.optimizer)(model.parameters(), config.step_size)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer {config.optimizer!r} must return a torch.optim.Optimizer")
    return optimizer


def _learning_rate(config: TrainingConfig, step: int) -> float:
    return config.step_size * config.learning_rate_decay ** (step // config.decay_steps)


def _evaluate(
    model: nn.Module,
    data: ResidentData,
    epoch: int,
    step: int,
    learning_rate: float,
    start: float,
    online_accuracy: float | None,
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
        online_accuracy=online_accuracy,
    )


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return functional.cross_entropy(logits.double(), labels).item()


def _mean(hits: torch.Tensor) -> float:
    return int(hits.sum()) / len(hits)
