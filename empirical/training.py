"""One readable training loop: a record for each epoch, exact resume, on one process or on several ranks.

Everything an epoch does is a function of the state at its start and of the seed: the order of the samples and their
augmentation are drawn from streams keyed by the epoch, the noise of layers such as dropout from streams keyed by the
step, and the step size is a function of the step. So the state to save is the network, the optimiser and where the run
is, even within an epoch. A run resumed from it equals the undisturbed one to the bit on the same device and number of
threads and ranks; on a GPU but for operations that add up in no fixed order there (see `precision`).

Over several ranks each trains on its share of every batch, and the experiment stays the same: the batch is the global
one, every sample comes once an epoch, gradients are of the mean over the whole batch, evaluation counts each sample
once. N ranks give the curve of one up to the order of sums.

The paper leaves open: batch size (128, as in the authors' release), initialisation (each network's own). Its
learning rate falls by 0.95 every epoch, which on 50,000 images is 391 steps of 128. The schedule here counts those
steps, so that it means the same on a smaller data set: there an epoch has fewer steps, and a decay for each of them
would stop training before it began.
"""

import copy
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.augmentation import Augmentation, draw_augmentations
from empirical.distributed import ALONE, Ranks
from empirical.global_batch import BatchShare, over_global_batch
from empirical.image_source import ImageSource, ResidentImages
from empirical.import_path import import_object
from theory.common.names import nearest_name
from theory.common.streams import torch_seed, words

Precision = Literal["float32", "tf32", "bf16"]
BatchNorm = Literal["global", "local"]


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
        compile: have torch.compile rewrite the network's forward and backward pass; on a GPU they are replayed as CUDA
            graphs. Worth it for runs that take much longer than the minute of compiling.
        batch_norm: over several ranks: global takes the moments of the whole batch, as one rank does; local those of a
            rank's share, which makes it another experiment with every number of ranks, but saves communication.
        epochs_per_record: epochs between records, and between looks at whether all labels are fitted. On a small data
            set evaluation at the end of every epoch takes longer than the epoch.
        epochs_per_train_evaluation: epochs between evaluations of the whole training split, which on 50,000 images cost
            as much as 0.4 epochs of training. Between them the fixed network sees training images, in the same batches,
            only until it misses a label: one miss shows that it does not fit, none that it does, and then the whole
            split is evaluated. So the epoch of the first fit is the same whatever this is. The untrained and the last
            network are evaluated whole.
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
    batch_norm: BatchNorm = field(default="global", metadata=_ADDED)
    epochs_per_record: int = field(default=1, metadata=_ADDED)
    epochs_per_train_evaluation: int = field(default=1, metadata=_ADDED)

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "learning_rate_decay",
            "decay_steps",
            "batch_size",
            "max_steps",
            "epochs_per_record",
            "epochs_per_train_evaluation",
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
        for name, known in (("augmentation", Augmentation), ("precision", Precision), ("batch_norm", BatchNorm)):
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


class TrainingData(Protocol):
    """The data of a run: where its images come from, and its labels, tensors on the device.

    Labels are by sample, int64: those that the network is given, those before corruption, and the test set's. No source
    of images has any others.
    """

    @property
    def train_source(self) -> ImageSource:
        """The training images."""

    @property
    def train_labels(self) -> torch.Tensor:
        """(n,)."""

    @property
    def clean_labels(self) -> torch.Tensor:
        """(n,)."""

    @property
    def test_source(self) -> ImageSource:
        """The test images."""

    @property
    def test_labels(self) -> torch.Tensor:
        """(m,)."""


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

    @property
    def train_source(self) -> ImageSource:
        """The training images."""
        return ResidentImages(self.train_images, self.stored_images, self.crop)

    @property
    def test_source(self) -> ImageSource:
        """The test images."""
        return ResidentImages(self.test_images)


