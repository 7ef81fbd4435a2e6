from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory.common.rounding import UNIT_ROUNDOFF as U
from theory.expressivity import DeepNetwork, deep_relu_interpolant, enclose, relu_interpolant
from theory.expressivity.deep import Hinges

DEPTHS = (2, 3, 4, 7, 16, 64)


@st.composite
def samples(draw, elements, dtype):
    """Distinct points with labels of one or two outputs, and a depth; n is rarely divisible by depth - 1."""
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 4)))
    points = np.unique(draw(hnp.arrays(dtype, shape, elements=elements)), axis=0)
    outputs = draw(st.sampled_from([(), (2,)]))
    labels = draw(hnp.arrays(np.float64, (len(points), *outputs), elements=st.floats(-100, 100, width=32)))
    return points, labels, draw(st.integers(2, 64))


@given(samples(st.integers(-255, 255), np.int64))
def test_integer_points(sample):
    points, labels, depth = sample
    network = deep_relu_interpolant(points, labels, depth)
    bounds = network.error_bound(points, labels, "pairwise")
    assert (np.abs(network.forward(points) - labels) <= bounds).all()
    assert (np.abs(network(points) - labels) <= bounds).all()
    outputs = network.to_torch()(torch.from_numpy(points)).detach().numpy()
    assert (np.abs(outputs - labels) <= network.error_bound(points, labels, "any")).all()


