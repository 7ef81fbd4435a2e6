"""Least squares: rates, thresholds and limits, from the record of `python -m theory.least_squares.curves`."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from figures.palette import BLUE, GOLD, GREEN, INK, ORCHID, RED, REFERENCE, marker
from figures.style import figure, mathematics, plain, set_panel_title, set_title
from figures.theory_record import TheoryFigure, TheoryRecord

_METHOD_COLORS = {
    "gradient descent": BLUE,
    "Nesterov": GREEN,
    "heavy ball": GOLD,
    "SGD": RED,
    "randomized Kaczmarz": ORCHID,
}
_PREDICTED: dict[str, Any] = {"color": INK, "linewidth": 1.2}


def draw_convergence(record: dict[str, Any], path: Path) -> None:
    """Draw every solver's error against steps, the prediction beside it. Writes `path`.svg and `path`.png."""
    data = record["convergence"]
    runs = max(method["runs"] for method in data["methods"])
    caption = (
        f"X is {data['n']} x {data['d']} with singular values from 1 to 1/{data['condition']:g} (kappa = "
        f"{data['kappa']:.0f}), y = Xw* with w* Gaussian in the row space, seed {_seed(record)}; all from zero, "
        "float64. Lines: exact recursions; for SGD (one sample a step, with replacement) the root of the exact mean "
        "square, for Kaczmarz Strohmer and Vershynin's bound on it, which late is made by rare slow runs. Dots: "
        f"measured; medians over {runs} runs, bars from the least to the "
        "largest. Dotted: what the certificate of the last iterate allows."
    )
    with figure(path, caption, width=9.2, height=4.8) as drawing:
        panels = drawing.subplots(1, 2, sharey=True)
        set_title(drawing, "Every method started at zero ends in the minimum-norm solution, no slower than predicted")
        for method in data["methods"]:
            axes = panels[int(method["runs"] > 1)]
            color = _METHOD_COLORS[method["name"]]
            axes.plot(method["steps"], method["predicted"], color=color, linewidth=1.5)
            below = [value - low for value, low in zip(method["error"], method["low"], strict=True)]
            above = [high - value for value, high in zip(method["error"], method["high"], strict=True)]
            axes.errorbar(
                method["steps"],
                method["error"],
                yerr=(below, above) if method["runs"] > 1 else None,
                fmt=marker(color),
                markersize=4,
                linewidth=1,
                color=color,
                label=method["name"],
            )
            axes.axhline(method["floor"], color=color, linestyle=":", linewidth=1.2)
        for axes, title in zip(panels, ("full batch", "one sample a step"), strict=True):
            set_panel_title(axes, title)
            axes.set(xlabel="steps", yscale="log", ylim=(1e-17, 10))
        panels[0].legend(loc="lower left", fontsize=8.5)
        panels[1].legend(loc="upper right", fontsize=8.5)
        panels[1].xaxis.set_major_locator(MaxNLocator(5))
        panels[0].set(xscale="log", ylabel="relative distance to the minimum-norm solution")


