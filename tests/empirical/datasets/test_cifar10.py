import pickle
import re

import numpy as np
import pytest

from empirical.datasets import DataNotFoundError, load_cifar10

N = 4  # images a file
BINARY = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
PYTHON = [name.removesuffix(".bin") for name in BINARY]


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    return [(rng.integers(0, 256, (N, 3072), np.uint8), rng.integers(0, 10, N)) for _ in BINARY]


def write_binary(directory, batches):
    directory.mkdir(parents=True)
    for name, (pixels, labels) in zip(BINARY, batches, strict=True):
        np.c_[labels.astype(np.uint8), pixels].tofile(directory / name)


def write_python(directory, batches, dumps):
    directory.mkdir(parents=True)
    for name, (pixels, labels) in zip(PYTHON, batches, strict=True):
        (directory / name).write_bytes(
            dumps({b"batch_label": b"training batch", b"labels": labels.tolist(), b"data": pixels})
        )


def check(data, batches):
    for part, expected in ((data.train, batches[:5]), (data.test, batches[5:])):
        pixels, labels = (np.concatenate(arrays) for arrays in zip(*expected, strict=True))
        assert np.array_equal(part.images, pixels.reshape(-1, 3, 32, 32))
        assert np.array_equal(part.labels, labels)
    assert data.num_classes == 10


@pytest.mark.parametrize("root", [".", "cifar-10-batches-bin"])
def test_binary_layout(tmp_path, batches, root):
    write_binary(tmp_path / "cifar-10-batches-bin", batches)
    data = load_cifar10(tmp_path / root)
    check(data, batches)
    assert data.source == f"CIFAR-10, official binary layout, read from {tmp_path / 'cifar-10-batches-bin'}"


@pytest.mark.parametrize("root", [".", "cifar-10-batches-py"])
@pytest.mark.parametrize("python", [2, 3])
def test_python_layout(tmp_path, batches, python2_pickle, python, root):
    dumps = python2_pickle if python == 2 else lambda content: pickle.dumps(content, 2)
    write_python(tmp_path / "cifar-10-batches-py", batches, dumps)
    data = load_cifar10(tmp_path / root)
    check(data, batches)
    assert "official Python layout" in data.source


def test_both_layouts_have_the_same_digests(tmp_path, batches, python2_pickle):
    write_binary(tmp_path / "binary", batches)
    write_python(tmp_path / "python", batches, python2_pickle)
    binary, python = load_cifar10(tmp_path / "binary"), load_cifar10(tmp_path / "python")
    assert (binary.train.digest, binary.test.digest) == (python.train.digest, python.test.digest)


def test_nothing_there(tmp_path):
    with pytest.raises(DataNotFoundError) as caught:
        load_cifar10(tmp_path)
    message = str(caught.value)
    for place in ("", "cifar-10-batches-bin", "cifar-10-batches-py"):
        assert str(tmp_path / place) in message
    for name in BINARY:
        assert name in message
    assert "--download" in message
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" in message


@pytest.mark.parametrize("root", [".", "cifar-10-batches-bin"])
def test_one_file_missing(tmp_path, batches, root):
    directory = tmp_path / "cifar-10-batches-bin"
    write_binary(directory, batches)
    (directory / "data_batch_3.bin").unlink()
    with pytest.raises(DataNotFoundError, match=r"data_batch_3\.bin") as caught:
        load_cifar10(tmp_path / root)
    assert "data_batch_2.bin" not in str(caught.value)
    assert f"Looked in: {directory}\n" in str(caught.value)


def test_a_truncated_binary_file(tmp_path, batches):
    write_binary(tmp_path / "root", batches)
    path = tmp_path / "root" / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"data_batch_2\.bin: 12,291 bytes, not a whole number of records of 3,073"):
        load_cifar10(tmp_path / "root")
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"data_batch_2\.bin: 0 bytes"):
        load_cifar10(tmp_path / "root")


def test_a_file_truncated_between_records(tmp_path, batches):
    batches[5] = tuple(array[:-1] for array in batches[5])
    write_binary(tmp_path / "root", batches)
    with pytest.raises(ValueError, match=r"test_batch\.bin: 3 images, but data_batch_1\.bin has 4"):
        load_cifar10(tmp_path / "root")


