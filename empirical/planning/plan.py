"""What the runs of a command need, measured before they start: `python -m empirical.run plan NAME`.

Every network that the command would train is trained for a few steps on this machine
(`empirical.planning.step_cost`), equal ones once; the rest is counting. Nothing is written but the record asked for.
"""

import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.text import Text

from empirical.datasets import ImageDataset, ImageSplit
from empirical.datasets.preprocessing import seen_shape
from empirical.execution.execute import MANY_CLASSES
from empirical.execution.status import duration
from empirical.planning.settings import PlanSettings
from empirical.planning.step_cost import StepCost, measure_step_cost, network_key
from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.config import RunConfig
from empirical.runs.environment import environment
from empirical.runs.records import write_json
from empirical.text_table import TextTable, rendered
from empirical.training.evaluation import evaluated_at_once
from empirical.training.streamed_images import ahead_bytes, is_streamed
from theory.common.memory import available_memory

_SAMPLE = 1024  # images: eight batches of the paper's
_TEST_IMAGES_A_BYTE = 6  # bytes in a record: which images were hit, a bit each, six bits to a letter of base64
_PREDICTION_BYTES = (
    3 * 8
)  # bytes for a training image: its class, its loss, whether its label is among the five likeliest
_NOT_PLANNED = {
    "explicit": "built in closed form, in seconds",
    "kernel": "a linear system: the run says what memory it needs before it starts",
}


@dataclass(frozen=True)
class PlannedRun:
    """What a run needs until its limit of steps; a run that fits its labels ends sooner.

    Attributes:
        title: the title of the run.
        network: the number of the measured network, from 0.
        train_images, test_images, batch, epochs, steps, evaluations: as the run will have them.
        training, evaluation, checkpoints: seconds spent on each.
        image_memory: bytes of the images on the device.
        network_memory: bytes beside them at the peak; None if not measured.
        disk: bytes of checkpoint and records.
    """

    title: str
    network: int
    train_images: int
    test_images: int
    batch: int
    epochs: int
    steps: int
    evaluations: int
    training: float
    evaluation: float
    checkpoints: float
    image_memory: int
    network_memory: float | None
    disk: int

    @property
    def seconds(self) -> float:
        """The seconds in all."""
        return self.training + self.evaluation + self.checkpoints