def draw_conditions(record: dict[str, Any], path: Path) -> None:
    """Draw SGD's distance to X^+ y, and that of the references, against the condition number.

    Writes `path`.svg and `path`.png.
    """
    data = record["conditions"]
    conditions, zero, near = data["conditions"], data["from_zero"], data["from_solution"]
    caption = (
        f"X is {data['n']} x {data['d']}, singular values spread evenly in the logarithm, y = Xw* with w* Gaussian in "
        f"the row space, seed {_seed(record)}. Distances are to the exact rational solution, relative. Hollow: stopped "
        f"after {data['max_epochs']:,} epochs, as the steps needed grow with the square of the condition number. "
        "Squares: started at the SVD's solution, SGD stays at the floor that rounding leaves. Crosses: from zero, "
        "distance to cvxpy's solution. References that give up are left out: cvxpy short of its accuracy, "
        "K = XXᵀ singular."
    )
    with figure(path, caption, width=9.2, height=5) as drawing:
        left, right = drawing.subplots(1, 2, sharey=True)
        set_title(drawing, "SGD is within what its certificate states; beyond condition 100, steps are what it lacks")
        left.plot(conditions, zero["bound"], color=BLUE, linewidth=1.5, label="certificate, from zero")
        for converged, fill, label in ((True, BLUE, "SGD from zero"), (False, "white", None)):
            chosen = [at for at, reached in enumerate(zero["converged"]) if reached is converged]
            left.plot(
                [conditions[at] for at in chosen],
                [zero["distance"][at] for at in chosen],
                "o",
                color=BLUE,
                markerfacecolor=fill,
                markersize=5.5,
                label=label,
            )
        _known(left, conditions, zero["to_cvxpy"], marker="x", linestyle="", color=RED, label="SGD to cvxpy")
        left.plot(conditions, near["bound"], color=GREEN, linewidth=1.5, label="certificate, from the solution")
        left.plot(conditions, near["distance"], "s", color=GREEN, markersize=4.5, label="SGD from the solution")
        for (method, distances), color in zip(
            data["references"].items(), (BLUE, GREEN, GOLD, ORCHID, RED), strict=True
        ):
            _known(
                right,
                conditions,
                distances,
                marker=marker(color),
                markersize=4,
                linewidth=1,
                color=color,
                label=plain(method),
            )
        right.plot(
            conditions, data["rounding"], color=INK, linestyle="--", label=r"$8\,\mathrm{eps}\,(n + d)\,\mathrm{cond}$"
        )
        set_panel_title(left, "stochastic gradient descent")
        set_panel_title(right, "five references")
        for axes in (left, right):
            axes.set(xscale="log", yscale="log", xlabel="condition number", ylim=(1e-17, 1e11))
            mathematics(*axes.legend(loc="upper left", fontsize=8, ncols=2).get_texts())
        left.set_ylabel("relative distance")


def draw_certificates(record: dict[str, Any], path: Path) -> None:
    """Draw the certificate's bound against the exact distance. Writes `path`.svg and `path`.png."""
    data = record["certificates"]
    caption = (
        f"X is {data['n']} x {data['d']}, seed {_seed(record)}. Points: the SVD's solution plus steps of 1e-16 to 1 "
        "times ‖w*‖ in one random direction; distances in rational arithmetic, both relative to ‖w*‖. Dashed: ten "
        "times cond above the exact distance, the least sharpness that is claimed. Far left, rounding of the "
        "evaluation is all that the bound is made of."
    )
    with figure(path, caption, height=4.6) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "The certificate is never below the exact distance, and sharp up to cond")
        distances = [value for series in data["series"] for value in series["distance"] if value > 0]
        ends = [min(distances), max(distances)]
        axes.plot(ends, ends, **_PREDICTED, label="exact distance")
        for series, color in zip(data["series"], (BLUE, GREEN, RED), strict=True):
            axes.plot(
                series["distance"],
                series["bound"],
                marker(color) + "-",
                color=color,
                markersize=4.5,
                linewidth=1,
                label=f"bound, condition number {series['condition']:,.0f}",
            )
            axes.plot(ends, [10 * series["condition"] * end for end in ends], "--", color=color, linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="exact distance to the minimum-norm solution")
        axes.set(ylabel="bound stated by the certificate", xlim=(ends[0] / 2, 2 * ends[1]), ylim=(1e-17, 1e9))
        axes.legend(loc="lower right", fontsize=8.5)


