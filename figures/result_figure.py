"""One mechanism for the figures of every kind of results: a figure is drawn where the results suffice for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Results = TypeVar("Results")


@dataclass(frozen=True)
class ResultFigure(Generic[Results]):
    """A figure of one kind of results.

    Attributes:
        name: the beginning of its file's name; what tells these results from others follows.
        draw: takes the results and a path without suffix, writes its .svg and .png.
        possible: whether the results have what is drawn.
    """

    name: str
    draw: Callable[[Results, Path], None]
    possible: Callable[[Results], bool] = lambda results: True


ResultFigures = Mapping[str, ResultFigure[Results]]
"""The figures by title."""


def draw_figures(
    figures: ResultFigures[Results],
    results: Results,
    slug: str,
    directory: Path,
    draw: Callable[[Callable[[Results, Path], None], Results, Path], None] = lambda draw, results, path: draw(
        results, path
    ),
) -> dict[str, Path]:
    """Draw what is possible as `<name>_<slug>` in a directory, or have `draw` do it; returns the SVG files by title."""
    paths = {}
    for title, figure in figures.items():
        if figure.possible(results):
            path = directory / f"{figure.name}_{slug}"
            draw(figure.draw, results, path)
            paths[title] = path.with_name(path.name + ".svg")
    return paths


def distinct(names: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """The names, followed by their hash where several are the same."""
    return [name if names.count(name) == 1 else f"{name}-{digest}" for name, digest in zip(names, hashes, strict=True)]
