"""Bits that networks memorise of random data against their parameters, beside what constructions hold."""

from pathlib import Path
from typing import Any

import numpy as np

from empirical.claims.bits import (
    MORRIS,
    BitsResults,
    capacity_of,
    input_dimension,
    is_transformer,
    label_bits,
    learning_rate_of,
    parameters_of,
    points_of,
    steps_of,
)
from figures.palette import BLUE, GOLD, GREEN, INK, RED, REFERENCE, looks, marker
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, mathematics, set_panel_title, set_title
from theory.memorisation import counting_bits, narrow_bits, theorem_1_bits

_MOST_CLASSES = 10  # the closed form of the network of width 12 was evaluated for no more


def draw_bits(results: BitsResults, path: Path) -> None:
    """Draw memorised against offered bits for each network, and the most memorised against the parameters.

    Writes `path`.svg and `path`.png.
    """
    beside = " Crosses: labels that the experiment capacity fitted, all of them, in bits." if results.frontiers else ""
    caption = (
        f"{results.scale}. Memorised: by how many bits the trained network shortens the code of its own training data; "
        "a lower bound of what it can hold. p: parameters. Right: lines hold for labels of "
        f"{results.config.num_classes} classes. The upper one is two classes, parameters of unlimited precision and "
        f"ReLU networks without shared weights. The line of {MORRIS} bits a parameter is what Morris et al. 2025 "
        f"measure of larger transformers.{beside}"
    )
    with figure(path, caption, width=12.5, height=5.0) as drawing:
        left, right = drawing.subplots(1, 2)
        several = len({(steps_of(run), learning_rate_of(run)) for run in results.runs}) > 1
        set_title(drawing, "Bits per parameter")
        for run, look in zip(results.runs, looks(len(results.runs)), strict=True):
            p = parameters_of(run)
            steps = f"\n{steps_of(run):,} steps of at most {learning_rate_of(run):g}" if several else ""
            left.plot(
                [point["offered_bits"] / p for point in points_of(run)],
                [point["memorised_bits"] / p for point in points_of(run)],
                color=look.color,
                marker=look.marker,
                linestyle=look.dashes,
                linewidth=1.6,
                markersize=5,
                label=f"{run.config.model}, p = {p:,}{steps}",
            )
        ends = [
            1e-9,
            max(point["offered_bits"] / parameters_of(run) for run in results.runs for point in points_of(run)),
        ]
        top = max(MORRIS, *(capacity_of(run) / parameters_of(run) for run in results.runs)) * 1.15
        left.plot(ends, ends, color=REFERENCE, linewidth=1, label="everything memorised")
        left.axhline(MORRIS, color=REFERENCE, linestyle=":", linewidth=1.5, label=f"{MORRIS}, Morris et al. 2025")
        left.set(xlabel="bits of the data / parameters", ylabel="bits memorised / parameters", ylim=(0, top))
        left.set_xlim(0, None)
        drawing.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=8, title="left")
        set_panel_title(left, "More data than a network holds")

        sizes = [parameters_of(run) for run in results.runs] + [frontier.parameters for frontier in results.frontiers]
        grid = np.unique(np.geomspace(min(sizes) / 1.5, max(sizes) * 1.5, 60).astype(int))
        right.plot(grid, MORRIS * grid, color=REFERENCE, linestyle=":", linewidth=1.5, label=f"{MORRIS} bits each")
        right.plot(
            grid, [counting_bits(int(p)) for p in grid], color=INK, linewidth=1.2, label="upper bound by counting"
        )
        dimensions = [dimension for run in results.runs if (dimension := input_dimension(run))]
        if dimensions:
            classes = results.config.num_classes
            lines: list[tuple[str, Any, str, Any]] = [("Theorem 1: $2n + d$", theorem_1_bits, GREEN, (0, (6, 2)))]
            if classes <= _MOST_CLASSES:
                lines.append((r"width 12: order $\sqrt{n \log n}$", narrow_bits, GOLD, (0, (6, 2, 1.5, 2))))
            for name, bits, color, style in lines:
                values = np.array([bits(int(p), dimensions[0], classes) for p in grid])
                right.plot(
                    grid[values > 0], values[values > 0], color=color, linestyle=style, linewidth=1.6, label=name
                )
        for color, name, chosen in (
            (BLUE, "perceptrons, labels", [run for run in results.runs if not is_transformer(run)]),
            (RED, "transformers, tokens", results.transformers),
        ):
            if chosen:
                right.plot(
                    [parameters_of(run) for run in chosen],
                    [capacity_of(run) for run in chosen],
                    marker(color),
                    color=color,
                    markersize=7,
                    label=name,
                )
        if results.frontiers:
            right.plot(
                [frontier.parameters for frontier in results.frontiers],
                [label_bits(results, frontier) for frontier in results.frontiers],
                "x",
                color=BLUE,
                label="all labels fitted (capacity)",
            )
        right.set(xscale="log", yscale="log", xlabel="parameters", ylabel="bits")
        mathematics(*right.legend(fontsize=8).get_texts())
        set_panel_title(right, "The most bits memorised")


BITS_FIGURES: ResultFigures[BitsResults] = {"Bits per parameter": ResultFigure("bits", draw_bits)}
