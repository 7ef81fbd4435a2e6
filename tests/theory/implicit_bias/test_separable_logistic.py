import numpy as np
import pytest

from theory.implicit_bias.separable_logistic import (
    direction_curve,
    direction_error,
    logistic_adam,
    logistic_flow,
    logistic_gradient_descent,
    margin,
    max_margin,
    mean_interval,
    separable_data,
)


@pytest.fixture
def rows():
    return separable_data(np.random.default_rng(0), 20, 4)


def test_max_margin_of_two_points_is_known():
    best = max_margin(np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(best.separator, [1, 1], atol=1e-6)
    np.testing.assert_allclose(best.dual, [1, 1], atol=1e-6)
    assert best.margin == pytest.approx(2**-0.5)
    assert max_margin(np.array([[1.0, 0.0], [0.0, 1.0]]), np.inf).margin == pytest.approx(1)


@pytest.mark.parametrize("p", [2, np.inf])
def test_no_direction_has_a_larger_margin(rows, p):
    best = max_margin(rows, p)
    assert margin(rows, best.separator, p) == pytest.approx(best.margin, rel=1e-6)
    random = np.random.default_rng(1)
    for _ in range(50):
        assert margin(rows, best.separator + 0.1 * random.standard_normal(4), p) <= best.margin + 1e-8


def test_certificate_of_the_separator(rows):
    best = max_margin(rows)
    assert best.stationarity < 1e-6
    assert best.dual.min() > -1e-8
    assert best.dual.sum() == pytest.approx(best.separator @ best.separator, rel=1e-6)  # duality gap zero


def test_strict_complementarity_finds_a_point_that_is_nearly_a_support_vector():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert max_margin(rows).strict_complementarity == pytest.approx(1, abs=1e-5)
    rows[2] = 0.505
    assert max_margin(rows).strict_complementarity == pytest.approx(0.01, abs=1e-5)


def test_data_that_cannot_be_separated_are_refused():
    with pytest.raises(ValueError, match="no hyperplane through the origin"):
        max_margin(np.array([[1.0, 0.0], [-1.0, 0.0]]))


def test_flow_in_one_dimension_is_known():
    """dw/dt = 1/(1 + e^w): w + e^w = t + 1."""
    w = logistic_flow(np.ones((1, 1)), [0.0, 5.0, 50.0])[:, 0]
    np.testing.assert_allclose(w + np.exp(w), np.exp([0.0, 5.0, 50.0]) + 1, rtol=1e-6)


def test_gradient_descent_follows_the_flow(rows):
    w, step_size = logistic_gradient_descent(rows, 3000)
    (flow,) = logistic_flow(rows, [np.log(3000 * step_size)])
    assert direction_error(w, flow) < 1e-3
    assert direction_error(w, max_margin(rows).separator) > 10 * direction_error(w, flow)


def test_rate_is_one_over_log_t(rows):
    curve = direction_curve(rows, np.geomspace(1e4, 1e6, 10))
    assert curve.slope == pytest.approx(-1, abs=0.02)
    assert curve.offset_error < 1e-3


def test_adam_finds_another_separator():
    rows = separable_data(np.random.default_rng(2), 10, 20)
    best = max_margin(rows, np.inf).margin
    assert margin(rows, logistic_adam(rows, 3000, beta2=0.9), np.inf) > 0.97 * best
    assert margin(rows, logistic_flow(rows, [1e4])[0], np.inf) < 0.9 * best


def test_mean_interval_is_students():
    low, high = mean_interval([1.0, 2.0, 3.0], 0.95)
    assert (low, high) == (pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4), pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-4))
