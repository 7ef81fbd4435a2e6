"""Section 5 of the paper: gradient methods from zero on least squares end in the minimum-norm solution; how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Literal

import numpy as np

from theory import least_squares
from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import Float64Array
from theory.common.streams import generator
from theory.proofs.theorems import proof

_EPS = float(np.finfo(np.float64).eps)
_PAPER = "Zhang et al. 2017, section 5 (claim C23)"
_SIZE = 1e-6  # size of every test by Hoeffding's inequality: how often it rejects a claim that is true
_NORMAL_QUANTILE = 4.892  # a standard normal number is larger in magnitude with probability 1e-6
# Squared distances have skewness 1.4 to 1.7, so that a small mean comes with a small standard error. On each of five
# instances 600,000 or 800,000 means over 400 or 250 of them were resampled from 60,000 to 100,000 runs: shares of 8e-6
# to 2.3e-5 were beyond the quantile. tests/theory/test_sizes.py has this from the skewness alone.
_MEAN_SIZE = 4e-5


def _instance(seed: int, purpose: str, n: int = 20, d: int = 60) -> tuple[Float64Array, Float64Array]:
    """n equations in d unknowns, Gaussian; 20 in 60 have condition number about 4."""
    random = generator(seed, purpose)
    return random.standard_normal((n, d)), random.standard_normal(n)


def _rounding(X: Float64Array, condition_number: float) -> float:
    """Relative error of a backward stable solver, 4 eps (n + d) cond (Higham 2002, section 21)."""
    return 4 * _EPS * sum(X.shape) * condition_number


def sgd_reaches_pseudo_inverse(seed: int) -> Evidence:
    """SGD's limit against X^+ y from the SVD."""
    X, y = _instance(seed, "sgd-pseudo-inverse")
    result = least_squares.stochastic_gradient_descent(X, y, seed=seed)
    reference = least_squares.minimum_norm_solution(X, y)
    norm = float(np.linalg.norm(reference))
    distance = float(np.linalg.norm(result.solution - reference)) / norm
    certificate = result.certificate
    bound = certificate.distance_bound / norm + _rounding(X, certificate.condition_number)
    return Evidence(
        verdict(distance <= bound and bound < 1e-10),
        f"relative distance {distance:.1e} after {result.iterations} steps",
        f"{bound:.1e}",
        "certificate (residual / smallest singular value and distance from the row space, rounding included) plus the "
        f"SVD's 4 eps (n + d) cond, cond = {certificate.condition_number:.1f}; itself below 1e-10",
    )


def sgd_reaches_cvxpy(seed: int) -> Evidence:
    """SGD's limit against cvxpy's solution of: minimise ||w||^2 subject to Xw = y."""
    X, y = _instance(seed, "sgd-cvxpy")
    result = least_squares.stochastic_gradient_descent(X, y, seed=seed)
    w, dual = least_squares.solve_convex_program(X, y)
    certificate = least_squares.certify_minimum_norm(X, y, w)
    distance = float(np.linalg.norm(result.solution - w))
    bound = result.certificate.distance_bound + certificate.distance_bound
    # cvxpy's dual variable shows its w to be in the row space by another way than the certificate's.
    stationarity = float(np.linalg.norm(w - X.T @ dual))
    return Evidence(
        verdict(distance <= bound and max(bound, stationarity) < 1e-5),
        f"distance {distance:.1e}, cvxpy's stationarity residual {stationarity:.1e}",
        f"{bound:.1e}",
        "the sum of both solutions' certificates; this and the stationarity below 1e-5, what an interior-point method "
        "that stops at gap and feasibility 1e-8 leaves in a solution of norm about 1",
    )


def sgd_stays_in_row_space(seed: int) -> Evidence:
    """Distance of the iterates from the row space, along a run from zero."""
    X, y = _instance(seed, "sgd-row-space")
    _, _, right = np.linalg.svd(X, full_matrices=False)
    worst = bound = norm = 0.0
    lengths = (1, 3, 10, 30, 100, 200)
    for steps in lengths:
        w = least_squares.stochastic_gradient_descent(X, y, max_iterations=steps, seed=seed).solution
        norm = float(np.linalg.norm(w))
        worst = max(worst, float(np.linalg.norm(w - right.T @ (right @ w))))
        bound = max(bound, 4 * _EPS * np.sqrt(X.size) * norm)
    return Evidence(
        verdict(worst <= bound and norm > 0.1),
        f"largest distance {worst:.1e} after {', '.join(map(str, lengths))} steps, ||w|| = {norm:.2f}",
        f"{bound:.1e}",
        "rounding of X^T alpha and of the projection used to measure it: 4 eps sqrt(n d) ||w||",
    )


