"""A table as plain text cells: what the console prints and the report page shows alike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """A table.

    Attributes:
        title: what it shows, on what data, at what scale, with what seeds and device.
        columns: headings.
        rows: cells, as many in each row as there are columns; a dash where there is nothing.
        note: what a reader must know to read the numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of {self.title!r} must have {len(self.columns)} cells")