@dataclass(frozen=True)
class EpochRecord:
    """The network after an epoch, evaluated as it stands over whole splits; epoch 0 is before training.

    Accuracies are fractions: on the labels given, on the clean ones, and on the given labels of the samples whose
    label was changed and was not (None where there are none). Losses are mean cross-entropies in nats. What is about
    the training split is None where the network was seen to miss a label and not evaluated on the rest
    (`TrainingConfig.epochs_per_train_evaluation`). `seconds` is the time of training and evaluation so far, over
    interruptions. `online_accuracy` and `online_loss` are other things: of the epoch's samples, augmented if they
    are, at the moment the network was trained on them, which was changing from batch to batch, with dropout on and
    batch norm by each batch's own moments. None before training.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float | None
    train_accuracy: float | None
    train_accuracy_clean_labels: float | None
    train_accuracy_changed: float | None
    train_accuracy_unchanged: float | None
    test_loss: float
    test_accuracy: float
    seconds: float
    online_accuracy: float | None = None
    online_loss: float | None = None

    @property
    def fitted(self) -> bool:
        """Whether the network gives every training sample the label it was given."""
        return self.train_accuracy == 1.0


_NANOS = 10**9


@dataclass(frozen=True)
class _Online:
    """What the network got right of an epoch's samples so far, and its losses on them summed, in billionths of a nat.

    Integers, so that an epoch has the same sums in whatever parts it was trained.
    """

    hits: int
    nanos: int

    def __add__(self, other: "_Online") -> "_Online":
        return _Online(self.hits + other.hits, self.nanos + other.nanos)


_EVALUATED, _EVALUATED_VALUES = 2048, 25_000_000  # images at once, and at most about as many values

State = dict[str, Any]
"""What resuming needs: tensors and numbers only, so that it loads with `weights_only=True`."""


def train(
    model: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
    seed: int,
    state: State | None = None,
    seconds_between_states: float = math.inf,
    ranks: Ranks = ALONE,
) -> Iterator[tuple[EpochRecord | None, State]]:
    """Train until every given label is fitted, or for `max_steps`; yields a record and the state after each epoch, or
    after every `epochs_per_record` of them and the last.

    Arguments:
        model: on the device of `data`; changed in place.
        seed: of the order of samples, of augmentation and of stochastic layers.
        state: as yielded before, to go on from there.
        seconds_between_states: between records it also yields None and the state, about as often: what is then lost by
            a kill. It changes nothing else.
        ranks: that train together; all of them yield the same.

    The yielded state refers to the live tensors: save it before asking for more.
    Raises FloatingPointError if the loss is no longer finite, ValueError for a configuration without learning rate, and
    for augmentation without stored images.
    """
    if config.augmentation != "none":  # what is missing for it is named now, not after the first evaluation
        next(data.train_source.batches([], config.augmentation, torch.zeros(0, 5)), None)
    stepper = _Stepper(model, config, seed, ranks, data)
    start = time.perf_counter() - (state["seconds"] if state else 0.0)

    def snapshot(**where: Any) -> State:
        return {"model": model.state_dict(), "optimizer": stepper.optimizer.state_dict(), **where}

    def observe(epoch: int, step: int, training_seconds: float, online: _Online | None) -> tuple[EpochRecord, State]:
        if config.batch_norm == "local":
            ranks.copy_buffers(model)
        with precision(config, data.train_labels.device):
            on_test = predict(model, data.test_source, data.test_labels, ranks)
            on_train = None
            whole = epoch % config.epochs_per_train_evaluation == 0 or step >= config.max_steps
            if whole or not _misses_a_label(model, data, ranks):
                on_train = predict(model, data.train_source, data.train_labels, ranks)
        record = _record(on_train, on_test, data, epoch, step, _learning_rate(config, step), start, online)
        return record, snapshot(
            epoch=epoch,
            recorded=epoch,
            step=step,
            batches=0,
            online=(0, 0),
            seconds=record.seconds,
            training_seconds=training_seconds,
            fitted=record.fitted,
        )

    if state is None:
        record, state = observe(0, 0, 0.0, None)
        yield record, state
    else:
        model.load_state_dict(state["model"])
        stepper.optimizer.load_state_dict(state["optimizer"])
    pace, yielded = _Pace.first(seconds_between_states), time.perf_counter()
    while _goes_on(state, config):
        epoch, step, at, online = state["epoch"] + 1, state["step"], state["batches"], _Online(*state["online"])
        training_seconds, fitted, recorded = state["training_seconds"], state["fitted"], state["recorded"]
        batches = Batches(data, config, seed, epoch, ranks)
        images = batches.starting(at)
        while at < len(batches):
            begun = time.perf_counter()
            steps = min(ranks.agree(pace.steps), len(batches) - at)
            online += stepper.take(images, steps, step)
            step, at = step + steps, at + steps
            taken = time.perf_counter() - begun
            pace = pace.after(steps, taken)
            training_seconds += taken
            if at < len(batches):
                yield (
                    None,
                    snapshot(
                        epoch=epoch - 1,
                        recorded=recorded,
                        step=step,
                        batches=at,
                        online=astuple(online),
                        seconds=time.perf_counter() - start,
                        training_seconds=training_seconds,
                        fitted=fitted,
                    ),
                )
        state = {**state, "epoch": epoch, "step": step, "batches": 0, "online": (0, 0)}
        state |= {"seconds": time.perf_counter() - start, "training_seconds": training_seconds}
        if epoch % config.epochs_per_record and _goes_on(state, config):
            if time.perf_counter() - yielded > seconds_between_states:
                yielded = time.perf_counter()
                yield None, {**state, **snapshot()}
            continue
        record, state = observe(epoch, step, training_seconds, online)
        split, loss = ("test", record.test_loss) if record.train_loss is None else ("training", record.train_loss)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the {split} loss became {loss} in epoch {epoch}: the learning rate "
                f"{config.learning_rate} is too large for this network and data"
            )
        yield record, state


def _goes_on(state: State, config: TrainingConfig) -> bool:
    """Whether to train on: an epoch that has begun is finished, and one more follows until the stopping rule holds."""
    begun: bool = state["batches"] > 0
    return begun or state["step"] < (config.min_steps if state["fitted"] else config.max_steps)


@dataclass(frozen=True)
class _Pace:
    """How many steps to take before the next state: about as many as the time between states allows.

    Counted in steps and not by the clock, so that all ranks stop at the same one. It starts with one and at most
    doubles, for the first steps are slower than those that follow.
    """

    seconds: float
    steps: int

    @staticmethod
    def first(seconds: float) -> "_Pace":
        """With so many seconds between states."""
        return _Pace(seconds, 1 if seconds < math.inf else sys.maxsize)

    def after(self, steps: int, taken: float) -> "_Pace":
        """The next, after so many steps that took so many seconds."""
        if self.seconds == math.inf:
            return self
        rate = steps / max(taken, 1e-9)
        return _Pace(self.seconds, max(1, min(2 * steps, int(rate * self.seconds))))


class Batches:
    """The batches of an epoch, in the epoch's own order: every sample once, any batch by its number.

    Of each batch a rank has its share.
    """

    def __init__(self, data: TrainingData, config: TrainingConfig, seed: int, epoch: int, ranks: Ranks = ALONE):
        n, device = len(data.train_labels), data.train_labels.device
        keys = words(seed, "shuffling", [epoch], n)[0]
        order = torch.from_numpy(np.argsort(keys, kind="stable")).to(device)
        whole = order.split(config.batch_size)
        self._sizes = [len(batch) for batch in whole]
        self._samples = [batch[ranks.share(len(batch))] for batch in whole]
        self._data, self._augmentation = data, config.augmentation
        self._numbers = None
        if config.augmentation != "none":
            self._numbers = draw_augmentations(seed, epoch, n).to(device)

    def __len__(self) -> int:
        return len(self._samples)

    def starting(self, at: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        """From number `at` on: images as the network sees them, the labels it is given, and the whole batch's size."""
        samples, labels = self._samples[at:], self._data.train_labels
        images = self._data.train_source.batches(samples, self._augmentation, self._numbers)
        for some, shown, size in zip(samples, images, self._sizes[at:], strict=True):
            yield shown, labels.index_select(0, some), size


