import numpy as np
import pytest
import scipy.linalg

from theory.claims import Verdict
from theory.least_squares import certify_minimum_norm, minimum_norm_solution, stochastic_gradient_descent


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((10, 30)), random.standard_normal(10)


@pytest.mark.parametrize("shape", [(10, 30), (30, 10), (10, 10), (1, 5)])
def test_minimum_norm_solution_agrees_with_lapack(shape):
    random = np.random.default_rng(1)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    reference, *_ = scipy.linalg.lstsq(X, y, lapack_driver="gelsd")
    condition = np.linalg.cond(X)
    np.testing.assert_allclose(minimum_norm_solution(X, y), reference, rtol=0, atol=1e-14 * condition**2)


def test_rank_deficient_rows(problem):
    X, y = problem
    doubled, both = np.concatenate([X, X]), np.concatenate([y, y])
    np.testing.assert_allclose(minimum_norm_solution(doubled, both), minimum_norm_solution(X, y), atol=1e-13)


def test_certificate_bounds_the_true_distance(problem):
    X, y = problem
    best, random = minimum_norm_solution(X, y), np.random.default_rng(2)
    for scale in (1e-8, 1e-3, 1.0):
        w = best + scale * random.standard_normal(30)
        distance = np.linalg.norm(w - best)
        certificate = certify_minimum_norm(X, y, w)
        assert distance <= certificate.distance_bound * (1 + 1e-6)
        assert certificate.distance_bound <= 10 * certificate.condition_number * distance


def test_certificate_tells_an_interpolant_of_larger_norm(problem):
    X, y = problem
    null = scipy.linalg.null_space(X)[:, 0]
    certificate = certify_minimum_norm(X, y, minimum_norm_solution(X, y) + 0.5 * null)
    assert certificate.residual < 1e-13
    assert certificate.row_space_distance == pytest.approx(0.5)


def test_sgd_reaches_the_minimum_norm(problem):
    X, y = problem
    result = stochastic_gradient_descent(X, y)
    assert np.linalg.norm(result.solution - minimum_norm_solution(X, y)) <= result.certificate.distance_bound + 1e-14


def test_sgd_off_the_row_space_is_found_out(problem):
    X, y = problem
    result = stochastic_gradient_descent(X, y, start=np.ones(30))
    assert result.residual < 1e-12
    assert result.certificate.row_space_distance > 0.1


def test_too_large_a_step_names_the_threshold(problem):
    X, y = problem
    threshold = 2 / (X**2).sum(axis=1).max()
    with pytest.raises(ValueError, match=f"below 2/max .* = {threshold:.3g}"):
        stochastic_gradient_descent(X, y, step_size=5 * threshold)


def test_shapes_are_checked(problem):
    with pytest.raises(ValueError, match=r"X must be \(n, d\)"):
        stochastic_gradient_descent(problem[0], problem[1][:-1])


@pytest.mark.parametrize("check", ["sgd_reaches_pseudo_inverse", "sgd_reaches_cvxpy", "start_is_kept"])
def test_checks_fail_when_the_claim_is_broken(check, monkeypatch):
    """A solver that leaves the row space must change the verdict."""
    from theory.checks import least_squares

    def broken(X, y, *, start=None, seed=0):
        start = np.zeros(X.shape[1]) if start is None else start
        return stochastic_gradient_descent(X, y, start=start + 1e-3, seed=seed)

    monkeypatch.setattr(least_squares, "stochastic_gradient_descent", broken)
    assert getattr(least_squares, check)(0).verdict is Verdict.DOES_NOT_HOLD
