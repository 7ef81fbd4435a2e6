"""Copying labels: against enumeration of all label assignments, and scikit-learn's classifier retrained."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from theory.common.arrays import BeyondFloat64Error
from theory.common.streams import generator
from theory.label_noise import (
    copied_accuracy,
    corrupt_labels,
    label_distribution,
    memorised_accuracy,
    nearest_neighbours,
)
from theory.memorisation.nearest_neighbour import nearest_neighbour_memorisation


def test_memorised_accuracy():
    assert memorised_accuracy(0.9, 0.0, 0.1) == 0.9
    assert memorised_accuracy(0.9, 1.0, 0.1) == pytest.approx(0.1)
    assert memorised_accuracy(0.9, 0.5, 0.1) == pytest.approx(0.5)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 4), m=st.integers(1, 6), k=st.integers(1, 3), p=st.floats(0, 1))
def test_moments_are_those_of_all_assignments(seed, n, m, k, p):
    random = generator(seed, "copied-accuracy-test")
    neighbours, labels, right = random.integers(0, n, m), random.integers(0, k, n), random.integers(0, k, m)
    assignments = np.array(list(itertools.product(range(k), repeat=n)))
    weights = np.prod(label_distribution(p, k)[labels, assignments], axis=1)
    accuracies = np.mean(assignments[:, neighbours] == right, axis=1)
    mean = weights @ accuracies
    exact = copied_accuracy(neighbours, labels, right, p, k)
    assert exact.mean == pytest.approx(mean, abs=1e-14)  # sums of at most 81 terms in [0, 1]
    assert exact.variance == pytest.approx(weights @ (accuracies - mean) ** 2, abs=1e-14)
    assert exact.mean == pytest.approx(memorised_accuracy(np.mean(labels[neighbours] == right), p, 1 / k), abs=1e-14)


def test_is_one_nearest_neighbour():
    random = generator(1, "nearest-neighbour-test")
    train, test = random.standard_normal((40, 5)), random.standard_normal((30, 5))
    labels = random.integers(0, 3, 40)
    neighbours = nearest_neighbours(train, test)
    distances = np.linalg.norm(test[:, None] - train, axis=2)
    np.testing.assert_array_equal(neighbours, distances.argmin(1))
    noisy = corrupt_labels(labels, 3, 0.5, 2)
    predicted = KNeighborsClassifier(1).fit(train, noisy).predict(test)
    np.testing.assert_array_equal(noisy[neighbours], predicted)


def test_a_common_neighbour_correlates():
    right = np.zeros(100, dtype=np.int64)
    shared = copied_accuracy(right, np.array([0]), right, 0.4, 4)
    apart = copied_accuracy(np.arange(100), right, right, 0.4, 4)
    assert shared.mean == pytest.approx(0.7)
    assert shared.variance == pytest.approx(0.7 * 0.3)
    assert apart.variance == pytest.approx(0.7 * 0.3 / 100)


def test_refusals():
    zeros = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="must be of one length"):
        copied_accuracy(zeros[:0], zeros, zeros[:0], 0.1, 2)
    with pytest.raises(ValueError, match="must be of one length"):
        copied_accuracy(zeros, zeros, np.zeros(2, dtype=np.int64), 0.1, 2)
    with pytest.raises(ValueError, match="indices of the 1 training samples"):
        copied_accuracy(zeros + 1, zeros, zeros, 0.1, 2)
    with pytest.raises(ValueError, match="labels must be in"):
        copied_accuracy(zeros, zeros, zeros + 5, 0.1, 2)


def test_integers_that_float64_does_not_hold_are_refused():
    with pytest.raises(BeyondFloat64Error, match="train contains values"):
        nearest_neighbours(np.array([[2**60], [2**60 + 3]]), np.array([[2**60 + 2]]))
    with pytest.raises(BeyondFloat64Error, match="points contains values"):
        nearest_neighbour_memorisation(np.array([[2**60], [2**60 + 3], [2**60 + 2]]), [0, 1, 0], 1)