class _Stepper:
    """Takes steps: the network as it is trained, its optimiser, and the streams of its random layers."""

    def __init__(self, model: nn.Module, config: TrainingConfig, seed: int, ranks: Ranks, data: TrainingData):
        self._config, self._seed, self._ranks, self._device = config, seed, ranks, data.train_labels.device
        self._share = BatchShare(ranks.device)
        some_unused = False
        if ranks.count > 1:
            some_unused = _some_unused(model, torch.zeros(2, *data.train_source.shape, device=self._device))
            model = over_global_batch(model, ranks, self._share, batch_norm=config.batch_norm == "global")
        self._model = model
        self.optimizer = _build_optimizer(model, config)
        wrapped = ranks.wrap(model, some_unused=some_unused)
        graphs = "reduce-overhead" if self._device.type == "cuda" else None
        self._forward: Callable[[torch.Tensor], torch.Tensor] = (
            torch.compile(wrapped, mode=graphs) if config.compile else wrapped
        )

    def take(self, batches: Iterator[tuple[torch.Tensor, torch.Tensor, int]], steps: int, step: int) -> _Online:
        """Train on so many batches, `step` steps having been made before.

        Returns what the network had right, of all ranks' samples, just before it was trained on them, and its losses.
        """
        losses = []
        hits = torch.zeros((), dtype=torch.int64, device=self._device)
        self._model.train()
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")  # only slower
            for number in range(step, step + steps):
                images, labels, size = next(batches)
                self._seed_layers(number, size)
                for group in self.optimizer.param_groups:
                    group["lr"] = _learning_rate(self._config, number)
                with precision(self._config, self._device):
                    logits = self._forward(images)
                    loss = _share_of_mean_loss(logits, labels, size, self._ranks)
                    self.optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                self.optimizer.step()
                hits += (logits.detach().argmax(dim=1) == labels).sum()
                losses.append(loss.detach() * (size / self._ranks.count))
        terms = self._ranks.sum(torch.stack(losses)).tolist()
        finite = (term for term in terms if math.isfinite(term))  # of others evaluation makes an end
        return _Online(int(self._ranks.sum(hits)), sum(round(_NANOS * term) for term in finite))

    def _seed_layers(self, step: int, size: int) -> None:
        """Streams for the layers that know of ranks, the same on each, and for those that do not, one for each."""
        common, rank = torch_seed(self._seed, f"stochastic-layers/{step}"), self._ranks.rank
        own = torch_seed(self._seed, f"stochastic-layers/{step}/rank-{rank}") if rank else common
        torch.default_generator.manual_seed(own)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(own)
        if self._ranks.count > 1:
            self._share.begin(self._ranks.share(size), size, common)


