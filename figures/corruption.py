"""Figure 1c: test error against the level of label corruption, beside chance and memorisation."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import PercentFormatter
from scipy import stats

from empirical.claims.randomization_tests import SIZE, ResultSet, corruption_levels
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.runs.records import Run
from figures.style import TEST_COLORS, figure
from theory.label_noise import memorised_accuracy


def draw_corruption(results: ResultSet, path: Path) -> None:
    """Draw test error against corruption for the trained and the explicit networks, with the theory's lines.

    Writes `path`.svg and `path`.png.
    """
    m, chance = results.config.n_test, results.chance
    caption = (
        f"{results.scale}. Every network fits its training labels except where hollow. "
        f"Bars: exact binomial {1 - SIZE:.0%} intervals over the test images. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption) as drawing:
        axes = drawing.add_subplot()
        axes.axhline(
            1 - chance,
            color="#888888",
            linestyle=":",
            linewidth=1.5,
            label=f"chance, 1 − 1/k = {1 - chance:.0%}",
        )
        levels = corruption_levels(results)
        if levels and levels[0][0] == 0:
            clean = levels[0][1].summary.metrics["test_accuracy"]
            noise = np.linspace(0, 1, 101)
            axes.plot(
                noise,
                [1 - memorised_accuracy(clean, p, chance) for p in noise],
                color="#888888",
                linewidth=1.2,
                label="pure memorisation, 1 − (1 − p)A − p/k",
            )
        for networks, color, marker, label in (
            (levels, TEST_COLORS[TRUE_LABELS], "o", f"trained {results.config.model}"),
            (
                corruption_levels(results, explicit=True),
                TEST_COLORS[RANDOM_LABELS],
                "s",
                "explicit 2n + d network",
            ),
        ):
            _series(networks, m, axes, color, marker, label)
        axes.set(title="Test error against label corruption", xlabel="share of training labels replaced, p")
        axes.set(ylabel="test error on clean labels", ylim=(0, 1.02), xlim=(-0.02, 1.02))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="lower right", fontsize=8.5)


def _series(levels: list[tuple[float, Run]], m: int, axes, color: str, marker: str, label: str) -> None:  # type: ignore[no-untyped-def]
    if not levels:
        return
    noise = [level for level, _ in levels]
    errors = np.array([1 - run.summary.metrics["test_accuracy"] for _, run in levels])
    intervals = [stats.binomtest(round(error * m), m).proportion_ci(1 - SIZE, "exact") for error in errors]
    axes.errorbar(
        noise,
        errors,
        yerr=[errors - [i.low for i in intervals], [i.high for i in intervals] - errors],
        color=color,
        linewidth=1.8,
        capsize=2.5,
        elinewidth=1,
        label=label,
    )
    for level, error, (_, run) in zip(noise, errors, levels, strict=True):
        fitted = run.summary.metrics["fitted"]
        axes.plot(level, error, marker, color=color, markerfacecolor=color if fitted else "white", markersize=5)
