"""Parameters against the number of random labels fitted: what training reaches, what is built, what is impossible."""

from pathlib import Path

import numpy as np

from empirical.claims.capacity import CapacityResults, shattered_at_most
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, series_colors

_MARKERS = {"1": "o", "2": "s", "3": "^"}


def draw_capacity(results: CapacityResults, path: Path) -> None:
    """A bracket for every network and seed; Theorem 1's 2n + d; p = n; the VC bound of the same networks."""
    shown = [one for one in results.frontiers if one.fits]
    dimension = shown[0].dimension
    with figure(
        path,
        f"{results.scale}. Bars: the bracket of the bisection, from fitted to not "
        "fitted; hollow: all labels there are were fitted.",
        width=9.2,
    ) as drawing:
        axes = drawing.subplots()
        sizes = np.array([one.fits for one in shown] + [one.fails for one in shown if one.fails])
        n = np.geomspace(sizes.min() / 2, sizes.max() * 3, 200)
        axes.plot(n, 2 * n + dimension, color="#444444", label="Theorem 1: 2n + d")
        axes.plot(n, n, color="#999999", linestyle="--", label="p = n")
        kinds = list(dict.fromkeys((one.pixels, _depth(one.model)) for one in shown))
        for (pixels, depth), color in zip(kinds, series_colors(len(kinds)), strict=True):
            some = [one for one in shown if (one.pixels, _depth(one.model)) == (pixels, depth)]
            label = f"trained, {depth} hidden layer{'s' * (depth != '1')}, "
            label += "real images" if pixels == "original" else "Gaussian inputs"
            for one in some:
                middle = np.sqrt(one.fits * (one.fails or one.fits))
                axes.errorbar(
                    middle,
                    one.parameters,
                    xerr=[[middle - one.fits], [(one.fails or one.fits) - middle]],
                    fmt=_MARKERS.get(depth, "D"),
                    markersize=5,
                    markerfacecolor=color if one.fails else "white",
                    color=color,
                    label=label,
                )
                label = "_another of the same"  # matplotlib leaves names with an underscore out of the legend
        bounds = sorted({(bound, one.parameters) for one in shown if (bound := shattered_at_most(one))})
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
    "Capacity": ResultFigure("capacity", draw_capacity, lambda results: any(one.fits for one in results.frontiers)),
}
