"""Kernel interpolation: norm and test error against label corruption, across features, and against filters."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from empirical.claims.kernels import KernelResults, filters, kernel_of
from empirical.claims.paper import TABLE_3
from empirical.claims.significance import SIZE, share_interval
from empirical.kernels.features import FeatureName
from empirical.randomization import TRUE_LABELS
from empirical.runs.records import Run
from figures.palette import INK, REFERENCE, Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import chance_line, figure, from_zero, mathematics, points, set_panel_title, set_title
from theory.kernels import MEDIAN_SHARE

_INTERVAL = f"Bars: exact binomial {1 - SIZE:.0%} intervals over the test images."
_BANDWIDTH = (
    "Bandwidth of the Gaussian and the Laplacian kernel: a share of the median distance between images, "
    f"{MEDIAN_SHARE:g} where none is named."
)


def draw_kernel_corruption(results: KernelResults, path: Path) -> None:
    """Draw test error, and norm, against label corruption; a series for each kernel and its features.

    Writes `path`.svg and `path`.png.
    """
    caption = (
        f"{results.scale}. Minimum-norm interpolants of one-hot labels; filled: every training label reproduced. "
        f"{_INTERVAL} Norm: the root of the sum of squares over the outputs. {_BANDWIDTH} "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=11.2, height=4.4) as drawing:
        left, right = drawing.subplots(1, 2)
        chance = 1 - results.chance
        chance_line(left, chance)
        set_title(drawing, f"Kernel interpolation against label corruption, n = {results.config.n_train:,}")
        several = {key: runs for key, runs in results.series().items() if len(runs) > 1}
        last = 0.0
        for (key, runs), look in zip(several.items(), looks(len(several)), strict=True):
            noise = [level for run in runs if (level := run.config.randomization.corruption) is not None]
            last = max(last, *noise)
            label = " on ".join(key)
            _errors(left, noise, runs, look, label)
            norms = [run.summary.metrics["norm"] for run in runs]
            points(right, noise, norms, look, label)
        set_panel_title(left, "Test error")
        set_panel_title(right, "Norm of the interpolant")
        left.set(ylabel="test error on clean labels", ylim=(0, 1.02))
        left.yaxis.set_major_formatter(PercentFormatter(1))
        right.set(ylabel="norm in the Hilbert space")
        from_zero(right)
        for axes in (left, right):
            axes.set_xlim(-0.02 * last, 1.02 * last)
            mathematics(axes.set_xlabel("share of training labels replaced, $p$"))
        drawing.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=8.5)


def draw_norm_and_error(results: KernelResults, path: Path) -> None:
    """Draw test error against norm on true labels, a point for each kernel and its features.

    Writes `path`.svg and `path`.png.
    """
    caption = (
        f"{results.scale}. Minimum-norm interpolants of the true labels. {_INTERVAL} {_BANDWIDTH} "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=8.6) as drawing:
        axes = drawing.add_subplot()
        clean = results.clean()
        for (key, run), look in zip(clean.items(), looks(len(clean)), strict=True):
            _errors(axes, [run.summary.metrics["norm"]], [run], look, " on ".join(key))
        axes.set(title=f"Test error against norm, true labels, n = {results.config.n_train:,}", ylabel="test error")
        axes.margins(0.12)
        axes.set(xlabel="norm in the Hilbert space")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8.5)


def draw_filters(results: KernelResults, path: Path) -> None:
    """Draw test error against the number of filters of the random convolutional network, the paper's values marked.

    Writes `path`.svg and `path`.png.
    """
    caption = (
        f"{results.scale}. Kernels on the features (bandwidth: share of the median distance), true labels; of several "
        f"ridges the one with the least test error. {_INTERVAL} Crosses: the paper's, for 32,000 filters and 50,000 "
        "images (its kernel is not stated). "
        f"Hollow: some training label is missed. Data: {results.config.source}."
    )
    with figure(path, caption, width=8.6) as drawing:
        axes = drawing.add_subplot()
        curves: dict[str, list[Run]] = {}
        for run in _filter_runs(results):
            curves.setdefault(_setting(run), []).append(run)
        for (setting, runs), look in zip(curves.items(), looks(len(curves)), strict=True):
            _errors(axes, [filters(run) for run in runs], runs, look, setting)
        if results.config.data == "cifar10":
            labels = ("the paper, 50,000 images", "the same, with l2 regularisation")
            for ridge, label in zip((False, True), labels, strict=True):
                error = TABLE_3["cifar10", "random-convolution", ridge].test_error / 100
                axes.plot(32_000, error, "+" if ridge else "x", color=INK, markersize=8, markeredgewidth=2, label=label)
        pixels = results.clean().get(("gaussian", "pixels"))
        if pixels:
            error = 1 - pixels.summary.metrics["test_accuracy"]
            axes.axhline(error, color=REFERENCE, linestyle=":", linewidth=1.5, label=f"on pixels, {error:.1%}")
        axes.set(
            title=f"Test error against filters of a random convolution, n = {results.config.n_train:,}",
            xlabel="filters",
            xscale="log",
        )
        axes.set(ylabel="test error", ylim=(0, None))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8.5)


KERNEL_FIGURES: ResultFigures[KernelResults] = {
    "Norm and error against label corruption": ResultFigure(
        "kernel-corruption",
        draw_kernel_corruption,
        lambda results: any(len(runs) > 2 for runs in results.series().values()),
    ),
    "Norm and error across features": ResultFigure(
        "kernel-norm-and-error", draw_norm_and_error, lambda results: len(results.clean()) > 2
    ),
    "Error against filters": ResultFigure(
        "kernel-filters", draw_filters, lambda results: len({filters(run) for run in _filter_runs(results)}) > 1
    ),
}


def _setting(run: Run) -> str:
    """The kernel, whether features are standardised, and whether there is a ridge: one curve for each."""
    kernel = kernel_of(run)
    parts = [kernel.kernel if kernel.kernel != "gaussian" else f"gaussian, bandwidth {kernel.bandwidth:g}"]
    parts += ["standardised"] * FeatureName.parse(kernel.features).standardised + ["ridge"] * (kernel.ridge > 0)
    return ", ".join(parts)


def _filter_runs(results: KernelResults) -> list[Run]:
    """Runs on true labels with the random convolutional network, by number of filters; of several ridges the best."""
    best: dict[tuple[int, str], Run] = {}
    for run in results.runs:
        plain = kernel_of(run).interpolant == "minimum-norm" and run.config.randomization == TRUE_LABELS
        if plain and filters(run):
            key = filters(run), _setting(run)
            best[key] = max(best.get(key, run), run, key=lambda candidate: candidate.summary.metrics["test_accuracy"])
    return [best[key] for key in sorted(best)]


def _errors(axes: Axes, at: Sequence[float], runs: list[Run], look: Look, label: str) -> None:
    """Plot test errors with exact intervals; hollow where a training label is missed."""
    m = runs[0].config.n_test
    errors = [1 - run.summary.metrics["test_accuracy"] for run in runs]
    points(
        axes,
        at,
        errors,
        look,
        label,
        between=[share_interval(error, m) for error in errors],
        filled=[run.summary.metrics["fitted"] for run in runs],
    )
