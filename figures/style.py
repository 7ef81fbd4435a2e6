"""The look of all figures, and the caption that says where the data came from."""

import hashlib
import json
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from empirical.randomization import (
    GAUSSIAN,
    RANDOM_LABELS,
    RANDOM_PIXELS,
    SHUFFLED_PIXELS,
    TRUE_LABELS,
    Randomization,
)
from figures.palette import COLORS, REFERENCE, Look, dashes, marker
from theory.common.atomic import replacing
from theory.common.plain_text import visible

TEST_COLORS = dict(
    zip(
        (TRUE_LABELS, RANDOM_LABELS, SHUFFLED_PIXELS, RANDOM_PIXELS, GAUSSIAN),
        COLORS[:5],
        strict=True,
    )
)
"""One colour for each of the paper's tests; partial corruption runs from true to random labels' colour."""

WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""The background of words that a line may cross."""

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
    "svg.fonttype": "none",  # letters, not their outlines: read aloud, searched, and a quarter of the size
    "svg.hashsalt": "rethinking-generalization",  # the same picture gives the same file
}


@contextmanager
def figure(path: Path, caption: str, width: float = 7.2, height: float = 4.4) -> Iterator[Figure]:
    """A figure to draw on, saved as `path`.svg and `path`.png with its caption, whole or not at all."""
    with mpl.rc_context(_SETTINGS):
        drawing = Figure(figsize=(width, height), layout="constrained")
        yield drawing
        caption = textwrap.fill(visible(caption), round(17 * width))
        drawing.supxlabel(caption, fontsize=7.5, color="#555555", x=0.01, ha="left")
        _show_as_it_is(drawing)
        _save(drawing, path)


def _save(drawing: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = drawn_digest(drawing)  # before layout, which is matplotlib's
    pixels = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box is drawn: names may be in any script
        with replacing(path.with_name(path.name + ".svg")) as temporary:
            drawing.savefig(temporary, metadata={"Date": None})
        drawing.savefig(pixels, format="png", dpi=200, metadata={"Software": None})
    about = PngInfo()
    about.add_text(DRAWN, digest)
    with replacing(path.with_name(path.name + ".png")) as temporary, Image.open(pixels) as image:
        # A palette is enough for lines on white, and a third of the size.
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(temporary, optimize=True, pnginfo=about)


DRAWN = "Drawn"
"""The entry of a PNG's text that has the digest of what is drawn in it."""


def drawn_digest(drawing: Figure) -> str:
    """SHA-256 of what a figure shows: texts, scales, and every line, bar and area with its points and its colour.

    Numbers count to six digits. How matplotlib lays it out and rasters it does not count.
    """
    content: list[Any] = []
    for axes in drawing.axes:
        content.append([axes.get_xscale(), axes.get_yscale()])
        for line in axes.lines:
            style = [str(line.get_marker()), mpl.colors.to_hex(line.get_color()), str(line.get_label())]
            content.append([*style, *(_digits(values) for values in line.get_data())])
        for collection in axes.collections:
            colors = [mpl.colors.to_hex(color) for color in (*collection.get_edgecolor(), *collection.get_facecolor())]
            content.append([colors, [_digits(part.vertices) for part in collection.get_paths()]])
        for patch in axes.patches:
            content.append([mpl.colors.to_hex(patch.get_facecolor()), _digits(patch.get_extents().bounds)])
        for picture in axes.images:
            content.append(_digits(picture.get_array()))
        titles = [axes.get_title(loc=place) for place in ("left", "center", "right")]
        words = [axes.xaxis.label, axes.yaxis.label, *axes.texts]
        content.append([*titles, *(text.get_text() for text in words)])
    content.append([text.get_text() for text in drawing.texts])
    content.append([legend_text.get_text() for legend in drawing.legends for legend_text in legend.get_texts()])
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _digits(values: Any) -> list[str]:
    """Numbers to six digits, zero without a sign, one after another."""
    return [f"{value + 0.0:.6g}" for value in np.asarray(values, dtype=float).ravel().tolist()]


_MATHEMATICS = "mathematics"


def mathematics(*texts: Text) -> None:
    """Say that texts have mathematics between dollar signs. In all others a dollar sign is a dollar sign."""
    for text in texts:
        text.set_label(_MATHEMATICS)


