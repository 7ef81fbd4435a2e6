from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory.common.rounding import UNIT_ROUNDOFF as U
from theory.common.rounding import gamma
from theory.expressivity import DepthTwoNetwork, enclose, interpolate, projection, relu_interpolant


def samples(elements, dtype, max_n=30, max_d=6):
    """Points with pairwise different rows, and real labels."""
    shapes = st.tuples(st.integers(1, max_n), st.integers(1, max_d))
    points = shapes.flatmap(lambda shape: hnp.arrays(dtype, shape, elements=elements)).map(
        lambda array: np.unique(array, axis=0)
    )
    return points.flatmap(
        lambda array: st.tuples(
            st.just(array), hnp.arrays(np.float64, len(array), elements=st.floats(-100, 100, width=32))
        )
    )


def exact_value(network: DepthTwoNetwork, point: np.ndarray) -> Fraction:
    """c(x) of the float parameters, by the definition, over the rationals."""
    a, b = ([Fraction(float(v)) for v in vector] for vector in (network.direction, network.biases))
    z = sum((ak * Fraction(float(xk)) for ak, xk in zip(a, point, strict=True)), Fraction(0))
    return sum(
        (Fraction(float(w)) * max(z - bj, Fraction(0)) for w, bj in zip(network.weights[:, 0], b, strict=True)),
        Fraction(0),
    )


@given(samples(st.integers(0, 255), np.uint8))
def test_images_are_interpolated_within_the_proved_bound(sample):
    points, labels = sample
    network = relu_interpolant(points, labels)
    assert network.num_weights == 2 * len(points) + points.shape[1]
    bounds = network.error_bound(points, labels, "pairwise")
    assert (np.abs(network.sum_of_relus(points) - labels) <= bounds).all()
    assert (np.abs(network(points) - labels) <= bounds).all()
    module = network.to_torch()
    outputs = module(torch.from_numpy(points)).detach().numpy()
    assert (np.abs(outputs - labels) <= network.error_bound(points, labels, "any")).all()


@given(samples(st.floats(-1e3, 1e3, allow_subnormal=False), np.float64))
def test_real_points_are_interpolated_within_the_proved_bound(sample):
    points, labels = sample
    try:
        network = relu_interpolant(points, labels)
    except ValueError as error:
        assume("use exact_relu_interpolant" not in str(error))  # a clear refusal is allowed
        raise
    errors = np.abs(network.sum_of_relus(points) - labels)
    assert (errors <= network.error_bound(points, labels, "pairwise")).all()


@settings(max_examples=30)
@given(samples(st.floats(-10, 10, width=16), np.float64, max_n=12, max_d=3))
def test_both_evaluations_are_those_of_the_float_network(sample):
    """The stable route and the sum agree with exact arithmetic on the very same weights, away from the sample too."""
    points, labels = sample
    try:
        network = relu_interpolant(points, labels)
    except ValueError:
        assume(False)
    assume(projection.is_exact_projection(points, network.direction))
    for x in np.concatenate([points, (points[:-1] + points[1:]) / 2]):
        if not projection.is_exact_projection(x[None], network.direction):
            continue
        exact = exact_value(network, x)
        scale = max(
            abs(float(exact)), float(np.abs(network.weights).sum()) * float(np.ptp(network.project(points)) + 1)
        )
        assert abs(Fraction(float(network(x[None])[0])) - exact) <= Fraction(1e-15 * scale)
        assert abs(Fraction(float(network.sum_of_relus(x[None])[0])) - exact) <= Fraction(1e-13 * scale)


def test_several_outputs_share_direction_and_biases():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((40, 5)), np.eye(10)[random.integers(0, 10, 40)]
    network = relu_interpolant(points, labels)
    assert network.num_weights == 40 * (10 + 1) + 5
    assert network(points).shape == (40, 10)
    np.testing.assert_array_equal(network(points).argmax(axis=1), labels.argmax(axis=1))
    assert (np.abs(network.sum_of_relus(points) - labels) <= network.error_bound(points, labels)).all()


