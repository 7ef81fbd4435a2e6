"""Train accuracy on random labels against one hyper-parameter: the strength of weight decay, or the size of batches."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from empirical.claims.fitting import FITS, fits
from empirical.claims.paper import NONE, TABLE_1, is_papers_size
from empirical.claims.training_in_words import explicit_regularisers, unusual_settings
from empirical.randomization import RANDOM_LABELS
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.training.schedule import is_the_papers, total_decay
from figures.networks import DataSetRuns, seeds
from figures.palette import REFERENCE, Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import WHITE, figure


@dataclass(frozen=True)
class Sweep:
    """Runs on random labels that differ in one hyper-parameter and in their seeds alone.

    Attributes:
        config: what the runs share; the hyper-parameter, the seed, the source and the times of evaluation are
            placeholders.
        runs: the runs by rising value of the hyper-parameter, in order of their seeds. Among runs that differ only in
            how long they trained, the longest is taken.
    """

    config: RunConfig
    runs: Mapping[float, tuple[Run, ...]]

    @property
    def label(self) -> str:
        """The network, its images and, where they differ from the paper's, its settings."""
        training = self.config.hyper_parameters
        own = [f"{self.config.model}, n = {self.config.n_train:,}", *unusual_settings(training)]
        own += ["weights alone decay"] * (training.weight_decay_of == "weights")
        return ", ".join([*own, *explicit_regularisers(training)])

    @property
    def all_runs(self) -> list[Run]:
        """The runs of every value."""
        return [run for runs in self.runs.values() for run in runs]


def weight_decay_sweeps(runs: DataSetRuns) -> list[Sweep]:
    """Networks that were trained with at least two strengths of weight decay; their runs without any are the first."""
    sweeps = _sweeps(runs, "weight_decay", lambda config: True)
    return [sweep for sweep in sweeps if len(sweep.runs.keys() - {0.0}) > 1]


def batch_size_sweeps(runs: DataSetRuns) -> list[Sweep]:
    """Unregularised networks that were trained with at least two sizes of batches, the step size as the paper's."""

    def papers(config: RunConfig) -> bool:
        return is_the_papers(config.hyper_parameters) and not explicit_regularisers(config.hyper_parameters)

    return [sweep for sweep in _sweeps(runs, "batch_size", papers) if len(sweep.runs) > 1]


def paper_accuracy(sweep: Sweep) -> float | None:
    """The paper's train accuracy, as a share, where the sweep is of its network and of as many images."""
    config = sweep.config
    paper = TABLE_1.get((config.model, RANDOM_LABELS, NONE)) if is_papers_size(config) else None
    return paper.train / 100 if paper else None


def draw_weight_decay(runs: DataSetRuns, path: Path) -> None:
    """Draw train accuracy on random labels against the strength of weight decay. Writes `path`.svg and `path`.png.

    Numbers beside the points are total decays, `schedule.total_decay`; a run without decay is a line.
    """
    sweeps = weight_decay_sweeps(runs)
    caption = (
        f"{_scale(sweeps)}. Random labels, the fixed network at the end of training. Line: the mean over seeds; "
        "points: each seed. Numbers, t: weight decay alone multiplies the weights by exp(-t) over the run; the "
        "smallest t of the seeds. "
        + ("Dashed: without weight decay. " if any(0.0 in sweep.runs for sweep in sweeps) else "")
        + f"Hollow: below {FITS:.0%}. {_sources(sweeps)}"
    )
    with figure(path, caption, width=10.6) as drawing:
        axes = drawing.add_subplot()
        for sweep, look in zip(sweeps, looks(len(sweeps)), strict=True):
            color = look.color
            positive = {strength: some for strength, some in sweep.runs.items() if strength}
            _points(axes, positive, look, sweep.label)
            if 0.0 in sweep.runs:
                axes.axhline(_mean(sweep.runs[0.0]), color=color, linewidth=1, linestyle="--")
            for strength, some in positive.items():
                total = min(total_decay(run.config.hyper_parameters, run.summary.metrics["step"]) for run in some)
                axes.annotate(
                    f"{total:.2g}",
                    (strength, _mean(some)),
                    xytext=(3, -11),
                    textcoords="offset points",
                    fontsize=7.5,
                    color=color,
                    bbox=WHITE,
                )
        strengths = sorted({strength for sweep in sweeps for strength in sweep.runs if strength})
        _finish(axes, "Random labels against weight decay", "weight decay, its coefficient", strengths, "{:g}")
        drawing.legend(loc="outside right upper", fontsize=8)


