import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from empirical.datasets import DataNotFoundError, load_idx
from empirical.datasets.archives import DEBIAN_FASHION_MNIST
from empirical.datasets.idx import read_idx

FILES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def content():
    rng = np.random.default_rng(0)
    shapes = [(6, 5, 4), (6,), (3, 5, 4), (3,)]
    return {
        file: rng.integers(0, 256 if len(shape) == 3 else 10, shape, np.uint8)
        for file, shape in zip(FILES, shapes, strict=True)
    }


def write(root, content, *, suffix="", dotted=False):
    root.mkdir(exist_ok=True)
    for file, array in content.items():
        name = file.replace("-idx", ".idx") if dotted else file
        (root / (name + suffix)).write_bytes(gzip.compress(idx(array)) if suffix else idx(array))


@given(
    array=arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)),
    compressed=st.booleans(),
)
def test_arrays_come_back(tmp_path_factory, array, compressed):
    path = tmp_path_factory.getbasetemp() / ("array.gz" if compressed else "array")
    path.write_bytes(gzip.compress(idx(array)) if compressed else idx(array))
    assert np.array_equal(read_idx(path), array)
    assert read_idx(path).shape == array.shape


@given(cut=st.integers(1, 41), more=st.binary(min_size=1, max_size=5))
def test_a_file_of_another_length_is_an_error(tmp_path_factory, cut, more):
    whole = idx(np.arange(30, dtype=np.uint8).reshape(5, 6))
    path = tmp_path_factory.getbasetemp() / "cut"
    for damaged in (whole[:-cut], whole + more):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cut: (begins with|\d+ bytes)"):
            read_idx(path)


@pytest.mark.parametrize("magic", ["01 00 08 01", "00 00 09 01", "00 00 0d 01", "1f 8b 08 00", "89 50 4e 47"])
def test_another_magic_number(tmp_path, magic):
    (tmp_path / "file").write_bytes(bytes.fromhex(magic) + bytes([0, 0, 0, 1, 7]))
    with pytest.raises(ValueError, match=f"file: begins with {magic}, not with 00 00 08"):
        read_idx(tmp_path / "file")


def test_dimensions_beyond_any_memory(tmp_path):
    (tmp_path / "file").write_bytes(bytes([0, 0, 8, 4]) + b"\xff" * 16)
    with pytest.raises(ValueError, match="0 bytes after the header, where an array of shape"):
        read_idx(tmp_path / "file")


def test_no_bytes_and_dimensions_beyond_any_memory(tmp_path):
    """A size of 0 makes the product right, and NumPy has no such array."""
    path = tmp_path / "file"
    path.write_bytes(bytes([0, 0, 8, 4]) + struct.pack(">4I", 2**32 - 1, 2**32 - 1, 2**32 - 1, 0))
    with pytest.raises(ValueError, match=f"{path.name}: an array of shape"):
        read_idx(path)


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-9], lambda whole: b"not gzip", lambda whole: b"\x1f\x8b" + whole]
)
def test_a_damaged_gzip_file(tmp_path, damage):
    (tmp_path / "file.gz").write_bytes(damage(gzip.compress(idx(np.arange(30, dtype=np.uint8)))))
    with pytest.raises(ValueError, match=r"file\.gz: not a whole gzip file"):
        read_idx(tmp_path / "file.gz")


def test_a_gzip_file_with_damaged_content(tmp_path):
    whole = bytearray(gzip.compress(idx(np.arange(30, dtype=np.uint8))))
    whole[12:20] = b"\xff" * 8
    (tmp_path / "file.gz").write_bytes(whole)
    with pytest.raises(ValueError, match=r"file\.gz: not a whole gzip file"):
        read_idx(tmp_path / "file.gz")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_every_spelling(tmp_path, content, name, suffix, dotted):
    write(tmp_path, content, suffix=suffix, dotted=dotted)
    data = load_idx(name, [tmp_path])
    assert np.array_equal(data.train.images[:, 0], content[FILES[0]])
    assert np.array_equal(data.train.labels, content[FILES[1]])
    assert np.array_equal(data.test.images[:, 0], content[FILES[2]])
    assert np.array_equal(data.test.labels, content[FILES[3]])
    assert data.image_shape == (1, 5, 4)
    assert data.name == name
    assert data.source.endswith(f"idx files, read from {tmp_path}")


def test_class_names(tmp_path, content):
    write(tmp_path, content)
    assert load_idx("mnist", [tmp_path]).class_names == tuple("0123456789")
    names = load_idx("fashion-mnist", [tmp_path]).class_names
    assert (len(names), names[0], names[9]) == (10, "T-shirt/top", "ankle boot")


def test_the_first_complete_root_is_read(tmp_path, content):
    write(tmp_path / "part", dict(list(content.items())[:2]))
    write(tmp_path / "whole", content)
    data = load_idx("mnist", [tmp_path / "nowhere", tmp_path / "part", tmp_path / "whole"])
    assert str(tmp_path / "whole") in data.source


def test_missing_files(tmp_path, content):
    write(tmp_path / "part", dict(list(content.items())[:3]))
    with pytest.raises(DataNotFoundError) as caught:
        load_idx("fashion-mnist", [tmp_path / "nowhere", tmp_path / "part"])
    message = str(caught.value)
    assert "Missing:   t10k-labels-idx1-ubyte[.gz]\n" in message
    assert str(tmp_path / "nowhere") in message
    assert str(tmp_path / "part") in message
    assert "--download" in message
    assert "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz" in message
    assert "apt install dataset-fashion-mnist" in message


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        (
            FILES[0],
            np.zeros(6, np.uint8),
            r"train-images-idx3-ubyte: .*shape \(6,\), not \(n, height, width\)",
        ),
        (FILES[2], np.zeros((0, 5, 4), np.uint8), r"t10k-images-idx3-ubyte: .*shape \(0, 5, 4\)"),
        (FILES[1], np.zeros(5, np.uint8), r"train-labels-idx1-ubyte: .*\(5,\), .*ubyte has 6 images"),
        (FILES[3], np.zeros((3, 1), np.uint8), r"t10k-labels-idx1-ubyte: .*\(3, 1\)"),
        (
            FILES[3],
            np.array([1, 10, 2], np.uint8),
            "t10k-labels-idx1-ubyte: labels up to 10, not within 0 .. 9",
        ),
    ],
)
def test_files_that_do_not_fit(tmp_path, content, file, array, message):
    write(tmp_path, {**content, file: array})
    with pytest.raises(ValueError, match=message):
        load_idx("mnist", [tmp_path])


def test_the_real_data():
    if not DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip(f"no real data in {DEBIAN_FASHION_MNIST} (Debian's package dataset-fashion-mnist)")
    data = load_idx("fashion-mnist", [DEBIAN_FASHION_MNIST])
    assert data.train.digest == "8bd259516a9466e3b865dfae1171144f4673ae543743f0a52e7467aecfbc2809"
    assert data.test.digest == "3ccb8aec7f8a0e8b35321569ee8c586a31c71c15a4e00acbdde8be47ab8c585a"
    assert np.bincount(data.train.labels).tolist() == [6000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.image_shape == (1, 28, 28)
    assert abs(data.train.images.mean() / 255 - 0.2860) < 5e-5  # as widely published


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
@pytest.mark.parametrize("above", [0, 1])
def test_the_layout_of_torchvision(tmp_path, content, name, folder, above):
    (tmp_path / folder).mkdir()
    write(tmp_path / folder / "raw", content)
    data = load_idx(name, [(tmp_path, tmp_path / folder)[above]])
    assert np.array_equal(data.train.images[:, 0], content[FILES[0]])
