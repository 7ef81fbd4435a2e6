import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits

from theory.expressivity.exact_network import Neuron, mislabelled
from theory.expressivity.narrow import (
    WIDTH,
    NarrowLayout,
    encode,
    floor_stage,
    memorize_narrow,
    narrow_parameter_count,
    reading_stage,
    selection_stage,
)


def random_pixels(n, d=64, num_labels=10, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, d)), rng.integers(0, num_labels, n)


def run_stage(layers, **values):
    """The values of the last layer of a stage, ReLU after all its layers, in fractions."""
    for layer in layers:
        values = {
            name: max(sum((w * values[source] for source, w in affine.terms.items()), affine.constant), 0)
            for name, affine in layer.items()
        }
    return values


def check(points, labels):
    """Memorise, and hold everything that is claimed of the result to the data."""
    points, labels = np.asarray(points), np.asarray(labels)
    result = memorize_narrow(points, labels)
    network, layout, d = result.network, result.layout, points.shape[1]
    assert mislabelled(network, points, labels) == []
    assert network.width <= WIDTH
    # The closed form counts biases that happen to be zero; with one label all those of `excess` are.
    zero_biases = layout.num_parameters(d) - network.num_parameters
    assert 0 <= zero_biases <= 4 + (layout.group_size if layout.num_labels == 1 else 0)
    assert layout.num_parameters(d) <= narrow_parameter_count(
        result.num_points, d, layout.num_labels, result.cells, floored=layout.floor_bits > 0
    )
    assert network.num_dense_parameters >= network.num_parameters
    return result


# Gadgets


