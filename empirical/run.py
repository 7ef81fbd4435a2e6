"""The experiments' command line: `python -m empirical.run [NAME]`."""

import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from empirical.comparison import ResultSet, compare, result_sets, table
from empirical.datasets import DATASETS, ImageDataset, load
from empirical.execution import execute
from empirical.experiments import EXPERIMENTS, SIX_TESTS, KernelSettings, Settings, find_experiment
from empirical.features import FEATURES
from empirical.kernel_comparison import KernelResults, compare_kernels, kernel_of, kernel_results, reference
from empirical.models import MODELS
from empirical.progress import RunProgress
from empirical.records import BusyError, RunConfig, RunDirectory, read_run, read_runs
from empirical.training import TrainingConfig
from theory.checks import CLAIMS
from theory.claims import run_check, write_findings

_WIDE = 132
"""Columns that the whole results table takes."""

Pairs = list[tuple[RunConfig, RunDirectory]]


@dataclass(frozen=True)
class Options:
    """Run an experiment on real images, record it, and report it beside the theory and the paper.

    Finished runs are not repeated and interrupted ones go on where they stopped: after Ctrl-C, a crash or a
    kill, give the same command again.
    """

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="[NAME]")] = "randomization-tests"
    """The experiment; --list prints them all."""

    list: bool = False
    """Print the experiments, data sets, models and tests, and run nothing."""

    data: str = "digits"
    """Data set: digits (needs no files), cifar10, mnist, fashion-mnist, or folder for your own images."""

    data_root: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the data set's files are; data/NAME by default."""

    download: bool = False
    """Fetch the official archive of the data set if its files are missing."""

    data_note: str = ""
    """What readers of the results must know about these files, such as lossy compression; it joins the records."""

    image_size: int = 32
    """Side to which the images of a folder are resized."""

    train_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N training images only."""

    test_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N test images only."""

    model: str = "mlp-1x512"
    """Network: a name from --list, or package.module:factory, called as factory(image_shape, num_classes)."""

    tests: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TEST ...")] = ()
    """The randomisation tests to run; by default all of the experiment's."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto is CUDA where there is one."""

    seed: int = 0
    """Seed of everything random: label noise, permutations, initialisation, order of samples."""

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs")
    """Directory of the records, the figures and the report."""

    rerun: bool = False
    """Run again what is already finished."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Hyper-parameters."""

    kernel: KernelSettings = field(default_factory=KernelSettings)
    """Of the experiment `kernels`."""

    memory: Annotated[float | None, tyro.conf.arg(metavar="GB")] = None
    """Memory that a kernel run may take; what is free by default."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        options = tyro.cli(
            Options, prog="python -m empirical.run", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
        )
        if options.list:
            _print_lists()
            return 0
        dataset, configs = _plan(options)
        options.out.mkdir(parents=True, exist_ok=True)
        runs = [(config, RunDirectory(options.out, config)) for config in configs]
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        failures = _run_all(runs, dataset, options)
        reported = _report(runs, options.out)
    except (ValueError, OSError, BusyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        done = sum(directory.finished for _, directory in runs)
        command = shlex.join(["python", "-m", "empirical.run", *(a for a in arguments if a != "--rerun")])
        print(
            f"\nstopped: {done} of {len(runs)} runs are finished in {options.out}; to go on: {command}",
            file=sys.stderr,
        )
        return 130
    for config, reason in failures:
        print(f"failed: {config.randomization.name}, {config.model}: {reason}", file=sys.stderr)
    return 1 if failures or not reported else 0


def _plan(options: Options) -> tuple[ImageDataset, list[RunConfig]]:
    """Everything that can be wrong is found here, before anything is written."""
    experiment = find_experiment(options.name)
    if options.seed < 0:
        raise ValueError(f"--seed takes a non-negative integer, got {options.seed}")
    dataset = load(options.data, options.data_root, image_size=options.image_size, download=options.download)
    if options.data_note:
        dataset = replace(dataset, source=f"{dataset.source} ({options.data_note})")
    dataset = dataset.subset(options.train_size, options.test_size)
    settings = Settings(
        options.model, options.tests, options.device, options.seed, options.training, kernel=options.kernel
    )
    return dataset, experiment.plan(dataset, settings)


def _run_all(runs: Pairs, dataset: ImageDataset, options: Options) -> list[tuple[RunConfig, str]]:
    """Carry out what is not finished; a run that fails is reported and the others go on."""
    failures = []
    memory_limit = None if options.memory is None else int(options.memory * 1e9)
    if options.rerun:  # all at once: going on after an interruption then needs no --rerun
        for _, directory in runs:
            with directory.claim():
                directory.restart()
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            progress.start(f"{config.randomization.name}, {config.model}")
            if directory.finished:
                directory.remove_scratch()  # a kill may have come between the summary and this
                progress.end("finished before")
                continue
            try:
                with directory.claim():
                    execute(config, dataset, directory, progress, memory_limit)
            except Exception as error:  # the user's own network may raise anything: the other runs go on
                known = isinstance(error, ValueError | FloatingPointError | BusyError)
                reason = str(error) if known else f"{type(error).__name__}: {error}"
                failures.append((config, reason))
                progress.end(f"failed: {reason}")
            else:
                progress.end(_outcome(directory))
    return failures


def _outcome(directory: RunDirectory) -> str:
    summary = read_run(directory.path).summary
    metrics = summary.metrics
    epochs = f"{metrics['epoch']} epochs, " if "epoch" in metrics else ""
    return (
        f"{epochs}{summary.time['seconds']:.1f} s, train {metrics['train_accuracy']:.2%}, "
        f"test {metrics['test_accuracy']:.2%}"
    )


def _report(runs: Pairs, out: Path) -> bool:
    """Print the table; write the claims; have the figures and the page drawn from the records: whether they were."""
    finished = [read_run(directory.path) for _, directory in runs if directory.finished]
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    findings = []
    for results in result_sets(finished):
        console.print(_results_table(results, narrow=console.width < _WIDE))
        findings += compare(results)
    for kernels in kernel_results(finished):
        console.print(_kernel_table(kernels))
        findings += compare_kernels(kernels)
    recorded = read_runs(out)
    everything = [finding for results in result_sets(recorded) for finding in compare(results)]
    everything += [finding for kernels in kernel_results(recorded) for finding in compare_kernels(kernels)]
    write_findings(everything, out / "claims.json")
    write_findings([run_check(checked, seed=0) for checked in CLAIMS], out / "theory.json")
    for finding in findings:
        console.print(Text(f"{finding.claim.id:>4} {finding.evidence.verdict.value}: {finding.evidence.measured}"))
    drawn = _draw(out)
    print(f"records: {out}" + f"   figures: {out / 'figures'}   report: {out / 'report.html'}" * drawn)
    return drawn


def _draw(out: Path) -> bool:
    """Have the figures drawn by a process of its own: from records alone, and nothing imports their package."""
    drawn = subprocess.run([sys.executable, "-m", "figures", str(out)], capture_output=True, text=True, check=False)
    if drawn.returncode:
        print(f"the figures could not be drawn: {drawn.stderr.strip()}", file=sys.stderr)
    return drawn.returncode == 0


def _results_table(results: ResultSet, *, narrow: bool) -> Table:
    """The results; on a narrow terminal without the columns that are not measurements of fit."""
    config = results.config
    parameters = {
        kind: f"{next(iter(runs.values())).summary.metrics['parameters']:,}" if runs else "no"
        for kind, runs in (("trained", results.trained), ("explicit", results.explicit))
    }
    title = (
        f"{results.scale}\n{config.model} has {parameters['trained']} parameters, the explicit 2n + d network of "
        f"Theorem 1 {parameters['explicit']}, n = {config.n_train:,}"
    )
    columns = Table(title=title, title_justify="left", box=box.SIMPLE if narrow else box.HEAVY_HEAD)
    columns.add_column("test")
    headers = ["epochs\nto fit", "train,\ngiven\nlabels", "train,\nclean\nlabels", "test,\nclean\nlabels"]
    headers += ["explicit\nnetwork,\ntrain", "explicit\nnetwork,\ntest"]
    headers += [] if narrow else ["seconds", "expected of test"]
    for header in headers:
        columns.add_column(header, justify="left" if header.startswith("expected") else "right", no_wrap=True)
    for row in table(results):
        cells = [
            "—" if row.epochs is None else f"{row.epochs}" if row.fitted else f"not in {row.epochs}",
            *map(_percent, (row.train_accuracy, row.train_accuracy_clean_labels, row.test_accuracy)),
            *map(_percent, (row.explicit_train_accuracy, row.explicit_test_accuracy)),
        ]
        cells += [] if narrow else ["—" if row.seconds is None else f"{row.seconds:.1f}", row.expected]
        columns.add_row(row.test.replace("corrupted labels, p = ", "corrupted ") if narrow else row.test, *cells)
    return columns


def _kernel_table(results: KernelResults) -> Table:
    """Errors and norms of kernel runs; two lines of headers and the units in them."""
    table = Table(title=results.scale, title_justify="left", box=box.SIMPLE)
    for header in ("kernel", "test"):
        table.add_column(header)
    for header in ("train", "test error", "norm", "largest\nresidual", "distance from\nminimum norm", "seconds"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("the paper's\ntest error")
    for run in results.runs:
        metrics = run.summary.metrics
        residual, distance = metrics.get("max_residual"), metrics.get("distance_bound")
        table.add_row(
            kernel_of(run).name,
            run.config.randomization.name,
            _percent(metrics["train_accuracy"]),
            _percent(1 - metrics["test_accuracy"]),
            f"{metrics['norm']:.2f}" + ("" if metrics["converged"] else " (not converged)"),
            "—" if residual is None else f"{residual:.0e}",
            "—" if distance is None else f"< {distance / metrics['norm']:.0e}",
            f"{run.summary.time['seconds']:.1f}",
            reference(run) or "—",
        )
    return table


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.2%}"


def _print_lists() -> None:
    for title, entries in (
        ("Experiments (NAME)", {name: experiment.description for name, experiment in EXPERIMENTS.items()}),
        ("Data sets (--data)", DATASETS),
        ("Features (--kernel.features)", FEATURES),
        ("Networks (--model)", dict.fromkeys(MODELS, "") | {"package.module:factory": "your own"}),
        (
            "Tests (--tests)",
            dict.fromkeys(SIX_TESTS, "") | {"corrupted-P": "label noise of any P in 0 .. 1"},
        ),
    ):
        print(title)
        for name, description in entries.items():
            print(f"  {name:<24}{description}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
