from contextlib import contextmanager

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def drawings(monkeypatch):
    """What the figures of trained networks draw, as (caption, matplotlib figure), without a file being written."""
    figures = []

    @contextmanager
    def figure(path, caption, **size):
        drawing = Figure()
        yield drawing
        figures.append((caption, drawing))

    for module in ("figure_1", "figure_2", "hyper_parameters", "loss_curves"):
        monkeypatch.setattr(f"figures.{module}.figure", figure)
    return figures


@pytest.fixture
def curve():
    """The points of the curve with this label in the legend."""

    def points(axes, label):
        (line,) = [line for line in axes.lines if line.get_label() == label]
        return list(zip(*line.get_data(), strict=True))

    return points
