"""Counting bounds against exact counts, exact integers and loops; lower bounds against explicit shattering."""

import itertools
import math

import numpy as np
import pytest

from theory.complexity import (
    ReLUArchitecture,
    all_signs,
    log2_growth,
    log2_growth_from_vc,
    memorize_by_slabs,
    theorem_1_lower_bound,
    uniform_convergence_bound,
    vc_closed_form,
    vc_lower_bound,
    vc_upper_bound,
)
from theory.expressivity.lower_bounds import labellings_bound

ARCHITECTURES = [
    ReLUArchitecture.fully_connected(1, 4, 1),
    ReLUArchitecture.fully_connected(5, 3, 1),
    ReLUArchitecture.fully_connected(2, 4, 3, 3),
    ReLUArchitecture.fully_connected(4, 2, 2, 2, 2, 10),
    ReLUArchitecture.of_theorem_1(3, 5),
]


def test_parameter_counts():
    mlp = ReLUArchitecture.fully_connected(28 * 28 * 3, 512, 10)
    assert mlp.num_parameters == 1_209_866  # the paper's table 1
    assert ReLUArchitecture.fully_connected(28 * 28 * 3, 512, 512, 512, 10).num_parameters == 1_735_178
    assert ReLUArchitecture.of_theorem_1(7, 20).num_parameters == 2 * 20 + 7


def test_architectures_and_their_ends():
    assert ReLUArchitecture.of_theorem_1(3, 5) == ReLUArchitecture(3, (5, 1), (8, 5))
    assert ReLUArchitecture(1, (1, 1), (1, 0)).num_parameters == 1, "a layer may share all its parameters"
    for arguments in (
        (0, (1,), (1,)),
        (1, (2, 0), (1, 1)),
        (1, (0, 2), (1, 1)),
        (1, (1, 1), (2, -1)),
        (1, (1, 1), (0, 1)),
        (1, (1,), (1, 1)),
        (1, (), ()),
    ):
        with pytest.raises(ValueError, match=r"at least 1|same layers"):
            ReLUArchitecture(*arguments)


def test_the_closed_form_of_several_outputs():
    # Three outputs, two of which decide: R = 1 4 + 2 2 = 8; S = 12 + (12 + 15), from layers of 12 and 15 parameters.
    S, R = 12 + 27, 8
    expected = 2 + S * math.log2(4 * math.e * R * math.log2(2 * math.e * R))
    assert vc_closed_form(ReLUArchitecture.fully_connected(2, 4, 3)) == pytest.approx(expected, rel=1e-14)
    # R = 3 is the least: one hidden unit and one output, 2 and 2 parameters.
    S, R = 2 + 4, 3
    expected = 2 + S * math.log2(4 * math.e * R * math.log2(2 * math.e * R))
    assert vc_closed_form(ReLUArchitecture.fully_connected(1, 1, 1)) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(ValueError, match="got 2"):
        vc_closed_form(ReLUArchitecture.fully_connected(1, 3))


def test_sauers_sum_is_exact_up_to_2000():
    for v, n in ((2000, 10**4), (0, 1), (1, 1), (3, 3), (5, 2)):
        exact = sum(math.comb(n, i) for i in range(min(v, n) + 1))
        assert log2_growth_from_vc(v, n) == pytest.approx(math.log2(exact), rel=1e-14)
    assert log2_growth_from_vc(2001, 10**5) == pytest.approx(2001 * math.log2(math.e * 10**5 / 2001), rel=1e-14)
    with pytest.raises(ValueError, match="n must be at least 1"):
        log2_growth_from_vc(1, 0)
    with pytest.raises(ValueError, match="at least d"):
        theorem_1_lower_bound(5, 0)


