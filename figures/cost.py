"""Cost against size: seconds of the processor for Theorem 1, kernels, and folders of many runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from figures.palette import Look, looks
from figures.style import figure, set_panel_title, set_title
from figures.theory_record import TheoryFigure, TheoryRecord

_TITLES = {"theorem-1": "Theorem 1's network", "kernels": "kernel interpolation", "records": "a folder of many runs"}


def draw_cost(record: dict[str, Any], path: Path) -> None:
    """Draw a panel for each part that was measured. Writes `path`.svg and .png."""
    about, parts = record["about"], record["cost"]
    caption = (
        f"Seconds of processor time on {about['threads']} thread, {about['processor']}, Python {about['python']}; each "
        "size once. In brackets the slope between a curve's last two sizes: 1 where the cost is in proportion. Theorem "
        "1: Gaussian points in 10 coordinates. Kernels: 784 coordinates, 10 outputs, Gaussian kernel, float32, from "
        "points to coefficients. Runs: one network on true and random labels, two epochs each."
    )
    with figure(path, caption, width=11.4, height=4.4) as drawing:
        panels = drawing.subplots(1, len(parts), squeeze=False)[0]
        for axes, (name, part) in zip(panels, parts.items(), strict=True):
            for (curve, values), look in zip(part["curves"].items(), looks(len(part["curves"])), strict=True):
                _draw(axes, curve, values, look)
            set_panel_title(axes, _TITLES[name])
            axes.set(xlabel=part["unit"], ylabel="seconds", xscale="log", yscale="log")
            sizes = sorted({size for values in part["curves"].values() for size, _ in values})
            axes.set_xticks(sizes[:: 1 + len(sizes) // 4])
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            axes.legend(loc="upper left", fontsize=8)
            low, high = axes.get_ylim()
            axes.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
        set_title(drawing, "Cost against size")


def slope(curve: Sequence[Sequence[float]]) -> float | None:
    """The slope between the last two (size, seconds) of a curve, both axes logarithmic; None where there is none."""
    if len(curve) < 2 or min(used for _, used in curve[-2:]) <= 0:
        return None
    (small, less), (large, more) = curve[-2:]
    return math.log(more / less) / math.log(large / small)


def _draw(axes: Axes, name: str, values: list[list[float]], look: Look) -> None:
    sizes, seconds = zip(*values, strict=True)
    rise = slope(values)
    label = name if rise is None else f"{name} ({rise:.2f})"
    line = look.dashes if len(values) > 2 else ""
    axes.plot(sizes, seconds, color=look.color, marker=look.marker, linestyle=line, label=label)


COST = TheoryRecord(
    "cost", {"cost": TheoryFigure(draw_cost, ("cost",), ())}, "python -m benchmarks.cost --record cost.json"
)
