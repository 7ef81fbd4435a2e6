"""The order of learning: what a network gets right along training on partly corrupted labels, and critical samples."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from empirical.claims.order import (
    OrderResults,
    accuracy_on_test,
    compare_order,
    critical_samples,
    epochs_of,
    level_of,
    peak,
    shares,
)
from empirical.runs.records import Run
from empirical.runs.studies import OrderConfig
from figures.palette import BLUE, GOLD, GREEN, INK, RED, REFERENCE, dashes, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, set_panel_title, set_title
from theory.claims import holds

_SHOWN = 4  # levels of corruption with a panel each
_CURVES = (
    ("unchanged_right", "unchanged labels", BLUE),
    ("changed_true", "changed: the label before", GREEN),
    ("changed_given", "changed: the label given", RED),
)


def draw_order(results: OrderResults, path: Path) -> None:
    """Draw what is answered along training at up to four levels of corruption, then test accuracy and critical samples
    at all levels.

    Writes `path`.svg and `path`.png.
    """
    study = results.config.study_of(OrderConfig)
    chosen = _spread([run for _, run in results.partial] or list(results.runs))
    answers = "Left and middle" if len(chosen) > 2 else "Left"
    searched = results.runs[0].summary.metrics["searched"]
    caption = (
        f"{results.scale}. A share p of the training labels is drawn anew, and the network trained until it fits all "
        f"of them. {answers}: share of the images that are given the label named; dotted vertical line: the "
        f"epoch of the best test accuracy. Lower right: the share of the first {searched:,} test images for which a "
        f"search found another class within {study.radius:g} of the standard deviation of its pixels, a lower bound. "
        f"The axis of epochs is logarithmic from 1 on. Data: {results.config.source}."
    )
    with figure(path, caption, width=11.0, height=6.4) as drawing:
        columns = 1 + -(-len(chosen) // 2)
        panels = drawing.subplots(2, columns)
        corrects = holds(compare_order(results), "order-2")
        title = "Changed labels: first answered rightly, then memorised" if corrects else "The order of learning"
        set_title(drawing, title)
        for axes in panels[:, :-1].ravel()[len(chosen) :]:
            axes.axis("off")
        for axes, run in zip(panels[:, :-1].ravel(), chosen, strict=False):
            _draw_answers(axes, run)
        for axes in panels[:, 0]:
            axes.set_ylabel("share of the images")
        entries = panels[0, 0].get_legend_handles_labels()
        drawing.legend(*entries, loc="outside upper right", ncols=2, fontsize=8.5, handlelength=3)
        upper, lower = panels[:, -1]
        for run, look in zip(results.runs, looks(len(results.runs)), strict=True):
            for axes, values in ((upper, accuracy_on_test(run)), (lower, critical_samples(run).mean(axis=1))):
                axes.plot(
                    epochs_of(run),
                    values,
                    color=look.color,
                    linestyle=look.dashes,
                    linewidth=1.6,
                    label=f"p = {level_of(run):g}",
                )
            best = peak(run)
            upper.plot(
                epochs_of(run)[best],
                accuracy_on_test(run)[best],
                look.marker,
                color=look.color,
                markersize=6,
            )
        set_panel_title(upper, "Test accuracy, its best marked")
        set_panel_title(lower, f"Critical test images, radius {study.radius:g}")
        for axes in (upper, lower):
            _epochs(axes, max(int(epochs_of(run)[-1]) for run in results.runs))
        lower.legend(fontsize=8, ncols=2, handlelength=3)


def _spread(runs: list[Run]) -> list[Run]:
    """At most four of the runs, from the first to the last."""
    count = min(_SHOWN, len(runs))
    return [runs[round(at * (len(runs) - 1) / max(count - 1, 1))] for at in range(count)]


def _draw_answers(axes: Axes, run: Run) -> None:
    epochs = epochs_of(run)
    for name, label, color in _CURVES:
        axes.plot(epochs, shares(run, name), color=color, linestyle=dashes(color), linewidth=1.6, label=label)
    axes.plot(epochs, accuracy_on_test(run), color=INK, linestyle=dashes(GOLD), linewidth=1.6, label="test images")
    axes.axvline(epochs[peak(run)], color=REFERENCE, linestyle=":", linewidth=1.5)
    set_panel_title(axes, f"{level_of(run):.0%} of the labels drawn anew")
    _epochs(axes, int(epochs[-1]))


def _epochs(axes: Axes, last: int) -> None:
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="epochs", ylim=(-0.02, 1.03), xlim=(0, 1.1 * last))
    ticks = [0, *(10**power for power in range(len(str(last))))]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_major_formatter(PercentFormatter(1))


ORDER_FIGURES: ResultFigures[OrderResults] = {
    "The order of learning": ResultFigure("order", draw_order),
}
