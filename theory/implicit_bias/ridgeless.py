r"""Ridge regression to the ridgeless limit: the minimum norm again, and the risk of interpolating noisy labels.

* w_lambda = X^T (X X^T + lambda I)^-1 y = argmin ||Xw - y||^2 + lambda ||w||^2, and in the singular basis of X
  ||w_lambda - w*|| <= lambda / (sigma_min+^2 + lambda) ||w*||: it tends to the minimum-norm solution w*. w_lambda is
  part of one itself: with z = (y - Xw) / sqrt(lambda) the objective is lambda (||z||^2 + ||w||^2), so (w, z) is the
  shortest solution of [X, sqrt(lambda) I] (w, z) = y, and w the least-squares solution of
  [X; sqrt(lambda) I] w = (y, 0).
* Hastie, Montanari, Rosset, Tibshirani 2022, "Surprises in high-dimensional ridgeless least squares interpolation",
  theorem 1: isotropic features, n, d -> infinity with d/n -> gamma, |beta| = r, noise of variance s^2. The risk
  E <x, w* - beta>^2 tends to s^2 gamma / (1 - gamma) for gamma < 1 and to r^2 (1 - 1/gamma) + s^2 / (gamma - 1) for
  gamma > 1. For Gaussian features it is known at every n and d, from the mean of the inverse Wishart distribution:
  s^2 d / (n - d - 1) for d < n - 1, and r^2 (1 - n/d) + s^2 n / (d - n - 1) for d > n + 1.
* Bartlett, Long, Lugosi, Tsigler 2020, "Benign overfitting in linear regression": for the covariance's eigenvalues l_1
  >= l_2 >= ..., r_k = sum_{i>k} l_i / l_{k+1}, R_k = (sum_{i>k} l_i)^2 / sum_{i>k} l_i^2, k* = min {k: r_k >= b n}.
  Noise of variance s^2 costs, up to constants, s^2 (k*/n + n/R_{k*}). This is the variance alone: the bias, what is
  missed of the signal, comes on top, and overfitting is benign if both vanish.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import scaled_number
from theory.common.streams import generator
from theory.implicit_bias.potentials import Float64Array
from theory.least_squares.problem import EPS, Problem
from theory.least_squares.references import RowSpace


@plain_numbers
def ridge_solution(X: Float64Array, y: Float64Array, penalty: float) -> Float64Array:
    """w_lambda (d,) for X (n, d) and lambda = penalty > 0: s / (s^2 + lambda) <u, y> v, over singular values.

    A singular value s that may be 0 but for rounding has no part, unless the penalty outweighs what rounding would do.
    Where rows or columns of one size show that none is (`RowSpace`), the penalty takes part as further columns or rows.
    Raises ValueError for a penalty that is not positive and finite, and what `Problem.of` raises.
    """
    if not 0 < penalty < np.inf:
        raise ValueError(f"penalty must be positive and finite, got {penalty}")
    problem, units = Problem.by_output(X, y)
    ridge = scaled_number(penalty, -2 * problem.X_exponent)
    left, values, right = np.linalg.svd(problem.X, full_matrices=False)
    outweighed = ridge >= len(values) * EPS * values[0] ** 2
    kept = outweighed | (values > EPS * max(problem.X.shape) * values[0])
    if not kept.all() and RowSpace.of(problem.X).rank == len(values):
        return problem.solution(_with_penalty(problem, math.sqrt(ridge)), units)
    factors = np.divide(values, values**2 + ridge, out=np.zeros_like(values), where=kept)
    return problem.solution(right.T @ (factors[:, None] * (left.T @ problem.y)), units)


def _with_penalty(problem: Problem, root: float) -> Float64Array:
    """w_lambda (d, k) as a minimum-norm solution, root = sqrt(lambda), all in the problem's units."""
    (n, d), X, y = problem.X.shape, problem.X, problem.y
    if n <= d:
        return RowSpace.of(np.hstack([X, root * np.eye(n)])).solve(y)[:d]
    return RowSpace.of(np.vstack([X, root * np.eye(d)])).solve(np.vstack([y, np.zeros((d, y.shape[1]))]))


@plain_numbers
def asymptotic_risk(gamma: float, signal: float, noise: float) -> float:
    """Hastie et al.'s limit for gamma = d/n, signal = |beta|^2, noise the noise's variance.

    Infinite at gamma = 1, but for labels without noise, where both sides tend to 0. Raises ValueError for a gamma that
    is not positive and finite, or a negative signal or noise.
    """
    if not 0 < gamma < np.inf:
        raise ValueError(f"gamma must be positive and finite, got {gamma}")
    _require_variances(signal, noise)
    if gamma == 1:
        return float("inf") if noise else 0.0
    return noise * gamma / (1 - gamma) if gamma < 1 else signal * (1 - 1 / gamma) + noise / (gamma - 1)