def plan_run(
    config: RunConfig, network: int, cost: StepCost, image_shape: tuple[int, int, int], streamed: bool = False
) -> PlannedRun:
    """Count a trained run's needs from the cost of its network.

    Arguments:
        config: the run, its numbers of images those of the full run.
        network: the number of the network.
        cost: its measured cost.
        image_shape: (channels, height, width) of the stored images.
        streamed: whether images are read whenever they are needed; memory then holds those on their way.
    """
    training = config.hyper_parameters
    an_epoch = -(-config.n_train // training.batch_size)
    epochs = -(-training.max_steps // an_epoch)  # an epoch that has begun is finished
    steps, records = epochs * an_epoch, 1 + -(-epochs // training.epochs_per_record)
    at_the_end = config.n_test + (config.n_train if config.num_classes > MANY_CLASSES else 0)
    evaluated = records * (config.n_train + config.n_test) + at_the_end
    writes = 1 + num_checkpoints(steps, cost.step, checkpoint_interval(cost.checkpoint))
    shape = seen_shape(image_shape, config.crop)
    images = 4 * (config.n_train + config.n_test) * math.prod(shape)
    stored = config.n_train * math.prod(image_shape) if training.augmentation != "none" else 0
    return PlannedRun(
        title=config.title,
        network=network,
        train_images=config.n_train,
        test_images=config.n_test,
        batch=training.batch_size,
        epochs=epochs,
        steps=steps,
        evaluations=records,
        training=steps * cost.with_reading(cost.step, training.batch_size, config.device),
        evaluation=cost.with_reading(evaluated * cost.evaluation, evaluated, config.device),
        checkpoints=writes * cost.checkpoint,
        image_memory=ahead_bytes(image_shape) if streamed else images + stored,
        network_memory=_at_least(
            cost.network_memory(min(evaluated_at_once(shape), config.n_train)),
            4 * cost.parameters + _PREDICTION_BYTES * config.n_train,
        ),
        disk=cost.checkpoint_bytes + records * (cost.record_bytes + config.n_test // _TEST_IMAGES_A_BYTE),
    )


def num_checkpoints(steps: int, step: float, interval: float) -> float:
    """The number of checkpoints in this many steps of `step` seconds, on average over epochs: a checkpoint follows the
    step in which `interval` seconds have passed since the last.
    """
    return steps / max(1, math.ceil(interval / step))


def _at_least(number: float | None, least: float) -> float | None:
    return None if number is None else max(number, least)


@dataclass(frozen=True)
class Plan:
    """The plan of a command: its trained runs, the networks measured for them, and the runs that are not planned, with
    reasons."""

    runs: tuple[PlannedRun, ...]
    networks: tuple[StepCost, ...]
    not_planned: tuple[tuple[str, str], ...]


def make_plan(configs: Sequence[RunConfig], dataset: ImageDataset, settings: PlanSettings, out: Path) -> Plan:
    """Measure the networks and count the needs of the runs.

    Arguments:
        configs: the command's runs.
        dataset: its data, or a sample of them.
        settings: the size in full, and the time for measuring.
        out: where the records will be; the checkpoint's time is measured beside it.

    Raises ValueError if the runs are for a device that is not here.
    """
    numbers: dict[tuple[object, ...], int] = {}
    networks: list[StepCost] = []
    runs, reasons = [], []
    for config in configs:
        if config.kind != "trained":
            reasons.append(
                (config.title, _NOT_PLANNED.get(config.kind, "measures in its own way, not by training alone"))
            )
            continue
        if config.device == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                "the runs are for CUDA, of which this machine has none: make the plan on a machine that they will run "
                "on, or plan without --launcher"
            )
        key = network_key(config)
        if key not in numbers:
            numbers[key] = len(networks)
            with tempfile.TemporaryDirectory(prefix=".plan-", dir=_beside(out)) as scratch:
                networks.append(measure_step_cost(config, dataset, settings.seconds, Path(scratch)))
        full = replace(
            config,
            n_train=settings.train_images or config.n_train,
            n_test=settings.test_images or config.n_test,
        )
        cost = networks[numbers[key]]
        runs.append(plan_run(full, numbers[key], cost, dataset.image_shape, is_streamed(dataset)))
    return Plan(tuple(runs), tuple(networks), tuple(reasons))


def in_memory_sample(dataset: ImageDataset) -> ImageDataset:
    """A few images of a streamed data set, read: to measure runs that will have all of them in memory."""
    few = dataset.subset(min(_SAMPLE, len(dataset.train.labels)), 1)
    train, test = (ImageSplit(split.images, split.labels, split.identity) for split in (few.train, few.test))
    return replace(few, train=train, test=test)


def _beside(out: Path) -> Path:
    """`out`, or the nearest directory above it that exists."""
    return next(path for path in (out.absolute(), *out.absolute().parents) if path.is_dir())


def print_plan(
    configs: Sequence[RunConfig],
    dataset: ImageDataset,
    settings: PlanSettings,
    out: Path,
    loading: float,
    console: Console,
) -> int:
    """Print what the runs need; returns the exit status.

    Arguments:
        configs, dataset, settings, out: as for `make_plan`.
        loading: seconds that loading the data took.
        console: where the plan is printed.

    Raises ValueError as `make_plan` does; OSError if the record cannot be written.
    """
    plan = make_plan(configs, dataset, settings, out)
    device = next((config.device for config in configs if config.kind == "trained"), "cpu")
    about = {"data": f"{dataset.name}: {dataset.source}", "environment": environment(device)}
    about |= {"load": _load()}
    if plan.runs:
        console.print(rendered(plan_table(plan, dataset, device, out)))
    for title, reason in plan.not_planned:
        console.print(Text(f"not planned: {title}: {reason}"))
    if settings.record:
        settings.record.parent.mkdir(parents=True, exist_ok=True)
        write_json(settings.record, {"about": about, "loading": loading, "plan": asdict(plan)})
        console.print(Text(f"record: {settings.record}"))
    return 0


def plan_table(plan: Plan, dataset: ImageDataset, device: str, out: Path) -> TextTable:
    """The table of the runs, and their sum."""
    rows = [
        (
            run.title,
            f"{plan.networks[run.network].parameters:,}",
            f"{run.steps:,}",
            f"{run.epochs:,}",
            f"{run.batch * run.steps / run.training:,.4g}",
            time_in_words(run.seconds),
            *(f"{share / run.seconds:.1%}" for share in (run.evaluation, run.checkpoints)),
            _size(run.image_memory),
            _size(run.network_memory),
            _size(run.disk),
        )
        for run in plan.runs
    ]
    largest = max(run.image_memory + (run.network_memory or 0) for run in plan.runs)
    if len(rows) > 1:
        seconds, disk = sum(run.seconds for run in plan.runs), sum(run.disk for run in plan.runs)
        rows.append((f"all {len(rows)}, one by one", *"————", time_in_words(seconds), *"————", _size(disk)))
    first, free = plan.runs[0], available_memory(device)
    stored = math.prod(dataset.image_shape) * (first.train_images + first.test_images)
    peak = "CUDA memory that torch allocates" if device == "cuda" else "growth of the process, its libraries included"
    images = (
        f"read ahead; the time has their decoding, {1 / max(cost.reading for cost in plan.networks):,.4g} a second, "
        f"which a memory map (--data-storage memmap) spares; it takes {_size(stored)} of disk"
        + ("; --data-decoder nvjpeg decodes on the GPU" if device == "cuda" else "")
        if is_streamed(dataset)
        else f"on the device; the data set as stored takes {_size(stored)} beside"
    )
    note = (
        f"time: to the limit of steps; a run that fits its labels ends sooner. images: {images}. network: weights, "
        "optimiser, activations, workspace at the peak of "
        f"training or evaluation ({peak}), {dataset.num_classes:,} classes. {_extrapolated(plan)}{_waited(plan)}"
        "The largest run takes "
        f"{_size(largest)} of memory, {_size(free)} are free{'' if largest <= free else ': IT DOES NOT FIT'}; on disk "
        f"{_size(_free_disk(out))} are free."
    )
    return TextTable(
        f"plan for {first.train_images:,} training and {first.test_images:,} test images like those of {dataset.name}, "
        f"measured on this machine, {device}{_load()}",
        (
            *("run", "parameters", "steps", "epochs", "images\n/s", "time", "in evalu-\nation", "in check-\npoints"),
            *("memory:\nimages", "memory:\nnetwork", "disk"),
        ),
        tuple(rows),
        note,
    )


def _extrapolated(plan: Plan) -> str:
    """A sentence on the batches that were too large to be measured."""
    extrapolations = sorted({(cost.images[-1], cost.batch) for cost in plan.networks if cost.images[-1] < cost.batch})
    return "".join(
        f"Measured up to {n} images a step, extrapolated in a straight line to {batch}. " for n, batch in extrapolations
    )


def _waited(plan: Plan) -> str:
    """A sentence on how much longer everything takes under the machine's present load."""
    waited = max(cost.waited for cost in plan.networks)
    if waited < 0.02:
        return ""
    return (
        f"Others had the core for {waited:.0%} of the time of measuring, which is left out: in such company training "
        f"takes {1 / (1 - waited):.1f} times as long. "
    )


def time_in_words(seconds: float) -> str:
    """A time with three digits below 100 seconds, in its two largest units above."""
    if seconds < 0.1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100 else duration(seconds)


def _size(number: float | None) -> str:
    if number is None:
        return "—"
    size, unit = next(
        (size, unit) for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (0, "kB")) if number >= size
    )
    return f"{number / (size or 1e3):.3g} {unit}"


def _load() -> str:
    """The load of the machine, in words: the load changes what is measured."""
    if not hasattr(os, "getloadavg"):
        return ""
    return f", with a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _free_disk(out: Path) -> int:
    return shutil.disk_usage(_beside(out)).free
