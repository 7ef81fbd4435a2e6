"""Figure 1 of the paper over all networks and seeds of a data set, without explicit regularisers.

A run has converged at the first epoch after which the fixed network gives every training sample the label it was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from empirical.claims.paper import NONE, RERUN_1A, TABLE_1
from empirical.claims.randomization_tests import first_fit
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.runs.training_loss import loss_curve, online_loss_recorded
from empirical.training.epoch_record import EpochRecord
from figures.networks import DataSetRuns, Network, evaluation_times, loss_in_words, scale, sources
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import TEST_COLORS, figure, series_colors, test_dashes

_CONVERGED = "Converged: every training label reproduced by the fixed network, looked at"
_HOLLOW = "hollow: not within the limit of steps, drawn where it stopped"
_SEEDS = "Curves: means over seeds; small dots: every seed"
_GREY = "#888888"
_MARKERS = {"-": "o", "--": "s", "-.": "^", ":": "D"}  # markers of points, by the dashes of their line

Point = tuple[float, bool]
"""A run's value, and whether it has converged."""


def draw_training_loss(network: Network, path: Path) -> None:
    """Draw Figure 1a: training loss against steps of the paper's five tests; a dot where every label is first fitted.

    Writes `path`.svg and `path`.png.
    """
    drawn = _tests(network)
    samples = {network: _all(drawn)}
    reruns = RERUN_1A if _is_of_the_paper(network) else {}
    online = online_loss_recorded(samples[network])
    caption = (
        f"{scale(samples)}. Mean cross-entropy of training images on the labels given, "
        f"{loss_in_words([network.training], online=online)}, to where the last one has fitted them; "
        "thin: further seeds. Dot: every label is fitted for the first time. "
        + ("Signs: thousands of steps of an independent public re-run of the figure, one seed. " if reruns else "")
        + f"Data: {sources(samples)}."
    )
    with figure(path, caption) as drawing:
        axes = drawing.add_subplot()
        for test, runs in drawn.items():
            color = TEST_COLORS[test]
            for at, run in enumerate(runs):
                steps, losses = loss_curve(run, online=online)
                axes.plot(
                    [step / 1000 for step in steps],
                    losses,
                    color=color,
                    linewidth=0.8 if at else 2,
                    linestyle=test_dashes(test),
                    label=None if at else test.name,
                )
                if fit := first_fit(run):
                    loss = dict(zip(steps, losses, strict=True)).get(fit.step, fit.train_loss)
                    assert loss is not None, "a network that fits was evaluated on all its training images"
                    axes.plot(fit.step / 1000, loss, "o", color=color, markersize=4, clip_on=False, zorder=3)
            for (below, thousands), marker in zip(reruns.get(test, {}).items(), _RERUN_MARKERS, strict=False):
                axes.plot(thousands, below, marker, color=color, markersize=7, markeredgewidth=1.5)
        handles = axes.get_legend_handles_labels()[0]
        if reruns:
            thresholds = next(iter(reruns.values()))
            handles += [
                _sign(marker, f"a public re-run: loss below {below:g}")
                for below, marker in zip(thresholds, _RERUN_MARKERS, strict=True)
            ]
        axes.set(title=f"Figure 1a: training loss, {network.label}")
        ends = [_end(run).step / 1000 for run in samples[network]] + [max(curve.values()) for curve in reruns.values()]
        axes.set(xlabel="thousands of steps", ylabel="training loss (nats)", xlim=(0, 1.05 * max(ends)), ylim=(0, None))
        axes.legend(handles=handles, loc="upper right", fontsize=8.5)


_RERUN_MARKERS = ("x", "+")


