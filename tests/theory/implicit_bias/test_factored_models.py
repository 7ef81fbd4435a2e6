"""Diagonal networks and matrix factorisation: parametrisations that change the bias."""

import math

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
from theory.implicit_bias.reference import minimum_p_norm


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((4, 10)), random.standard_normal(4)


def test_flow_of_a_linear_field_decays_exponentially():
    end = gradient_flow(lambda x: -x, lambda x: float(np.abs(x).max()), np.array([1.0, 0.5]), tolerance=0.1)
    np.testing.assert_allclose(end, [0.1, 0.05], rtol=1e-8)


def test_flow_that_starts_where_it_ends():
    start = np.array([0.1, 0.05])
    end = gradient_flow(lambda x: -x, lambda x: float(np.abs(x).max()), start, tolerance=0.2)
    assert end.tolist() == [0.1, 0.05]
    # <I, W> = 8 holds for the start, W = 2^2 I.
    factorisation = factorize(np.eye(2)[None], np.array([8.0]), 2.0)
    assert (factorisation.solution.tolist(), factorisation.residual) == ([[4, 0], [0, 4]], 0)


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


def test_what_is_reported_of_a_network_and_of_a_path(problem):
    X, y = problem
    loose = train_diagonal_network(X, y, 0.1, tolerance=1e-2)
    assert loose.residual == pytest.approx(np.linalg.norm(X @ loose.solution - y), rel=1e-9)
    assert loose.residual / np.linalg.norm(y) == pytest.approx(1e-2, rel=1e-6), "where the flow is stopped"
    end = train_diagonal_network(X, y, 0.1).solution
    path = initialization_path(X, y, [0.1])
    least = np.linalg.norm(np.linalg.pinv(X) @ y)
    assert path.l2_excess[0] == pytest.approx(np.linalg.norm(end) / least - 1, rel=1e-9)
    sparsest = np.abs(minimum_p_norm(X, y, 1)).sum()
    assert path.l1_excess[0] == pytest.approx(np.abs(end).sum() / sparsest - 1, rel=1e-9)
    predicted = predicted_limit(X, y, 0.1).solution
    distance = np.linalg.norm(end - predicted) / np.linalg.norm(predicted)
    assert path.prediction_error[0] == pytest.approx(distance, rel=1e-6, abs=0)


def test_measurements_are_those_of_the_matrix_that_was_drawn():
    measured = random_commuting_measurements(np.random.default_rng(3), 5, 4, 2)
    random = np.random.default_rng(3)
    basis, _ = np.linalg.qr(random.standard_normal((5, 5)))
    eigenvalues = random.standard_normal((4, 5))
    factor = random.standard_normal((5, 2))
    for matrix, numbers, value in zip(measured.matrices, eigenvalues, measured.values, strict=True):
        np.testing.assert_allclose(matrix, basis @ np.diag(numbers) @ basis.T, atol=1e-12)
        assert value == pytest.approx(np.trace(matrix @ factor @ factor.T) / 5, rel=1e-9)


def test_what_is_reported_of_a_factorisation():
    measured = random_commuting_measurements(np.random.default_rng(0), 5, 3, 1)
    for tolerance in (1e-1, 1e-8):
        factorisation = factorize(measured.matrices, measured.values, 0.3, tolerance=tolerance)
        assert factorisation.nuclear_norm == pytest.approx(np.trace(factorisation.solution), rel=1e-9)
        missed = np.einsum("ijk,jk->i", measured.matrices, factorisation.solution) - measured.values
        assert factorisation.residual == pytest.approx(np.linalg.norm(missed), rel=1e-3)
        assert factorisation.residual <= tolerance * np.linalg.norm(measured.values) * (1 + 1e-6)