def draw_step_sizes(record: dict[str, Any], path: Path) -> None:
    """Draw gradient descent's factor by eigenvalue and by step size. Writes `path`.svg and `path`.png."""
    data = record["step_sizes"]
    components, growth = data["components"], data["growth"]
    refused = [run["share"] for run in data["runs"] if run["refused"]]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, seed {_seed(record)}. Left: the factor of {data['steps']} steps of "
        "1/λ_max along each eigenvector. Middle: the factor of a step along the largest one, a root of the factor of "
        f"{growth['steps']} steps. Right: that error below and above the threshold; left to run, the solver refuses "
        f"step sizes {', '.join(f'{share:g}' for share in refused)} of it once the residual has grown "
        f"{data['growth_limit']:,.0f} times. Lines: theory."
    )
    with figure(path, caption, width=10.6, height=4.4) as drawing:
        left, middle, right = drawing.subplots(1, 3)
        title = r"Gradient descent multiplies each component by $1 - \eta\lambda$: the threshold is $2/\lambda_{\max}$"
        mathematics(set_title(drawing, title))
        left.plot(
            components["eigenvalue"],
            components["predicted"],
            **_PREDICTED,
            label=rf"$(1 - \eta\lambda)^{{{int(data['steps'])}}}$",
        )
        left.plot(components["eigenvalue"], components["factor"], "o", color=BLUE, markersize=5, label="measured")
        mathematics(left.set_xlabel(r"$\lambda / \lambda_{\max}$"))
        left.set(ylabel=f"factor after {data['steps']} steps")
        middle.plot(growth["share"], growth["predicted"], **_PREDICTED, label=r"$|1 - \eta\lambda_{\max}|$")
        middle.plot(growth["share"], growth["factor"], "o", color=BLUE, markersize=4, label="measured")
        middle.axhline(1, color=REFERENCE, linestyle=":")
        middle.axvline(1, color=REFERENCE, linestyle=":")
        mathematics(middle.set_xlabel(r"step size $/\,(2/\lambda_{\max})$"))
        middle.set(ylabel="factor a step")
        for run, color in zip(data["runs"], (BLUE, RED), strict=True):
            right.plot(run["steps"], run["predicted"], **_PREDICTED)
            right.plot(
                run["steps"],
                run["error"],
                marker(color),
                color=color,
                markersize=3.5,
                label=rf"$\eta = {run['share']:g} \cdot 2/\lambda_{{\max}}$",
            )
        right.set(xlabel="steps", ylabel="error along the largest eigenvector", yscale="log")
        for axes, title in ((left, "by eigenvalue"), (middle, "by step size"), (right, "one per cent off")):
            set_panel_title(axes, title)
            where = "upper left" if axes is not left else "upper right"
            mathematics(*axes.legend(loc=where, fontsize=8.5).get_texts())


def draw_kaczmarz(record: dict[str, Any], path: Path) -> None:
    """Draw randomized Kaczmarz's mean squared error against steps. Writes `path`.svg and `path`.png."""
    data = record["kaczmarz"]
    caption = (
        f"Means over {data['runs']} independent runs a point, seed {_seed(record)}, from an error along the slowest "
        "direction; line: Strohmer and Vershynin's rate; bars: Hoeffding's inequality, all points of a panel within "
        f"them with probability 1 − {data['size']:g}. Left: orthonormal columns and very unequal rows, where the rate "
        "is exact. Right: Gaussian X, where it is a bound."
    )
    with figure(path, caption, width=9.2, height=4.4) as drawing:
        rate = r"1 - \sigma_{\min}^2 / \|X\|_F^2"
        mathematics(set_title(drawing, f"Randomized Kaczmarz: at least as fast as ${rate}$ a step"))
        for axes, panel in zip(drawing.subplots(1, 2), data["panels"], strict=True):
            axes.plot(panel["steps"], panel["predicted"], **_PREDICTED, label=f"$({rate})^t$")
            axes.errorbar(
                panel["steps"],
                panel["mean"],
                yerr=(
                    [min(panel["tolerance"], mean) for mean in panel["mean"]],
                    [panel["tolerance"]] * len(panel["mean"]),
                ),
                fmt="o",
                color=ORCHID,
                markersize=4,
                linewidth=1,
                label="mean squared error",
            )
            set_panel_title(axes, f"{panel['name']}, {panel['n']} x {panel['d']}")
            axes.set(xlabel="steps", ylim=(0, 1.02))
            mathematics(*axes.legend(loc="upper right", fontsize=8.5).get_texts())
            axes.set_ylabel("part of the first squared error")


