"""Every term of the certificate's bounds by hand, in multiples of the unit round-off, and bounds that are reached."""

from fractions import Fraction

import numpy as np
import pytest

from theory.common.rounding import gamma
from theory.least_squares import certify_minimum_norm
from theory.least_squares.certificate import _gamma, _norm_bound, _smallest_singular_value
from theory.least_squares.references import RowSpace

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