@pytest.mark.parametrize(
    "convert", [torch.from_numpy, lambda x: x.astype(np.float16), lambda x: x.tolist(), lambda x: x]
)
def test_inputs_of_every_kind(convert):
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4), dtype=np.uint8)
    labels = torch.arange(20)
    network = relu_interpolant(convert(images), labels)
    np.testing.assert_array_equal(np.rint(network(convert(images))), np.arange(20))


def test_a_result_does_not_depend_on_the_rest_of_the_batch():
    random = np.random.default_rng(0)
    points = random.standard_normal((3000, 37))
    network = relu_interpolant(points, random.standard_normal(3000))
    rows = random.permutation(3000)[:50]
    np.testing.assert_array_equal(network(points[rows]), network(points)[rows])
    for row in rows[:10]:
        assert network(points[row : row + 1])[0] == network(points)[row]


def test_the_weights_are_accurate_beyond_131072_points():
    """Ever larger errors of rounded slopes are made good by the weights that follow, at every n."""
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((2**17 + 1, 3)), random.integers(0, 10, 2**17 + 1)
    network = relu_interpolant(points, labels)
    z = np.sort(network.project(points))
    slopes = np.diff(labels[np.argsort(network.project(points))], prepend=0.0) / (z - network.biases)
    closed = DepthTwoNetwork(network.direction, network.biases, np.diff(slopes, prepend=0.0)[:, None])
    errors = [np.abs(model(points) - labels).max() for model in (network, closed)]
    assert errors[0] < 1e-8
    assert errors[0] < errors[1] / 1e4


@pytest.mark.parametrize(("order", "additions"), [("any", 5), ("pairwise", 4)])
def test_the_bound_by_hand(order, additions):
    """At 5, hinges of 5, 4, 3, 2, 1 with alternating signs: 3, of which 2 at the last knot and 1 since."""
    network = DepthTwoNetwork(np.ones(1), np.arange(5.0), np.array([[1.0], [-1], [1], [-1], [1]]))
    right = 4 * U * (2 + 1) + (gamma(additions + 3) + 2.0**-90) * 15
    assert network.error_bound([[5.0]], [3.0], order)[0] == pytest.approx(right * (1 + 1e-10), rel=1e-14, abs=0)


def test_the_bound_counts_what_may_underflow():
    network = DepthTwoNetwork(np.ones(1), np.zeros(1), np.zeros((1, 1)))
    assert network.error_bound([[1.0]], [0.0])[0] == (1 + 3) * 2.0**-1074


def test_the_bound_notices_a_wrong_weight():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((50, 3)), random.standard_normal(50)
    network = relu_interpolant(points, labels)
    before = network.error_bound(points, labels).max()
    weights = network.weights.copy()
    weights[7] += 1e-3
    spoiled = DepthTwoNetwork(network.direction, network.biases, weights)
    assert spoiled.error_bound(points, labels).max() > 1e3 * before


def test_a_coarser_dtype_agrees_on_the_sample_or_is_refused():
    points = np.arange(100)[:, None]
    labels = points[:, 0] % 7
    network = relu_interpolant(points, labels)
    with pytest.raises(ValueError, match=r"torch\.float32 may round the network to another one: give sample"):
        network.to_torch(dtype=torch.float32)
    module = network.to_torch(dtype=torch.float32, sample=(points, labels))
    assert sum(parameter.numel() for parameter in module.parameters()) == 2 * 100 + 1
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    outputs = module(torch.from_numpy(points)).detach().numpy()
    np.testing.assert_array_equal(np.rint(outputs), labels)


@pytest.mark.parametrize("scale", [1.0, 1e60])
def test_a_network_that_float32_would_spoil_is_refused(scale):
    random = np.random.default_rng(0)
    points, labels = scale * random.standard_normal((1000, 50)), random.integers(0, 10, 1000)
    with pytest.raises(ValueError, match=r"rounded to torch\.float32 the network misses a label by"):
        relu_interpolant(points, labels).to_torch(dtype=torch.float32, sample=(points, labels))