def start_is_kept(seed: int) -> Evidence:
    """SGD from w_0 ends in the projection of w_0 onto the solutions: the part outside the row space is kept."""
    X, y = _instance(seed, "sgd-start")
    start = generator(seed, "sgd-start-point").standard_normal((X.shape[1],))
    result = least_squares.stochastic_gradient_descent(X, y, start=start, seed=seed)
    limit = start + least_squares.minimum_norm_solution(X, y - X @ start)
    norm = float(np.linalg.norm(limit))
    distance = float(np.linalg.norm(result.solution - limit)) / norm
    certificate = result.certificate
    bound = certificate.residual_bound / certificate.smallest_singular_value / norm + _rounding(
        X, certificate.condition_number
    )
    from_minimum = float(np.linalg.norm(result.solution - least_squares.minimum_norm_solution(X, y))) / norm
    return Evidence(
        verdict(distance <= bound < 1e-10 and from_minimum > 0.1),
        f"relative distance {distance:.1e} to the projection, {from_minimum:.2f} to the minimum-norm solution",
        f"{bound:.1e}",
        "residual / smallest singular value, rounding included, plus the SVD's 4 eps (n + d) cond; below 1e-10",
    )


def references_agree(seed: int) -> Evidence:
    """X^+ y five ways, each pair within what conditioning and cvxpy's stopping rule leave."""
    X, y = _instance(seed, "references")
    solutions = {method: least_squares.minimum_norm_solution(X, y, method) for method in least_squares.METHODS}
    norm = float(np.linalg.norm(solutions["svd"]))
    bound = 2 * _rounding(X, float(np.linalg.cond(X)))
    distances = {
        (a, b): float(np.linalg.norm(solutions[a] - solutions[b])) / norm
        for a, b in combinations(least_squares.METHODS, 2)
    }
    direct = max(value for pair, value in distances.items() if "cvxpy" not in pair)
    interior = max(value for pair, value in distances.items() if "cvxpy" in pair)
    return Evidence(
        verdict(direct <= bound and interior <= 1e-5),
        f"relative distance at most {direct:.1e} between {', '.join(least_squares.METHODS[:-1])}; "
        f"{interior:.1e} to cvxpy",
        f"{bound:.1e}; 1e-5",
        "two backward stable solvers: 8 eps (n + d) cond; cvxpy stops at gap and feasibility 1e-8",
    )


def certificate_bounds_exact_distance(seed: int) -> Evidence:
    """The certificate's bound against the distance to the exact rational solution."""
    X, y = _instance(seed, "certificate", 8, 16)
    best = least_squares.minimum_norm_solution(X, y)
    direction = generator(seed, "certificate-direction").standard_normal(best.shape)
    sound, tightness, exact = True, 1.0, []
    for scale in (0.0, 1e-12, 1e-6, 1.0):
        w = best + scale * direction
        certificate = least_squares.certify_minimum_norm(X, y, w)
        squared = least_squares.verify_minimum_norm_exactly(X, y, w).squared_distance
        sound &= squared <= Fraction(certificate.distance_bound) ** 2
        exact.append(float(squared) ** 0.5)
        if scale:
            tightness = max(tightness, certificate.distance_bound / exact[-1] / certificate.condition_number)
    return Evidence(
        verdict(sound and tightness < 10),
        f"every bound is at least the exact distance, {', '.join(f'{value:.1e}' for value in exact)}, and at most "
        f"{tightness:.1f} cond times that"
        if sound
        else "a bound is below the exact distance",
        "at least the exact distance; at most 10 cond times that",
        "rational arithmetic, no tolerance; a certificate in terms of residuals cannot be sharper than cond",
    )


