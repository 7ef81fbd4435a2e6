"""The solutions that algorithms pick, from the record of `python -m theory.implicit_bias.curves`."""

from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator

from figures.palette import BLUE, GOLD, GREEN, INK, ORCHID, RED, REFERENCE, marker
from figures.style import figure, mathematics, plain, set_panel_title, set_title
from figures.theory_record import TheoryFigure, TheoryRecord

_PREDICTED: dict[str, Any] = {"color": INK, "linewidth": 1.2}
_SPECTRA = {"exp(-k/2) + 1/p": "$e^{-k/2} + 1/p$", "k^-2": "$k^{-2}$"}
"""The spectra of the record, as mathematics."""


def draw_optimizers(record: dict[str, Any], path: Path) -> None:
    """Draw every optimiser's distance to three interpolants, a row each. Writes `path`.svg and `path`.png."""
    data = record["optimizers"]
    rows = sorted(
        data["rows"], key=lambda row: (not row["reaches_minimum_norm"], row["optimizer"].lower()), reverse=True
    )
    short = [row["optimizer"] for row in rows if not row["interpolates"]]
    caption = (
        f"{data['n']} equations in {data['d']} unknowns, two problems ({', '.join(data['problems'])}), seed "
        f"{_seed(record)}; torch's optimisers from zero, full batch, at most {data['max_steps']:,} steps. Bars: from "
        "one problem to the other. Ticks: proved upper bounds on the distance to the least l2-norm, where the iterates "
        "stay in the row space."
        + (f" Residual above 1e-4: {', '.join(short)}." if short else "")
        + (f" Do not take a dense vector: {', '.join(data['not_run'])}." if data["not_run"] else "")
    )
    with figure(path, caption, height=6) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "SGD, momentum, L-BFGS reach the minimum norm; Adam does not")
        for name, marker, color, label in (
            ("l1", "^", GREEN, "to least l1-norm"),
            ("linf", "s", GOLD, "to least l∞-norm"),
            ("l2", "o", BLUE, "to least l2-norm"),
        ):
            lows, highs = zip(*(row["distances"][name] for row in rows), strict=True)
            axes.hlines(range(len(rows)), lows, highs, color=color, linewidth=2)
            axes.plot(highs, range(len(rows)), marker, color=color, markersize=5.5, label=label)
        proved = [(at, row["bound"]) for at, row in enumerate(rows) if row["reaches_minimum_norm"]]
        axes.plot(
            [bound for _, bound in proved],
            [at for at, _ in proved],
            "|",
            color=INK,
            markersize=13,
            label="proved bound",
        )
        axes.set_yticks(range(len(rows)), [row["optimizer"] for row in rows])
        axes.set(xscale="log", xlabel="relative distance to the interpolant of least norm", xlim=(1e-17, 10))
        axes.legend(loc="center", fontsize=8.5)