@pytest.mark.parametrize("label", [10, 255])
def test_a_label_that_is_no_class(tmp_path, batches, label):
    batches[3][1][1] = label
    write_binary(tmp_path / "root", batches)
    with pytest.raises(ValueError, match=rf"data_batch_4\.bin: labels run from \d to {label}, not within 0 .. 9"):
        load_cifar10(tmp_path / "root")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "not a dictionary"),
        ({b"data": np.zeros((N, 3072), np.uint8)}, "not a dictionary"),
        ({b"data": b"\x00" * 3072, b"labels": [1]}, "not a dictionary"),
        ({"data": np.zeros((N, 3072), np.uint8), "labels": [1] * N}, "not a dictionary"),
        (
            {b"data": np.zeros((N, 3071), np.uint8), b"labels": [1] * N},
            r"shape \(4, 3071\), not \(n, 3,072\)",
        ),
        ({b"data": np.zeros(3072, np.uint8), b"labels": [1]}, r"shape \(3072,\)"),
        ({b"data": np.zeros((N, 3072), np.uint8), b"labels": [1] * 3}, "labels are not 4 bytes, one for each image"),
        (
            {b"data": np.zeros((N, 3072), np.uint8), b"labels": [1, 2, 3, 4.5]},
            "labels are not 4 bytes, one for each image",
        ),
        (
            {b"data": np.zeros((N, 3072), np.uint8), b"labels": [1, 2, 3, -1]},
            "labels are not 4 bytes, one for each image",
        ),
        ({b"data": np.zeros((N, 3072)), b"labels": [1] * N}, "only bytes"),
    ],
)
def test_a_pickle_of_something_else(tmp_path, batches, python2_pickle, content, message):
    write_python(tmp_path / "root", batches, python2_pickle)
    path = tmp_path / "root" / "data_batch_5"
    path.write_bytes(pickle.dumps(content, 2))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        load_cifar10(tmp_path / "root")


def test_an_empty_batch(tmp_path, batches, python2_pickle):
    write_python(tmp_path / "root", [(pixels[:0], labels[:0]) for pixels, labels in batches], python2_pickle)
    with pytest.raises(ValueError, match=r"data_batch_1: the pixels have shape \(0, 3072\)"):
        load_cifar10(tmp_path / "root")


def test_a_truncated_pickle(tmp_path, batches, python2_pickle):
    write_python(tmp_path / "root", batches, python2_pickle)
    path = tmp_path / "root" / "test_batch"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="test_batch: not a pickle"):
        load_cifar10(tmp_path / "root")


def test_a_pickle_with_a_call(tmp_path, batches, python2_pickle):
    write_python(tmp_path / "root", batches, python2_pickle)
    touched = tmp_path / "touched"
    (tmp_path / "root" / "test_batch").write_bytes(b"cos\nsystem\n(S'touch " + str(touched).encode() + b"'\ntR.")
    with pytest.raises(ValueError, match=r"test_batch: .*os\.system.*refused"):
        load_cifar10(tmp_path / "root")
    assert not touched.exists()


def test_the_real_data(tmp_path, real_data, python2_pickle):
    root = real_data("cifar-10-batches-bin")
    data = load_cifar10(root)
    assert data.train.images.shape == (50_000, 3, 32, 32)
    assert data.test.images.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.class_names == tuple((root / "batches.meta.txt").read_text().split())
    means = data.train.images.mean(axis=(0, 2, 3)) / 255
    assert np.allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-4)  # as published, or nearly so after JPEG

    batches = [np.fromfile(root / name, np.uint8).reshape(-1, 3073)[:500] for name in BINARY]
    write_python(tmp_path / "python", [(batch[:, 1:], batch[:, 0]) for batch in batches], python2_pickle)
    python = load_cifar10(tmp_path / "python")
    firsts = np.concatenate([np.arange(500) + 10_000 * i for i in range(5)])
    assert np.array_equal(python.train.images, data.train.images[firsts])
    assert np.array_equal(python.train.labels, data.train.labels[firsts])
    assert np.array_equal(python.test.images, data.test.images[:500])
