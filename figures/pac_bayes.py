"""The optimised PAC-Bayes bound: errors and bound on true and on random labels, and the way to it."""

import math
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter, PercentFormatter

from empirical.claims.pac_bayes import PacBayesResults, compare_pac_bayes
from figures.palette import REFERENCE
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import WHITE, figure, set_panel_title, set_title, test_colors, test_marker
from theory.claims import holds
from theory.complexity import binary_kl

_MEASURED = {
    "train_error": "network,\ntraining",
    "test_error": "network,\ntest",
    "stochastic_train_error": "stochastic,\ntraining",
    "stochastic_test_error": "stochastic,\ntest",
    "bound": "bound",
}
_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def draw_pac_bayes(results: PacBayesResults, path: Path) -> None:
    """Draw the errors of both networks and the bound for each labelling; beside them the way of the optimisation.

    Writes `path`.svg and `path`.png.
    """
    n = results.config.n_train
    caption = (
        f"{results.scale}. Left: the trained network, the stochastic network whose Gaussian weights were optimised, "
        "and the bound on its error, the same procedure on true and on random labels; test labels are true ones. "
        "Dashed: guessing. Right: the way of the optimisation from the trained weights (small) to the last bound "
        "(large). Grey lines: points with the same bound, up to terms of order log(n) / n. "
        f"Data: {results.config.source}."
    )
    colors = test_colors(run.config.randomization for run in results.runs)
    first = min(entry["divergence"] for run in results.runs for entry in run.summary.metrics["trace"]) / n
    least = min(first / 60, 1e-4)  # room for the words left of the first point
    with figure(path, caption, width=10.2, height=4.6) as drawing:
        left, right = drawing.subplots(1, 2, width_ratios=(1.15, 1))
        findings = compare_pac_bayes(results)
        tells = holds(findings, "pac-bayes-1") and holds(findings, "pac-bayes-2")
        set_title(drawing, "A bound that tells true from random labels" if tells else "An optimised PAC-Bayes bound")
        for at, run in enumerate(results.runs):
            test, metrics = run.config.randomization, run.summary.metrics
            color = colors[test]
            width = 0.8 / len(results.runs)
            places = np.arange(len(_MEASURED)) + (at - (len(results.runs) - 1) / 2) * width
            heights = [metrics[name] for name in _MEASURED]
            left.bar(places, heights, width=0.92 * width, color=color, label=test.name)
            for place, height in zip(places, heights, strict=True):
                words = f"{height:.3f}"
                left.text(place, height + 0.015, words, ha="center", fontsize=7.5, color=color, bbox=WHITE)
            trace = metrics["trace"]
            x, y = (np.array([entry[name] for entry in trace]) for name in ("divergence", "error"))
            right.plot(x / n, y, marker=test_marker(test), color=color, linewidth=1.6, markersize=4, label=test.name)
            right.plot(x[-1] / n, y[-1], marker=test_marker(test), color=color, markersize=9)
        left.set_xticks(range(len(_MEASURED)), list(_MEASURED.values()))
        left.set(ylim=(0, 1.05), ylabel="error")
        left.grid(visible=False, axis="x")
        left.axhline(0.5, color=REFERENCE, linestyle="--", linewidth=1.2, label="guessing", zorder=0.9)
        for level in _LEVELS:
            errors = np.linspace(0, level, 400)[:-1]
            complexities = np.array([binary_kl(float(error), level) for error in errors])
            right.plot(complexities, errors, color=REFERENCE, linewidth=1.6 if level == 0.5 else 0.7, zorder=0.9)
            start = float(np.interp(-least, -complexities, errors))
            right.text(
                1.25 * least,
                start,
                f"bound {level:g}",
                color=REFERENCE,
                fontsize=7,
                va="center",
                zorder=0.95,
                bbox=WHITE,
            )
        right.set(
            xscale="log",
            xlim=(least, 100),
            ylim=(0, 0.64),
            xlabel="KL(posterior, prior) / n, nats for each training image",
            ylabel="stochastic network's training error",
        )
        right.set_xticks([10.0**power for power in range(math.ceil(math.log10(least)), 3)])
        right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        for axes in (left, right):
            axes.set_axisbelow(True)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        set_panel_title(left, "Errors and bound")
        set_panel_title(right, "The way to it")
        left.legend(fontsize=8.5, loc="upper left")


PAC_BAYES_FIGURES: ResultFigures[PacBayesResults] = {
    "A bound that tells": ResultFigure("pac-bayes", draw_pac_bayes),
}
"""The figures by title."""
