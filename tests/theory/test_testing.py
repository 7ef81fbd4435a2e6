import numpy as np
import pytest
import scipy.linalg
import torch

from theory.least_squares import minimum_norm_solution
from theory.testing import assert_interpolates, assert_minimum_norm


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((6, 15)), random.standard_normal(6)


def test_minimum_norm_passes(problem):
    X, y = problem
    assert_minimum_norm(minimum_norm_solution(X, y), X, y)
    assert_minimum_norm(torch.tensor(minimum_norm_solution(X, y)), torch.tensor(X), torch.tensor(y))
    outputs = np.stack([y, 2 * y], axis=1)
    assert_minimum_norm(minimum_norm_solution(X, outputs), X, outputs)
    assert_minimum_norm(minimum_norm_solution(X, y).astype(np.float32), X, y, rtol=1e-5)


def test_an_interpolant_of_larger_norm(problem):
    X, y = problem
    w = minimum_norm_solution(X, y)
    larger = w + 0.5 * scipy.linalg.null_space(X)[:, 0]
    with pytest.raises(AssertionError) as failure:
        assert_minimum_norm(larger, X, y)
    message = str(failure.value)
    assert "its norm is not minimal" in message
    assert "distance from the row space: 0.5, allowed" in message
    assert f"||w|| = {np.linalg.norm(larger):.6g}, without that part {np.linalg.norm(w):.6g}" in message


def test_not_a_solution_says_which_equation(problem):
    X, y = problem
    wrong = y.copy()
    wrong[4] += 3
    with pytest.raises(AssertionError, match=r"(?s)not solve Xw = y: 1 of 6 .*largest error 3, at row 4, output 0"):
        assert_minimum_norm(minimum_norm_solution(X, wrong), X, y)


def test_weights_that_are_not_finite(problem):
    X, y = problem
    w = minimum_norm_solution(X, y)
    w[7] = np.nan
    with pytest.raises(AssertionError, match=r"w is not finite: nan at \(7,\), 1 such"):
        assert_minimum_norm(w, X, y)


def test_shapes_of_weights(problem):
    X, y = problem
    with pytest.raises(ValueError, match=r"w must have shape \(15,\)"):
        assert_minimum_norm(np.zeros(6), X, y)


def test_interpolates(problem):
    X, y = problem
    w = minimum_norm_solution(X, y)
    assert_interpolates(lambda points: points @ w, X, y)
    assert_interpolates(lambda points: (points @ w)[:, None], X, y)
    module = torch.nn.Linear(15, 1, bias=False, dtype=torch.float64)
    module.weight.data = torch.tensor(w[None])
    assert_interpolates(module, torch.tensor(X), torch.tensor(y))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p + np.eye(6)[2] * 0.25, r"(?s)1 of 6 values are off .*largest error 0\.25, at row 2: got"),
        (lambda p: np.where(np.arange(6) == 5, np.nan, p), "largest error nan, at row 5"),
        (lambda p: p[:5], r"predictions have shape \(5,\), labels \(6,\)"),
    ],
)
def test_does_not_interpolate(problem, change, message):
    X, y = problem
    w = minimum_norm_solution(X, y)
    with pytest.raises(AssertionError, match=message):
        assert_interpolates(lambda points: change(points @ w), X, y)
    assert_interpolates(lambda points: points @ w + 0.25, X, y, atol=0.3)
