"""Double descent of networks: test loss and error against width, and the error along training."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from empirical.claims.network_double_descent import NetworkDoubleDescentResults
from figures.palette import REFERENCE, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, from_zero, set_panel_title, set_title


def draw_network_double_descent(results: NetworkDoubleDescentResults, path: Path) -> None:
    """Draw the last test loss and error against P / (n k) for each level of label corruption; beside them the error
    along training of a small network, of one near the threshold, and of the largest, at the highest level.

    Writes `path`.svg and `path`.png.
    """
    top = max(range(len(results.levels)), key=lambda index: results.levels[index])
    caption = (
        f"{results.scale}. P parameters are trained on the squared distance from n k numbers, one-hot labels of which "
        "a share p is replaced; test labels are clean. Lines: means over networks, of the loss geometric ones; bands: "
        "least and largest. Thin lines in the middle: the lowest test error along training, chosen on the test images. "
        f"The dashed vertical line is P = n k. Right: p = {results.levels[top]:g}. Data: {results.config.source}."
    )
    with figure(path, caption, width=10.5, height=4.4) as drawing:
        left, middle, right = drawing.subplots(1, 3)
        set_title(drawing, f"Double descent of networks: two layers, n = {results.config.n_train:,}")
        for index, (level, look) in enumerate(zip(results.levels, looks(len(results.levels)), strict=True)):
            errors = results.test_error(index)
            losses = results.test_loss(index)[:, -1]
            for axes, values, mean in (
                (left, losses, np.exp(np.log(losses).mean(1))),
                (middle, errors[:, -1], errors[:, -1].mean(1)),
            ):
                axes.fill_between(results.ratios, values.min(1), values.max(1), color=look.color, alpha=0.15, lw=0)
                axes.plot(
                    results.ratios,
                    mean,
                    color=look.color,
                    marker=look.marker,
                    markersize=3.5,
                    linewidth=1.6,
                    label=f"p = {level:g}",
                )
            middle.plot(results.ratios, errors.mean(2).min(1), color=look.color, linewidth=0.8)
        for axes, title in ((left, "Test loss, last step"), (middle, "Test error, last step")):
            axes.axvline(1, color=REFERENCE, linestyle="--", linewidth=1)
            axes.set(xscale="log", xlabel="parameters per number to fit, P / (n k)")
            _plain_numbers(axes, [0.1, 1, 10])
            set_panel_title(axes, title)
        left.set(yscale="log", ylabel="mean squared distance from one-hot labels")
        middle.set_ylabel("test error on clean labels")
        left.legend(fontsize=8.5, title="labels replaced", title_fontsize=8.5)
        nearest = int(abs(results.ratios - 1).argmin())
        shown = sorted({0, nearest, len(results.ratios) - 1})
        for at, look in zip(shown, looks(len(shown) + 3)[3:], strict=True):
            values = results.test_error(top)[at]
            right.fill_between(results.steps, values.min(1), values.max(1), color=look.color, alpha=0.15, lw=0)
            right.plot(
                results.steps,
                values.mean(1),
                color=look.color,
                linestyle=look.dashes,
                linewidth=1.6,
                label=f"{results.ratios[at]:.2g}",
            )
        right.set(xscale="log", xlabel="steps of training")
        right.legend(fontsize=8.5, title="P / (n k)", title_fontsize=8.5, handlelength=4)
        set_panel_title(right, "Test error along training")
        for axes in (middle, right):
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            from_zero(axes)


def _plain_numbers(axes: Axes, ticks: list[float]) -> None:
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


NETWORK_DOUBLE_DESCENT_FIGURES: ResultFigures[NetworkDoubleDescentResults] = {
    "Double descent of networks": ResultFigure("network-double-descent", draw_network_double_descent),
}
