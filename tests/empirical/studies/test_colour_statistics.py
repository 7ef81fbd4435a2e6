"""Colours without shapes: blind to the order of an image's pixels, and to nothing else."""

import numpy as np
import pytest

from empirical.randomization import permute_pixels_of_each
from empirical.studies.colour_statistics import colour_statistics, colour_statistics_accuracy


def coloured(seed: int, n: int, *, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Noise around a colour of the class's own, `apart` grey levels from the next."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    images = random.normal(100, 20, (n, 3, 6, 6)) + apart * labels[:, None, None, None]
    return images.clip(0, 255).astype(np.uint8), labels


def test_the_order_of_pixels_does_not_matter():
    images, _ = coloured(0, 40, apart=5)
    permuted = permute_pixels_of_each(images, 3, "train")
    assert (permuted != images).any()
    np.testing.assert_allclose(colour_statistics(permuted), colour_statistics(images), rtol=1e-12)


def test_by_hand():
    image = np.array([[[[0, 2], [4, 6]], [[1, 1], [1, 1]]]])
    mean, covariance, quantiles = np.split(colour_statistics(image)[0], [2, 5])
    np.testing.assert_allclose(mean, [3, 1])
    np.testing.assert_allclose(covariance, [5, 0, 0])  # variances 5 and 0, as a population's
    assert quantiles[0] == 0
    assert quantiles[8] == 6
    np.testing.assert_allclose(quantiles[9:], 1)


@pytest.mark.parametrize(("apart", "low", "high"), [(10, 0.95, 1.0), (0, 0.15, 0.35)])
def test_what_colours_tell_and_what_they_do_not(apart, low, high):
    """400 test images in four classes: guessing stays within 15% to 35% with probability 1 - 1e-5."""
    train, test = coloured(1, 800, apart=apart), coloured(2, 400, apart=apart)
    assert low <= colour_statistics_accuracy(*train, *test, 4) <= high


def test_shapes_are_not_seen():
    """A bright pixel, in the place of the class: any rule that sees places is right, and colours are at chance."""
    images, labels = coloured(3, 800, apart=0)
    images[np.arange(800), :, labels, 0] = 255
    assert colour_statistics_accuracy(images[:400], labels[:400], images[400:], labels[400:], 4) < 0.35