def draw_wilson(record: dict[str, Any], path: Path) -> None:
    """Draw adaptive methods' distance to Wilson et al.'s formula, and their outputs on unseen samples.

    Writes `path`.svg and `path`.png.
    """
    data = record["wilson"]
    caption = (
        f"Wilson et al. 2017, section 3.3, with {data['problem']} (d = {data['d']}), seed {_seed(record)}. Left: the "
        "formula is for denominators √v; torch's √v + ε bends the path by about ε / |gradient|. Dotted: what the "
        "relative residual and rounding allow at negligible ε. Right: ε = "
        f"{data['epsilons'][0]:.0e}; lines: from the formula (adaptive methods) and from X⁺y (SGD)."
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        left, right = drawing.subplots(1, 2)
        mathematics(
            set_title(
                drawing, r"Adaptive methods end in $\mathrm{sign}(X^\top y)/c$, and call every unseen sample positive"
            )
        )
        for method, color in zip(data["methods"], (GREEN, GOLD, ORCHID), strict=True):
            left.plot(
                data["epsilons"],
                method["distance"],
                marker(color) + "-",
                color=color,
                markersize=4,
                label=method["name"],
            )
            left.axhline(method["bound"], color=color, linestyle=":", linewidth=1.2)
        left.set(xscale="log", yscale="log", ylabel="relative distance to the formula", ylim=(1e-14, 1))
        mathematics(left.set_xlabel(r"$\varepsilon$"))
        left.xaxis.set_major_locator(LogLocator(numticks=7))
        left.legend(loc="upper left", fontsize=8.5)
        names = [method["name"] for method in data["methods"]] + ["SGD"]
        outputs = [method["outputs"] for method in data["methods"]] + [data["sgd_outputs"]]
        predicted = [data["formula_outputs"]] * len(data["methods"]) + [data["minimum_norm_outputs"]]
        for sample, offset, color, label in ((0, -0.18, BLUE, "unseen positive"), (1, 0.18, RED, "unseen negative")):
            places = [at + offset for at in range(len(names))]
            right.bar(
                places,
                [pair[sample] for pair in outputs],
                0.32,
                color=color,
                alpha=0.55,
                hatch="//" if sample else None,
                edgecolor=color,
                label=label,
            )
            values = [pair[sample] for pair in predicted]
            right.hlines(values, [at - 0.2 for at in places], [at + 0.2 for at in places], **_PREDICTED)
        right.axhline(0, color=REFERENCE, linewidth=1)
        right.set_xticks(range(len(names)), names)
        mathematics(right.set_ylabel(r"output $\langle w, x \rangle$"))
        right.set_axisbelow(True)
        right.margins(y=0.25)
        right.legend(loc="upper center", fontsize=8.5, ncols=2)
        mathematics(set_panel_title(left, r"distance to $\mathrm{sign}(X^\top y)/c$"))
        set_panel_title(right, "samples not seen in training")


def draw_mirror(record: dict[str, Any], path: Path) -> None:
    """Draw the norms of mirror descent's limits, and exponentiated gradient's limit against cvxpy's.

    Writes `path`.svg and `path`.png.
    """
    data = record["mirror"]
    entropy, powers = data["entropy"], data["powers"]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, seed {_seed(record)}. Left: q-norm of the limit over the least one by "
        "cvxpy, minus 1; at p = q, what cvxpy's stopping rule leaves (its magnitude). Relative distance "
        f"to cvxpy's interpolant of least p-norm at most {max(data['distance']):.0e}, duality gap at most "
        f"{max(data['relative_gap']):.0e} of the optimum. Right: every coordinate of the limit on positive data; "
        f"distance to cvxpy {entropy['distance']:.0e}."
    )
    with figure(path, caption, width=9.2, height=4.8) as drawing:
        left, right = drawing.subplots(1, 2)
        set_title(drawing, "Mirror descent ends in the interpolant of least potential")
        for (q, excess), color in zip(data["excess"].items(), (GREEN, BLUE, GOLD), strict=True):
            left.plot(
                powers,
                [abs(value) for value in excess],
                marker(color) + "-",
                color=color,
                markersize=4,
                label=f"{q}-norm",
            )
            left.axvline(float(q), ymax=0.9, color=color, linestyle=":", linewidth=1.2)
        left.set(yscale="log", ylim=(1e-13, 30))
        mathematics(
            left.set_xlabel(r"$p$ of the potential $\|w\|_p^p$"), left.set_ylabel("excess over the least $q$-norm")
        )
        left.legend(loc="upper right", fontsize=8.5, ncols=3)
        ends = [min(entropy["minimum_norm"]), max(entropy["cvxpy"]) * 1.05]
        right.plot(ends, ends, **_PREDICTED, label="equal")
        right.plot(
            entropy["cvxpy"], entropy["exponentiated_gradient"], "o", color=ORCHID, label="exponentiated gradient"
        )
        right.plot(entropy["cvxpy"], entropy["minimum_norm"], "x", color=REFERENCE, label="minimum 2-norm")
        mathematics(right.set_xlabel("$w_j$ of least Kullback-Leibler divergence, by cvxpy"), right.set_ylabel("$w_j$"))
        right.legend(loc="upper left", fontsize=8.5)
        mathematics(set_panel_title(left, "$p$-norm potentials"))
        set_panel_title(right, "entropy")


