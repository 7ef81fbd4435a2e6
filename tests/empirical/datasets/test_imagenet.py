import importlib.util
import os

import numpy as np
import pytest

from empirical.datasets import DataNotFoundError, load, load_folder, load_imagenet
from empirical.datasets.lazy_images import LazyImages
from empirical.datasets.parquet import ParquetImages
from tests.empirical.made_up_images import CLASSES, labelled, write_folder, write_parquet

needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow: the extra imagenet"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("imagenet"))


@pytest.fixture(scope="module")
def parquet(tmp_path_factory, folder):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    splits = {"train": labelled(folder / "train"), "validation": labelled(folder / "val")}
    return write_parquet(tmp_path_factory.mktemp("parquet") / "data", splits).parent


@pytest.mark.parametrize("name", ["folder", "imagenet"])
@pytest.mark.parametrize("storage", ["auto", "memory", "stream", "memmap"])
def test_every_storage_of_a_folder_gives_the_same_images(tmp_path, folder, name, storage):
    resident = load_folder(folder, image_size=16)
    data = load(name, folder, image_size=16, storage=storage, map_directory=tmp_path)
    assert (data.name, data.class_names, data.image_shape) == (name, CLASSES, (3, 16, 16))
    assert data.source == resident.source
    for part, expected in ((data.train, resident.train), (data.test, resident.test)):
        assert isinstance(part.stored, LazyImages) == (storage in ("stream", "memmap"))
        assert np.array_equal(part.stored[:], expected.images)
        assert np.array_equal(part.labels, expected.labels)


def test_digests_of_imagenet_do_not_depend_on_the_storage_nor_on_the_place(tmp_path, folder):
    digests = {load_imagenet(folder, 8, storage, tmp_path).train.digest for storage in ("memory", "stream", "memmap")}
    digests.add(load_imagenet(write_folder(tmp_path / "elsewhere"), 8, "stream").train.digest)
    assert len(digests) == 1
    for storage in ("memory", "stream"):
        assert load_folder(folder, 8, storage).train.digest in digests


def test_other_files_have_another_digest(tmp_path, folder):
    digests = {load_imagenet(folder, 8, "stream").train.digest, load_imagenet(folder, 9, "stream").train.digest}
    longer = write_folder(tmp_path / "longer")
    with (longer / "train" / "n01" / "n01_0.JPEG").open("ab") as file:
        file.write(b"\0")
    renamed = write_folder(tmp_path / "renamed")
    os.rename(renamed / "train" / "n01" / "n01_0.JPEG", renamed / "train" / "n01" / "n01_a.JPEG")
    digests |= {load_imagenet(root, 8, "stream").train.digest for root in (longer, renamed)}
    assert len(digests) == 4


def test_memory_maps_lie_in_a_hidden_folder_unless_told_otherwise(tmp_path):
    root = write_folder(tmp_path / "root")
    load_imagenet(root, 8, "memmap")
    names = sorted(path.name for path in (root / ".memory-map").glob("*.npy"))
    assert [name.rsplit("-", 1)[0] for name in names] == ["test-8", "train-8"]
    load_imagenet(root, 12, "memmap")
    assert len(list((root / ".memory-map").glob("*.npy"))) == 4
    assert load_imagenet(root, 8).class_names == CLASSES


def test_the_sample_has_a_fifth_for_its_test(tmp_path, folder):
    (tmp_path / "train").symlink_to(folder / "train")
    data = load_imagenet(tmp_path, 8)
    assert (len(data.train.labels), len(data.test.labels)) == (19, 5)


def test_a_flat_validation_folder_is_refused(tmp_path, folder):
    (tmp_path / "train").symlink_to(folder / "train")
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"")
    with pytest.raises(ValueError, match=r"val_00000001\.JPEG lies in no class folder: move .*/val/<wnid>/"):
        load_imagenet(tmp_path, 8)


def test_other_files_beside_the_validation_folders(tmp_path):
    root = write_folder(tmp_path)
    for name in (".DS_Store", "labels.csv"):
        (root / "val" / name).write_bytes(b"x")
    assert len(load_imagenet(root, 8, "stream").test.labels) == 9


def test_streaming_large_parquet_files_says_what_is_better(parquet, monkeypatch, capsys):
    load_imagenet(parquet, 8, "stream")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("empirical.datasets.imagenet._WORTH_SAYING", 1)
    load_imagenet(parquet, 8, "memory")
    assert "memmap" not in capsys.readouterr().err
    load_imagenet(parquet, 8, "stream")
    assert "--data-storage memmap, made once, spares that" in capsys.readouterr().err


def test_nothing_there(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"(?s)train/<wnid>/\*\.JPEG or train-\*\.parquet.*image-net\.org"):
        load("imagenet", tmp_path / "nowhere")


def test_a_damaged_file_is_named_when_it_is_read(tmp_path):
    root = write_folder(tmp_path)
    path = root / "train" / "n02" / "n02_3.JPEG"
    path.write_bytes(path.read_bytes()[:200])
    data = load_imagenet(root, 8, "stream")
    with pytest.raises(ValueError, match=r"^a file cannot be read as an image: .*n02_3\.JPEG: "):
        data.train.stored[:]
    with pytest.raises(ValueError, match=r"n02_3\.JPEG: "):
        load_imagenet(root, 8, "memmap")
    path.unlink()
    with pytest.raises(ValueError, match=r"n02_3\.JPEG: .*No such file"):
        data.train.stored[:]


def test_storage_of_what_is_always_in_memory(tmp_path):
    with pytest.raises(
        ValueError, match=r"--data-storage stream is for these only: folder, .*imagenet\. cifar10 is kept in memory"
    ):
        load("cifar10", tmp_path, storage="stream")


