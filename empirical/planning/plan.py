"""What the runs of a command need, measured before they start: `python -m empirical.run plan NAME`.

Every network that the command would train is trained for a few steps on this machine
(`empirical.planning.step_cost`), equal ones once; the rest is counting. Beyond this machine reach
`empirical.planning.scaling`, the time on several devices, and `empirical.planning.list_scheduling`, a sweep of many
runs: these rest on inputs that are stated, not measured, such as an interconnect, and the tables say so. Nothing is
written but the record asked for.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.text import Text

from empirical.datasets import ImageDataset, ImageSplit
from empirical.datasets.preprocessing import crop_box
from empirical.execution.execute import MANY_CLASSES, checkpoint_interval
from empirical.execution.status import duration
from empirical.execution.stopwatch import Stopwatch
from empirical.planning.list_scheduling import Interruptions, Schedule, schedule, useful_slots
from empirical.planning.scaling import (
    ComputeCost,
    DataParallelJob,
    expected_time,
    num_checkpoints,
    scaling_limit,
    simulate_epochs,
    young_interval,
)
from empirical.planning.settings import PlanSettings
from empirical.planning.step_cost import StepCost, measure_step_cost, network_key
from empirical.runs.config import RunConfig
from empirical.runs.records import environment, read_runs, write_json
from empirical.text_table import TextTable, rendered
from empirical.training.evaluation import evaluated_at_once
from empirical.training.streamed_images import ahead_bytes, is_streamed
from theory.common.memory import available_memory
from theory.common.streams import uniform_integers, words

_SAMPLE = 1024  # images: eight batches of the paper's
_PREDICTION_BYTES = 3 * 8  # of a training image: its class, its loss, whether it is among five
_REPEATS = 20  # simulated epochs for each number of devices
_NOT_PLANNED = {
    "explicit": "built in closed form, in seconds",
    "kernel": "a linear system: the run says what memory it needs before it starts",
}


@dataclass(frozen=True)
class PlannedRun:
    """What a run needs until its limit of steps; it ends sooner if it fits its labels.

    Attributes:
        title: of the run.
        network: number of the measured network, from 0.
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
        """In all."""
        return self.training + self.evaluation + self.checkpoints


