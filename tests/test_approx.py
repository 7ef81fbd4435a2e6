"""A relative tolerance is one: small numbers that differ are not approximately equal."""

import numpy as np
import pytest


def test_there_is_no_absolute_tolerance_unless_it_is_asked_for():
    assert pytest.approx(2e-13, rel=1e-6) != 1e-13
    assert pytest.approx([1.0, 0.0]) != [1.0, 1e-13]
    assert pytest.approx(np.array([2e-13])) != np.array([1e-13])
    assert pytest.approx({"a": 2e-13}) != {"a": 1e-13}
    assert pytest.approx(2e-13, abs=1e-12) == 1e-13
    assert pytest.approx(2e-13, rel=1e-6) == 2e-13 * (1 + 1e-7)
