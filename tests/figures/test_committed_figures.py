"""The committed figures are what the committed records give: `python -m figures.redraw` makes them again."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from figures import style
from figures.__main__ import main
from figures.redraw import RESULTS, drawn_directories, program
from figures.style import DRAWN, drawn_digest, figure


@pytest.fixture
def digests(monkeypatch):
    """A function that draws the figures of a directory, without a picture being made, and gives their digests."""
    digest_of: dict[str, str] = {}

    def save(drawing: Figure, path: Path) -> None:
        digest_of[path.name] = drawn_digest(drawing)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + ".svg").write_text("<svg></svg>")

    def draw(directory: Path, out: Path) -> dict[str, str]:
        assert main([str(directory), "--out", str(out)]) == 0
        return digest_of

    monkeypatch.setattr(style, "_save", save)
    monkeypatch.setattr("figures.drawings.os.cpu_count", lambda: 1)  # in this process, which the digests are kept in
    return draw


def committed(directory: Path) -> dict[str, str]:
    pictures = {}
    for path in (directory / "figures").glob("*.png"):
        with Image.open(path) as picture:
            pictures[path.stem] = picture.text.get(DRAWN, "")
    return pictures


@pytest.mark.parametrize("directory", drawn_directories(RESULTS), ids=lambda path: path.name)
def test_the_committed_figures_are_what_the_records_give(directory, digests, tmp_path):
    pictures = committed(directory)
    if not all(pictures.values()):
        pytest.skip("pictures were drawn before digests were kept: python -m figures.redraw")
    assert pictures == digests(directory, tmp_path)


def draw(path: Path, end: float, color: str = "#000000", title: str = "a title") -> str:
    with figure(path, "a caption") as drawing:
        axes = drawing.add_subplot()
        axes.plot([0, 1], [0, end], color=color)
        axes.set(title=title)
    with Image.open(path.with_suffix(".png")) as picture:
        return picture.text[DRAWN]


def test_a_digest_is_of_what_is_shown(tmp_path):
    digest = draw(tmp_path / "a", 1.0)
    assert digest == draw(tmp_path / "b", 1.0 + 1e-9), "rounding does not count"
    changed_digests = [
        draw(tmp_path / "c", 1.001),
        draw(tmp_path / "d", 1.0, color="#ff0000"),
        draw(tmp_path / "e", 1.0, title="another"),
    ]
    assert len({digest, *changed_digests}) == 4


def test_a_folder_without_records_is_not_redrawn(capsys):
    before = (RESULTS / "claims.json").stat().st_mtime_ns
    assert program([str(RESULTS / "none")]) == 2
    assert "none: not a folder of records; there are " in capsys.readouterr().err
    assert (RESULTS / "claims.json").stat().st_mtime_ns == before
