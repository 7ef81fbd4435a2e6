"""Diagonal networks and matrix factorisation: parametrisations that change the bias."""

import numpy as np
import pytest

from theory.implicit_bias.diagonal_networks import (
    initialization_path,
    l1_excess_bound,
    l2_excess_bound,
    predicted_limit,
    predicted_limit_conic,
    train_diagonal_network,
)
from theory.implicit_bias.gradient_flow import gradient_flow
from theory.implicit_bias.matrix_factorization import (
    factorize,
    minimum_nuclear_norm,
    nuclear_excess_bound,
    predicted_factorization,
    random_commuting_measurements,
)


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((4, 10)), random.standard_normal(4)


def test_flow_of_a_linear_field_decays_exponentially():
    end = gradient_flow(lambda x: -x, lambda x: float(np.abs(x).max()), np.array([1.0, 0.5]), tolerance=0.1)
    np.testing.assert_allclose(end, [0.1, 0.05], rtol=1e-8)


def test_flow_that_cannot_arrive_says_so():
    with pytest.raises(ArithmeticError, match="has not reached residual"):
        gradient_flow(lambda x: 0 * x, lambda x: 1.0, np.ones(1), max_time=1.0)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 2.0])
def test_network_ends_where_predicted(problem, scale):
    X, y = problem
    trained, predicted = train_diagonal_network(X, y, scale), predicted_limit(X, y, scale)
    np.testing.assert_allclose(trained.solution, predicted.solution, atol=1e-7)
    assert trained.conservation < 1e-6


def test_prediction_agrees_with_the_conic_solver(problem):
    X, y = problem
    np.testing.assert_allclose(predicted_limit_conic(X, y, 0.2), predicted_limit(X, y, 0.2).solution, atol=1e-3)


def test_gradient_descent_tends_to_the_flow(problem):
    """Halving the step size of plain gradient descent halves its distance from the flow's limit."""
    X, y = problem
    limit = train_diagonal_network(X, y, 0.1).solution
    errors = []
    for step_size in (0.02, 0.01, 0.005):
        u = v = np.full(10, 0.1)
        for _ in range(20_000):
            pull = X.T @ (X @ (u**2 - v**2) - y)
            if np.abs(pull).max() < 1e-11:
                break
            u, v = u - step_size * u * pull, v + step_size * v * pull
        errors.append(np.linalg.norm(u**2 - v**2 - limit))
    assert errors[0] > 1e-5
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2, rtol=0.2)


def test_path_moves_from_one_norm_to_the_other(problem):
    X, y = problem
    path = initialization_path(X, y, (1e-6, 1e-2, 10.0))
    assert path.scales == (1e-6, 1e-2, 10.0)
    assert path.l1_excess[0] < 0.01 < 0.05 < path.l1_excess[2]
    assert path.l2_excess[2] < 1e-6 < 0.02 < path.l2_excess[0]
    assert max(path.prediction_error) < 1e-6


def test_bounds_are_infinite_where_they_say_nothing():
    assert l1_excess_bound(np.ones(5), 1.0) == np.inf
    assert 1 < l1_excess_bound(np.ones(5), 1e-8) < 1.1
    assert l2_excess_bound(np.ones(5), 0.1) == np.inf
    assert 1 < l2_excess_bound(np.ones(5), 10.0) < 1 + 1e-5
    assert nuclear_excess_bound(np.eye(3), 1.0) == np.inf


def test_scale_must_be_positive(problem):
    with pytest.raises(ValueError, match="scale must be positive"):
        train_diagonal_network(*problem, 0.0)


def test_factorization_ends_where_predicted_and_near_the_sdp():
    measurements = random_commuting_measurements(np.random.default_rng(0), 6, 3, 1)
    matrices = measurements.matrices
    np.testing.assert_allclose(matrices[0] @ matrices[1], matrices[1] @ matrices[0], atol=1e-12)
    least = minimum_nuclear_norm(matrices, measurements.values)
    np.testing.assert_allclose(np.einsum("ijk,jk->i", matrices, least), measurements.values, atol=1e-6)
    for scale in (0.1, 1e-3):
        trained = factorize(matrices, measurements.values, scale)
        np.testing.assert_allclose(trained.solution, predicted_factorization(measurements, scale), atol=1e-5)
        excess = trained.nuclear_norm / np.trace(least)
        assert 1 - 1e-6 <= excess <= nuclear_excess_bound(least, scale)


def test_infeasible_measurements_are_named():
    matrices, values = np.stack([np.eye(2), np.eye(2)]), np.array([1.0, 2.0])
    with pytest.raises(ArithmeticError, match="infeasible"):
        minimum_nuclear_norm(matrices, values)
