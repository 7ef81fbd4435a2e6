"""A table as plain text cells: what the console prints and the report page shows alike."""

import sys
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from theory.common.plain_text import visible


@dataclass(frozen=True)
class TextTable:
    """A table.

    Attributes:
        title: what the table shows, on what data, at what scale, with what seeds and device.
        columns: headings.
        rows: cells, as many in each row as there are columns; a dash where there is nothing.
        note: what a reader must know to read the numbers.
        words: places of the columns of words, which stand to the left; those of numbers stand to the right.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: frozenset[int] = frozenset({0})

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of {self.title!r} must have {len(self.columns)} cells")


def rendered(table: TextTable) -> Table:
    """Render a table of text cells. No cell can send orders to the terminal."""
    title, note = _plain(f"{table.title}\n"), _plain(table.note) if table.note else None
    columns = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    columns.box = box.SIMPLE
    for at, header in enumerate(table.columns):
        columns.add_column(_plain(header), justify="left" if at in table.words else "right")
    for row in table.rows:
        columns.add_row(*map(_plain, row))
    return columns


def _plain(text: str) -> Text:
    return Text(visible(text))


WIDE = 132
"""The columns of a terminal that the whole results table takes."""


def wide_console() -> Console:
    """The terminal at its width; a file or a pipe gets as many columns as tables take."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
