"""The data of the figures on implicit bias: `python -m theory.implicit_bias.curves [OUT.json]`.

Each function returns plain lists and numbers, for a seed and a version of NumPy the same up to rounding; what
`theory.checks.implicit_bias` decides on one instance is measured along a curve. `figures.implicit_bias` draws them.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from theory import curves
from theory.common.streams import generator
from theory.common.terminal import prepare_output
from theory.implicit_bias import diagonal_networks, matrix_factorization, ridgeless, separable_logistic
from theory.implicit_bias.adaptive_methods import adaptive_limit, wilson_problem, wilson_unseen
from theory.implicit_bias.mirror_descent import mirror_descent
from theory.implicit_bias.optimizers import (
    MakeOptimizer,
    NotRun,
    check_implicit_bias,
    implicit_bias_table,
    underdetermined_problems,
)
from theory.implicit_bias.potentials import Float64Array, entropy_potential, p_norm_potential
from theory.implicit_bias.reference import minimum_p_norm
from theory.least_squares import minimum_norm_solution

_EPS = float(np.finfo(np.float64).eps)
_NORMS = {"l1": 1.0, "l2": 2.0, "linf": float("inf")}


def optimizer_curves(seed: int, max_steps: int = 3000) -> dict[str, Any]:
    """The solutions that every optimiser of torch reaches on two underdetermined problems.

    `distances` are the least and the largest relative distance to the interpolant of least l1-, l2- and
    l-infinity-norm, `bound` what is proved of the one to the least l2-norm (None if nothing is).
    """
    problems = underdetermined_problems(seed)
    rows, not_run = [], []
    for row in implicit_bias_table(problems, max_steps=max_steps):
        if isinstance(row, NotRun):
            not_run.append(row.optimizer)
            continue
        bound = max(landing.minimum_norm_bound for landing in row.landings)
        rows.append(
            {
                "optimizer": row.optimizer,
                "interpolates": row.interpolates,
                "stays_in_row_space": row.stays_in_row_space,
                "reaches_minimum_norm": row.reaches_minimum_norm,
                "distances": {name: list(row.distance(p)) for name, p in _NORMS.items()},
                "bound": bound if np.isfinite(bound) else None,
            }
        )
    return {
        "n": problems[0].X.shape[0],
        "d": problems[0].X.shape[1],
        "problems": [problem.name for problem in problems],
        "max_steps": max_steps,
        "rows": rows,
        "not_run": not_run,
    }


def wilson_curves(seed: int, exponents: Sequence[int] = (-30, -16, -14, -12, -10, -8, -6, -4)) -> dict[str, Any]:
    """Wilson et al.'s counter-example: the distance to the formula against epsilon, and the outputs on unseen samples.

    `bound` holds for epsilon negligible: relative residual and rounding off the ray.
    """
    random = generator(seed, "curves-wilson")
    negatives = int(random.integers(2, 6))
    problem = wilson_problem(negatives + int(random.integers(1, 6)), negatives)
    limit, unseen = adaptive_limit(problem), wilson_unseen(problem)
    norm = float(np.linalg.norm(limit))
    makers: dict[str, tuple[type[torch.optim.Optimizer], float]] = {
        "Adagrad": (torch.optim.Adagrad, 0.1),
        "RMSprop": (torch.optim.RMSprop, 0.001),
        "Adam": (torch.optim.Adam, 0.01),
    }
    methods = []
    for name, (kind, rate) in makers.items():
        distances, bounds, outputs = [], [], []
        for exponent in exponents:
            landing = check_implicit_bias(_maker(kind, lr=rate, eps=10.0**exponent), (problem,)).landings[0]
            distances.append(float(np.linalg.norm(landing.solution - limit)) / norm)
            bounds.append(landing.relative_residual + landing.row_space_bound / norm + 4 * _EPS)
            outputs.append((unseen @ landing.solution).tolist())
        methods.append({"name": name, "distance": distances, "bound": bounds[0], "outputs": outputs[0]})
    least = minimum_norm_solution(problem.X, problem.y)
    sgd = check_implicit_bias(_maker(torch.optim.SGD, lr=1.0), (problem,)).landings[0]
    return {
        "problem": problem.name,
        "d": problem.X.shape[1],
        "epsilons": [10.0**exponent for exponent in exponents],
        "methods": methods,
        "formula_outputs": (unseen @ limit).tolist(),
        "sgd_outputs": (unseen @ sgd.solution).tolist(),
        "minimum_norm_outputs": (unseen @ least).tolist(),
    }


def mirror_curves(
    seed: int,
    powers: Sequence[float] = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0),
    norms: Sequence[float] = (1.5, 2.0, 3.0),
    n: int = 5,
    d: int = 20,
) -> dict[str, Any]:
    """Mirror descent with p-norm potentials: each norm of where it ends, over the least one, and the certificates.

    `excess` is ||w||_q / (least q-norm by cvxpy) - 1 for each q against the potential's p: zero at p = q, positive
    elsewhere. `distance` is the relative distance from cvxpy's interpolant of least p-norm. `entropy` holds the
    coordinates of exponentiated gradient's end, of cvxpy's interpolant of least Kullback-Leibler divergence from the
    same start, and of the one of least 2-norm.
    """
    import cvxpy  # takes a second to import

    random = generator(seed, "curves-mirror")
    X, y = random.standard_normal((n, d)), random.standard_normal(n)
    least = {q: float(np.linalg.norm(minimum_p_norm(X, y, q), q)) for q in norms}
    excess: dict[str, list[float]] = {f"{q:g}": [] for q in norms}
    distances, gaps = [], []
    for p in powers:
        result = mirror_descent(p_norm_potential(p), X, y, np.zeros(d))
        reference = minimum_p_norm(X, y, p)
        distances.append(_relative(result.solution, reference))
        gaps.append(result.duality_gap / result.divergence)
        for q in norms:
            excess[f"{q:g}"].append(float(np.linalg.norm(result.solution, q)) / least[q] - 1)

    start, positive = random.uniform(0.5, 1.5, d), random.uniform(0.0, 3.0, d)
    labels = X @ positive
    end = mirror_descent(entropy_potential(), X, labels, start)
    w = cvxpy.Variable(d)
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.kl_div(w, start))), [X @ w == labels]).solve(solver=cvxpy.CLARABEL)
    return {
        "n": n,
        "d": d,
        "powers": list(powers),
        "excess": excess,
        "distance": distances,
        "relative_gap": gaps,
        "entropy": {
            "exponentiated_gradient": end.solution.tolist(),
            "cvxpy": w.value.tolist(),
            "minimum_norm": minimum_norm_solution(X, labels).tolist(),
            "relative_gap": end.duality_gap / end.divergence,
            "distance": _relative(end.solution, w.value),
        },
    }


def diagonal_curves(
    seed: int, exponents: Sequence[float] = tuple(np.arange(-8, 1.01, 0.5).tolist()), n: int = 5, d: int = 20
) -> dict[str, Any]:
    """Excess 1- and 2-norm of trained diagonal networks against the scale of their start, and those predicted.

    `l1_bound` and `l2_bound` are the proved bounds, None where they are infinite.
    """
    random = generator(seed, "curves-diagonal")
    X, y = random.standard_normal((n, d)), random.standard_normal(n)
    scales = [10.0**exponent for exponent in exponents]
    path = diagonal_networks.initialization_path(X, y, scales)
    sparse = minimum_p_norm(X, y, 1)
    least_l1, least_l2 = float(np.abs(sparse).sum()), float(np.linalg.norm(minimum_norm_solution(X, y)))
    limits = [diagonal_networks.predicted_limit(X, y, scale).solution for scale in scales]
    return {
        "n": n,
        "d": d,
        "scales": scales,
        "l1_excess": list(path.l1_excess),
        "l2_excess": list(path.l2_excess),
        "prediction_error": list(path.prediction_error),
        "l1_predicted": [float(np.abs(limit).sum()) / least_l1 - 1 for limit in limits],
        "l2_predicted": [float(np.linalg.norm(limit)) / least_l2 - 1 for limit in limits],
        "l1_bound": [_finite(diagonal_networks.l1_excess_bound(sparse, scale) - 1) for scale in scales],
        "l2_bound": [
            _finite(diagonal_networks.l2_excess_bound(limit, scale) - 1)
            for limit, scale in zip(limits, scales, strict=True)
        ],
    }


def factorization_curves(
    seed: int,
    exponents: Sequence[float] = tuple(np.arange(-5, 0.01, 0.5).tolist()),
    dimension: int = 8,
    measurements: int = 4,
    rank: int = 2,
) -> dict[str, Any]:
    """Excess nuclear norm of gradient flow on U U^T against the scale of its start, the prediction's and the bound.

    The least nuclear norm is cvxpy's, by semidefinite programming. `bound` is None where it is infinite.
    """
    drawn = matrix_factorization.random_commuting_measurements(
        generator(seed, "curves-factorization"), dimension, measurements, rank
    )
    matrices = drawn.matrices
    least = matrix_factorization.minimum_nuclear_norm(matrices, drawn.values)
    trace = float(np.trace(least))
    scales = [10.0**exponent for exponent in exponents]
    trained = [matrix_factorization.factorize(matrices, drawn.values, scale) for scale in scales]
    predicted = [matrix_factorization.predicted_factorization(drawn, scale) for scale in scales]
    return {
        "dimension": dimension,
        "measurements": measurements,
        "rank": rank,
        "scales": scales,
        "excess": [solution.nuclear_norm / trace - 1 for solution in trained],
        "predicted": [float(np.trace(solution)) / trace - 1 for solution in predicted],
        "prediction_error": [_relative(a.solution, b) for a, b in zip(trained, predicted, strict=True)],
        "bound": [_finite(matrix_factorization.nuclear_excess_bound(least, scale) - 1) for scale in scales],
    }


def logistic_curves(
    seed: int, data_sets: int = 8, samples: int = 30, dimension: int = 5, points: int = 37, fit_from: float = 1e4
) -> dict[str, Any]:
    """Error of the direction of logistic regression's flow against log t, and the exponent fitted to its tail.

    As in the check, data whose strict complementarity is at most 0.01 are not drawn; the exponent is fitted for log t
    of at least `fit_from`, with Student's 99% interval for the mean over data sets.
    """
    random = generator(seed, "curves-logistic")
    log_times = np.geomspace(1, 1e6, points)
    tail = log_times >= fit_from * (1 - _EPS)
    data: list[Float64Array] = []
    while len(data) < data_sets:
        Z = separable_logistic.separable_data(random, samples, dimension)
        if separable_logistic.max_margin(Z).strict_complementarity > 0.01:
            data.append(Z)
    curves = [separable_logistic.direction_curve(Z, tuple(log_times)) for Z in data]
    slopes = [
        float(np.polyfit(np.log(log_times[tail]), np.log(np.array(curve.errors)[tail]), 1)[0]) for curve in curves
    ]
    low, high = separable_logistic.mean_interval(slopes, 0.99)
    return {
        "samples": samples,
        "dimension": dimension,
        "log_times": log_times.tolist(),
        "fit_from": fit_from,
        "errors": [list(curve.errors) for curve in curves],
        "slope": float(np.mean(slopes)),
        "interval": [low, high],
        "offset_error": max(curve.offset_error for curve in curves),
    }


def margin_curves(
    seed: int,
    steps: Sequence[int] = (50, 100, 200, 400, 800, 1600, 4000),
    log_times: Sequence[float] = tuple(np.geomspace(1, 1e4, 25).tolist()),
    samples: int = 10,
    dimension: int = 20,
) -> dict[str, Any]:
    """Shares of the largest l-infinity and l2 margin that Adam's and the flow's iterates reach, against ||w||_2.

    Adam has learning rate 0.01 and no epsilon, with beta2 = 0.9 and the default 0.999.
    """
    Z = separable_logistic.separable_data(generator(seed, "curves-margins"), samples, dimension)
    best = {p: separable_logistic.max_margin(Z, p).margin for p in (2.0, float("inf"))}
    iterates = {
        "Adam, beta2 = 0.9": [separable_logistic.logistic_adam(Z, count, beta2=0.9) for count in steps],
        "Adam, beta2 = 0.999": [separable_logistic.logistic_adam(Z, count) for count in steps],
        "gradient flow": list(separable_logistic.logistic_flow(Z, log_times)),
    }
    return {
        "samples": samples,
        "dimension": dimension,
        "steps": steps[-1],
        "log_time": log_times[-1],
        "series": [
            {
                "name": name,
                "norm": [float(np.linalg.norm(w)) for w in path],
                "linf_share": [separable_logistic.margin(Z, w, np.inf) / best[float("inf")] for w in path],
                "l2_share": [separable_logistic.margin(Z, w) / best[2.0] for w in path],
            }
            for name, path in iterates.items()
        ],
    }


def ridge_curves(
    seed: int, exponents: Sequence[float] = tuple(np.arange(-12, 4.01, 0.5).tolist()), n: int = 20, d: int = 60
) -> dict[str, Any]:
    """Relative distance of ridge regression to the minimum-norm solution against its penalty, and both exact bounds."""
    random = generator(seed, "curves-ridge")
    X, y = random.standard_normal((n, d)), random.standard_normal(n)
    least, values = minimum_norm_solution(X, y), np.linalg.svd(X, compute_uv=False)
    penalties = [10.0**exponent for exponent in exponents]
    return {
        "n": n,
        "d": d,
        "penalties": penalties,
        "distance": [_relative(ridgeless.ridge_solution(X, y, penalty), least) for penalty in penalties],
        "lower": [penalty / (float(values[0]) ** 2 + penalty) for penalty in penalties],
        "upper": [penalty / (float(values[-1]) ** 2 + penalty) for penalty in penalties],
        "rounding": 4 * _EPS * (n + d) * float(values[0] / values[-1]) ** 2,
    }


def risk_curves(
    seed: int,
    n: int = 40,
    features: Sequence[int] = (4, 8, 12, 16, 20, 24, 28, 32, 35, 46, 50, 56, 64, 80, 100, 130, 170, 230, 320, 400),
    trials: int = 200,
    signal: float = 1.0,
    noise: float = 0.25,
) -> dict[str, Any]:
    """Double descent: measured risk of the minimum-norm solution, with standard errors, and both formulas."""
    points = ridgeless.double_descent(n, features, signal=signal, noise=noise, trials=trials, seed=seed)
    fine = sorted(set(range(features[0], features[-1] + 1)) - {n - 1, n, n + 1})
    return {
        "n": n,
        "trials": trials,
        "signal": signal,
        "noise": noise,
        "gamma": [point.gamma for point in points],
        "risk": [point.risk for point in points],
        "standard_error": [point.standard_error for point in points],
        "formula_gamma": [d / n for d in fine],
        "expected": [ridgeless.gaussian_risk(n, d, signal, noise) for d in fine],
        "asymptotic": [ridgeless.asymptotic_risk(d / n, signal, noise) for d in fine],
    }


def overfitting_curves(
    seed: int, sizes: Sequence[int] = (20, 30, 40, 60, 80, 120, 160), trials: int = 10
) -> dict[str, Any]:
    """Excess risk and the noise's share of it on two spectra against n, beside k*/n + n/R from the effective ranks."""
    spectra = {"exp(-k/2) + 1/p": ridgeless.benign_spectrum, "k^-2": ridgeless.polynomial_spectrum}
    series = []
    for name, spectrum in spectra.items():
        points = [ridgeless.overfitting_point(spectrum(n), n, trials=trials, seed=seed) for n in sizes]
        series.append(
            {
                "name": name,
                "excess_risk": [point.excess_risk for point in points],
                "standard_error": [point.standard_error for point in points],
                "noise_share": [point.noise_share for point in points],
                "noise_cost": [point.ranks.noise_cost for point in points],
            }
        )
    return {"sizes": list(sizes), "trials": trials, "series": series}


def implicit_bias_curves(seed: int) -> dict[str, Any]:
    """All of the above, by name."""
    return {
        "optimizers": optimizer_curves(seed),
        "wilson": wilson_curves(seed),
        "mirror": mirror_curves(seed),
        "diagonal": diagonal_curves(seed),
        "factorization": factorization_curves(seed),
        "logistic": logistic_curves(seed),
        "margins": margin_curves(seed),
        "ridge": ridge_curves(seed),
        "risk": risk_curves(seed),
        "overfitting": overfitting_curves(seed),
    }


def _maker(kind: type[torch.optim.Optimizer], **settings: Any) -> MakeOptimizer:
    return lambda parameters: kind(parameters, **settings)


def _relative(w: Float64Array, reference: Float64Array) -> float:
    return float(np.linalg.norm(w - reference) / np.linalg.norm(reference))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return curves.main("implicit_bias", implicit_bias_curves, ("numpy", "scipy", "cvxpy", "torch"), arguments)


if __name__ == "__main__":
    prepare_output()
    sys.exit(main())