def test_growth_by_hand():
    # A line, one threshold: 2 parameters; 2 (2e n / 2)^2 labellings from n = 2 on.
    threshold = ReLUArchitecture.fully_connected(1, 1)
    assert log2_growth(threshold, 1) == 1
    assert log2_growth(threshold, 100) == pytest.approx(1 + 2 * math.log2(100 * math.e))
    # n <= 1 + 2 log2(e n) up to n = 11: 11 <= 1 + 9.81 is false, 10 <= 1 + 9.53 true.
    assert vc_upper_bound(threshold) == 10
    # One hidden unit: (4 + 2) parameters; layers of 4 and 6 variables, degrees 1 and 2.
    two = ReLUArchitecture.fully_connected(3, 1, 1)
    n = 10**6
    layers = 2 + 4 * math.log2(2 * math.e * n / 4) + 6 * math.log2(2 * math.e * n * 2 / 6)
    at_once = 1 + 6 * math.log2(2 * math.e * 3 * n * 2 / 6)  # 2^2 - 1 polynomials of degree 2
    assert log2_growth(two, n) == pytest.approx(min(layers, at_once))
    # Thirty hidden units, 90 and 121 parameters: counting layer by layer is the smaller one.
    wide = ReLUArchitecture.fully_connected(2, 30, 1)
    layers = 2 + 90 * math.log2(2 * math.e * 30 * n / 90) + 121 * math.log2(2 * math.e * n * 2 / 121)
    assert log2_growth(wide, n) == pytest.approx(layers, rel=1e-14)
    # Three classes: two differences decide.
    three = ReLUArchitecture(3, (1, 3), (4, 2))
    assert log2_growth(three, n) == pytest.approx(1 + 6 * math.log2(2 * math.e * 5 * n * 2 / 6))


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_upper_bound_is_the_last_n_not_excluded(architecture):
    upper = vc_upper_bound(architecture)
    possible = [n for n in range(1, 3 * upper) if log2_growth(architecture, n) >= n]
    assert possible == list(range(1, upper + 1))


def test_an_upper_bound_beyond_64_bits():
    """The bisection's numbers are no machine's indices."""
    architecture = ReLUArchitecture.fully_connected(10**19, 10, 1)
    bound = vc_upper_bound(architecture)
    assert 2**63 < bound <= vc_closed_form(architecture)
    assert log2_growth(architecture, bound) == pytest.approx(bound, rel=1e-9), "where the growth's bound crosses n"


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_closed_form_is_not_below(architecture):
    assert vc_upper_bound(architecture) <= vc_closed_form(architecture)


def test_closed_form_by_hand():
    # W_1 = 6, W_2 = 9, S = 15, R = 2 + 2 = 4.
    architecture = ReLUArchitecture.fully_connected(2, 2, 1)
    R = 4
    expected = 2 + 15 * math.log2(4 * math.e * R * math.log2(2 * math.e * R))
    assert vc_closed_form(architecture) == pytest.approx(expected)


@pytest.mark.parametrize(("widths", "d"), [((3, 1), 2), ((2, 2, 1), 1), ((5, 1), 4)])
@pytest.mark.parametrize("n", [5, 50, 500, 5000])
def test_no_more_than_the_exact_integers_with_all_parameters_in_every_layer(widths, d, n):
    architecture = ReLUArchitecture.fully_connected(d, *widths)
    exact = labellings_bound(n, widths, architecture.num_parameters)
    assert log2_growth(architecture, n) <= math.log2(exact) * (1 + 1e-12)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_half_spaces_by_covers_count(d):
    for n in range(1, 200):
        exact = 2 * sum(math.comb(n - 1, k) for k in range(d + 1))
        assert math.log2(exact) <= log2_growth(ReLUArchitecture.fully_connected(d, 1), n) + 1e-12
    assert vc_lower_bound(ReLUArchitecture.fully_connected(d, 1)) == d + 1


def test_the_papers_network_is_between():
    mlp = ReLUArchitecture.fully_connected(28 * 28 * 3, 512, 10)
    lower, upper = vc_lower_bound(mlp), vc_upper_bound(mlp)
    assert lower == 2 * 2352 * 170
    assert lower > 50_000  # every labelling of some 50,000 points: the bound for CIFAR-10 is vacuous
    assert log2_growth(mlp, upper) >= upper
    assert log2_growth(mlp, upper + 1) < upper + 1
    bound = uniform_convergence_bound(0.0, log2_growth(mlp, 100_000), 50_000)
    assert bound.vacuous
    assert bound.value == pytest.approx(math.sqrt(8 * (math.log(80) + 100_000 * math.log(2)) / 50_000))


def test_deep_narrow_networks_are_counted_at_once():
    # Layer by layer the parameters of 200 layers add up; all at once it is W (U + ...).
    deep = ReLUArchitecture.fully_connected(1, *[1] * 200, 1)
    W = deep.num_parameters
    assert vc_upper_bound(deep) <= W * (201 + math.log2(2 * math.e * 201 * 10**6))
    assert vc_lower_bound(deep) <= vc_upper_bound(deep)


