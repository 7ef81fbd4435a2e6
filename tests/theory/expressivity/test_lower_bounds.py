import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.claims import Verdict
from theory.expressivity import lower_bounds
from theory.expressivity.interleaved_matrix import biases_before, interleaved_weights
from theory.expressivity.lower_bounds import (
    CLAIMS,
    _min_hidden_units_by_enumeration,
    labellings_bound,
    labellings_on_a_line,
    min_hidden_units,
    min_parameters,
    sign_vectors_bound,
)

rationals = st.builds(Fraction, st.integers(-30, 30), st.integers(1, 6))


@st.composite
def samples(draw, max_size=6, labels=rationals):
    x = draw(st.lists(rationals, min_size=1, max_size=max_size, unique=True).map(sorted))
    return x, draw(st.lists(labels, min_size=len(x), max_size=len(x)))


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_claims_hold(checked, seed):
    evidence = checked.check(seed)
    assert evidence.verdict is Verdict.HOLDS, evidence


def check(name):
    return next(checked.check for checked in CLAIMS if checked.claim.id == f"lower-bound-{name}")(7).verdict


@pytest.mark.parametrize(
    ("name", "functions", "error"),
    [
        ("alternating", ("min_hidden_units", "_min_hidden_units_by_enumeration"), lambda x, y, **form: y[0] == 0),
        ("thresholds", ("labellings_on_a_line",), lambda n, units: n > 5 and units == n - 2),
        ("thresholds", ("labellings_on_a_line",), lambda n, units: n == 5 and units == 3),
        (
            "parameters",
            ("labellings_bound",),
            lambda n, widths, parameters: 2**n - labellings_bound(n, widths, parameters),  # nothing is missed
        ),
    ],
)
def test_claims_turn_when_a_count_is_too_large(name, functions, error, monkeypatch):
    for function in functions:
        right = getattr(lower_bounds, function)

        def wrong(*arguments, right=right, **options):
            return right(*arguments, **options) + error(*arguments, **options)

        monkeypatch.setattr(lower_bounds, function, wrong)
    assert check(name) is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(("excess", "verdict"), [(0, Verdict.HOLDS), (1, Verdict.DOES_NOT_HOLD)])
def test_parameters_are_held_against_n_minus_2_units_with_output_bias_and_linear_term(excess, verdict, monkeypatch):
    right = lower_bounds.min_parameters
    monkeypatch.setattr(
        lower_bounds,
        "min_parameters",
        lambda n, depth=None: 3 * (n - 2) + 2 + excess if depth == 2 else right(n, depth),
    )
    assert check("parameters") is verdict


@pytest.mark.parametrize(("levels", "n"), [(2, 6), (3, 4)])
def test_exact_minimum_is_that_of_the_enumeration_for_all_tiny_labellings(levels, n):
    x = [Fraction(i) for i in range(n)]
    for labels in itertools.product([Fraction(level) for level in range(levels)], repeat=n):
        assert min_hidden_units(x, labels) == _min_hidden_units_by_enumeration(x, labels)


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "n"), [(2, 8), (3, 5)])
def test_exact_minimum_is_that_of_the_enumeration_for_all_small_labellings(levels, n):
    x = [Fraction(i) for i in range(n)]
    for labels in itertools.product([Fraction(level) for level in range(levels)], repeat=n):
        assert min_hidden_units(x, labels) == _min_hidden_units_by_enumeration(x, labels)


@given(samples(max_size=5))
def test_exact_minimum_is_that_of_the_enumeration_at_rational_points(sample):
    assert min_hidden_units(*sample) == _min_hidden_units_by_enumeration(*sample)


@pytest.mark.parametrize(
    ("theorem_1_form", "values", "n", "fineness"),
    [(False, (0, 1), 5, 2), (False, (0, 1, 2), 4, 12), (True, (0, 1), 4, 2), (True, (0, 1, 2), 3, 12)],
)
def test_networks_with_hinges_on_a_grid_attain_the_minimum(theorem_1_form, values, n, fineness):
    """Over all sets of hinges in a grid, find by linear algebra which labellings some output weights fit."""
    grid = [Fraction(k, fineness) for k in range(-fineness * theorem_1_form, (n - 1) * fineness + 1)]
    fewest: dict[tuple[int, ...], int] = {}
    labellings = list(itertools.product(values, repeat=n))
    for units in range(n if theorem_1_form else n - 1):
        missing = [labels for labels in labellings if labels not in fewest]
        for hinges in itertools.combinations(grid, units):
            columns = [[max(x - hinge, Fraction(0)) for x in range(n)] for hinge in hinges]
            if not theorem_1_form:
                columns += [[Fraction(1)] * n, [Fraction(x) for x in range(n)]]
            constraints = orthogonal_complement(columns, n)
            for labels in missing:
                if all(sum(c * y for c, y in zip(row, labels, strict=True)) == 0 for row in constraints):
                    fewest.setdefault(labels, units)
    for labels in labellings:
        exact = min_hidden_units(range(n), labels, theorem_1_form=theorem_1_form)
        assert fewest.get(labels, n if theorem_1_form else n - 2) == exact


