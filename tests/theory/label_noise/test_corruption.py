import hashlib

import numpy as np
import pytest

from theory.label_noise import corrupt_labels, label_distribution, label_variance
from theory.label_noise.corruption import one_hot


def test_draws_are_pinned_and_keyed_by_sample():
    """The stream `label-noise` is that of the experiments: changing it changes everybody's data."""
    labels = np.arange(500, dtype=np.int64) % 10
    whole = corrupt_labels(labels, 10, 0.5, 5)
    assert hashlib.sha256(whole.astype("<i8").tobytes()).hexdigest()[:16] == "6d127ea6afefbb48"
    samples = np.array([7, 3, 400])
    np.testing.assert_array_equal(corrupt_labels(labels[samples], 10, 0.5, 5, samples), whole[samples])
    np.testing.assert_array_equal(corrupt_labels(labels, 10, 0.0, 5), labels)
    changed = whole != labels
    np.testing.assert_array_equal(corrupt_labels(labels, 10, 0.9, 5)[changed], whole[changed])  # nested


def test_purposes_are_independent_draws():
    labels = np.zeros(2000, dtype=np.int64)
    first, second = (corrupt_labels(labels, 10, 1.0, 0, purpose=purpose) for purpose in ("a", "b"))
    assert np.mean(first == second) == pytest.approx(0.1, abs=5 * 0.3 / 2000**0.5)  # five standard errors


@pytest.mark.parametrize("p", [0.0, 0.4, 1.0])
def test_distribution_is_that_of_the_draws(p):
    k, n = 4, 20_000
    distribution = label_distribution(p, k)
    np.testing.assert_allclose(distribution.sum(1), 1)
    indicators = one_hot(corrupt_labels(np.full(n, 2), k, p, 1), k)
    assert np.abs(indicators.mean(0) - distribution[2]).max() <= 5 * 0.5 / n**0.5
    covariance = np.diag(distribution[2]) - np.outer(distribution[2], distribution[2])
    assert label_variance(p, k) == pytest.approx(np.trace(covariance))


def test_refusals():
    with pytest.raises(ValueError, match="label_noise is a probability"):
        label_distribution(1.2, 3)
    with pytest.raises(ValueError, match="num_classes at least 1"):
        label_variance(0.2, 0)
    with pytest.raises(ValueError, match=r"labels must be in 0 .. 2, got 0 .. 3"):
        one_hot(np.array([0, 3]), 3)
    with pytest.raises(ValueError, match="vector of integers"):
        one_hot(np.array([0.0, 1.0]), 3)
