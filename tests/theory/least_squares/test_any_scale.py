"""Least squares in any unit: the same bits times a power of two; certificates that claim no rank they cannot prove."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.least_squares import (
    METHODS,
    certify_minimum_norm,
    gradient_descent,
    heavy_ball,
    minimum_norm_solution,
    nesterov,
    randomized_kaczmarz,
    sgd_mean_squared_error,
    solve_convex_program,
    stochastic_gradient_descent,
)
from theory.least_squares.estimators import MinimumNormRegressor
from theory.testing import assert_minimum_norm

SOLVERS = [stochastic_gradient_descent, randomized_kaczmarz, gradient_descent, heavy_ball, nesterov]
exponents = st.integers(-500, 500)


def sample(n=4, d=9, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)), random.standard_normal(n)


# Two columns that are independent, though the second is below rounding of the first times the condition of raw data.
TIMES = 1.7e9 + 600 * np.arange(7)
TREND = np.stack([TIMES, np.ones(7)], axis=1), 2 * TIMES - 1e9


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=15, deadline=None)
@given(a=exponents, b=exponents)
def test_solvers_do_not_mind_units(solver, a, b):
    X, y = sample()
    plain, scaling = solver(X, y), solver(np.ldexp(X, a), np.ldexp(y, b))
    assert scaling.converged
    np.testing.assert_array_equal(scaling.solution, np.ldexp(plain.solution, b - a))
    np.testing.assert_array_equal(scaling.reference, np.ldexp(plain.reference, b - a))
    np.testing.assert_allclose(scaling.residual, np.ldexp(plain.residual, b), rtol=1e-12, atol=0)
    np.testing.assert_allclose(scaling.distance, np.ldexp(plain.distance, b - a), rtol=1e-12, atol=0)
    bound = np.ldexp(plain.certificate.distance_bound, b - a)
    np.testing.assert_allclose(scaling.certificate.distance_bound, bound, rtol=1e-12, atol=0)
    if solver is not randomized_kaczmarz:
        assert scaling.step_size == np.ldexp(plain.step_size, -2 * a)
        size = np.ldexp(plain.step_size, -2 * a)
        for given_size in (size, lambda steps: np.full(steps.shape, size)):
            again = solver(np.ldexp(X, a), np.ldexp(y, b), step_size=given_size)
            np.testing.assert_array_equal(again.solution, scaling.solution)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(a=exponents, b=exponents)
def test_references_do_not_mind_units(method, a, b):
    X, y = sample()
    plain, scaling = (
        minimum_norm_solution(X, y, method),
        minimum_norm_solution(np.ldexp(X, a), np.ldexp(y, b), method),
    )
    tolerance = 1e-6 if method == "cvxpy" else 0
    np.testing.assert_allclose(scaling, np.ldexp(plain, b - a), rtol=tolerance, atol=0)
    if method == "cvxpy":
        w, dual = solve_convex_program(np.ldexp(X, a), np.ldexp(y, b))
        if -900 < b - 2 * a < 900:
            np.testing.assert_allclose(np.ldexp(X.T @ np.ldexp(dual, 2 * a - b), b - a), w, rtol=1e-4)


@settings(max_examples=15, deadline=None)
@given(a=exponents, b=exponents)
def test_a_start_does_not_mind_units(a, b):
    X, y = sample()
    start = np.random.default_rng(1).standard_normal(9)
    plain = gradient_descent(X, y, start=start).solution
    scaling = gradient_descent(np.ldexp(X, a), np.ldexp(y, b), start=np.ldexp(start, b - a)).solution
    np.testing.assert_allclose(scaling, np.ldexp(plain, b - a), rtol=1e-13, atol=0)


def test_the_mean_squared_error_does_not_mind_units():
    X, y = sample(8, 3)
    plain = sgd_mean_squared_error(X, y, [0.1, 0.05])
    scaling = sgd_mean_squared_error(X * 2.0**200, y * 2.0**-200, [0.1 * 2.0**-400, 0.05 * 2.0**-400])
    np.testing.assert_allclose(scaling, plain * 2.0**-800, rtol=1e-13, atol=0)


@pytest.mark.parametrize("scale", [1e-170, 1e-160, 1e-155, 1e155, 1e160])
@pytest.mark.parametrize("solver", SOLVERS)
def test_labels_whose_squares_leave_float64(solver, scale):
    X, y = sample()
    result = solver(X, y * scale)
    assert result.converged
    assert result.iterations > 0
    right = minimum_norm_solution(X, y)
    np.testing.assert_allclose(result.solution / scale, right, rtol=1e-12)
    assert_minimum_norm(result.solution, X, y * scale)
    with pytest.raises(AssertionError, match="does not solve"):
        assert_minimum_norm(result.solution * 1.02, X, y * scale)
    assert certify_minimum_norm(X, y * scale, result.solution * 1.02).distance_bound >= 0.02 * scale


@pytest.mark.parametrize("method", ["svd", "gelsd", "gelsy"])
def test_a_trend_far_from_the_origin(method):
    X, y = TREND
    w = minimum_norm_solution(X, y, method)
    certificate = certify_minimum_norm(X, y, w)
    assert certificate.rank == 2
    assert certificate.rank_proved
    # eps cond of the columns brought to one size, 4e6, of unknowns as large as 1e9.
    assert np.linalg.norm(w - [2, -1e9]) <= certificate.distance_bound < 1e3
    assert w[0] == pytest.approx(2, rel=1e-8)
    assert certify_minimum_norm(X, y, [1.41, 8e-10]).distance_bound >= 1e9
    assert_minimum_norm([2, -1e9], X, y)
    with pytest.raises(AssertionError):
        assert_minimum_norm([1.41, 8e-10], X, y)


@pytest.mark.parametrize("small", [1e-20, 1e-150, 1e-200])
def test_a_diagonal_of_very_different_numbers(small):
    X = np.diag([small, 1.0])
    exact = [1 / small, 1.0]
    assert_minimum_norm(exact, X, [1.0, 1.0])
    np.testing.assert_allclose(minimum_norm_solution(X, [1.0, 1.0]), exact, rtol=1e-14)
    assert certify_minimum_norm(X, [1.0, 1.0], exact).distance_bound <= 1e-10 / small


def test_a_rank_that_was_cut_leaves_no_bound():
    random = np.random.default_rng(3)
    X = random.standard_normal((6, 3)) @ random.standard_normal((3, 8))  # of full rank by rounding alone
    y = X @ random.standard_normal(8)
    certificate = certify_minimum_norm(X, y, minimum_norm_solution(X, y))
    assert (certificate.rank, certificate.rank_proved, certificate.distance_bound) == (3, False, np.inf)
    assert "3 singular values are above rounding, and the others are not proved to be zero" in str(certificate)


def test_a_rank_that_is_proved():
    X, y = sample(3, 8)
    twice, labels = np.concatenate([X, X, np.zeros((1, 8))]), np.concatenate([y, y, [0.0]])
    certificate = certify_minimum_norm(twice, labels, minimum_norm_solution(X, y))
    assert (certificate.rank, certificate.rank_proved) == (3, True)
    assert certificate.distance_bound < 1e-13
    assert "by at most" in str(certificate)
    many = np.concatenate([np.random.default_rng(0).standard_normal((50, 120))] * 2)
    large = certify_minimum_norm(many, np.zeros(100), np.zeros(120))
    assert not large.rank_proved, "too large for exact elimination"


@settings(max_examples=20, deadline=None)
@given(columns=st.lists(exponents, min_size=3, max_size=3))
def test_columns_in_any_units(columns):
    X, y = sample(8, 3)
    plain = minimum_norm_solution(X, y)
    scaling = minimum_norm_solution(np.ldexp(X, columns), y)
    np.testing.assert_allclose(np.ldexp(scaling, columns), plain, rtol=1e-9)
    assert_minimum_norm(
        np.ldexp(minimum_norm_solution(X, X @ plain), np.negative(columns)), np.ldexp(X, columns), X @ plain
    )


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(exponents, min_size=4, max_size=4))
def test_equations_in_any_units(rows):
    X, y = sample()
    scaling = minimum_norm_solution(np.ldexp(X, np.array(rows)[:, None]), np.ldexp(y, rows))
    np.testing.assert_allclose(scaling, minimum_norm_solution(X, y), rtol=1e-9)


def test_features_that_are_constant_have_no_coefficient():
    random = np.random.default_rng(0)
    X = np.column_stack([random.standard_normal(20), np.full(20, 0.1)])
    y = random.standard_normal(20)
    model = MinimumNormRegressor().fit(X, y)
    assert model.coef_[1] == 0
    np.testing.assert_allclose(model.coef_[0], np.polyfit(X[:, 0], y, 1)[0], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint16, np.int64, bool])
def test_dtypes_are_the_numbers_that_they_hold(dtype):
    random = np.random.default_rng(5)
    X = random.integers(0, 2, (3, 6)).astype(dtype)
    y = np.array([1, 0, 1]).astype(dtype)
    np.testing.assert_array_equal(minimum_norm_solution(X, y), minimum_norm_solution(X.astype(float), y.astype(float)))


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)), distance=st.sampled_from([0.0, 1e-15, 1e-9, 1e-6]))
def test_order_duplicates_and_near_duplicates(order, distance):
    X, y = sample(4, 9)
    X = np.concatenate([X, X[:2] + distance * np.ones(9)])
    y = np.append(y, X[4:] @ minimum_norm_solution(X[:4], y))
    shuffled, labels = X[list(order)], y[list(order)]
    for solution in (minimum_norm_solution(shuffled, labels), stochastic_gradient_descent(shuffled, labels).solution):
        certificate = certify_minimum_norm(shuffled, labels, solution)
        # What was asked for is solved; a bound, where there is one, is true.
        assert certificate.residual <= 1e-8
        exact = minimum_norm_solution(X[:4], y[:4])
        assert np.linalg.norm(solution - exact) <= max(certificate.distance_bound, 1e-6)


FAR_UNITS = [(200, -400), (300, -300), (120, -450), (0, -600), (260, -260), (-300, 300)]


@pytest.mark.parametrize(("a", "b"), FAR_UNITS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_of_zeros_is_no_start(solver, a, b):
    X, y = sample()
    X, y = np.ldexp(X, a), np.ldexp(y, b)
    result = solver(X, y, start=np.zeros(9))
    np.testing.assert_array_equal(result.solution, solver(X, y).solution)
    np.testing.assert_allclose(result.solution, minimum_norm_solution(X, y), rtol=1e-13, atol=0)


@pytest.mark.parametrize(("a", "b"), FAR_UNITS)
def test_the_mean_squared_error_from_a_start_of_zeros(a, b):
    X, y = sample(8, 3)
    steps = np.ldexp([0.1, 0.05], -2 * a)
    X, y = np.ldexp(X, a), np.ldexp(y, b)
    from_zero = sgd_mean_squared_error(X, y, steps, start=np.zeros(3))
    np.testing.assert_array_equal(from_zero, sgd_mean_squared_error(X, y, steps))


def test_labels_of_zeros_leave_the_unit_to_the_start():
    """The start's part in the row space, 2^-600, is taken away: its square is not a residual of zero."""
    X, _ = sample()
    start = np.random.default_rng(1).standard_normal(9)
    projected = start - np.linalg.pinv(X) @ (X @ start)
    result = gradient_descent(X, np.zeros(4), start=np.ldexp(start, -600))
    np.testing.assert_allclose(np.ldexp(result.solution, 600), projected, rtol=1e-12, atol=1e-13)


