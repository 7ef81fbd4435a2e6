"""What counts as a number: no complex ones, nothing masked, and no integer that a dtype would round."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from theory.common.arrays import BeyondFloat64Error, as_array, as_labels, as_points, as_real
from theory.common.scaling import exponent, norm, scaled, scaled_bound
from theory.expressivity import exact_relu_interpolant, relu_interpolant
from theory.expressivity.certificate_checker import check_certificate
from theory.expressivity.certificates import certificate
from theory.implicit_bias import mirror_descent, p_norm_potential
from theory.implicit_bias.optimizers import check_implicit_bias, implicit_bias_table
from theory.implicit_bias.reference import minimum_p_norm
from theory.implicit_bias.separable_logistic import max_margin
from theory.kernels import KernelInterpolationClassifier, KernelInterpolator
from theory.label_noise.corruption import corrupt_labels
from theory.least_squares import (
    exact_minimum_norm_solution,
    gradient_descent,
    minimum_norm_solution,
    verify_minimum_norm_exactly,
)
from theory.least_squares.estimators import MinimumNormRegressor, RidgelessClassifier
from theory.testing import assert_interpolates, assert_minimum_norm

LARGE = 2**53 + 1


@pytest.mark.parametrize(
    "values",
    [
        [[LARGE, 0.0]],
        [[np.int64(LARGE), 0.0]],
        [[-1], [np.uint64(2**63 - 1)]],
        [[Fraction(1, 3), 1.0]],
        [[Decimal("0.1"), 2]],
        [np.array([2**63 - 1], dtype=np.uint64), np.array([-1])],
        [[2**70, 1.5]],
    ],
)
def test_numbers_that_numpy_would_round_stay_objects(values):
    array = as_array(values)
    assert array.dtype == object
    entries = [value for row in values for value in row]
    assert [Fraction(value) for value in array.ravel()] == [
        Fraction(int(v) if isinstance(v, np.integer) else v) for v in entries
    ]
    with pytest.raises(BeyondFloat64Error):
        as_points(values)


def test_exact_verification_does_not_round_its_input():
    assert verify_minimum_norm_exactly([[LARGE, 0.0]], [LARGE], [1, 0]).solves
    assert not verify_minimum_norm_exactly([[LARGE, 0.0]], [LARGE - 1], [1, 0]).solves
    mixed = [[np.uint64(2**63 - 1), 0.5, Fraction(1, 3), Decimal("0.1")]]
    w = exact_minimum_norm_solution(mixed, [1])
    row = [Fraction(2**63 - 1), Fraction(1, 2), Fraction(1, 3), Fraction(1, 10)]
    assert w == [a / sum(b * b for b in row) for a in row]


@pytest.mark.parametrize("kind", [int, np.uint64, np.int64, Fraction, Decimal])
def test_the_exact_construction_does_not_round_its_input(kind):
    points = [[-1], [kind(2**63 - 1)], [kind(2**63 - 2)]]
    network = exact_relu_interpolant(points, [0, 1, kind(2)])
    assert network.evaluate(points) == [(0,), (1,), (2,)]
    checked = check_certificate(certificate(network), points, [0, 1, kind(2)])
    assert checked.holds, checked.problems


MASKED = np.ma.masked_array(np.arange(6.0).reshape(3, 2) ** 2, mask=[[0, 1], [0, 0], [0, 0]])
Y = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda X, y: minimum_norm_solution(X, y),
        lambda X, y: gradient_descent(X, y),
        lambda X, y: exact_minimum_norm_solution(X, y),
        lambda X, y: relu_interpolant(X, y),
        lambda X, y: exact_relu_interpolant(X, y),
        lambda X, y: MinimumNormRegressor().fit(X, y),
        lambda X, y: RidgelessClassifier().fit(X, y),
        lambda X, y: KernelInterpolator().fit(X, y),
        lambda X, y: KernelInterpolationClassifier().fit(X, y),
        lambda X, y: minimum_p_norm(X, y, 2),
        lambda X, y: mirror_descent(p_norm_potential(2), X, y, np.zeros(2)),
        lambda X, y: assert_minimum_norm(np.zeros(2), X, y),
        lambda X, y: assert_interpolates(lambda points: Y, X, y),
        lambda X, y: as_labels(y, 3) if isinstance(y, np.ma.MaskedArray) else as_points(X),
    ],
)
def test_masked_arrays_are_refused(call):
    for X, y in ((MASKED, Y), (MASKED.data, np.ma.masked_array(Y, mask=[0, 1, 0]))):
        with pytest.raises(TypeError, match="is a masked array"):
            call(X, y)


def test_other_masked_arguments():
    with pytest.raises(TypeError, match="masked"):
        max_margin(MASKED)
    with pytest.raises(TypeError, match="masked"):
        corrupt_labels(np.ma.masked_array([0, 1], mask=[0, 1]), 2, 0.5, 0)
    with pytest.raises(TypeError, match="masked"):
        KernelInterpolator().fit(MASKED.data, Y).predict(MASKED)


def test_complex_predictions_do_not_interpolate():
    for outputs in (Y + 1j, torch.tensor(Y) + 1j, np.ma.masked_array(Y, mask=[0, 1, 0])):
        with pytest.raises(AssertionError, match=r"real numbers|masked"):
            assert_interpolates(lambda X, outputs=outputs: outputs, MASKED.data, Y)
    with pytest.raises(AssertionError, match="real numbers"):
        assert_minimum_norm(np.zeros(2) + 1j, MASKED.data, Y)
    with pytest.raises(TypeError, match="real numbers"):
        as_real(Y + 1j, "labels")


def test_no_problem_is_no_finding():
    with pytest.raises(ValueError, match="problems is empty"):
        check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0), ())
    with pytest.raises(ValueError, match="problems is empty"):
        implicit_bias_table(())


def test_scaling_rounds_nothing():
    array = np.array([3e-200, 1.5e-180])
    k = exponent(array)
    np.testing.assert_array_equal(scaled(scaled(array, -k), k), array)
    assert norm(array) == pytest.approx(1.5e-180, rel=1e-12, abs=0)
    assert norm(array * 1e-140) > 0
    assert norm(np.array([1e300, 1e300])) == pytest.approx(2**0.5 * 1e300)
    assert exponent(np.array([0.0])) == exponent(np.array([3.0])) == 0
    assert exponent(np.array([3.0]), moderate=0) == 1
    assert scaled_bound(1.0, -1080) > 0, "a bound is not rounded to zero"
