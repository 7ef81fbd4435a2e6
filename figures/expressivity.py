"""The theory's figures, from the record of `python -m theory.expressivity.curves`."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.palette import BLUE, GOLD, GREEN, ORCHID, RED, REFERENCE, dashes, marker
from figures.style import figure, mathematics, set_panel_title, set_title
from figures.theory_record import TheoryFigure, TheoryRecord

EPS_COLORS = {1.0: BLUE, 0.75: GREEN, 0.5: GOLD, 0.25: RED}
"""One colour for each place of the biases, z - eps gap."""

_EPS_LABELS = {
    1.0: r"$\varepsilon = 1$ (data point)",
    0.75: r"$\varepsilon = 3/4$",
    0.5: r"$\varepsilon = 1/2$ (midpoint)",
    0.25: r"$\varepsilon = 1/4$",
}
_PLACES = "Biases at zⱼ − ε(zⱼ − zⱼ₋₁)"


def draw_interpolant(record: dict[str, Any], path: Path) -> None:
    """Draw the output after each hidden layer of networks of several depths, one above the other.

    Writes `path`.svg and `path`.png.
    """
    data = record["interpolant"]
    caption = (
        f"n = {data['n']} noisy samples of a sine, seed {record['about']['seed']}. Colours: what each hidden layer "
        "adds, from the first (dark) to the last. The sum so far goes on level (thin) until the next layer takes over. "
        f"The output is one function at all depths, outside the data too: within {data['difference']:.0e} on this grid."
    )
    with figure(path, caption, height=6.6) as drawing:
        panels = drawing.subplots(len(data["networks"]), sharex=True, sharey=True)
        set_title(drawing, "Deeper networks draw the same interpolant, a stretch a layer")
        room = 0.25 * (max(data["y"]) - min(data["y"]))
        for axes, network in zip(panels, data["networks"], strict=True):
            _layers(axes, data["grid"], network["after_layers"])
            axes.plot(data["x"], data["y"], "o", color="black", markersize=3, zorder=5)
            set_panel_title(
                axes,
                f"depth {network['depth']}: width {network['width']}, {network['num_weights']} weights, "
                f"{network['depth'] - 1} hidden layer{'s' * (network['depth'] > 2)}",
            )
            axes.set(ylim=(min(data["y"]) - room, max(data["y"]) + room), ylabel="output")
        axes.set(xlabel="x", xlim=(data["grid"][0], data["grid"][-1]))


def draw_errors(record: dict[str, Any], path: Path) -> None:
    """Draw the largest error against n for each place of the biases, one panel an evaluation.

    Writes `path`.svg and `path`.png.
    """
    data = record["errors"]
    stops = [at for curve in data["series"] for at in curve["overflow_at"] if at is not None]
    caption = (
        f"n random images of {data['dimension']} pixels, random labels 0 to {data['classes'] - 1}, seed "
        f"{record['about']['seed']}, float64. {_PLACES}: the exact weights, each rounded once; thin with dots: "
        "relu_interpolant, where each weight makes up for the rounding of those before."
        + (f" At ε = 1/4 the weights pass 2⁹⁹⁶, near float64's end, by weight {min(stops)}." if stops else "")
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        panels = _two_panels(
            drawing, "Biases at the previous data point keep the error small; beyond midpoints it explodes"
        )
        for axes, name, title in (
            (panels[0], "sum_of_relus", "sum of ReLUs, as Theorem 1 writes it"),
            (panels[1], "stable", "stable evaluation of the same network"),
        ):
            axes.axhline(0.5, color=REFERENCE, linestyle=":", linewidth=1.5)
            for curve in data["series"]:
                _curve(axes, data["sizes"], curve[name], curve["eps"], curve["compensated"])
            set_panel_title(axes, title)
            axes.set(xscale="log", yscale="log", ylim=(1e-15, 1e10))
            mathematics(axes.set_xlabel("$n$"))
        panels[0].set_ylabel("largest error at the data")
        panels[1].text(data["sizes"][-1], 1, "1/2: another class is nearer", color=REFERENCE, size=8.5, ha="right")
        mathematics(*panels[0].legend(loc="upper right", fontsize=8.5, handlelength=4).get_texts())


def draw_conditions(record: dict[str, Any], path: Path) -> None:
    """Draw the condition number of Lemma 1's matrix against n for each place of the biases.

    Writes `path`.svg and `path`.png.
    """
    data = record["conditions"]
    caption = (
        f"The matrix [max(zᵢ − bⱼ, 0)] in the 2-norm. {_PLACES}. Left: z = 1, 2, ..., n. Right: projections of n "
        f"random images of {data['dimension']} pixels, seed {record['about']['seed']}. From the entrywise accurate "
        "inverse, so that numbers beyond 2⁵³ are accurate too."
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        panels = _two_panels(
            drawing, "Lemma 1's matrix: condition polynomial in n for biases up to midpoints, exponential beyond"
        )
        for axes, points in zip(panels, ("equal gaps", "random images"), strict=True):
            axes.axhline(2.0**53, color=REFERENCE, linestyle=":", linewidth=1.5)
            for curve in data["series"]:
                if curve["points"] == points:
                    _curve(axes, data["sizes"], curve["condition"], curve["eps"])
            set_panel_title(axes, points)
            axes.set(xscale="log", yscale="log", ylim=(1, 1e30))
            mathematics(axes.set_xlabel("$n$"))
        panels[0].set_ylabel("condition number")
        note = "$2^{53}$: a solve keeps no digit"
        mathematics(panels[1].text(data["sizes"][-1], 3e16, note, color=REFERENCE, size=8.5, ha="right"))
        mathematics(*panels[0].legend(loc="upper right", fontsize=8.5, handlelength=4).get_texts())


def draw_geometry(record: dict[str, Any], path: Path) -> None:
    """Draw the Lipschitz constant, the weights and the robust radius of Theorem 1's network against n.

    Writes `path`.svg and `path`.png.
    """
    data = record["geometry"]
    sizes, medians = data["sizes"], data["medians"]
    caption = (
        f"n random images of {data['dimension']} pixels 0 to 255, random labels 0 to {data['classes'] - 1}, seed "
        f"{record['about']['seed']}; medians over {data['directions']} directions, scaled to length 1. Radius: no "
        "shorter change of a training image, in pixel values, changes the class nearest to the output."
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        left, right = drawing.subplots(1, 2)
        mathematics(
            set_title(drawing, "Theorem 1's interpolant gets steeper like $n^2$, and its margin shrinks like $1/n^2$")
        )
        for name, label, color, line in (
            ("weight_l1", r"$\|w\|_1$", ORCHID, dashes(ORCHID)),
            ("weight_l2", r"$\|w\|_2$", GREEN, dashes(GREEN)),
            ("lipschitz", "Lipschitz constant", BLUE, "-"),
            ("weight_max", r"$\max |w|$", GOLD, dashes(GOLD)),
            ("lipschitz_needed", "any interpolant's, at least", RED, dashes(RED)),
        ):
            left.plot(sizes, medians[name], color=color, linestyle=line, linewidth=2, label=label)
        right.plot(sizes, medians["robust_radius"], color=BLUE, linewidth=2, label="robust radius")
        for axes, name, power in ((left, "lipschitz", 2), (right, "robust_radius", -2)):
            guide = [medians[name][-1] * (n / sizes[-1]) ** power for n in sizes]
            axes.plot(sizes, guide, color=REFERENCE, linestyle=":", label="$n^2$" if power > 0 else "$1/n^2$")
            axes.set(xscale="log", yscale="log")
            mathematics(axes.set_xlabel("$n$"), *axes.legend(loc="best", fontsize=8.5).get_texts())
        set_panel_title(left, "slopes and weights, label units per pixel unit")
        set_panel_title(right, "margin in pixel units")


def draw_parameters(record: dict[str, Any], path: Path) -> None:
    """Draw the parameters of each construction, and the lower bounds, against n.

    Writes `path`.svg and `path`.png.
    """
    data = record["parameters"]
    sizes = data["sizes"]
    more = " and ".join(
        f"{counts[-1] - data['theorem_1'][-1]} (k = {depth})" for depth, counts in data["corollary_1"].items()
    )
    caption = (
        f"d = {data['dimension']:,} as for CIFAR-10, {data['classes']} labels as one output; no data, no seed: counts "
        f"and bounds are theorems. Corollary 1 takes at most {more} more than Theorem 1. The narrow network's count "
        "is for projections with range / least gap up to n². The lower bounds hold for every d; the one for depth 2 is "
        "computed up to n = 10⁶."
    )
    with figure(path, caption, height=5) as drawing:
        axes = drawing.add_subplot()
        axes.plot(sizes, data["theorem_1"], color=BLUE, linewidth=3, label="Theorem 1: $2n + d$")
        for (depth, counts), color, start in zip(data["corollary_1"].items(), (GOLD, ORCHID), (0, 4), strict=True):
            axes.plot(sizes, counts, color=color, linestyle=(start, (4, 4)), label=f"Corollary 1, depth {depth}")
        axes.plot(sizes, data["paper"], color="black", linestyle=":", label="the paper's remark: $p > n$")
        axes.plot(
            sizes,
            data["narrow"],
            color=GREEN,
            linestyle=dashes(GREEN),
            linewidth=2,
            label=r"narrow and deep, of order $\sqrt{n \log n}$",
        )
        needed = [(n, count) for n, count in zip(sizes, data["needed_at_depth_2"], strict=True) if count is not None]
        axes.plot(*zip(*needed, strict=True), color=RED, linestyle="--", label="lower bound at depth 2")
        axes.plot(sizes, data["needed_at_any_depth"], color=RED, label="lower bound at any depth")
        axes.set(title="Far fewer than n parameters can memorise n labels")
        axes.set(xscale="log", yscale="log", ylabel="parameters", xlim=(sizes[0], sizes[-1]))
        axes.axvline(50_000, color=REFERENCE, linewidth=1, zorder=0)
        axes.text(45_000, 3, "CIFAR-10, n = 50,000", color=REFERENCE, size=8.5, ha="right")
        mathematics(axes.set_xlabel("$n$"), *axes.legend(loc="upper left", fontsize=8.5).get_texts())


EXPRESSIVITY = TheoryRecord(
    "expressivity",
    {
        "interpolant": TheoryFigure(draw_interpolant, ("interpolant",), ("theorem-1", "corollary-1-float")),
        "error-by-biases": TheoryFigure(draw_errors, ("errors",), ("theorem-1",)),
        "condition-by-biases": TheoryFigure(draw_conditions, ("conditions",), ("lemma-1-singular-value",)),
        "steepness": TheoryFigure(draw_geometry, ("geometry",), ("theorem-1-lipschitz", "theorem-1-weight-bound")),
        "parameters": TheoryFigure(
            draw_parameters, ("parameters",), ("narrow-memorization", "lower-bound-parameters", "corollary-1")
        ),
    },
)


def _two_panels(drawing: Figure, title: str) -> tuple[Axes, Axes]:
    left, right = drawing.subplots(1, 2, sharey=True)
    set_title(drawing, title)
    return left, right


def _curve(axes: Axes, sizes: list[int], values: list[float | None], eps: float, compensated: bool = False) -> None:
    """Plot the curve of one place of the biases; a missing value ends the line."""
    points = [(n, value) for n, value in zip(sizes, values, strict=True) if value is not None]
    axes.plot(
        *zip(*points, strict=True),
        color=EPS_COLORS[eps],
        linestyle=dashes(EPS_COLORS[eps]),
        linewidth=1 if compensated else 2,
        marker=marker(EPS_COLORS[eps]) if compensated else None,
        markersize=3.5,
        label=rf"$\varepsilon = {eps:g}$, relu_interpolant" if compensated else _EPS_LABELS[eps],
    )


def _layers(axes: Axes, grid: list[float], sums: list[list[float]]) -> None:
    """Plot the stretch of the output that each layer makes and, thin, how the sum goes on without the later layers."""
    colors = mpl.colormaps["viridis"]([0.1 + 0.8 * index / max(len(sums) - 1, 1) for index in range(len(sums))])
    whole = sums[-1]
    start = 0
    for total, color in zip(sums, colors, strict=True):
        end = next((i for i in range(start, len(grid)) if abs(total[i] - whole[i]) > 1e-5), len(grid))
        axes.plot(grid[start:end], whole[start:end], color=color, linewidth=2)
        start = end - 1
        axes.plot(grid[start:], total[start:], color=color, linewidth=0.8, zorder=1.8)
