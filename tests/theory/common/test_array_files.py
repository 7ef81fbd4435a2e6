"""Archives of arrays: what is whole is read, and an error about what is damaged names the file."""

import struct

import numpy as np
import pytest

from theory.common.array_files import load_arrays


def test_an_archive_that_begins_before_the_file(tmp_path):
    """The archive's directory places its entries before the file's first byte, where zipfile's seek is an OSError."""
    path = tmp_path / "some.npz"
    np.savez(path, a=np.arange(3))
    assert load_arrays(path)["a"].tolist() == [0, 1, 2]
    content = path.read_bytes()
    (place,) = struct.unpack("<I", content[-6:-2])
    path.write_bytes(content[:-6] + struct.pack("<I", place + 1000) + content[-2:])
    with pytest.raises(ValueError, match=r"some\.npz cannot be read: OSError"):
        load_arrays(path)


def test_an_archive_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_arrays(tmp_path / "none.npz")
