import numpy as np
import pytest

from theory.implicit_bias.adaptive_methods import adaptive_limit, wilson_problem, wilson_unseen
from theory.implicit_bias.optimizers import UnderdeterminedProblem
from theory.least_squares import minimum_norm_solution


@pytest.mark.parametrize(("positives", "negatives"), [(2, 1), (7, 3), (9, 8)])
def test_the_example_meets_the_lemma(positives, negatives):
    problem = wilson_problem(positives, negatives)
    np.testing.assert_array_equal(problem.X @ np.sign(problem.X.T @ problem.y), 4 * problem.y)
    limit = adaptive_limit(problem)
    np.testing.assert_allclose(problem.X @ limit, problem.y)
    assert set(np.abs(limit)) == {0.0, 0.25}
    np.testing.assert_allclose(wilson_unseen(problem) @ limit, [0.75, 0.25])


def test_minimum_norm_on_the_example_is_the_papers():
    """Wilson et al. 2017: w = sum of alpha_+ over positives and alpha_- over negatives, in closed form."""
    positives, negatives = 7, 3
    problem = wilson_problem(positives, negatives)
    denominator = 15 * positives + 3 * negatives + 8 * positives * negatives + 5
    alpha = np.where(problem.y > 0, 4 * negatives + 5, -(4 * positives + 1)) / denominator
    np.testing.assert_allclose(minimum_norm_solution(problem.X, problem.y), problem.X.T @ alpha, atol=1e-14)


def test_refusals():
    with pytest.raises(ValueError, match="more positives than negatives"):
        wilson_problem(3, 3)
    random = np.random.default_rng(0)
    with pytest.raises(ValueError, match="not a positive multiple of y"):
        adaptive_limit(UnderdeterminedProblem("Gaussian", random.standard_normal((3, 8)), random.standard_normal(3)))