def gradient_descent_rate(seed: int) -> Evidence:
    """Every component of gradient descent's error against (1 - eta lambda)^t, and the slowest on its own."""
    X, y = _instance(seed, "gd-rate")
    n, t = len(X), 60
    _, singular_values, right = np.linalg.svd(X, full_matrices=False)
    eigenvalues = singular_values**2 / n
    best = least_squares.minimum_norm_solution(X, y)
    norm = float(np.linalg.norm(best))
    factors = (1 - eigenvalues / eigenvalues[0]) ** t  # eta = 1/lambda_max
    predicted = best - right.T @ (factors * (right @ best))
    error = (
        float(np.linalg.norm(least_squares.gradient_descent(X, y, tolerance=0, max_iterations=t).solution - predicted))
        / norm
    )
    slowest = least_squares.gradient_descent(
        X, y, start=best + norm * right[-1], tolerance=0, max_iterations=t
    ).solution
    factor = float(np.linalg.norm(slowest - best)) / norm
    bound = 2 * _rounding(X, singular_values[0] / singular_values[-1])
    return Evidence(
        verdict(max(error, abs(factor - factors[-1])) <= bound),
        f"iterate {t} is {error:.1e} from the prediction; the slowest direction shrinks by {factor:.6f}, "
        f"predicted (1 - 1/kappa)^{t} = {factors[-1]:.6f}",
        f"{bound:.1e}",
        "8 eps (n + d) cond, rounding of the iteration and of the reference; eta = 1/lambda_max",
    )


def step_size_threshold(seed: int) -> Evidence:
    """Gradient descent one percent below and above 2/lambda_max."""
    X, y = _instance(seed, "threshold")
    n, t = len(X), 100
    _, singular_values, right = np.linalg.svd(X, full_matrices=False)
    threshold = 2 * n / float(singular_values[0]) ** 2
    best = least_squares.minimum_norm_solution(X, y)
    start = best + float(np.linalg.norm(best)) * right[0]

    def growth(step_size: float) -> float:
        end = least_squares.gradient_descent(
            X, y, start=start, step_size=step_size, tolerance=0, max_iterations=t
        ).solution
        return float(np.linalg.norm(end - best)) / float(np.linalg.norm(best))

    below, above = growth(0.99 * threshold), growth(1.01 * threshold)
    error = max(abs(below / 0.98**t - 1), abs(above / 1.02**t - 1))
    limit = least_squares.gradient_descent(X, y, start=start, step_size=0.99 * threshold)
    try:
        least_squares.gradient_descent(X, y, start=start, step_size=1.01 * threshold)
        message = "none"
    except least_squares.DivergenceError as divergence:
        message = str(divergence)
    named = f"{threshold:.3g}" in message
    bound = 1e-9
    return Evidence(
        verdict(error <= bound and limit.converged and named),
        f"the top direction's error after {t} steps: times {below:.4f} below, {above:.4f} above; "
        f"{'converges' if limit.converged else 'does not converge'} below, "
        f"{'refused, naming the threshold,' if named else 'not refused'} above",
        f"0.98^{t} = {0.98**t:.4f} and 1.02^{t} = {1.02**t:.4f}, relative {bound:.0e}",
        "the factor is 1 - eta lambda_max = -0.98 and -1.02; lambda_max is known to about (n + d) eps, its power to "
        "100 times that, and rounding below grows at most cond-fold: far less than 1e-9",
    )


def kaczmarz_rate(seed: int) -> Evidence:
    """Mean squared error of randomized Kaczmarz over independent runs against Strohmer and Vershynin's rate.

    On a matrix whose singular values are all equal the bound is an equality, whatever the row norms, so the test has
    two sides. The rows are very unequal: drawing them uniformly instead has an expected error three times as large.
    """
    random = generator(seed, "kaczmarz")
    n, d, t, runs = 24, 4, 5, 1000
    rows = random.standard_normal((n, d))
    rows[: d - 1] *= 100.0
    X = np.linalg.qr(rows)[0]  # orthonormal columns
    best = random.standard_normal(d)
    y = X @ best
    squared = np.array(
        [
            float(np.sum((_kaczmarz_from(np.zeros(d), X, y, t, run) - best) ** 2))
            for run in random.integers(0, 2**31, runs).tolist()
        ]
    ) / float(best @ best)
    rate = (1 - 1 / d) ** t
    tolerance = float(np.sqrt(np.log(2 / _SIZE) / (2 * runs)))
    mean = float(squared.mean())
    return Evidence(
        verdict(abs(mean - rate) <= tolerance and bool((squared <= 1 + 1e-12).all())),
        f"mean squared error over {runs} runs of {t} steps: {mean:.4f} of the first",
        f"(1 - 1/{d})^{t} = {rate:.4f} +- {tolerance:.4f}",
        f"Hoeffding's inequality for numbers in [0, 1]: size at most {_SIZE:.0e}, power at least 1 - {_SIZE:.0e} "
        f"against any mean off by {2 * tolerance:.2f}; uniform instead of norm-weighted rows are off by about 0.4",
    )


