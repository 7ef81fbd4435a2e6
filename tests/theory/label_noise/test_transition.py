import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory.label_noise import (
    copied_accuracy,
    copying_accuracy,
    draw_labels,
    gaussian_accuracy,
    is_independent,
    label_distribution,
    memorised_accuracy,
    noisy_outputs,
    require_transition,
    simulated_accuracy,
)

SKEWED = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]])
seeds = st.integers(0, 2**32)


def random_transition(seed: int, num_classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(num_classes), size=num_classes)


def stronger(p: float) -> np.ndarray:
    return (1 - p) * np.eye(4) + p * np.roll(np.eye(4), 1, axis=1)


def test_labels_follow_the_rows():
    """Chi-square tests of size 0.1% for each row; a class of probability 0 never comes."""
    labels = np.arange(30_000) % 3
    noisy_labels = draw_labels(labels, SKEWED, 0, purpose="test")
    counts = np.zeros((3, 3))
    np.add.at(counts, (labels, noisy_labels), 1)
    assert (counts[SKEWED == 0] == 0).all()
    for row, shares in zip(counts, SKEWED, strict=True):
        possible = shares > 0
        assert stats.chisquare(row[possible], 10_000 * shares[possible]).pvalue > 1e-3 or possible.sum() == 1
    wrong = np.roll(SKEWED[2], 1)
    assert stats.chisquare(counts[2], 10_000 * wrong).pvalue < 1e-3, "another row would be noticed"


@given(st.integers(1, 50), seeds, st.randoms(use_true_random=False))
def test_labels_are_keyed_by_sample(n, seed, random):
    transition = random_transition(seed)
    labels = np.arange(n) % 4
    whole = draw_labels(labels, transition, seed, purpose="test")
    order = np.array(random.sample(range(n), n))
    np.testing.assert_array_equal(draw_labels(labels[order], transition, seed, order, purpose="test"), whole[order])


@given(st.floats(0, 1), st.floats(0, 1), seeds)
def test_weaker_noise_changes_less_and_to_the_same_class(first, second, seed):
    low, high = sorted((first, second))
    labels = np.arange(200) % 4
    less, more = (draw_labels(labels, stronger(p), seed, purpose="test") for p in (low, high))
    changed = less != labels
    np.testing.assert_array_equal(more[changed], less[changed])


def test_seeds_and_purposes_have_streams_of_their_own():
    labels = np.zeros(500, dtype=np.int64)
    first, seed, purpose = (
        draw_labels(labels, SKEWED, seed, purpose=purpose) for seed, purpose in ((0, "a"), (1, "a"), (0, "b"))
    )
    assert (first != seed).any()
    assert (first != purpose).any()


@given(seeds, st.floats(0, 1), st.integers(2, 6))
def test_copying_is_right_as_often_as_the_joint_shares_say(seed, accuracy, k):
    """sum of J_ab P_ab, J the shares of (class of the copied sample, class of the test point). Rounding: k^2 eps."""
    transition = random_transition(seed, k)
    shares = np.full((k, k), (1 - accuracy) / (k * (k - 1)))
    np.fill_diagonal(shares, accuracy / k)
    assert copying_accuracy(transition, accuracy) == pytest.approx(float(np.sum(shares * transition)), abs=1e-14)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 12))
def test_copying_under_uniform_corruption_is_memorisation(accuracy, p, k):
    transition = label_distribution(p, k)
    assert copying_accuracy(transition, accuracy) == pytest.approx(memorised_accuracy(accuracy, p, 1 / k), abs=1e-14)


@given(st.floats(0, 1))
def test_clean_labels_are_copied_as_they_are(accuracy):
    assert copying_accuracy(np.eye(5), accuracy) == pytest.approx(accuracy, abs=1e-15)
    assert copying_accuracy(np.eye(1), accuracy) == 1.0


def test_independence():
    assert is_independent(np.tile([0.2, 0.3, 0.5], (3, 1)))
    assert is_independent(label_distribution(1.0, 10))
    assert not is_independent(label_distribution(1 - 1e-9, 10))
    assert not is_independent(np.roll(np.eye(3), 1, axis=1)), "one permutation of the classes is not random labels"
    assert not is_independent(np.array([[0.2, 0.3, 0.5], [0.3, 0.2, 0.5], [0.2, 0.3, 0.5]])), "a class drawn alike"


@pytest.mark.parametrize(
    ("transition", "says"),
    [
        (np.ones(3), "square"),
        (np.full((2, 3), 1 / 3), "square"),
        (np.empty((0, 0)), "square"),
        (np.array([[1.5, -0.5], [0.0, 1.0]]), "negative"),
        (np.array([[np.nan, 1.0], [0.0, 1.0]]), "not a number"),
        (np.array([[1.0, 0.0], [0.5, 0.4]]), "row 1 sums to 0.9"),
        (np.array([[1.0, 0.0], [0.5, 0.6]]), "row 1 sums to 1.1"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(transition, says):
    with pytest.raises(ValueError, match=says):
        require_transition(transition)


def test_other_classes_are_refused():
    with pytest.raises(ValueError, match="of 3 classes, and the data have 10"):
        require_transition(SKEWED, 10)
    with pytest.raises(ValueError, match=r"labels must be in 0 .. 2"):
        draw_labels(np.array([3]), SKEWED, 0, purpose="test")
    with pytest.raises(ValueError, match="one index for each of 3 labels"):
        draw_labels(np.array([0, 1, 2]), SKEWED, 0, np.array([7]), purpose="test")


@pytest.mark.parametrize("accuracy", [-0.1, 1.1, np.nan])
def test_an_accuracy_is_a_share(accuracy):
    with pytest.raises(ValueError, match="clean_accuracy must lie between 0 and 1"):
        copying_accuracy(SKEWED, accuracy)


def test_lists_are_taken_as_arrays_are():
    P, labels = np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(
        draw_labels(labels.tolist(), P.tolist(), 3, [3, 1, 0, 2], purpose="lists"),
        draw_labels(labels, P, 3, np.array([3, 1, 0, 2]), purpose="lists"),
    )
    assert copying_accuracy(P.tolist(), 0.9) == copying_accuracy(P, 0.9)
    assert not is_independent(P.tolist())
    S, neighbours = np.eye(4)[[1, 0, 3]], np.array([1, 0, 3])
    assert copied_accuracy(neighbours.tolist(), labels.tolist(), [1, 0, 0], 0.4, 2) == copied_accuracy(
        neighbours, labels, np.array([1, 0, 0]), 0.4, 2
    )
    plain, listed = noisy_outputs(S, labels, 0.4, 2), noisy_outputs(S.tolist(), labels.tolist(), 0.4, 2)
    np.testing.assert_array_equal(listed.covariance, plain.covariance)
    np.testing.assert_array_equal(gaussian_accuracy(listed, [1, 0, 0]), gaussian_accuracy(plain, np.array([1, 0, 0])))
    accuracies = [
        simulated_accuracy(S, given, tests, 0.4, 2, draws=5).accuracies
        for given, tests in ((labels.tolist(), [1, 0, 0]), (labels, np.array([1, 0, 0])))
    ]
    np.testing.assert_array_equal(*accuracies)
