"""The fuzzer has a reader for every kind of file, which reads what is whole; a look at damaged files finds nothing.

`python -m tests.attack.fuzz` looks for longer.
"""

import sys

import pytest

from tests.attack.fuzz import fuzz, readers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")


def test_what_is_whole_is_read(tmp_path):
    for reader in readers(tmp_path).values():
        path = tmp_path / reader.name
        path.write_bytes(reader.wholes[0])
        reader.read(path)


@pytest.mark.slow
def test_a_look_at_damaged_files_finds_nothing(tmp_path):
    looks = list(fuzz([], 0.2, 1, tmp_path))
    assert len(looks) > 15
    assert [finding for *_, findings in looks for finding in findings] == []
    assert all(count for _, count, *_ in looks)
