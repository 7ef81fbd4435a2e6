import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from sklearn.linear_model import Ridge

from theory.implicit_bias.ridgeless import (
    EffectiveRanks,
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


@pytest.mark.parametrize("unit", [1.0, 2.0**90, 2.0**-90, 2.0**300])
def test_ridge_leaves_out_what_no_feature_reaches(unit):
    """All of X = (1, 2)^T (1, 2) but rounding is in one direction, singular value 5; with diag(1, 1e-17), penalty 1
    and a label there alone, nothing else is in the solution."""
    w = ridge_solution(unit * np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([1.0, 0.0]), 1e-30 * unit**2)
    np.testing.assert_allclose(w, np.array([1 / 25, 2 / 25]) / unit, rtol=1e-12)
    w = ridge_solution(unit * np.diag([1.0, 1e-17]), np.array([0.0, 1.0]), unit**2)
    np.testing.assert_allclose(w, np.array([0.0, 1e-17]) / unit, rtol=1e-12)
    assert not ridge_solution(unit * np.diag([1.0, 0.0]), np.array([0.0, 1.0]), 1e-300).any()


def exact_ridge(X, y, penalty):
    """w_lambda over the rational numbers, by the other formula, X^T (X X^T + lambda I)^-1 y."""
    n, d = X.shape

    def rationals(rows, columns, values):
        return fmpq_mat(rows, columns, [fmpq(*map(int, float(value).as_integer_ratio())) for value in values])

    matrix, ridge = rationals(n, d, X.ravel()), rationals(n, n, (penalty * np.eye(n)).ravel())
    solution = matrix.transpose() * (matrix * matrix.transpose() + ridge).solve(rationals(n, 1, y))
    return np.array([int(value.p) / int(value.q) for value in solution.entries()])


@pytest.mark.parametrize("penalty", [1e-40, 1e-34, 1e-32, 1e-30])
@pytest.mark.parametrize("shape", [(4, 9), (9, 4)])
def test_a_penalty_among_rows_or_columns_of_very_different_sizes(shape, penalty):
    """One of four rows, or columns, is 1e-16 of the others: penalties from where it counts to where it is nothing."""
    random = np.random.default_rng(0)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    if shape[0] < shape[1]:
        X[3], y[3] = 1e-16 * X[3], 1e-16 * y[3]
    else:
        X[:, 3] *= 1e-16
    w = ridge_solution(X, y, penalty)
    np.testing.assert_allclose(w, exact_ridge(X, y, penalty), rtol=1e-12, atol=0)
    best, smallest = minimum_norm_solution(X, y), 1e-16 * 0.5
    assert np.linalg.norm(w - best) <= penalty / (smallest**2 + penalty) * np.linalg.norm(best) + 1e-12


def test_ridge_of_outputs_far_apart():
    random = np.random.default_rng(0)
    X, y = random.standard_normal((4, 9)), random.standard_normal(4)
    both = ridge_solution(X, np.stack([np.ldexp(y, 990), np.ldexp(y, -990)], axis=1), 0.5)
    alone = ridge_solution(X, y, 0.5)
    np.testing.assert_allclose(np.ldexp(both, [-990, 990]), np.stack([alone, alone], axis=1), rtol=1e-13)


def test_formulas():
    assert asymptotic_risk(1.5, 3, 2) == pytest.approx(3 * (1 - 2 / 3) + 2 / 0.5, rel=1e-14)
    assert asymptotic_risk(0.5, 1, 2) == 2
    assert asymptotic_risk(2, 1, 2) == 2.5
    assert gaussian_risk(1, 3, 0, 1) == gaussian_risk(3, 1, 0, 1) == pytest.approx(1)  # E 1 / chi^2_3 = 1
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


def test_standard_errors_are_how_far_means_spread():
    """The spread of 60 means is known to a tenth, and the means of 20 errors are as well."""
    curve = [double_descent(20, (5,), trials=20, seed=seed)[0] for seed in range(60)]
    points = [overfitting_point(np.full(30, 3.0), 10, trials=20, seed=seed) for seed in range(60)]
    for means, errors in (
        ([point.risk for point in curve], [point.standard_error for point in curve]),
        ([point.excess_risk for point in points], [point.standard_error for point in points]),
    ):
        assert np.std(means, ddof=1) == pytest.approx(np.mean(errors), rel=0.4)


def test_overfitting_of_equal_eigenvalues_has_the_risk_in_closed_form():
    """Features of variance 3 are those of variance 1 times sqrt(3): the signal is 3, and the noise costs the same."""
    point = overfitting_point(np.full(40, 3.0), 10, trials=1000)
    assert abs(point.excess_risk - gaussian_risk(10, 40, 3.0, 1.0)) < 4 * point.standard_error
    assert point.standard_error < 0.04 * point.excess_risk
    assert point.noise_share == pytest.approx(gaussian_risk(10, 40, 0.0, 1.0), rel=0.02)


def test_spectra_by_hand():
    np.testing.assert_allclose(benign_spectrum(4), [np.exp(-k / 2) + 1 / 4 for k in (1, 2, 3, 4)], rtol=1e-15)
    np.testing.assert_allclose(polynomial_spectrum(4), [1, 1 / 4, 1 / 9, 1 / 16], rtol=1e-15)
    for spectrum, first in ((benign_spectrum, np.exp(-0.5) + 1), (polynomial_spectrum, 1.0)):
        np.testing.assert_allclose(spectrum(2), [first], rtol=1e-15)
        assert len(spectrum(5)) == 6


def test_smallest_curves_and_samples():
    (point,) = double_descent(1, (1,), signal=2.0, noise=0.0, trials=2)
    assert (point.features, point.gamma, point.expected) == (1, 1, 0)
    assert point.risk == pytest.approx(0, abs=1e-28)  # x w = x beta
    assert double_descent(4, (6,), trials=2)[0].gamma == 1.5
    assert overfitting_point(np.ones(1), 1, trials=2).samples == 1


def test_effective_ranks_of_equal_eigenvalues():
    ranks = effective_ranks(np.ones(50), 20)
    assert ranks.index == 0
    assert ranks.small == ranks.large == 50
    assert ranks.noise_cost == 20 / 50
    assert effective_ranks(np.ones(50), 51) == EffectiveRanks(None, 0.0, 0.0, 1.0)
    # r_0 = 1.03 is below n = 3, r_1 = R_1 = 3: 1/3 + 3/3 is more than the noise itself.
    assert effective_ranks(np.array([100.0, 1.0, 1.0, 1.0]), 3) == EffectiveRanks(1, 3.0, 3.0, 1.0)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge_solution(np.ones((1, 2)), np.ones(1), 0), "penalty must be positive"),
        (lambda: gaussian_risk(5, -2, 1, 1), "n and d must be at least 1, got 5 and -2"),
        (lambda: gaussian_risk(0, 5, 1, 1), "n and d must be at least 1, got 0 and 5"),
        (lambda: asymptotic_risk(0.0, 1, 1), "gamma must be positive"),
        (lambda: asymptotic_risk(2.0, -0.5, 1), "signal and noise must be"),
        (lambda: gaussian_risk(5, 9, 1, -0.5), "signal and noise must be"),
        (lambda: double_descent(5, (3,), signal=-1.0), "signal and noise must be"),
        (lambda: double_descent(5, (3, 0)), "at least 1"),
        (lambda: overfitting_point(np.ones(3), 0), r"n must be in 1 \.\. d = 3"),
        (lambda: overfitting_point(np.ones(3), 2, trials=1), "trials at least 2"),
        (lambda: effective_ranks(np.ones(3), 1, 0.0), "b positive"),
        (lambda: effective_ranks(np.array([1.0, 2.0]), 1), "decreasing order"),
        (lambda: effective_ranks(np.array([1.0, 0.0]), 1), "must be positive"),
        (lambda: polynomial_spectrum(1), "n must be at least 2"),
        (lambda: benign_spectrum(1), "n must be at least 2"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