def plain(name: str) -> str:
    """A name from a record for a text that has mathematics: its dollar signs are dollar signs."""
    return visible(name).replace("$", r"\$")


def points(
    axes: Axes,
    at: Sequence[float],
    values: Sequence[float],
    look: Look,
    label: str | None,
    *,
    between: Sequence[tuple[float, float]] | None = None,
    filled: Sequence[bool] | None = None,
) -> None:
    """Draw measured values: a marker each, hollow where something is missing, bars between two ends, and a line.

    Two values are two points: a line through them would show what was not measured.
    """
    if between is not None:
        below = [max(value - low, 0.0) for value, (low, _) in zip(values, between, strict=True)]
        above = [max(high - value, 0.0) for value, (_, high) in zip(values, between, strict=True)]
        axes.errorbar(at, values, yerr=[below, above], fmt="none", ecolor=look.color, capsize=2.5, elinewidth=1)
    axes.plot(
        at,
        values,
        color=look.color,
        linestyle=look.dashes if len(values) > 2 else "",
        marker=look.marker,
        markersize=5,
        linewidth=1.7,
        label=label,
    )
    for x, value, whole in zip(at, values, filled or [True] * len(values), strict=True):
        if not whole:
            axes.plot(x, value, look.marker, color=look.color, markerfacecolor="white", markersize=5, zorder=2.6)


def chance_line(axes: Axes, chance: float) -> None:
    """A dotted line where guessing is."""
    axes.axhline(chance, color=REFERENCE, linestyle=":", linewidth=1.5, label=f"chance, {chance:.0%}")


def from_zero(axes: Axes) -> None:
    """Begin the vertical axis at zero, with room for a marker above the highest value; call it when all is drawn."""
    axes.set_ylim(0, None)
    axes.set_ylim(0, 1.04 * axes.get_ylim()[1])


_MANY_STEPS = 2000
_ENDS_WITHIN = 0.8
"""Share of a panel's width: a curve that ends before it has its label within the panel."""


def unit_of_steps(last: float) -> tuple[int, str]:
    """What steps up to `last` are counted in on an axis, and the axis's label: thousands where there are many."""
    return (1000, "thousands of steps") if last >= _MANY_STEPS else (1, "steps")


def label_ends(axes: Axes, *, rows: int = 1, size: float = 8.0, width: int = 24) -> None:
    """Write each labelled curve's label beside its right end, in place of a legend; call it when the limits are set.

    Labels that would cover each other move apart, and a thin line in the curve's colour leads from each to its end.

    Arguments:
        rows: the rows of panels in the figure.
        size: the size of the letters, in points.
        width: the length of a line of text, in letters.
    """
    drawing = axes.figure.figure  # the whole figure, of whichever part of it the panel is; get_figure(root) is newer
    assert drawing is not None, "the axes are on a figure"
    handles, labels = axes.get_legend_handles_labels()
    ends = []
    for line, label in zip(handles, labels, strict=True):
        if not isinstance(line, Line2D):
            continue
        x, y = (np.asarray(values, float) for values in line.get_data())
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if finite.size:
            last = finite[-1]
            transform = axes.get_yaxis_transform() if x[last] == 1 and x[0] == 0 and len(x) == 2 else axes.transData
            across, height = axes.transAxes.inverted().transform(transform.transform((x[last], y[last])))
            if across < _ENDS_WITHIN:
                beneath = _has_a_curve_above(axes, line, (x[last], y[last]))
                axes.annotate(
                    visible(label),
                    (x[last], y[last]),
                    (6, -4 if beneath else 4),
                    textcoords="offset points",
                    fontsize=size,
                    va="top" if beneath else "bottom",
                    path_effects=[withStroke(linewidth=2.5, foreground="white")],
                )
                continue
            ends.append((height, (x[last], y[last]), transform, textwrap.fill(visible(label), width), line.get_color()))
    line_height = 1.25 * size / (72 * drawing.get_figheight() * 0.68 / rows)  # a share of the panel, about
    ends.sort(key=lambda end: end[0])
    heights = [line_height * (1 + end[3].count("\n")) for end in ends]
    places = spread([end[0] for end in ends], heights)
    for (_, end, transform, label, color), place in zip(ends, places, strict=True):
        axes.annotate(
            label,
            end,
            xycoords=transform,
            xytext=(1.06, place),
            textcoords="axes fraction",
            fontsize=size,
            va="center",
            ha="left",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 1.0,
                "shrinkA": 1,
                "shrinkB": 3,
                "relpos": (0, 0.5),  # from the label's left end: from its middle a line would cross other labels
            },
        )


