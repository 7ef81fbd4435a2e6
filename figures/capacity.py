"""Parameters against the number of random labels fitted: what training reaches, what is built, what is impossible."""

from pathlib import Path

import numpy as np

from empirical.claims.capacity import CapacityResults, shattered_at_most
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, series_colors

_MARKERS = {"1": "o", "2": "s", "3": "^"}


def draw_capacity(results: CapacityResults, path: Path) -> None:
    """Draw a bracket for every network and seed, Theorem 1's 2n + d, p = n, and the VC bound of the same networks."""
    shown = [frontier for frontier in results.frontiers if frontier.fits]
    dimension = shown[0].dimension
    with figure(
        path,
        f"{results.scale}. Bars: the bracket of the bisection, from fitted to not "
        "fitted; hollow: all labels there are were fitted.",
        width=9.2,
    ) as drawing:
        axes = drawing.subplots()
        sizes = np.array(
            [frontier.fits for frontier in shown] + [frontier.fails for frontier in shown if frontier.fails]
        )
        n = np.geomspace(sizes.min() / 2, sizes.max() * 3, 200)
        axes.plot(n, 2 * n + dimension, color="#444444", label="Theorem 1: 2n + d")
        axes.plot(n, n, color="#999999", linestyle="--", label="p = n")
        kinds = list(dict.fromkeys((frontier.pixels, _depth(frontier.model)) for frontier in shown))
        for (pixels, depth), color in zip(kinds, series_colors(len(kinds)), strict=True):
            some = [frontier for frontier in shown if (frontier.pixels, _depth(frontier.model)) == (pixels, depth)]
            label = f"trained, {depth} hidden layer{'s' * (depth != '1')}, "
            label += "real images" if pixels == "original" else "Gaussian inputs"
            for frontier in some:
                middle = np.sqrt(frontier.fits * (frontier.fails or frontier.fits))
                axes.errorbar(
                    middle,
                    frontier.parameters,
                    xerr=[[middle - frontier.fits], [(frontier.fails or frontier.fits) - middle]],
                    fmt=_MARKERS.get(depth, "D"),
                    markersize=5,
                    markerfacecolor=color if frontier.fails else "white",
                    color=color,
                    label=label,
                )
                label = "_another of the same"  # matplotlib leaves names with an underscore out of the legend
        bounds = sorted({(bound, frontier.parameters) for frontier in shown if (bound := shattered_at_most(frontier))})
        if bounds:
            axes.plot(
                *zip(*bounds, strict=True), "x", color="#222222", label="no more points shattered (VC, two classes)"
            )
        axes.set(xscale="log", yscale="log", xlabel="n, random labels", ylabel="p, parameters")
        axes.set_title("How many random labels training fits")
        drawing.legend(loc="outside right upper", fontsize=8)


def _depth(model: str) -> str:
    return model.removeprefix("mlp-").partition("x")[0] if model.startswith("mlp-") else model


CAPACITY_FIGURES: ResultFigures[CapacityResults] = {
    "Capacity": ResultFigure(
        "capacity", draw_capacity, lambda results: any(frontier.fits for frontier in results.frontiers)
    ),
}
