"""The look that all figures share: labels at curves' ends, axes from zero."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from figures.style import from_zero, label_ends


def test_a_line_to_a_label_crosses_no_other_label():
    """Four curves end in one place: every line ends left of all labels."""
    drawing = Figure(figsize=(8.2, 4.4), layout="constrained")
    axes = drawing.add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for number in range(4):
        axes.plot([0, 1], [0.1 * number, 0.9], label=f"curve {number}")
    label_ends(axes)
    FigureCanvasAgg(drawing).draw()
    left_ends = [Text.get_window_extent(label).x0 for label in axes.texts]
    lines = [label.arrow_patch.get_path().vertices[:, 0].max() for label in axes.texts]
    assert len(lines) == 4
    assert max(lines) < min(left_ends)


@pytest.mark.parametrize("values", [[0.99, 1.0], [3.0, 250.0]])
def test_from_zero_begins_at_zero_with_room_for_the_highest_marker(values):
    axes = Figure().add_subplot()
    axes.plot([0, 1], values, "o")
    from_zero(axes)
    low, high = axes.get_ylim()
    assert low == 0
    assert 1.03 * max(values) < high < 1.1 * max(values)
