import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.claims import Verdict
from theory.expressivity.interleaved_matrix import (
    CLAIMS,
    as_rationals,
    biases_before,
    condition_number,
    eigenvalues,
    exact_interleaved_matrix,
    feedback_ratios,
    interleaved_inverse,
    interleaved_matrix,
    interleaved_weights,
    inverse_norm,
    smallest_singular_value,
    smallest_singular_value_bounds,
    weight_bound,
)

UNIT_ROUND_OFF = 2.0**-53

positive = st.builds(Fraction, st.integers(1, 1000), st.integers(1, 1000))
hundredths = st.builds(Fraction, st.integers(-100, 100), st.just(100))
offsets = st.one_of(st.just(Fraction(0)), positive)


@st.composite
def interleaved(draw, max_size=8, ratios=None):
    """z and b; with `ratios`, the feedback ratios (b_j - z_{j-1}) / (z_j - b_j) are drawn from it."""
    n = draw(st.integers(1, max_size))
    point = Fraction(draw(st.integers(-100, 100)))
    z, b = [], []
    for j in range(n):
        d = draw(positive)
        g = Fraction(0) if j == 0 else draw(offsets) if ratios is None else draw(ratios) * d
        b.append(point + g)
        z.append(b[-1] + d)
        point = z[-1]
    return z, b


def rational(number):
    return Fraction(int(number.p), int(number.q))


def exact_inverse(z, b):
    return [[rational(entry) for entry in row] for row in exact_interleaved_matrix(z, b).inv().tolist()]


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_claims_hold(checked, seed):
    evidence = checked.check(seed)
    assert evidence.verdict is Verdict.HOLDS, evidence


@given(interleaved())
def test_matrix_is_triangular_with_the_eigenvalues_on_the_diagonal(instance):
    z, b = instance
    matrix = exact_interleaved_matrix(z, b).tolist()
    for i, row in enumerate(matrix):
        assert [rational(entry) for entry in row] == [max(z[i] - bias, 0) for bias in b]
        assert all(entry == 0 for entry in row[i + 1 :])
        assert rational(row[i]) == eigenvalues(z, b)[i] > 0


def test_float_matrix_is_the_exact_one_rounded():
    z, b = np.cumsum([0.1, 0.7, 1e-8]), np.array([-3.0, 0.1, 0.8])
    exact = [[float(rational(entry)) for entry in row] for row in exact_interleaved_matrix(z, b).tolist()]
    assert interleaved_matrix(z, b).tolist() == exact


@given(interleaved())
def test_determinant_and_rank_by_general_algorithms(instance):
    z, b = instance
    matrix = exact_interleaved_matrix(z, b)
    assert rational(matrix.det()) == math.prod(eigenvalues(z, b))
    assert matrix.rank() == len(z)


@given(interleaved(), st.data())
def test_weights_solve_the_system(instance, data):
    z, b = instance
    y = data.draw(st.lists(hundredths, min_size=len(z), max_size=len(z)))
    weights = interleaved_weights(z, b, y)
    for point, label in zip(z, y, strict=True):
        assert sum(w * max(point - bias, 0) for w, bias in zip(weights, b, strict=True)) == label


@given(interleaved())
def test_float_inverse_is_accurate_entry_by_entry(instance):
    z, b = instance
    computed = interleaved_inverse(z, b)
    for row, exact_row in zip(computed.tolist(), exact_inverse(z, b), strict=True):
        for entry, exact in zip(row, exact_row, strict=True):
            assert abs(Fraction(entry) - exact) <= 4 * (len(z) + 1) * UNIT_ROUND_OFF * abs(exact)


@given(interleaved())
def test_signs_of_the_inverse_form_a_chequerboard_and_alternating_labels_are_worst(instance):
    z, b = instance
    inverse = exact_inverse(z, b)
    assert all(entry * (-1) ** (i - j) >= 0 for i, row in enumerate(inverse) for j, entry in enumerate(row))
    assert inverse_norm(z, b) == max(sum(map(abs, row)) for row in inverse)


@given(interleaved())
def test_norms_of_the_inverse_lie_between_the_bounds(instance):
    z, b = instance
    inverse, n = exact_inverse(z, b), len(z)
    rows = max(sum(map(abs, row)) for row in inverse)
    columns = max(sum(map(abs, column)) for column in zip(*inverse, strict=True))
    diagonal, ratios = eigenvalues(z, b), feedback_ratios(z, b)
    assert max(rows, columns) <= weight_bound(n, max(ratios, default=0)) / min(diagonal)
    assert min(rows, columns) >= weight_bound(n, min(ratios, default=0)) / max(diagonal)