def draw_time_to_fit(runs: DataSetRuns, path: Path) -> None:
    """Draw Figure 1b: steps to converge, relative to those on true labels, against label corruption.

    Writes `path`.svg and `path`.png.
    """
    networks = {network: times for network in runs.unregularised if len(times := relative_times(network)) > 1}
    samples = {network: _all(network.levels) for network in networks}
    left_out = [sample.label for sample in runs.unregularised if len(sample.levels) > 1 and sample not in networks]
    caption = (
        f"{scale(samples)}. {_CONVERGED} {_when(networks)}; {_HOLLOW}. The time is the "
        f"number of steps until then over the same seed's at p = 0. {_SEEDS}. "
        + (f"Left out, having no seed that fits true labels: {'; '.join(left_out)}. " if left_out else "")
        + f"Data: {sources(samples)}."
    )
    with figure(path, caption) as drawing:
        axes = drawing.add_subplot()
        for network, (color, dashes) in _looks(runs, networks).items():
            _curve(axes, networks[network], color, dashes, network.label)
        axes.set(title="Figure 1b: time to fit against label corruption", ylim=(0, None))
        axes.set(ylabel="time to fit, relative to true labels")
        _against_corruption(axes, "best")


def draw_error_after_convergence(runs: DataSetRuns, path: Path) -> None:
    """Draw Figure 1c: test error after convergence against label corruption, the paper's ends marked on CIFAR-10.

    Writes `path`.svg and `path`.png.
    """
    networks = {network: levels for network in runs.unregularised if len(levels := errors(network)) > 1}
    marked = {network.config.model for network in networks} & (_paper_models() if runs.data == "cifar10" else set())
    samples = {network: _all(network.levels) for network in networks}
    caption = (
        f"{scale(samples)}. Error on clean test labels at convergence. "
        f"{_CONVERGED} {_when(networks)}; {_HOLLOW}. {_SEEDS}. "
        + ("Stars: the paper's Table 1, true and random labels. " if marked else "")
        + f"Data: {sources(samples)}."
    )
    with figure(path, caption) as drawing:
        axes = drawing.add_subplot()
        for classes in sorted({network.config.num_classes for network in networks}):
            chance = 1 - 1 / classes
            axes.axhline(chance, color=_GREY, linestyle=":", linewidth=1.5, label=f"chance, 1 − 1/k = {chance:.0%}")
        for network, (color, dashes) in _looks(runs, networks).items():
            _curve(axes, networks[network], color, dashes, network.label)
            if network.config.model in marked:
                ends = [TABLE_1[network.config.model, test, NONE].test for test in (TRUE_LABELS, RANDOM_LABELS)]
                axes.plot(
                    [0, 1], [1 - end / 100 for end in ends], "*", color=color, markersize=11, alpha=0.6, zorder=1.9
                )
        handles = axes.get_legend_handles_labels()[0] + ([_sign("*", "the paper, 50,000 images")] if marked else [])
        axes.set(title="Figure 1c: test error after convergence against label corruption", ylim=(0, 1.02))
        axes.set(ylabel="test error")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        _against_corruption(axes, "lower right", handles)


def relative_times(network: Network) -> dict[float, list[Point]]:
    """The steps to converge over the steps of the same seed on true labels, by label corruption.

    Seeds that have not converged on true labels are left out.
    """
    unit = {
        run.config.seed: fit.step
        for run in network.levels.get(0.0, ())
        if (fit := first_fit(run)) is not None and fit.step > 0
    }
    times = {
        level: [(_end(run).step / unit[run.config.seed], _end(run).fitted) for run in runs if run.config.seed in unit]
        for level, runs in network.levels.items()
    }
    return {level: points for level, points in times.items() if points}


def errors(network: Network) -> dict[float, list[Point]]:
    """The test error at convergence, by label corruption."""
    return {
        level: [(1 - _end(run).test_accuracy, _end(run).fitted) for run in runs]
        for level, runs in network.levels.items()
    }


NETWORK_FIGURES: ResultFigures[Network] = {
    "Figure 1a: training loss": ResultFigure(
        "figure-1a", draw_training_loss, lambda network: not network.regularised and len(_tests(network)) >= 3
    )
}
"""The figures of one network."""