def orthogonal_complement(vectors, n):
    """Rows c with c . v = 0 for all given vectors, a basis, by the reduced echelon form of [V | I]."""
    width = len(vectors)
    rows = [
        [fmpq(v[i].numerator, v[i].denominator) for v in vectors] + [fmpq(i == j) for j in range(n)] for i in range(n)
    ]
    reduced, _ = fmpq_mat(rows).rref()
    tables = [[Fraction(int(entry.p), int(entry.q)) for entry in row] for row in reduced.tolist()]
    return [row[width:] for row in tables if not any(row[:width])]


@given(samples(labels=st.integers(-2, 2)))
def test_theorem_1_form_is_a_sample_with_zeros_far_to_the_left(sample):
    x, y = sample
    far = min(x) - 10**6
    padded_x, padded_y = [far - 2, far - 1, far, *x], [0, 0, 0, *y]
    assert min_hidden_units(x, y, theorem_1_form=True) == min_hidden_units(padded_x, padded_y)


@given(samples(max_size=12))
def test_theorem_1_form_needs_at_most_n_units_and_at_most_2_more(sample):
    x, y = sample
    free, restricted = min_hidden_units(x, y), min_hidden_units(x, y, theorem_1_form=True)
    assert free <= max(len(x) - 2, 0)
    assert free <= restricted <= min(free + 2, len(x))
    # The weights of Theorem 1's interpolant on the previous points: its units are an upper bound too.
    weights = interleaved_weights(x, biases_before(x, 1), y)
    assert restricted <= sum(weight != 0 for weight in weights)


@given(samples(max_size=10), st.integers(1, 5), rationals, rationals)
def test_minimum_is_invariant_under_adding_a_line_and_scaling(sample, scale, slope, height):
    x, y = sample
    mapped = [scale * label + slope * point + height for point, label in zip(x, y, strict=True)]
    assert min_hidden_units(x, mapped) == min_hidden_units(x, y)
    assert min_hidden_units([-point for point in reversed(x)], y[::-1]) == min_hidden_units(x, y)


def test_minimum_on_cases_worked_by_hand():
    assert min_hidden_units([0, 1, 2, 3], [0, 1, 2, 3]) == 0
    assert min_hidden_units([0, 1, 2, 3], [0, 0, 1, 1]) == 2  # two flat pieces and one between
    assert min_hidden_units([0, 1, 2, 3], [0, 0, 1, 2]) == 1
    assert min_hidden_units([0, 1, 2, 3], [1, 0, 0, 1]) == 1  # the breakpoint lies between points
    assert min_hidden_units([0, 1, 2, 3, 4], [2, 1, 0, 0, 1]) == 1
    assert min_hidden_units([0.0, 0.1, 0.2, 0.3], np.array([0.0, 0.1, 0.2, 0.3])) == 0
    assert min_hidden_units([0.0, 0.1, 0.2, 0.3], [0, 1, 2, 3]) == 1  # in binary 0.3 - 0.2 is not 0.1
    assert min_hidden_units([5], [1]) == 0
    assert [min_hidden_units([5], [y], theorem_1_form=True) for y in (-1, 0, 1)] == [1, 0, 1]
    assert min_hidden_units([0, 1], [1, 1], theorem_1_form=True) == 2
    assert min_hidden_units([0, 1], [1, 2], theorem_1_form=True) == 1


def test_count_on_a_line_is_that_of_the_changes():
    for n in range(1, 9):
        changes = [sum(a != b for a, b in itertools.pairwise(y)) for y in itertools.product((0, 1), repeat=n)]
        for hidden_units in range(n + 1):
            expected = sum(change <= hidden_units + 1 for change in changes)
            assert labellings_on_a_line(n, hidden_units) == expected


@given(st.integers(1, 200), st.integers(1, 8))
def test_counting_bound_is_above_the_exact_count(n, hidden_units):
    bound = labellings_bound(n, [hidden_units, 1], 3 * hidden_units + 2)
    assert labellings_on_a_line(n, hidden_units) <= bound <= 2**n


