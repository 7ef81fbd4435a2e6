"""The look that all figures share: labels at curves' ends, axes from zero."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from figures.style import from_zero, label_ends, set_title


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


def test_a_long_title_takes_as_many_lines_as_it_needs_and_a_short_one_a_single_line():
    drawing = Figure(figsize=(7.0, 3.0), layout="constrained")
    drawing.add_subplot()
    heights = []
    for words in (3, 40):
        title = set_title(drawing, " ".join(["corruption"] * words))
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
        heights.append(title.get_window_extent(canvas.get_renderer()).height)
    assert title.get_window_extent().x1 <= drawing.bbox.x1
    assert heights[1] > 3 * heights[0]


@pytest.mark.parametrize(("other", "beneath"), [(0.55, True), (0.45, False)])
def test_the_label_of_a_curve_that_ends_early_is_on_the_side_where_no_curve_passes(other, beneath):
    axes = Figure(figsize=(8.2, 4.4)).add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 1))
    axes.plot([0, 4], [0.5, 0.5], label="early")
    axes.plot(range(11), [other] * 11, label="late")
    label_ends(axes)
    label = next(text for text in axes.texts if text.get_text() == "early")
    assert (label.get_va() == "top") is beneath