def _kaczmarz_from(start: Float64Array, X: Float64Array, y: Float64Array, steps: int, seed: int) -> Float64Array:
    return least_squares.randomized_kaczmarz(X, y, start=start, max_iterations=steps, tolerance=0, seed=seed).solution


def kaczmarz_bound(seed: int) -> Evidence:
    """The same, one-sided, on a matrix with any singular values, from an error along the slowest direction."""
    X, y = _instance(seed, "kaczmarz-bound", 10, 20)
    random = generator(seed, "kaczmarz-bound-runs")
    t, runs = 60, 500
    _, singular_values, right = np.linalg.svd(X, full_matrices=False)
    best = least_squares.minimum_norm_solution(X, y)
    start = best + right[-1]
    squared = np.array(
        [
            float(np.sum((_kaczmarz_from(start, X, y, t, run) - best) ** 2))
            for run in random.integers(0, 2**31, runs).tolist()
        ]
    )
    bound = float((1 - singular_values[-1] ** 2 / (singular_values**2).sum()) ** t)
    tolerance = float(np.sqrt(np.log(1 / _SIZE) / (2 * runs)))
    mean = float(squared.mean())
    return Evidence(
        verdict(mean <= bound + tolerance),
        f"mean squared error over {runs} runs of {t} steps: {mean:.4f} of the first",
        f"(1 - sigma_min^2 / ||X||_F^2)^{t} = {bound:.4f}, + {tolerance:.4f}",
        f"Hoeffding's inequality: size at most {_SIZE:.0e}, power at least 1 - {_SIZE:.0e} against any mean larger by "
        f"{2 * tolerance:.2f}",
    )


def _noisy_instance(seed: int, purpose: str) -> tuple[Float64Array, Float64Array, Float64Array, float]:
    """30 equations in 4 unknowns without a solution: X, y, the least-squares solution, and 1/(2 max ||x_i||^2)."""
    X, y = _instance(seed, purpose, 30, 4)
    return X, y, least_squares.minimum_norm_solution(X, y), 1 / (2 * float((X**2).sum(axis=1).max()))


def _sgd_from(
    start: Float64Array,
    X: Float64Array,
    y: Float64Array,
    step_size: float | least_squares.InverseDecay,
    steps: int,
    seed: int,
) -> Float64Array:
    return least_squares.stochastic_gradient_descent(
        X, y, replacement=True, start=start, step_size=step_size, max_iterations=steps, seed=seed
    ).solution


def _z_score(squared: Float64Array, predicted: float) -> float:
    return float((squared.mean() - predicted) / (squared.std(ddof=1) / np.sqrt(len(squared))))