def draw_diagonal(record: dict[str, Any], path: Path) -> None:
    """Draw diagonal networks' excess norms against the scale of their start. Writes `path`.svg and `path`.png."""
    data = record["diagonal"]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, seed {_seed(record)}; gradient flow on u² − v² from u = v = α. Lines: "
        "the interpolant of least Q, Woodworth et al.'s prediction (trained networks within a relative distance of "
        f"{max(data['prediction_error']):.0e}). Dashed: proved bounds, where they are finite. References: basis "
        "pursuit by cvxpy, and X⁺y."
    )
    with figure(path, caption, height=4.8) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "Diagonal networks: least 1-norm from small starts, least 2-norm from large")
        for name, color, label in (("l1", RED, "1-norm"), ("l2", BLUE, "2-norm")):
            axes.plot(data["scales"], data[f"{name}_predicted"], color=color)
            axes.plot(
                data["scales"],
                data[f"{name}_excess"],
                marker(color),
                color=color,
                markersize=4.5,
                label=f"excess {label}",
            )
            points = [(s, b) for s, b in zip(data["scales"], data[f"{name}_bound"], strict=True) if b is not None]
            axes.plot([s for s, _ in points], [b for _, b in points], "--", color=color, label=f"bound on the {label}")
        axes.set(xscale="log", yscale="log", ylabel="norm over the least one, minus 1")
        mathematics(axes.set_xlabel(r"scale $\alpha$ of the start"))
        axes.set(ylim=(1e-8, 1e3))
        axes.legend(loc="lower left", fontsize=8.5)


def draw_factorization(record: dict[str, Any], path: Path) -> None:
    """Draw the excess nuclear norm of matrix factorisation against its start. Writes `path`.svg and `path`.png."""
    data = record["factorization"]
    caption = (
        f"{data['measurements']} commuting measurements of a {data['dimension']} x {data['dimension']} matrix of rank "
        f"{data['rank']}, seed {_seed(record)}; gradient flow on W = UUᵀ from U = αI. Line: the limit of least "
        f"divergence (trained within a relative distance of {max(data['prediction_error']):.0e}). Least nuclear norm "
        "by cvxpy, semidefinite programming, itself accurate to about 1e-6."
    )
    with figure(path, caption, height=4.4) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "Matrix factorisation: the least nuclear norm as the start shrinks")
        points = [(s, b) for s, b in zip(data["scales"], data["bound"], strict=True) if b is not None]
        axes.plot([s for s, _ in points], [b for _, b in points], "--", color=GREEN, label="proved bound")
        axes.plot(data["scales"], data["predicted"], color=GREEN, label="predicted")
        axes.plot(data["scales"], data["excess"], "o", color=GREEN, label="trained")
        axes.set(xscale="log", yscale="log", ylabel="nuclear norm over the least, minus 1")
        mathematics(axes.set_xlabel(r"scale $\alpha$ of the start"))
        axes.legend(loc="lower right", fontsize=8.5)


def draw_logistic(record: dict[str, Any], path: Path) -> None:
    """Draw logistic regression's direction error against log t. Writes `path`.svg and `path`.png."""
    data = record["logistic"]
    low, high = data["interval"]
    caption = (
        f"{len(data['errors'])} separable data sets of {data['samples']} points in {data['dimension']} dimensions, "
        f"seed {_seed(record)}, none nearly degenerate (strict complementarity above 0.01); gradient flow from zero "
        f"against cvxpy's hard-margin separator. Exponent fitted for log t from {data['fit_from']:g} (dotted) on: "
        f"{data['slope']:.4f}, 99% interval {low:.4f} to {high:.4f}; theory: −1."
    )
    with figure(path, caption, height=4.6) as drawing:
        axes = drawing.add_subplot()
        mathematics(axes.set_title(r"Logistic regression turns to the maximum margin like $1/\log t$"))
        times = data["log_times"]
        for number, errors in enumerate(data["errors"]):
            axes.plot(times, errors, color=BLUE, linewidth=1, alpha=0.7, label=None if number else "flow, one data set")
        last = max(errors[-1] for errors in data["errors"])
        guide = [3 * last * times[-1] / time for time in times]
        axes.plot(times, guide, "--", **_PREDICTED, label="slope −1")
        axes.axvline(data["fit_from"], color=REFERENCE, linestyle=":")
        axes.set(xscale="log", yscale="log", ylabel="distance of the unit vectors", ylim=(1e-8, 10))
        mathematics(axes.set_xlabel(r"$\log t$"))
        axes.legend(loc="lower left", fontsize=8.5)


