"""The colours of all figures, each with its own marker and dashes, so that no series is told by its colour alone.

The six were searched for: contrast on white at least 3 to 1, and the least difference between two of them as large as
it gets under each of protanopia, deuteranopia and tritanopia (`figures.colour_vision`). It is 15 by CIEDE2000; that of
the first six colours of Okabe and Ito is 11, with two of them below a contrast of 3.
"""

from dataclasses import dataclass
from typing import Any

BLUE, RED, GREEN, ORCHID, GOLD, INK = "#0f3f9c", "#c0280c", "#2a8a78", "#d645d6", "#b39106", "#1a1b20"

COLORS = (BLUE, RED, GREEN, ORCHID, GOLD, INK)
"""The colours, as series take them one after another."""

REFERENCE = "#6b6b6b"
"""Lines that are no series: chance, a bound, a prediction."""

_DASHES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (10, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Look:
    """What one series looks like.

    Attributes:
        color: in hexadecimal.
        marker: matplotlib's name of it.
        dashes: matplotlib's line style.
    """

    color: str
    marker: str
    dashes: Any


def looks(count: int) -> list[Look]:
    """A look for each of several series.

    From the seventh on a colour comes again, with another marker and other dashes; from the 37th on a look does.
    """
    size = len(COLORS)
    return [
        Look(COLORS[at % size], _MARKERS[(at + at // size) % size], _DASHES[(at + at // size) % size])
        for at in range(count)
    ]


def marker(color: str) -> str:
    """The marker that belongs to one of the colours."""
    return _MARKERS[COLORS.index(color)]


def dashes(color: str) -> Any:
    """The dashes that belong to one of the colours; the first one's line is solid."""
    return _DASHES[COLORS.index(color)]
