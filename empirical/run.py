"""The experiments' command line: `python -m empirical.run [NAME]`."""

import math
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.text import Text

from empirical.claims.kernels import kernel_results
from empirical.claims.paper_tables import TABLES, data_sets
from empirical.claims.randomization_tests import result_sets
from empirical.claims.studies import COMPARISONS
from empirical.claims.verdicts import claim_verdicts, in_words, subjects, write_verdicts
from empirical.datasets import DATASETS, ImageDataset, load
from empirical.datasets.storage import Storage, chosen_storage
from empirical.diagnosis import run_diagnosis
from empirical.execution.execute import execute
from empirical.execution.launcher import LauncherConfig, Pairs, launch_local, launch_slurm
from empirical.execution.progress import RunProgress
from empirical.execution.status import print_status
from empirical.execution.stopwatch import Stopwatch
from empirical.experiments.experiments import EXPERIMENTS, KernelSettings, Settings, find_experiment
from empirical.experiments.scales import Scale
from empirical.kernels.features import FEATURES
from empirical.models import FAMILIES, MODELS
from empirical.planning.plan import PlanSettings, in_memory_sample, print_plan
from empirical.randomization import TEST_SPELLINGS, parse_test
from empirical.report.console import kernel_table, paper_table, results_table
from empirical.report.results_csv import write_results
from empirical.runs.config import RunConfig
from empirical.runs.own_code import check_own_code
from empirical.runs.packing import pack_command
from empirical.runs.records import BusyError, Run, RunDirectory, read_runs, restart_all
from empirical.text_table import rendered
from empirical.training.config import TrainingConfig
from empirical.training.distributed import ALONE, LostRankError, Ranks, joined_ranks, launched, of_first_rank
from empirical.training.evaluation import EpochRecord
from empirical.training.streamed_images import is_streamed
from theory.checks import CLAIMS
from theory.claims import run_check, write_findings
from theory.common.plain_text import visible
from theory.common.terminal import prepare_output

_WIDE = 132
"""Columns that the whole results table takes."""


@dataclass(frozen=True)
class Options:
    """Run an experiment on real images, record it, and report it beside the theory and the paper.

    Finished runs are not repeated and interrupted ones go on where they stopped: after Ctrl-C, a crash or a
    kill, give the same command again.
    """

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="[NAME]")] = "randomization-tests"
    """The experiment, --list prints them all; or diagnose, to be told why a network does not fit random labels; plan
    NAME, to see what the runs will need; status DIR, to see where the runs recorded there stand; or pack DIR, to pack
    finished runs into one file."""

    list: bool = False
    """Print the experiments, data sets, models and tests, and run nothing."""

    data: str = ""
    """Data set: digits (needs no files), cifar10, mnist, fashion-mnist, imagenet, or folder for your own images; the
    experiment's own by default."""

    data_root: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the data set's files are; data/NAME by default."""

    download: bool = False
    """Fetch the official archive of the data set if its files are missing."""

    data_note: str = ""
    """What readers of the results must know about these files, such as lossy compression; it joins the records."""

    image_size: int | None = None
    """Side to which the images of a folder or of ImageNet are resized; by default the experiment's: 32, or 299 for
    table2."""

    data_storage: Storage = "auto"
    """Where the images of a folder or of ImageNet are kept: memory; stream decodes them whenever they are needed;
    memmap decodes them once, into a file that later runs use again; auto is memory if they take at most an eighth of
    the machine's, else stream."""

    data_map: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where memory maps are made and looked for; .memory-map in the data set's folder by default."""

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
    """The randomisation tests to run; by default all of the experiment's. The paper's: true-labels, corrupted-P,
    random-labels, shuffled-pixels, random-pixels, gaussian. Other label noise: symmetric-P, pair-flip-P,
    transition:FILE, labels:FILE; --list says what each is."""

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

    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    """Where the runs are carried out."""

    network_timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 600.0
    """Under torchrun: a rank that hears nothing from the others for as long ends, and says so. It must be longer than
    the first writes a checkpoint."""

    only_run: Annotated[str, tyro.conf.arg(metavar="HASH")] = ""
    """Of all these runs carry out the one whose directory ends so, and report nothing: what a launcher's jobs do."""


