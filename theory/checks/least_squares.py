"""Section 5 of the paper: SGD from zero on least squares ends in the minimum-norm solution."""

import cvxpy
import numpy as np

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.least_squares import (
    Float64Array,
    certify_minimum_norm,
    minimum_norm_solution,
    stochastic_gradient_descent,
)
from theory.streams import generator

_EPS = float(np.finfo(np.float64).eps)
_PAPER = "Zhang et al. 2017, section 5 (claim C23)"


def _instance(seed: int, purpose: str) -> tuple[Float64Array, Float64Array]:
    """20 equations in 60 unknowns, Gaussian: condition number about 4."""
    random = generator(seed, purpose)
    return random.standard_normal((20, 60)), random.standard_normal(20)


def sgd_reaches_pseudo_inverse(seed: int) -> Evidence:
    """SGD's limit against X^+ y from the SVD."""
    X, y = _instance(seed, "sgd-pseudo-inverse")
    result = stochastic_gradient_descent(X, y, seed=seed)
    reference = minimum_norm_solution(X, y)
    norm = float(np.linalg.norm(reference))
    distance = float(np.linalg.norm(result.solution - reference)) / norm
    # The certificate bounds SGD's error; the SVD's own is below a small multiple of eps (n + d) cond.
    bound = result.certificate.distance_bound / norm + 4 * _EPS * sum(X.shape) * result.certificate.condition_number
    return Evidence(
        verdict(distance <= bound and bound < 1e-10),
        f"relative distance {distance:.1e} after {result.iterations} steps",
        f"{bound:.1e}",
        "certificate (residual / smallest singular value + distance from the row space) plus the SVD's "
        f"4 eps (n + d) cond, cond = {result.certificate.condition_number:.1f}; itself below 1e-10",
    )


def sgd_reaches_cvxpy(seed: int) -> Evidence:
    """SGD's limit against cvxpy's solution of: minimise ||w||^2 subject to Xw = y."""
    X, y = _instance(seed, "sgd-cvxpy")
    result = stochastic_gradient_descent(X, y, seed=seed)
    w = cvxpy.Variable(X.shape[1])
    constraint = X @ w == y
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [constraint])
    problem.solve(solver=cvxpy.CLARABEL)
    certificate = certify_minimum_norm(X, y, w.value)
    distance = float(np.linalg.norm(result.solution - w.value))
    rounding = 4 * _EPS * sum(X.shape) * certificate.condition_number * float(np.linalg.norm(w.value))
    bound = result.certificate.distance_bound + certificate.distance_bound + rounding
    # Stationarity 2w + X^T nu = 0: cvxpy's dual variable shows w to be in the row space by another way.
    stationarity = float(np.linalg.norm(2 * w.value + X.T @ constraint.dual_value))
    return Evidence(
        verdict(distance <= bound and max(bound, stationarity) < 1e-5),
        f"distance {distance:.1e}, cvxpy's stationarity residual {stationarity:.1e}",
        f"{bound:.1e}",
        "the sum of both solutions' certificates and their own rounding, 4 eps (n + d) cond ||w||; this and the "
        "stationarity below 1e-5, what an interior-point method that stops at gap and feasibility 1e-8 leaves in a "
        "solution of norm about 1",
    )


def sgd_stays_in_row_space(seed: int) -> Evidence:
    """Distance of the iterates from the row space, along 200 steps of a run from zero."""
    X, y = _instance(seed, "sgd-row-space")
    _, _, right = np.linalg.svd(X, full_matrices=False)
    random = generator(seed, "sgd-row-space-order")
    step_size, w, worst = 1 / float((X**2).sum(axis=1).max()), np.zeros(X.shape[1]), 0.0
    path = 0.0
    for i in random.integers(0, len(X), 200):
        step = step_size * (X[i] @ w - y[i]) * X[i]
        w -= step
        path += float(np.linalg.norm(step)) + float(np.linalg.norm(w))
        worst = max(worst, float(np.linalg.norm(w - right.T @ (right @ w))))
    # Each update rounds by at most eps(||step|| + ||w||), and the measured projection by 2 eps sqrt(d n) ||w||.
    bound = _EPS * (path + 4 * np.sqrt(X.size) * float(np.linalg.norm(w)))
    return Evidence(
        verdict(worst <= bound and float(np.linalg.norm(w)) > 0.1),
        f"largest distance {worst:.1e} over 200 steps, ||w|| = {np.linalg.norm(w):.2f}",
        f"{bound:.1e}",
        "rounding: eps times the summed length of steps and iterates, plus that of the projection used to measure it",
    )


def start_is_kept(seed: int) -> Evidence:
    """From w_0 SGD ends in the projection of w_0 onto the solutions: the part outside the row space is kept."""
    X, y = _instance(seed, "sgd-start")
    start = generator(seed, "sgd-start-point").standard_normal((X.shape[1],))
    result = stochastic_gradient_descent(X, y, start=start, seed=seed)
    limit = start + minimum_norm_solution(X, y - X @ start)
    norm = float(np.linalg.norm(limit))
    distance = float(np.linalg.norm(result.solution - limit)) / norm
    certificate = result.certificate
    bound = certificate.residual * (certificate.condition_number / float(np.linalg.norm(X, 2))) / norm + (
        _EPS * (sum(X.shape) * 4 * certificate.condition_number + np.sqrt(result.iterations) * 10)
    )
    from_minimum = float(np.linalg.norm(result.solution - minimum_norm_solution(X, y))) / norm
    return Evidence(
        verdict(distance <= bound and from_minimum > 0.1),
        f"relative distance {distance:.1e} to the projection, {from_minimum:.2f} to the minimum-norm solution",
        f"{bound:.1e}",
        "residual / smallest singular value, plus rounding of the SVD and of the steps",
    )


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "sgd-pseudo-inverse",
            "SGD from zero on least squares ends in the minimum-norm solution X^+ y.",
            _PAPER,
        ),
        sgd_reaches_pseudo_inverse,
    ),
    CheckedClaim(
        Claim(
            "sgd-cvxpy",
            "SGD's limit solves: minimise ||w|| subject to Xw = y (an independent convex solver).",
            _PAPER,
        ),
        sgd_reaches_cvxpy,
    ),
    CheckedClaim(
        Claim("sgd-row-space", "SGD's iterates from zero never leave the row space of X: w = X^T alpha.", _PAPER),
        sgd_stays_in_row_space,
    ),
    CheckedClaim(
        Claim(
            "sgd-start",
            "From any start w_0, SGD ends in the solution nearest to w_0.",
            _PAPER + ", corollary",
        ),
        start_is_kept,
    ),
)
