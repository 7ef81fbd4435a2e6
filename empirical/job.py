"""Carry out what a command line asks for: `run` an experiment and report it, `plan` it, `diagnose` a network."""

import math
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

from joblib import cpu_count
from rich.text import Text

from empirical.claimed_run import carry_out_claimed, outcome_of, reason_of
from empirical.claims.kernels import kernel_results
from empirical.claims.paper_tables import TABLES, data_sets, sized_tables_of
from empirical.claims.randomization_tests import result_sets
from empirical.claims.studies import COMPARISONS
from empirical.claims.verdicts import claim_verdicts, lines_of, subjects, write_verdicts
from empirical.datasets import DATASETS, ImageDataset, load
from empirical.datasets.decoders import Decoder
from empirical.datasets.storage import Storage, chosen_storage
from empirical.execution.execute import execute, takes_one_thread
from empirical.execution.gpu_shares import GpuShares, visible_gpus
from empirical.execution.launcher import Pairs, launch_local, launch_slurm
from empirical.execution.progress import RunProgress, Watcher
from empirical.execution.status import forget_begun, plan_to_run
from empirical.execution.stopwatch import Stopwatch
from empirical.execution.workers import Outcome, WorkerConfig, carry_out
from empirical.experiments.experiments import EXPERIMENTS, find_experiment
from empirical.experiments.scales import Device, Scale
from empirical.experiments.settings import Settings
from empirical.observers import check_observers, find_observers, tell_finished
from empirical.options import Options, PlanOptions, flag_not_taken
from empirical.randomization import parse_test
from empirical.randomization.label_noise import GivenLabels
from empirical.report.console import kernel_table, paper_table, results_table
from empirical.report.freshness import Report
from empirical.report.results_csv import write_results
from empirical.report.theory_findings import theory_findings
from empirical.runs.config import RunConfig, on_the_cpu
from empirical.runs.own_code import check_own_code
from empirical.runs.records import BusyError, Run, RunDirectory, read_runs, restart_all, run_directories
from empirical.text_table import WIDE, rendered, wide_console
from empirical.training.distributed import ALONE, LostRankError, Ranks, joined_ranks
from empirical.training.epoch_record import EpochRecord
from empirical.training.streamed_images import is_streamed
from empirical.training.torchrun import launched, of_first_rank
from theory.claims import write_findings
from theory.common.plain_text import visible


def diagnose(options: Options) -> int:
    """Say why a network does not fit random labels; returns the exit status. Raises ValueError or OSError."""
    from empirical.diagnosis import run_diagnosis

    tests = options.tests[:1] or ("random-labels",)
    dataset, _, configs = plan_runs(replace(options, name="randomization-tests", tests=tests))
    return run_diagnosis(dataset, configs, options.pipeline)


def plan(options: PlanOptions) -> int:
    """Say what the runs will need; returns the exit status. Raises ValueError or OSError."""
    from empirical.planning.plan import in_memory_sample, print_plan

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
    return print_plan(configs, dataset, options.plan, options.out, loading.undisturbed, wide_console())


def run(options: Options, arguments: list[str]) -> int:
    """Carry out an experiment's runs, record and report them; returns the exit status.

    Arguments:
        options: the parsed options.
        arguments: the command line from which they were parsed.

    Raises ValueError or OSError, before anything is recorded, for options that cannot be run.
    """
    dataset, settings, configs = plan_runs(options)
    check_own_code(configs, dataset)
    check_observers(options.observe)
    options.out.mkdir(parents=True, exist_ok=True)
    runs = list(zip(configs, run_directories(options.out, configs), strict=True))
    _check_ranks(options)
    try:
        if launched():
            return _run_on_ranks(runs, dataset, settings, options)
        if options.only_run:
            runs = _only(runs, dataset, settings, options)
            failures, reported = _run_all(runs, dataset, options), True
        else:
            plan_to_run(options.out, {directory.path.name: config.title for config, directory in runs})
            failures = _carry_out(runs, dataset, options, arguments)
            while more := _more(runs, dataset, settings, options):
                failures += _carry_out(more, dataset, options, arguments)
                runs += more
            forget_begun(options.out)
            reported = _in_queue(runs, options) or _report(options.name, runs, options.out)
    except (ValueError, OSError, BusyError, LostRankError) as error:
        if isinstance(error, BusyError):  # a refused command asks for nothing
            forget_begun(options.out)
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
    if options.launcher.kind in ("local", "slurm"):
        raise ValueError(f"torchrun trains one network at a time: leave out --launcher {options.launcher.kind}")
    if EXPERIMENTS[options.name].follow:
        raise ValueError(f"{options.name} finds its next runs from small ones before: run it without torchrun")


