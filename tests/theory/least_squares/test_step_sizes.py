"""Schedules, default step sizes and the limit of divergence, by hand."""

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