DATA_SET_FIGURES: ResultFigures[DataSetRuns] = {
    "Figure 1b: time to fit": ResultFigure(
        "figure-1b",
        draw_time_to_fit,
        lambda runs: any(len(relative_times(network)) > 1 for network in runs.unregularised),
    ),
    "Figure 1c: test error after convergence": ResultFigure(
        "figure-1c",
        draw_error_after_convergence,
        lambda runs: any(len(network.levels) > 1 for network in runs.unregularised),
    ),
}
"""The figures of all networks on a data set."""


def _tests(network: Network) -> dict[Randomization, tuple[Run, ...]]:
    """The tests of Figure 1a that were run."""
    return {test: network.runs[test] for test in TEST_COLORS if test in network.runs}


def _when(networks: Iterable[Network]) -> str:
    return evaluation_times(network.training for network in networks)


def _is_of_the_paper(network: Network) -> bool:
    config = network.config
    return (config.data, config.model, config.n_train) == ("cifar10", "inception", 50_000)


def _paper_models() -> set[str]:
    return {model for model, test, chosen in TABLE_1 if (test, chosen) == (RANDOM_LABELS, NONE)}


def _all(samples: Mapping[Any, tuple[Run, ...]]) -> list[Run]:
    return [run for runs in samples.values() for run in runs]


def _end(run: Run) -> EpochRecord:
    """The epoch in which a run has converged, or else stopped."""
    return first_fit(run) or run.epochs[-1]


def _looks(runs: DataSetRuns, networks: dict[Network, dict[float, list[Point]]]) -> dict[Network, tuple[str, str]]:
    """A colour for each network of the data set, whichever of them are drawn, and dashes for its further settings."""
    models = list(dict.fromkeys(network.config.model for network in runs.unregularised))
    colors = dict(zip(models, series_colors(len(models)), strict=True))
    looks, seen = {}, dict.fromkeys(models, 0)
    for network in networks:
        model = network.config.model
        looks[network] = colors[model], list(_MARKERS)[seen[model] % len(_MARKERS)]
        seen[model] += 1
    return looks


def _curve(axes: Axes, levels: dict[float, list[Point]], color: str, dashes: str, label: str) -> None:
    """Plot the means, a dot for each, and a smaller dot for every seed if there are several.

    Two levels are two points: a line through them would show what was not measured.
    """
    means = [float(np.mean([value for value, _ in points])) for points in levels.values()]
    marker = _MARKERS[dashes]
    if len(levels) > 2:
        axes.plot(list(levels), means, color=color, linestyle=dashes, linewidth=1.8, label=label)
    else:
        axes.plot(list(levels), means, color=color, linestyle="", marker=marker, markersize=5, label=label)
    for (level, points), mean in zip(levels.items(), means, strict=True):
        _dot(axes, level, mean, color, 5, marker, filled=all(converged for _, converged in points))
        for value, converged in points if len(points) > 1 else ():
            _dot(axes, level, value, color, 2.5, marker, filled=converged)


def _dot(axes: Axes, x: float, y: float, color: str, size: float, marker: str, *, filled: bool) -> None:
    axes.plot(x, y, marker, color=color, markerfacecolor=color if filled else "white", markersize=size, zorder=2.5)


def _against_corruption(axes: Axes, where: Literal["best", "lower right"], handles: Sequence[Artist] = ()) -> None:
    axes.set(xlabel="share of training labels replaced, p", xlim=(-0.03, 1.03))
    axes.legend(handles=handles or axes.get_legend_handles_labels()[0], loc=where, fontsize=8.5)


def _sign(marker: str, label: str) -> Line2D:
    """A marker's entry of the legend, in no network's or test's colour."""
    return Line2D([], [], color=_GREY, marker=marker, linestyle="", label=label)
