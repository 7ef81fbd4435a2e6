"""Figure 1 of the paper over all networks and seeds of a data set, without explicit regularisers.

A run has converged at the first epoch after which the fixed network gives every training sample the label it was given.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from empirical.claims.fitting import first_fit
from empirical.claims.paper import NONE, RERUN_1A, TABLE_1, is_papers_size
from empirical.claims.significance import SIZE, share_interval
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.training.epoch_record import EpochRecord
from figures.loss_curves import in_words, point_of_fit, training_curve, training_quantity
from figures.networks import DataSetRuns, Network, evaluation_times, scale, sources
from figures.palette import COLORS, REFERENCE, Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import (
    TEST_COLORS,
    chance_line,
    figure,
    label_ends,
    mathematics,
    points,
    set_panel_title,
    set_title,
    test_dashes,
    test_marker,
    unit_of_steps,
)

_CONVERGED = "Converged: every training label reproduced by the fixed network, looked at"
_HOLLOW = "hollow: not within the limit of steps, drawn where it stopped"
_SEEDS = "Curves: means over seeds; small dots: every seed"

Point = tuple[float, bool]
"""A run's value, and whether it has converged."""


def draw_training_loss(network: Network, path: Path) -> None:
    """Draw Figure 1a: training loss against steps of the paper's five tests; a dot where every label is first fitted.

    Writes `path`.svg and `path`.png.
    """
    drawn = _tests(network)
    samples = {network: _all(drawn)}
    quantity = training_quantity(samples[network])
    reruns = RERUN_1A if _is_of_the_paper(network) and quantity != "error as trained" else {}
    caption = (
        f"{scale(samples)}. {in_words(samples[network], quantity)}, until the last run fits; "
        "thin lines: other seeds. Large dots: every label is fitted for the first time. "
        + ("Signs: thousands of steps of an independent public re-run of the figure, one seed. " if reruns else "")
        + f"Data: {sources(samples)}."
    )
    ends = [float(_end(run).step) for run in samples[network]]
    ends += [1000 * max(curve.values()) for curve in reruns.values()]
    unit, label = unit_of_steps(max(ends))
    with figure(path, caption, width=8.2) as drawing:
        axes = drawing.add_subplot()
        for test, runs in drawn.items():
            color = TEST_COLORS[test]
            for at, run in enumerate(runs):
                steps, losses = training_curve(run, quantity)
                axes.plot(
                    [step / unit for step in steps],
                    losses,
                    color=color,
                    linewidth=0.8 if at else 2,
                    linestyle=test_dashes(test),
                    marker=test_marker(test),
                    markersize=2.5 if at else 4,
                    markevery=(0.02 * (1 + list(drawn).index(test)), 0.12) if len(steps) > 2 else None,
                    label=None if at else test.name,
                )
                if point := point_of_fit(run, quantity):
                    step, loss = point
                    axes.plot(step / unit, loss, "o", color=color, markersize=7, clip_on=False, zorder=3)
            for (below, thousands), sign in zip(reruns.get(test, {}).items(), _RERUN_MARKERS, strict=False):
                axes.plot(1000 * thousands / unit, below, sign, color=color, markersize=7, markeredgewidth=1.5)
        handles = axes.get_legend_handles_labels()[0]
        if reruns:
            thresholds = next(iter(reruns.values()))
            handles += [
                _sign(sign, f"a public re-run:\nloss below {below:g}")
                for below, sign in zip(thresholds, _RERUN_MARKERS, strict=True)
            ]
        name = "training error as trained" if quantity == "error as trained" else "training loss"
        axes.set(title=f"Figure 1a: {name}, {network.label}")
        axes.set(xlabel=label, xlim=(0, 1.05 * max(ends) / unit), ylim=(0, None))
        axes.set_ylabel("wrong training labels, share" if quantity == "error as trained" else "training loss (nats)")
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8.5, handlelength=4)


_RERUN_MARKERS = ("x", "+")