def test_a_candidate_of_zeros_is_as_far_as_the_solution():
    X, y = np.diag([2.0**800, 2.0**-200]), [0.0, 2.0**-300]  # w* = (0, 2^-100)
    assert 2.0**-100 <= certify_minimum_norm(X, y, np.zeros(2)).distance_bound <= 1.001 * 2.0**-100
    with pytest.raises(AssertionError, match="does not solve"):
        assert_minimum_norm(np.zeros(2), X, y)


@pytest.mark.parametrize("method", METHODS)
def test_outputs_far_apart_are_solved_each_in_its_unit(method):
    X, y = sample()
    both = minimum_norm_solution(X, np.stack([np.ldexp(y, 990), np.ldexp(y, -990)], axis=1), method)
    alone = minimum_norm_solution(X, y, method)
    tolerance = 1e-6 if method == "cvxpy" else 1e-13
    np.testing.assert_allclose(np.ldexp(both, [-990, 990]), np.stack([alone, alone], axis=1), rtol=tolerance, atol=0)
    if method == "cvxpy":
        w, dual = solve_convex_program(X, np.stack([np.ldexp(y, 990), np.ldexp(y, -990)], axis=1))
        np.testing.assert_allclose(np.ldexp(X.T @ np.ldexp(dual, [-990, 990]), [990, -990]), w, rtol=1e-4)