@dataclass(frozen=True)
class PlanOptions(Options):
    """What the runs of a command need: time, memory and disk, measured on this machine in seconds. Runs nothing."""

    plan: PlanSettings = field(default_factory=PlanSettings)
    """The size in full, and machines that are not at hand."""


@dataclass(frozen=True)
class StatusOptions:
    """Where the runs recorded in a directory stand; safe at any time."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[DIR]")] = Path("runs")
    """Directory of the records."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["status"]:
            status = tyro.cli(StatusOptions, prog="python -m empirical.run status", args=arguments[1:])
            return print_status(status.out, _console())
        if arguments[:1] == ["pack"]:
            return pack_command(arguments[1:])
        if arguments[:1] == ["plan"]:
            return _print_plan(arguments[1:])
        options = tyro.cli(
            Options, prog="python -m empirical.run", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
        )
        if options.list:
            _print_lists()
            return 0
        if options.name == "diagnose":
            tests = options.tests[:1] or ("random-labels",)
            dataset, _, configs = plan_runs(replace(options, name="randomization-tests", tests=tests))
            return run_diagnosis(dataset, configs, options.pipeline)
        if options.pipeline:
            raise ValueError("--pipeline is of diagnose: python -m empirical.run diagnose --pipeline ...")
        dataset, settings, configs = plan_runs(options)
        check_own_code(configs, dataset)
        options.out.mkdir(parents=True, exist_ok=True)
        runs = [(config, RunDirectory(options.out, config)) for config in configs]
        _check_ranks(options)
    except (ValueError, OSError) as error:
        if of_first_rank():
            print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # of what leaves no record: a diagnosis, a plan, the reading of data
        if of_first_rank():
            print("\nstopped", file=sys.stderr)
        return 130
    try:
        if launched():
            return _run_on_ranks(runs, dataset, settings, options)
        if options.only_run:
            runs = _only(runs, dataset, settings, options)
            failures, reported = _run_all(runs, dataset, options), True
        else:
            failures = _carry_out(runs, dataset, options, arguments)
            while more := _more(runs, dataset, settings, options):
                failures += _carry_out(more, dataset, options, arguments)
                runs += more
            reported = _in_queue(runs, options) or _report(options.name, runs, options.out)
    except (ValueError, OSError, BusyError, LostRankError) as error:
        print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if not of_first_rank():
            return 130
        done = sum(directory.finished for _, directory in runs)
        command = shlex.join(["python", "-m", "empirical.run", *(a for a in arguments if a != "--rerun")])
        print(
            f"\nstopped: {done} of {len(runs)} runs are finished in {options.out}; to go on: {command}",
            file=sys.stderr,
        )
        return 130
    return _status(failures, reported)


def _status(failures: list[tuple[RunConfig, str]], reported: bool) -> int:
    for config, reason in failures:
        print(f"failed: {config.title}: {visible(reason)}", file=sys.stderr)
    return 1 if failures or not reported else 0


def _check_ranks(options: Options) -> None:
    if options.network_timeout <= 0:
        raise ValueError(f"--network-timeout must be positive, got {options.network_timeout:g}")
    if not launched():
        return
    if options.launcher.kind != "none":
        raise ValueError(f"torchrun trains one network at a time: leave out --launcher {options.launcher.kind}")
    if EXPERIMENTS[options.name].follow:
        raise ValueError(f"{options.name} finds its next runs from small ones before: run it without torchrun")


