"""Carry out runs where a command's options say: in this process, in several of this machine, or on a cluster."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from joblib import cpu_count

from empirical.claimed_run import carry_out_claimed, outcome_of, reason_of, skip_finished
from empirical.datasets import ImageDataset
from empirical.execution.execute import takes_one_thread
from empirical.execution.gpu_shares import GpuShares, visible_gpus
from empirical.execution.launcher import Failures, Pairs, launch_local, launch_slurm
from empirical.execution.progress import RunProgress, Watcher
from empirical.execution.workers import Outcome, WorkerConfig, carry_out
from empirical.observers import find_observers
from empirical.options import Options
from empirical.planned_runs import device_of_jobs, load_dataset
from empirical.runs.config import RunConfig
from empirical.runs.records import BusyError, RunDirectory, restart_all
from empirical.training.distributed import ALONE, Ranks


def launch(runs: Pairs, dataset: ImageDataset, options: Options, arguments: list[str]) -> Failures:
    """Carry out the unfinished runs, or all runs with --rerun, where the launcher says; returns those that failed, with
    the reasons.

    Arguments:
        runs: each run's configuration and directory.
        dataset: the images that the runs take their samples from.
        arguments: the command line, which a cluster's jobs get.

    Raises ValueError if sbatch refuses, BusyError if another process is at work on a run that is to be made anew.
    """
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
        launch_slurm(runs, [*arguments, "--device", device_of_jobs(options)], options.launcher, options.out)
        return []
    if (processes := _processes(runs, dataset, options)) > 1:
        return _run_in_workers(runs, _workers(processes, 1, dataset, options, runs), options)
    return run_all(runs, dataset, options)


def run_all(runs: Pairs, dataset: ImageDataset, options: Options, ranks: Ranks = ALONE) -> Failures:
    """Carry out the unfinished runs; a run that fails is reported and the other runs go on.

    Among several ranks this is the first, which announces each run to the other ranks, or that it carries the run out
    alone. Raises what a run raises that fails in the middle of the ranks' common work.
    """
    failures = []
    observers = find_observers(options.observe, options.out)
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            line = progress.start(config.title)
            if skip_finished(directory, observers, line):
                ranks.tell(None)
                continue
            announced: list[bool] = []
            announce = partial(_announce, config, ranks, announced)
            try:
                carry_out_claimed(directory, dataset, observers, line, options.memory_limit, ranks, announce)
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


@dataclass(frozen=True, eq=False)
class Performer:
    """Carries out runs in a worker process. A worker that shares no memory with this process loads the data anew."""

    options: Options
    dataset: ImageDataset

    def __call__(self, directory: RunDirectory, watcher: Watcher) -> Outcome:
        """Carry out a run, and say how it ended."""
        try:
            observers = find_observers(self.options.observe, self.options.out)
            carry_out_claimed(directory, self.dataset, observers, watcher, self.options.memory_limit)
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


def _run_in_workers(runs: Pairs, workers: WorkerConfig, options: Options) -> Failures:
    """Do as `run_all`, several runs at a time."""
    observers = find_observers(options.observe, options.out)
    with RunProgress(len(runs)) as progress:
        for config, directory in runs:
            if directory.finished:
                skip_finished(directory, observers, progress.start(config.title))
        outcomes = carry_out([directory for _, directory in runs if not directory.finished], workers, progress)
    return [(config, outcome.failure) for config, outcome in outcomes if outcome.failure]
