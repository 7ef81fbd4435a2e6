"""The cost of a network's training on this machine, measured in seconds: steps, evaluation, checkpoint, memory.

The steps are those of the training loop itself, on a few of the run's own images, the network as the run would have it.
Their batches grow from two images to the run's own: how much less a device does with a small share of a batch is what
data-parallel training needs to know. A batch that would take too long or does not fit is left out, and its cost is what
the line through those measured gives. How long streamed images take to be read is measured apart.
"""

import ctypes
import gc
import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

from empirical.datasets import ImageDataset, ImageSplit
from empirical.datasets.lazy_images import LazyImages
from empirical.datasets.preprocessing import seen_shape
from empirical.execution.execute import as_a_run_has_it
from empirical.execution.stopwatch import Stopwatch
from empirical.models import num_parameters
from empirical.randomization import Randomization, randomize
from empirical.runs.config import RunConfig
from empirical.runs.preparation import prepare
from empirical.runs.records import RunDirectory
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.evaluation import evaluated_at_once
from empirical.training.loop import train
from empirical.training.state import TrainingState
from empirical.training.streamed_images import StreamedImages, is_streamed
from theory.common.memory import available_memory

_CHUNK = 0.1  # seconds of training between looks at the clock; a step that takes longer is a chunk
_CHUNKS = 5  # timed, after one to warm up
_FEWEST_CHUNKS = 2
_BATCHES_AT_HAND = 8  # if they are small; large batches repeat a single batch
_ENDLESS = 10**9
_EVALUATIONS = 3
_EVALUATION_SHARE = 0.1  # share of the time for measuring
_FEWEST_EVALUATED = 16
_SAVES = 3
_DECODED = 64  # streamed images at hand
_SECONDS_OF_READING = 1.0


@dataclass(frozen=True)
class ComputeCost:
    """Seconds of a training step's compute by the number of images on a device.

    Between the numbers measured it is linear, and beyond them it goes on so; it never falls as images are added there.
    A single measurement gives a time proportional to the images.

    Attributes:
        images: ascending.
        seconds: the seconds for each number.
        forward_share: the share of the forward pass; the rest is the backward pass, which an all-reduce may overlap.
    """

    images: tuple[int, ...]
    seconds: tuple[float, ...]
    forward_share: float = 1 / 3

    def __post_init__(self) -> None:
        if not self.images or len(self.images) != len(self.seconds) or list(self.images) != sorted(set(self.images)):
            raise ValueError(f"images must be ascending, each with its seconds, got {self.images} and {self.seconds}")
        if not 0 <= self.forward_share <= 1:
            raise ValueError(f"the forward pass's share is in 0 .. 1, got {self.forward_share:g}")

    def __call__(self, images: float) -> float:
        """The seconds for this many images."""
        if len(self.images) == 1:
            return self.seconds[0] * images / self.images[0]
        if self.images[0] <= images <= self.images[-1]:
            return float(np.interp(images, self.images, self.seconds))
        near, other = (0, 1) if images < self.images[0] else (-1, -2)
        rise = (self.seconds[near] - self.seconds[other]) / (self.images[near] - self.images[other])
        return max(self.seconds[near] + max(rise, 0.0) * (images - self.images[near]), 0.0)


@dataclass(frozen=True)
class StepCost:
    """A network's cost, in seconds and bytes.

    Attributes:
        parameters: the number of trainable parameters.
        batch: the run's batch size.
        images, seconds: batches measured, and the median time of a step with each.
        memory: with each, the most that the process grew by while it trained, the images left out; None where that
            cannot be measured.
        evaluation: the seconds for an image.
        evaluated, evaluation_memory: the same for numbers of images that were evaluated at once.
        checkpoint_bytes, checkpoint: size, and time to write it durably.
        record_bytes: an epoch's line in the metrics.
        waited: share of the time of measuring in which others had the core. It is in none of the seconds.
        reading: for an image that is streamed; 0 for images in memory.
    """

    parameters: int
    batch: int
    images: tuple[int, ...]
    seconds: tuple[float, ...]
    memory: tuple[int | None, ...]
    evaluation: float
    evaluated: tuple[int, ...]
    evaluation_memory: tuple[int | None, ...]
    checkpoint_bytes: int
    checkpoint: float
    record_bytes: int
    waited: float = 0.0
    reading: float = 0.0

    @property
    def compute(self) -> ComputeCost:
        """The time of a step by the number of images; its forward pass takes as long as evaluation."""
        return ComputeCost(self.images, self.seconds, min(self.evaluation * self.images[-1] / self.seconds[-1], 1.0))

    @property
    def step(self) -> float:
        """The seconds of a step with the run's own batch."""
        return self.compute(self.batch)

    def with_reading(self, seconds: float, images: int, device: str) -> float:
        """Seconds of computing, with the reading of so many images: beside it on a GPU, on the same cores on a CPU."""
        reading = images * self.reading
        return seconds + reading if device == "cpu" else max(seconds, reading)

    def network_memory(self, evaluated: int) -> float | None:
        """The bytes beside the images: for a step, or for evaluating this many images at once, whichever is more."""
        peaks = [_line(self.images, self.memory, self.batch), _line(self.evaluated, self.evaluation_memory, evaluated)]
        measurements = [peak for peak in peaks if peak is not None]
        return max(measurements) if measurements else None


