"""Schedules, default step sizes and the limit of divergence, by hand."""

from itertools import product

import numpy as np
import pytest

from theory.least_squares import DivergenceError, InverseDecay, gradient_descent, stochastic_gradient_descent


def test_inverse_decay_by_hand():
    np.testing.assert_allclose(InverseDecay(2.0, 0.5)(np.array([0, 1, 4])), [2, 2 / 3, 2 / 9], rtol=1e-15)


@pytest.mark.parametrize(("batch_size", "curvature"), [(1, 25), (2, 13)])
def test_the_default_step_is_the_inverse_of_the_largest_curvature_of_a_batch(batch_size, curvature):
    """Parallel rows of squared norms 25 and 1: ||X||_2^2 = 26, half of it for a batch of two."""
    X = np.array([[3.0, 4.0], [0.6, 0.8]])
    assert stochastic_gradient_descent(X, [5.0, 1.0], batch_size=batch_size).step_size == pytest.approx(1 / curvature)


@pytest.mark.parametrize(("growth", "diverges"), [(0.99e6, False), (1.01e6, True)])
def test_a_residual_a_million_times_the_first_is_divergence(growth, diverges):
    """w <- (1 - eta) w, and the residual of the second step is looked at before it is taken."""
    options = {"start": [1.0], "step_size": 1 + growth, "max_iterations": 2}
    if diverges:
        with pytest.raises(DivergenceError):
            gradient_descent([[1.0]], [0.0], **options)
    else:
        assert gradient_descent([[1.0]], [0.0], **options).iterations == 2


def test_a_batch_that_repeats_a_row_takes_steps_up_to_that_of_the_row():
    """X = I, b = 5: five different rows have curvature 1/5, five times the same one 1, and 2 is the threshold."""
    X, start = np.eye(10), np.ones(10)
    options = {"batch_size": 5, "replacement": True, "start": start}
    with pytest.raises(DivergenceError, match=r"only up to 2/max \|\|x_i\|\|\^2 = 2$"):
        stochastic_gradient_descent(X, np.zeros(10), step_size=50.0, **options)
    steps = [
        stochastic_gradient_descent(X, np.zeros(10), seed=seed, step_size=9.9, max_iterations=1, **options)
        for seed in range(20)
    ]
    assert max(float(np.linalg.norm(result.solution)) for result in steps) > np.linalg.norm(start)
    with pytest.raises(DivergenceError, match=r"only up to 2/min\(max \|\|x_i\|\|\^2, \|\|X\|\|_2\^2 / b\) = 10$"):
        stochastic_gradient_descent(X, np.zeros(10), step_size=500.0, **{**options, "replacement": False})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_the_default_step_shrinks_the_mean_squared_error_with_replacement(seed, batch_size):
    """All n^b batches, each as probable as the others, against the bound of the module, for rows of unequal lengths."""
    random = np.random.default_rng(seed)
    X, e = random.standard_normal((4, 3)) * [[3.0], [1.0], [1.0], [0.3]], random.standard_normal(3)
    eta = stochastic_gradient_descent(X, np.zeros(4), batch_size=batch_size, replacement=True).step_size
    after = [
        float(np.sum((e - eta * X[list(batch)].T @ (X[list(batch)] @ e) / batch_size) ** 2))
        for batch in product(range(4), repeat=batch_size)
    ]
    hessian = X.T @ X / 4
    curvature = (X**2).sum(axis=1).max() / batch_size + (1 - 1 / batch_size) * np.linalg.norm(hessian, 2)
    assert eta * curvature < 2
    assert np.mean(after) <= (e @ e - eta * (2 - eta * curvature) * (e @ hessian @ e)) * (1 + 1e-12)
