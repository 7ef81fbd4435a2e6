"""Experiments from Python, such as from a notebook: the same runs as on the command line, as values."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from empirical.claims.verdicts import Subject, lines_of, subjects
from empirical.datasets import ImageDataset
from empirical.datasets.given import dataset_of
from empirical.observers import Observer, find_observers
from empirical.report.markup import in_markup
from empirical.report.results_csv import result_row
from empirical.report.tables import tables_of_runs
from empirical.runs.config import RunConfig
from empirical.runs.records import Run, RunDirectory, restart_all, run_directories
from empirical.session_code import import_path_of
from empirical.text_table import TextTable

if TYPE_CHECKING:
    from pandas import DataFrame

    from empirical.training.config import TrainingConfig

Factory = Callable[..., Any]

_COMMAND_LINE_ALONE = ("launcher", "list", "network_timeout", "only_run", "pipeline")


@dataclass(frozen=True, eq=False)
class ExperimentResults:
    """The runs of an experiment and what they say of the paper's claims.

    Attributes:
        runs: the records of finished runs, with every epoch.
        verdicts: for each set of runs that bears on claims of the paper, the findings.
        failures: the runs that failed, and why.
    """

    runs: tuple[Run, ...]
    verdicts: tuple[Subject, ...]
    failures: tuple[tuple[RunConfig, str], ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `results.csv`, a mapping for each run: the whole configuration and the scalar metrics."""
        return [result_row(run) for run in self.runs]

    def frame(self) -> "DataFrame":
        """The rows as a pandas DataFrame. Raises ImportError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("frame() needs pandas: pip install 'rethinking-generalization[pandas]'") from error
        return pandas.DataFrame(self.rows)

    @property
    def tables(self) -> list[TextTable]:
        """Every table that the runs fill, as cells of text."""
        return tables_of_runs(list(self.runs))

    def markdown(self) -> str:
        """The tables in Markdown; a notebook shows them so."""
        return in_markup(self.tables, "markdown")

    def latex(self) -> str:
        """The tables in LaTeX, for a document that uses the package booktabs."""
        return in_markup(self.tables, "latex")

    _repr_markdown_ = markdown

    def __str__(self) -> str:
        from empirical.claimed_run import outcome_of

        lines = [f"{run.config.title}, {run.config.kind}: {outcome_of(run)}" for run in self.runs]
        lines += [f"{config.title}, {config.kind}: failed: {reason}" for config, reason in self.failures]
        for subject in self.verdicts:
            lines += ["", subject.name, *lines_of(subject.findings)]
        return "\n".join(lines)


def run_experiment(
    name: str = "randomization-tests",
    *,
    data: str | ImageDataset | tuple[Any, Any] = "",
    model: str | Factory | nn.Module = "",
    optimizer: str | Factory = "",
    tests: str | Sequence[str] = (),
    seeds: int | Sequence[int] = 0,
    training: "TrainingConfig | dict[str, Any] | None" = None,
    out: str | Path = "runs",
    observe: str | Observer | Sequence[str | Observer | Callable[[Path], Observer]] = (),
    **options: Any,
) -> ExperimentResults:
    """Carry out an experiment's runs that are not finished, record them, and return all of them.

    The runs are the same as those of `python -m empirical.run` with the same options: their hashes and metrics are
    equal, and in a common directory the function and the command each go on where the other stopped. Only the command
    line draws figures and a report.

    Arguments:
        name: the experiment's name, see `python -m empirical.run --list`.
        data: a data set's name; an `ImageDataset`; or a pair (train, test), each of arrays (images, labels) or a data
            set of torch, torchvision or Hugging Face (`empirical.datasets.given`). By default the experiment's own.
        model: a name, `module:factory`, a factory `(image_shape, num_classes) -> torch.nn.Module`, or an instance:
            every run begins at its weights then, whatever the seed.
        optimizer: `sgd`, `module:factory`, or a factory `(parameters, learning_rate) -> torch.optim.Optimizer`.
        tests: names of randomisation tests; the experiment's own by default.
        seeds: the seeds of everything random.
        training: hyper-parameters, or the ones among them that differ from the defaults.
        out: directory of the records.
        observe: whom to tell of every epoch, too: observers (`empirical.observers`), or what `--observe` takes.
        options: further options of the command line, with underscores: `data_root`, `train_size`, `scale`, `device`,
            ...

    A run that fails is among the results' `failures`, and the others go on. Raises ValueError for options that do not
    fit together, as the command line does, TypeError for unknown ones, and with `rerun` BusyError where another process
    is at work on one of the runs: none is made anew then.
    """
    from empirical.claimed_run import carry_out_claimed, outcome_of, reason_of, skip_finished
    from empirical.execution.progress import RunProgress
    from empirical.experiments.experiments import find_experiment
    from empirical.options import Options
    from empirical.planned_runs import plan_runs
    from empirical.runs.own_code import check_own_code
    from empirical.training.config import TrainingConfig

    stated = training if isinstance(training, dict) else {}
    hyper_parameters = training if isinstance(training, TrainingConfig) else TrainingConfig(**stated)
    if optimizer:
        hyper_parameters = replace(hyper_parameters, optimizer=import_path_of(optimizer, "optimizer"))
    dataset_given = None if isinstance(data, str) else data if isinstance(data, ImageDataset) else _dataset_of(data)
    if unsuitable := [key for key in options if key in _COMMAND_LINE_ALONE]:
        raise ValueError(f"{unsuitable[0]} is an option of the command line alone: python -m empirical.run")
    further: dict[str, Any] = {
        key: Path(value) if key in ("data_root", "data_map") and value else value for key, value in options.items()
    }
    chosen = Options(
        name=name,
        data=data if isinstance(data, str) else "",
        model=import_path_of(model, "model"),
        tests=(tests,) if isinstance(tests, str) else tuple(tests),
        seed=tuple(seeds) if isinstance(seeds, Iterable) else (seeds,),
        training=hyper_parameters,
        out=Path(out),
        stated=(*options, *(f"training.{name}" for name in stated)),
        **further,
    )
    dataset, settings, configs = plan_runs(chosen, dataset_given)
    check_own_code(configs, dataset)
    observing: Sequence[Any] = observe if isinstance(observe, tuple | list) else [observe]
    observers = find_observers(observing, chosen.out)
    follow = find_experiment(name).follow
    finished: list[Run] = []
    failures: list[tuple[RunConfig, str]] = []
    hashes: set[str] = set()
    while configs:
        if chosen.rerun:
            restart_all(run_directories(chosen.out, configs))
        with RunProgress(len(configs)) as progress:
            for config in configs:
                directory = RunDirectory(chosen.out, config)
                line = progress.start(config.title)
                try:
                    if not skip_finished(directory, observers, line):
                        carry_out_claimed(directory, dataset, observers, line, chosen.memory_limit)
                        line.end(outcome_of(directory.read()))
                    finished.append(directory.read())
                except Exception as error:  # the user's own network may raise anything: the other runs go on
                    failures.append((config, reason_of(error)))
                    line.end(f"failed: {failures[-1][1]}")
        hashes |= {config.hash for config in configs}
        more = follow(dataset, settings, finished) if follow else []
        configs = [config for config in more if config.hash not in hashes]
    return ExperimentResults(tuple(finished), tuple(subjects(finished)), tuple(failures))


def _dataset_of(data: Any) -> ImageDataset:
    """The data set of two splits; ValueError for another number, such as a validation split between them."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        what = f"{len(data)} parts" if isinstance(data, tuple | list) else f"a {type(data).__name__}"
        raise ValueError(
            f"data: a name, an ImageDataset or two splits are wanted, (train, test), each (images, labels) or a data "
            f"set; got {what}"
        )
    return dataset_of(*data)
