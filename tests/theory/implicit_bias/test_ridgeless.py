import numpy as np
import pytest
from sklearn.linear_model import Ridge

from theory.implicit_bias.ridgeless import (
    asymptotic_risk,
    benign_spectrum,
    double_descent,
    effective_ranks,
    gaussian_risk,
    overfitting_point,
    polynomial_spectrum,
    ridge_solution,
)
from theory.least_squares import minimum_norm_solution


@pytest.mark.parametrize("shape", [(5, 12), (12, 5)])
def test_ridge_agrees_with_scikit_learn(shape):
    random = np.random.default_rng(0)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    reference = Ridge(alpha=0.3, fit_intercept=False, solver="svd").fit(X, y).coef_
    np.testing.assert_allclose(ridge_solution(X, y, 0.3), reference, atol=1e-12)
    np.testing.assert_allclose(ridge_solution(X, y, 1e-12), minimum_norm_solution(X, y), atol=1e-9)


@pytest.mark.parametrize("unit", [1.0, 1e10, 1e-10])
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3)])
def test_ridge_with_a_penalty_of_a_small_singular_value(unit, shape):
    """Singular values 1 and s, penalty s^2: the second direction gets half of y's part over s, the first all of it."""
    s, Q = 1e-8, np.array([[0.6, -0.8], [0.8, 0.6]])
    X, y = np.zeros(shape), np.zeros(shape[0])
    X[:2, :2], y[:2] = unit * (Q * [1, s]) @ Q.T, Q @ [1.0, 1e-8]
    # The entries of X are rounded by 1e-16, which is 1e-8 of s.
    expected = np.zeros(shape[1])
    expected[:2] = Q @ [1.0, 0.5] / unit
    np.testing.assert_allclose(ridge_solution(X, y, (unit * s) ** 2), expected, rtol=1e-6, atol=1e-6 / unit)


def test_ridge_leaves_out_what_no_feature_reaches():
    w = ridge_solution(np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([1.0, 0.0]), 1e-30)
    np.testing.assert_allclose(w, [1 / 25, 2 / 25], rtol=1e-12)


def test_formulas():
    assert asymptotic_risk(1.5, 3, 2) == pytest.approx(3 * (1 - 2 / 3) + 2 / 0.5, rel=1e-14)
    assert asymptotic_risk(0.5, 1, 2) == 2
    assert asymptotic_risk(2, 1, 2) == 2.5
    assert asymptotic_risk(1, 1, 2) == gaussian_risk(10, 10, 1, 2) == gaussian_risk(10, 11, 1, 2) == np.inf
    for gamma in (0.5, 3):
        large = gaussian_risk(10**6, int(gamma * 10**6), 1, 2)
        assert large == pytest.approx(asymptotic_risk(gamma, 1, 2), rel=1e-5)


def test_curve_is_measured_on_top_of_the_formula():
    points = double_descent(20, (5, 20, 60), trials=100, seed=1)
    for point in (points[0], points[2]):
        assert abs(point.risk - point.expected) < 5 * point.standard_error
        assert point.risk == pytest.approx(point.asymptotic, rel=0.3)
    assert points[1].risk > 2 * max(points[0].risk, points[2].risk)
    assert points == double_descent(20, (5, 20, 60), trials=100, seed=1)


def test_effective_ranks_of_equal_eigenvalues():
    ranks = effective_ranks(np.ones(50), 20)
    assert ranks.index == 0
    assert ranks.small == ranks.large == 50
    assert ranks.noise_cost == 20 / 50
    assert effective_ranks(np.ones(50), 51).index is None


def test_effective_ranks_skip_the_head():
    eigenvalues = np.concatenate([[100.0, 90.0], np.ones(40)])
    ranks = effective_ranks(eigenvalues, 30)
    assert ranks.index == 2
    assert ranks.small == pytest.approx(40)
    assert ranks.noise_cost == pytest.approx(2 / 30 + 30 / 40)


def test_noise_is_absorbed_on_one_spectrum_only():
    benign, harmful = (overfitting_point(spectrum(40), 40) for spectrum in (benign_spectrum, polynomial_spectrum))
    assert benign.ranks.noise_cost < 0.4 < harmful.ranks.noise_cost
    assert benign.noise_share < 0.4 < harmful.noise_share
    assert benign.excess_risk + 4 * benign.standard_error < harmful.excess_risk


def test_refusals():
    with pytest.raises(ValueError, match="penalty must be positive"):
        ridge_solution(np.ones((1, 2)), np.ones(1), 0)
    with pytest.raises(ValueError, match="decreasing order"):
        effective_ranks(np.array([1.0, 2.0]), 1)