@pytest.mark.parametrize(("dimension", "units"), [(1, 6), (2, 3), (3, 3), (2, 5)])
def test_slabs_shatter_as_many_points_as_the_bound_says(dimension, units):
    n = 2 * dimension * (units // 3)
    assert n <= vc_lower_bound(ReLUArchitecture.fully_connected(dimension, units, 1))
    points = np.random.default_rng(dimension).standard_normal((n, dimension))
    for labelling in all_signs(n) > 0:
        network = memorize_by_slabs(points, labelling)
        assert len(network.biases) <= units
        np.testing.assert_array_equal(network(points) > 0, labelling)


def test_slabs_of_larger_samples():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((300, 40)), random.random(300) < 0.3
    network = memorize_by_slabs(points, labels)
    assert len(network.biases) == 3 * -(-labels.sum() // 40)
    # At the points the sum is at least 1 or 0, up to rounding of a slab whose width is far above it.
    np.testing.assert_allclose(network(points), np.where(labels, 0.5, -0.5), atol=1e-6)


def test_sauer_by_hand():
    assert log2_growth_from_vc(2, 10) == pytest.approx(math.log2(1 + 10 + 45))
    assert log2_growth_from_vc(5, 3) == 3
    assert log2_growth_from_vc(0, 100) == 0
    assert log2_growth_from_vc(1000, 1500) <= 1500
    v, n = 3000, 10_000
    exact = math.log2(sum(itertools.accumulate(range(1, v + 1), lambda t, i: t * (n - i + 1) // i, initial=1)))
    assert exact <= log2_growth_from_vc(v, n) == v * math.log2(math.e * n / v)


def test_uniform_convergence_by_hand():
    bound = uniform_convergence_bound(0.2, 0.0, 800, failure_probability=4 * math.exp(-9))
    assert bound.value == pytest.approx(0.2 + 0.3)
    doubled = uniform_convergence_bound(0.0, 9 / math.log(2), 800, failure_probability=4 * math.exp(-9))
    assert doubled.value == pytest.approx(math.sqrt(8 * 18 / 800))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ReLUArchitecture(2, (), ()), "at least one"),
        (lambda: ReLUArchitecture(2, (1, 2), (3,)), "the same layers"),
        (lambda: ReLUArchitecture(0, (1,), (3,)), "must be at least 1"),
        (lambda: log2_growth(ReLUArchitecture.fully_connected(3, 1), 0), "n must be at least 1"),
        (lambda: vc_lower_bound(ReLUArchitecture.of_theorem_1(3, 5)), "use theorem_1_lower_bound"),
        (lambda: vc_closed_form(ReLUArchitecture.fully_connected(3, 1)), "use vc_upper_bound"),
        (lambda: theorem_1_lower_bound(4, 3), "at least d \\+ 2 weights"),
        (lambda: log2_growth_from_vc(-1, 3), "at least 0"),
        (lambda: uniform_convergence_bound(0.0, -1.0, 3), "not negative"),
        (lambda: memorize_by_slabs(np.arange(6.0).reshape(6, 1) * [1, 1], [1, 1, 0, 0, 0, 0]), "general position"),
        (lambda: memorize_by_slabs(np.ones((2, 2)), [True]), r"shape \(2,\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_theorem_1_lower_bound():
    for n, d in itertools.product((1, 5, 100), (1, 7)):
        assert theorem_1_lower_bound(2 * n + d, d) == n
        assert n <= vc_upper_bound(ReLUArchitecture.of_theorem_1(d, n))


def test_marks_are_bool_or_zeros_and_ones():
    points = np.random.default_rng(0).standard_normal((6, 2))
    marks = np.array([True, False, False, True, False, False])
    for same in (marks.astype(int), marks.astype(float), marks.tolist()):
        np.testing.assert_array_equal(memorize_by_slabs(points, same)(points) > 0, marks)
    with pytest.raises(ValueError, match=r"bool, or 0 and 1, got \[-1, 1\]"):
        memorize_by_slabs(points, np.where(marks, 1, -1))
    with pytest.raises(TypeError, match="real numbers"):
        memorize_by_slabs(points, ["1", "0", "0", "1", "0", "0"])