def plan_run(
    config: RunConfig, network: int, cost: StepCost, image_shape: tuple[int, int, int], streamed: bool = False
) -> PlannedRun:
    """Count a trained run's needs from the cost of its network.

    Arguments:
        config: the run, its numbers of images those of the full run.
        network: its number.
        cost: measured.
        image_shape: (channels, height, width) of the stored images.
        streamed: whether images are read whenever they are needed; memory then holds those on their way.
    """
    training = config.training
    assert training is not None, "a trained run has hyper-parameters"
    an_epoch = -(-config.n_train // training.batch_size)
    epochs = -(-training.max_steps // an_epoch)  # an epoch that has begun is finished
    steps, records = epochs * an_epoch, 1 + -(-epochs // training.epochs_per_record)
    at_the_end = config.n_test + (config.n_train if config.num_classes > MANY_CLASSES else 0)
    evaluated = records * (config.n_train + config.n_test) + at_the_end
    writes = 1 + num_checkpoints(steps, cost.step, checkpoint_interval(cost.checkpoint))
    channels, *sides = image_shape
    _, _, height, width = crop_box(sides, config.crop)
    images = 4 * (config.n_train + config.n_test) * channels * height * width
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
            cost.network_memory(min(evaluated_at_once((channels, height, width)), config.n_train)),
            4 * cost.parameters + _PREDICTION_BYTES * config.n_train,
        ),
        disk=cost.checkpoint_bytes + records * cost.record_bytes,
    )


def _at_least(number: float | None, least: float) -> float | None:
    return None if number is None else max(number, least)


@dataclass(frozen=True)
class Plan:
    """The plan of a command: its trained runs, the networks measured for them, and what is not planned and why."""

    runs: tuple[PlannedRun, ...]
    networks: tuple[StepCost, ...]
    not_planned: tuple[tuple[str, str], ...]


def make_plan(configs: Sequence[RunConfig], dataset: ImageDataset, settings: PlanSettings, out: Path) -> Plan:
    """Measure and count.

    Arguments:
        configs: the command's runs.
        dataset: its data, or a sample of them.
        settings: the size in full, and the time for measuring.
        out: where the records will be; the checkpoint's time is measured beside it.

    Raises ValueError if the runs are for a device that is not here.
    """
    numbers: dict[tuple[object, ...], int] = {}
    networks: list[StepCost] = []
    runs, others = [], []
    for config in configs:
        if config.kind != "trained":
            others.append(
                (config.title, _NOT_PLANNED.get(config.kind, "measures in its own way, not by training alone"))
            )
            continue
        if config.device == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                "the runs are for CUDA, of which this machine has none: make the plan on a machine that they will run "
                "on, or plan without --launcher and state that device's --plan.images-per-second"
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
    return Plan(tuple(runs), tuple(networks), tuple(others))


def in_memory_sample(dataset: ImageDataset) -> ImageDataset:
    """A few images of a streamed data set, read: to measure runs that will have all of them in memory."""
    few = dataset.subset(min(_SAMPLE, len(dataset.train.labels)), 1)
    train, test = (ImageSplit(split.images, split.labels, split.identity) for split in (few.train, few.test))
    return replace(few, train=train, test=test)


def _beside(out: Path) -> Path:
    """The nearest directory above `out` that is there."""
    return next(path for path in out.absolute().parents if path.is_dir())


def measure_start_up() -> float:
    """Seconds that a process takes until the command line is imported, without those of waiting for a core."""
    code = "import empirical.job; from empirical.execution.stopwatch import seconds_waited; print(seconds_waited())"
    watch = Stopwatch()
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return watch.elapsed - float(process.stdout)


def print_plan(
    configs: Sequence[RunConfig],
    dataset: ImageDataset,
    settings: PlanSettings,
    out: Path,
    seed: int,
    loading: float,
    console: Console,
) -> int:
    """Print what the runs need, on this machine and beyond; returns the exit status.

    Arguments:
        configs, dataset, settings, out: as for `make_plan`.
        seed: of the simulations.
        loading: seconds that loading the data took.
        console: where to.

    Raises ValueError as `make_plan` does, and for what cannot be simulated; OSError if the record cannot be written.
    """
    recorded = recorded_times(settings.records) if settings.records else []
    plan = make_plan(configs, dataset, settings, out)
    about = {"data": f"{dataset.name}: {dataset.source}", "seed": seed, "environment": environment(), "load": _load()}
    device = next((config.device for config in configs if config.kind == "trained"), "cpu")
    if plan.runs:
        console.print(rendered(plan_table(plan, dataset, device, out)))
    for title, reason in plan.not_planned:
        console.print(Text(f"not planned: {title}: {reason}"))
    record: dict[str, Any] = {"about": about, "settings": _plain(asdict(settings)), "plan": asdict(plan)}
    if plan.runs and (settings.devices or settings.slots):
        start_up = measure_start_up() + loading
        record["start_up"] = start_up
        if settings.devices:
            record["scaling"] = [
                _print_scaling(plan, run, settings, start_up, seed, console, stated=stated)
                for run in _longest_of_each(plan)
                for stated in ((False, True) if settings.images_per_second else (False,))
            ]
        if settings.slots:
            record["sweep"] = _print_sweep(plan, settings, recorded, start_up, seed, console)
    if settings.record:
        settings.record.parent.mkdir(parents=True, exist_ok=True)
        write_json(settings.record, record)
        console.print(Text(f"record: {settings.record}"))
    return 0


def plan_table(plan: Plan, dataset: ImageDataset, device: str, out: Path) -> TextTable:
    """A row for each run, and their sum."""
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
        f"which a memory map spares; it takes {_size(stored)} of disk"
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
    """Which batches were too large to be measured."""
    found = sorted({(cost.images[-1], cost.batch) for cost in plan.networks if cost.images[-1] < cost.batch})
    return "".join(
        f"Measured up to {n} images a step, extrapolated in a straight line to {batch}. " for n, batch in found
    )


def _waited(plan: Plan) -> str:
    """How much longer all takes in the company that this machine has now."""
    waited = max(cost.waited for cost in plan.networks)
    if waited < 0.02:
        return ""
    return (
        f"Others had the core for {waited:.0%} of the time of measuring, which is left out: in such company training "
        f"takes {1 / (1 - waited):.1f} times as long. "
    )


def _longest_of_each(plan: Plan) -> list[PlannedRun]:
    """Of every number of parameters the run that takes longest: others of it scale alike."""
    longest: dict[int, PlannedRun] = {}
    for run in sorted(plan.runs, key=lambda run: run.seconds):
        longest[plan.networks[run.network].parameters] = run
    return list(longest.values())


def data_parallel_job(run: PlannedRun, cost: StepCost, settings: PlanSettings, *, stated: bool) -> DataParallelJob:
    """A run's training on the device measured, or on the one that is stated: its evaluation is then as much faster."""
    compute, evaluation = cost.compute, cost.evaluation
    if stated:
        assert settings.images_per_second is not None, "the rate that is stated"
        overhead, image = settings.overhead_ms * 1e-3, 1 / settings.images_per_second
        compute = ComputeCost((1, run.batch + 1), (overhead + image, overhead + (run.batch + 1) * image))
        compute = replace(compute, forward_share=cost.compute.forward_share)
        evaluation *= image * run.batch / cost.step
    return DataParallelJob(
        train_images=run.train_images,
        test_images=run.test_images,
        batch=run.batch,
        gradient_bytes=4 * cost.parameters,
        compute=compute,
        evaluation=evaluation,
        evaluations=(run.evaluations - 1) / run.epochs,
        checkpoint=cost.checkpoint,
        interval=checkpoint_interval(cost.checkpoint),
        link=settings.link,
    )


def _print_scaling(
    plan: Plan,
    run: PlannedRun,
    settings: PlanSettings,
    start_up: float,
    seed: int,
    console: Console,
    *,
    stated: bool,
) -> dict[str, Any]:
    job = data_parallel_job(run, plan.networks[run.network], settings, stated=stated)
    mtbf = None if settings.mtbf_hours is None else 3600 * settings.mtbf_hours
    rows = []
    for devices in settings.devices:
        simulated = simulate_epochs(
            job,
            devices,
            overlap=False,
            variation=settings.variation,
            restart=start_up,
            mtbf=mtbf,
            seed=seed,
            repeats=_REPEATS,
        )
        rows.append(
            {
                "devices": devices,
                "images": -(-job.batch // devices),
                "compute": job.compute(-(-job.batch // devices)),
                "all_reduce": job.link.all_reduce(job.gradient_bytes, devices),
                "epoch": job.epoch(devices, overlap=False),
                "epoch_overlapped": job.epoch(devices, overlap=True),
                "simulated": float(simulated.mean()),
                "simulated_range": np.quantile(simulated, [0.05, 0.95]).tolist(),
            }
        )
    limits = {name: scaling_limit(job, overlap=name == "overlapped") for name in ("in sequence", "overlapped")}
    table = scaling_table(run.title, job, rows, settings, stated=stated)
    console.print(rendered(table))
    for name, limit in limits.items():
        half = "never" if limit.inefficient is None else f"from {limit.inefficient} devices on"
        least = ", where each has one image and the batch allows no more" if limit.fastest == job.batch else ""
        console.print(
            Text(f"all-reduce {name}: fastest on {limit.fastest} devices{least}; efficiency below one half {half}")
        )
    console.print(Text(_checkpoint_cost(job, mtbf, start_up, max(settings.devices))))
    return {
        "title": run.title,
        "compute": "stated" if stated else "measured",
        "gradient_bytes": job.gradient_bytes,
        "batch": job.batch,
        "steps": job.steps,
        "rows": rows,
        "limits": {name: asdict(limit) for name, limit in limits.items()},
        "checkpoint": job.checkpoint,
        "interval": job.interval,
    }


def scaling_table(
    title: str, job: DataParallelJob, rows: Sequence[dict[str, Any]], settings: PlanSettings, *, stated: bool
) -> TextTable:
    """A row for each number of devices.

    Arguments:
        title, job: of what is scaled.
        rows: as in the record.
        settings: what was stated.
        stated: whether the device's rate is among it.
    """
    alone = job.epoch(1, overlap=False)
    measured = "compute as measured on this machine"
    if stated:
        measured = (
            f"compute stated: {settings.images_per_second:g} images a second beside {settings.overhead_ms:g} ms a step"
        )
    failures = "" if settings.mtbf_hours is None else f", a failure every {settings.mtbf_hours:g} hours of a device"
    return TextTable(
        f"{title}: an epoch of {job.train_images:,} images in {job.steps:,} batches of {job.batch}, evaluation and "
        f"checkpoints included, the reading of images not; {measured}; {job.gradient_bytes / 1e6:.1f} MB all-reduced "
        f"by a ring over {settings.bandwidth_gbps:g} Gbit/s and {settings.latency_us:g} us, stated",
        (
            *("devices", "images\neach", "compute", "all-\nreduce", "epoch", "speed-\nup", "effi-\nciency"),
            *("over-\nlapped", "speed-\nup", "simulated", "5% to 95%"),
        ),
        tuple(
            (
                f"{row['devices']:,}",
                f"{row['images']:,}",
                time_in_words(row["compute"]),
                time_in_words(row["all_reduce"]),
                time_in_words(row["epoch"]),
                f"{alone / row['epoch']:.2f}",
                f"{alone / row['epoch'] / row['devices']:.0%}",
                time_in_words(row["epoch_overlapped"]),
                f"{alone / row['epoch_overlapped']:.2f}",
                time_in_words(row["simulated"]),
                " to ".join(f"{one / row['simulated'] - 1:+.2%}" for one in row["simulated_range"]),
            )
            for row in rows
        ),
        f"simulated: {_REPEATS} epochs, all-reduce in sequence, compute varying by {settings.variation:.0%} from step "
        f"to step and device to device{failures}",
    )


def _checkpoint_cost(job: DataParallelJob, mtbf: float | None, restart: float, devices: int) -> str:
    step = job.step(1, overlap=False)
    share = num_checkpoints(job.steps, step, job.interval) * job.checkpoint / (job.steps * step)
    text = (
        f"checkpoint: {time_in_words(job.checkpoint)} each, after {max(job.interval, step):.3g} s of training: "
        f"{share:.1%} of the training time on one device"
    )
    if mtbf is None:
        return text
    found = []
    now = max(job.interval, job.step(devices, overlap=False))
    for name, interval in (("now", now), ("Young's optimum", young_interval(job.checkpoint, mtbf / devices))):
        try:
            time_lost = expected_time(1.0, interval, job.checkpoint, restart, mtbf / devices) - 1
        except OverflowError:
            time_lost = math.inf
        found.append(f"{name}, every {time_in_words(interval)}: {time_lost:.1%}")
    return f"{text}; with failures on {devices} devices, checkpoints, restarts and lost work cost {'; '.join(found)}"


def recorded_times(records: Path) -> list[float]:
    """Seconds of the finished runs of trained networks under a directory. Raises ValueError if there are none."""
    times = [float(run.summary.time["seconds"]) for run in read_runs(records) if run.config.kind == "trained"]
    if not times:
        raise ValueError(f"--plan.records: no finished run of a trained network under {records}")
    return times


def sweep_durations(plan: Plan, settings: PlanSettings, recorded: Sequence[float], seed: int) -> list[float]:
    """Seconds of the sweep's runs: drawn from those recorded, if there are any; else to the limit of the planned ones,
    again and again.
    """
    if recorded:
        drawn = uniform_integers(words(seed, "sweep/durations", np.arange(settings.runs), 1)[:, 0], len(recorded))
        return [recorded[at] for at in drawn]
    stated = settings.images_per_second is not None
    times = [
        run.epochs * data_parallel_job(run, plan.networks[run.network], settings, stated=stated).epoch(1, overlap=False)
        for run in plan.runs
    ]
    return [times[at % len(times)] for at in range(settings.runs)]


def _print_sweep(
    plan: Plan, settings: PlanSettings, recorded: Sequence[float], start_up: float, seed: int, console: Console
) -> dict[str, Any]:
    durations = sweep_durations(plan, settings, recorded, seed)
    source = "each to its limit of steps" + (" at the rate stated" if settings.images_per_second else "")
    if recorded:
        source = f"times drawn from {len(recorded)} finished runs in {settings.records}"
    limit = math.inf if settings.limit_hours is None else 3600 * settings.limit_hours
    # A step is the least that can be lost where it takes longer than what lies between checkpoints.
    steps = [cost.step for cost in plan.networks] if settings.images_per_second is None else []
    between = [checkpoint_interval(cost.checkpoint) for cost in plan.networks]
    interval = max([*between, *([] if recorded else steps)])
    interruptions = Interruptions(start_up, settings.preemptions_per_hour / 3600, interval, limit)
    schedules = [schedule(durations, slots, interruptions, seed) for slots in settings.slots]
    console.print(rendered(sweep_table(schedules, durations, source, interruptions)))
    useful = useful_slots(durations)
    console.print(Text(f"more than {useful:,} slots do not help: the longest run alone takes as long"))
    return {
        "source": source,
        "runs": len(durations),
        "longest": max(durations),
        "useful_slots": useful,
        "interruptions": _plain(asdict(interruptions)),
        "rows": [asdict(one) | {"efficiency": one.efficiency} for one in schedules],
    }


def sweep_table(
    schedules: Sequence[Schedule], durations: Sequence[float], source: str, interruptions: Interruptions
) -> TextTable:
    """A row for each number of slots."""
    limit = "" if interruptions.limit == math.inf else f", limit {time_in_words(interruptions.limit)}"
    return TextTable(
        f"a sweep of {len(durations):,} runs, {source}: {time_in_words(min(durations))} to "
        f"{time_in_words(max(durations))}, {time_in_words(math.fsum(durations))} in all",
        ("slots", "simulated", "at least", "speed-up", "efficiency", "attempts", "start-up", "done again"),
        tuple(
            (
                f"{one.slots:,}",
                time_in_words(one.makespan),
                time_in_words(one.bound),
                f"{one.work / one.makespan:.1f}",
                f"{one.efficiency:.1%}",
                f"{one.attempts:,}",
                f"{one.start_up / one.work:.1%}",
                f"{one.lost / one.work:.1%}",
            )
            for one in schedules
        ),
        f"slots do not slow each other down; start-up {time_in_words(interruptions.start_up)}, measured; "
        f"{3600 * interruptions.preemptions:g} preemptions an hour of a slot's work{limit}, "
        f"checkpoints every {interruptions.interval:.3g} s; shares are of the work",
    )


def time_in_words(seconds: float) -> str:
    """Three digits below 100 seconds, the two largest units above."""
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
    """How busy the machine is, in words: it takes its share of what is measured."""
    if not hasattr(os, "getloadavg"):
        return ""
    return f", with a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _free_disk(out: Path) -> int:
    return shutil.disk_usage(_beside(out)).free


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """As JSON takes it: paths as text, no limit as None."""
    return {
        name: str(value) if isinstance(value, Path) else None if value == math.inf else value
        for name, value in content.items()
    }