def draw_margins(record: dict[str, Any], path: Path) -> None:
    """Draw the shares of both largest margins that Adam and the flow reach. Writes `path`.svg and `path`.png."""
    data = record["margins"]
    caption = (
        f"{data['samples']} separable points in {data['dimension']} dimensions, seed {_seed(record)}. Adam with "
        f"learning rate 0.01, no epsilon, up to {data['steps']:,} steps; gradient flow up to log t = "
        f"{data['log_time']:g}; largest margins by cvxpy. At this rate Adam's default β₂ = 0.999 lags "
        "behind the gradients."
    )
    with figure(path, caption, width=9.2, height=4.4) as drawing:
        panels = drawing.subplots(1, 2, sharey=True)
        set_title(drawing, "Adam approaches the largest l∞ margin, gradient flow the largest l2 margin")
        for axes, name, label in ((panels[0], "linf_share", "l∞"), (panels[1], "l2_share", "l2")):
            axes.axhline(1, color=INK, linewidth=1.2)
            for series, color in zip(data["series"], (RED, GOLD, BLUE), strict=True):
                label_of = plain(series["name"]).replace("beta2", r"$\beta_2$")
                axes.plot(
                    series["norm"],
                    series[name],
                    marker(color) + "-",
                    color=color,
                    markersize=3.5,
                    linewidth=1,
                    label=label_of,
                )
            set_panel_title(axes, f"{label} margin")
            axes.set(xscale="log", ylim=(0, 1.05))
            mathematics(axes.set_xlabel(r"$\|w\|_2$"))
        panels[0].set_ylabel("share of the largest margin")
        mathematics(*panels[1].legend(loc="lower right", fontsize=8.5).get_texts())


def draw_ridge(record: dict[str, Any], path: Path) -> None:
    """Draw ridge regression's distance to the minimum norm against its penalty. Writes `path`.svg and `path`.png."""
    data = record["ridge"]
    caption = (
        f"Gaussian X, {data['n']} x {data['d']}, seed {_seed(record)}. Lines: λ / (σ² + λ) at the largest and the "
        "smallest singular value σ, between which the distance lies exactly. Dotted: rounding of the normal equations, "
        "4 eps (n + d) cond²."
    )
    with figure(path, caption, height=4.2) as drawing:
        axes = drawing.add_subplot()
        axes.set_title("Ridge regression tends to the minimum norm as its penalty falls")
        axes.fill_between(data["penalties"], data["lower"], data["upper"], color=BLUE, alpha=0.15)
        axes.plot(data["penalties"], data["upper"], color=BLUE, linewidth=1.2, label="at most")
        axes.plot(data["penalties"], data["lower"], color=BLUE, linewidth=1.2, linestyle="--", label="at least")
        axes.plot(data["penalties"], data["distance"], "o", color=RED, markersize=4, label="measured")
        axes.axhline(data["rounding"], color=REFERENCE, linestyle=":")
        axes.set(xscale="log", yscale="log")
        mathematics(axes.set_xlabel(r"penalty $\lambda$"), axes.set_ylabel("relative distance to $X^+ y$"))
        axes.legend(loc="upper left", fontsize=8.5)


def draw_risk(record: dict[str, Any], path: Path) -> None:
    """Draw the double-descent curve on its formulas. Writes `path`.svg and `path`.png."""
    data = record["risk"]
    n = data["n"]
    caption = (
        f"n = {n} Gaussian samples with isotropic features, |β|² = {data['signal']:g}, noise of variance "
        f"{data['noise']:g}, seed {_seed(record)}. Dots: means over {data['trials']} data sets, with two standard "
        "errors. Exact: the expectation for Gaussian features at this n and d. Asymptotic: Hastie et al. 2022, n and d "
        "to infinity. Dotted: the risk of w = 0."
    )
    with figure(path, caption, height=4.8) as drawing:
        axes = drawing.add_subplot()
        axes.set_title("Double descent: the minimum norm's risk follows the formula")
        for below, label in ((True, True), (False, False)):
            chosen = [at for at, gamma in enumerate(data["formula_gamma"]) if (gamma < 1) is below]
            gammas = [data["formula_gamma"][at] for at in chosen]
            axes.plot(gammas, [data["expected"][at] for at in chosen], color=BLUE, label="exact" if label else None)
            axes.plot(
                gammas,
                [data["asymptotic"][at] for at in chosen],
                "--",
                color=GOLD,
                label="asymptotic" if label else None,
            )
        axes.errorbar(
            data["gamma"],
            data["risk"],
            yerr=[2 * error for error in data["standard_error"]],
            fmt="o",
            color=RED,
            markersize=4,
            linewidth=1.2,
            label="measured",
        )
        axes.axhline(data["signal"], color=REFERENCE, linestyle=":")
        axes.axvline(1, color=REFERENCE, linewidth=1)
        axes.set(xscale="log", yscale="log", ylabel="risk", ylim=(0.01, 20))
        mathematics(axes.set_xlabel("$d / n$"))
        axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
        axes.minorticks_off()
        axes.legend(loc="lower right", fontsize=8.5)


