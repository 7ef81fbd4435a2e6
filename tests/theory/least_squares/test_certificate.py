"""Every term of the certificate's bounds by hand, in multiples of the unit round-off, and bounds that are reached."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.common.rounding import gamma
from theory.least_squares import certify_minimum_norm, verify_minimum_norm_exactly
from theory.least_squares.certificate import _gamma, _norm_bound, _smallest_singular_value
from theory.least_squares.references import RowSpace, equilibrating_exponents, rescaled

U = 2.0**-53


def test_the_bounds_of_one_equation_by_hand():
    """w = 1 + 8 u for w = 1: the residual is 8 u, and gamma_2 of |w| + |y| = 2, and of |w| + |alpha|, is 4 u."""
    certificate = certify_minimum_norm([[1.0]], [1.0], [1 + 8 * U])
    assert certificate.residual == 8 * U
    assert certificate.residual_bound == pytest.approx(12 * U, rel=1e-12, abs=0)
    assert certificate.row_space_distance == 0
    assert certificate.row_space_bound == pytest.approx(4 * U, rel=1e-12, abs=0)
    assert certificate.distance_bound == pytest.approx(np.hypot(12, 4) * U, rel=1e-12, abs=0)


def test_the_bound_by_the_gradient_by_hand():
    """X = (1, 1), y = (1, -1): w* = 0, the residual is 1, the gradient 2 w, both with gamma_2 = 2 u for each number."""
    certificate = certify_minimum_norm([[1.0], [1.0]], [1.0, -1.0], [8 * U])
    # X^T X = 2, so 16 u / 2; the residual's rounding and that of the gradient's sum are 2 u each, twice, over 2.
    assert certificate.distance_bound == pytest.approx(12 * U, rel=1e-9, abs=0)


def test_the_bound_on_a_singular_value_by_hand():
    """What the factors' norms, the product and the last steps can be off by, for one number, in multiples of u."""
    # U = V = 1: 2 gamma_2 = 4 for the square of each norm, half of that for the norm; 2 gamma_4 = 8; 8 eps = 16.
    assert certify_minimum_norm([[1.0]], [0.0], [0.0]).smallest_singular_value == 1 - (4 + 8 + 16) * U
    # U = 1 + 8 u: its square is off by 16 + 4.
    factors = RowSpace(np.array([[1 + 8 * U]]), np.ones(1), np.ones((1, 1)))
    bound = _smallest_singular_value(factors.left, factors)
    assert (1 - bound) / U == pytest.approx((20 + 4) / 2 + 8 + 16, abs=0.5)


@pytest.mark.parametrize("large", [1.5, 2.0])
def test_factors_far_from_orthogonal_prove_nothing(large):
    # U S V = diag(large^2, 0) has no second singular value; neither U^T U nor V V^T is near I.
    space = RowSpace(np.diag([large, 0.0]), np.ones(2), large * np.eye(2))
    assert _smallest_singular_value(np.diag([large**2, 0.0]), space) == 0


@pytest.mark.parametrize("unit", [2.0**-500, 1e-20, 1e-12, 1.0])
def test_what_a_scaled_column_hides(unit):
    """An error of a thousandth in the unknown of a column of size 1e-20 is one of 1e17."""
    certificate = certify_minimum_norm(np.diag([unit, 1.0]), [1.0, 1.0], [1.001 / unit, 1.0])
    assert 0.000999999 / unit < certificate.distance_bound < 0.0021 / unit


@pytest.mark.parametrize(
    ("shape", "proved"), [((60, 60), True), ((2, 400), True), ((60, 61), False), ((61, 60), False)]
)
def test_ranks_are_proved_up_to_60_cubed_multiplications(shape, proved):
    certificate = certify_minimum_norm(np.ones(shape), np.ones(shape[0]), np.full(shape[1], 1 / shape[1]))
    assert (certificate.rank, certificate.rank_proved) == (1, proved)
    assert np.isfinite(certificate.distance_bound) == proved


@pytest.mark.parametrize("size", [2, 3, 7, 1000])
def test_a_bound_on_a_norm_is_not_below_it(size):
    random = np.random.default_rng(size)
    for _ in range(100):
        array = random.random(size)
        squared = sum(Fraction(value) ** 2 for value in array.tolist())
        assert squared <= Fraction(_norm_bound(array)) ** 2 <= squared * (1 + Fraction(4 * (size + 6) * U))