@pytest.mark.parametrize(("cell", "bits"), [(2, 3), (3, 1), (7, 4), (10**30, 2)])
def test_floor_stage_rounds_integers_down_to_cells(cell, bits):
    stage = floor_stage(cell, bits, scale=5)
    for z in {q * cell + r for q in range(2**bits) for r in {0, 1, cell // 2, cell - 1}}:
        assert run_stage(stage, z=z) == {"t": 5 * (z // cell + 1)}


@given(data=st.data(), num_groups=st.integers(1, 13))
def test_selection_stage_is_a_staircase_of_the_strings(data, num_groups):
    gaps = data.draw(st.lists(st.integers(1, 1000), min_size=num_groups, max_size=num_groups))
    thresholds = np.cumsum(gaps).tolist()
    strings = [
        Fraction(data.draw(st.integers(0, 2**70 - 1)), 2**70) if k % 2 else Fraction(k, 2 * num_groups)
        for k in range(num_groups)
    ]
    stage = selection_stage(thresholds[:-1], strings)
    for first, last, string in zip([0, *(t + 1 for t in thresholds)], thresholds, strings, strict=False):
        for t in {first, (first + last) // 2, last}:
            assert run_stage(stage, t=t) == {"p": t, "x": string, "h": max(string - Fraction(1, 2), 0)}


@given(data=st.data(), num_labels=st.integers(1, 12), size=st.integers(2, 6), bits=st.integers(5, 9))
def test_reading_stage_finds_the_label_of_every_point_of_a_group(data, num_labels, size, bits):
    largest_gap = (2 ** (bits - 1) + 1) // num_labels - 1
    gaps = data.draw(st.lists(st.integers(1, max(1, largest_gap)), min_size=1, max_size=size))
    positions = [num_labels * (q + 1) for q in np.cumsum(gaps).tolist()]
    labels = data.draw(st.lists(st.integers(0, num_labels - 1), min_size=len(gaps), max_size=len(gaps)))
    codes = [t - y for t, y in zip(positions, labels, strict=True)]
    layout = NarrowLayout(num_labels, size, 1, max(2, 1 + positions[-1].bit_length()), bits, 0)
    string = encode(codes, layout)
    assert 0 <= string < 1
    stage = reading_stage(layout, lowest=3)
    for t, y in zip(positions, labels, strict=True):
        assert run_stage(stage, p=t, x=string, h=max(string - Fraction(1, 2), 0)) == {"label": y + 3}


# The whole network


@settings(deadline=None, max_examples=60)
@given(data=st.data(), n=st.integers(1, 40), d=st.integers(1, 3), spread=st.sampled_from([60, 2**20, 2**62]))
def test_integer_points(data, n, d, spread):
    points = data.draw(hnp.arrays(np.int64, (n, d), elements=st.integers(-spread, spread)))
    points = np.unique(points, axis=0)
    labels = data.draw(hnp.arrays(np.int64, len(points), elements=st.integers(-3, 6)))
    result = check(points, labels)
    for point, label in zip(points.tolist(), labels.tolist(), strict=True):
        assert result.network.evaluate(point) == label


@settings(deadline=None, max_examples=30)
@given(data=st.data(), n=st.integers(1, 20), d=st.integers(1, 3))
def test_float_points_stand_for_the_rational_numbers_they_are(data, n, d):
    points = data.draw(hnp.arrays(np.float64, (n, d), elements=st.floats(-1e6, 1e6)))
    points = np.unique(points + 0.0, axis=0)  # -0.0 equals 0.0
    labels = data.draw(hnp.arrays(np.int64, len(points), elements=st.integers(0, 9)))
    result = check(points, labels)
    for point, label in zip(points.tolist(), labels.tolist(), strict=True):
        assert result.network.evaluate(point) == label


@pytest.mark.parametrize(
    "points",
    [
        [[1e-300], [1e300], [0.0], [-5e-324], [5e-324], [1.0], [math.nextafter(1.0, 2.0)]],
        np.array([[2**64 - 1, 0], [2**64 - 2, 5], [0, 1]], dtype=np.uint64),
        np.array([[-(2**63)], [2**63 - 1], [0]]),
        np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32),
        np.outer(np.arange(30), [1, 2, 3]),
        np.stack(np.meshgrid(range(12), range(12)), -1).reshape(-1, 2),
        np.eye(16, dtype=bool),
    ],
    ids=["scales", "uint64", "int64", "float32", "line", "grid", "bool"],
)
def test_awkward_points(points):
    points = np.asarray(points)
    check(points, np.random.default_rng(1).integers(0, 5, len(points)))


def test_a_thousand_points():
    points, labels = random_pixels(1000)
    result = check(points, labels)
    assert result.network.num_parameters < 2 * 1000 + 64
    sample = range(0, 1000, 100)
    assert [result.network.evaluate(points[row].tolist()) for row in sample] == labels[list(sample)].tolist()
    assert memorize_narrow(points, labels) == result
    assert memorize_narrow(points, labels, seed=1) != result


def test_digits_with_their_own_and_with_random_labels():
    images, labels = load_digits(return_X_y=True)
    for targets in (labels, np.random.default_rng(0).integers(0, 10, len(labels))):
        assert check(images, targets).network.num_parameters < 2 * len(images) + 64


@pytest.mark.slow
def test_ten_thousand_points():
    points, labels = random_pixels(10_000)
    assert check(points, labels).network.num_parameters < 6500


def test_directions_large_enough_for_pairs_that_small_ones_bring_together():
    tiny = 2.0**-40
    pairs = [[0, 0, tiny, 1], [5, 3, 6, 3 + tiny], [9, 9, 10, 8 + tiny], [20, 1, 21, 2 + tiny]]
    result = check(np.array(pairs).reshape(-1, 2), np.arange(8))
    assert result.cells < 10**4


# The count


@pytest.mark.parametrize("n", [10, 30, 100, 300, 1000, 3000])
def test_count_on_random_pixels_against_the_bound_and_theorem_1(n):
    points, labels = random_pixels(n)
    parameters = memorize_narrow(points, labels).network.num_parameters
    assert parameters <= 18 * math.sqrt(n * math.log2(n)) + 64 + 203
    assert (parameters < 2 * n + 64) == (n > 500)


def test_closed_form_is_of_order_sqrt_n_log_n():
    sizes = [*range(2, 10_001), *np.logspace(4, 9, 1000).astype(int).tolist()]
    above = {n: narrow_parameter_count(n, 7, 10) - 18 * math.sqrt(n * math.log2(n)) - 7 for n in sizes}
    assert max(above.values()) == pytest.approx(202.94, abs=0.01)
    assert above[2901] == max(above.values())
    for num_labels in range(2, 10):  # fewer classes take fewer parameters
        assert all(
            narrow_parameter_count(n, 7, num_labels) <= narrow_parameter_count(n, 7, num_labels + 1)
            for n in (*range(2, 1500, 7), *sizes[1500::97])
        )
    for num_labels, crossing in [(10, 966), (2, 891)]:
        above = [n for n in sizes if narrow_parameter_count(n, 0, num_labels) >= 2 * n]
        assert max(above) == crossing - 1


@pytest.mark.parametrize("arguments", [(0, 1, 10), (5, 1, 0), (5, 1, 10, 3)])
def test_closed_form_refuses_numbers_that_no_sample_has(arguments):
    with pytest.raises(ValueError, match="must be at least 1"):
        narrow_parameter_count(*arguments)


# Precision


@pytest.mark.parametrize("n", [2, 10, 30, 100])
def test_float64_suffices_for_short_strings_of_integer_points(n):
    points, labels = random_pixels(n)
    result = memorize_narrow(points, labels)
    assert result.layout.string_bits <= 50
    np.testing.assert_array_equal(result.network.evaluate_float64(points), labels)


@pytest.mark.parametrize("n", [300, 1000])
def test_float64_misses_labels_once_strings_are_longer_than_its_precision(n):
    points, labels = random_pixels(n)
    result = memorize_narrow(points, labels)
    assert result.layout.string_bits > 53
    assert result.network.bit_length >= result.layout.string_bits
    missed = np.round(result.network.evaluate_float64(points)) != labels
    assert missed.mean() > 0.1


# Every weight counts


def changes(network, change):
    """The network with one weight or bias changed, for each of them that is not zero, with a name for it."""
    for depth, layer in enumerate(network.layers):
        for position, neuron in enumerate(layer):
            variants = []
            for k, (source, weight) in enumerate(neuron.weights):
                weights = (*neuron.weights[:k], (source, change(weight)), *neuron.weights[k + 1 :])
                if weight:
                    variants.append((f"weight {k}", Neuron(weights, neuron.bias)))
            if neuron.bias:
                variants.append(("bias", Neuron(neuron.weights, change(neuron.bias))))
            for name, variant in variants:
                layers = list(network.layers)
                layers[depth] = (*layer[:position], variant, *layer[position + 1 :])
                yield (depth, position, name), replace(network, layers=tuple(layers))


def test_no_weight_is_idle():
    """Setting any single weight or bias to zero breaks a label, but for those of the first fold.

    The first fold, h = max(x - 1/2, 0) of a whole string, matters only for strings of 1/2 at least, that is
    for first codes in the upper half of their field: weights of other groups can be spared in it here.
    """
    points, labels = random_pixels(60, d=5)
    result = memorize_narrow(points, labels)
    network = result.network
    selection_depth = -(-(result.layout.num_groups - 1) // 5) + 2
    removed = changes(network, lambda weight: 0 * weight)
    idle = [where for where, changed in removed if not mislabelled(changed, points, labels)]
    assert all(where[:2] == (selection_depth, 2) and where[2] != "bias" for where in idle), idle


def test_changes_by_one_break_labels():
    """All but a few: a ramp may begin one later where the gap behind it is wide, for example."""
    points, labels = random_pixels(60, d=5)
    network = memorize_narrow(points, labels).network
    changed_by_one = changes(network, lambda weight: weight + 1)
    broken = [bool(mislabelled(changed, points, labels)) for _, changed in changed_by_one]
    assert np.mean(broken) > 0.95


# Input


def test_equal_points_with_equal_labels_are_merged():
    points = [[1, 2], [3, 4], [1, 2], [5, 6]]
    result = memorize_narrow(points, [7, 8, 7, 9])
    assert (result.num_points, result.num_merged) == (3, 1)
    assert mislabelled(result.network, points, [7, 8, 7, 9]) == []


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_equal_points_with_different_labels_are_named(kind):
    with pytest.raises(ValueError, match="rows 0 and 2 are equal, but their labels are 7 and 6"):
        memorize_narrow(np.array([[1, 2], [3, 4], [1, 2]], dtype=kind), [7, 8, 6])


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (np.zeros((0, 3)), [], "points is empty"),
        ([[1.0], [math.nan]], [0, 1], "points .* row 1"),
        ([[1.0], [math.inf]], [0, 1], "points .* row 1"),
        ([[1.0], [2.0]], [0, 1.5], "labels must be integers, but row 1 has 1.5"),
        ([[1.0], [2.0]], [0, math.nan], "labels .* row 1"),
        ([[1.0], [2.0]], [0, 1, 2], "labels must have shape"),
        ([[1.0], [2.0]], [[0, 1], [1, 0]], "labels must have shape"),
    ],
)
def test_bad_input_is_named(points, labels, message):
    with pytest.raises(ValueError, match=message):
        memorize_narrow(points, labels)


def test_evaluations_refuse_points_of_another_dimension():
    network = memorize_narrow([[1, 2], [3, 4]], [0, 1]).network
    with pytest.raises(ValueError, match="2 coordinates"):
        network.evaluate([1])
    with pytest.raises(ValueError, match="2 columns"):
        network.evaluate_many([[1]])
    with pytest.raises(ValueError, match="2 columns"):
        network.evaluate_float64([[1]])
