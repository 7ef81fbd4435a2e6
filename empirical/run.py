"""The experiments' command line: `python -m empirical.run [NAME]`, and its commands plan, diagnose, status,
tables and pack.

It imports what names and explains the options; what carries a command out is imported once it is needed.
"""

import sys

import tyro

from empirical.datasets import DATASETS
from empirical.execution.status import print_status
from empirical.experiments.experiments import EXPERIMENTS, find_experiment
from empirical.kernels.features import FEATURES
from empirical.models import FAMILIES, MODELS
from empirical.observers.named import OBSERVERS
from empirical.options import DiagnoseOptions, Options, PlanOptions, StatusOptions, parsed
from empirical.randomization import TEST_SPELLINGS
from empirical.runs.packing import pack_command
from empirical.text_table import wide_console
from empirical.training.torchrun import of_first_rank
from theory.common.plain_text import visible
from theory.common.terminal import prepare_output

_PROGRAM = "python -m empirical.run"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    try:
        if command == "status":
            status = tyro.cli(StatusOptions, prog=f"{_PROGRAM} status", args=rest)
            return print_status(status.out, wide_console())
        if command == "pack":
            return pack_command(rest)
        if command == "tables":
            from empirical.report.markup import tables_command

            return tables_command(rest)
        if command == "plan":
            return _plan(parsed(PlanOptions, f"{_PROGRAM} plan", rest))
        if command == "diagnose":
            return _diagnose(parsed(DiagnoseOptions, f"{_PROGRAM} diagnose", rest))
        options = parsed(Options, _PROGRAM, rest if command == "run" else arguments)
        if options.list:
            _print_lists()
            return 0
        if options.name == "diagnose":
            return _diagnose(options)
        return _run(options, arguments)
    except (ValueError, OSError) as error:
        if of_first_rank():
            print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # the memory of a diagnosis, a plan or the reading of data, which leave no record
        if of_first_rank():
            print("\nstopped", file=sys.stderr)
        return 130


def _plan(options: PlanOptions) -> int:
    find_experiment(options.name)
    from empirical.job import plan

    return plan(options)


def _diagnose(options: Options) -> int:
    from empirical.job import diagnose

    return diagnose(options)


def _run(options: Options, arguments: list[str]) -> int:
    find_experiment(options.name)
    if options.pipeline:
        raise ValueError("--pipeline is of diagnose: python -m empirical.run diagnose --pipeline ...")
    from empirical.job import run

    return run(options, arguments)


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
        (
            "Data sets (--data)",
            {name: source.description for name, source in DATASETS.items()}
            | {"torchvision:NAME": "what a class of torchvision's reads from its files, such as STL10 or KMNIST"},
        ),
        ("Features (--kernel.features)", FEATURES),
        (
            "Networks (--model)",
            {name: network.description for name, network in MODELS.items()}
            | dict.fromkeys(FAMILIES, "the same in other sizes")
            | {"transformer-LxW": "language model of L blocks of width W, for the experiment bits alone"}
            | {"package.module:factory": "your own"},
        ),
        ("Tests (--tests)", TEST_SPELLINGS),
        ("Observers (--observe)", OBSERVERS | {"package.module:factory": "your own"}),
    ):
        print(title)
        for name, description in entries.items():
            print(f"  {name:<24}{description}".rstrip())


def program() -> int:
    """The console script; returns the exit status."""
    prepare_output()
    return main()


if __name__ == "__main__":
    sys.exit(program())
