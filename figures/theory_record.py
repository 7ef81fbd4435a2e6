"""The theory's records of measurements, their figures, and which claim each figure shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empirical.runs.json_files import read_json


@dataclass(frozen=True)
class TheoryFigure:
    """A figure of measurements beside what theory predicts.

    Attributes:
        draw: takes the record and a path without suffix, writes its .svg and .png.
        parts: the parts of the record that it draws.
        claims: ids of the claims of `theory.checks` that can be seen in it.
    """

    draw: Callable[[dict[str, Any], Path], None]
    parts: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True)
class TheoryRecord:
    """What `python -m theory.TOPIC.curves`, or another command, writes, and its figures by file name."""

    topic: str
    figures: Mapping[str, TheoryFigure]
    written_by: str = ""

    @property
    def file(self) -> str:
        """The record's file name."""
        return f"{self.topic}.json"

    @property
    def command(self) -> str:
        """The command that writes the record."""
        return self.written_by or f"python -m theory.{self.topic}.curves"

    def read(self, path: Path) -> dict[str, Any]:
        """Read the record. Raises ValueError, naming the file, for anything else."""
        try:
            record: dict[str, Any] = read_json(path)
            missing = {"about", *(part for figure in self.figures.values() for part in figure.parts)} - record.keys()
        except (ValueError, AttributeError) as error:
            raise ValueError(f"the record {path.absolute()} cannot be read: {error}") from error
        if missing:
            raise ValueError(
                f"the record {path.absolute()} lacks {', '.join(sorted(missing))}: {self.command} writes a whole one"
            )
        return record
