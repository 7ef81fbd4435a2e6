"""The data of the least-squares figures: `python -m theory.least_squares.curves [OUT.json]`.

Each function returns plain lists and numbers, for a seed and a version of NumPy the same up to rounding; what
`theory.checks.least_squares` decides on one instance is measured along a curve. `figures.least_squares` draws them.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from theory import curves
from theory.common.arrays import Float64Array
from theory.common.streams import generator
from theory.common.terminal import prepare_output
from theory.least_squares.certificate import certify_minimum_norm
from theory.least_squares.curvature import hessian, log_cosh_loss
from theory.least_squares.exact import exact_minimum_norm_solution, exact_null_vector, exact_squared_norm
from theory.least_squares.gradient_descent import gradient_descent, heavy_ball, nesterov
from theory.least_squares.moments import sgd_mean_squared_error
from theory.least_squares.problem import EPS, Problem
from theory.least_squares.references import METHODS, Method, RowSpace, minimum_norm_solution
from theory.least_squares.result import LeastSquaresResult
from theory.least_squares.step_sizes import GROWTH_LIMIT, DivergenceError, InverseDecay, Schedule
from theory.least_squares.stochastic import randomized_kaczmarz, stochastic_gradient_descent

_SMALL = (8, 20)  # n and d where each matrix is solved exactly
_LENGTH = 33  # length of runs, in units of 1 / (1 - rate): the error falls to e^-33 = 5e-15 of the first


def convergence_curves(
    seed: int, n: int = 10, d: int = 30, condition: float = 10.0, runs: int = 10, points: int = 24
) -> dict[str, Any]:
    """Relative error ||w_t - w*|| / ||w*|| of every solver from zero, against steps, beside what theory predicts.

    `predicted` is the exact recursion for the full-batch methods, the root of the exact mean square for SGD (one
    sample a step, with replacement), and the root of Strohmer and Vershynin's bound on it for Kaczmarz. `error` is the
    median over `runs`, between `low` and `high`, the least and the largest: late, rare slow runs make the mean square,
    which so few runs cannot measure. `floor` is what the certificate of the last iterate leaves open, at most.
    """
    X, y, best = _with_condition(seed, "curves-convergence", n, d, condition)
    norm = float(np.linalg.norm(best))
    space = RowSpace.of(X)
    eigenvalues = space.singular_values**2
    kappa = float(eigenvalues[0] / eigenvalues[-1])
    run_seeds = range(seed * runs, (seed + 1) * runs)

    full_batch: dict[str, tuple[Callable[..., LeastSquaresResult], float, float, bool, float]] = {
        "gradient descent": (gradient_descent, 1.0, 0.0, False, 1 - 1 / kappa),
        "Nesterov": (nesterov, 1.0, (kappa**0.5 - 1) / (kappa**0.5 + 1), True, 1 - kappa**-0.5),
        "heavy ball": (
            heavy_ball,
            4 / (1 + kappa**-0.5) ** 2,
            ((kappa**0.5 - 1) / (kappa**0.5 + 1)) ** 2,
            False,
            (kappa**0.5 - 1) / (kappa**0.5 + 1),
        ),
    }
    methods = []
    for name, (solve, step_size, momentum, ahead, rate) in full_batch.items():
        steps = _spread(int(-_LENGTH / np.log(rate)), points)
        recursion = _recursion(X, best, steps[-1], step_size, momentum, ahead)
        iterates = [solve(X, y, tolerance=0, max_iterations=step) for step in steps]
        methods.append(
            {
                "name": name,
                "runs": 1,
                "steps": steps,
                **_quantiles([[_distance(result.solution, best) / norm] for result in iterates]),
                "predicted": [recursion[step] / norm for step in steps],
                "floor": iterates[-1].certificate.distance_bound / norm,
            }
        )

    step_size = 1 / float(Problem.of(X, y).squared_row_norms.max())
    slowest = eigenvalues[-1] * step_size / n  # SGD's mean error shrinks by 1 - slowest in the slowest direction
    steps = _spread(int(_LENGTH / slowest), points)
    # The error itself is computed, in coordinates of the row space where it stays, so that no rounding remains that
    # never shrinks.
    mean_squares = sgd_mean_squared_error(
        X @ space.right.T, np.zeros(n), np.full(steps[-1], step_size), start=space.right @ best
    )
    bound = 1 - float(eigenvalues[-1] / eigenvalues.sum())
    stochastic: dict[str, tuple[Callable[[int, int], LeastSquaresResult], list[float]]] = {
        "SGD": (
            lambda run, step: stochastic_gradient_descent(
                X, y, replacement=True, tolerance=0, max_iterations=step, seed=run
            ),
            [float(mean_squares[step]) ** 0.5 / norm for step in steps],
        ),
        "randomized Kaczmarz": (
            lambda run, step: randomized_kaczmarz(X, y, tolerance=0, max_iterations=step, seed=run),
            [bound ** (step / 2) for step in steps],
        ),
    }
    for name, (solve_run, predicted) in stochastic.items():
        errors = [[_distance(solve_run(run, step).solution, best) / norm for run in run_seeds] for step in steps]
        floors = [solve_run(run, steps[-1]).certificate.distance_bound for run in run_seeds]
        methods.append(
            {
                "name": name,
                "runs": runs,
                "steps": steps,
                **_quantiles(errors),
                "predicted": predicted,
                "floor": max(floors) / norm,
            }
        )
    return {"n": n, "d": d, "condition": condition, "kappa": kappa, "methods": methods}


def condition_curves(
    seed: int, exponents: Sequence[float] = tuple(np.arange(0, 8.01, 0.5).tolist()), max_epochs: int = 100_000
) -> dict[str, Any]:
    """Relative distance of SGD to the exact X^+ y against the condition number, below the certificate's bound.

    From zero, where the steps needed grow with the square of the condition number, and from the SVD's solution, where
    SGD is at the floor that rounding leaves. `to_cvxpy` is the distance from zero's end to the convex solver's
    solution. `references` are the distances of the five references to the exact solution, `rounding` what two backward
    stable solvers may be apart. None where a reference gives up.
    """
    n, d = _SMALL
    curve: dict[str, Any] = {
        "from_zero": {"distance": [], "bound": [], "epochs": [], "converged": [], "to_cvxpy": []},
        "from_solution": {"distance": [], "bound": []},
        "references": {method: [] for method in METHODS},
    }
    conditions = [10.0**exponent for exponent in exponents]
    for condition in conditions:
        X, y, _ = _with_condition(seed, "curves-condition", n, d, condition)
        exact = np.array([float(value) for value in exact_minimum_norm_solution(X, y)])
        norm = float(np.linalg.norm(exact))
        references = {method: _reference(X, y, method) for method in METHODS}
        for method, solution in references.items():
            curve["references"][method].append(None if solution is None else _distance(solution, exact) / norm)

        result = stochastic_gradient_descent(X, y, max_iterations=n * max_epochs, seed=seed)
        zero, convex = curve["from_zero"], references["cvxpy"]
        zero["distance"].append(_distance(result.solution, exact) / norm)
        zero["bound"].append(result.certificate.distance_bound / norm)
        zero["epochs"].append(result.iterations / n)
        zero["converged"].append(result.converged)
        zero["to_cvxpy"].append(None if convex is None else _distance(result.solution, convex) / norm)

        near = stochastic_gradient_descent(
            X, y, start=minimum_norm_solution(X, y), max_iterations=100 * n, tolerance=0, seed=seed
        )
        curve["from_solution"]["distance"].append(_distance(near.solution, exact) / norm)
        curve["from_solution"]["bound"].append(near.certificate.distance_bound / norm)
    return {
        "n": n,
        "d": d,
        "max_epochs": max_epochs,
        "conditions": conditions,
        "rounding": [8 * EPS * (n + d) * condition for condition in conditions],
        **curve,
    }


def certificate_curves(
    seed: int, conditions: Sequence[float] = (1.0, 1e3, 1e6), exponents: Sequence[int] = tuple(range(-16, 1))
) -> dict[str, Any]:
    """The certificate's bound against the exact distance to the minimum-norm solution, in rational arithmetic.

    The points are the SVD's solution plus steps of 10^exponent ||w*|| in a random direction.
    """
    n, d = _SMALL
    series = []
    for condition in conditions:
        X, y, _ = _with_condition(seed, "curves-certificate", n, d, condition)
        exact = np.array([float(value) for value in exact_minimum_norm_solution(X, y)])
        norm = float(np.linalg.norm(exact))
        direction = generator(seed, "curves-certificate-direction").standard_normal(d)
        direction *= norm / float(np.linalg.norm(direction))
        best = minimum_norm_solution(X, y)
        points = [best + 10.0**exponent * direction for exponent in exponents]
        series.append(
            {
                "condition": condition,
                "distance": [_distance(point, exact) / norm for point in points],
                "bound": [certify_minimum_norm(X, y, point).distance_bound / norm for point in points],
            }
        )
    return {"n": n, "d": d, "series": series}


def step_size_curves(seed: int, n: int = 20, d: int = 60, steps: int = 10, points: int = 21) -> dict[str, Any]:
    """Gradient descent's error by eigenvector, and its growth against the step size on both sides of the threshold.

    `components`: for eta = 1/lambda_max, the factor by which `steps` steps multiply the error along each eigenvector,
    and (1 - eta lambda)^steps. `growth`: the factor a step along the largest eigenvector, for step sizes as parts of
    2/lambda_max, and |1 - eta lambda_max|. `runs`: that error against steps one percent below and above, and
    whether the solver refuses to go on there.
    """
    random = generator(seed, "curves-step-size")
    X, y = random.standard_normal((n, d)), random.standard_normal(n)
    space = RowSpace.of(X)
    eigenvalues, right = space.singular_values**2 / n, space.right
    best = minimum_norm_solution(X, y)
    threshold = 2 / float(eigenvalues[0])

    end = gradient_descent(X, y, start=best + right.sum(axis=0), tolerance=0, max_iterations=steps).solution
    components = {
        "eigenvalue": (eigenvalues / eigenvalues[0]).tolist(),
        "factor": (right @ (end - best)).tolist(),
        "predicted": ((1 - eigenvalues / eigenvalues[0]) ** steps).tolist(),
    }

    def top_error(share: float, count: int) -> float:
        result = gradient_descent(
            X, y, start=best + right[0], step_size=share * threshold, tolerance=0, max_iterations=count
        )
        return _distance(result.solution, best)

    shares = np.linspace(0.8, 1.2, points).tolist()
    few = 10  # the factor is a root: a few steps measure it, before the growing errors are refused
    growth = {
        "steps": few,
        "share": shares,
        "factor": [top_error(share, few) ** (1 / few) for share in shares],
        "predicted": [abs(1 - 2 * share) for share in shares],
    }
    counts = list(range(0, 301, 10))
    runs = []
    for share in (0.99, 1.01):
        try:
            gradient_descent(X, y, start=best + right[0], step_size=share * threshold)
            refused = False
        except DivergenceError:
            refused = True
        runs.append(
            {
                "share": share,
                "steps": counts,
                "error": [top_error(share, count) for count in counts],
                "predicted": [abs(1 - 2 * share) ** count for count in counts],
                "refused": refused,
            }
        )
    return {
        "n": n,
        "d": d,
        "steps": steps,
        "growth_limit": GROWTH_LIMIT,
        "components": components,
        "growth": growth,
        "runs": runs,
    }


def kaczmarz_curves(seed: int, runs: int = 600, size: float = 1e-3) -> dict[str, Any]:
    """Mean squared error of randomized Kaczmarz, as a part of the first, and Strohmer and Vershynin's rate.

    On orthonormal columns with very unequal rows the rate is exact; on a Gaussian matrix with n < d, from an error
    along the slowest direction, it is a bound. The runs of each number of steps are independent. `tolerance` is
    Hoeffding's for numbers in [0, 1], so that all points together leave it with probability at most `size`.
    """
    random = generator(seed, "curves-kaczmarz")
    rows = random.standard_normal((24, 4))
    rows[:3] *= 100.0
    equal = np.linalg.qr(rows)[0]
    wide = random.standard_normal((10, 20))
    panels = []
    for name, X, y, steps in (
        ("equal singular values", equal, equal @ random.standard_normal(4), range(1, 17)),
        ("Gaussian", wide, random.standard_normal(10), range(15, 241, 15)),
    ):
        space = RowSpace.of(X)
        best = minimum_norm_solution(X, y)
        start = best + space.right[-1]
        rate = 1 - float(space.singular_values[-1] ** 2 / (space.singular_values**2).sum())
        means = []
        for count in steps:
            squares = [
                _distance(
                    randomized_kaczmarz(X, y, start=start, max_iterations=count, tolerance=0, seed=run).solution, best
                )
                ** 2
                for run in random.integers(0, 2**31, runs).tolist()
            ]
            means.append(float(np.mean(squares)))
        panels.append(
            {
                "name": name,
                "n": X.shape[0],
                "d": X.shape[1],
                "steps": list(steps),
                "mean": means,
                "predicted": [rate**count for count in steps],
                "tolerance": float(np.sqrt(np.log(2 * len(steps) / size) / (2 * runs))),
            }
        )
    return {"runs": runs, "size": size, "panels": panels}


def row_space_curves(seed: int, n: int = 20, d: int = 60, points: int = 25) -> dict[str, Any]:
    """SGD from zero and from a random w_0: the distance from the row space, and from two solutions, against steps.

    `outside` is the part of w_t outside the row space, relative to ||w_t||; `outside_change` how far that part is from
    the part of w_0, relative to it. `to_projection` and `to_minimum` are relative distances from the projection of w_0
    onto the solutions and from the minimum-norm solution, `apart` how far these two are from each other.
    """
    random = generator(seed, "curves-row-space")
    X, y, first = random.standard_normal((n, d)), random.standard_normal(n), random.standard_normal(d)
    right = RowSpace.of(X).right
    best = minimum_norm_solution(X, y)
    norm = float(np.linalg.norm(best))
    kept = first - right.T @ (right @ first)
    steps = _geometric(30_000, points)
    zero, moved = [], []
    projection = best + kept
    for step in steps:
        w = stochastic_gradient_descent(X, y, max_iterations=step, seed=seed).solution
        outside, length = float(np.linalg.norm(w - right.T @ (right @ w))), float(np.linalg.norm(w))
        zero.append((outside / length, _distance(w, best) / norm))
        w = stochastic_gradient_descent(X, y, start=first, max_iterations=step, seed=seed).solution
        moved.append(
            (
                _distance(w - right.T @ (right @ w), kept) / float(np.linalg.norm(kept)),
                _distance(w, projection) / float(np.linalg.norm(projection)),
                _distance(w, best) / norm,
            )
        )
    return {
        "n": n,
        "d": d,
        "steps": steps,
        "rounding": 4 * EPS * float(np.sqrt(X.size)),
        "apart": float(np.linalg.norm(kept)) / norm,
        "from_zero": {
            "outside": [row[0] for row in zero],
            "to_minimum": [row[1] for row in zero],
        },
        "from_start": {
            "outside_change": [row[0] for row in moved],
            "to_projection": [row[1] for row in moved],
            "to_minimum": [row[2] for row in moved],
        },
    }


def noise_curves(seed: int, runs: int = 100, points: int = 14, steps: int = 3000) -> dict[str, Any]:
    """The mean squared distance of SGD from the least-squares solution, where it starts, against steps, where no
    weights interpolate.

    For a constant step size 1/(2 max ||x_i||^2) and one that decays like 1/t, with standard errors over independent
    runs, fresh ones for each number of steps, and the exact recursion of the second moment.
    """
    n, d = 30, 4
    random = generator(seed, "curves-noise")
    X, y = random.standard_normal((n, d)), random.standard_normal(n)
    best = minimum_norm_solution(X, y)
    step_size = 1 / (2 * float((X**2).sum(axis=1).max()))
    slowest = float(np.linalg.svd(X, compute_uv=False)[-1]) ** 2 / n
    schedules: dict[str, tuple[float | Schedule, Float64Array]] = {"constant": (step_size, np.full(steps, step_size))}
    decay = InverseDecay(step_size, delay=2 / (slowest * step_size))
    schedules["decaying"] = (decay, decay(np.arange(steps)))
    counts, fine = _geometric(steps, points), _geometric(steps, 60)
    series = []
    for name, (schedule, sizes) in schedules.items():
        predicted = sgd_mean_squared_error(X, y, sizes, start=best)
        means, errors = [], []
        for count in counts:
            squares = [
                _distance(
                    stochastic_gradient_descent(
                        X,
                        y,
                        replacement=True,
                        start=best,
                        step_size=schedule,
                        max_iterations=count,
                        tolerance=0,
                        seed=run,
                    ).solution,
                    best,
                )
                ** 2
                for run in random.integers(0, 2**31, runs).tolist()
            ]
            means.append(float(np.mean(squares)))
            errors.append(float(np.std(squares, ddof=1)) / runs**0.5)
        series.append(
            {
                "name": name,
                "mean": means,
                "standard_error": errors,
                "predicted": predicted[fine].tolist(),
            }
        )
    return {"n": n, "d": d, "runs": runs, "steps": counts, "predicted_steps": fine, "series": series}


def norm_curves(seed: int, n: int = 10, d: int = 30) -> dict[str, Any]:
    """The exact squared minimum norm as features are added to n equations, and equations in d features.

    Integers from -9 to 9, rational arithmetic: `wrong_steps` counts those in the direction that theory excludes.
    """
    random = generator(seed, "curves-norm")
    X, y = random.integers(-9, 10, (d, d)), random.integers(-9, 10, d)
    features = [exact_squared_norm(X[:n, :columns], y[:n]) for columns in range(n, d + 1)]
    equations = [exact_squared_norm(X[:rows], y[:rows]) for rows in range(1, n + 1)]
    return {
        "features": {
            "n": n,
            "count": list(range(n, d + 1)),
            "norm": [float(value) ** 0.5 for value in features],
            "wrong_steps": sum(b > a for a, b in pairwise(features)),
        },
        "equations": {
            "d": d,
            "count": list(range(1, n + 1)),
            "norm": [float(value) ** 0.5 for value in equations],
            "wrong_steps": sum(b < a for a, b in pairwise(equations)),
        },
    }


def curvature_curves(seed: int, n: int = 4, d: int = 8) -> dict[str, Any]:
    """Eigenvalues of the Hessian of the log cosh loss at three global minima and at a point that is none.

    Integer data, so that all three have the same predictions to the bit; `predicted` are those of X^T X / n.
    """
    random = generator(seed, "curves-curvature")
    X = random.integers(-3, 4, (n, d)).astype(np.float64)
    w = random.integers(-3, 4, d).astype(np.float64)
    y = X @ w
    vector = exact_null_vector(X)
    scale = int(np.lcm.reduce([value.denominator for value in vector]))
    null = np.array([int(value * scale) for value in vector], dtype=np.float64)
    minima = [w, w + null, w - 2 * null]
    matrices = [hessian(log_cosh_loss, X, y, point) for point in minima]
    away = w + X[0]
    return {
        "n": n,
        "d": d,
        "distances": [_distance(point, w) for point in minima],
        "equal_bits": all(bool((matrix == matrices[0]).all()) for matrix in matrices),
        "minima": [_descending(matrix) for matrix in matrices],
        "elsewhere": _descending(hessian(log_cosh_loss, X, y, away)),
        "predicted": _descending(X.T @ X / n),
    }


def least_squares_curves(seed: int) -> dict[str, Any]:
    """All of the above, by name."""
    return {
        "convergence": convergence_curves(seed),
        "conditions": condition_curves(seed),
        "certificates": certificate_curves(seed),
        "step_sizes": step_size_curves(seed),
        "kaczmarz": kaczmarz_curves(seed),
        "row_space": row_space_curves(seed),
        "noise": noise_curves(seed),
        "norms": norm_curves(seed),
        "curvature": curvature_curves(seed),
    }


def _with_condition(
    seed: int, purpose: str, n: int, d: int, condition: float
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """X (n, d) with singular values spread evenly in the logarithm from 1 to 1/condition, y = X w*, and w*."""
    random = generator(seed, purpose)
    left = np.linalg.qr(random.standard_normal((n, n)))[0]
    right = np.linalg.qr(random.standard_normal((d, n)))[0].T
    X = (left * np.geomspace(1, 1 / condition, n)) @ right
    best = right.T @ random.standard_normal(n)
    return X, X @ best, best


def _recursion(
    X: Float64Array, best: Float64Array, steps: int, step_size: float, momentum: float, ahead: bool
) -> list[float]:
    """||w_t - best|| for t = 0 .. steps from zero in the singular basis; step_size is eta lambda_max."""
    space = RowSpace.of(X)
    scaled = (space.singular_values / space.singular_values[0]) ** 2
    error = before = space.right @ best
    lengths = [float(np.linalg.norm(error))]
    for _ in range(steps):
        pushed = error + momentum * (error - before)
        error, before = pushed - step_size * scaled * (pushed if ahead else error), error
        lengths.append(float(np.linalg.norm(error)))
    return lengths


def _quantiles(errors: list[list[float]]) -> dict[str, list[float]]:
    """Median, least and largest of every row."""
    return {
        "error": np.median(errors, axis=1).tolist(),
        "low": np.min(errors, axis=1).tolist(),
        "high": np.max(errors, axis=1).tolist(),
    }


def _reference(X: Float64Array, y: Float64Array, method: Method) -> Float64Array | None:
    """X^+ y, or None where the method gives up: K singular to working precision, or cvxpy short of its accuracy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # cvxpy's, before a solution that is then refused
        try:
            return minimum_norm_solution(X, y, method)
        except ValueError:
            return None


def _spread(last: int, points: int) -> list[int]:
    """Step numbers from 1 to `last`, about evenly in the square root: dense at first, where more happens."""
    return sorted({max(1, round(share**2 * last)) for share in np.linspace(0, 1, points).tolist()})


def _geometric(last: int, points: int) -> list[int]:
    """Step numbers from 1 to `last`, about evenly in the logarithm."""
    return sorted({round(step) for step in np.geomspace(1, last, points).tolist()})


def _descending(matrix: Float64Array) -> list[float]:
    values: list[float] = np.linalg.eigvalsh(matrix)[::-1].tolist()
    return values


def _distance(a: Float64Array, b: Float64Array) -> float:
    return float(np.linalg.norm(a - b))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return curves.main("least_squares", least_squares_curves, ("numpy", "scipy", "cvxpy", "torch"), arguments)


if __name__ == "__main__":
    prepare_output()
    sys.exit(main())