@given(interleaved(max_size=12, ratios=st.builds(Fraction, st.integers(0, 99), st.just(100))), st.data())
def test_smallest_eigenvalue_bounds_the_weights_below_ratio_1(instance, data):
    z, b = instance
    y = data.draw(st.lists(hundredths, min_size=len(z), max_size=len(z)))
    rho = max(feedback_ratios(z, b), default=Fraction(0))
    bound = 4 / (1 - rho) * max(map(abs, y)) / min(eigenvalues(z, b))
    assert max(map(abs, interleaved_weights(z, b, y))) <= bound


@given(interleaved(max_size=12, ratios=st.just(Fraction(1))))
def test_midpoints_of_any_gaps_lose_at_most_a_factor_linear_in_n(instance):
    z, b = instance
    n, smallest = len(z), min(eigenvalues(z, b))
    assert inverse_norm(z, b) <= max(4 * (n - 1), 1) / smallest
    assert max(abs(entry) for row in exact_inverse(z, b) for entry in row) <= 4 / smallest


@given(
    st.integers(1, 30),
    st.builds(Fraction, st.integers(1, 100), st.just(100)),
    positive,
)
def test_equal_gaps_attain_the_bound(n, eps, gap):
    z = [gap * j for j in range(1, n + 1)]
    b = biases_before(z, eps) if n > 1 else [z[0] - eps * gap]
    assert inverse_norm(z, b) * eps * gap == weight_bound(n, (1 - eps) / eps)


def test_weight_bound_is_the_sum_of_the_toeplitz_inverse():
    # (1 - t)^2 / (eps + (1 - eps) t), the inverse of the symbol of equal gaps, to order n; times eps.
    for eps in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)):
        coefficients: list[Fraction] = []
        for k in range(12):
            numerator = (1, -2, 1)[k] if k < 3 else 0
            coefficients.append((numerator - (1 - eps) * (coefficients[-1] if k else 0)) / eps)
            assert weight_bound(k + 1, (1 - eps) / eps) == eps * sum(map(abs, coefficients))


def test_constant_4_is_attained_on_the_previous_points_and_approached_below():
    assert [weight_bound(n, 0) for n in (1, 2, 3, 50)] == [1, 3, 4, 4]
    assert weight_bound(50, 1) == 4 * 49
    assert 0 < 4 / (1 - Fraction(1, 2)) - weight_bound(50, Fraction(1, 2)) < Fraction(1, 10**12)
    assert interleaved_weights([1, 2, 3], [0, 1, 2], [1, -1, 1]) == [1, -3, 4]


@pytest.mark.parametrize("n", [3, 4, 10, 100])
def test_counter_example_has_eigenvalue_1_and_an_exponential_weight(n):
    z, b = range(3, 3 * n + 1, 3), range(2, 3 * n, 3)
    assert set(eigenvalues(z, b)) == {1}
    assert interleaved_weights(z, b, [1] + [0] * (n - 1))[-1] == 9 * (-2) ** (n - 3)


def test_singular_value_by_svd_where_doubles_suffice():
    z = range(1, 51)
    for eps, expected in ((Fraction(1, 2), 3.967e-3), (Fraction(3, 4), 0.1253), (Fraction(1), 0.25024)):
        b = biases_before(z, eps)
        singular_values = np.linalg.svd(interleaved_matrix(z, b), compute_uv=False)
        error = 50 * UNIT_ROUND_OFF * singular_values[0]
        assert abs(singular_values[-1] - smallest_singular_value(z, b)) <= error
        assert smallest_singular_value(z, b) == pytest.approx(expected, rel=1e-3)
        condition = singular_values[0] / singular_values[-1]
        assert condition_number(z, b) == pytest.approx(condition, rel=error / singular_values[-1])


def test_singular_value_below_what_an_svd_of_the_matrix_sees():
    z = range(1, 51)
    b = biases_before(z, 0.25)
    lower, upper = smallest_singular_value_bounds(z, b)
    assert 0 < lower <= upper < Fraction(1, 10**16)
    assert abs(Fraction(smallest_singular_value(z, b)) / lower - 1) < 1e-12
    assert np.linalg.svd(interleaved_matrix(z, b), compute_uv=False)[-1] > 1e6 * upper