def _run_on_ranks(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> int:
    """Do the same in one of the processes that torchrun has started; only the first process prints."""
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
    """Take part in every run that the first rank announces. Raises ValueError if its data are not this rank's."""
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
        except FloatingPointError:  # a loss that is not finite is the same on all ranks: the first rank reports it
            continue


class _Silent:
    """A watcher that ignores the progress of a run."""

    def epoch(self, record: EpochRecord) -> None:
        """Do nothing."""

    def stage(self, name: str, share: float) -> None:
        """Do nothing."""


def plan_runs(options: Options, data: ImageDataset | None = None) -> tuple[ImageDataset, Settings, list[RunConfig]]:
    """The data set, the settings and the runs that the options ask for; a data set that is given is not loaded again.
    Faults of options and data are found here, before a record is begun. Raises ValueError or OSError.
    """
    experiment = find_experiment(options.name)
    _check_sizes(options)
    if flag := flag_not_taken(options, experiment):
        raise ValueError(
            f"{flag}: the experiment {experiment.name} does not take this option and would ignore it; "
            f"{experiment.name} --help shows the options that it takes"
        )
    if min(options.seed, default=-1) < 0:
        raise ValueError(f"--seed takes non-negative integers, got {' '.join(map(str, options.seed)) or 'none'}")
    if repeated := [seed for seed in options.seed if options.seed.count(seed) > 1]:
        raise ValueError(f"--seed names {repeated[0]} twice: the same run would count as two")
    dataset = load_dataset(options, data)
    dataset.subset(options.train_size, options.test_size)  # ValueError where there are fewer
    _check_order(options, dataset, from_python=data is not None)
    for test in options.tests:
        parse_test(test).check(dataset)  # while it is whole: the runs may be of its first images
    settings = Settings(
        model=options.model,
        tests=options.tests,
        device=options.device,
        seeds=options.seed,
        training=options.training,
        crop=experiment.crop if options.crop is None else options.crop,
        kernel=options.kernel,
        scale=options.scale,
        n_train=options.train_size,
        n_test=options.test_size,
        memorisation=options.memorisation,
        bits=options.bits,
        pac_bayes=options.pac_bayes,
        order=options.order,
        stated=options.stated_of("training"),
    )
    if options.launcher.kind == "slurm" and not options.only_run:
        if options.device == "cuda" and not options.launcher.gpus:
            raise ValueError("--device cuda on SLURM needs --launcher.gpus 1")
        settings = replace(settings, device="cpu")  # planned without asking whether this machine has another
    planned = {config.hash: config for config in experiment.plan(dataset, settings)}  # a run asked for twice is one run
    return dataset, settings, _for_jobs(list(planned.values()), options)


def load_dataset(options: Options, data: ImageDataset | None = None) -> ImageDataset:
    """The data set that is given, asked for, or the experiment's own. Raises ValueError or OSError if it cannot be
    loaded.
    """
    experiment = find_experiment(options.name)
    name = data.name if data else options.data or experiment.data
    if options.image_size is not None and name in DATASETS and not DATASETS[name].resized:
        raise ValueError(f"--image-size: the images of {name} keep their size; --crop takes their centre")
    if name == "folder" and options.data_root and options.out.resolve().is_relative_to(options.data_root.resolve()):
        raise ValueError(f"--out {options.out} lies in the data set's folder, where its folders would count as classes")
    dataset = data or load(
        name,
        options.data_root,
        image_size=options.image_size or experiment.image_size,
        download=options.download,
        storage=options.data_storage,
        map_directory=options.data_map,
        decoder=options.data_decoder,
    )
    if dataset.num_classes < 2:
        raise ValueError(f"{name}: there is nothing to tell apart with one class only, {dataset.class_names[0]!r}")
    if options.data_note:
        dataset = replace(dataset, source=f"{dataset.source} ({options.data_note})")
    return dataset


def _check_order(options: Options, dataset: ImageDataset, *, from_python: bool) -> None:
    """ValueError for labels of a file, in the order of the images' own files, where the data set has another order."""
    name = dataset.name
    if from_python or name not in DATASETS or not DATASETS[name].reordered:
        return
    if words := [test for test in options.tests if isinstance(parse_test(test).label_noise, GivenLabels)]:
        raise ValueError(
            f"test (--tests) {words[0]}: the images of {name} come in an order of their own, so that labels in the "
            f"order of the files would go to other images. Load them in Python, dataset = empirical.load({name!r}, "
            "...), put the labels into the order of dataset.train.labels, and run run_experiment(data=dataset, "
            "tests=...)"
        )


def _check_sizes(options: Options) -> None:
    for option, side in (("--crop", options.crop), ("--image-size", options.image_size)):
        if side is not None and side < 1:
            raise ValueError(f"{option} takes a side of at least one pixel, got {side}")
    if options.memory is not None and options.memory <= 0:
        raise ValueError(f"--memory takes gigabytes, more than 0, got {options.memory:g}")
    for option, size in (("--train-size", options.train_size), ("--test-size", options.test_size)):
        if size is not None and size < 1:
            raise ValueError(f"{option} takes at least 1 image, got {size}")
    for option, choice, choices in (
        ("--scale", options.scale, Scale),
        ("--device", options.device, Device),
        ("--data-storage", options.data_storage, Storage),
        ("--data-decoder", options.data_decoder, Decoder),
    ):
        if choice not in get_args(choices):
            raise ValueError(f"{option} takes {', '.join(get_args(choices))}, got {choice!r}")
    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out {options.out} is a file: name a directory")


def _device_of_jobs(options: Options) -> str:
    launcher = options.launcher
    return "cuda" if launcher.kind == "slurm" and launcher.gpus and options.device != "cpu" else "cpu"


def _for_jobs(configs: list[RunConfig], options: Options) -> list[RunConfig]:
    """The options as a cluster's job will parse them on its own device; a process that carries out a run knows its
    device."""
    if options.only_run or _device_of_jobs(options) == "cpu":
        return configs
    return [config if on_the_cpu(config.what) else replace(config, device="cuda") for config in configs]


def _carry_out(
    runs: Pairs, dataset: ImageDataset, options: Options, arguments: list[str]
) -> list[tuple[RunConfig, str]]:
    """Carry out the unfinished runs, or all runs with --rerun, where the launcher says; returns the failures with
    reasons."""
    if options.rerun:
        restart_all([directory for _, directory in runs])  # to go on after an interruption needs no --rerun then
    arguments = [argument for argument in arguments if argument != "--rerun"]
    if options.launcher.kind == "local":
        threads = options.launcher.threads
        shares = GpuShares(visible_gpus() if any(config.device == "cuda" for config, _ in runs) else [])
        cores = max(1, cpu_count() // threads)
        processes = options.launcher.processes or min(cores, shares.processes or cores)
        workers = replace(_workers(processes, threads, dataset, options, runs), gpus=shares)
        return launch_local(runs, workers, arguments, options.out)
    if options.launcher.kind == "slurm":
        launch_slurm(runs, [*arguments, "--device", _device_of_jobs(options)], options.launcher, options.out)
        return []
    if (processes := _processes(runs, dataset, options)) > 1:
        return _run_in_workers(runs, _workers(processes, 1, dataset, options, runs), options)
    return _run_all(runs, dataset, options)


def _in_queue(runs: Pairs, options: Options) -> bool:
    """Whether the runs were sent to a cluster and none is finished yet, so that there is nothing to report."""
    done = sum(directory.finished for _, directory in runs)
    if options.launcher.kind != "slurm" or done == len(runs):
        return False
    print(
        f"{done} of {len(runs)} runs are finished; to see where they stand: python -m empirical.run status "
        f"{options.out}\nthe same command again reports what is finished and submits what has failed or follows"
    )
    return done == 0


def _more(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The runs that follow from the finished runs, where an experiment is adaptive."""
    follow = EXPERIMENTS[options.name].follow
    if follow is None:
        return []
    return _not_among(runs, _for_jobs(follow(dataset, settings, _finished(runs)), options), options.out)


def _only(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The run that --only-run names, which may be a run that follows. Raises ValueError if there is none."""
    seen = more = runs
    while not (chosen := [pair for pair in more if pair[0].hash == options.only_run]):
        more = _more(seen, dataset, settings, options)
        if not more:
            raise ValueError(f"--only-run {options.only_run}: these options ask for no run of this hash")
        seen = seen + more
    return chosen


def _not_among(runs: Pairs, configs: list[RunConfig], out: Path) -> Pairs:
    """The runs that have not been tried: a run that failed is not planned again."""
    hashes = {config.hash for config, _ in runs}
    untried = [config for config in configs if config.hash not in hashes]
    return list(zip(untried, run_directories(out, untried), strict=True))


def _finished(runs: Pairs) -> list[Run]:
    return [directory.read() for _, directory in runs if directory.finished]


def _run_all(runs: Pairs, dataset: ImageDataset, options: Options, ranks: Ranks = ALONE) -> list[tuple[RunConfig, str]]:
    """Carry out the unfinished runs; a run that fails is reported and the other runs go on.

    Among several ranks this is the first, which announces each run to the other ranks, or that it carries the run out
    alone.
    """
    failures = []
    observers = find_observers(options.observe, options.out)
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            line = progress.start(config.title)
            if directory.finished:
                directory.remove_scratch()  # a kill may have come between the summary and this
                tell_finished(directory, observers, line)
                ranks.tell(None)
                line.end("finished before")
                continue
            announced: list[bool] = []
            announce = partial(_announce, config, ranks, announced)
            try:
                carry_out_claimed(directory, dataset, observers, line, _memory_limit(options), ranks, announce)
            except Exception as error:  # the user's own network may raise anything: the other runs go on
                if not announced:
                    ranks.tell(None)
                elif ranks.count > 1 and config.kind == "trained" and not isinstance(error, FloatingPointError):
                    raise  # the others are in the middle of it
                elsewhere = bool(options.only_run) and isinstance(error, BusyError)  # to whoever is at work on it
                failures += [] if elsewhere else [(config, reason_of(error))]
                line.end(f"left: {reason_of(error)}" if elsewhere else f"failed: {reason_of(error)}")
            else:
                line.end(outcome_of(directory.read()))
    return failures


def _announce(config: RunConfig, ranks: Ranks, announced: list[bool], at_work: bool) -> None:
    """Tell the other ranks which run to train next, or that there is none for them; noted in `announced`."""
    ranks.tell(config.hash if at_work and config.kind == "trained" else None)
    announced.append(at_work)


def _memory_limit(options: Options) -> int | None:
    return None if options.memory is None else int(options.memory * 1e9)


@dataclass(frozen=True, eq=False)
class Performer:
    """Carries out runs in a worker process. A worker that shares no memory with this process loads the data anew."""

    options: Options
    dataset: ImageDataset

    def __call__(self, directory: RunDirectory, watcher: Watcher) -> Outcome:
        """Carry out a run, and say how it ended."""
        try:
            observers = find_observers(self.options.observe, self.options.out)
            carry_out_claimed(directory, self.dataset, observers, watcher, _memory_limit(self.options))
        except BusyError as error:
            if self.options.launcher.kind == "local":
                return Outcome("left to another process, which is at work on it", busy=True)
            return Outcome("", reason_of(error))
        except Exception as error:  # the user's own network may raise anything
            return Outcome("", reason_of(error))
        return Outcome(outcome_of(directory.read()))

    def __reduce__(self) -> tuple[Callable[[Options], "Performer"], tuple[Options]]:
        return _loading_performer, (self.options,)


def _loading_performer(options: Options) -> Performer:
    return Performer(options, load_dataset(options))


def _workers(count: int, threads: int, dataset: ImageDataset, options: Options, runs: Pairs) -> WorkerConfig:
    forked = threads == 1 and all(config.device == "cpu" for config, _ in runs)
    return WorkerConfig(count, threads, Performer(options, dataset), forked)


def _processes(runs: Pairs, dataset: ImageDataset, options: Options) -> int:
    """The default number of processes for these runs: 1 if a run takes more than a thread."""
    unfinished = [config for config, directory in runs if not directory.finished]
    if options.launcher.kind != "auto" or sum(config.kind == "trained" for config in unfinished) < 2:
        return 1
    if not all(takes_one_thread(config, dataset.image_shape) for config in unfinished):
        return 1
    return min(int(cpu_count()), len(unfinished))


def _run_in_workers(runs: Pairs, workers: WorkerConfig, options: Options) -> list[tuple[RunConfig, str]]:
    """Do as `_run_all`, several runs at a time."""
    observers = find_observers(options.observe, options.out)
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            if directory.finished:
                directory.remove_scratch()
                line = progress.start(config.title)
                tell_finished(directory, observers, line)
                line.end("finished before")
        outcomes = carry_out([directory for _, directory in runs if not directory.finished], workers, progress)
    return [(config, outcome.failure) for config, outcome in outcomes if outcome.failure]


def _report(name: str, runs: Pairs, out: Path) -> bool:
    """Print the tables, write the claims, and draw the figures and the page from the records; returns whether they were
    drawn."""
    finished = _finished(runs)
    if not finished:
        return False
    console = wide_console()
    if table := TABLES.get(name):
        for data, some in data_sets(finished).items():
            for (paper, size), rows in sized_tables_of(data, some).items():
                if paper is table:
                    console.print(paper_table(paper, data, rows, size))
    else:
        for results in result_sets(finished):
            console.print(results_table(results, narrow=console.width < WIDE))
        for kernels in kernel_results(finished):
            console.print(kernel_table(kernels))
    for comparison in COMPARISONS.values():
        for study_results in comparison.results(finished):
            console.print(rendered(comparison.table(study_results)))
    recorded = read_runs(out)
    everything, hashes = subjects(recorded), {run.config.hash for run in finished}
    shown = [subject for subject in everything if subject.hashes & hashes]
    for subject in shown:
        if len(shown) > 1:
            console.print(Text(f"\n{subject.name}"))
        for line in lines_of(subject.findings):
            console.print(Text(line))
    write_results(recorded, out)
    theory = theory_findings(0, out)
    write_findings(theory, out / "theory.json")
    report = Report(out)
    drawn = report.fresh
    if not drawn:
        write_verdicts(claim_verdicts(everything, theory), out / "claims.json")
        if drawn := _draw(out):
            report.stamp()
    print(f"records: {out}" + f"   figures: {out / 'figures'}   report: {out / 'report.html'}" * drawn)
    return drawn


def _draw(out: Path) -> bool:
    """Draw the figures in a process of its own, from records alone: nothing here imports their package.

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
