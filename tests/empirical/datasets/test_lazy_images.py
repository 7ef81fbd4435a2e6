import numpy as np
import pytest

from empirical.datasets import ImageSplit, lazy_images
from empirical.datasets.lazy_images import ComputedImages, count_values, in_memory

PIXELS = np.random.default_rng(0).integers(0, 256, (150, 3, 4, 5), np.uint8)
LABELS = np.arange(150)


def lazy(pixels=PIXELS, order=None):
    return ComputedImages(pixels.shape, pixels.dtype, lambda samples: pixels[samples], order)


@pytest.mark.parametrize("chosen", [slice(None), slice(3, 90, 7), slice(-4, None), [5, 3, 5], np.array([149]), []])
def test_images_by_index(chosen):
    expected = PIXELS[np.array(chosen, int) if isinstance(chosen, list) else chosen]
    assert np.array_equal(lazy()[chosen], expected)


@pytest.mark.parametrize("chosen", [[150], [-1], 3, [[1]], [0.5], (slice(None), 0)])
def test_other_indices_are_refused(chosen):
    with pytest.raises(IndexError):
        lazy()[chosen]


@pytest.mark.parametrize("order", [None, np.random.default_rng(1).permutation(150)])
def test_all_in_memory(order):
    assert np.array_equal(in_memory(lazy(order=order)), PIXELS)


def test_memory_that_does_not_hold_them(monkeypatch):
    monkeypatch.setattr(lazy_images, "available_memory", lambda: 150 * 60 - 1)
    with pytest.raises(ValueError, match=r"150 images of 3 x 4 x 5 take 0\.0 GB .*--train-size.*--data-storage stream"):
        in_memory(lazy())


def test_the_histogram_is_that_of_all_pixels_and_counted_once():
    reads = []
    images = ComputedImages(PIXELS.shape, PIXELS.dtype, lambda samples: reads.append(len(samples)) or PIXELS[samples])
    expected = np.bincount(PIXELS.ravel(), minlength=256)
    for _ in range(2):
        assert np.array_equal(images.histogram(), expected)
    assert sum(reads) == 150
    assert np.array_equal(count_values(PIXELS), expected)
    with pytest.raises(TypeError, match="a histogram is of uint8 images, these are float32"):
        lazy(PIXELS.astype(np.float32)).histogram()


def test_a_split_of_lazy_images():
    split = ImageSplit(lazy(), LABELS, "made up")
    assert np.array_equal(split.images, PIXELS)
    subset = split.first(10)
    assert subset.stored.shape == (10, 3, 4, 5)
    assert np.array_equal(subset.images, PIXELS[:10])
    assert np.array_equal(subset.labels, LABELS[:10])
    with pytest.raises(ValueError, match="lazy images need an identity"):
        ImageSplit(lazy(), LABELS)


def test_the_first_images_are_read_in_order_too():
    order = np.random.default_rng(2).permutation(150)
    first = lazy(order=order).first(20)
    assert first.reading_order().tolist() == [sample for sample in order if sample < 20]
    assert np.array_equal(in_memory(first), PIXELS[:20])


def test_a_digest_from_the_identity():
    def refuse(samples):
        raise AssertionError("nothing needs decoding")

    unread = ComputedImages(PIXELS.shape, PIXELS.dtype, refuse)
    digest = ImageSplit(unread, LABELS, "a").digest
    assert digest == ImageSplit(PIXELS, LABELS, "a").digest
    digests = {
        ImageSplit(unread, LABELS, "b").digest,
        ImageSplit(unread, LABELS[::-1].copy(), "a").digest,
        ImageSplit(unread, LABELS, "a").first(149).digest,
        ImageSplit(PIXELS, LABELS).digest,
        digest,
    }
    assert len(digests) == 5