def _run_on_ranks(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> int:
    """What `main` does, as one of the processes that torchrun has started; the first one says all there is to say."""
    runs = _only(runs, dataset, settings, options) if options.only_run else runs
    device = next((config.device for config, _ in runs if config.kind == "trained"), "cpu")
    with joined_ranks(device, options.network_timeout) as ranks:
        if options.rerun and ranks.first:
            restart_all([directory for _, directory in runs])
        if not ranks.first:
            _follow_all(runs, dataset, ranks)
            return 0
        failures = _run_all(runs, dataset, options, ranks)
    return _status(failures, bool(options.only_run) or _report(options.name, runs, options.out))


def _follow_all(runs: Pairs, dataset: ImageDataset, ranks: Ranks) -> None:
    """Have a part in every run that the first rank says is next. Raises ValueError if its data are not this rank's."""
    for config, directory in runs:
        next_run = ranks.tell(None)
        if next_run is None:
            continue
        if next_run != config.hash:
            raise ValueError(
                f"rank {ranks.rank} is at run {config.hash} ({config.title}), the first rank at {next_run}: they have "
                "other data files, options or code; all of them need the same"
            )
        try:
            execute(config, dataset, directory, _Silent(), ranks=ranks)
        except FloatingPointError:  # the loss, which is of all ranks: the first one says so
            continue


class _Silent:
    """A watcher that says nothing."""

    def epoch(self, record: EpochRecord) -> None:
        """Nothing."""

    def stage(self, name: str, share: float) -> None:
        """Nothing."""


def plan_runs(options: Options, given: ImageDataset | None = None) -> tuple[ImageDataset, Settings, list[RunConfig]]:
    """The data set, the settings and the runs that are asked for; of a given data set none is loaded.

    What is wrong with options and data is found here, before a record is begun. Raises ValueError or OSError.
    """
    experiment = find_experiment(options.name)
    _check_sizes(options)
    if min(options.seed, default=-1) < 0:
        raise ValueError(f"--seed takes non-negative integers, got {' '.join(map(str, options.seed)) or 'none'}")
    if repeated := [seed for seed in options.seed if options.seed.count(seed) > 1]:
        raise ValueError(f"--seed names {repeated[0]} twice: the same run would count as two")
    name = given.name if given else options.data or experiment.data
    image_size = options.image_size or experiment.image_size
    if name == "folder" and options.data_root and options.out.resolve().is_relative_to(options.data_root.resolve()):
        raise ValueError(f"--out {options.out} lies in the data set's folder, where its folders would count as classes")
    dataset = given or load(
        name,
        options.data_root,
        image_size=image_size,
        download=options.download,
        storage=options.data_storage,
        map_directory=options.data_map,
    )
    if dataset.num_classes < 2:
        raise ValueError(f"{name}: there is nothing to tell apart with one class only, {dataset.class_names[0]!r}")
    for test in options.tests:
        parse_test(test).check(dataset)  # while it is whole: the runs may be of its first images
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
    if options.launcher.kind == "slurm" and not options.only_run:
        if options.device == "cuda" and not options.launcher.gpus:
            raise ValueError("--device cuda on SLURM needs --launcher.gpus 1")
        settings = replace(settings, device="cpu")  # planned without asking whether this machine has another
    planned = {config.hash: config for config in experiment.plan(dataset, settings)}  # a run asked for twice is one run
    return dataset, settings, _for_jobs(list(planned.values()), options)


def _check_sizes(options: Options) -> None:
    for option, side in (("--crop", options.crop), ("--image-size", options.image_size)):
        if side is not None and side < 1:
            raise ValueError(f"{option} takes a side of at least one pixel, got {side}")
    if options.memory is not None and options.memory <= 0:
        raise ValueError(f"--memory takes gigabytes, more than 0, got {options.memory:g}")
    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out {options.out} is a file: name a directory")


def _print_plan(arguments: list[str]) -> int:
    options = tyro.cli(
        PlanOptions, prog="python -m empirical.run plan", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    loading = Stopwatch()
    source = DATASETS.get(options.data or find_experiment(options.name).data)
    somewhere = source is not None and source.stored_anywhere
    # Nothing is decoded, no memory map made: that may take hours, and is part of what is planned.
    dataset, _, configs = plan_runs(replace(options, data_storage="stream") if somewhere else options)
    n_train, n_test = (
        stated or len(split.labels)
        for stated, split in ((options.plan.train_images, dataset.train), (options.plan.test_images, dataset.test))
    )
    in_full = (n_train + n_test) * math.prod(dataset.image_shape)
    if is_streamed(dataset) and chosen_storage(options.data_storage, in_full) == "memory":
        dataset = in_memory_sample(dataset)
    return print_plan(configs, dataset, options.plan, options.out, min(options.seed), loading.undisturbed, _console())


def _device_of_jobs(options: Options) -> str:
    launcher = options.launcher
    return "cuda" if launcher.kind == "slurm" and launcher.gpus and options.device != "cpu" else "cpu"


def _for_jobs(configs: list[RunConfig], options: Options) -> list[RunConfig]:
    """As a cluster's job will find them on its own device; a process that carries out a run knows its device."""
    if options.only_run or _device_of_jobs(options) == "cpu":
        return configs
    return [config if config.kind == "explicit" else replace(config, device="cuda") for config in configs]


def _carry_out(
    runs: Pairs, dataset: ImageDataset, options: Options, arguments: list[str]
) -> list[tuple[RunConfig, str]]:
    """Where the launcher says: what is not finished, or everything with --rerun; returns what failed, and why."""
    if options.rerun:
        restart_all([directory for _, directory in runs])  # to go on after an interruption needs no --rerun then
    arguments = [argument for argument in arguments if argument != "--rerun"]
    if options.launcher.kind == "local":
        return launch_local(runs, arguments, options.launcher, options.out)
    if options.launcher.kind == "slurm":
        launch_slurm(runs, [*arguments, "--device", _device_of_jobs(options)], options.launcher, options.out)
        return []
    return _run_all(runs, dataset, options)


def _in_queue(runs: Pairs, options: Options) -> bool:
    """Whether they were sent to a cluster and none is finished yet: there is nothing to report."""
    done = sum(directory.finished for _, directory in runs)
    if options.launcher.kind != "slurm" or done == len(runs):
        return False
    print(
        f"{done} of {len(runs)} runs are finished; to see where they stand: python -m empirical.run status "
        f"{options.out}\nthe same command again reports what is finished and submits what has failed or follows"
    )
    return done == 0


def _more(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The runs that follow from those that are finished, where an experiment is adaptive."""
    follow = EXPERIMENTS[options.name].follow
    if follow is None:
        return []
    return _not_among(runs, _for_jobs(follow(dataset, settings, _finished(runs)), options), options.out)


def _only(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The one run that --only-run names, among those that follow too. Raises ValueError if there is none."""
    seen = more = runs
    while not (chosen := [pair for pair in more if pair[0].hash == options.only_run]):
        more = _more(seen, dataset, settings, options)
        if not more:
            raise ValueError(f"--only-run {options.only_run}: these options ask for no run of this hash")
        seen = seen + more
    return chosen


def _not_among(runs: Pairs, configs: list[RunConfig], out: Path) -> Pairs:
    """Those that have not been tried: a run that failed is not asked for again."""
    tried = {config.hash for config, _ in runs}
    return [(config, RunDirectory(out, config)) for config in configs if config.hash not in tried]


def _finished(runs: Pairs) -> list[Run]:
    return [directory.read() for _, directory in runs if directory.finished]


def _run_all(runs: Pairs, dataset: ImageDataset, options: Options, ranks: Ranks = ALONE) -> list[tuple[RunConfig, str]]:
    """Carry out what is not finished; a run that fails is reported and the others go on.

    Of several ranks this is the first, which tells the others each run that is next, or that it needs nobody for it.
    """
    failures = []
    memory_limit = None if options.memory is None else int(options.memory * 1e9)
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            progress.start(config.title)
            if directory.finished:
                directory.remove_scratch()  # a kill may have come between the summary and this
                ranks.tell(None)
                progress.end("finished before")
                continue
            told = False
            try:
                with directory.claim():
                    ranks.tell(config.hash if config.kind == "trained" else None)
                    told = True
                    execute(config, dataset, directory, progress, memory_limit, ranks)
            except Exception as error:  # the user's own network may raise anything: the other runs go on
                if not told:
                    ranks.tell(None)
                elif ranks.count > 1 and config.kind == "trained" and not isinstance(error, FloatingPointError):
                    raise  # the others are in the middle of it
                known = isinstance(error, ValueError | OSError | FloatingPointError | BusyError)
                reason = str(error) if known else f"{type(error).__name__}: {error}"
                left = bool(options.only_run) and isinstance(error, BusyError)  # to whoever is at work on it
                failures += [] if left else [(config, reason)]
                progress.end(f"left: {reason}" if left else f"failed: {reason}")
            else:
                progress.end(_outcome(directory))
    return failures


def _outcome(directory: RunDirectory) -> str:
    summary = directory.read().summary
    metrics = summary.metrics
    epochs = f"{metrics['epoch']} epochs, " if "epoch" in metrics else ""
    if "train_accuracy" not in metrics:
        return f"{summary.time['seconds']:.1f} s"
    return (
        f"{epochs}{summary.time['seconds']:.1f} s, train {metrics['train_accuracy']:.2%}, "
        f"test {metrics['test_accuracy']:.2%}"
    )


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def _report(name: str, runs: Pairs, out: Path) -> bool:
    """Print the tables; write the claims; have the figures and the page drawn from the records: whether they were."""
    finished = _finished(runs)
    if not finished:
        return False
    console = _console()
    if table := TABLES.get(name):
        for data, some in data_sets(finished).items():
            console.print(paper_table(table, data, table.rows_on(data, some)))
    else:
        for results in result_sets(finished):
            console.print(results_table(results, narrow=console.width < _WIDE))
        for kernels in kernel_results(finished):
            console.print(kernel_table(kernels))
    for comparison in COMPARISONS.values():
        for one in comparison.results(finished):
            console.print(rendered(comparison.table(one)))
    recorded = read_runs(out)
    found, hashes = subjects(recorded), {run.config.hash for run in finished}
    shown = [subject for subject in found if subject.hashes & hashes]
    for subject in shown:
        if len(shown) > 1:
            console.print(Text(f"\n{subject.name}"))
        for finding in subject.findings:
            console.print(Text(in_words(finding)))
    write_results(recorded, out)
    theory = [run_check(checked, seed=0) for checked in CLAIMS]
    write_findings(theory, out / "theory.json")
    write_verdicts(claim_verdicts(found, theory), out / "claims.json")
    drawn = _draw(out)
    print(f"records: {out}" + f"   figures: {out / 'figures'}   report: {out / 'report.html'}" * drawn)
    return drawn


def _draw(out: Path) -> bool:
    """Have the figures drawn by a process of its own: from records alone, and nothing imports their package.

    It is the package beside this one, whatever the user's own modules in the current directory are called.
    """
    beside = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    drawn = subprocess.run(
        [sys.executable, "-P", "-X", "utf8", "-m", "figures", str(out)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(beside)},
        capture_output=True,
        encoding="utf-8",  # whatever this machine's locale is
        errors="replace",
        check=False,
    )
    if drawn.returncode:
        print(f"the figures could not be drawn: {drawn.stderr.strip()}", file=sys.stderr)
    return drawn.returncode == 0 and (out / "report.html").exists()


def _print_lists() -> None:
    for title, entries in (
        (
            "Experiments (NAME)",
            {name: experiment.description for name, experiment in EXPERIMENTS.items()}
            | {
                "diagnose": "Why does a network not fit random labels?",
                "plan NAME": "What do the runs of an experiment need, measured on this machine?",
            },
        ),
        ("Data sets (--data)", {name: source.description for name, source in DATASETS.items()}),
        ("Features (--kernel.features)", FEATURES),
        (
            "Networks (--model)",
            {name: network.description for name, network in MODELS.items()}
            | dict.fromkeys(FAMILIES, "the same in other sizes")
            | {"package.module:factory": "your own"},
        ),
        ("Tests (--tests)", TEST_SPELLINGS),
    ):
        print(title)
        for name, description in entries.items():
            print(f"  {name:<24}{description}".rstrip())


if __name__ == "__main__":
    prepare_output()
    sys.exit(main())