_LABEL = (0.22, 0.14)
"""Width and height of the place of a short label, as shares of a panel."""


def _has_a_curve_above(axes: Axes, line: Line2D, end: tuple[float, float]) -> bool:
    """Whether other curves pass where the label above the end of a curve would be, and more of them than below."""
    to_panel = axes.transData + axes.transAxes.inverted()
    across, height = to_panel.transform(end)
    above = below = 0
    for other in axes.lines:
        if other is line or other.get_transform() != axes.transData:
            continue
        places = to_panel.transform(np.column_stack([np.asarray(values, float) for values in other.get_data()]))
        near = places[(places[:, 0] >= across) & (places[:, 0] <= across + _LABEL[0])][:, 1] - height
        above += int(((near > 0) & (near < _LABEL[1])).sum())
        below += int(((near < 0) & (near > -_LABEL[1])).sum())
    return above > below


def spread(targets: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Places of labels, as near to the wanted ones, which rise, as their heights allow; all within 0 to 1 if they fit.

    Labels that would touch become a block about the mean of what they want.
    """
    blocks: list[tuple[list[int], float]] = []  # its labels, and its middle
    for index, middle in enumerate(targets):
        members, centre = [index], _inside(middle, heights[index])
        while blocks and blocks[-1][1] + _height(blocks[-1][0], heights) / 2 > centre - _height(members, heights) / 2:
            members = blocks.pop()[0] + members
            whole = _height(members, heights)
            centre = _inside(sum(targets[member] for member in members) / len(members), whole)
        blocks.append((members, centre))
    places = []
    for members, centre in blocks:
        bottom = centre - _height(members, heights) / 2
        for member in members:
            places.append(bottom + heights[member] / 2)
            bottom += heights[member]
    return places


def _height(members: Sequence[int], heights: Sequence[float]) -> float:
    return sum(heights[member] for member in members)


def _inside(middle: float, height: float) -> float:
    return min(max(middle, height / 2), max(1 - height / 2, height / 2))


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


def set_title(drawing: Figure, title: str) -> Text:
    """Set the title over several panels, in as many lines as it takes."""
    return drawing.suptitle(title, x=0.01, ha="left", weight="bold", size=12, wrap=True)


def set_panel_title(axes: Axes, title: str) -> Text:
    """Set the title of one panel among several."""
    return axes.set_title(title, size=9.5, weight="normal")


def test_colors(tests: Iterable[Randomization]) -> dict[Randomization, str]:
    """A colour for each test of one drawing: partial corruption lies between true and random labels; tests that are
    not the paper's have ink and the others in turn.
    """
    further_colors = cycle(COLORS[5:] + COLORS[:5])
    return {test: TEST_COLORS.get(test) or _mixed(test) or next(further_colors) for test in dict.fromkeys(tests)}


def _mixed(test: Randomization) -> str | None:
    level = test.corruption
    if level is None:
        return None
    ends = (mpl.colors.to_rgb(TEST_COLORS[end]) for end in (TRUE_LABELS, RANDOM_LABELS))
    mixed = tuple((1 - level) * true + level * random for true, random in zip(*ends, strict=True))
    return mpl.colors.to_hex(mixed)


def test_dashes(test: Randomization) -> Any:
    """The dashes of a test, of partial corruption the closer together the more labels are replaced.

    They tell tests apart without their colours, and let the curve beneath show through where two take the same course.
    """
    if test in TEST_COLORS:
        return dashes(TEST_COLORS[test]) if test != RANDOM_LABELS else "-"
    level = test.corruption
    return (0, (1, 1.5)) if level is None else (0, (1 + 6 * (1 - level), 1.2, 1, 1.2))


def test_marker(test: Randomization) -> str:
    """The marker of a test: its colour's, and another one for partial corruption and for tests that are not the
    paper's.
    """
    return marker(TEST_COLORS[test]) if test in TEST_COLORS else "X" if test.partial else "P"