def draw_batch_size(runs: DataSetRuns, path: Path) -> None:
    """Draw train accuracy on random labels against the size of batches. Writes `path`.svg and `path`.png."""
    sweeps = batch_size_sweeps(runs)
    papers = {sweep.config.model: value for sweep in sweeps if (value := paper_accuracy(sweep)) is not None}
    caption = (
        f"{_scale(sweeps)}. Random labels, the fixed network at the end of training. "
        + ("Dotted: the paper's Table 1, which does not state the size of batches. " if papers else "")
        + f"Hollow: below {FITS:.0%}. {_sources(sweeps)}"
    )
    with figure(path, caption, width=10.6) as drawing:
        axes = drawing.add_subplot()
        for sweep, look in zip(sweeps, looks(len(sweeps)), strict=True):
            _points(axes, sweep.runs, look, sweep.label)
        for model, accuracy in papers.items():
            axes.axhline(
                accuracy, color=REFERENCE, linestyle=":", linewidth=1.5, label=f"the paper's {model}, {accuracy:.2%}"
            )
        sizes = sorted({size for sweep in sweeps for size in sweep.runs})
        _finish(axes, "Random labels against the size of batches", "images a batch", sizes, "{:,.0f}")
        drawing.legend(loc="outside right upper", fontsize=8)


HYPER_PARAMETER_FIGURES: ResultFigures[DataSetRuns] = {
    "Weight decay": ResultFigure("weight-decay", draw_weight_decay, lambda runs: bool(weight_decay_sweeps(runs))),
    "Batch size": ResultFigure("batch-size", draw_batch_size, lambda runs: bool(batch_size_sweeps(runs))),
}


def _sweeps(runs: DataSetRuns, name: str, belongs: Callable[[RunConfig], bool]) -> list[Sweep]:
    groups: dict[RunConfig, dict[tuple[float, int], Run]] = {}
    for run in sorted(runs.runs, key=lambda run: run.summary.metrics["step"]):
        config = run.config
        if config.randomization == RANDOM_LABELS and config.hyper_parameters.optimizer == "sgd" and belongs(config):
            value = float(getattr(config.hyper_parameters, name))
            groups.setdefault(_shared(config, name), {})[value, config.seed] = run
    sweeps = []
    for shared, group in groups.items():
        values = sorted({value for value, _ in group})
        by_value = {value: [group[key] for key in sorted(group) if key[0] == value] for value in values}
        sweeps.append(Sweep(shared, {value: tuple(some) for value, some in by_value.items()}))
    return sorted(sweeps, key=lambda sweep: (sweep.config.model, sweep.config.n_train, sweep.config.hash))


def _shared(config: RunConfig, name: str) -> RunConfig:
    """The configuration without the hyper-parameter, and without what does not change the path of training."""
    first: dict[str, Any] = {"weight_decay": 0.0} if name == "weight_decay" else {"batch_size": 128, "decay_steps": 391}
    training = replace(
        config.hyper_parameters, max_steps=1, min_steps=0, epochs_per_record=1, epochs_per_train_evaluation=1, **first
    )
    return replace(config.with_training(training), seed=0, source="", n_test=0, test_digest="")


def _points(axes: Axes, by_value: Mapping[float, tuple[Run, ...]], look: Look, label: str) -> None:
    """Plot a dot for each run, hollow where it does not fit, and a line through three means or more."""
    axes.plot(
        list(by_value),
        [_mean(runs) for runs in by_value.values()],
        color=look.color,
        linestyle=look.dashes if len(by_value) > 2 else "",
        marker="" if len(by_value) > 2 else look.marker,
        markersize=5,
        linewidth=1.5,
        label=label,
    )
    for value, runs in by_value.items():
        for run in runs:
            face = look.color if fits(run) else "white"
            accuracy = run.summary.metrics["train_accuracy"]
            axes.plot(value, accuracy, look.marker, color=look.color, markerfacecolor=face, markersize=5)


def _finish(axes: Axes, title: str, label: str, values: Iterable[float], form: str) -> None:
    low = min(axes.get_ylim()[0], 0.97)  # a difference of rounding is not to fill the picture
    axes.set(title=title, xlabel=label, ylabel="train accuracy", xscale="log", ylim=(low, 1 + 0.05 * (1 - low)))
    axes.set_xticks(list(values))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form.format(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _mean(runs: Iterable[Run]) -> float:
    return float(np.mean([run.summary.metrics["train_accuracy"] for run in runs]))


def _scale(sweeps: Iterable[Sweep]) -> str:
    """The data, the networks, their seeds and device, for captions."""
    own = [f"{sweep.label} ({seeds(sweep.all_runs)}, {sweep.config.device})" for sweep in sweeps]
    return f"{next(iter(sweeps)).config.data}; {'; '.join(own)}"


def _sources(sweeps: Iterable[Sweep]) -> str:
    sources = dict.fromkeys(run.config.source for sweep in sweeps for run in sweep.all_runs)
    return f"Data: {'; '.join(sources)}."