def draw_row_space(record: dict[str, Any], path: Path) -> None:
    """Draw the row-space distance of SGD's iterates and where they go from two starts.

    Writes `path`.svg and `path`.png.
    """
    data = record["row_space"]
    steps, zero, moved = data["steps"], data["from_zero"], data["from_start"]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, seed {_seed(record)}; SGD, one sample a step, from zero and from a "
        "Gaussian w₀. Left: the part of w outside the row space (relative to ‖w‖), and by how much that part of w₀ "
        "has changed (relative to itself). Right: relative distances. Measured values that are "
        "exactly zero are left out."
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        left, right = drawing.subplots(1, 2)
        set_title(drawing, "SGD never moves outside the row space: it ends in the solution nearest to its start")
        left.axhline(data["rounding"], **_PREDICTED, label=r"rounding: $4\,\mathrm{eps}\sqrt{nd}$")
        for values, color, label in (
            (zero["outside"], BLUE, "from zero: outside"),
            (moved["outside_change"], GREEN, "from $w_0$: change outside"),
        ):
            _known(
                left,
                steps,
                [value or None for value in values],
                marker=marker(color),
                markersize=4,
                color=color,
                label=label,
            )
        left.set(ylim=(1e-17, 1e-12))
        for values, color, label in (
            (zero["to_minimum"], BLUE, "from zero, to the minimum norm"),
            (moved["to_projection"], GREEN, "from $w_0$, to its projection"),
            (moved["to_minimum"], GOLD, "from $w_0$, to the minimum norm"),
        ):
            right.plot(steps, values, marker(color) + "-", markersize=4, linewidth=1, color=color, label=label)
        right.axhline(data["apart"], **_PREDICTED, linestyle="--", label=r"$\|$part of $w_0$ outside$\|\,/\,\|w^*\|$")
        right.set(ylim=(1e-17, 1e10))
        set_panel_title(left, "outside the row space")
        set_panel_title(right, "distance to a solution")
        for axes in (left, right):
            axes.set(xlabel="steps", xscale="log", yscale="log")
            mathematics(*axes.legend(loc="upper right", fontsize=8).get_texts())


def draw_noise(record: dict[str, Any], path: Path) -> None:
    """Draw SGD's mean squared distance where Xw = y has no solution. Writes `path`.svg and `path`.png."""
    data = record["noise"]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, Gaussian y, seed {_seed(record)}: no solution. One sample a step, "
        "with replacement, started at the least-squares solution; constant step size 1/(2 max ‖xᵢ‖²), or decaying "
        f"from it like 1/t. Dots: means over {data['runs']} independent runs, fresh ones for each dot, with two "
        "standard errors. Lines: exact recursion of the second moment."
    )
    with figure(path, caption, height=4.6) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "Without a solution: constant steps stay in a ball, decaying ones converge")
        for series, color in zip(data["series"], (BLUE, GREEN), strict=True):
            axes.plot(data["predicted_steps"], series["predicted"], color=color, linewidth=1.5)
            axes.errorbar(
                data["steps"],
                series["mean"],
                yerr=[2 * error for error in series["standard_error"]],
                fmt=marker(color),
                color=color,
                markersize=4.5,
                linewidth=1.2,
                label=f"{series['name']} step size",
            )
        axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="mean squared distance to the solution")
        axes.legend(loc="upper left", fontsize=8.5)


