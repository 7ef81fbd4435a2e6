"""Wide two-layer networks: predicted over measured training curves, and what grows with label corruption."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from scipy import stats

from empirical.claims.dynamics import DynamicsResults, slowdown, study_of
from empirical.claims.randomization_tests import SIZE
from empirical.randomization import TRUE_LABELS
from empirical.runs.records import Run
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, mathematics, series_colors, set_panel_title, set_title, test_colors


def draw_dynamics(results: DynamicsResults, path: Path) -> None:
    """Draw the residual's norm against steps, measured and predicted, at the smallest and the largest width.

    Writes `path`.svg and `path`.png.
    """
    study = study_of(results.runs[0])
    caption = (
        f"{results.scale}. Solid: measured; dashed: predicted from H-infinity and the labels (Arora et al. 2019). "
        f"Training stops at {study.fitted:g} of the initial residual. Data: {results.config.source}."
    )
    widths = sorted({results.widths[0], results.widths[-1]})
    colors = test_colors(run.config.randomization for run in results.runs)
    with figure(path, caption, width=10.4 if len(widths) > 1 else 7.8, height=4.4) as drawing:
        panels = drawing.subplots(1, len(widths), sharey=True, squeeze=False)[0]
        for axes, width in zip(panels, widths, strict=True):
            runs = results.at(width)
            for test, run in runs.items():
                _curves(axes, run, colors[test], test.name)
            worst = max(run.summary.metrics["largest_deviation"] for run in runs.values())
            set_panel_title(axes, f"width {width:,}: largest difference {worst:.3f}")
            axes.set(xlabel="full-batch steps", xscale="log", ylim=(0, 1.02))
        mathematics(panels[0].set_ylabel(r"residual, $\|y - u_t\| \, / \, \|y - u_0\|$"))
        handles, _ = panels[-1].get_legend_handles_labels()
        handles.append(Line2D([], [], color="#4a4a4a", linestyle="--", label="predicted"))
        drawing.legend(handles=handles, loc="outside right upper", fontsize=8.5)
        set_title(drawing, "Predicted and measured training")


def draw_complexity(results: DynamicsResults, path: Path) -> None:
    """Draw the slow-down, the complexity measure and the test error against label corruption, in three panels.

    Writes `path`.svg and `path`.png.
    """
    study, widest = study_of(results.runs[0]), results.widths[-1]
    caption = (
        f"{results.scale}. Slow-down: steps to {study.fitted:g} of the initial residual over those of true labels. "
        f"Test error: width {widest:,}; bars: exact binomial {1 - SIZE:.0%} intervals over the test images. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=10.4, height=4.2) as drawing:
        slow, complexity, error = drawing.subplots(1, 3)
        widths = [width for width in results.widths if TRUE_LABELS in results.at(width)]
        for width, color in zip(widths, series_colors(len(widths)), strict=True):
            _slowdowns(slow, results, width, color)
        levels = [level for level, _ in results.corruption(widest)]
        runs = [run for _, run in results.corruption(widest)]
        (color,) = series_colors(1)
        measures = [run.summary.metrics["complexity_measure"] for run in runs]
        complexity.plot(levels, measures, "o-", color=color, linewidth=1.8, markersize=4.5)
        expected = runs[0].summary.metrics["complexity_of_random_labels"]
        complexity.axhline(expected, color="#888888", linestyle=":", linewidth=1.5, label="random labels, expected")
        _errors(error, levels, runs, color)
        error.axhline(0.5, color="#888888", linestyle=":", linewidth=1.5, label="chance, 50%")
        set_panel_title(slow, "Slow-down")
        mathematics(set_panel_title(complexity, r"Complexity measure, $\sqrt{2\, y^\top H^{-1} y \,/\, n}$"))
        set_panel_title(error, "Test error on clean labels")
        slow.set(ylabel="times the steps of true labels", ylim=(0, None))
        complexity.set(ylim=(0, None))
        error.set(ylim=(0, None))
        error.yaxis.set_major_formatter(PercentFormatter(1))
        for axes in (slow, complexity, error):
            axes.set(xlabel="share of training labels replaced, p", xlim=(-0.04, 1.04))
        slow.legend(loc="lower right", fontsize=8)
        complexity.legend(loc="lower right", fontsize=8.5)
        error.legend(loc="lower right", fontsize=8.5)
        set_title(drawing, "Label corruption: training time, complexity, test error")


DYNAMICS_FIGURES: ResultFigures[DynamicsResults] = {
    "Predicted and measured training": ResultFigure("dynamics", draw_dynamics),
    "Training time and complexity against label corruption": ResultFigure(
        "dynamics-corruption",
        draw_complexity,
        lambda results: (
            len(results.corruption(results.widths[-1])) > 1 and TRUE_LABELS in results.at(results.widths[-1])
        ),
    ),
}


def _curves(axes: Axes, run: Run, color: str, label: str) -> None:
    """Step 0 is left out: the axis is logarithmic, and both curves are at 1 there."""
    metrics = run.summary.metrics
    for name, style in (("residual_norms", "-"), ("predicted_residual_norms", "--")):
        shares = [norm / metrics["initial_residual_norm"] for norm in metrics[name][1:]]
        predicted = style == "--"
        axes.plot(
            metrics["steps"][1:],
            shares,
            style,
            color=color,
            linewidth=1.6 if predicted else 2.4,
            alpha=1.0 if predicted else 0.45,
            label=None if predicted else label,
        )


def _slowdowns(axes: Axes, results: DynamicsResults, width: int, color: str) -> None:
    true = results.at(width)[TRUE_LABELS]
    for predicted in (False, True):
        slowdowns = [(level, slowdown(run, true, predicted=predicted)) for level, run in results.corruption(width)]
        points = [(level, factor) for level, factor in slowdowns if factor is not None]
        axes.plot(
            [level for level, _ in points],
            [factor for _, factor in points],
            "--" if predicted else "o-",
            color=color,
            linewidth=1.8,
            markersize=4.5,
            label=f"width {width:,}, {'predicted' if predicted else 'measured'}",
        )


def _errors(axes: Axes, levels: list[float], runs: list[Run], color: str) -> None:
    m = runs[0].config.n_test
    errors = [1 - run.summary.metrics["test_accuracy"] for run in runs]
    intervals = [stats.binomtest(round(error * m), m).proportion_ci(1 - SIZE, "exact") for error in errors]
    below = [error - interval.low for error, interval in zip(errors, intervals, strict=True)]
    above = [interval.high - error for error, interval in zip(errors, intervals, strict=True)]
    axes.errorbar(
        levels, errors, yerr=[below, above], fmt="o-", color=color, linewidth=1.8, markersize=4.5, capsize=2.5
    )
