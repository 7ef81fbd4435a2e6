"""Labels of parquet files mean what each file says; shards count once; columns by their usual names."""

import json
import shutil

import numpy as np
import pytest

from empirical.datasets import load_imagenet
from empirical.datasets.parquet import load_parquet
from tests.empirical.made_up_images import CLASSES, labelled, write_folder, write_parquet

pa = pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def folder(tmp_path, images):
    return write_parquet(
        tmp_path / "files",
        {"train": labelled(images / "train"), "validation": labelled(images / "val")},
        shards=1,
    )


TRAIN, VALIDATION = "train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"


def rewrite(path, labels=None, names=None, column="image"):
    """The same file with other labels, names of classes (False for none), or another name of its images' column."""
    table = pq.read_table(path)
    metadata = table.schema.metadata
    if labels is not None:
        table = table.set_column(1, "label", pa.array(labels, pa.int64()))
    if names:
        metadata = {"huggingface": json.dumps({"info": {"features": {"label": {"names": list(names)}}}})}
    table = table.rename_columns([column, "label"])
    pq.write_table(table.replace_schema_metadata(metadata if names is not False else None), path)


def test_a_file_that_numbers_its_classes_otherwise_is_read_by_their_names(folder):
    expected = load_imagenet(folder, 8).test.labels
    labels = pq.read_table(folder / VALIDATION).column("label").to_numpy()
    rewrite(folder / VALIDATION, 2 - labels, CLASSES[::-1])
    data = load_imagenet(folder, 8)
    assert data.class_names == CLASSES
    assert np.array_equal(data.test.labels, expected)


def test_a_validation_file_that_lacks_a_class_is_read_by_names(folder):
    table = pq.read_table(folder / VALIDATION)
    kept = table.column("label").to_numpy() > 0
    pq.write_table(table.filter(pa.array(kept)), folder / VALIDATION)
    rewrite(folder / VALIDATION, pq.read_table(folder / VALIDATION).column("label").to_numpy() - 1, CLASSES[1:])
    assert set(load_imagenet(folder, 8).test.labels.tolist()) == {1, 2}


def test_rows_without_a_label_are_named(folder):
    labels = pq.read_table(folder / TRAIN).column("label").to_pylist()
    rewrite(folder / TRAIN, [*labels[:2], None, *labels[3:-1], None])
    with pytest.raises(ValueError, match=rf"{TRAIN}: row 2 has no label \(2 of {len(labels)} rows\)"):
        load_imagenet(folder, 8)


def test_a_class_that_the_training_files_do_not_name(folder):
    rewrite(folder / VALIDATION, names=(*CLASSES[:2], "zebra"))
    with pytest.raises(ValueError, match=rf"{VALIDATION}: its classes zebra are not among those of .*{TRAIN}"):
        load_imagenet(folder, 8)


def test_files_with_and_without_names_of_classes(folder):
    rewrite(folder / VALIDATION, names=False)
    with pytest.raises(ValueError, match=rf"{VALIDATION}: it does not name its classes, but .*{TRAIN} does"):
        load_imagenet(folder, 8)


def test_a_label_that_no_name_belongs_to(folder):
    labels = pq.read_table(folder / VALIDATION).column("label").to_numpy()
    rewrite(folder / VALIDATION, np.where(np.arange(len(labels)) == 4, -1, labels))
    with pytest.raises(ValueError, match=rf"{VALIDATION}: row 4 has the label -1, but its classes are 0 \.\. 2"):
        load_imagenet(folder, 8)


def test_a_row_without_a_label(folder):
    rewrite(folder / TRAIN, [None if at == 3 else 0 for at in range(24)])
    with pytest.raises(ValueError, match=rf"{TRAIN}: row 3 has no label \(1 of 24 rows\)"):
        load_imagenet(folder, 8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train-00000-of-00002.parquet", r"belong to several exports \(of 1, of 2\)"),
        ("train-00000-of-00001-0a1b2c.parquet", "have the same number 0"),
        ("train-more.parquet", "lies beside numbered files"),
    ],
)
def test_two_exports_side_by_side_are_refused(folder, name, message):
    shutil.copy(folder / TRAIN, folder / name)
    if "00002" in name:
        shutil.copy(folder / TRAIN, folder / name.replace("00000", "00001"))
    with pytest.raises(ValueError, match=message):
        load_imagenet(folder, 8)


def test_files_with_the_hash_of_older_exports(folder):
    for path in list(folder.iterdir()):
        path.rename(path.with_name(f"{path.stem}-0a1b2c3d.parquet"))
    assert len(load_imagenet(folder, 8).train.labels) == 24


def test_the_column_img_and_the_split_test(folder):
    expected = load_imagenet(folder, 8)
    for name in (TRAIN, VALIDATION):
        rewrite(folder / name, column="img")
    (folder / VALIDATION).rename(folder / VALIDATION.replace("validation", "test"))
    data = load_imagenet(folder, 8)
    for part, counterpart in ((data.train, expected.train), (data.test, expected.test)):
        assert np.array_equal(part.images, counterpart.images)
        assert np.array_equal(part.labels, counterpart.labels)


def test_rows_that_are_announced_and_not_there_are_named(folder, monkeypatch):
    """A fuzzer found such a file; the rows that are missing were an IndexError without its name."""
    stored = load_parquet(folder, 8).train.stored
    whole = pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda *args, **options: whole(*args, **options).slice(1))
    with pytest.raises(ValueError, match=rf"{TRAIN}: row group \d has \d rows, not \d"):
        stored.read(np.arange(2))