def test_the_bound_for_any_order_covers_projections_rounded_otherwise():
    """Near a steep piece a projection summed in another order matters more than all else: the term for it does."""
    random = np.random.default_rng(0)
    points = random.standard_normal((300, 400))
    points[150:] = points[:150]
    points[150:, 0] += 1e-9  # pairs that nearly coincide: slopes of 1e9
    labels = np.repeat([0.0, 1.0], 150)
    network = relu_interpolant(points, labels)
    orders = [random.permutation(400) for _ in range(20)]
    worst = np.zeros(300)
    for order in orders:
        z = sum(points[:, k] * network.direction[k] for k in order)
        exact = network._at(np.asarray(z))
        worst = np.maximum(worst, np.abs((exact[0] + exact[1])[:, 0] - labels))
    assert (worst <= network.error_bound(points, labels)).all()
    steep = network.error_bound(points, labels) - projection.projection_error(points, network.direction) * (
        network.lipschitz_in_projection
    )
    assert (worst > steep).any(), "without its projection term the bound would be violated here"


def test_int8_images():
    points = np.array([[-128, 5], [127, -128], [0, 0]], dtype=np.int8)
    labels = np.array([1.0, 2.0, 3.0])
    network = DepthTwoNetwork(np.array([0.3, 0.7]), np.array([-200.0, -60.0, 0.0]), np.ones((3, 1)))
    same = network.error_bound(points.astype(np.float64), labels)
    np.testing.assert_allclose(network.error_bound(points, labels), same)
    assert (same >= 0).all()
    assert projection.projection_error(points, network.direction).min() >= 0


def test_questions_that_do_not_fit_the_network():
    network = relu_interpolant([[1.0], [2.0]], [0, 1])
    with pytest.raises(ValueError, match="order must be 'pairwise' or 'any', got 'Any'"):
        network.error_bound([[1.0]], [0], "Any")
    with pytest.raises(ValueError, match="labels have 2 columns, the network has 1 outputs"):
        network.error_bound([[1.0]], [[0, 100]])
    with pytest.raises(ValueError, match="labels have 2 columns, the network has 1 outputs"):
        enclose(network, [[1.0]], [[0, 100]])
    with pytest.raises(ValueError, match="points have 2 coordinates, the network takes 1"):
        enclose(network, [[1.0, 2.0]], [0])


def test_labels_that_would_underflow_go_the_exact_route():
    points, labels = np.arange(20.0)[:, None] * 1e30, np.arange(20) * 1e-322
    with pytest.raises(ValueError, match="make slopes that underflow float64"):
        relu_interpolant(points, labels)
    np.testing.assert_array_equal(interpolate(points, labels)(points), labels)


def test_memory_order_changes_nothing():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((500, 30)), random.standard_normal(500)
    network = relu_interpolant(np.asfortranarray(points), labels)
    np.testing.assert_array_equal(network(points), network(np.asfortranarray(points)))


def test_save_and_load(tmp_path):
    network = relu_interpolant(np.arange(12).reshape(6, 2), np.arange(6))
    network.save(tmp_path / "network.npz")
    loaded = DepthTwoNetwork.load(tmp_path / "network.npz")
    np.testing.assert_array_equal(loaded.weights, network.weights)
    np.testing.assert_array_equal(loaded([[0, 1]]), network([[0, 1]]))


@pytest.mark.parametrize(
    "points",
    [
        [[3.0]],  # n = 1, d = 1
        [[0.0]],
        [[1e300], [-1e300], [0.5e300]],
        [[1e-300], [-1e-300], [3e-300]],
        [[5e-324], [0.0], [1e-323]],  # subnormal
        [[1.0], [1.0 + 2.0**-52], [1.0 - 2.0**-53]],  # one unit in the last place apart
        [[1e300, 1.0], [1e300, 1.0 + 2.0**-52], [2e300, 1.0]],  # coordinates on different scales
        [[1e-320, 1.0], [2e-320, 1.0]],
        [[2.0**53, 0], [2.0**53, 1], [2.0**53 - 1, 1]],
        [[k, 2 * k, 3 * k] for k in range(9)],  # on a line
        [[-0.0, 1.0], [0.0, 2.0]],
    ],
)
def test_extreme_points_are_interpolated_or_refused(points):
    points = np.array(points)
    labels = np.arange(1.0, len(points) + 1)
    network = relu_interpolant(points, labels)
    np.testing.assert_array_equal(np.rint(network(points)), labels)
    assert (np.abs(network.sum_of_relus(points) - labels) <= network.error_bound(points, labels, "pairwise")).all()


