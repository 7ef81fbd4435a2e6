from pathlib import Path

import numpy as np
import sklearn.datasets

from empirical.datasets import load_digits


def test_the_split_is_the_same_for_ever():
    data = load_digits()
    assert data.train.digest == "112cfa007e4977d83687e680b45c33965c848641977b51f2ffbd1495242fc59d"
    assert data.test.digest == "70330b70a6ee028d98872e196803b0774577c3de7444e5706ba04675de8a3b02"


def test_every_digit_is_in_one_split_with_its_label():
    data = load_digits()
    assert (len(data.train.labels), len(data.test.labels)) == (1297, 500)
    bunch = sklearn.datasets.load_digits()
    rows = np.concatenate(
        [np.c_[part.images.reshape(len(part.images), -1), part.labels] for part in (data.train, data.test)]
    )
    expected = np.c_[np.rint(bunch.data * 255 / 16), bunch.target]
    assert sorted(map(tuple, rows)) == sorted(map(tuple, expected))


def test_both_splits_have_every_class_and_the_full_range():
    data = load_digits()
    for part in (data.train, data.test):
        assert part.images.min() == 0
        assert part.images.max() == 255
        assert np.bincount(part.labels).min() >= 0.08 * len(part.labels)
    assert data.image_shape == (1, 8, 8)


def test_the_whitening_floor_does_not_bite():
    deviations = (load_digits().train.images / 255).reshape(1297, -1).std(axis=1)
    assert deviations.min() > 1 / 8
    assert (deviations * 16 / 255).max() < 1 / 8  # and would, for all, without the rescaling


def test_the_file_is_read_as_scikit_learn_reads_it(monkeypatch):
    """To the bit, and where a version of scikit-learn keeps the file elsewhere, by scikit-learn itself."""
    read = load_digits()
    monkeypatch.setattr("empirical.datasets.digits._FILE", Path("elsewhere"))
    reference = load_digits()
    for part, counterpart in ((read.train, reference.train), (read.test, reference.test)):
        np.testing.assert_array_equal(part.images, counterpart.images, strict=True)
        np.testing.assert_array_equal(part.labels, counterpart.labels, strict=True)