@given(samples(st.floats(-1e3, 1e3, allow_subnormal=False), np.float64))
def test_real_points(sample):
    points, labels, depth = sample
    try:
        network = deep_relu_interpolant(points, labels, depth)
    except ValueError as error:
        assume("use exact_relu_interpolant" not in str(error))
        raise
    assert (np.abs(network.forward(points) - labels) <= network.error_bound(points, labels, "pairwise")).all()


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("n", [1, 2, 97, 300])
@pytest.mark.parametrize("outputs", [1, 3])
def test_counts(depth, n, outputs):
    """The constants that the module states."""
    d, random = 11, np.random.default_rng(0)
    labels = random.standard_normal((n, outputs))
    network = deep_relu_interpolant(random.integers(0, 256, (n, d)), labels, depth)
    module = network.to_torch()
    assert network.num_weights == sum(parameter.numel() for parameter in module.parameters())
    assert network.depth == depth == len(network.layers) + 1
    if depth == 2:
        assert network.num_weights == n * (1 + outputs) + d
    else:
        assert network.width <= -(-n // (depth - 1)) + 2 + outputs
        assert network.num_weights <= d + (n + depth - 2) * (1 + outputs) + 1 + outputs
    if outputs == 1:
        assert network.num_weights <= 2 * n + d + 2 * depth - (2 if depth > 2 else 4)


@pytest.mark.parametrize("depth", [3, 8])
def test_every_layer_has_its_share(depth):
    points = np.arange(100)
    network = deep_relu_interpolant(points, points % 7, depth)
    sizes = [len(layer.biases) for layer in network.layers]
    assert max(sizes) - min(sizes) <= 2


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_same_function_as_theorem_1_between_the_points(depth):
    random = np.random.default_rng(0)
    points, labels = np.sort(random.integers(0, 10**6, 50)), random.standard_normal(50)
    between = np.linspace(points[0], points[-1], 1001)
    shallow, deep = relu_interpolant(points, labels), deep_relu_interpolant(points, labels, depth)
    np.testing.assert_allclose(deep.forward(between), shallow.sum_of_relus(between), atol=1e-9)


def test_what_is_carried_stays_between_the_labels():
    """For every input: the shift q need not grow with the slopes (module docstring)."""
    random = np.random.default_rng(0)
    points, labels = random.integers(0, 256, (60, 4)), random.uniform(-3, 5, 60)
    network = deep_relu_interpolant(points, labels, 6)
    anywhere = random.integers(-1000, 1000, (500, 4))
    for hidden in range(1, 5):
        part = DeepNetwork(network.direction, network.layers[:hidden], network.origin, network.offsets)
        sums = part.forward(anywhere)
        assert sums.min() >= min(0, labels.min()) - 1e-9
        assert sums.max() <= max(0, labels.max()) + 1e-9
    assert network.offsets == pytest.approx(-labels.min())


def test_a_layer_by_layer_evaluation_needs_its_parts():
    """Without p or s the network would be another one: the plain pass uses them."""
    points, labels = np.arange(40), np.sin(np.arange(40)) - 2
    network = deep_relu_interpolant(points, labels, 5)
    for changes in ({"origin": network.origin + 0.5}, {"offsets": network.offsets - 1.0}):
        spoiled = DeepNetwork(**{**network.__dict__, **changes})
        assert np.abs(spoiled.forward(points) - labels).max() > 0.1


def test_a_sum_below_its_shift_is_cut_off():
    layers = Hinges(np.zeros(1), -np.ones((1, 1))), Hinges(np.zeros(0), np.zeros((0, 1)))
    network = DeepNetwork(np.ones(1), layers, -1.0, np.array([2.0]))  # max(2 - z, 0) - 2 for z > 0
    np.testing.assert_array_equal(network.forward([[1.0], [2.0], [3.0]]), [-1, -2, -2])


def test_float32_module():
    points, labels = np.arange(30), np.arange(30) % 5
    network = deep_relu_interpolant(points, labels, 4)
    module = network.to_torch(dtype=torch.float32, sample=(points, labels))
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    outputs = module(torch.arange(30)[:, None]).detach().numpy()
    np.testing.assert_array_equal(np.rint(outputs), labels)


def test_the_bound_covers_what_a_deep_evaluation_adds():
    """Projections far from zero: z - o rounds, and the bound of the sum of all hinges alone would be violated."""
    points = 2.0**20 + np.random.default_rng(0).uniform(0, 1, (200, 1))
    labels = np.arange(200) % 2 * 1.0
    network = deep_relu_interpolant(points, labels, 6)
    errors = np.abs(network.forward(points) - labels)
    assert (errors <= network.error_bound(points, labels, "pairwise")).all()
    # Another evaluation: the same parameters over the rationals, by Arb.
    assert enclose(network, points, labels).radius <= network.error_bound(points, labels, "pairwise").max()


@pytest.mark.parametrize(("origin", "bias"), [(-1000.1, 1000.1), (-0.1, 1024.05)])
def test_each_rounding_of_a_deep_evaluation_is_in_the_bound(origin, bias):
    """Just behind a hinge all else is small: what is left is the rounding of z - o, and that of b + o."""
    steep = Hinges(np.array([bias]), np.array([[2.0**40]]))
    network = DeepNetwork(np.ones(1), (Hinges(np.zeros(0), np.zeros((0, 1))), steep), origin, np.zeros(1))
    points = bias + origin + np.random.default_rng(0).uniform(1e-10, 1e-9, (500, 1))
    labels = network(points)
    assert (np.abs(network.forward(points) - labels) <= network.error_bound(points, labels, "pairwise")).all()


def test_the_bound_by_hand_where_nothing_else_rounds():
    """Hinges at 0 and 2, two outputs 4 - 2 2 = 0 and 8 at 4, 2 and 4 at 2; each sum carries 8 + 8 + 3 at most."""
    layers = Hinges(np.array([0.0]), np.array([[1.0, 2.0]])), Hinges(np.array([3.0]), np.array([[-2.0, 0.0]]))
    network = DeepNetwork(np.ones(1), layers, -1.0, np.array([1.0, 3.0]), vector_output=True)
    bound = network.error_bound([[4.0], [2.0]], [[0.0, 8.0], [2.0, 4.0]])
    # 4 u for the values at the last knot and since, and gamma_(2 + 3) for the hinges.
    flat = np.array([[4 * (2 + 2) + 5 * (4 + 4), 4 * (4 + 4) + 5 * 8], [4 * 2 + 5 * 2, 4 * 4 + 5 * 4]])
    np.testing.assert_allclose(bound / U, flat + 4 * 3 * (8 + 8 + 3), rtol=1e-9)


def test_the_bound_by_hand_where_projections_round():
    """max(z, 0) through p = z + 1000: 2 u |p| for p, 2 u |z| for the projection, 8 u for the hinge, 12 u carried."""
    layers = Hinges(np.zeros(0), np.zeros((0, 1))), Hinges(np.array([1000.0]), np.ones((1, 1)))
    network = DeepNetwork(np.ones(1), layers, -1000.0, np.zeros(1))
    z = np.array([1000.0, 0.1])
    right = 8 * z + 2 * z + 2 * (z + 1000) + 4 * 3 * (1000 + 1000)
    np.testing.assert_allclose(network.error_bound(z[:, None], z) / U, right, rtol=1e-9)


def test_the_bound_by_hand_where_a_bias_rounds():
    bias, origin, slope = 1000.1, -0.1, 2.0**40
    layers = Hinges(np.zeros(0), np.zeros((0, 1))), Hinges(np.array([bias]), np.array([[slope]]))
    network = DeepNetwork(np.ones(1), layers, origin, np.zeros(1))
    z = (bias + origin) + 1
    by_bias, by_point = (abs(Fraction(x) + Fraction(o) - Fraction(x + o)) for x, o in ((bias, origin), (z, -origin)))
    assert by_bias > 100 * U
    right = (8 * U + float(by_bias)) * (1 + 1e-10) + float(by_point) + 4 * 3 * 2 * U
    assert network.error_bound([[z]], [slope])[0] == pytest.approx(right * slope, rel=1e-12, abs=0)


def test_save_and_load(tmp_path):
    network = deep_relu_interpolant(np.arange(10), np.eye(10), 4)
    network.save(tmp_path / "network.npz")
    loaded = DeepNetwork.load(tmp_path / "network.npz")
    np.testing.assert_array_equal(loaded.forward(np.arange(10)), network.forward(np.arange(10)))
    assert loaded.num_weights == network.num_weights


def test_intervals_of_a_deep_network():
    random = np.random.default_rng(0)
    points, labels = random.integers(0, 256, (100, 8)), random.integers(0, 10, 100)
    network = deep_relu_interpolant(points, labels, 5)
    evidence = enclose(network, points, labels)
    assert evidence.radius <= network.error_bound(points, labels).max()
    forward = network.forward(points)[:, None]
    slack = network.error_bound(points, labels)[:, None]
    assert (evidence.lower - slack <= forward).all()
    assert (forward <= evidence.upper + slack).all()


def test_sizes_by_hand():
    points, labels = np.random.default_rng(0).standard_normal((4, 2)), np.arange(4.0)
    shallow = deep_relu_interpolant(points, labels, 2)
    assert (shallow.depth, shallow.width, shallow.num_weights, shallow.num_wires) == (2, 4, 2 + 4 + 4, 4)
    # Two points and a hinge that levels, with p beside them; then two points, with s beside them. Weights: the
    # direction's 2, two for each of the 5 hinges, o and q. Wires: into 5 hinges, along p and along s.
    deep = deep_relu_interpolant(points, labels, 3)
    assert [len(layer.biases) for layer in deep.layers] == [3, 2]
    assert (deep.depth, deep.width, deep.num_weights, deep.num_wires) == (3, 4, 2 + 10 + 2, 5 + 2)
    # Two outputs: two sums, and the widest layer is the middle one of 2 + 1 hinges, with p and both sums.
    vectors = deep_relu_interpolant(np.arange(6.0), np.stack([np.arange(6.0), -np.arange(6.0)], axis=1), 4)
    assert [len(layer.biases) for layer in vectors.layers] == [3, 3, 2]
    assert (vectors.width, vectors.num_weights, vectors.num_wires) == (6, 1 + 8 * 3 + 3, 8 + 2 * 3)


def test_layers_without_points_have_no_hinges():
    network = deep_relu_interpolant([[0.0], [1.0]], [1.0, 2.0], 6)
    assert [len(layer.biases) for layer in network.layers] == [0, 2, 0, 2, 0], "a point, and a hinge that levels"
    assert network.num_weights == 1 + 2 * 4 + 2


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_labels_that_are_all_zero(depth):
    network = deep_relu_interpolant(np.arange(5.0), np.zeros(5), depth)
    assert (network.forward(np.linspace(-3, 9, 40)) == 0).all()
    assert (network.error_bound(np.arange(5.0), np.zeros(5)) < 1e-300).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": np.ones((1, 1))},
        {"offsets": np.zeros((1, 1))},
        {"offsets": np.zeros(2)},
        {"biases_0": np.zeros(1)},
        {"weights_1": np.zeros(3)},
        {"origin": np.array(np.nan)},
    ],
)
def test_a_file_of_other_shapes(changes, tmp_path):
    path = tmp_path / "network.npz"
    deep_relu_interpolant(np.arange(6.0), np.arange(6.0), 3).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, **changes})
    with pytest.raises(ValueError, match="holds"):
        DeepNetwork.load(path)


@pytest.mark.parametrize(("depth", "error"), [(1, ValueError), (-3, ValueError), (2.5, TypeError), (3.0, TypeError)])
def test_bad_depth(depth, error):
    with pytest.raises(error, match="depth must be an integer"):
        deep_relu_interpolant([[1], [2]], [0, 1], depth)
