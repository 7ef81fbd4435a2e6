"""The error factor of Higham's lemma against exact fractions."""

from fractions import Fraction

import pytest

from theory.common.rounding import UNIT_ROUNDOFF, gamma


@pytest.mark.parametrize("m", [1, 2, 1000, 2**26, 2**50, 2**52])
@pytest.mark.parametrize("unit", [UNIT_ROUNDOFF, 2.0**-60])
def test_gamma(m, unit):
    exact = m * Fraction(unit) / (1 - m * Fraction(unit))
    assert abs(Fraction(gamma(m, unit)) / exact - 1) <= 2 * Fraction(UNIT_ROUNDOFF) * (1 + 2 * Fraction(UNIT_ROUNDOFF))


def test_the_round_off_is_that_of_float64():
    assert 1 + UNIT_ROUNDOFF == 1 < 1 + 1.001 * UNIT_ROUNDOFF
