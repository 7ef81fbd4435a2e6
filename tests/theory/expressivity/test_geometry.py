import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory.claims import Verdict
from theory.common.rounding import UNIT_ROUNDOFF
from theory.expressivity import DepthTwoNetwork, geometry, relu_interpolant
from theory.expressivity.geometry import CLAIMS, interpolant_geometry

IMAGES = st.tuples(st.integers(1, 20), st.integers(1, 4)).flatmap(
    lambda shape: hnp.arrays(np.uint8, shape).map(lambda array: np.unique(array, axis=0))
)
SAMPLES = IMAGES.flatmap(
    lambda array: st.tuples(
        st.just(array),
        hnp.arrays(np.float64, len(array), elements=st.floats(-100, 100, width=32, allow_subnormal=False)),
    )
)


def test_by_hand_on_a_line():
    """Slopes 1/2, 1, 6 (z = 0, 1, 2 and b = -2, 0, 1): weights 1/2, 1/2, 5."""
    points, labels = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 8.0])
    measured = interpolant_geometry(relu_interpolant(points, labels), points, labels)
    assert measured.lipschitz == measured.lipschitz_needed == 6
    assert measured.lipschitz_bound == 16
    assert (measured.weight_l1, measured.weight_max, measured.weight_bound) == (6, 5, 32)
    assert measured.weight_l2 == pytest.approx(math.sqrt(25.5), rel=1e-15)
    assert measured.robust_radius == pytest.approx(1 / 12, rel=1e-15)


def test_by_hand_in_the_plane():
    """Projections on (3, 4) are 0 and 5: slope 1/5, times ||a|| = 5; but the points are sqrt(26) apart."""
    points, labels = np.array([[0.0, 0.0], [-1.0, 2.0]]), np.array([0.0, 1.0])
    network = DepthTwoNetwork(np.array([3.0, 4.0]), np.array([-5.0, 0.0]), np.array([[0.0], [0.2]]))
    measured = interpolant_geometry(network, points, labels)
    assert measured.lipschitz == pytest.approx(1, rel=1e-15)
    assert measured.lipschitz_needed == pytest.approx(1 / math.sqrt(5), rel=1e-15)


def test_labels_that_ask_for_the_bounds():
    points, labels = np.arange(1, 8)[:, None], (-1.0) ** np.arange(7)
    measured = interpolant_geometry(relu_interpolant(points, labels), points, labels)
    assert measured.lipschitz == measured.lipschitz_bound == 2
    assert measured.weight_max == measured.weight_bound == 4


def test_the_steepest_output_counts():
    points = np.array([[0], [1], [3]])
    labels = np.array([[0.0, 0.0], [1.0, 5.0], [0.0, 6.0]])
    measured = interpolant_geometry(relu_interpolant(points, labels), points, labels)
    assert measured.lipschitz == measured.lipschitz_needed == 5


def test_constant_zero_is_perfectly_robust():
    measured = interpolant_geometry(relu_interpolant([[3.0]], [0.0]), [[3.0]], [0.0])
    assert measured.lipschitz == measured.lipschitz_needed == 0
    assert measured.robust_radius == math.inf


@given(SAMPLES, st.integers(0, 2**32))
def test_lipschitz_bound_holds_for_random_pairs(sample, seed):
    points, labels = sample
    network = relu_interpolant(points, labels)
    measured = interpolant_geometry(network, points, labels)
    near = np.random.default_rng(seed).integers(-100, 356, (50, 2, points.shape[1])).astype(float)
    climbs = np.abs(network(near[:, 0]) - network(near[:, 1]))
    distances = np.linalg.norm(near[:, 0] - near[:, 1], axis=1)
    # The stable evaluation is good to a few units in the last place of a value and of a slope's rise.
    rounding = 16 * UNIT_ROUNDOFF * measured.lipschitz * 1000
    assert (climbs <= measured.lipschitz * distances * (1 + 1e-12) + rounding).all()


