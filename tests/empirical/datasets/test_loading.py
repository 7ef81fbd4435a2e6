import gzip
import hashlib
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image

from empirical.datasets import DATASETS, DataNotFoundError, archives, load, loading
from empirical.datasets.archives import ARCHIVES, Archive


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def archive_of(path):
    return Archive(path.as_uri(), "md5:" + hashlib.md5(path.read_bytes()).hexdigest())


def write_idx(root):
    root.mkdir(parents=True, exist_ok=True)
    paths = []
    for stem, n in (("train", 5), ("t10k", 2)):
        for kind, shape in (("images-idx3", (n, 2, 2)), ("labels-idx1", (n,))):
            path = root / f"{stem}-{kind}-ubyte.gz"
            header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
            path.write_bytes(gzip.compress(header + bytes(int(np.prod(shape)))))
            paths.append(path)
    return paths


def write_cifar10(root):
    root.mkdir(parents=True)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        (root / f"{name}.bin").write_bytes(bytes(2 * 3073))


def test_digits():
    assert load("digits").name == "digits"
    assert load("digits", download=True).image_shape == (1, 8, 8)


def test_digits_needs_no_root(tmp_path):
    with pytest.raises(ValueError, match="digits needs no root"):
        load("digits", tmp_path)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("cifar", "cifar10"), ("CIFAR-10", "cifar10"), ("fashionmnist", "fashion-mnist"), ("digit", "digits")],
)
def test_an_unknown_name_gets_the_nearest_and_the_list(name, nearest):
    with pytest.raises(ValueError, match=rf"unknown data set \(--data\) '{name}': did you mean '{nearest}'") as caught:
        load(name)
    for dataset_name in DATASETS:
        assert dataset_name in str(caught.value)


def test_a_name_like_no_other_gets_the_list():
    with pytest.raises(ValueError, match=r"unknown data set \(--data\) 'xyzzy': There are digits, cifar10"):
        load("xyzzy")


@pytest.mark.parametrize("as_text", [False, True])
def test_a_root_that_is_given(tmp_path, as_text):
    write_cifar10(tmp_path / "root")
    root = tmp_path / "root"
    assert load("cifar10", str(root) if as_text else root).image_shape == (3, 32, 32)


def test_the_default_root():
    write_cifar10(loading.Path("data/cifar10/cifar-10-batches-bin"))
    write_idx(loading.Path("data/mnist"))
    assert load("cifar10").source.endswith("data/cifar10/cifar-10-batches-bin")
    assert load("mnist").source.endswith("data/mnist")


def test_fashion_mnist_is_also_looked_for_where_debian_puts_it(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "DEBIAN_FASHION_MNIST", tmp_path / "debian")
    with pytest.raises(DataNotFoundError) as caught:
        load("fashion-mnist")
    assert str(tmp_path / "debian") in str(caught.value)
    assert str(tmp_path / "here" / "data" / "fashion-mnist") in str(caught.value)
    write_idx(tmp_path / "debian")
    assert load("fashion-mnist").source.endswith("/debian")
    with pytest.raises(DataNotFoundError):
        load("fashion-mnist", tmp_path / "elsewhere")
    write_idx(loading.Path("data/fashion-mnist"))
    assert load("fashion-mnist").source.endswith("data/fashion-mnist")


def test_a_folder_with_its_image_size(tmp_path):
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.new("RGB", (20, 30)).save(tmp_path / "a" / f"{name}.png")
    (tmp_path / "here").rmdir()
    assert load("folder", tmp_path).image_shape == (3, 32, 32)
    assert load("folder", tmp_path, image_size=7).image_shape == (3, 7, 7)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "digits"])
def test_missing_data_says_where_it_was_looked_for(tmp_path, name):
    with pytest.raises(DataNotFoundError) as caught:
        load(name, tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)
    assert str(tmp_path / "nowhere") in str(caught.value)
    for archive in ARCHIVES.get(name, ()):
        assert archive.url in str(caught.value)


def test_download_fetches_what_is_missing(tmp_path, monkeypatch):
    write_cifar10(tmp_path / "origin" / "cifar-10-batches-bin")
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "origin" / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setitem(ARCHIVES, "cifar10", (archive_of(tmp_path / "cifar-10-binary.tar.gz"),))
    monkeypatch.setitem(ARCHIVES, "mnist", tuple(map(archive_of, write_idx(tmp_path / "origin"))))
    assert load("cifar10", tmp_path / "root", download=True).train.images.shape == (10, 3, 32, 32)
    assert load("mnist", download=True).train.images.shape == (5, 1, 2, 2)
    for name in ("cifar10", "mnist"):  # and not again
        monkeypatch.setitem(ARCHIVES, name, (Archive("file:///nowhere", "md5:" + "0" * 32),))
    load("cifar10", tmp_path / "root", download=True)
    load("mnist", download=True)


def test_there_is_no_archive_of_a_folder(tmp_path):
    with pytest.raises(DataNotFoundError, match="ROOT/<class>/"):
        load("folder", tmp_path / "nowhere", download=True)
