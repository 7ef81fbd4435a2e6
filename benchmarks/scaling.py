"""Training and sweeps on machines that are not at hand, from a plan: `python -m benchmarks.scaling PLAN.json`.

`python -m empirical.run plan NAME --plan.record PLAN.json` measures networks on this machine. From there this script
says how long an epoch takes on several devices (`data_parallel`) and a sweep of many runs on several slots
(`list_scheduling`), by formula and by simulation. It rests on inputs that are stated and not measured, such as an
interconnect, and the tables say so.
"""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.text import Text

from benchmarks.data_parallel import (
    DataParallelJob,
    Interconnect,
    expected_time,
    scaling_limit,
    simulate_epochs,
    young_interval,
)
from benchmarks.list_scheduling import Interruptions, Schedule, schedule, useful_slots
from empirical.execution.stopwatch import Stopwatch
from empirical.planning.plan import Plan, PlannedRun, num_checkpoints, time_in_words
from empirical.planning.step_cost import ComputeCost, StepCost
from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.records import read_runs, write_json
from empirical.text_table import TextTable, rendered, wide_console
from theory.common.streams import uniform_integers, words

_REPEATS = 20  # simulated epochs for each number of devices


@dataclass(frozen=True)
class Options:
    """How long training and sweeps take on machines that are not at hand."""

    plan: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PLAN.json")]
    """What `python -m empirical.run plan NAME --plan.record PLAN.json` has written."""

    devices: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...")] = ()
    """Numbers of devices that share every batch: predict and simulate the time of an epoch on each."""

    bandwidth_gbps: float = 100.0
    """Gigabits a second of the interconnect, for each device."""

    latency_us: float = 5.0
    """Microseconds of the interconnect, for each message."""

    images_per_second: Annotated[float | None, tyro.conf.arg(metavar="R")] = None
    """Training rate of another device, in place of the one measured here."""

    overhead_ms: float = 0.0
    """Milliseconds of a step on that device, beside its images."""

    variation: float = 0.05
    """Coefficient of variation of a device's compute from step to step."""

    mtbf_hours: Annotated[float | None, tyro.conf.arg(metavar="HOURS")] = None
    """Mean time between failures of a device; none fails by default."""

    slots: Annotated[tuple[int, ...], tyro.conf.arg(metavar="K ...")] = ()
    """Numbers of machines, or shares of them, that each carry out one run of a sweep at a time: simulate it."""

    runs: int = 1000
    """Number of runs in the sweep, which repeats the planned runs."""

    records: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of finished runs: the sweep's times are drawn from theirs, in place of the time to the limit."""

    preemptions_per_hour: float = 0.0
    """Preemptions an hour of each slot while it works."""

    limit_hours: Annotated[float | None, tyro.conf.arg(metavar="HOURS")] = None
    """Time limit of an attempt at a run."""

    seed: int = 0
    """Seed of the simulations."""

    record: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None
    """Write all that was measured, stated and found; `python -m figures` draws a file called scaling.json."""

    def __post_init__(self) -> None:
        for name in ("images_per_second", "runs", "mtbf_hours", "limit_hours"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"--{name.replace('_', '-')} must be positive, got {value:g}")
        for name in ("overhead_ms", "variation", "preemptions_per_hour"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 0, got {value:g}")
        for name in ("devices", "slots"):
            if min(getattr(self, name), default=1) < 1:
                raise ValueError(f"--{name} are numbers from 1 on, got {' '.join(map(str, getattr(self, name)))}")
        _ = self.link

    @property
    def link(self) -> Interconnect:
        """The interconnect stated."""
        return Interconnect(self.bandwidth_gbps * 1e9 / 8, self.latency_us * 1e-6)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    settings = tyro.cli(Options, prog="python -m benchmarks.scaling", args=arguments)
    console = wide_console()
    try:
        planned = json.loads(settings.plan.read_text(encoding="utf-8"))
        plan = read_plan(planned["plan"])
        recorded = recorded_times(settings.records) if settings.records else []
        start_up = measure_start_up() + planned["loading"]
        record: dict[str, Any] = {
            "about": planned["about"] | {"seed": settings.seed},
            "settings": _plain(asdict(settings)),
            "plan": planned["plan"],
            "start_up": start_up,
        }
        if settings.devices:
            record["scaling"] = [
                _print_scaling(plan, run, settings, start_up, console, stated=stated)
                for run in _longest_of_each(plan)
                for stated in ((False, True) if settings.images_per_second else (False,))
            ]
        if settings.slots:
            record["sweep"] = _print_sweep(plan, settings, recorded, start_up, console)
        if settings.record:
            write_json(settings.record, record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def read_plan(content: dict[str, Any]) -> Plan:
    """The plan that was recorded."""
    networks = []
    for network in content["networks"]:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in network.items()
        }
        networks.append(StepCost(**fields))
    return Plan(tuple(PlannedRun(**run) for run in content["runs"]), tuple(networks), ())


def measure_start_up() -> float:
    """Seconds that a process takes until the command line is imported, without those of waiting for a core."""
    code = "import empirical.job; from empirical.execution.stopwatch import seconds_waited; print(seconds_waited())"
    watch = Stopwatch()
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return watch.elapsed - float(process.stdout)


def _longest_of_each(plan: Plan) -> list[PlannedRun]:
    """The run that takes longest for every number of parameters: the other runs scale like it."""
    longest: dict[int, PlannedRun] = {}
    for run in sorted(plan.runs, key=lambda run: run.seconds):
        longest[plan.networks[run.network].parameters] = run
    return list(longest.values())


def data_parallel_job(run: PlannedRun, cost: StepCost, settings: Options, *, stated: bool) -> DataParallelJob:
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
    settings: Options,
    start_up: float,
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
            seed=settings.seed,
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
    title: str, job: DataParallelJob, rows: Sequence[dict[str, Any]], settings: Options, *, stated: bool
) -> TextTable:
    """A row for each number of devices.

    Arguments:
        title, job: the title and the job that is scaled.
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
                " to ".join(f"{seconds / row['simulated'] - 1:+.2%}" for seconds in row["simulated_range"]),
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
    costs = []
    now = max(job.interval, job.step(devices, overlap=False))
    for name, interval in (("now", now), ("Young's optimum", young_interval(job.checkpoint, mtbf / devices))):
        try:
            time_lost = expected_time(1.0, interval, job.checkpoint, restart, mtbf / devices) - 1
        except OverflowError:
            time_lost = math.inf
        costs.append(f"{name}, every {time_in_words(interval)}: {time_lost:.1%}")
    return f"{text}; with failures on {devices} devices, checkpoints, restarts and lost work cost {'; '.join(costs)}"


def recorded_times(records: Path) -> list[float]:
    """Seconds of the finished runs of trained networks under a directory. Raises ValueError if there are none."""
    times = [float(run.summary.time["seconds"]) for run in read_runs(records) if run.config.kind == "trained"]
    if not times:
        raise ValueError(f"--records: no finished run of a trained network under {records}")
    return times


def sweep_durations(plan: Plan, settings: Options, recorded: Sequence[float]) -> list[float]:
    """Seconds of the sweep's runs: drawn from those recorded, if there are any; else to the limit of the planned ones,
    again and again.
    """
    if recorded:
        drawn = uniform_integers(
            words(settings.seed, "sweep/durations", np.arange(settings.runs), 1)[:, 0], len(recorded)
        )
        return [recorded[at] for at in drawn]
    stated = settings.images_per_second is not None
    times = [
        run.epochs * data_parallel_job(run, plan.networks[run.network], settings, stated=stated).epoch(1, overlap=False)
        for run in plan.runs
    ]
    return [times[at % len(times)] for at in range(settings.runs)]


def _print_sweep(
    plan: Plan, settings: Options, recorded: Sequence[float], start_up: float, console: Console
) -> dict[str, Any]:
    durations = sweep_durations(plan, settings, recorded)
    source = "each to its limit of steps" + (" at the rate stated" if settings.images_per_second else "")
    if recorded:
        source = f"times drawn from {len(recorded)} finished runs in {settings.records}"
    limit = math.inf if settings.limit_hours is None else 3600 * settings.limit_hours
    # A step is the least that can be lost where it takes longer than what lies between checkpoints.
    steps = [cost.step for cost in plan.networks] if settings.images_per_second is None else []
    between = [checkpoint_interval(cost.checkpoint) for cost in plan.networks]
    interval = max([*between, *([] if recorded else steps)])
    interruptions = Interruptions(start_up, settings.preemptions_per_hour / 3600, interval, limit)
    schedules = [schedule(durations, slots, interruptions, settings.seed) for slots in settings.slots]
    console.print(rendered(sweep_table(schedules, durations, source, interruptions)))
    useful = useful_slots(durations)
    console.print(Text(f"more than {useful:,} slots do not help: the longest run alone takes as long"))
    return {
        "source": source,
        "runs": len(durations),
        "longest": max(durations),
        "useful_slots": useful,
        "interruptions": _plain(asdict(interruptions)),
        "rows": [asdict(entry) | {"efficiency": entry.efficiency} for entry in schedules],
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
                f"{schedule.slots:,}",
                time_in_words(schedule.makespan),
                time_in_words(schedule.bound),
                f"{schedule.work / schedule.makespan:.1f}",
                f"{schedule.efficiency:.1%}",
                f"{schedule.attempts:,}",
                f"{schedule.start_up / schedule.work:.1%}",
                f"{schedule.lost / schedule.work:.1%}",
            )
            for schedule in schedules
        ),
        f"slots do not slow each other down; start-up {time_in_words(interruptions.start_up)}, measured; "
        f"{3600 * interruptions.preemptions:g} preemptions an hour of a slot's work{limit}, "
        f"checkpoints every {interruptions.interval:.3g} s; shares are of the work",
    )


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """A value as JSON takes it: paths as text, no limit as None."""
    return {
        name: str(value) if isinstance(value, Path) else None if value == math.inf else value
        for name, value in content.items()
    }


if __name__ == "__main__":
    sys.exit(main())
