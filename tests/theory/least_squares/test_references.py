"""Independent references agree to what conditioning allows; the certificate and exact arithmetic judge them."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg

from theory.least_squares import (
    METHODS,
    certify_minimum_norm,
    exact_minimum_norm_solution,
    minimum_norm_solution,
    sgd_mean_squared_error,
    solve_convex_program,
    verify_minimum_norm_exactly,
)
from theory.least_squares.certificate import _smallest_singular_value
from theory.least_squares.exact import exact_null_vector, exact_rank, exact_squared_norm
from theory.least_squares.references import RowSpace

EPS = np.finfo(np.float64).eps


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    return random.standard_normal((10, 30)), random.standard_normal(10)


@pytest.mark.parametrize("condition", [10, 1e3, 1e6])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("outputs", [None, 2])
def test_references_are_as_accurate_as_conditioning_allows(condition, method, outputs):
    random = np.random.default_rng(1)
    n, d = 8, 20
    left, right = (np.linalg.qr(random.standard_normal((m, n)))[0] for m in (n, d))
    X = (left * np.geomspace(1, 1 / condition, n)) @ right.T
    y = X @ random.standard_normal((d,) if outputs is None else (d, outputs))
    columns = y.reshape(n, -1).T
    exact = np.array([[float(value) for value in exact_minimum_norm_solution(X, column)] for column in columns]).T
    w = minimum_norm_solution(X, y, method)
    assert w.shape == ((d,) if outputs is None else (d, 2))
    error = np.linalg.norm(w.reshape(d, -1) - exact)
    if method != "cvxpy":
        assert error <= 4 * EPS * (n + d) * condition * np.linalg.norm(exact)
    assert error <= certify_minimum_norm(X, y, w).distance_bound


@pytest.mark.parametrize("shape", [(10, 30), (30, 10), (10, 10), (1, 5), (5, 1)])
@pytest.mark.parametrize("method", ["svd", "gelsd", "gelsy"])
def test_any_shape_and_rank(shape, method):
    random = np.random.default_rng(2)
    rank = max(1, min(shape) // 2)
    deficient = random.standard_normal((shape[0], rank)) @ random.standard_normal((rank, shape[1]))
    for X in (random.standard_normal(shape), deficient, np.zeros(shape)):
        y = random.standard_normal(shape[0])
        np.testing.assert_allclose(minimum_norm_solution(X, y, method), scipy.linalg.pinv(X) @ y, atol=1e-11)


def test_methods_that_do_not_apply(problem):
    X, y = problem
    with pytest.raises(ValueError, match="'gram' needs linearly independent rows, X is 20 x 30"):
        minimum_norm_solution(np.concatenate([X, X]), np.concatenate([y, y]), "gram")
    with pytest.raises(ValueError, match="either Xw = y has no solution"):
        minimum_norm_solution([[1.0], [1.0]], [0.0, 1.0], "cvxpy")
    with pytest.raises(ValueError, match=r"method must be one of svd, .* got 'qr'"):
        minimum_norm_solution(X, y, "qr")


def test_dual_variable(problem):
    X, y = problem
    w, alpha = solve_convex_program(X, y)
    np.testing.assert_allclose(X.T @ alpha, w, atol=1e-7)
    np.testing.assert_allclose(X @ X.T @ alpha, y, atol=1e-6)
    certificate = certify_minimum_norm(X, y, minimum_norm_solution(X, y))
    np.testing.assert_allclose(certificate.dual, alpha, atol=1e-7)
    assert abs(certificate.gap) < 1e-14


@pytest.mark.parametrize("shape", [(6, 14), (14, 6)])
def test_certificate_bounds_the_exact_distance(shape):
    random = np.random.default_rng(3)
    X = random.integers(-9, 10, shape)
    y = X @ random.integers(-9, 10, shape[1])
    best = minimum_norm_solution(X, y)
    for scale in (0, 1e-13, 1e-8, 1e-3, 1.0):
        w = best + scale * random.standard_normal(shape[1])
        certificate = certify_minimum_norm(X, y, w)
        exact = verify_minimum_norm_exactly(X, y, w).squared_distance
        assert exact <= Fraction(certificate.distance_bound) ** 2
        assert certificate.distance_bound <= 10 * certificate.condition_number * (float(exact) ** 0.5 + 1e-13)


def test_the_certificate_of_a_zero_matrix():
    # Every w is a least-squares solution, the least of them is 0.
    certificate = certify_minimum_norm(np.zeros((2, 3)), [3.0, 4.0], [0.0, 2.0, 0.0])
    assert (certificate.residual, certificate.row_space_distance, certificate.rank) == (5, 2, 0)
    assert (certificate.condition_number, certificate.smallest_singular_value) == (1, np.inf)
    assert certificate.rank_proved
    assert 2 <= certificate.distance_bound <= 2 * (1 + 1e-12)


def test_full_rank_is_a_proof_of_the_rank_whatever_the_size():
    X = np.random.default_rng(8).standard_normal((70, 80))  # exact elimination is not tried
    certificate = certify_minimum_norm(X, X @ np.ones(80), np.ones(80))
    assert (certificate.rank, certificate.rank_proved) == (70, True)
    assert np.isfinite(certificate.distance_bound)


def test_what_rounding_hides_in_a_residual_is_in_the_bound():
    # 3 times the float next to 1/3 is rounded to 1: the residual is 0 as computed. The columns are scaled.
    X, y, w = np.diag([1e-20, 3.0]), np.array([1e-20, 1.0]), np.array([1.0, 1 / 3])
    certificate = certify_minimum_norm(X, y, w)
    exact = Fraction(1, 3) - Fraction(1 / 3)
    assert (certificate.residual, certificate.row_space_distance) == (0, 0)
    assert abs(exact) <= Fraction(certificate.distance_bound) < 1e6, "times the largest factor of a column, 2^66"


def test_conditioning_beyond_rounding_leaves_no_bound():
    Q = np.array([[0.6, -0.8], [0.8, 0.6]])
    X = (Q * [1.0, 1e-15]) @ Q.T
    certificate = certify_minimum_norm(X, X @ [1.0, 1.0], [1.0, 1.0])
    assert (certificate.rank, certificate.smallest_singular_value, certificate.distance_bound) == (2, 0, np.inf)


def test_the_gap_counts_what_is_missed_of_the_labels():
    # w = 2 w*: ||w||^2 = 16 and alpha = 4/5, so 16 - (2 10 4/5 - 16) = 16.
    certificate = certify_minimum_norm([[3.0, 0.0, 4.0]], [10.0], [2.4, 0.0, 3.2])
    assert certificate.gap == pytest.approx(16, rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(300, -200), (-300, 200), (0, 400)])
def test_every_number_of_a_certificate_has_its_unit(a, b):
    random = np.random.default_rng(9)
    X, y, w = random.standard_normal((3, 5)), random.standard_normal(3), random.standard_normal(5)
    plain = certify_minimum_norm(X, y, w)
    rescaled = certify_minimum_norm(np.ldexp(X, a), np.ldexp(y, b), np.ldexp(w, b - a))
    for name, unit in (
        ("residual", b),
        ("residual_bound", b),
        ("row_space_distance", b - a),
        ("row_space_bound", b - a),
        ("distance_bound", b - a),
        ("smallest_singular_value", a),
        ("condition_number", 0),
        ("gap", 2 * (b - a)),
        ("dual", b - 2 * a),
    ):
        if abs(unit) < 1000:
            expected = np.ldexp(getattr(plain, name), unit)
            np.testing.assert_allclose(getattr(rescaled, name), expected, rtol=1e-13, err_msg=name)


def test_the_smallest_singular_value_is_bounded_from_any_factors():
    # U = 11/10 of a rotation: ||U^T U - I||_F = 0.21 sqrt(2), and U S V is 1/10 of X away from X.
    X = np.array([[0.6, -0.8], [0.8, 0.6]])
    for left, right in ((1.1 * X, np.eye(2)), (X, 1.1 * np.eye(2))):
        bound = _smallest_singular_value(X, RowSpace(left, np.ones(2), right))
        right_value = np.sqrt(1 - 0.21 * np.sqrt(2)) - 0.1 * np.sqrt(2)
        assert bound == pytest.approx(right_value, rel=1e-12)
    assert _smallest_singular_value(X, RowSpace(2 * X, np.ones(2), np.eye(2))) == 0


def test_bounds_of_the_parts_hold_exactly():
    random = np.random.default_rng(4)
    X, y, w = random.standard_normal((5, 12)), random.standard_normal(5), random.standard_normal(12)
    certificate = certify_minimum_norm(X, y, w)
    rational = [[Fraction(v) for v in row] for row in X.tolist()]
    residuals = [
        sum(a * Fraction(b) for a, b in zip(row, w.tolist(), strict=True)) - Fraction(label)
        for row, label in zip(rational, y.tolist(), strict=True)
    ]
    squared = sum(r * r for r in residuals)
    assert squared <= Fraction(certificate.residual_bound) ** 2 <= squared * (1 + Fraction(1, 10**12))
    inside = exact_minimum_norm_solution(
        X, [sum(a * Fraction(b) for a, b in zip(r, w.tolist(), strict=True)) for r in rational]
    )
    outside = sum((Fraction(a) - b) ** 2 for a, b in zip(w.tolist(), inside, strict=True))
    assert outside <= Fraction(certificate.row_space_bound) ** 2 <= outside * (1 + Fraction(1, 10**12))
    assert certificate.smallest_singular_value <= np.linalg.svd(X, compute_uv=False)[-1]
    assert certificate.smallest_singular_value >= np.linalg.svd(X, compute_uv=False)[-1] * (1 - 1e-11)


def test_certificate_tells_an_interpolant_of_larger_norm(problem):
    X, y = problem
    null = scipy.linalg.null_space(X)[:, 0]
    certificate = certify_minimum_norm(X, y, minimum_norm_solution(X, y) + 0.5 * null)
    assert certificate.residual < 1e-13
    assert certificate.row_space_distance == pytest.approx(0.5)
    assert certificate.gap == pytest.approx(0.25)
    assert certificate.distance_bound == pytest.approx(0.5)


def test_certificate_without_a_solution_bounds_the_distance_to_least_squares():
    random = np.random.default_rng(5)
    X, y = random.standard_normal((30, 5)), random.standard_normal(30)
    best = minimum_norm_solution(X, y)
    certificate = certify_minimum_norm(X, y, best)
    assert certificate.residual > 1
    assert certificate.distance_bound < 1e-13
    assert certify_minimum_norm(X, y, best + 0.1).distance_bound >= 0.1 * np.sqrt(5)


def test_hopeless_conditioning_leaves_no_bound():
    X = np.array([[1.0, 1.0], [1.0, 1.0 + 4 * EPS]])
    certificate = certify_minimum_norm(X, [1.0, 1.0], [0.5, 0.5])
    assert certificate.rank == 1 or certificate.distance_bound == np.inf


def test_exact_solution_of_small_integers():
    X, y = [[1, 2, 0], [0, 1, 1]], [1, 0]
    w = exact_minimum_norm_solution(X, y)
    assert w == [Fraction(1, 3), Fraction(1, 3), Fraction(-1, 3)]
    proof = verify_minimum_norm_exactly(X, y, w)
    assert (proof.solves, proof.in_row_space, proof.squared_distance) == (True, True, 0)
    elsewhere = [a + b for a, b in zip(w, exact_null_vector(X), strict=True)]
    proof = verify_minimum_norm_exactly(X, y, elsewhere)
    assert (proof.solves, proof.in_row_space) == (True, False)
    assert proof.squared_distance == sum(v * v for v in exact_null_vector(X))
    proof = verify_minimum_norm_exactly(X, y, [2 * v for v in w])
    assert (proof.solves, proof.in_row_space) == (False, True)


def test_exact_numbers_by_hand():
    assert exact_minimum_norm_solution([[2]], [1]) == [Fraction(1, 2)]
    assert exact_squared_norm([[3, 4]], [10]) == 4
    assert exact_rank([[1, 2], [2, 4]]) == 1


def test_exact_solution_of_any_rank():
    X = np.array([[1, 2, 3], [2, 4, 6], [0, 0, 0], [1, 0, 1]])
    y = [1, 2, 0, 5]
    w = exact_minimum_norm_solution(X, y)
    np.testing.assert_allclose([float(v) for v in w], scipy.linalg.pinv(X) @ y, atol=1e-13)
    assert exact_minimum_norm_solution(np.zeros((2, 3)), [0, 0]) == [0, 0, 0]
    with pytest.raises(ValueError, match="Xw = y has no solution: the 4 equations contradict"):
        exact_minimum_norm_solution(X, [1, 3, 0, 5])


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1, 2]], [1, 2], "y must have 1 entries"),
        ([1, 2], [1, 2], "X must be a matrix"),
        (np.empty((0, 3)), [], "X must be a matrix"),
        ([[np.inf, 1]], [1], "X contains NaN or infinite"),
        ([[0, 1]], [np.nan], "y contains NaN or infinite"),
    ],
)
def test_exact_refuses(X, y, message):
    with pytest.raises(ValueError, match=message):
        exact_minimum_norm_solution(X, y)


def test_null_vector():
    vector = exact_null_vector([[1, 2, 3]])
    assert any(vector)
    assert vector[0] + 2 * vector[1] + 3 * vector[2] == 0
    with pytest.raises(ValueError, match="linearly independent"):
        exact_null_vector([[1, 0], [0, 1]])


def test_mean_squared_error_is_the_mean_over_all_paths():
    """Three rows, three steps: the 27 equally likely paths, one by one."""
    random = np.random.default_rng(6)
    X, y, start = random.standard_normal((3, 2)), random.standard_normal(3), random.standard_normal(2)
    best, sizes = minimum_norm_solution(X, y), (0.1, 0.2, 0.05)
    squared = []
    for path in np.ndindex(3, 3, 3):
        w = start.copy()
        for i, eta in zip(path, sizes, strict=True):
            w -= eta * (X[i] @ w - y[i]) * X[i]
        squared.append(np.sum((w - best) ** 2))
    errors = sgd_mean_squared_error(X, y, sizes, start)
    assert errors[0] == pytest.approx(np.sum((start - best) ** 2))
    assert errors[-1] == pytest.approx(np.mean(squared), rel=1e-12)
