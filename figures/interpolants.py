"""Two interpolants of one sample off the sample: answers kept when images are moved."""

from pathlib import Path

from matplotlib.ticker import PercentFormatter

from empirical.claims.interpolants import InterpolantsResults
from empirical.runs.studies import InterpolantsConfig
from figures.palette import looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import chance_line, figure, set_panel_title, set_title


def draw_perturbations(results: InterpolantsResults, path: Path) -> None:
    """Draw the share of training images that keep their label, against random moves and on the way to a neighbour.

    Writes `path`.svg and `path`.png.
    """
    study = results.config.study_of(InterpolantsConfig)
    fitted = "" if results.fitted else " (hollow: not all)"
    moved = min(study.images, results.config.n_train)
    caption = (
        f"{results.scale}. Both networks reproduce the training labels{fitted}. Left: {study.draws} random directions "
        f"for each of {moved:,} training images, uniform on the sphere in stored pixels; lengths in median distances "
        "from a training image to its nearest neighbour. Right: the label of the nearer end. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=9.2, height=5.4) as drawing:
        left, right = drawing.subplots(1, 2, sharey=True)
        scale = f"{results.config.model}, n = {results.config.n_train:,}"
        set_title(drawing, f"Two interpolants of one sample, off the sample: {scale}")
        all_looks = iter(looks(2 * len(results.runs)))
        for run in results.runs:
            metrics = run.summary.metrics
            for name in ("trained", "explicit"):
                look = next(all_looks)
                test = metrics[name]["test_accuracy"]
                label = f"{name}, {run.config.randomization.name}: test {test:.1%}"
                for axes, entries, at in (
                    (left, metrics["noise"], "norm"),
                    (right, metrics["segment"], "fraction"),
                ):
                    axes.plot(
                        [entry[at] for entry in entries],
                        [entry[name] for entry in entries],
                        marker=look.marker,
                        linestyle=look.dashes,
                        color=look.color,
                        markerfacecolor=look.color if metrics[name]["fitted"] else "white",
                        linewidth=1.6,
                        markersize=4.5,
                        label=label if (axes is left) == (name == "trained") else None,
                    )
        chance = 1 / results.config.num_classes
        for axes in (left, right):
            chance_line(axes, chance)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8.5)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            axes.set(ylim=(0, 1.03))
        set_panel_title(left, "Moved in a random direction")
        set_panel_title(right, "Moved towards the nearest neighbour")
        left.set(xscale="log", xlabel="length of the move", ylabel="training images that keep their label")
        right.set(xlabel="share of the way")


INTERPOLANT_FIGURES: ResultFigures[InterpolantsResults] = {
    "Two interpolants of one sample, off the sample": ResultFigure("interpolants", draw_perturbations),
}
