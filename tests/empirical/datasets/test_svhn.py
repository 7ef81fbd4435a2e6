"""SVHN from tiny MATLAB files of the official layout."""

import numpy as np
import pytest
from scipy.io import savemat

from empirical.datasets import DataNotFoundError, load


def write(root, **changes):
    """Files of 5 training and 3 test images; returns the training arrays."""
    random = np.random.default_rng(0)
    for name, n in (("test", 3), ("train", 5)):
        content = {
            "X": random.integers(0, 256, (32, 32, 3, n), np.uint8),
            "y": np.array([[10], [1], [9], [10], [2]][:n], np.uint8),
        }
        savemat(root / f"{name}_32x32.mat", content | changes, do_compression=True)
    return content["X"], content["y"]


def test_layout(tmp_path):
    pixels, _ = write(tmp_path)
    data = load("svhn", tmp_path)
    assert data.train.labels.tolist() == [0, 1, 9, 0, 2]
    assert data.test.labels.tolist() == [0, 1, 9]
    for at, (row, column, channel) in ((0, (3, 5, 1)), (4, (31, 0, 2))):
        assert data.train.images[at, channel, row, column] == pixels[row, column, channel, at]
    assert (data.name, data.num_classes) == ("svhn", 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.zeros((2, 1), np.uint8)}, "y is not a digit 1 .. 10 for each of 5 images"),
        ({"y": np.full((5, 1), 11)}, "y is not a digit"),
        ({"y": np.full((5, 1), np.nan)}, "y is not a digit"),
        ({"X": np.zeros((5, 32, 32, 3), np.uint8)}, r"X is uint8 \(5, 32, 32, 3\), not bytes \(32, 32, 3, n\)"),
        ({"X": np.zeros((32, 32, 3, 5))}, "X is float64"),
    ],
)
def test_damaged_content(tmp_path, changes, message):
    write(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load("svhn", tmp_path)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"train_32x32.mat, test_32x32.mat[\s\S]*--download"):
        load("svhn", tmp_path)
    write(tmp_path)
    for content in (b"", b"MATLAB 5.0 MAT-file", b"\x00" * 500):
        (tmp_path / "train_32x32.mat").write_bytes(content)
        with pytest.raises(ValueError, match=r"train_32x32.mat: not a MATLAB file with the arrays X and y"):
            load("svhn", tmp_path)
    savemat(tmp_path / "train_32x32.mat", {"Z": np.zeros(3)})
    with pytest.raises(ValueError, match=r"train_32x32.mat: not a MATLAB file with the arrays X and y"):
        load("svhn", tmp_path)