def draw_time_to_fit(runs: DataSetRuns, path: Path) -> None:
    """Draw Figure 1b: steps to converge, relative to those on true labels, against label corruption.

    A panel for each number of training images. Writes `path`.svg and `path`.png.
    """
    networks = {network: times for network in runs.unregularised if len(times := relative_times(network)) > 1}
    samples = {network: _all(network.levels) for network in networks}
    left_out = [sample.label for sample in runs.unregularised if len(sample.levels) > 1 and sample not in networks]
    caption = (
        f"{scale(samples)}. {_CONVERGED} {_when(networks)}; {_HOLLOW}. The time is the "
        f"number of steps until then over the same seed's at p = 0. {_SEEDS}; bars: from the least to the largest, "
        "each known to the steps between two looks. "
        + (f"Left out, having no seed that fits true labels: {'; '.join(left_out)}. " if left_out else "")
        + f"Data: {sources(samples)}."
    )
    tops = [_time_bounds(network, level)[1] for network, levels in networks.items() for level in levels]
    ratios = [value for levels in networks.values() for points in levels.values() for value, _ in points]
    highest = min(max(tops), 2 * max(ratios))  # a bar from labels that the first look finds fitted has no end to show
    with _panels(path, caption, runs, networks, "Figure 1b: time to fit against label corruption") as panels:
        for axes, some in panels:
            axes.set(ylim=(0, 1.06 * highest), ylabel="time to fit,\nrelative to true labels")
            for network, look in _looks(runs, some).items():
                levels = networks[network]
                ends = [_time_bounds(network, level) for level in levels]
                _curve(axes, levels, look, network.name, ends)


def draw_error_after_convergence(runs: DataSetRuns, path: Path) -> None:
    """Draw Figure 1c: test error after convergence against label corruption, the paper's ends marked on CIFAR-10.

    A panel for each number of training images. Writes `path`.svg and `path`.png.
    """
    networks = {network: levels for network in runs.unregularised if len(levels := errors(network)) > 1}
    marked = {network.config.model for network in networks} & (_paper_models() if runs.data == "cifar10" else set())
    samples = {network: _all(network.levels) for network in networks}
    caption = (
        f"{scale(samples)}. Error on clean test labels at convergence. "
        f"{_CONVERGED} {_when(networks)}; {_HOLLOW}. {_SEEDS}; bars: exact binomial {1 - SIZE:.0%} intervals of the "
        "mean over the test images. "
        + ("Stars: the paper's Table 1, true and random labels, 50,000 images. " if marked else "")
        + f"Data: {sources(samples)}."
    )
    title = "Figure 1c: test error after convergence against label corruption"
    with _panels(path, caption, runs, networks, title) as panels:
        for axes, some in panels:
            axes.set(ylim=(0, 1.02), ylabel="test error")
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            for classes in sorted({network.config.num_classes for network in some}):
                chance_line(axes, 1 - 1 / classes)
            for network, look in _looks(runs, some).items():
                levels, m = networks[network], network.config.n_test
                means = [float(np.mean(values)) for values in map(_values, levels.values())]
                _curve(axes, levels, look, network.name, [share_interval(mean, m) for mean in means])
                if network.config.model in marked:
                    ends = [TABLE_1[network.config.model, test, NONE].test for test in (TRUE_LABELS, RANDOM_LABELS)]
                    axes.plot(
                        [0, 1],
                        [1 - end / 100 for end in ends],
                        "*",
                        color=look.color,
                        markersize=11,
                        alpha=0.6,
                        zorder=1.9,
                    )


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


def _time_bounds(network: Network, level: float) -> tuple[float, float]:
    """The least and the largest relative time of a level: labels are fitted somewhere between two looks."""
    if level == 0:
        return 1.0, 1.0
    clean = {run.config.seed: _within(run) for run in network.levels[0.0] if first_fit(run)}
    times = [
        (low / clean[run.config.seed][1], high / max(clean[run.config.seed][0], 1))
        for run in network.levels[level]
        if run.config.seed in clean and clean[run.config.seed][1] > 0
        for low, high in [_within(run)]
    ]
    return min(low for low, _ in times), max(high for _, high in times)


def _within(run: Run) -> tuple[int, int]:
    """The steps of the look before a run has converged, and of the look that finds it; twice the last if it has not."""
    end = _end(run)
    before = [record.step for record in run.epochs if record.step < end.step]
    return before[-1] if before and end.fitted else end.step, end.step


