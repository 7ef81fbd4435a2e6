import numpy as np
import pytest

from theory.common.arrays import BeyondFloat64Error
from theory.implicit_bias.mirror_descent import mirror_descent
from theory.implicit_bias.potentials import (
    entropy_potential,
    hyperbolic_entropy_potential,
    p_norm_potential,
)
from theory.implicit_bias.reference import minimum_p_norm
from theory.least_squares import minimum_norm_solution


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((5, 15)), random.standard_normal(5)


POTENTIALS = [
    *(p_norm_potential(p) for p in (1.2, 1.5, 2, 3, 4)),
    entropy_potential(),
    *(hyperbolic_entropy_potential(scale) for scale in (1e-3, 1.0, 10.0)),
]


@pytest.mark.parametrize("potential", POTENTIALS, ids=lambda potential: potential.name)
def test_maps_are_derivative_and_inverse(potential):
    w = np.random.default_rng(1).uniform(0.1, 2.0, 50)
    np.testing.assert_allclose(potential.inverse_map(potential.mirror_map(w)), w, rtol=1e-12)
    step = 1e-5
    slope = (potential.value(w + step) - potential.value(w - step)) / (2 * step)
    np.testing.assert_allclose(slope, potential.mirror_map(w), rtol=1e-5, atol=1e-6)
    assert potential.divergence(w, w) == 0
    assert potential.divergence(w, w + 0.1) > 0


def test_hyperbolic_entropy_is_woodworths_formula():
    z = np.linspace(-5, 5, 21)
    q = 2 - np.sqrt(4 + z**2) + z * np.arcsinh(z / 2)
    np.testing.assert_allclose(hyperbolic_entropy_potential(1.0).value(z), q, atol=1e-14)
    np.testing.assert_allclose(hyperbolic_entropy_potential(0.1).value(0.01 * z), 0.01 * q, atol=1e-15)


def test_two_norm_is_the_minimum_norm(problem):
    X, y = problem
    result = mirror_descent(p_norm_potential(2), X, y, np.zeros(15))
    np.testing.assert_allclose(result.solution, minimum_norm_solution(X, y), atol=1e-10)


@pytest.mark.parametrize("p", [1.5, 3])
def test_p_norms_against_the_convex_solver(problem, p):
    X, y = problem
    result = mirror_descent(p_norm_potential(p), X, y, np.zeros(15))
    np.testing.assert_allclose(result.solution, minimum_p_norm(X, y, p), atol=1e-3)


def test_start_moves_the_limit(problem):
    X, y = problem
    start = np.random.default_rng(2).standard_normal(15)
    result = mirror_descent(p_norm_potential(2), X, y, start)
    np.testing.assert_allclose(result.solution, start + minimum_norm_solution(X, y - X @ start), atol=1e-9)


def test_gap_bounds_every_other_interpolant(problem):
    X, _ = problem
    random = np.random.default_rng(3)
    start, target = random.uniform(0.5, 2, 15), random.uniform(0.5, 2, 15)
    result = mirror_descent(entropy_potential(), X, X @ target, start)
    assert result.stationarity < 1e-13
    assert result.residual < 1e-9
    assert result.divergence <= entropy_potential().divergence(target, start) + result.duality_gap


def test_unfinished_runs_say_so(problem):
    X, y = problem
    result = mirror_descent(p_norm_potential(3), X, y, np.zeros(15), max_iterations=3)
    assert result.iterations == 3
    assert result.residual > 1e-3


def test_refusals(problem):
    X, y = problem
    with pytest.raises(ValueError, match="X must be"):
        mirror_descent(p_norm_potential(2), X, y, np.zeros(3))
    with pytest.raises(ValueError, match="p must exceed 1"):
        p_norm_potential(1)
    with pytest.raises(ValueError, match="scale must be positive"):
        hyperbolic_entropy_potential(0)
    with pytest.raises(ArithmeticError, match="infeasible"):
        minimum_p_norm(np.ones((2, 3)), np.array([0.0, 1.0]), 1)


def test_a_start_whose_residual_overflows_is_named():
    X, y = np.full((1, 2), 1e200), np.ones(1)
    with pytest.raises(BeyondFloat64Error, match="overflows float64 at the start"):
        mirror_descent(p_norm_potential(2), X, y, np.full(2, 1e200))