@pytest.mark.parametrize("m", [1, 2, 1000, 2**40, 2**50])
def test_error_factors_count_that_what_they_multiply_is_rounded_too(m):
    """|A||B| as computed can be less than it is by m roundings, the factor and its product with it by a few."""
    right = Fraction(gamma(m)) / (1 - Fraction(gamma(m + 6)))
    assert right <= Fraction(_gamma(m)) <= right * (1 + 2 * Fraction(gamma(m + 12)))


def exact_distance(X, y, w):
    return Fraction(verify_minimum_norm_exactly(X, y, w).squared_distance)


UNDERFLOW = [
    (np.diag([1.0, 2.0**-1000]), [0.0, 0.0], [0.0, 2.0**-75]),
    (np.diag([1.0, 2.0**-900]), [0.0, 0.0], [0.0, 2.0**-190]),
    (np.array([[1.0, 0.0, 0.0], [0.0, 2.0**-1000, 0.0]]), [0.0, 0.0], [0.0, 2.0**-75, 0.0]),
    # y, and w, in a unit in which one of their numbers is zero.
    (np.diag([2.0**800, 2.0**-200]), [2.0**1000, 2.0**-300], [2.0**200, 0.0]),
    (np.diag([2.0**300, 2.0**-600]), [0.0, 0.0], [2.0**800, 2.0**-80]),
]


@pytest.mark.parametrize(("X", "y", "w"), UNDERFLOW)
def test_products_that_underflow_are_counted(X, y, w):
    """What is lost is below 2^-1074, and 2^1000 of it after the rows are brought to one size."""
    exact = exact_distance(X, y, w)
    bound = certify_minimum_norm(X, y, w).distance_bound
    assert exact > 0
    assert bound == np.inf or exact <= Fraction(bound) ** 2


def test_the_bound_of_a_product_that_underflows_by_hand():
    """X w is 2^-1075, a tie that rounds to 0. Half of 2^-1074 for the product, as much again for the bound's own, times
    the row's 2^1000."""
    bound = certify_minimum_norm(*UNDERFLOW[0]).distance_bound
    assert bound == pytest.approx(2.0**-74, rel=1e-12, abs=0)


@settings(max_examples=200, deadline=None)
@given(
    x=st.lists(st.integers(-1000, 1000), min_size=4, max_size=4),
    y=st.lists(st.integers(-1000, 1000), min_size=2, max_size=2),
    w=st.lists(st.integers(-1000, 1000), min_size=2, max_size=2),
    wide=st.booleans(),
)
def test_bounds_hold_for_numbers_of_any_size(x, y, w, wide):
    signs = np.array([[1.25, -1.5], [1.75, 1.0]])
    X, y, w = np.ldexp(signs, np.reshape(x, (2, 2))), np.ldexp(1.0, y), np.ldexp(1.5, w)
    if wide:
        X, w = np.column_stack([X, [0.0, 0.0]]), np.append(w, 0.0)
    bound = certify_minimum_norm(X, y, w).distance_bound
    assert bound == np.inf or exact_distance(X, y, w) <= Fraction(bound) ** 2


def test_a_column_of_subnormal_numbers():
    """Its factor, 2^1030, is no float64. X and y say w = (1, 1), which is exact."""
    X, y = np.diag([1.0, 2.0**-1030]), [1.0, 2.0**-1030]
    certificate = certify_minimum_norm(X, y, [1.0, 1.0])
    assert certificate.rank == 2
    # gamma_3 of |w| + |y| = 2 in the first equation, times the factor of the second unknown.
    assert certificate.distance_bound == pytest.approx(6 * 2.0 ** (1030 - 53), rel=1e-9, abs=0)
    wrong = certify_minimum_norm(np.diag([2.0**-1030, 1.0]), [2.0**-1030, 1.0], [2.0, 1.0])
    assert wrong.distance_bound >= 1


def test_numbers_of_X_that_its_unit_takes_away_leave_no_bound():
    """In the unit of 2^1000, 2^-200 is zero: w* = (0, 2^-100) is not seen."""
    certificate = certify_minimum_norm(np.diag([2.0**1000, 2.0**-200]), [0.0, 2.0**-300], [0.0, 0.0])
    assert (certificate.distance_bound, certificate.rank_proved) == (np.inf, False)
    assert certificate.residual_bound == certificate.row_space_bound == np.inf


def test_a_row_far_below_the_others_keeps_its_digits():
    """2^100 in a column, 2^-973 and 2^-974 1.1 in a row: no factor takes one of them below 2^-1074 on the way."""
    X = np.array([[2.0**100, 2.0**100], [2.0**-973, 1.1 * 2.0**-974]])
    rows, columns = equilibrating_exponents(X)
    np.testing.assert_array_equal(rescaled(X, rows, columns)[1], [1.0, 0.55])
