import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirical.datasets import ImageDataset, ImageSplit


def images(n, shape=(3, 4, 5), dtype=np.uint8, first=0):
    return (np.arange(n * np.prod(shape)).reshape(n, *shape) + first).astype(dtype)


def split(n, classes=3, **kwargs):
    return ImageSplit(images(n, **kwargs), np.arange(n, dtype=np.int64) % classes)


def dataset(n_train=6, n_test=3):
    return ImageDataset("toy", split(n_train), split(n_test), ("a", "b", "c"), "made up")


def test_split_accepts_bytes_and_drawn_images():
    assert split(2).images.dtype == np.uint8
    assert split(2, dtype=np.float32).images.dtype == np.float32


@pytest.mark.parametrize(
    ("bad_images", "labels", "error", "message"),
    [
        (
            images(2, dtype=np.float64),
            np.zeros(2, np.int64),
            TypeError,
            "images must be uint8 or float32, got float64",
        ),
        (images(2, dtype=">f4"), np.zeros(2, np.int64), TypeError, "got >f4"),
        (images(2), np.zeros(2, np.int32), TypeError, "labels must be int64, got int32"),
        (images(2)[0], np.zeros(2, np.int64), ValueError, r"\(n, channels, height, width\).*got \(3, 4, 5\)"),
        (images(0), np.zeros(0, np.int64), ValueError, r"none of them zero, got \(0, 3, 4, 5\)"),
        (images(2), np.zeros((2, 1), np.int64), ValueError, r"labels must have shape \(n,\), got \(2, 1\)"),
        (images(3), np.zeros(2, np.int64), ValueError, "3 images, but 2 labels"),
    ],
)
def test_split_says_what_is_wrong(bad_images, labels, error, message):
    with pytest.raises(error, match=message):
        ImageSplit(bad_images, labels)


def test_data_cannot_be_altered_in_place():
    part = split(4).first(2)
    for array in (part.images, part.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_digest_is_as_defined():
    part = split(2)
    content = b"uint8 (2, 3, 4, 5)\n" + part.images.tobytes() + b"int64 (2,)\n" + part.labels.tobytes()
    assert part.digest == hashlib.sha256(content).hexdigest()


def test_digest_does_not_depend_on_memory_layout():
    part = split(4)
    reordered = ImageSplit(np.asfortranarray(part.images), np.repeat(part.labels, 2)[::2])
    assert reordered.digest == part.digest
    backwards = ImageSplit(part.images[::-1], part.labels)
    assert backwards.digest == ImageSplit(part.images[::-1].copy(), part.labels).digest != part.digest


def test_digest_sees_every_part():
    part = split(4)
    labels = part.labels.copy()
    labels[-1] += 1
    flipped = part.images.copy()
    flipped[-1, -1, -1, -1] ^= 1
    variants = [
        ImageSplit(part.images, labels),
        ImageSplit(flipped, part.labels),
        ImageSplit(part.images.reshape(4, 3, 5, 4), part.labels),
        ImageSplit(part.images.astype(np.float32), part.labels),
        part.first(3),
    ]
    assert len({part.digest, *(variant.digest for variant in variants)}) == 6


def test_equality_is_identity():
    part, data = split(2), dataset()
    assert part == part
    assert part != split(2)
    assert data != dataset()
    assert len({part, split(2), data, dataset()}) == 4


def test_dataset_describes_itself():
    data = dataset()
    assert data.num_classes == 3
    assert data.image_shape == (3, 4, 5)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_must_be_classes(label):
    bad = ImageSplit(images(2), np.array([0, label], dtype=np.int64))
    with pytest.raises(ValueError, match=r"toy: training labels run from .* with 3 classes they must be in 0 .. 2"):
        ImageDataset("toy", bad, split(2), ("a", "b", "c"), "")
    with pytest.raises(ValueError, match="toy: test labels run from"):
        ImageDataset("toy", split(2), bad, ("a", "b", "c"), "")


def test_splits_must_have_images_of_one_shape():
    with pytest.raises(ValueError, match=r"training images have shape \(3, 4, 5\), but test images \(3, 5, 4\)"):
        ImageDataset("toy", split(2), split(2, shape=(3, 5, 4)), ("a", "b", "c"), "")


@given(n_train=st.none() | st.integers(1, 6), n_test=st.none() | st.integers(1, 3))
def test_subset_is_the_first_images(n_train, n_test):
    data = dataset()
    part = data.subset(n_train, n_test)
    for whole, subset, n in ((data.train, part.train, n_train), (data.test, part.test, n_test)):
        assert np.array_equal(subset.images, whole.images[:n])
        assert np.array_equal(subset.labels, whole.labels[:n])
    assert (part.name, part.class_names) == (data.name, data.class_names)
    assert len(dataset().train.labels) == 6


def test_subset_says_so_in_its_source():
    assert dataset().subset(2).source == "made up; the first 2 of 6 training images"
    assert dataset().subset(n_test=1).source == "made up; the first 1 of 3 test images"
    assert dataset().subset().source == "made up"


@pytest.mark.parametrize("n", [0, -1, 7])
def test_subset_cannot_have_more_than_there_is(n):
    with pytest.raises(ValueError, match=f"^{n} images asked for, of a split that contains 6"):
        dataset().subset(n_train=n)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_that_is_no_number(value):
    images = np.zeros((5, 1, 2, 2), np.float32)
    images[3, 0, 1, 0] = value
    with pytest.raises(ValueError, match="image 3 has a pixel that is NaN or infinite"):
        ImageSplit(images, np.zeros(5, np.int64))
