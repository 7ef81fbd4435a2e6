"""Bits that networks memorise of random data against their parameters, beside what constructions hold."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from empirical.claims.bits import (
    MORRIS,
    BitsResults,
    capacity_of,
    input_dimension,
    is_transformer,
    label_bits,
    parameters_of,
    points_of,
    steps_of,
)
from figures.palette import BLUE, GOLD, GREEN, INK, RED, REFERENCE, looks, marker
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, label_ends, mathematics, set_panel_title, set_title
from theory.memorisation import counting_bits, narrow_bits, theorem_1_bits

_MOST_CLASSES = 10  # the closed form of the network of width 12 was evaluated for no more


def draw_bits(results: BitsResults, path: Path) -> None:
    """Draw memorised against offered bits for each network, and the most memorised against the parameters: a parameter,
    and in all.

    Writes `path`.svg and `path`.png.
    """
    beside = " Crosses: labels that the experiment capacity fitted, all of them, in bits." if results.frontiers else ""
    caption = (
        f"{results.scale}. Memorised: by how many bits the trained network shortens the code of its own training data; "
        "a lower bound of what it can hold. Hollow, dashed: half of the steps were not shown to give nearly as much. "
        f"p: parameters. Lines hold for labels of {results.config.num_classes} classes; "
        "the bound by counting, of the VC dimension's kind, is for two classes, parameters of unlimited precision and "
        f"ReLU networks without shared weights. {MORRIS} bits a parameter are what Morris et al. 2025 measure of "
        f"larger transformers.{beside}"
    )
    with figure(path, caption, width=14.0, height=4.8) as drawing:
        left, middle, right = drawing.subplots(1, 3, width_ratios=(1.4, 1, 1))
        set_title(drawing, _title(results))
        _draw_memorised(left, results)
        for axes, per_parameter in ((middle, True), (right, False)):
            _draw_most(axes, results, per_parameter=per_parameter)
        set_panel_title(left, "More data than a network holds: parameters, steps")
        set_panel_title(middle, "The most bits memorised / p")
        set_panel_title(right, "The most bits memorised")
        left.set(xlabel="bits of the data / parameters", ylabel="bits memorised / parameters")
        middle.set(xscale="log", xlabel="parameters", ylabel="bits / parameters", ylim=(0, 1.15 * MORRIS))
        right.set(xscale="log", yscale="log", xlabel="parameters", ylabel="bits")
        label_ends(left, size=8.5, width=40)
        legend = drawing.legend(*right.get_legend_handles_labels(), loc="outside right upper", fontsize=8.5)
        mathematics(*legend.get_texts())


def _title(results: BitsResults) -> str:
    """The bits of the transformers whose steps were shown to be enough, where there are any."""
    shares = [capacity_of(run) / parameters_of(run) for run in results.transformers if results.enough_steps(run)]
    if not shares:
        return "Bits per parameter"
    return f"Transformers hold {min(shares):.1f} to {max(shares):.1f} bits a parameter where more steps add little"


def _draw_memorised(axes: Axes, results: BitsResults) -> None:
    """Memorised against offered bits, both a parameter, a curve for each network."""
    for run, look in zip(results.runs, looks(len(results.runs)), strict=True):
        p, enough = parameters_of(run), results.enough_steps(run)
        axes.plot(
            [point["offered_bits"] / p for point in points_of(run)],
            [point["memorised_bits"] / p for point in points_of(run)],
            color=look.color,
            marker=look.marker,
            linestyle="-" if enough else "--",
            markerfacecolor=look.color if enough else "white",
            linewidth=1.6,
            markersize=5,
            label=f"{'' if is_transformer(run) else 'perceptron '}{p:,}, {steps_of(run):,} steps",
        )
    most = max(point["offered_bits"] / parameters_of(run) for run in results.runs for point in points_of(run))
    top = 1.15 * max(MORRIS, *(capacity_of(run) / parameters_of(run) for run in results.runs))
    axes.plot([0, most], [0, most], color=REFERENCE, linewidth=1)
    axes.annotate(
        "everything", (0.94 * top, 0.94 * top), (6, -4), textcoords="offset points", color=REFERENCE, size=8.5
    )
    axes.axhline(MORRIS, color=REFERENCE, linestyle=":", linewidth=1.5)
    axes.set(xlim=(0, 1.03 * most), ylim=(0, top))


def _draw_most(axes: Axes, results: BitsResults, *, per_parameter: bool) -> None:
    """The most bits memorised against the parameters, with what constructions hold and counting allows."""
    sizes = [parameters_of(run) for run in results.runs] + [frontier.parameters for frontier in results.frontiers]
    grid = np.unique(np.geomspace(min(sizes) / 1.5, max(sizes) * 1.5, 60).astype(int))
    lines: list[tuple[str, Any, str, Any]] = [
        (f"{MORRIS} bits each, Morris et al. 2025", lambda p: MORRIS * p, REFERENCE, ":"),
        ("upper bound by counting (VC)", counting_bits, INK, "-"),
    ]
    if dimensions := [dimension for run in results.runs if (dimension := input_dimension(run))]:
        d, classes = dimensions[0], results.config.num_classes
        lines.append(("Theorem 1: $2n + d$", lambda p: theorem_1_bits(p, d, classes), GREEN, (0, (6, 2))))
        if classes <= _MOST_CLASSES:
            narrow = r"width 12: order $\sqrt{n \log n}$"
            lines.append((narrow, lambda p: narrow_bits(p, d, classes), GOLD, (0, (6, 2, 1.5, 2))))
    for name, bits, color, style in lines:
        values = np.array([bits(int(p)) for p in grid]) / (grid if per_parameter else 1)
        axes.plot(grid[values > 0], values[values > 0], color=color, linestyle=style, linewidth=1.6, label=name)
    for color, name, chosen in (
        (BLUE, "perceptrons, labels", [run for run in results.runs if not is_transformer(run)]),
        (RED, "transformers, tokens", results.transformers),
    ):
        label = name
        for enough in (True, False):
            some = [run for run in chosen if results.enough_steps(run) is enough]
            parameters = np.array([parameters_of(run) for run in some])
            most = np.array([capacity_of(run) for run in some])
            face = color if enough else "white"
            if some:
                axes.plot(
                    parameters,
                    most / (parameters if per_parameter else 1),
                    marker(color),
                    color=color,
                    markerfacecolor=face,
                    markersize=7,
                    label=label,
                )
                label = f"_hollow {name}"  # matplotlib leaves names with an underscore out of the legend
    if results.frontiers:
        parameters = np.array([frontier.parameters for frontier in results.frontiers])
        fitted = np.array([label_bits(results, frontier) for frontier in results.frontiers])
        axes.plot(
            parameters,
            fitted / (parameters if per_parameter else 1),
            "x",
            color=BLUE,
            label="perceptrons, all fitted",
        )


BITS_FIGURES: ResultFigures[BitsResults] = {"Bits per parameter": ResultFigure("bits", draw_bits)}