def constant_step_noise_ball(seed: int) -> Evidence:
    """The mean squared distance of SGD with a constant step size from the least-squares solution, where no weights
    interpolate."""
    X, y, best, step_size = _noisy_instance(seed, "noise-ball")
    steps, runs = 300, 400
    predicted = least_squares.sgd_mean_squared_error(X, y, np.full(steps, step_size), start=best)
    squared = np.array(
        [
            float(np.sum((_sgd_from(best, X, y, step_size, steps, run) - best) ** 2))
            for run in generator(seed, "noise-ball-runs").integers(0, 2**31, runs).tolist()
        ]
    )
    score = _z_score(squared, predicted[-1])
    settled = abs(predicted[-1] / predicted[steps // 2] - 1)
    return Evidence(
        verdict(abs(score) <= _NORMAL_QUANTILE and settled < 0.1 and float(squared.min()) > 0),
        f"mean squared distance {squared.mean():.4f} after {steps} steps from the solution itself, {runs} runs; "
        f"z = {score:+.2f}",
        f"{predicted[-1]:.4f} (half-way: {predicted[steps // 2]:.4f}); |z| <= {_NORMAL_QUANTILE}",
        f"exact recursion of the second moment; size {_MEAN_SIZE:.0e}, as measured, for skewed numbers; a ball half or "
        "twice the size is about ten standard errors off: power above 0.999",
    )


def decaying_steps_converge(seed: int) -> Evidence:
    """The mean squared distance of SGD with step sizes of order 1/t from the least-squares solution, where no weights
    interpolate."""
    X, y, best, step_size = _noisy_instance(seed, "decaying-steps")
    steps, runs = 2000, 250
    slowest = float(np.linalg.svd(X, compute_uv=False)[-1]) ** 2 / len(X)
    schedule = least_squares.InverseDecay(step_size, delay=2 / (slowest * step_size))
    predicted = least_squares.sgd_mean_squared_error(X, y, schedule(np.arange(steps)), start=best)
    ball = least_squares.sgd_mean_squared_error(X, y, np.full(400, step_size), start=best)[-1]
    squared = np.array(
        [
            float(np.sum((_sgd_from(best, X, y, schedule, steps, run) - best) ** 2))
            for run in generator(seed, "decaying-steps-runs").integers(0, 2**31, runs).tolist()
        ]
    )
    score = _z_score(squared, predicted[-1])
    fall = predicted[steps // 2] / predicted[-1]
    return Evidence(
        verdict(abs(score) <= _NORMAL_QUANTILE and fall > 1.5 and predicted[-1] < ball / 5),
        f"mean squared distance {squared.mean():.5f} after {steps} steps, {runs} runs, z = {score:+.2f}; "
        f"{ball / squared.mean():.0f} times below the constant step's {ball:.4f}; twice the steps divide it by "
        f"{fall:.2f}",
        f"{predicted[-1]:.5f}; |z| <= {_NORMAL_QUANTILE}; at least 5 times below; divided by more than 1.5",
        f"exact recursion of the second moment; size {_MEAN_SIZE:.0e}, as measured, for skewed numbers, power above "
        "0.999 against twice the size; the rate 1/t would divide by 2",
    )


def momentum_rate(seed: int) -> Evidence:
    """Heavy ball and Nesterov against their exact recursions, their limit, and their steps against plain descent's."""
    random = generator(seed, "momentum")
    n, d, cond = 20, 60, 30.0
    singular_values = np.geomspace(1, 1 / cond, n)
    left = np.linalg.qr(random.standard_normal((n, n)))[0]
    right = np.linalg.qr(random.standard_normal((d, n)))[0].T
    X, best = (left * singular_values) @ right, right.T @ random.standard_normal(n)
    y, norm = X @ best, float(np.linalg.norm(best))
    scaled = (singular_values / singular_values[0]) ** 2  # lambda / lambda_max
    low, goal, t = 1 / cond, 1e-6, 100
    beta = (1 - low) / (1 + low)
    # (eta lambda_max, beta, whether the gradient is taken ahead); error_{t+1} from error_t and error_{t-1}
    methods: dict[str, tuple[Callable[..., Float64Array], float, float, bool]] = {
        "gradient descent": (
            lambda **options: least_squares.gradient_descent(X, y, **options).solution,
            1.0,
            0.0,
            False,
        ),
        "heavy ball": (
            lambda **options: least_squares.heavy_ball(X, y, **options).solution,
            4 / (1 + low) ** 2,
            beta**2,
            False,
        ),
        "Nesterov": (lambda **options: least_squares.nesterov(X, y, **options).solution, 1.0, beta, True),
    }
    needed, worst, limits = {}, 0.0, 0.0
    for name, (solve, eta, momentum, ahead) in methods.items():
        error = before = right @ best
        steps, at_t = 0, error
        while float(np.linalg.norm(error)) > goal * norm or steps < t:
            pushed = error + momentum * (error - before)
            slope = eta * scaled * (pushed if ahead else error)
            error, before, steps = pushed - slope, error, steps + 1
            at_t = error if steps == t else at_t
        needed[name] = steps
        measured = best - solve(tolerance=0, max_iterations=t)
        worst = max(worst, float(np.linalg.norm(measured - right.T @ at_t)) / norm)
        limits = max(limits, float(np.linalg.norm(solve() - best)) / norm)
    # Momentum's powers are far from normal: rounding grows up to kappa-fold on the way (Jordan blocks at the ends).
    bound, limit_bound = 4 * _EPS * (n + d) * cond**2, 1e-14 * np.sqrt(n) * cond + 2 * _rounding(X, cond)
    speedup = {name: needed["gradient descent"] / steps for name, steps in needed.items()}
    least = cond / 4
    return Evidence(
        verdict(worst <= bound and limits <= limit_bound and min(speedup["heavy ball"], speedup["Nesterov"]) >= least),
        f"iterate {t} within {worst:.1e} of the predictions; limits within {limits:.1e} of the minimum-norm solution; "
        f"steps to {goal:.0e}: " + ", ".join(f"{name} {steps}" for name, steps in needed.items()),
        f"{bound:.1e}; {limit_bound:.1e}; {least:.1f} times fewer steps",
        "rounding 4 eps (n + d) kappa; tolerance times cond plus the reference's rounding; the rates 1 - 1/kappa "
        f"against 1 - 2/sqrt(kappa) and 1 - 1/sqrt(kappa), kappa = {cond**2:.0f}: order sqrt(kappa) times fewer",
    )


def minimum_norm_is_monotone(seed: int) -> Evidence:
    """The exact squared norm as features, then equations, are added one by one."""
    random = generator(seed, "monotone")
    X, y = random.integers(-9, 10, (10, 18)), random.integers(-9, 10, 10)
    features = [least_squares.exact.exact_squared_norm(X[:, :d], y) for d in range(10, 19)]
    constraints = [least_squares.exact.exact_squared_norm(X[:n], y[:n]) for n in range(1, 11)]
    holds = all(a >= b for a, b in pairwise(features)) and all(a <= b for a, b in pairwise(constraints))
    return Evidence(
        verdict(holds and features[0] > features[-1] and constraints[0] < constraints[-1]),
        f"10 to 18 features: {float(features[0]):.3g} to {float(features[-1]):.3g}; "
        f"1 to 10 equations: {float(constraints[0]):.3g} to {float(constraints[-1]):.3g}",
        "every step down; every step up",
        "rational arithmetic, no tolerance; a new feature enlarges the set of solutions, a new equation shrinks it",
    )


def _global_minima(X: Float64Array, w: Float64Array) -> Iterable[Float64Array]:
    """Integer points with the predictions of w, an integer point: w plus multiples of a vector that X maps to zero."""
    vector = least_squares.exact.exact_null_vector(X)
    scale = np.lcm.reduce([value.denominator for value in vector])
    null = np.array([int(value * int(scale)) for value in vector], dtype=np.float64)
    return [w, w + null, w - 2 * null]


def curvature_is_the_same(seed: int) -> Evidence:
    """Hessians at several global minima, equal to the last bit; integer data make the predictions exact."""
    random = generator(seed, "curvature")
    n, d = 4, 8
    X = random.integers(-3, 4, (n, d)).astype(np.float64)
    w = random.integers(-3, 4, d).astype(np.float64)
    y = X @ w
    equal, apart = True, 0.0
    for loss in (least_squares.curvature.squared_loss, least_squares.curvature.log_cosh_loss):
        matrices = [least_squares.curvature.hessian(loss, X, y, point) for point in _global_minima(X, w)]
        equal &= all(bool((matrix == matrices[0]).all()) for matrix in matrices)
        apart = max(apart, float(np.abs(matrices[0] - X.T @ X / n).max()))
    elsewhere = float(
        np.abs(
            least_squares.curvature.hessian(least_squares.curvature.log_cosh_loss, X, y, w + X[0]) - X.T @ X / n
        ).max()
    )
    rank = int(np.linalg.matrix_rank(X.T @ X))
    bound = 4 * _EPS * float((X**2).sum())
    return Evidence(
        verdict(equal and apart <= bound and rank <= n < d and elsewhere > 1e-3),
        f"Hessians at three global minima {'equal to the last bit' if equal else 'differ'}, for the squared and "
        f"the log cosh loss; {apart:.1e} from X^T X / n; rank {rank} of {d}; elsewhere {elsewhere:.2f} off",
        f"equal bits; {bound:.1e}; rank at most n = {n}; differs elsewhere",
        "the predictions are integers, so beta is the same to the bit; rounding of X^T X / n: 4 eps ||X||_F^2",
    )


def _claim(
    name: str,
    statement: str,
    check: Callable[[int], Evidence],
    source: str = _PAPER,
    size: float = 0.0,
    theorem: str | None = None,
    size_is: Literal["proved", "measured", "nominal"] = "proved",
) -> CheckedClaim:
    return CheckedClaim(Claim(name, statement, source, proof(theorem) if theorem else None), check, size, size_is)


_POLYAK = "Polyak 1964; Nesterov 1983; Lessard, Recht, Packard 2016, section 4"
_NOISE = "Bach, Moulines 2011; Needell 2010 for Kaczmarz"

CLAIMS: tuple[CheckedClaim, ...] = (
    _claim(
        "sgd-pseudo-inverse",
        "SGD from zero on least squares ends in the minimum-norm solution X^+ y.",
        sgd_reaches_pseudo_inverse,
    ),
    _claim(
        "sgd-cvxpy",
        "SGD's limit solves: minimise ||w|| subject to Xw = y (an independent convex solver).",
        sgd_reaches_cvxpy,
    ),
    _claim(
        "sgd-row-space",
        "SGD's iterates from zero never leave the row space of X: w = X^T alpha.",
        sgd_stays_in_row_space,
        theorem="sgd_in_row_space",
    ),
    _claim(
        "sgd-start",
        "From any start w_0, SGD ends in the solution nearest to w_0.",
        start_is_kept,
        _PAPER + ", corollary",
    ),
    _claim(
        "minimum-norm-references",
        "SVD, two LAPACK drivers, K alpha = y and a convex solver give one minimum-norm solution.",
        references_agree,
    ),
    _claim(
        "minimum-norm-certificate",
        "The certificate's bound on the distance to the minimum-norm solution holds, and is sharp up to conditioning.",
        certificate_bounds_exact_distance,
        "Higham 2002, section 3.5; Weyl's inequality",
    ),
    _claim(
        "gd-rate",
        "Gradient descent multiplies the error along each eigenvector by exactly 1 - eta lambda.",
        gradient_descent_rate,
        "Zhang et al. 2017, section 5; Nocedal, Wright 2006, section 3.3",
        theorem="gradient_descent_rate",
    ),
    _claim(
        "gd-threshold",
        "Gradient descent converges for step sizes below 2/lambda_max and diverges above.",
        step_size_threshold,
        "Nesterov 2004, section 2.1.5",
    ),
    _claim(
        "kaczmarz-rate",
        "Randomized Kaczmarz with row-norm probabilities converges at the rate 1 - sigma_min^2/||X||_F^2 in "
        "expectation, exactly where all singular values are equal.",
        kaczmarz_rate,
        "Strohmer, Vershynin 2009, theorem 2",
        _SIZE,
    ),
    _claim(
        "kaczmarz-bound",
        "Randomized Kaczmarz's expected squared error is at most (1 - sigma_min^2/||X||_F^2)^t of the first.",
        kaczmarz_bound,
        "Strohmer, Vershynin 2009, theorem 2; Zouzias, Freris 2013 for n < d",
        _SIZE,
    ),
    _claim(
        "sgd-noise-ball",
        "Where Xw = y has no solution, SGD with a constant step size stays in a ball of the predicted size.",
        constant_step_noise_ball,
        _NOISE,
        _MEAN_SIZE,
        size_is="measured",
    ),
    _claim(
        "sgd-decaying-steps",
        "Where Xw = y has no solution, SGD with step sizes of order 1/t converges to the least-squares solution.",
        decaying_steps_converge,
        "Robbins, Monro 1951; Bach, Moulines 2011",
        _MEAN_SIZE,
        size_is="measured",
    ),
    _claim(
        "momentum-rate",
        "Momentum keeps the minimum-norm limit and needs about sqrt(kappa) times fewer steps.",
        momentum_rate,
        _POLYAK,
    ),
    _claim(
        "minimum-norm-monotone",
        "The minimum norm falls as features are added and rises as equations are added.",
        minimum_norm_is_monotone,
        "a minimum over a larger or a smaller set",
    ),
    _claim(
        "curvature",
        "The Hessian is the same at all global minima, and degenerate if d > n.",
        curvature_is_the_same,
        "Zhang et al. 2017, section 5 (claim C24)",
        theorem="curvature",
    ),
)
