"""Data sets that torchvision's own readers read, from tiny files of their layouts."""

import bz2

import numpy as np
import pytest
from PIL import Image

from empirical import run_experiment
from empirical.datasets import DataNotFoundError, load

torchvision = pytest.importorskip("torchvision", reason="needs torchvision")


def write_usps(root):
    """USPS as torchvision keeps it: a line of text for each image, label (from 1) and 256 pixels in -1 .. 1."""
    random = np.random.default_rng(0)
    pixels = {}
    for name, n in (("usps", 12), ("usps.t", 6)):
        values = random.integers(0, 256, (n, 256))
        lines = [
            f"{1 + at % 10} " + " ".join(f"{i + 1}:{v / 255 * 2 - 1:.9f}" for i, v in enumerate(row)) + "\n"
            for at, row in enumerate(values)
        ]
        (root / f"{name}.bz2").write_bytes(bz2.compress("".join(lines).encode()))
        pixels[name] = values.reshape(n, 1, 16, 16)
    return pixels


def test_a_reader_with_train(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.usps.check_integrity", lambda *_: True, raising=False)
    pixels = write_usps(tmp_path)
    data = load("torchvision:USPS", tmp_path)
    assert np.abs(data.train.images.astype(int) - pixels["usps"]).max() <= 1, "their reader rounds down"
    assert data.test.labels.tolist() == list(range(6))
    assert (data.name, data.image_shape) == ("usps", (1, 16, 16))
    results = run_experiment(
        data="torchvision:USPS", data_root=tmp_path, model="mlp-1x8", tests="random-labels", out=tmp_path / "runs"
    )
    assert {run.config.data for run in results.runs} == {"usps"}


def test_a_reader_with_split_and_images_of_many_sizes(tmp_path):
    base = tmp_path / "imagenette2"
    if not hasattr(torchvision.datasets, "Imagenette"):
        pytest.skip("this torchvision has no Imagenette")
    wnids = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079"]
    wnids += ["n03394916", "n03417042", "n03425413", "n03445777", "n03888257"]
    for split, n in (("train", 2), ("val", 1)):
        for k, wnid in enumerate(wnids):
            (base / split / wnid).mkdir(parents=True)
            for at in range(n):
                image = Image.fromarray(np.full((20 + k, 30 - k, 3), 20 * k, np.uint8))
                image.save(base / split / wnid / f"{at}.JPEG", "PNG")
    data = load("torchvision:Imagenette", tmp_path, image_size=8)
    assert data.image_shape == (3, 8, 8)
    assert np.array_equal(data.train.images[:, 0, 4, 4] // 20, data.train.labels)
    assert len(data.test.labels) == 10
    assert data.source.endswith("resized to 8 x 8")


def test_unknown_and_absent(tmp_path):
    with pytest.raises(ValueError, match=r"torchvision has no data set called 'STL11'.*it reads .*STL10"):
        load("torchvision:STL11", tmp_path)
    with pytest.raises(DataNotFoundError, match="torchvision's STL10 was not found"):
        load("torchvision:STL10", tmp_path)
    with pytest.raises(ValueError, match="takes neither train=True nor split='train'"):
        load("torchvision:FakeData", tmp_path)
