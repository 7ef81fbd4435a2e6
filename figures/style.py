"""The look of all figures, and the caption that says where the data came from."""

import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from PIL import Image

from empirical.randomization import (
    GAUSSIAN,
    RANDOM_LABELS,
    RANDOM_PIXELS,
    SHUFFLED_PIXELS,
    TRUE_LABELS,
    Randomization,
)
from theory.common.atomic import replacing
from theory.common.plain_text import visible

TEST_COLORS = {
    TRUE_LABELS: "#1b6ca8",
    RANDOM_LABELS: "#c0392b",
    SHUFFLED_PIXELS: "#2e8b57",
    RANDOM_PIXELS: "#8e5ea2",
    GAUSSIAN: "#d9902f",
}
"""One colour for each of the paper's tests; partial corruption runs from true to random labels' colour."""

_OTHER_COLORS = ("#4a4a4a", "#17919b", "#b5651d", "#6b6b00", "#c2569b")

_SERIES_COLORS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e5ea2", "#d9902f", "#4a4a4a")

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "axes.edgecolor": "#888888",
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "svg.hashsalt": "rethinking-generalization",  # the same picture gives the same file
}


@contextmanager
def figure(path: Path, caption: str, width: float = 7.2, height: float = 4.4) -> Iterator[Figure]:
    """A figure to draw on, saved as `path`.svg and `path`.png with its caption, whole or not at all."""
    with mpl.rc_context(_SETTINGS):
        drawing = Figure(figsize=(width, height), layout="constrained")
        yield drawing
        caption = textwrap.fill(visible(caption), 125)
        drawing.supxlabel(caption, fontsize=7.5, color="#555555", x=0.01, ha="left")
        _show_as_it_is(drawing)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box is drawn: names may be in any script
            with replacing(path.with_name(path.name + ".svg")) as temporary:
                drawing.savefig(temporary, metadata={"Date": None})
            drawing.savefig(pixels, format="png", dpi=200, metadata={"Software": None})
        with replacing(path.with_name(path.name + ".png")) as temporary, Image.open(pixels) as image:
            # A palette is enough for lines on white, and a third of the size.
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(temporary, optimize=True)


_MATHEMATICS = "mathematics"


def mathematics(text: Text) -> None:
    """Say that a text has mathematics between dollar signs. In all others a dollar sign is a dollar sign."""
    text.set_label(_MATHEMATICS)


def _show_as_it_is(drawing: Figure) -> None:
    """Notes, paths and names come from records: none of them is mathematics, or an order to anything."""
    axes = [axis for panel in drawing.axes for axis in (panel.xaxis, panel.yaxis)]
    for axis in axes:
        if isinstance(axis.get_major_formatter(), FuncFormatter):  # labels that were given, not powers of ten
            axis.set_ticklabels([visible(label.get_text()) for label in axis.get_ticklabels()], parse_math=False)
    on_axes = {label for axis in axes for label in (*axis.get_ticklabels(which="both"), axis.get_offset_text())}
    for text in drawing.findobj(Text):
        if isinstance(text, Text) and text not in on_axes and text.get_label() != _MATHEMATICS:
            text.set_text(visible(text.get_text()))
            text.set_parse_math(False)


def set_title(drawing: Figure, title: str) -> None:
    """Set the title over several panels."""
    drawing.suptitle(title, x=0.01, ha="left", weight="bold", size=12)


def set_panel_title(axes: Axes, title: str) -> Text:
    """Set the title of one panel among several."""
    return axes.set_title(title, size=9.5, weight="normal")


def test_colors(tests: Iterable[Randomization]) -> dict[Randomization, str]:
    """A colour for each test of one drawing: partial corruption lies between true and random labels; tests that are
    not the paper's have the others in turn.
    """
    extra_colors = cycle(_OTHER_COLORS)
    return {test: TEST_COLORS.get(test) or _mixed(test) or next(extra_colors) for test in dict.fromkeys(tests)}


def _mixed(test: Randomization) -> str | None:
    level = test.corruption
    if level is None:
        return None
    ends = (mpl.colors.to_rgb(TEST_COLORS[end]) for end in (TRUE_LABELS, RANDOM_LABELS))
    mixed = tuple((1 - level) * true + level * random for true, random in zip(*ends, strict=True))
    return mpl.colors.to_hex(mixed)


def test_dashes(test: Randomization) -> Any:
    """The dashes of a test: they let the curve beneath show through where two tests take the same course."""
    if test in (SHUFFLED_PIXELS, GAUSSIAN):
        return (0, (3, 3))
    return "-" if test in TEST_COLORS else ":" if test.partial else "-."


def series_colors(count: int) -> list[str]:
    """A colour for each of several series; from the seventh on they come again."""
    return list(islice(cycle(_SERIES_COLORS), count))
