"""Figure 1c of one network and one seed: test error against the level of label corruption, beside copying."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from empirical.claims.result_sets import ResultSet, corruption_levels
from empirical.claims.significance import SIZE, share_interval
from empirical.runs.records import Run
from figures.palette import BLUE, RED, REFERENCE, Look, dashes, marker
from figures.style import chance_line, figure, label_ends, mathematics, points, set_title
from theory.label_noise import memorised_accuracy


def several_levels(results: ResultSet) -> bool:
    """Whether a network was trained at some level of label corruption between none and all."""
    return len(corruption_levels(results)) > 2


def draw_corruption(results: ResultSet, path: Path) -> None:
    """Draw test error against corruption for the trained and the explicit networks, with the theory's lines.

    Writes `path`.svg and `path`.png.
    """
    m, chance = results.config.n_test, results.chance
    levels = corruption_levels(results)
    clean_first = levels[0][0] == 0
    memorisation = (
        "Pure memorisation: the error if a test image has one training image's label, 1 − (1 − p)A − p/k with A the "
        "accuracy at p = 0. "
    )
    caption = (
        f"{results.scale}. Every network fits its training labels except where hollow. "
        f"{memorisation if clean_first else ''}Bars: exact binomial {1 - SIZE:.0%} intervals over the test images. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=8.2) as drawing:
        axes = drawing.add_subplot()
        axes.set(ylabel="test error on clean labels", ylim=(0, 1.02), xlim=(-0.02, 1.02))
        chance_line(axes, 1 - chance)
        if clean_first:
            clean = levels[0][1].summary.metrics["test_accuracy"]
            noise = np.linspace(0, 1, 101)
            axes.plot(
                noise,
                [1 - memorised_accuracy(clean, p, chance) for p in noise],
                color=REFERENCE,
                linewidth=5,
                alpha=0.35,
                solid_capstyle="butt",
                label="pure memorisation",
            )
        for networks, color, label in (
            (levels, BLUE, f"trained {results.config.model}"),
            (corruption_levels(results, explicit=True), RED, "explicit 2n + d network"),
        ):
            _series(networks, m, axes, Look(color, marker(color), dashes(color)), label)
        set_title(drawing, f"Test error against label corruption, {results.network}, n = {results.config.n_train:,}")
        mathematics(axes.set_xlabel("share of training labels replaced, $p$"))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        label_ends(axes)


def _series(levels: list[tuple[float, Run]], m: int, axes: Axes, look: Look, label: str) -> None:
    if not levels:
        return
    errors = [1 - run.summary.metrics["test_accuracy"] for _, run in levels]
    points(
        axes,
        [level for level, _ in levels],
        errors,
        look,
        label,
        between=[share_interval(error, m) for error in errors],
        filled=[run.summary.metrics["fitted"] for _, run in levels],
    )
