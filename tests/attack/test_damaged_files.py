"""Damaged files of every kind that is read: an error that names the file, or the same content; no crash, no hang.

The examples are the same at every run; `HYPOTHESIS_PROFILE=thorough` takes two thousand of each.
"""

import gzip
import shutil
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import empirical.job
from empirical.datasets.byte_pickle import read_byte_pickle
from empirical.datasets.decoding import read_square
from empirical.datasets.idx import read_idx
from empirical.run import main
from empirical.runs.packed import PACKED
from empirical.runs.packing import pack
from empirical.runs.records import read_runs
from theory.common.tensor_files import load_tensors, save_tensors

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@st.composite
def damages(draw, whole: bytes) -> bytes:
    """The content with a part replaced, removed, doubled or cut off."""
    start = draw(st.integers(0, len(whole)))
    stop = min(len(whole), start + draw(st.integers(0, 40)))
    replacement = draw(
        st.binary(max_size=40) | st.just(whole[start:stop] * 2) | st.sampled_from([b"\xff" * 8, b"\x00" * 8])
    )
    cut = draw(st.sampled_from([None, None, None, start]))
    return (whole[:start] + replacement + whole[stop:])[:cut]


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empirical.job, "report_runs", lambda *_: True)
        command = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--out", str(out)]
        assert main([*command, "--tests", "random-labels"]) == 0
    return out


@SHARED
@given(data=st.data())
def test_records(records, tmp_path_factory, data):
    out = tmp_path_factory.getbasetemp() / "records"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(records, out)
    path = next(out.glob("*mlp*")) / data.draw(st.sampled_from(["config.json", "metrics.jsonl", "summary.json"]))
    path.write_bytes(data.draw(damages(path.read_bytes())))
    try:
        read_runs(out)
    except ValueError as error:
        assert path.parent.name in str(error)  # noqa: PT017 - either outcome is right


@SHARED
@given(data=st.data())
def test_packed_records(records, tmp_path_factory, data):
    out = tmp_path_factory.getbasetemp() / "packed"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(records, out)
    file, _, _ = pack(out, remove=True)
    content = gzip.decompress(file.read_bytes())
    inside = data.draw(st.booleans())
    damaged = gzip.compress(data.draw(damages(content))) if inside else data.draw(damages(file.read_bytes()))
    file.write_bytes(damaged)
    try:
        read_runs(out)
    except ValueError as error:
        assert PACKED in str(error)  # noqa: PT017 - either outcome is right


def test_packed_records_take_no_more_memory_than_they_are(records, tmp_path):
    """Python makes room for all the bytes that a reader asks for, a gigabyte once."""
    file, _, _ = pack(shutil.copytree(records, tmp_path / "packed"), remove=True)
    unread = tmp_path / "unread"  # packing has read its own file, which is kept in memory
    unread.mkdir()
    shutil.copy(file, unread)
    tracemalloc.start()
    assert read_runs(unread)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26


def test_a_packed_bomb(tmp_path):
    (tmp_path / PACKED).write_bytes(gzip.compress(bytes(2**30 + 10), compresslevel=1))
    with pytest.raises(ValueError, match="unpacks to more than"):
        read_runs(tmp_path)


@SHARED
@given(data=st.data())
def test_checkpoints(records, tmp_path_factory, data):
    whole = next(records.glob("*mlp*/checkpoint.pt"))
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    save_tensors(path, {"small": load_tensors(whole)["optimizer"], "step": 3})
    path.write_bytes(data.draw(damages(path.read_bytes())))
    try:
        load_tensors(path)
    except ValueError as error:
        assert "damaged.pt" in str(error)  # noqa: PT017 - either outcome is right


@SHARED
@given(data=st.data())
def test_idx(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "images-idx3-ubyte"
    whole = struct.pack(">HBBIII", 0, 8, 3, 4, 5, 5) + bytes(range(100))
    path.write_bytes(data.draw(damages(whole)))
    try:
        read_idx(path)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017 - either outcome is right


@SHARED
@given(data=st.data(), kind=st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP"]))
def test_images(tmp_path_factory, data, kind):
    path = tmp_path_factory.getbasetemp() / f"image.{kind}"
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(path, kind)
    path.write_bytes(data.draw(damages(path.read_bytes())))
    try:
        image = read_square(path, 8)
    except Exception as error:
        assert not isinstance(error, MemoryError | RecursionError)  # noqa: PT017 - Pillow raises almost anything else
    else:
        assert image.shape == (3, 8, 8)


@SHARED
@given(data=st.data())
def test_pickles(tmp_path_factory, data):
    import pickle

    path = tmp_path_factory.getbasetemp() / "batch"
    content = {b"data": np.arange(60, dtype=np.uint8).reshape(2, 30), b"labels": [1, 2], b"filenames": [b"a", b"b"]}
    path.write_bytes(data.draw(damages(pickle.dumps(content, data.draw(st.sampled_from([0, 1, 2, 3, 4, 5]))))))
    try:
        read_byte_pickle(path)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017 - either outcome is right
