"""Every check fails when its claim is broken: start off the row space, wrong step size, Adam for SGD, ..."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from theory import least_squares
from theory.checks import least_squares as checks
from theory.claims import Verdict, run_check
from theory.least_squares import certify_minimum_norm, exact, randomized_kaczmarz, stochastic_gradient_descent
from theory.least_squares.problem import Problem
from theory.least_squares.result import LeastSquaresResult


def off_the_row_space(solver):
    def broken(X, y, *, start=None, **options):
        start = np.zeros(X.shape[1]) if start is None else start
        return solver(X, y, start=start + 1e-3, **options)

    return broken


def wrong_step(solver, factor):
    def broken(X, y, *, step_size=None, **options):
        if step_size is None:
            step_size = len(X) / np.linalg.norm(X, 2) ** 2
        wrong = (lambda t: factor * step_size(t)) if callable(step_size) else factor * step_size
        return solver(X, y, step_size=wrong, **options)

    return broken


def adam(X, y, *, start=None, max_iterations=400, **options):
    """The same loss, another optimiser: it fits the data and ends elsewhere."""
    first = np.zeros(X.shape[1]) if start is None else start
    w = torch.tensor(first.copy(), requires_grad=True)
    points, labels = torch.tensor(X), torch.tensor(y)
    optimizer = torch.optim.Adam([w], lr=0.05)
    for _ in range(min(max_iterations, 400)):
        optimizer.zero_grad()
        ((points @ w - labels) ** 2).mean().backward()
        optimizer.step()
    problem, solution = Problem.of(X, y), w.detach().numpy()
    residual = float(np.linalg.norm(X @ solution - y))
    return LeastSquaresResult(solution, 400, residual, True, 0.05, 0, problem, first[:, None])


def without_replacement(X, y, *, replacement, **options):
    """Every sample once an epoch, which has less noise than independent draws."""
    return stochastic_gradient_descent(X, y, replacement=False, **options)


def uniform_rows(X, y, *, start, max_iterations, tolerance, seed):
    """A projection onto a row drawn uniformly instead of by its norm."""
    random, w = np.random.default_rng(seed), start.copy()
    for i in random.integers(0, len(X), max_iterations):
        w -= (X[i] @ w - y[i]) / (X[i] @ X[i]) * X[i]
    return LeastSquaresResult(w, max_iterations, 0.0, False, 1.0, 0, Problem.of(X, y), w)


def short_projections(X, y, **options):
    return randomized_kaczmarz(X, y, relaxation=0.2, **options)


def optimistic_certificate(X, y, w):
    certificate = certify_minimum_norm(X, y, w)
    return replace(certificate, distance_bound=certificate.row_space_bound)  # forgets the residual


SGD, GD = "stochastic_gradient_descent", "gradient_descent"
BROKEN = [
    ("sgd_reaches_pseudo_inverse", SGD, off_the_row_space(least_squares.stochastic_gradient_descent)),
    ("sgd_reaches_pseudo_inverse", SGD, adam),
    ("sgd_reaches_pseudo_inverse", SGD, wrong_step(least_squares.stochastic_gradient_descent, 30)),
    ("sgd_reaches_cvxpy", SGD, off_the_row_space(least_squares.stochastic_gradient_descent)),
    ("sgd_reaches_cvxpy", SGD, adam),
    ("sgd_stays_in_row_space", SGD, off_the_row_space(least_squares.stochastic_gradient_descent)),
    ("sgd_stays_in_row_space", SGD, adam),
    ("start_is_kept", SGD, off_the_row_space(least_squares.stochastic_gradient_descent)),
    ("start_is_kept", SGD, adam),
    ("references_agree", "minimum_norm_solution", lambda X, y, method="svd": np.ones(X.shape[1]) * len(method)),
    ("gradient_descent_rate", GD, off_the_row_space(least_squares.gradient_descent)),
    ("gradient_descent_rate", GD, wrong_step(least_squares.gradient_descent, 1.001)),
    ("gradient_descent_rate", GD, least_squares.nesterov),
    ("step_size_threshold", GD, wrong_step(least_squares.gradient_descent, 0.98)),
    ("step_size_threshold", GD, wrong_step(least_squares.gradient_descent, 1.02)),
    ("constant_step_noise_ball", SGD, wrong_step(least_squares.stochastic_gradient_descent, 2)),
    ("constant_step_noise_ball", SGD, wrong_step(least_squares.stochastic_gradient_descent, 0.5)),
    ("constant_step_noise_ball", SGD, without_replacement),
    ("kaczmarz_rate", "randomized_kaczmarz", uniform_rows),
    ("kaczmarz_rate", "randomized_kaczmarz", short_projections),
    ("kaczmarz_bound", "randomized_kaczmarz", short_projections),
    ("certificate_bounds_exact_distance", "certify_minimum_norm", optimistic_certificate),
    ("decaying_steps_converge", SGD, wrong_step(least_squares.stochastic_gradient_descent, 3)),
    ("decaying_steps_converge", "InverseDecay", lambda initial, delay: lambda t: np.full(t.shape, initial)),
    ("momentum_rate", "heavy_ball", least_squares.gradient_descent),
    ("momentum_rate", "heavy_ball", least_squares.nesterov),
    ("momentum_rate", "heavy_ball", off_the_row_space(least_squares.heavy_ball)),
    ("momentum_rate", "nesterov", off_the_row_space(least_squares.nesterov)),
    ("minimum_norm_is_monotone", "exact_squared_norm", lambda X, y: Fraction(int(np.sum(X[-1] * y[-1])))),
    ("curvature_is_the_same", "_global_minima", lambda X, w: [w, w + X[0]]),
]


@pytest.mark.parametrize(("check", "name", "broken"), BROKEN, ids=lambda value: getattr(value, "__qualname__", value))
def test_verdict_changes(check, name, broken, monkeypatch):
    checked = next(claim for claim in checks.CLAIMS if claim.check.__name__ == check)
    module = next(module for module in (checks, least_squares, exact) if hasattr(module, name))
    monkeypatch.setattr(module, name, broken)
    evidence = run_check(checked, 1).evidence
    assert evidence.verdict is Verdict.DOES_NOT_HOLD
    # By what was measured, or by divergence; not because the stand-in does not fit the check.
    assert "the check failed" not in evidence.measured or "DivergenceError" in evidence.measured


def test_every_claim_is_broken_once():
    assert {check for check, _, _ in BROKEN} == {claim.check.__name__ for claim in checks.CLAIMS}
