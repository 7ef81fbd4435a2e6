"""Parts of a long measurement: what was finished is not done again, and comes back to the bit."""

import math

import numpy as np
import pytest

from empirical.runs.resumable_parts import Parts


def test_finished_parts_come_back_to_the_bit(tmp_path):
    numbers = [*np.random.default_rng(0).standard_normal(50).tolist(), 5e-324, 1.7976931348623157e308, -0.0]
    calls, heard = [], []

    def compute():
        calls.append(1)
        return {"numbers": numbers, "n": 3, "none": None}

    def again() -> Parts:
        return Parts(tmp_path / "scratch", lambda name, share: heard.append((name, share)), total=2)

    first = again()("a, p = 0.5", compute)
    second = again()
    assert second("a, p = 0.5", compute) == first == {"numbers": numbers, "n": 3, "none": None}
    assert math.copysign(1, first["numbers"][-1]) == -1
    assert second("another", lambda: 1) == 1
    assert len(calls) == 1
    assert heard == [("a, p = 0.5", 0.0)] * 3 + [("another", 0.5)] * 2, "before each part, and before it is written"


def test_nothing_is_written_to_a_directory_that_was_lost_meanwhile(tmp_path):
    lost = False

    def report(name: str, share: float) -> None:
        if lost:
            raise OSError("it is another process's now")

    def compute() -> int:
        nonlocal lost
        lost = True
        return 1

    with pytest.raises(OSError, match="another process's"):
        Parts(tmp_path, report)("a", compute)
    assert not list(tmp_path.iterdir())


def test_another_parts_file_is_not_used(tmp_path, capsys):
    parts = Parts(tmp_path, lambda name, share: None)
    parts("a", lambda: 1)
    (file,) = tmp_path.iterdir()
    parts("b", lambda: 2)
    (other,) = set(tmp_path.iterdir()) - {file}
    file.replace(other)
    assert parts("b", lambda: 2) == 2
    assert "it is the part 'a'" in capsys.readouterr().err


def test_a_part_that_fails_leaves_nothing(tmp_path):
    parts = Parts(tmp_path, lambda name, share: None)
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        parts("infinite", lambda: math.inf)
    assert not list(tmp_path.glob("*.json"))
    assert parts("infinite", lambda: 1.0) == 1.0
