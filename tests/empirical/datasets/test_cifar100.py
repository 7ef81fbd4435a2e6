"""CIFAR-100 from tiny files of the official layouts."""

import pickle

import numpy as np
import pytest

from empirical.datasets import DataNotFoundError, load, load_cifar100
from empirical.datasets.cifar100 import CLASS_NAMES

SIZES = {"train": 6, "test": 4}


@pytest.fixture
def splits():
    random = np.random.default_rng(0)
    return {
        name: (random.integers(0, 256, (n, 3072), np.uint8), random.integers(0, 100, n), random.integers(0, 20, n))
        for name, n in SIZES.items()
    }


def write_binary(root, splits):
    directory = root / "cifar-100-binary"
    directory.mkdir(parents=True)
    for name, (pixels, fine, coarse) in splits.items():
        np.c_[coarse.astype(np.uint8), fine.astype(np.uint8), pixels].tofile(directory / f"{name}.bin")


def write_python(root, splits, dumps):
    directory = root / "cifar-100-python"
    directory.mkdir(parents=True)
    for name, (pixels, fine, coarse) in splits.items():
        names = [b"a.png"] * len(pixels)
        content = {b"filenames": names, b"batch_label": b"training batch 1 of 1", b"data": pixels}
        content |= {b"fine_labels": fine.tolist(), b"coarse_labels": coarse.tolist()}
        (directory / name).write_bytes(dumps(content))


def test_class_names_are_the_official_ones():
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 100
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES), "the official list is in order of the alphabet"


@pytest.mark.parametrize("layout", ["binary", "python 2", "python 3"])
def test_layouts(tmp_path, splits, layout, python2_pickle):
    if layout == "binary":
        write_binary(tmp_path, splits)
    else:
        write_python(tmp_path, splits, python2_pickle if layout[-1] == "2" else lambda value: pickle.dumps(value, 2))
    data = load("cifar100", tmp_path)
    for split, (pixels, fine, _) in ((data.train, splits["train"]), (data.test, splits["test"])):
        assert np.array_equal(split.images, pixels.reshape(-1, 3, 32, 32))
        assert np.array_equal(split.labels, fine)
    assert data.num_classes == 100
    assert data.source.startswith(
        f"CIFAR-100, official {'binary' if layout == 'binary' else 'Python'} layout, fine labels"
    )


def test_missing_and_damaged_files(tmp_path, splits):
    with pytest.raises(DataNotFoundError, match=r"train.bin, test.bin[\s\S]*--download[\s\S]*cifar-100-python.tar.gz"):
        load_cifar100(tmp_path)
    write_binary(tmp_path, splits)
    path = tmp_path / "cifar-100-binary" / "train.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=r"train.bin: 18,443 bytes, not a whole number of records of 3,074 bytes"):
        load_cifar100(tmp_path)
    path.write_bytes(whole[:1] + b"\x64" + whole[2:])
    with pytest.raises(ValueError, match=r"labels run from \d+ to 100, not within 0 .. 99"):
        load_cifar100(tmp_path)
