"""The identity of files: equal content has an equal one, whatever the place; other content has another."""

import pytest

from empirical.datasets import load, load_folder, load_imagenet
from empirical.datasets.file_identity import BLOCK, file_identity
from tests.empirical.made_up_images import labelled, write_folder, write_parquet


def write(root, *contents):
    root.mkdir(exist_ok=True)
    paths = [root / f"{number}.bin" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [(path.name, path) for path in paths]


@pytest.fixture
def sampled(request, monkeypatch):
    if request.param:
        monkeypatch.setattr("empirical.datasets.file_identity.WHOLE", 0)
        monkeypatch.setattr("empirical.datasets.file_identity.BLOCKS", 16)


@pytest.mark.parametrize("sampled", [False, True], indirect=True)
@pytest.mark.usefixtures("sampled")
def test_identity_follows_names_sizes_and_bytes(tmp_path):
    files = write(tmp_path / "a", b"a" * 3 * BLOCK, b"", b"b" * BLOCK)
    reference = file_identity(files)
    assert file_identity(write(tmp_path / "copy", b"a" * 3 * BLOCK, b"", b"b" * BLOCK)) == reference
    variants = [
        write(tmp_path / "bytes", b"a" * 3 * BLOCK, b"", b"c" * BLOCK),
        write(tmp_path / "first", b"x" + b"a" * (3 * BLOCK - 1), b"", b"b" * BLOCK),
        write(tmp_path / "last", b"a" * 3 * BLOCK, b"", b"b" * (BLOCK - 1) + b"x"),
        write(tmp_path / "border", b"a" * (3 * BLOCK - 1), b"", b"a" + b"b" * BLOCK),
        [(f"other-{name}", path) for name, path in files],
        files[::-1],
    ]
    identities = {file_identity(variant) for variant in variants}
    assert len(identities) == len(variants)
    assert reference not in identities


def test_a_sample_is_of_the_whole_row_of_bytes(tmp_path, monkeypatch):
    """Blocks are spaced evenly: a change as long as the space between two of them is seen wherever it is."""
    monkeypatch.setattr("empirical.datasets.file_identity.WHOLE", 0)
    monkeypatch.setattr("empirical.datasets.file_identity.BLOCKS", 5)
    content = bytes(41 * BLOCK)  # a block each 10 blocks
    reference = file_identity(write(tmp_path / "a", content))
    for at in range(0, 31 * BLOCK, 5 * BLOCK):
        changed = content[:at] + b"x" * 10 * BLOCK + content[at + 10 * BLOCK :]
        assert file_identity(write(tmp_path / "b", changed)) != reference


@pytest.mark.parametrize("storage", ["memory", "stream", "memmap"])
def test_other_pixels_of_equal_names_and_sizes_are_other_data(tmp_path, storage):
    roots = [write_folder(tmp_path / name) for name in ("a", "b")]
    path = roots[1] / "train" / "n01" / "n01_0.JPEG"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    maps = tmp_path / "shared"
    first, second = (load_folder(root, 8, storage, maps) for root in roots)
    assert first.train.digest != second.train.digest
    assert (first.train.stored[:] != second.train.stored[:]).any(), "a shared map serves each its own pixels"


def test_a_sampled_folder_is_the_same_in_every_storage(tmp_path, monkeypatch):
    monkeypatch.setattr("empirical.datasets.file_identity.WHOLE", 0)
    monkeypatch.setattr("empirical.datasets.file_identity.BLOCKS", 16)
    root = write_folder(tmp_path / "root")
    digests = {load_imagenet(root, 8, storage, tmp_path).train.digest for storage in ("memory", "stream", "memmap")}
    assert len(digests) == 1


def test_parquet_files_of_equal_names_and_sizes(tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    root = write_folder(tmp_path / "images")
    splits = {"train": labelled(root / "train"), "validation": labelled(root / "val")}
    folders = [write_parquet(tmp_path / name, splits) for name in ("a", "b")]
    path = next(folders[1].glob("train-*.parquet"))
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xd8") + 300] ^= 1  # in the first JPEG
    path.write_bytes(content)
    first, second = (load("imagenet", folder, image_size=8, storage="stream") for folder in folders)
    assert first.train.digest != second.train.digest
    assert first.test.digest == second.test.digest


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"a file cannot be read: .*nothing: No such file"):
        file_identity([("nothing", tmp_path / "nothing")])