@plain_numbers
def gaussian_risk(n: int, d: int, signal: float, noise: float) -> float:
    """The exact expected risk for Gaussian isotropic features.

    Infinite for |d - n| <= 1, but for labels without noise: the pseudo-inverse's mean square is infinite there, the
    projection onto the row space is not, and the risk is 0, 0, 1 - n/d times the signal for d - n = -1, 0, 1. Raises
    ValueError for n or d below 1, or a negative signal or noise.
    """
    if n < 1 or d < 1:
        raise ValueError(f"n and d must be at least 1, got {n} and {d}")
    _require_variances(signal, noise)
    missed = signal * max(0.0, 1 - n / d)
    if noise == 0:
        return missed
    if abs(d - n) <= 1:
        return float("inf")
    return missed + (noise * d / (n - d - 1) if d < n else noise * n / (d - n - 1))


def _require_variances(signal: float, noise: float) -> None:
    if not (0 <= signal < np.inf and 0 <= noise < np.inf):
        raise ValueError(f"signal and noise must be finite and not negative, got {signal} and {noise}")


@dataclass(frozen=True)
class RiskPoint:
    """Risk of the minimum-norm solution at one number of features, measured over independent data sets.

    Attributes:
        features: d.
        gamma: d / n.
        risk: mean of ||w* - beta||^2.
        standard_error: the standard error of that mean.
        expected: the exact expectation for Gaussian features at this n and d.
        asymptotic: Hastie et al.'s limit at this gamma.
    """

    features: int
    gamma: float
    risk: float
    standard_error: float
    expected: float
    asymptotic: float


@plain_numbers
def double_descent(
    n: int, features: Sequence[int], *, signal: float = 1.0, noise: float = 0.25, trials: int = 200, seed: int = 0
) -> tuple[RiskPoint, ...]:
    """The double-descent curve of minimum-norm least squares on Gaussian data, one point for each number of features.

    Arguments:
        n: samples.
        features: numbers of features d.
        signal, noise: |beta|^2 and the variance of the noise in the labels.
        trials: independent data sets a point, at least 2.
        seed: the seed of the data.

    Raises ValueError for n or a number of features below 1, fewer than two trials, or a negative signal or noise.
    """
    if n < 1 or trials < 2 or not all(d >= 1 for d in features):
        raise ValueError(f"n and features must be at least 1 and trials 2, got {n}, {list(features)} and {trials}")
    _require_variances(signal, noise)
    points = []
    for d in features:
        random = generator(seed, f"double-descent-{n}-{d}")
        X = random.standard_normal((trials, n, d))
        beta = np.full(d, (signal / d) ** 0.5)
        y = X @ beta + noise**0.5 * random.standard_normal((trials, n))
        risks = np.sum((_minimum_norm_solutions(X, y) - beta) ** 2, axis=1)
        points.append(
            RiskPoint(
                features=d,
                gamma=d / n,
                risk=float(risks.mean()),
                standard_error=float(risks.std(ddof=1) / trials**0.5),
                expected=gaussian_risk(n, d, signal, noise),
                asymptotic=asymptotic_risk(d / n, signal, noise),
            )
        )
    return tuple(points)


def _minimum_norm_solutions(X: Float64Array, y: Float64Array) -> Float64Array:
    """(trials, d) for X (trials, n, d) and y (trials, n), of full rank, by the smaller normal equations."""
    transposed = X.transpose(0, 2, 1)
    if X.shape[1] <= X.shape[2]:
        solutions = transposed @ np.linalg.solve(X @ transposed, y[..., None])
    else:
        solutions = np.linalg.solve(transposed @ X, transposed @ y[..., None])
    return np.asarray(solutions[..., 0], dtype=np.float64)


@dataclass(frozen=True)
class EffectiveRanks:
    """Bartlett et al.'s k*, r_{k*} and R_{k*} of a spectrum for n samples.

    Attributes:
        index: k*; None if no k has r_k >= b n (noise is then not absorbed at all).
        small: r_{k*}; 0 if there is no k*.
        large: R_{k*}; 0 if there is no k*.
        noise_cost: k*/n + n/R_{k*}, the cost of unit noise up to constants; 1 if it is more, or there is no k*.
    """

    index: int | None
    small: float
    large: float
    noise_cost: float


