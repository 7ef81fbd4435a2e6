"""Wide two-layer networks: predicted over measured training curves, and what grows with label corruption."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from empirical.claims.dynamics import DynamicsResults, slowdown, study_of
from empirical.claims.significance import SIZE, share_interval
from empirical.randomization import TRUE_LABELS
from empirical.runs.records import Run
from figures.palette import REFERENCE, Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import (
    chance_line,
    figure,
    from_zero,
    mathematics,
    points,
    set_panel_title,
    set_title,
    test_colors,
    test_marker,
)


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
                _curves(axes, run, Look(colors[test], test_marker(test), "-"), test.name)
            worst = max(run.summary.metrics["largest_deviation"] for run in runs.values())
            set_panel_title(axes, f"width {width:,}: largest difference {worst:.3f}")
            axes.set(xlabel="full-batch steps", xscale="log", ylim=(0, 1.02))
        mathematics(panels[0].set_ylabel(r"residual, $\|y - u_t\| \, / \, \|y - u_0\|$"))
        handles, _ = panels[-1].get_legend_handles_labels()
        handles.append(Line2D([], [], color=REFERENCE, linestyle="--", label="predicted"))
        drawing.legend(handles=handles, loc="outside right upper", fontsize=8.5)
        set_title(drawing, f"Training of two-layer networks, predicted and measured, n = {results.config.n_train:,}")


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
        for width, look in zip(widths, looks(len(widths)), strict=True):
            _slowdowns(slow, results, width, look)
        levels = [level for level, _ in results.corruption(widest)]
        runs = [run for _, run in results.corruption(widest)]
        (look,) = looks(1)
        measures = [run.summary.metrics["complexity_measure"] for run in runs]
        points(complexity, levels, measures, look, None)
        expected = runs[0].summary.metrics["complexity_of_random_labels"]
        complexity.axhline(expected, color=REFERENCE, linestyle=":", linewidth=1.5, label="random labels, expected")
        _errors(error, levels, runs, look)
        chance_line(error, 0.5)
        set_panel_title(slow, "Slow-down")
        mathematics(set_panel_title(complexity, r"Complexity measure, $\sqrt{2\, y^\top H^{-1} y \,/\, n}$"))
        set_panel_title(error, "Test error on clean labels")
        slow.set(ylabel="times the steps of true labels")
        error.yaxis.set_major_formatter(PercentFormatter(1))
        for axes in (slow, complexity, error):
            axes.set_xlim(-0.04, 1.04)
            from_zero(axes)
            mathematics(axes.set_xlabel("share of training labels replaced, $p$"))
        slow.legend(loc="lower right", fontsize=8)
        complexity.legend(loc="lower right", fontsize=8.5)
        error.legend(loc="lower right", fontsize=8.5)
        set_title(drawing, f"Two-layer networks against label corruption, n = {results.config.n_train:,}")


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


def _curves(axes: Axes, run: Run, look: Look, label: str) -> None:
    """Step 0 is left out: the axis is logarithmic, and both curves are at 1 there."""
    metrics = run.summary.metrics
    for name, style in (("residual_norms", "-"), ("predicted_residual_norms", "--")):
        shares = [norm / metrics["initial_residual_norm"] for norm in metrics[name][1:]]
        predicted = style == "--"
        axes.plot(
            metrics["steps"][1:],
            shares,
            style,
            color=look.color,
            marker=None if predicted else look.marker,
            markersize=5,
            markevery=0.12,
            linewidth=1.6 if predicted else 2.4,
            alpha=1.0 if predicted else 0.6,
            label=None if predicted else label,
        )


def _slowdowns(axes: Axes, results: DynamicsResults, width: int, look: Look) -> None:
    true = results.at(width)[TRUE_LABELS]
    for predicted in (False, True):
        slowdowns = [(level, slowdown(run, true, predicted=predicted)) for level, run in results.corruption(width)]
        reached = [(level, factor) for level, factor in slowdowns if factor is not None]
        at, factors = [level for level, _ in reached], [factor for _, factor in reached]
        label = f"width {width:,}, {'predicted' if predicted else 'measured'}"
        if predicted:
            axes.plot(at, factors, color=look.color, linestyle=look.dashes, linewidth=1.8, label=label)
        else:
            axes.plot(at, factors, look.marker, color=look.color, markersize=5, label=label)


def _errors(axes: Axes, levels: list[float], runs: list[Run], look: Look) -> None:
    m = runs[0].config.n_test
    errors = [1 - run.summary.metrics["test_accuracy"] for run in runs]
    points(axes, levels, errors, look, None, between=[share_interval(error, m) for error in errors])