def test_conservation_is_the_largest_miss(monkeypatch):
    # u v = 1, 3/2 and 3/4 in place of 1.
    end = np.array([1.0, 3.0, 0.5, 1.0, 0.5, 1.5])
    monkeypatch.setattr("theory.implicit_bias.diagonal_networks.gradient_flow", lambda *_, **__: end)
    limit = train_diagonal_network(np.eye(3), np.ones(3), 1.0)
    assert limit.conservation == 0.5
    assert limit.solution.tolist() == [0, 8.75, -2]


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan])
def test_scales_that_are_none(scale):
    for call in (
        lambda: l1_excess_bound(np.ones(2), scale),
        lambda: l2_excess_bound(np.ones(2), scale),
        lambda: nuclear_excess_bound(np.eye(2), scale),
        lambda: factorize(np.eye(2)[None], np.ones(1), scale),
        lambda: predicted_factorization(random_commuting_measurements(np.random.default_rng(0), 3, 2, 1), scale),
    ):
        with pytest.raises(ValueError, match="scale must be positive"):
            call()


def test_bounds_of_nothing():
    assert l1_excess_bound(np.zeros(3), 0.1) == nuclear_excess_bound(np.zeros((2, 2)), 0.1) == np.inf
    assert l2_excess_bound(np.zeros(3), 0.1) == 1
    assert l1_excess_bound(np.full(3, 0.5), 1e-4) > 1
    assert nuclear_excess_bound(-np.eye(2), 0.1) == nuclear_excess_bound(np.diag([1.0, -2.0]), 0.1) == np.inf


def test_bounds_are_infinite_where_they_say_nothing():
    assert l1_excess_bound(np.ones(5), 1.0) == np.inf
    assert 1 < l1_excess_bound(np.ones(5), 1e-8) < 1.1
    assert l2_excess_bound(np.ones(5), 0.1) == np.inf
    assert 1 < l2_excess_bound(np.ones(5), 10.0) < 1 + 1e-5
    assert nuclear_excess_bound(np.eye(3), 1.0) == np.inf
    # Denominators of -1/2: L = 1/2 with numbers of mean 1, and 1 - 72/48.
    assert l1_excess_bound(np.ones(5), np.exp(-0.25)) == nuclear_excess_bound(np.eye(3), np.exp(-0.25)) == np.inf
    assert l2_excess_bound(np.array([72**0.5]), 1.0) == np.inf


def test_bounds_where_the_denominator_is_none_or_a_half():
    # log(1/alpha^2) = 1: the denominators are 0. At 3/2 they are 1/2, for numbers and eigenvalues of mean 1.
    none, half = math.exp(-0.5), math.exp(-0.75)
    assert l1_excess_bound(np.ones(5), none) == nuclear_excess_bound(np.eye(3), none) == np.inf
    assert l1_excess_bound(np.ones(5), half) == pytest.approx(2 * (1.5 + math.log(1 + half**2)), rel=1e-14)
    assert nuclear_excess_bound(np.diag([0.5, 1.5]), half) == pytest.approx(1 + 2 * math.log(1.5), rel=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: l1_excess_bound(np.zeros(0), 0.1), "sparse is empty"),
        (lambda: l2_excess_bound(np.zeros(0), 0.1), "solution is empty"),
        (lambda: nuclear_excess_bound(np.zeros((0, 0)), 0.1), "least is empty"),
        (lambda: l1_excess_bound(np.array([1, np.nan]), 0.1), "sparse contains NaN"),
        (lambda: l2_excess_bound(np.array([1, np.nan]), 0.1), "solution contains NaN"),
        (lambda: nuclear_excess_bound(np.full((2, 2), np.nan), 0.1), "least contains NaN"),
        (lambda: nuclear_excess_bound(np.array([[1.0, 100.0], [0.0, 1.0]]), 0.1), "least must be a symmetric matrix"),
        (lambda: nuclear_excess_bound(np.ones((2, 3)), 0.1), "least must be a symmetric matrix"),
        (lambda: factorize(np.array([[[1.0, 1.0], [0.0, 1.0]]]), np.ones(1), 0.1), "matrices must be symmetric"),
        (lambda: factorize(np.ones((1, 2, 3)), np.ones(1), 0.1), "matrices must be symmetric"),
        (lambda: factorize(np.ones((2, 2)), np.ones(2), 0.1), "matrices must be symmetric"),
        (lambda: train_diagonal_network(np.ones((2, 2, 2)), np.ones(2), 0.1), r"X must be \(n, d\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


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


def test_a_path_to_zero_is_named():
    with pytest.raises(ValueError, match="y is zero"):
        initialization_path(np.eye(2, 3), np.zeros(2), [0.1])
