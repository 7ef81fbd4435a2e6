"""Distances of whitened images: by hand, and of independent noise."""

import numpy as np
import pytest

from empirical.studies.separation import FIRST, separation


def test_by_hand():
    """Whitened patterns of +1 and -1: equal ones are at 0, orthogonal ones at 1, opposite ones at sqrt 2."""
    patterns = np.array([[1, 1, -1, -1], [-1, -1, 1, 1], [1, -1, 1, -1], [3, 3, -3, -3]], dtype=np.float32)
    images = np.kron(100 + 20 * patterns.reshape(4, 1, 2, 2), np.ones((8, 8), dtype=np.float32))
    measured = separation(images, np.array([0, 0, 1, 2]), None)
    assert measured["mean_distance_within_classes"] == pytest.approx(2**0.5, rel=1e-5)
    assert measured["mean_distance"] == pytest.approx((2 * 2**0.5 + 3 * 1 + 0) / 6, rel=1e-5)
    assert measured["nearest_distance"] == pytest.approx(0.0, abs=1e-3)
    assert separation(images, np.arange(4), None)["mean_distance_within_classes"] is None
    with pytest.raises(ValueError, match="two images"):
        separation(images[:1], np.zeros(1, dtype=np.int64), None)


def test_independent_noise_is_at_distance_1():
    """Within 5 standard errors of a mean over pairs, that of one pair: 1/2 sqrt(2/d) at the most."""
    images = np.random.default_rng(0).normal(100, 30, (50, 3, 16, 16)).astype(np.float32)
    measured = separation(images, np.zeros(50, dtype=np.int64), None)
    assert measured["mean_distance"] == pytest.approx(1, abs=2.5 * (2 / 768) ** 0.5)
    assert measured["nearest_distance"] < measured["mean_distance"]


def test_the_first_images_are_measured():
    images = np.random.default_rng(0).normal(100, 30, (FIRST + 1, 1, 2, 2)).astype(np.float32)
    labels = np.zeros(FIRST + 1, dtype=np.int64)
    assert separation(images, labels, None) == separation(images[:FIRST], labels[:FIRST], None)
