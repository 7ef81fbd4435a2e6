"""What several test files need: the real data, where it is, and a writer of Python 2's pickles."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """A function from a folder's name to its place under $RETHINKING_DATA; the test skips where it is not."""

    def find(name: str) -> Path:
        if "RETHINKING_DATA" not in os.environ:
            pytest.skip("the environment variable RETHINKING_DATA does not name a directory of real data")
        path = Path(os.environ["RETHINKING_DATA"], name)
        if not path.is_dir():
            pytest.skip(f"no real data in {path}")
        return path

    return find


@pytest.fixture(scope="session")
def python2_pickle() -> Callable[[dict[bytes, object]], bytes]:
    """A function that pickles a dictionary as Python 2's cPickle did, protocol 2, with NumPy 1."""

    def string(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<I", len(value)) + value

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def array(value: np.ndarray) -> bytes:
        reconstruct = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        shape = b"(" + b"".join(integer(size) for size in value.shape) + b"t"
        dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + integer(-1) * 2 + b"K\x00tb"
        return reconstruct + b"(K\x01" + shape + dtype + b"\x89" + string(value.tobytes()) + b"tb"

    def any_value(value: object) -> bytes:
        match value:
            case bytes():
                return string(value)
            case int():
                return integer(value)
            case np.ndarray():
                return array(value)
            case list():
                return b"](" + b"".join(any_value(entry) for entry in value) + b"e"
        raise TypeError(type(value))

    def pickled(content: dict[bytes, object]) -> bytes:
        items = b"".join(any_value(key) + any_value(value) for key, value in content.items())
        return b"\x80\x02}(" + items + b"u."

    return pickled