@given(SAMPLES)
def test_bounds_hold(sample):
    points, labels = sample
    network = relu_interpolant(points, labels)
    measured = interpolant_geometry(network, points, labels)
    # The weights aim from where rounding left the function: off by a few u of a slope over a whole gap, which the least
    # gap divides again.
    z = network.project(points)
    gaps = np.sort(z) - network.biases
    slack = 1 + 32 * UNIT_ROUNDOFF * float(gaps.max() / gaps.min())
    assert measured.lipschitz <= measured.lipschitz_bound * slack
    assert measured.weight_max <= measured.weight_bound * slack
    assert measured.lipschitz_needed <= measured.lipschitz * slack
    assert measured.weight_max <= measured.weight_l2 * (1 + 1e-15) <= measured.weight_l1 * (1 + 1e-14)


@given(IMAGES, st.randoms(use_true_random=False))
def test_no_change_within_the_radius_changes_the_class(images, random):
    """At the very direction in which the network is steepest, for integer and one-hot labels."""
    classes = np.array([random.randrange(3) for _ in images])
    assume(classes.any())
    integer = relu_interpolant(images, classes)
    one_hot = relu_interpolant(images, np.eye(3)[classes])
    for network, labels in ((integer, classes), (one_hot, np.eye(3)[classes])):
        radius = interpolant_geometry(network, images, labels).robust_radius
        unit = network.direction / np.linalg.norm(network.direction)
        for sign in (-1, 1):
            outputs = network(images + sign * 0.999 * radius * unit)
            predictions = outputs.argmax(axis=1) if outputs.ndim == 2 else np.rint(outputs)
            assert (predictions == classes).all()


def test_many_points_are_compared_with_their_neighbours(monkeypatch):
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((60, 3)), random.integers(0, 10, 60)
    network = relu_interpolant(points, labels)
    of_all = interpolant_geometry(network, points, labels).lipschitz_needed
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(60, 1)]
    climbs = np.abs(labels[:, None] - labels[None])[np.triu_indices(60, 1)]
    assert of_all == pytest.approx((climbs / distances).max(), rel=1e-12)
    monkeypatch.setattr(geometry, "ALL_PAIRS_UP_TO", 10)
    assert 0 < interpolant_geometry(network, points, labels).lipschitz_needed <= of_all


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_scales(scale):
    points, labels = np.array([[0.0, 0.0], [3.0, 4.0]]) * scale, np.array([0.0, 1.0])
    network = DepthTwoNetwork(np.array([1 / scale, 0.0]), np.array([-3.0, 0.0]), np.array([[0.0], [1 / 3]]))
    measured = interpolant_geometry(network, points, labels)
    assert measured.lipschitz_needed * scale == pytest.approx(0.2, rel=1e-14)
    assert measured.lipschitz * scale == pytest.approx(1 / 3, rel=1e-14)


def test_equal_points_are_one():
    points, labels = np.array([[1, 2], [1, 2], [3, 5]]), np.array([1.0, 1.0, 4.0])
    assert interpolant_geometry(relu_interpolant(points, labels), points, labels).lipschitz_needed == pytest.approx(
        3 / math.sqrt(13), rel=1e-15
    )


def test_another_sample_is_refused():
    network = relu_interpolant([[0.0], [1.0], [3.0]], [0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="not the relu_interpolant of these points"):
        interpolant_geometry(network, [[0.0], [2.0], [3.0]], [0.0, 1.0, 0.0])


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_claims_hold(checked, seed):
    assert checked.check(seed).verdict is Verdict.HOLDS


def test_the_growth_check_can_fail(monkeypatch):
    """Points that repel each other, as equal gaps do: L grows like n."""
    growth = CLAIMS[0]
    monkeypatch.setattr(geometry, "_steepest", lambda z, labels: 9 * len(z) / (z[-1] - z[0]))
    assert growth.check(0).verdict is Verdict.DOES_NOT_HOLD
