"""Pickles that call nothing and would still take the machine: refused before they are read, in no time."""

import io
import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirical.datasets.byte_pickle import read_byte_pickle

BOMBS = {
    "a tuple of itself, sixty times": b"\x80\x02}(K\x00\x85q\x00"
    + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60))
    + b"K\x01u.",
    "the same by DUP": b"\x80\x02}K\x00\x85" + b"2\x86" * 60 + b"K\x01s.",
    "deep tuples": b"\x80\x02}" + b"K\x00" + b"\x85" * 100_000 + b"K\x01s.",
    "a table of 2^26 memories": b"\x80\x02K\x00r\x00\x00\x00\x04.",
    "a table of 2^31 memories": b"\x80\x02K\x00p2147483647\n.",
    "an integer of 2^70": pickle.dumps(2**70, 2),
    "an integer of a million digits": b"\x80\x02L" + b"9" * 1_000_000 + b"L\n.",
    "bytes of 2 GB, not there": b"\x80\x03B\xff\xff\xff\x7fabc.",
    "a slow encoding": b"\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00abcX\x08\x00\x00\x00punycode\x86R.",
    "a million lists": b"\x80\x02(" + b"]" * 1_000_000 + b"l.",
    "a set": pickle.dumps({1, 2}, 4),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(tmp_path, name):
    path = tmp_path / "bomb.pickle"
    path.write_bytes(BOMBS[name])
    start = time.process_time()
    with pytest.raises(ValueError, match=r"bomb\.pickle: not a pickle of plain values and bytes"):
        read_byte_pickle(path)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("protocol", range(6))
def test_what_image_data_look_like_is_within_the_bounds(tmp_path, protocol):
    names = [f"image_{n}.png".encode() for n in range(10_000)]
    content = {b"data": b"\x00" * 100_000, b"labels": [n % 10 for n in range(10_000)], b"filenames": names}
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(content, protocol))
    assert read_byte_pickle(path) == content
    if protocol == 2:
        path.write_bytes(pickle.dumps({b"a": np.zeros((2, 3), np.uint8), b"b": np.ones(2, np.uint8)}, protocol))
        assert read_byte_pickle(path)[b"b"].array.tolist() == [1, 1]


@given(content=st.binary(max_size=300), cut=st.integers(0, 200))
def test_damaged_pickles_raise_value_errors_alone(tmp_path_factory, content, cut):
    whole = pickle.dumps({b"data": np.arange(12, dtype=np.uint8), b"labels": [1, 2, 3]}, 2)
    path = tmp_path_factory.getbasetemp() / "damaged.pickle"
    path.write_bytes(whole[:cut] + content + whole[cut + len(content) :])
    try:
        read_byte_pickle(path)
    except ValueError as error:
        assert "damaged.pickle" in str(error)  # noqa: PT017 - either outcome is right


def test_the_bombs_are_bombs():
    """Python itself would make the memories of one of them: a hundredth of it here, to be kind."""
    import tracemalloc

    tracemalloc.start()
    pickle.Unpickler(io.BytesIO(b"\x80\x02K\x00r\x00\x00\x08\x00.")).load()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak > 4_000_000
