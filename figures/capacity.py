"""Parameters against the number of random labels fitted: what training reaches, what is built, what is impossible."""

from pathlib import Path

import numpy as np

from empirical.claims.capacity import CapacityResults, shattered_at_most
from empirical.models import perceptron_sizes
from figures.palette import INK, REFERENCE, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, mathematics, plain


def draw_capacity(results: CapacityResults, path: Path) -> None:
    """Draw a bracket for every network and seed, Theorem 1's 2n + d, p = n, and the VC bound of the same networks."""
    shown = [frontier for frontier in results.frontiers if frontier.fits]
    dimension = shown[0].dimension
    with figure(
        path,
        f"{results.scale}. Bars: the bracket of the bisection, from fitted to not "
        "fitted; hollow: all labels there are were fitted. Lower is better: fewer parameters for as many labels. Above "
        "the solid line training needs more parameters than Theorem 1's network, which is built and not trained.",
        width=9.2,
    ) as drawing:
        axes = drawing.subplots()
        sizes = np.array(
            [frontier.fits for frontier in shown] + [frontier.fails for frontier in shown if frontier.fails]
        )
        n = np.geomspace(sizes.min() / 2, sizes.max() * 3, 200)
        axes.plot(n, 2 * n + dimension, color=INK, label="Theorem 1: $2n + d$")
        axes.plot(n, n, color=REFERENCE, linestyle="--", label="$p = n$")
        kinds = list(dict.fromkeys((frontier.pixels, _depth(frontier.model)) for frontier in shown))
        for (pixels, depth), look in zip(kinds, looks(len(kinds)), strict=True):
            color = look.color
            some = [frontier for frontier in shown if (frontier.pixels, _depth(frontier.model)) == (pixels, depth)]
            label = f"trained, {plain(depth)} hidden layer{'s' * (depth != '1')}, "
            label += "real images" if pixels == "original" else "Gaussian inputs"
            for frontier in some:
                middle = np.sqrt(frontier.fits * (frontier.fails or frontier.fits))
                axes.errorbar(
                    middle,
                    frontier.parameters,
                    xerr=[[middle - frontier.fits], [(frontier.fails or frontier.fits) - middle]],
                    fmt=look.marker,
                    markersize=5,
                    markerfacecolor=color if frontier.fails else "white",
                    color=color,
                    label=label,
                )
                label = "_another of the same"  # matplotlib leaves names with an underscore out of the legend
        bounds = sorted({(bound, frontier.parameters) for frontier in shown if (bound := shattered_at_most(frontier))})
        if bounds:
            axes.plot(*zip(*bounds, strict=True), "x", color=INK, label="no more points shattered (VC, two classes)")
        axes.set(xscale="log", yscale="log", xlim=(n[0], n[-1]))
        mathematics(axes.set_xlabel("random labels, $n$"), axes.set_ylabel("parameters, $p$"))
        axes.set_title(f"How many random labels training fits, {results.config.data}, d = {dimension:,}")
        for height, text, where in (
            (0.97, "more parameters than Theorem 1: worse", "top"),
            (0.03, "fewer: better", "bottom"),
        ):
            axes.text(
                0.02 if where == "top" else 0.98,
                height,
                text,
                transform=axes.transAxes,
                va=where,
                ha="left" if where == "top" else "right",
                color=REFERENCE,
                style="italic",
                size=8.5,
            )
        mathematics(*drawing.legend(loc="outside right upper", fontsize=8).get_texts())


def _depth(model: str) -> str:
    sizes = perceptron_sizes(model)
    return str(sizes[0]) if sizes else model


CAPACITY_FIGURES: ResultFigures[CapacityResults] = {
    "Capacity": ResultFigure(
        "capacity", draw_capacity, lambda results: any(frontier.fits for frontier in results.frontiers)
    ),
}