@plain_numbers
def effective_ranks(eigenvalues: Float64Array, n: int, b: float = 1.0) -> EffectiveRanks:
    """k*, r_{k*}, R_{k*} of positive eigenvalues in decreasing order (d,), for n samples and the constant b.

    Raises ValueError for eigenvalues that are not positive and decreasing.
    """
    if n < 1 or not b > 0:
        raise ValueError(f"n must be at least 1 and b positive, got {n} and {b}")
    eigenvalues = as_real(eigenvalues, "eigenvalues").astype(np.float64)
    if not len(eigenvalues) or not (eigenvalues[-1] > 0 and (np.diff(eigenvalues) <= 0).all()):
        raise ValueError("eigenvalues must be positive and in decreasing order")
    small, squares = np.ones(len(eigenvalues)), np.ones(len(eigenvalues))
    # The sums over i > k of l_i and l_i^2 in units of l_{k+1} and its square, at k = 0 .. d-1: none of them underflows.
    for k in range(len(eigenvalues) - 2, -1, -1):
        ratio = eigenvalues[k + 1] / eigenvalues[k]
        small[k] += ratio * small[k + 1]
        squares[k] += ratio**2 * squares[k + 1]
    large = small**2 / squares
    enough = np.flatnonzero(small >= b * n)
    if len(enough) == 0:
        return EffectiveRanks(None, 0.0, 0.0, 1.0)
    k = int(enough[0])
    return EffectiveRanks(k, float(small[k]), float(large[k]), min(k / n + n / float(large[k]), 1.0))


@plain_numbers
def benign_spectrum(n: int) -> Float64Array:
    """exp(-k/2) + 1/p, k = 1 .. p = n^2 / 4: few directions of signal over a long flat tail. ValueError for n < 2."""
    p = _dimension(n)
    return np.exp(-np.arange(1, p + 1) / 2) + 1 / p


@plain_numbers
def polynomial_spectrum(n: int) -> Float64Array:
    """k^-2, k = 1 .. n^2 / 4: the tail decays too fast to absorb noise, k* stays of order n. ValueError for n < 2."""
    return np.arange(1, _dimension(n) + 1, dtype=np.float64) ** -2.0


def _dimension(n: int) -> int:
    if n < 2:
        raise ValueError(f"n must be at least 2 for a spectrum of n^2 / 4 eigenvalues, got {n}")
    return n * n // 4


@dataclass(frozen=True)
class OverfittingPoint:
    """Excess risk of interpolation at one n, beside the effective ranks.

    Attributes:
        samples: n.
        excess_risk: mean over data sets of E <x, w* - beta>^2, unit noise, beta the first eigenvector.
        standard_error: the standard error of that mean.
        noise_share: mean of its part due to noise, in expectation over the noise: tr(Sigma X^+ X^+T).
        ranks: effective ranks for this n.
    """

    samples: int
    excess_risk: float
    standard_error: float
    noise_share: float
    ranks: EffectiveRanks


@plain_numbers
def overfitting_point(eigenvalues: Float64Array, n: int, *, trials: int = 10, seed: int = 0) -> OverfittingPoint:
    """Interpolate Gaussian data of diagonal covariance (d,) with unit noise, `trials` times, n samples each.

    Raises ValueError unless 1 <= n <= d and trials >= 2.
    """
    eigenvalues = as_real(eigenvalues, "eigenvalues").astype(np.float64)
    if not (1 <= n <= len(eigenvalues) and trials >= 2):
        raise ValueError(f"n must be in 1 .. d = {len(eigenvalues)} and trials at least 2, got {n} and {trials}")
    random = generator(seed, f"benign-overfitting-{n}-{len(eigenvalues)}")
    risks, shares = [], []
    for _ in range(trials):
        X = random.standard_normal((n, len(eigenvalues))) * np.sqrt(eigenvalues)
        y = X[:, 0] + random.standard_normal(n)
        dual = np.linalg.solve(X @ X.T, X)  # the transposed pseudo-inverse, (n, d)
        error = y @ dual
        error[0] -= 1
        risks.append(float(eigenvalues @ error**2))
        shares.append(float(eigenvalues @ np.sum(dual**2, axis=0)))
    return OverfittingPoint(
        samples=n,
        excess_risk=float(np.mean(risks)),
        standard_error=float(np.std(risks, ddof=1) / trials**0.5),
        noise_share=float(np.mean(shares)),
        ranks=effective_ranks(eigenvalues, n),
    )
