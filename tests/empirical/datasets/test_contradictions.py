import numpy as np

from empirical.datasets import ImageSplit, load
from empirical.datasets.contradictions import contradictions, told
from empirical.datasets.lazy_images import ComputedImages


def split_of(values, labels):
    images = np.zeros((len(values), 1, 3, 3), np.uint8)
    images[:, 0, 1, 1] = values
    images[:, 0, 0, 0] = np.arange(len(values))
    return ImageSplit(images, np.array(labels, np.int64))


def test_rows_of_equal_images_with_different_labels():
    split = split_of([5, 6, 5, 7, 6, 5, 6], [0, 1, 0, 2, 0, 1, 0])
    assert contradictions(split) == [], "their corners differ"
    pairs = contradictions(split, crop=1)
    assert pairs == [(1, 4), (0, 5), (1, 6)]
    sentence = told([*pairs, (0, 1)], split)
    assert "rows 1 and 4 (labels 1 and 0), 0 and 5 (labels 0 and 1), 1 and 6 (labels 1 and 0) and 1 more" in sentence


def test_real_images_have_none():
    assert contradictions(load("digits").train) == []


def test_images_that_are_not_in_memory_are_not_read():
    images = ComputedImages((2, 1, 1, 1), np.dtype(np.uint8), lambda samples: 1 / 0)
    assert contradictions(ImageSplit(images, np.array([0, 1]), "lazy")) == []