@settings(max_examples=30)
@given(interleaved())
def test_singular_value_bounds_enclose_tightly(instance):
    z, b = instance
    lower, upper = smallest_singular_value_bounds(z, b)
    assert lower <= upper <= lower * (1 + Fraction(1, 10**6))
    assert abs(Fraction(smallest_singular_value(z, b)) / lower - 1) < 1e-6
    # A^T A - t is definite for t just below lower^2 and not for t = upper^2.
    matrix = exact_interleaved_matrix(z, b)
    gram = [[rational(entry) for entry in row] for row in (matrix.transpose() * matrix).tolist()]
    assert is_definite(gram, lower**2 * (1 - Fraction(1, 10**30)))
    assert not is_definite(gram, upper**2)


def is_definite(symmetric, shift):
    """Is symmetric - shift I positive definite? By the pivots of Gaussian elimination over the rationals."""
    rows = [[entry - shift * (i == j) for j, entry in enumerate(row)] for i, row in enumerate(symmetric)]
    for k, pivot_row in enumerate(rows):
        if pivot_row[k] <= 0:
            return False
        for row in rows[k + 1 :]:
            factor = row[k] / pivot_row[k]
            row[k:] = [entry - factor * pivot for entry, pivot in zip(row[k:], pivot_row[k:], strict=True)]
    return True


def test_exact_bounds_go_where_floats_overflow():
    z = range(1, 161)
    b = biases_before(z, Fraction(1, 100))
    with pytest.raises(OverflowError, match="range"):
        smallest_singular_value(z, b)
    lower, upper = smallest_singular_value_bounds(z, b)
    assert 0 < lower <= upper <= lower * (1 + Fraction(1, 10**9))
    assert upper < Fraction(1, 10**308)
    assert Fraction(1, 100) / weight_bound(160, 99) <= lower


@pytest.mark.parametrize("function", [interleaved_matrix, exact_interleaved_matrix, interleaved_inverse, eigenvalues])
@pytest.mark.parametrize(
    ("z", "b", "message"),
    [
        ([1, 2, 3, 4], [0, 1, 3, 3], r"b\[2\] = 3 is not below z\[2\] = 3"),
        ([1, 2, 3, 4], [0, 1, 1.5, 3], r"z\[1\] = 2 exceeds b\[2\] = 1.5"),
        ([1, 0.5], [0, 0.25], r"z\[0\] = 1 exceeds b\[1\] = 0.25"),
        ([1, 2], [0], "one length, at least 1, got 2 and 1"),
        ([], [], "one length, at least 1, got 0 and 0"),
        ([1, math.nan], [0, 1], r"z must be finite, got z\[1\] = nan"),
        ([1, 2], [-math.inf, 1], r"b must be finite, got b\[0\] = -inf"),
        (np.ones((2, 2)), np.zeros((2, 2)), r"z must be a vector, got shape \(2, 2\)"),
    ],
)
def test_bad_sequences_are_named(function, z, b, message):
    with pytest.raises(ValueError, match=message):
        function(z, b)


def test_other_bad_arguments_are_named():
    with pytest.raises(ValueError, match="y must hold 2 labels, got 3"):
        interleaved_weights([1, 2], [0, 1], [0, 0, 0])
    with pytest.raises(ValueError, match=r"eps must be in \(0, 1\], got 0"):
        biases_before([1, 2], 0)
    with pytest.raises(ValueError, match=r"z must ascend, got z\[1\] = 2 and z\[2\] = 2"):
        biases_before([1, 2, 2], 1)
    with pytest.raises(ValueError, match="n must be at least 1"):
        weight_bound(0, 1)
    with pytest.raises(ValueError, match="ratio at least 0"):
        weight_bound(3, -1)
    with pytest.raises(OverflowError, match="range"):
        interleaved_matrix([1e308], [-1e308])


def test_weak_interleaving_is_allowed_and_biases_default_to_the_second_gap():
    assert biases_before([1, 4, 6], 1) == [-2, 1, 4]
    assert biases_before([1, 4, 6], Fraction(1, 2)) == [Fraction(-1, 2), Fraction(5, 2), 5]
    assert biases_before([7], 0.5) == [Fraction(13, 2)]
    assert feedback_ratios([1, 4, 6], [-2, 1, 4]) == [0, 0]
    assert biases_before([], 1) == []


def test_rationals_are_exact_for_every_dtype():
    assert as_rationals(np.array([0.1], dtype=np.float32), "z") == [Fraction(float(np.float32(0.1)))]
    assert as_rationals([2**70 + 1, 0.1, Fraction(1, 3)], "z") == [2**70 + 1, Fraction(0.1), Fraction(1, 3)]
    assert as_rationals(np.array([2**63 - 1]), "z") == [2**63 - 1]
