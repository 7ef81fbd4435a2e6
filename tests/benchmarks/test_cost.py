"""What costs how much is measured at a small size, and drawn."""

import json
import sys

import pytest

from benchmarks import cost
from figures.__main__ import main
from figures.cost import COST, slope


@pytest.mark.parametrize(
    ("name", "sizes", "curves"),
    [
        ("theorem-1", (200, 400), {"build the network", "evaluate it at all points"}),
        ("kernels", (60, 120), {"Cholesky"}),
        ("records", (2, 4), {"status", "read all records", "results.csv", "page and figures"}),
    ],
)
def test_a_small_size_is_measured_and_drawn(name, sizes, curves, tmp_path, monkeypatch):
    measure, unit, _ = cost.MEASURED[name]
    monkeypatch.setitem(cost.MEASURED, name, (measure, unit, sizes))
    file = tmp_path / COST.file
    monkeypatch.setattr(sys, "argv", ["cost", "--only", name, "--record", str(file)])
    cost.main()
    recorded = json.loads(file.read_text())["cost"][name]["curves"]
    assert recorded.keys() == curves
    for curve in recorded.values():
        assert [n for n, _ in curve] == list(sizes)
        assert all(used >= 0 for _, used in curve)
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "figures" / "cost.png").stat().st_size > 10_000


def test_slopes():
    assert slope([(1, 5.0), (10, 3.0), (1000, 3.0e4)]) == pytest.approx(2)
    assert slope([(1, 5.0)]) is slope([(1, 0.0), (2, 1.0)]) is None