def draw_norms(record: dict[str, Any], path: Path) -> None:
    """Draw the minimum norm against features and equations. Writes `path`.svg and `path`.png."""
    data = record["norms"]
    features, equations = data["features"], data["equations"]
    caption = (
        f"Random integers from −9 to 9, seed {_seed(record)}, rational arithmetic. Steps in the direction that theory "
        f"excludes: {features['wrong_steps']} of {len(features['count']) - 1} and {equations['wrong_steps']} of "
        f"{len(equations['count']) - 1}."
    )
    with figure(path, caption, width=9.2, height=4) as drawing:
        left, right = drawing.subplots(1, 2)
        set_title(drawing, "The minimum norm falls with every feature added and rises with every equation")
        left.plot(features["count"], features["norm"], "o-", color=BLUE, markersize=4)
        mathematics(left.set_xlabel("features $d$"), left.set_ylabel(r"$\|w^*\|$"))
        right.plot(equations["count"], equations["norm"], "o-", color=RED, markersize=4)
        mathematics(right.set_xlabel("equations $n$"), right.set_ylabel(r"$\|w^*\|$"))
        set_panel_title(left, f"{features['n']} equations")
        set_panel_title(right, f"{equations['d']} features")
        for axes in (left, right):
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_curvature(record: dict[str, Any], path: Path) -> None:
    """Draw the Hessian's eigenvalues at three global minima and elsewhere. Writes `path`.svg and `path`.png."""
    data = record["curvature"]
    far = ", ".join(f"{distance:.0f}" for distance in data["distances"][1:])
    caption = (
        f"Integer X, {data['n']} x {data['d']}, seed {_seed(record)}; log cosh loss. Minima at distances {far} from "
        f"the first; their Hessians are {'equal to the last bit' if data['equal_bits'] else 'not equal'}. "
        f"{data['d'] - data['n']} eigenvalues or more are zero. Elsewhere: off the minimum by the first row of X."
    )
    with figure(path, caption, height=4) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "The curvature is the same at every global minimum")
        index = list(range(1, data["d"] + 1))
        axes.plot(index, data["predicted"], **_PREDICTED, label=r"eigenvalues of $X^\top X / n$")
        for eigenvalues, size, label in zip(
            data["minima"], (13, 8.5, 4), ("minimum 1", "minimum 2", "minimum 3"), strict=True
        ):
            axes.plot(index, eigenvalues, "o", color=BLUE, markersize=size, markerfacecolor="none", label=label)
        axes.plot(index, data["elsewhere"], "x", color=RED, label="elsewhere")
        axes.set(xlabel="index", ylabel="eigenvalue of the Hessian")
        mathematics(*axes.legend(loc="upper right", fontsize=8.5).get_texts())


LEAST_SQUARES = TheoryRecord(
    "least_squares",
    {
        "convergence": TheoryFigure(draw_convergence, ("convergence",), ("sgd-pseudo-inverse", "momentum-rate")),
        "distance-by-condition": TheoryFigure(
            draw_conditions, ("conditions",), ("sgd-pseudo-inverse", "sgd-cvxpy", "minimum-norm-references")
        ),
        "certificate": TheoryFigure(draw_certificates, ("certificates",), ("minimum-norm-certificate",)),
        "step-size-threshold": TheoryFigure(draw_step_sizes, ("step_sizes",), ("gd-rate", "gd-threshold")),
        "kaczmarz": TheoryFigure(draw_kaczmarz, ("kaczmarz",), ("kaczmarz-rate", "kaczmarz-bound")),
        "row-space": TheoryFigure(draw_row_space, ("row_space",), ("sgd-row-space", "sgd-start")),
        "noise-ball": TheoryFigure(draw_noise, ("noise",), ("sgd-noise-ball", "sgd-decaying-steps")),
        "minimum-norm": TheoryFigure(draw_norms, ("norms",), ("minimum-norm-monotone",)),
        "curvature": TheoryFigure(draw_curvature, ("curvature",), ("curvature",)),
    },
)


def _seed(record: dict[str, Any]) -> int:
    return int(record["about"]["seed"])


def _known(axes: Axes, places: list[float], values: list[float | None], **style: Any) -> None:
    """Plot the values that are not None."""
    points = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
    axes.plot([place for place, _ in points], [value for _, value in points], **style)