def _some_unused(model: nn.Module, images: torch.Tensor) -> bool:
    """Whether some trainable parameters have no part in the output of a network in training."""
    network = copy.deepcopy(model).train()
    with torch.random.fork_rng():
        network(images).sum().backward()
    return any(parameter.grad is None for parameter in network.parameters() if parameter.requires_grad)


def _share_of_mean_loss(logits: torch.Tensor, labels: torch.Tensor, size: int, ranks: Ranks) -> torch.Tensor:
    """This rank's term of the mean cross-entropy of a batch of `size`, which is the average of the terms over ranks."""
    if not len(labels):
        return logits.float().sum()  # 0, and so are the gradients, for which the other ranks wait
    loss = functional.cross_entropy(logits.float(), labels)
    weight = ranks.count * len(labels) / size
    return loss if weight == 1 else weight * loss


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


def evaluate(model: nn.Module, images: torch.Tensor, batch_size: int = 2048) -> torch.Tensor:
    """Logits of all images from the fixed model, (n, classes)."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).float() for batch in images.split(batch_size)])


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a fixed network makes of a split, by sample.

    Attributes:
        classes: the most likely one, int64 (n,).
        losses: cross-entropies in nats, float64 (n,).
        top_5: whether the label is among the five most likely, bool (n,).
    """

    classes: torch.Tensor
    losses: torch.Tensor
    top_5: torch.Tensor

    @property
    def loss(self) -> float:
        """The mean."""
        return self.losses.mean().item()


def evaluated_at_once(image_shape: tuple[int, int, int]) -> int:
    """Images in a batch of `predict`: fewer of large ones, whose activations would fill the memory."""
    return max(1, min(_EVALUATED, _EVALUATED_VALUES // math.prod(image_shape)))


def _evaluation_batches(n: int, source: ImageSource, ranks: Ranks, device: torch.device) -> tuple[torch.Tensor, ...]:
    """This rank's share of a split's samples, in batches."""
    mine = torch.arange(n, device=device)[ranks.share(n)]
    return mine.split(evaluated_at_once(source.shape)) if len(mine) else ()


def predict(model: nn.Module, source: ImageSource, labels: torch.Tensor, ranks: Ranks = ALONE) -> Predictions:
    """Evaluate the fixed model on a whole split; each rank takes its share of it, and every one has all of the result.

    A sample's numbers are written in its own place, once: they do not depend on how many ranks there are.
    """
    n = len(labels)
    classes = torch.zeros(n, dtype=torch.int64, device=labels.device)
    losses = torch.zeros(n, dtype=torch.float64, device=labels.device)
    top_5 = torch.zeros(n, dtype=torch.int64, device=labels.device)
    model.eval()
    samples = _evaluation_batches(n, source, ranks, labels.device)
    with torch.no_grad():
        for some, images in zip(samples, source.batches(samples), strict=True):
            logits, given = model(images).float(), labels[some]
            classes[some] = logits.argmax(dim=1)
            losses[some] = functional.cross_entropy(logits.double(), given, reduction="none")
            best = logits.topk(min(5, logits.shape[1])).indices
            top_5[some] = (best == given[:, None]).any(dim=1).long()
    for values in (classes, losses, top_5):
        ranks.sum(values)
    return Predictions(classes, losses, top_5.bool())


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


def _misses_a_label(model: nn.Module, data: TrainingData, ranks: Ranks) -> bool:
    """Whether the fixed network misses a given label; each rank looks at its share until it finds one.

    In the batches of `predict`, so that both answers have the same bits.
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


def _record(
    on_train: Predictions | None,
    on_test: Predictions,
    data: TrainingData,
    epoch: int,
    step: int,
    learning_rate: float,
    start: float,
    online: _Online | None,
) -> EpochRecord:
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
    )


def _mean(hits: torch.Tensor) -> float:
    return int(hits.sum()) / len(hits)