@needs_pyarrow
@pytest.mark.parametrize("place", ["root", "data"])
@pytest.mark.parametrize("storage", ["memory", "stream", "memmap"])
def test_parquet_has_the_same_images(tmp_path, folder, parquet, place, storage):
    resident = load_folder(folder, image_size=16)
    root = parquet / "data" if place == "data" else parquet
    data = load("imagenet", root, image_size=16, storage=storage, map_directory=tmp_path)
    assert data.class_names == CLASSES
    assert data.source == f"33 images in 3 classes read from parquet files in {parquet / 'data'}, " + (
        "resized to 16 x 16, split as in its files"
    )
    for part, expected in ((data.train, resident.train), (data.test, resident.test)):
        assert isinstance(part.stored, np.ndarray if storage == "memory" else LazyImages)
        assert np.array_equal(part.stored[:], expected.images)
        assert np.array_equal(part.labels, expected.labels)


@needs_pyarrow
def test_parquet_is_read_in_the_order_of_its_rows(parquet):
    images = load_imagenet(parquet, 8, "stream").train.stored
    assert isinstance(images, ParquetImages)
    assert (np.diff(images.rows[images.reading_order()]) == 1).all()
    assert not (np.diff(images.rows) == 1).all()


@needs_pyarrow
def test_a_split_called_val_and_classes_without_names(tmp_path, folder):
    from pyarrow import parquet as pq

    write_parquet(tmp_path, {"train": labelled(folder / "train"), "val": labelled(folder / "val")}, shards=1)
    for path in tmp_path.glob("*.parquet"):
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    data = load_imagenet(tmp_path, 8)
    assert data.class_names == ("0", "1", "2")
    assert (len(data.train.labels), len(data.test.labels)) == (24, 9)


@needs_pyarrow
def test_missing_parquet_files_are_named(tmp_path, folder):
    write_parquet(tmp_path, {"train": labelled(folder / "train")}, shards=3)
    (tmp_path / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(DataNotFoundError, match=r"Missing:   validation-\*\.parquet, train-00001-of-00003\.parquet"):
        load_imagenet(tmp_path, 8)


@needs_pyarrow
@pytest.mark.parametrize("kind", ["columns", "not parquet"])
def test_parquet_of_another_layout_is_named(tmp_path, folder, kind):
    import pyarrow as pa
    from pyarrow import parquet as pq

    write_parquet(tmp_path, {"train": labelled(folder / "train"), "validation": labelled(folder / "val")})
    path = tmp_path / "train-00001-of-00002.parquet"
    if kind == "columns":
        pq.write_table(pa.table({"image": [b"x"], "label": [0]}), path)
    else:
        path.write_bytes(b"PAR1 and so on")
    expected = "not a struct column image with bytes and an integer column label" if kind == "columns" else "arquet"
    with pytest.raises(ValueError, match=rf"train-00001-of-00002\.parquet: .*{expected}"):
        load_imagenet(tmp_path, 8)


@needs_pyarrow
@pytest.mark.parametrize("content", [b"\xff\xd8 not a whole jpeg", None])
def test_a_damaged_row_is_named(tmp_path, folder, content):
    import pyarrow as pa
    from pyarrow import parquet as pq

    write_parquet(tmp_path, {"train": labelled(folder / "train"), "validation": labelled(folder / "val")}, rows=2)
    path = tmp_path / "train-00001-of-00002.parquet"
    table = pq.read_table(path)
    rows = table.column("image").to_pylist()
    rows[7]["bytes"] = content
    pq.write_table(
        table.set_column(0, "image", pa.array(rows, table.schema.field("image").type)), path, row_group_size=2
    )
    data = load_imagenet(tmp_path, 8, "stream")
    with pytest.raises(
        ValueError, match=rf"train-00001-of-00002\.parquet: row 7 \({rows[7]['path']}\) cannot be read as an image: "
    ):
        data.train.stored[:]


@needs_pyarrow
def test_without_pyarrow_the_error_names_the_extra(parquet, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"need pyarrow: install .* extra imagenet, rethinking-generalization\[imagenet\]"
    ):
        load_imagenet(parquet, 8)


def test_real_images_are_the_same_however_they_are_stored(tmp_path, real_data):
    root = real_data("imagenet-sample")
    resident = load_folder(root, image_size=64)
    for storage in ("memory", "stream", "memmap"):
        data = load_imagenet(root, 64, storage, tmp_path)
        for part, expected in ((data.train, resident.train), (data.test, resident.test)):
            assert np.array_equal(part.images, expected.images), storage
            assert np.array_equal(part.labels, expected.labels)


def test_real_images_are_the_same_from_parquet(tmp_path, real_data):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    items = labelled(real_data("imagenet-sample") / "train")
    class_names = tuple(path.parent.name for path, _ in items)
    write_parquet(tmp_path / "parquet", {"train": items[:-100], "validation": items[-100:]}, class_names, rows=100)
    for path, label in items:
        split = "val" if label >= len(items) - 100 else "train"
        (tmp_path / "folder" / split / path.parent.name).mkdir(parents=True)
        (tmp_path / "folder" / split / path.parent.name / path.name).symlink_to(path)
    data = load_imagenet(tmp_path / "parquet", 64, "memory")
    test = [load_imagenet(tmp_path / "parquet", 64, storage, tmp_path).test for storage in ("stream", "memmap")]
    pixels = {
        label: image for part in (data.train, data.test) for label, image in zip(part.labels, part.images, strict=True)
    }
    expected = load_folder(real_data("imagenet-sample"), image_size=64)
    for part in (expected.train, expected.test):
        for label, image in zip(part.labels, part.images, strict=True):
            assert np.array_equal(pixels[label], image)
    for part in test:
        assert np.array_equal(part.images, data.test.images)
