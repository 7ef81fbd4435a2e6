"""Steps to start and to fit random labels against the distance of images that noise moves apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from empirical.claims.distance import NEAREST, WITHIN_CLASSES, DistanceResults, steps_to_fit, steps_to_start
from empirical.claims.randomization_tests import QUICK_SHARE
from empirical.runs.records import Run
from figures.palette import Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, set_panel_title, set_title


def draw_distance(results: DistanceResults, path: Path) -> None:
    """Draw the steps of every seed and their means, against the mean distance in a class and that to the nearest image.

    Writes `path`.svg and `path`.png.
    """
    caption = (
        f"{results.scale}. Each image is mixed with Gaussian noise of its own mean and variance, of which the share "
        "stands at the points; the labels are the same. Distances of whitened images, 1 is that of independent noise. "
        f"Start: the training loss is below {1 - QUICK_SHARE:.0%} of guessing's; fit: every label is reproduced. Dots: "
        f"seeds; lines: their means. Data: {results.config.source}."
    )
    with figure(path, caption, width=10.4, height=4.4) as drawing:
        panels = drawing.subplots(1, 2, sharey=True)
        for axes, distance in zip(panels, (WITHIN_CLASSES, NEAREST), strict=True):
            for (label, steps), look in zip(_COUNTS.items(), looks(len(_COUNTS)), strict=True):
                _series(axes, results, distance, steps, label, look)
            axes.set(yscale="log")
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.yaxis.set_minor_formatter(ScalarFormatter())
        panels[0].set(ylabel="steps", xlabel="mean distance between images of a class")
        panels[1].set(xlabel="median distance to the nearest image")
        set_panel_title(panels[0], "Distance within a class (the paper's conjecture)")
        set_panel_title(panels[1], "Nearest images")
        panels[1].legend(fontsize=8.5)
        set_title(drawing, f"Steps against the distance of images, random labels, n = {results.config.n_train:,}")


_COUNTS: dict[str, Callable[[Run], float | None]] = {
    "steps until the loss starts to fall": steps_to_start,
    "steps until every label is fitted": steps_to_fit,
}


def _series(
    axes: Axes,
    results: DistanceResults,
    distance: str,
    steps: Callable[[Run], float | None],
    label: str,
    look: Look,
) -> None:
    """Plot the means where every seed gets there, with the share of noise at each point."""
    means = []
    for share in results.shares:
        pairs = [(run.summary.metrics[distance], steps(run)) for run in results.at(share)]
        reached = [(apart, count) for apart, count in pairs if apart is not None and count is not None]
        for apart, count in reached:
            axes.plot(apart, count, look.marker, color=look.color, markersize=3, alpha=0.45)
        if reached and len(reached) == len(pairs):
            apart, count = np.mean(np.array(reached, dtype=float), axis=0)
            means.append((apart, count))
            axes.annotate(
                f"{share:g}", (apart, count), xytext=(2, 6), textcoords="offset points", fontsize=7.5, color=look.color
            )
    if means:
        axes.plot(*zip(*means, strict=True), color=look.color, linestyle=look.dashes, linewidth=1.8, label=label)


def _drawable(results: DistanceResults) -> bool:
    distances = [run.summary.metrics[WITHIN_CLASSES] for run in results.runs]
    starts = [steps_to_start(run) for run in results.runs]
    return len(results.shares) > 1 and None not in distances and None not in starts


DISTANCE_FIGURES: ResultFigures[DistanceResults] = {
    "Steps against distance": ResultFigure("distance", draw_distance, _drawable),
}
"""The figures by title."""
