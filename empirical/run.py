"""The experiments' command line: `python -m empirical.run [NAME]`."""

import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.text import Text

from empirical.comparison import compare, result_sets
from empirical.console import kernel_table, paper_table, results_table
from empirical.datasets import DATASETS, ImageDataset, load
from empirical.diagnosis import run_diagnosis
from empirical.execution import execute
from empirical.experiments import EXPERIMENTS, SIX_TESTS, KernelSettings, Settings, find_experiment
from empirical.features import FEATURES
from empirical.kernel_comparison import compare_kernels, kernel_results
from empirical.models import MODELS
from empirical.paper_tables import data_sets, table_1, table_2, table_4
from empirical.progress import RunProgress
from empirical.records import BusyError, Run, RunConfig, RunDirectory, read_run, read_runs
from empirical.regularization_comparison import compare_regularizers
from empirical.results_csv import write_results
from empirical.scales import Scale
from empirical.training import TrainingConfig
from theory.checks import CLAIMS
from theory.claims import Finding, run_check, write_findings

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
    """The experiment, --list prints them all; or diagnose, to be told why a network does not fit random labels."""

    list: bool = False
    """Print the experiments, data sets, models and tests, and run nothing."""

    data: str = ""
    """Data set: digits (needs no files), cifar10, mnist, fashion-mnist, or folder for your own images; the experiment's
    own by default."""

    data_root: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the data set's files are; data/NAME by default."""

    download: bool = False
    """Fetch the official archive of the data set if its files are missing."""

    data_note: str = ""
    """What readers of the results must know about these files, such as lossy compression; it joins the records."""

    image_size: int | None = None
    """Side to which the images of a folder are resized; by default the experiment's: 32, or 299 for table2."""

    train_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N training images only."""

    test_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N test images only."""

    scale: Scale = "laptop"
    """Of the tables and figures: paper is a GPU's work, laptop uses fewer images, smoke only shows that all works."""

    crop: int | None = None
    """Side of the centre crop; images no larger are kept whole. By default the experiment's: 28, or none for table2."""

    model: str = ""
    """Network: a name from --list, or package.module:factory, called as factory(image_shape, num_classes); by default
    the experiment's own, mlp-1x512 where it has none."""

    tests: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TEST ...")] = ()
    """The randomisation tests to run; by default all of the experiment's."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto is CUDA where there is one."""

    seed: Annotated[tuple[int, ...], tyro.conf.arg(metavar="INT ...")] = (0,)
    """Seeds of everything random: label noise, permutations, initialisation, order of samples. Every run is made once
    for each."""

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs")
    """Directory of the records, the figures and the report."""

    pipeline: Annotated[str, tyro.conf.arg(metavar="PACKAGE.MODULE:FACTORY")] = ""
    """Of diagnose: your data pipeline; factory() gives batches (images, labels[, indices]), such as a DataLoader."""

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
        if options.name == "diagnose":
            tests = options.tests[:1] or ("random-labels",)
            return run_diagnosis(*_plan(replace(options, name="randomization-tests", tests=tests)), options.pipeline)
        dataset, configs = _plan(options)
        options.out.mkdir(parents=True, exist_ok=True)
        runs = [(config, RunDirectory(options.out, config)) for config in configs]
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        failures = _run_all(runs, dataset, options)
        reported = _report(options.name, runs, options.out)
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
        print(f"failed: {config.title}: {reason}", file=sys.stderr)
    return 1 if failures or not reported else 0


def _plan(options: Options) -> tuple[ImageDataset, list[RunConfig]]:
    """Everything that can be wrong is found here, before anything is written."""
    experiment = find_experiment(options.name)
    if min(options.seed, default=-1) < 0:
        raise ValueError(f"--seed takes non-negative integers, got {' '.join(map(str, options.seed)) or 'none'}")
    name = options.data or experiment.data
    image_size = options.image_size or experiment.image_size
    dataset = load(name, options.data_root, image_size=image_size, download=options.download)
    if options.data_note:
        dataset = replace(dataset, source=f"{dataset.source} ({options.data_note})")
    settings = Settings(
        options.model,
        options.tests,
        options.device,
        options.seed,
        options.training,
        experiment.crop if options.crop is None else options.crop,
        options.kernel,
        options.scale,
        options.train_size,
        options.test_size,
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
            progress.start(config.title)
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


def _report(name: str, runs: Pairs, out: Path) -> bool:
    """Print the tables; write the claims; have the figures and the page drawn from the records: whether they were."""
    finished = [read_run(directory.path) for _, directory in runs if directory.finished]
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    tables = {
        "table1": ("Table 1", table_1),
        "table2": ("Table 2", table_2),
        "table4": ("Table 4, random labels", table_4),
    }
    if name in tables:
        title, rows_of = tables[name]
        for data, some in data_sets(finished).items():
            console.print(paper_table(f"{title}: {data}", rows_of(some)))
    else:
        for results in result_sets(finished):
            console.print(results_table(results, narrow=console.width < _WIDE))
        for kernels in kernel_results(finished):
            console.print(kernel_table(kernels))
    claims = find_claims(finished)
    for subject, findings in claims:
        if len(claims) > 1:
            console.print(Text(f"\n{subject}"))
        for finding in findings:
            console.print(Text(f"{finding.claim.id:>4} {finding.evidence.verdict.value}: {finding.evidence.measured}"))
    recorded = read_runs(out)
    write_results(recorded, out)
    write_findings([finding for _, findings in find_claims(recorded) for finding in findings], out / "claims.json")
    write_findings([run_check(checked, seed=0) for checked in CLAIMS], out / "theory.json")
    drawn = _draw(out)
    print(f"records: {out}" + f"   figures: {out / 'figures'}   report: {out / 'report.html'}" * drawn)
    return drawn


def find_claims(runs: list[Run]) -> list[tuple[str, list[Finding]]]:
    """Every claim that these runs bear on, decided as far as they can, after what its runs have in common."""
    claims = [(results.scale, compare(results)) for results in result_sets(runs) if results.several]
    claims += [(f"{data}, all networks", compare_regularizers(some)) for data, some in data_sets(runs).items()]
    return claims + [(f"{results.scale}; kernels", compare_kernels(results)) for results in kernel_results(runs)]


def _draw(out: Path) -> bool:
    """Have the figures drawn by a process of its own: from records alone, and nothing imports their package."""
    drawn = subprocess.run([sys.executable, "-m", "figures", str(out)], capture_output=True, text=True, check=False)
    if drawn.returncode:
        print(f"the figures could not be drawn: {drawn.stderr.strip()}", file=sys.stderr)
    return drawn.returncode == 0


def _print_lists() -> None:
    for title, entries in (
        (
            "Experiments (NAME)",
            {name: experiment.description for name, experiment in EXPERIMENTS.items()}
            | {"diagnose": "Why does a network not fit random labels?"},
        ),
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
