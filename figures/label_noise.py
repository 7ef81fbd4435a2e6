"""Test error against label noise: what theory predicts, and what was measured."""

from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.ticker import PercentFormatter

from empirical.claims.label_noise import NoiseResults
from empirical.claims.significance import SIZE, share_interval
from empirical.studies.label_noise import EXPLICIT, KERNEL, LEAVE_ONE_OUT, LINEAR, NEAREST
from figures.palette import COLORS, dashes, marker
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import chance_line, figure, mathematics, set_panel_title, set_title

_KERNEL, _EXPLICIT, _NETWORK, _OTHER, _LINEAR, _NEAREST = COLORS


def draw_label_noise(results: NoiseResults, path: Path) -> None:
    """Draw predicted and measured test errors: interpolants beside their predictions, networks beside copying.

    Writes `path`.svg and `path`.png.
    """
    size = SIZE / len(results.levels)
    caption = (
        f"{results.scale}. Lines: predicted from images and clean labels, nothing trained, mean over draws of the "
        f"noise; bands: {1 - size:.2%} prediction intervals, {1 - SIZE:.0%} over the levels. Points: measured; hollow: "
        f"a training label is missed; bars: exact binomial {1 - SIZE:.0%} intervals over the test images. "
        f"Data: {results.config.source}."
    )
    levels = np.array(results.levels)
    with figure(path, caption, width=9.2, height=6.0) as drawing:
        left, right = drawing.subplots(1, 2, sharey=True)
        set_title(drawing, f"Test error under label noise, predicted and measured, n = {results.config.n_train:,}")
        for axes, bands in ((left, ((KERNEL, _KERNEL), (EXPLICIT, _EXPLICIT))), (right, ((NEAREST, _NEAREST),))):
            chance_line(axes, 1 - results.chance)
            for rule, color in bands:
                intervals = np.array([results.interval(rule, index, size) for index in range(len(levels))])
                error = 1 - np.array([entry["accuracy"] for entry in results.predicted(rule)])
                axes.fill_between(levels, *(1 - np.clip(intervals.T, 0, 1)), color=color, alpha=0.15, linewidth=0)
                axes.plot(
                    levels,
                    error,
                    color=color,
                    linestyle=dashes(color),
                    linewidth=1.4,
                    label=f"{_RULES[rule]}, predicted",
                )
            axes.set(ylim=(0, 1.02), xlim=(-0.02, 1.02))
            mathematics(axes.set_xlabel("share of training labels replaced, $p$"))
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        for axes, rule, color in ((left, LEAVE_ONE_OUT, _KERNEL), (right, LINEAR, _LINEAR)):
            error = 1 - np.array([entry["accuracy"] for entry in results.predicted(rule)])
            axes.plot(levels, error, "--", color=color, linewidth=1.4, label=f"{_RULES[rule]}, predicted")
        for name, color in (("Gaussian kernel", _KERNEL), ("explicit network", _EXPLICIT)):
            _measured(results, left, name, color)
        for name, color in zip(results.networks, cycle((_NETWORK, _OTHER, _KERNEL, _EXPLICIT)), strict=False):
            _measured(results, right, name, color)
        set_panel_title(left, "Interpolants in closed form")
        beside = "Trained networks and two rules" if results.networks else "Two rules to hold networks to"
        set_panel_title(right, beside)
        left.set_ylabel("test error on clean labels")
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize=8.5)


_RULES = {
    NEAREST: "one-nearest-neighbour",
    LINEAR: "least squares on pixels",
    KERNEL: "Gaussian kernel",
    LEAVE_ONE_OUT: "leave-one-out",
    EXPLICIT: "explicit network",
}


def _measured(results: NoiseResults, axes, name: str, color: str) -> None:  # type: ignore[no-untyped-def]
    runs = results.measured.get(name, [])
    m = results.config.n_test
    for index, (level, run) in enumerate(runs):
        error = 1 - run.summary.metrics["test_accuracy"]
        low, high = share_interval(error, m)
        axes.errorbar(
            level,
            error,
            yerr=[[error - low], [high - error]],
            fmt=marker(color),
            color=color,
            markerfacecolor=color if run.summary.metrics["fitted"] else "white",
            markersize=4.5,
            capsize=2,
            elinewidth=0.9,
            label=f"{name}, measured" if not index else None,
        )


NOISE_FIGURES: ResultFigures[NoiseResults] = {
    "Test error under label noise, predicted and measured": ResultFigure("label-noise", draw_label_noise),
}