def _line(images: tuple[int, ...], memory: tuple[int | None, ...], at: int) -> float | None:
    """The line through the first and the last measurement; with one measurement, a line through 0."""
    points = [(n, size) for n, size in zip(images, memory, strict=True) if size is not None]
    if not points:
        return None
    (first, least), (last, most) = points[0], points[-1]
    rise = max(most - least, 0) / (last - first) if last > first else most / last
    return max(most + rise * (at - last), 0.0)


def network_key(config: RunConfig) -> tuple[object, ...]:
    """The key of a trained run's cost: runs with equal keys are measured once."""
    training = config.hyper_parameters
    names = ("optimizer", "batch_size", "augmentation", "dropout", "precision", "compile")
    network = config.model, config.model_source, config.optimizer_source, config.crop, config.num_classes, config.device
    return *network, *(getattr(training, name) for name in names)


def measure_step_cost(config: RunConfig, dataset: ImageDataset, budget: float, scratch: Path) -> StepCost:
    """Measure a trained run's network.

    Arguments:
        config: the run.
        dataset: images of the same kind; a few are enough, since they are repeated.
        budget: seconds after which no larger batch is begun. The smallest is always measured.
        scratch: a directory for the checkpoint, on the file system that records will be on.

    Raises ValueError if not even the smallest batch fits into memory, or for what the network itself refuses.
    """
    training = config.hyper_parameters
    memory = PeakMemory(config.device)
    sizes: list[_Steps] = []
    watch = Stopwatch()
    for batch in batch_sizes(training.batch_size):
        if sizes and not _worthwhile(sizes[-1], batch, budget - watch.elapsed, config.device):
            break
        sizes.append(_measure_steps(config, dataset, batch, sizes, memory, scratch))
    last = sizes[-1]
    affordable = int(_EVALUATION_SHARE * budget / last.evaluation)
    shape = seen_shape(dataset.image_shape, config.crop)
    most = max(min(affordable, evaluated_at_once(shape)), _FEWEST_EVALUATED)
    evaluations = [_measure_evaluation(config, dataset, n, memory) for n in (most // 4, most)]
    return StepCost(
        parameters=last.parameters,
        batch=training.batch_size,
        images=tuple(size.images for size in sizes),
        seconds=tuple(size.seconds for size in sizes),
        memory=tuple(size.memory for size in sizes),
        evaluation=evaluations[-1].seconds,
        evaluated=tuple(evaluation.images for evaluation in evaluations),
        evaluation_memory=tuple(evaluation.memory for evaluation in evaluations),
        checkpoint_bytes=last.checkpoint_bytes,
        checkpoint=last.checkpoint,
        record_bytes=last.record_bytes,
        waited=watch.waited / watch.elapsed,
        reading=measure_reading(dataset, config),
    )


def batch_sizes(batch: int) -> list[int]:
    """The batches to measure: 2, 8, 32 and so on below the run's own, and the run's own. A single image is too few for
    batch normalisation of a single number a channel.
    """
    smaller = [2 * 4**k for k in range(16) if 2 * 4**k < batch]
    return [*smaller, batch]


class PeakMemory:
    """The largest amount of memory in use since `reset`, above what was in use when this was made.

    On CUDA that is torch's own count; on Linux the resident set of the process, whose high-water mark /proc lets one
    reset. Elsewhere the amount is not known.
    """

    def __init__(self, device: str):
        self._cuda = device.startswith("cuda")
        self._known = True
        self.reset()
        self._before = torch.cuda.memory_allocated() if self._cuda else _proc_status("VmRSS") or 0

    def reset(self) -> None:
        """Return free memory to the system, and forget the largest amount so far."""
        gc.collect()
        if self._cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            return
        with suppress(AttributeError, OSError, TypeError):  # without glibc free memory stays with the process
            ctypes.CDLL(None).malloc_trim(0)
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        except OSError:
            self._known = False

    def peak(self, but: int = 0) -> int | None:
        """The bytes since `reset`, less the bytes `but` that do not count; None where they are not known."""
        if self._cuda:
            return max(torch.cuda.max_memory_allocated() - self._before - but, 0)
        mark = _proc_status("VmHWM") if self._known else None
        return None if mark is None else max(mark - self._before - but, 0)


def _proc_status(name: str) -> int | None:
    """A field of /proc/self/status in bytes."""
    try:
        match = re.search(rf"^{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(match[1]) if match else None


@dataclass(frozen=True)
class _Steps:
    """The measurements of steps with one batch; `evaluation` is a first estimate of the seconds for an image."""

    images: int
    parameters: int
    seconds: float
    memory: int | None
    evaluation: float
    checkpoint_bytes: int
    checkpoint: float
    record_bytes: int


@dataclass(frozen=True)
class _Evaluation:
    """The seconds for an image, and the memory for evaluating this many images at once."""

    images: int
    seconds: float
    memory: int | None


def _worthwhile(last: _Steps, batch: int, seconds: float, device: str) -> bool:
    """Whether a larger batch is likely to be done in time and to fit."""
    growth = batch / last.images
    predicted = (1 + _FEWEST_CHUNKS) * last.seconds * growth
    fits = last.memory is None or 1.2 * last.memory * growth < available_memory(device)
    return fits and predicted < seconds


def _measure_steps(
    config: RunConfig, dataset: ImageDataset, batch: int, smaller: list[_Steps], memory: PeakMemory, scratch: Path
) -> _Steps:
    quick = not smaller or smaller[-1].seconds * batch / smaller[-1].images < _CHUNK
    n = batch * (_BATCHES_AT_HAND if quick else 1)
    config, training, model, data, images = _prepare(config, dataset, batch, n)
    parameters = num_parameters(model)
    with as_a_run_has_it(parameters * batch):
        steps = train(model, data, training, config.seed, seconds_between_states=_CHUNK)
        record, state = next(steps)
        assert record is not None, "the untrained network is recorded"
        memory.reset()
        chunks: list[float] = []
        while len(chunks) <= _CHUNKS:
            watch, before = Stopwatch(), state.step
            _, state = next(steps)
            took = watch.undisturbed
            chunks.append(took / (state.step - before))
            if len(chunks) > _FEWEST_CHUNKS and took > 10 * _CHUNK:
                break
        peak = memory.peak(but=images)
        size, seconds = _checkpoint(config, scratch, state)
    return _Steps(
        images=batch,
        parameters=parameters,
        seconds=median(chunks[1:]),
        memory=peak,
        evaluation=record.seconds / (n + 1),
        checkpoint_bytes=size,
        checkpoint=seconds,
        record_bytes=len(json.dumps(asdict(record))) + 1,
    )


def _measure_evaluation(config: RunConfig, dataset: ImageDataset, n: int, memory: PeakMemory) -> _Evaluation:
    config, training, model, data, images = _prepare(config, dataset, config.hyper_parameters.batch_size, n)
    times: list[float] = []
    with as_a_run_has_it(num_parameters(model) * training.batch_size):
        memory.reset()
        while not times or (len(times) <= _EVALUATIONS and times[-1] < _CHUNK):  # the first has warmed up
            watch = Stopwatch()
            next(train(model, data, training, config.seed))  # to the record of the untrained network
            times.append(watch.undisturbed)
    return _Evaluation(n, median(times[1:] or times) / (n + 1), memory.peak(but=images))


def _prepare(
    config: RunConfig, dataset: ImageDataset, batch: int, n: int
) -> tuple[RunConfig, TrainingConfig, nn.Module, ResidentData, int]:
    """The run with `n` images at hand and this batch, which never ends and records nothing but the untrained network;
    and the bytes of its images.
    """
    training = replace(
        config.hyper_parameters, batch_size=batch, max_steps=_ENDLESS, min_steps=_ENDLESS, epochs_per_record=_ENDLESS
    )
    config = replace(config.with_training(training), randomization=Randomization(), n_train=n, n_test=1)
    sample = replace(dataset, train=_repeated(dataset.train, n), test=_repeated(dataset.test, 1))
    model, data = prepare(config, randomize(sample, config.randomization, config.seed))
    tensors = (data.train_images, data.test_images, data.stored_images)
    return config, training, model, data, sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _checkpoint(config: RunConfig, scratch: Path, state: TrainingState) -> tuple[int, float]:
    """The bytes of a checkpoint, and the median time of writing several."""
    directory = RunDirectory(scratch, config)
    directory.path.mkdir(exist_ok=True)
    times = []
    for _ in range(_SAVES):
        watch = Stopwatch()
        directory.save_state(state)
        times.append(watch.undisturbed)
    return sum(path.stat().st_size for path in directory.path.iterdir()), median(times)


def _repeated(split: ImageSplit, n: int) -> ImageSplit:
    """The first `n` images, from the start again where there are fewer."""
    chosen = np.arange(n) % len(split.labels)
    if isinstance(split.stored, LazyImages):  # decoding takes longer than using the same images again
        chosen %= _DECODED
    distinct, places = np.unique(chosen, return_inverse=True)
    return ImageSplit(split.stored[distinct][places], split.labels[chosen])


def measure_reading(dataset: ImageDataset, config: RunConfig) -> float:
    """The seconds for reading an image that is streamed, by all threads that read ahead; 0 for images in memory.

    The same images are read again and again, so their files are in the system's cache.
    """
    if not is_streamed(dataset):
        return 0.0
    source = StreamedImages(dataset.train.stored, config.crop, config.device)
    few, watch, read = torch.arange(min(_DECODED, len(source))), Stopwatch(), 0
    while watch.elapsed < _SECONDS_OF_READING:
        for images in source.batches(few.split(16)):
            read += len(images)
    return watch.elapsed / read
