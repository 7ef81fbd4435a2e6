"""Carry out what a command line asks for: `run` an experiment and report it, `plan` it, `diagnose` a network."""

import math
import shlex
import sys
from dataclasses import replace

from empirical.datasets import DATASETS
from empirical.datasets.storage import chosen_storage
from empirical.execution.launcher import Pairs
from empirical.execution.status import forget_begun, plan_to_run
from empirical.execution.stopwatch import Stopwatch
from empirical.experiments.experiments import find_experiment
from empirical.launch import launch, run_all
from empirical.observers import check_observers
from empirical.options import Options, PlanOptions
from empirical.planned_runs import finished_runs, following_runs, plan_runs, run_of_hash
from empirical.ranked_runs import check_ranks, run_on_ranks
from empirical.report.run_report import report_runs
from empirical.runs.own_code import check_own_code
from empirical.runs.records import BusyError, run_directories
from empirical.text_table import wide_console
from empirical.training.distributed import LostRankError
from empirical.training.streamed_images import is_streamed
from empirical.training.torchrun import launched, of_first_rank
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
    check_ranks(options)
    noted: list[str] = []
    try:
        if options.only_run:
            runs = run_of_hash(runs, dataset, settings, options)
        if launched():
            failures = run_on_ranks(runs, dataset, options)
            if failures is None:
                return 0
        elif options.only_run:
            failures = run_all(runs, dataset, options)
        else:
            noted = plan_to_run(options.out, {directory.path.name: config.title for config, directory in runs})
            failures = launch(runs, dataset, options, arguments)
            while more := following_runs(runs, dataset, settings, options):
                failures += launch(more, dataset, options, arguments)
                runs += more
            forget_begun(options.out)
        silent = bool(options.only_run) or _in_queue(runs, options)
        reported = silent or report_runs(options.name, finished_runs(runs), options.out)
    except (ValueError, OSError, BusyError, LostRankError) as error:
        if isinstance(error, BusyError):  # a refused command asks for nothing
            forget_begun(options.out, noted)
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
    for config, reason in failures:
        print(f"failed: {config.title}: {visible(reason)}", file=sys.stderr)
    return 1 if failures or not reported else 0


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