def draw_overfitting(record: dict[str, Any], path: Path) -> None:
    """Draw the cost of interpolating noise on two spectra against n. Writes `path`.svg and `path`.png."""
    data = record["overfitting"]
    caption = (
        f"Gaussian data with eigenvalues as named, k = 1 .. p = n²/4, unit noise, β the first eigenvector, seed "
        f"{_seed(record)}; means over {data['trials']} data sets, with two standard errors. Lines: k*/n + n/R with "
        "Bartlett et al.'s effective ranks (b = 1), the theorem's cost of noise up to constants that it does not state."
    )
    with figure(path, caption, height=4.6) as drawing:
        axes = drawing.add_subplot()
        set_title(drawing, "Overfitting is benign or not as the spectrum's effective ranks say")
        handles: list[Any] = []
        for series, color in zip(data["series"], (GREEN, RED), strict=True):
            name = _SPECTRA.get(series["name"]) or plain(series["name"])
            label = f"{name}: $k^*/n + n/R$"
            handles += axes.plot(data["sizes"], series["noise_cost"], color=color, label=label)
            handles += axes.plot(
                data["sizes"], series["noise_share"], "s", markerfacecolor="none", color=color, label="noise's share"
            )
            measured = axes.errorbar(
                data["sizes"],
                series["excess_risk"],
                yerr=[2 * error for error in series["standard_error"]],
                fmt=marker(color),
                color=color,
                markersize=4,
                linewidth=1.2,
                label="excess risk",
            )
            handles.append(measured)
        axes.set(xscale="log", yscale="log", ylabel="excess risk", ylim=(0.02, 3))
        mathematics(axes.set_xlabel("$n$"))
        axes.set_xticks(data["sizes"], [str(n) for n in data["sizes"]])
        axes.minorticks_off()
        mathematics(*axes.legend(handles=handles, loc="lower left", fontsize=8.5, ncols=2).get_texts())


IMPLICIT_BIAS = TheoryRecord(
    "implicit_bias",
    {
        "optimizers": TheoryFigure(draw_optimizers, ("optimizers",), ("torch-optimizers",)),
        "adaptive-methods": TheoryFigure(draw_wilson, ("wilson",), ("wilson-limit",)),
        "mirror-descent": TheoryFigure(draw_mirror, ("mirror",), ("mirror-descent-p-norm", "exponentiated-gradient")),
        "diagonal-networks": TheoryFigure(
            draw_diagonal, ("diagonal",), ("diagonal-network-limit", "diagonal-network-path")
        ),
        "matrix-factorization": TheoryFigure(draw_factorization, ("factorization",), ("matrix-factorization",)),
        "logistic-direction": TheoryFigure(draw_logistic, ("logistic",), ("logistic-max-margin",)),
        "margins": TheoryFigure(draw_margins, ("margins",), ("adam-max-margin",)),
        "ridge": TheoryFigure(draw_ridge, ("ridge",), ("ridge-limit",)),
        "double-descent": TheoryFigure(draw_risk, ("risk",), ("ridgeless-risk",)),
        "benign-overfitting": TheoryFigure(draw_overfitting, ("overfitting",), ("benign-overfitting",)),
    },
)


def _seed(record: dict[str, Any]) -> int:
    return int(record["about"]["seed"])