def errors(network: Network) -> dict[float, list[Point]]:
    """The test error at convergence, by label corruption."""
    return {
        level: [(1 - _end(run).test_accuracy, _end(run).fitted) for run in runs]
        for level, runs in network.levels.items()
    }


def _enough(network: Network, levels: Mapping[float, Any]) -> bool:
    """Whether the levels of label corruption make a curve; at the paper's size its two ends are worth a figure."""
    config = network.config
    return len(levels) > 2 or (len(levels) == 2 and is_papers_size(config))


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
        lambda runs: any(_enough(network, relative_times(network)) for network in runs.unregularised),
    ),
    "Figure 1c: test error after convergence": ResultFigure(
        "figure-1c",
        draw_error_after_convergence,
        lambda runs: any(_enough(network, network.levels) for network in runs.unregularised),
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
    return config.model == "inception" and is_papers_size(config)


def _paper_models() -> set[str]:
    return {model for model, test, chosen in TABLE_1 if (test, chosen) == (RANDOM_LABELS, NONE)}


_PAPERS_NETWORKS = tuple(dict.fromkeys(model for model, _, _ in TABLE_1))
"""The paper's networks, which have the same colours whatever else is drawn."""


def _all(samples: Mapping[Any, tuple[Run, ...]]) -> list[Run]:
    return [run for runs in samples.values() for run in runs]


def _end(run: Run) -> EpochRecord:
    """The epoch in which a run has converged, or else stopped."""
    return first_fit(run) or run.epochs[-1]


def _looks(runs: DataSetRuns, networks: Sequence[Network]) -> dict[Network, Look]:
    """A look for each network, the same in every panel and figure; another for its further settings."""
    models = list(dict.fromkeys([*_PAPERS_NETWORKS, *(network.config.model for network in runs.unregularised)]))
    size = max(len(models), len(COLORS))
    all_looks = looks(size * (1 + len(networks)))
    chosen, seen = {}, dict.fromkeys(models, 0)
    for network in networks:
        model = network.config.model
        chosen[network] = all_looks[models.index(model) + size * seen[model]]
        seen[model] += 1
    return chosen


@contextmanager
def _panels(
    path: Path, caption: str, runs: DataSetRuns, networks: Iterable[Network], title: str
) -> Iterator[list[tuple[Axes, list[Network]]]]:
    """A panel for each number of training images, whose curves have their labels beside them."""
    by_size: dict[int, list[Network]] = {}
    for network in networks:
        by_size.setdefault(network.config.n_train, []).append(network)
    columns = min(2, len(by_size))
    rows = -(-len(by_size) // columns)
    with figure(path, caption, width=6.2 * columns + 1.2, height=1.2 + 3.6 * rows) as drawing:
        grid = drawing.subplots(rows, columns, squeeze=False).flat
        set_title(drawing, f"{title}, {runs.data}")
        panels = [(axes, by_size[n]) for axes, n in zip(grid, sorted(by_size), strict=False)]
        for axes in list(grid)[len(panels) :]:
            axes.remove()
        yield panels
        for axes, some in panels:
            set_panel_title(axes, f"n = {some[0].config.n_train:,}")
            axes.set_xlim(-0.03, 1.03)
            mathematics(axes.set_xlabel("share of training labels replaced, $p$"))
            label_ends(axes, rows=rows)


def _values(points: Sequence[Point]) -> list[float]:
    return [value for value, _ in points]


def _curve(
    axes: Axes, levels: dict[float, list[Point]], look: Look, label: str, between: Sequence[tuple[float, float]]
) -> None:
    """Plot the means, a bar for each, and a small dot for every seed if there are several."""
    means = [float(np.mean(values)) for values in map(_values, levels.values())]
    whole = [all(converged for _, converged in seeds) for seeds in levels.values()]
    points(axes, list(levels), means, look, label, between=between, filled=whole)
    for level, seeds in levels.items():
        for value, converged in seeds if len(seeds) > 1 else ():
            fill = look.color if converged else "white"
            axes.plot(level, value, look.marker, color=look.color, markerfacecolor=fill, markersize=2.5, zorder=2.5)


def _sign(marker: str, label: str) -> Line2D:
    """A marker's entry of the legend, in no network's or test's colour."""
    return Line2D([], [], color=REFERENCE, marker=marker, linestyle="", label=label)
