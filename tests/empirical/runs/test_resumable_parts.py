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
    assert heard == [("a, p = 0.5", 0.0), ("a, p = 0.5", 0.0), ("another", 0.5)]


def test_a_part_that_fails_leaves_nothing(tmp_path):
    parts = Parts(tmp_path, lambda name, share: None)
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        parts("infinite", lambda: math.inf)
    assert not list(tmp_path.glob("*.json"))
    assert parts("infinite", lambda: 1.0) == 1.0
