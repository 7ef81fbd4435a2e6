"""Double descent: test error and norm against the number of features, and the curve that theory knows exactly."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter, PercentFormatter

from empirical.claims.double_descent import DoubleDescentResults, compare_double_descent
from empirical.runs.studies import DoubleDescentConfig
from figures.palette import REFERENCE, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, from_zero, set_panel_title, set_title
from theory.claims import holds


def draw_double_descent(results: DoubleDescentResults, path: Path) -> None:
    """Draw test error and norm against N / n for each level of label corruption; beside them Gaussian features.

    Writes `path`.svg and `path`.png.
    """
    study = results.config.study_of(DoubleDescentConfig)
    caption = (
        f"{results.scale}. Left and middle: least squares of minimum norm on one-hot labels, a share p of the training "
        "labels replaced, test labels clean; every label is fitted right of the dashed line. Right, another problem: "
        f"{study.gaussian_samples} samples of Gaussian features, a linear truth of norm 1 and noise of variance "
        f"{study.gaussian_noise:g}, where the mean of |w - truth|^2 is known exactly (line); points: measured, over "
        f"{study.gaussian_draws} draws, with two standard errors. What the panels share is the place of the peak; "
        "height and second descent are each problem's own. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=10.5, height=4.4) as drawing:
        left, middle, right = drawing.subplots(1, 3)
        peaks = holds(compare_double_descent(results), "double-descent-1")
        title = "Error and norm peak at as many features as images" if peaks else "Double descent"
        set_title(drawing, f"{title}: random Fourier features, n = {results.config.n_train:,}")
        ratios = results.counts / results.config.n_train
        for index, (level, look) in enumerate(zip(results.levels, looks(len(results.levels)), strict=True)):
            for axes, values in (
                (left, 1 - results.curve(index, "test_accuracy")),
                (middle, results.curve(index, "norm")),
            ):
                axes.plot(
                    ratios,
                    values,
                    color=look.color,
                    marker=look.marker,
                    markersize=3.5,
                    linewidth=1.6,
                    label=f"p = {level:g}",
                )
        risks = results.gaussian
        at = np.array([point["ratio"] for point in risks])
        for side in (at < 1, at > 1):
            right.plot(at[side], np.array([point["expected"] for point in risks])[side], color=REFERENCE, linewidth=1.6)
        right.errorbar(
            at,
            [point["risk"] for point in risks],
            yerr=[2 * point["standard_error"] for point in risks],
            fmt="o",
            color=REFERENCE,
            markersize=3.5,
            capsize=2,
        )
        for axes, title in (
            (left, "Test error"),
            (middle, "Norm of the coefficients"),
            (right, f"Gaussian features, n = {study.gaussian_samples}: risk"),
        ):
            axes.axvline(1, color=REFERENCE, linestyle="--", linewidth=1)
            axes.set(xscale="log", xlabel="features per training image, N / n")
            axes.set_xticks([0.1, 1, 10])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            set_panel_title(axes, title)
        left.set_ylabel("test error on clean labels")
        middle.set_ylabel("Frobenius norm")
        right.set_ylabel("mean squared error of the coefficients")
        left.yaxis.set_major_formatter(PercentFormatter(1))
        from_zero(left)
        middle.set_yscale("log")
        right.set_yscale("log")
        left.legend(fontsize=8.5, title="labels replaced", title_fontsize=8.5)


DOUBLE_DESCENT_FIGURES: ResultFigures[DoubleDescentResults] = {
    "Double descent": ResultFigure("double-descent", draw_double_descent),
}