@given(st.integers(1, 60), st.integers(1, 3), st.integers(1, 6))
def test_sign_vectors_bound_is_above_the_regions_of_hyperplanes(polynomials, degree, variables):
    # Degree 1: hyperplanes in general position cut W-space into sum_{i <= W} C(m, i) regions (Schlaefli).
    regions = sum(math.comb(polynomials, i) for i in range(variables + 1))
    assert regions <= sign_vectors_bound(polynomials, degree, variables)


def test_sign_vectors_bound_is_warrens():
    assert sign_vectors_bound(8, 1, 1) == 86  # 2 (2e 8) = 86.98
    assert [sign_vectors_bound(m, 5, 4) for m in (3, 4, 8)] == [2**3, 2**4, 2**8]
    assert sign_vectors_bound(99, 3, 2) == pytest.approx(2 * (2 * math.e * 99 * 3 / 2) ** 2, rel=1e-3)
    assert sign_vectors_bound(99, 3, 2) >= 2 * (2 * math.e * 99 * 3 / 2) ** 2


@given(st.integers(20, 3000), st.integers(1, 6), st.data())
def test_networks_below_the_bound_miss_a_labelling(n, depth, data):
    too_few = min_parameters(n, depth) - 1
    assume(too_few >= 1)
    layers = data.draw(st.integers(1, min(depth, too_few)))
    widths = [too_few // layers] * (layers - 1) + [1]  # nearly the largest product of widths
    assert labellings_bound(n, widths, too_few) < 2**n


def test_counting_bound_of_a_deep_narrow_network_takes_all_signs_at_once():
    assert labellings_bound(10**6, [1, 1, 1, 1], 4) == pytest.approx(2 * (2 * math.e * 10**6 * 15) ** 4, rel=1e-3)


def test_counting_bound_of_a_wide_network_goes_layer_by_layer():
    layers = [2 * (2 * math.e * 1000 * units * degree / 11) ** 11 for degree, units in ((1, 30), (2, 20), (3, 1))]
    assert labellings_bound(1000, [30, 20, 1], 11) == pytest.approx(math.prod(layers), rel=1e-3)
    assert labellings_bound(1000, [30, 20, 1], 11) > math.prod(layers)


@pytest.mark.parametrize("depth", [None, 1, 2, 3, 10])
def test_min_parameters_are_the_smallest_that_the_inequalities_allow(depth):
    def bits(n, W):
        """Logarithms of how many labellings W parameters allow."""
        bound = 1 + W * (W + 1 + math.log2(math.e * n))
        if depth is None:
            return bound
        return min(bound, depth + W * (depth * math.log2(2 * math.e * n / depth) + math.log2(math.factorial(depth))))

    for n in (*range(2, 400), 1000, 50_000):
        fewest = min_parameters(n, depth)
        assert bits(n, fewest - 1) < n <= bits(n, fewest) + 1e-2, n


def test_min_parameters_for_known_numbers_of_points():
    assert min_parameters(1) == min_parameters(1, 2) == 1
    assert min_parameters(50_000) == 215
    assert min_parameters(50_000, 2) == 1425
    assert min_parameters(50_000, 2) > min_parameters(50_000, 3) > min_parameters(50_000)


@given(st.integers(1, 500))
def test_min_parameters_stay_below_known_constructions(n):
    assert min_parameters(n) <= min_parameters(n, 2) <= 2 * n + 1  # Theorem 1 on a line


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: min_hidden_units([], []), "at least 1, got 0 and 0"),
        (lambda: min_hidden_units([1, 2], [0]), "got 2 and 1"),
        (lambda: min_hidden_units([1, 1], [0, 1]), r"ascend strictly, got points\[0\] = 1, points\[1\] = 1"),
        (lambda: min_hidden_units([1, math.inf], [0, 1]), r"points must be finite, got points\[1\] = inf"),
        (lambda: min_hidden_units([1, 2], [0, math.nan]), r"labels must be finite, got labels\[1\] = nan"),
        (lambda: labellings_on_a_line(0, 1), "n must be at least 1"),
        (lambda: labellings_on_a_line(1, -1), "hidden_units at least 0"),
        (lambda: sign_vectors_bound(1, 0, 1), "at least 1, got 1, 0, 1"),
        (lambda: labellings_bound(5, [3, 2], 9), r"last layer 1, got \[3, 2\]"),
        (lambda: labellings_bound(5, [], 9), "widths"),
        (lambda: labellings_bound(5, [3, 0, 1], 9), r"at least 1, .* got \[3, 0, 1\]"),
        (lambda: labellings_bound(0, [1], 1), "at least 1"),
        (lambda: min_parameters(0), "n and depth must be at least 1"),
        (lambda: min_parameters(3, 0), "n and depth must be at least 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