@pytest.mark.parametrize("dtype", [np.uint64, np.int64])
def test_integers_that_float64_cannot_hold(dtype):
    points = np.array([[2**53], [2**53 + 1]], dtype=dtype)
    with pytest.raises(ValueError, match=r"points contains values that float64 does not hold exactly, row 1"):
        relu_interpolant(points, [0, 1])


def test_equal_points_with_equal_labels_count_once():
    network = relu_interpolant([[1, 2], [3, 4], [1, 2]], [5, 6, 5])
    assert network.num_weights == 2 * 2 + 2
    np.testing.assert_array_equal(np.rint(network([[1, 2], [3, 4]])), [5, 6])


def test_equal_points_with_different_labels():
    with pytest.raises(ValueError, match=r"different labels in rows 0 and 2, 0 and 3: no function"):
        relu_interpolant([[1, 2], [3, 4], [1, 2], [1, 2]], [5, 6, 7, 8])


@pytest.mark.parametrize(
    ("points", "labels", "error", "message"),
    [
        ([[1.0], [np.nan]], [0, 1], ValueError, "points contains NaN or infinite values, row 1"),
        ([[np.inf, 1.0], [2.0, 3.0]], [0, 1], ValueError, "points contains NaN or infinite values, row 0"),
        ([[1.0], [2.0]], [np.inf, 1], ValueError, "labels contains NaN or infinite values, row 0"),
        ([], [], ValueError, "points is empty"),
        (np.empty((3, 0)), [0, 1, 2], ValueError, "points is empty"),
        ([[1.0], [2.0]], [0], ValueError, r"labels must have shape \(2,\) or \(2, k\)"),
        ([[1.0], [2.0]], [[[0]], [[1]]], ValueError, "labels must have shape"),
        (np.array([[1j], [2]]), [0, 1], TypeError, "points must hold real numbers"),
        ([["a"], ["b"]], [0, 1], TypeError, "points must hold real numbers"),
        ([[0.0], [1e-300]], [1e300, -1e300], ValueError, "the weights overflow float64"),
        ([[0.0], [1.0], [1 + 1e-12]], [0, 0, 1e290], ValueError, "the weights overflow float64"),  # nearly, and one
    ],
)
def test_bad_input(points, labels, error, message):
    with pytest.raises(error, match=message):
        relu_interpolant(points, labels)


def test_wrong_dimension_of_new_points():
    network = relu_interpolant([[1, 2], [3, 4]], [0, 1])
    with pytest.raises(ValueError, match="points have 3 coordinates, the network takes 2"):
        network([[1, 2, 3]])


def test_labels_that_are_all_zero():
    network = relu_interpolant(np.arange(5.0), np.zeros(5))
    assert (network(np.linspace(-3, 9, 40)) == 0).all()
    assert (network.error_bound(np.arange(5.0), np.zeros(5)) < 1e-300).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": np.ones((1, 1))},
        {"biases": np.ones((3, 1))},
        {"weights": np.ones(3)},
        {"weights": np.ones((2, 1))},
        {"weights": np.ones((3, 1, 1))},
    ],
)
def test_a_file_of_other_shapes(changes, tmp_path):
    path = tmp_path / "network.npz"
    relu_interpolant(np.arange(3.0), np.arange(3.0)).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, **changes})
    with pytest.raises(ValueError, match="holds no network"):
        DepthTwoNetwork.load(path)


@pytest.mark.parametrize("convert", [lambda a: a[::-1], lambda a: a.astype(">f8"), lambda a: a[:, ::-1].astype(">f4")])
def test_a_sample_in_any_order_of_rows_columns_and_bytes(convert):
    points = convert(np.random.default_rng(0).standard_normal((6, 4)))
    labels = np.arange(6)
    module = relu_interpolant(points, labels).to_torch(dtype=torch.float32, sample=(points, labels))
    assert next(module.parameters()).dtype == torch.float32
