"""Figures are drawn where they would differ from what is there, and nowhere else."""

from pathlib import Path

import pytest

from figures import drawings
from figures.drawings import Drawings


def draw(results, path: Path) -> None:
    """A figure of sorts, whose file is appended to: so that drawing it twice can be told."""
    for suffix in (".svg", ".png"):
        with open(path.with_name(path.name + suffix), "a") as file:
            file.write(f"{results} ")


def fail(results, path: Path) -> None:
    raise ValueError(f"no picture of {results}")


def drawn_names(directory: Path, content: dict[str, object]) -> list[str]:
    """Names of what had to be drawn of figures by name."""
    with Drawings(directory) as figures:
        for name, results in content.items():
            figures.add(draw, results, directory / name)
    return [path.name for path in figures.drawn]


def test_only_what_has_changed_is_drawn(tmp_path):
    assert drawn_names(tmp_path, {"a": 1, "b": {"x": [1.0]}}) == ["a", "b"]
    assert drawn_names(tmp_path, {"a": 1, "b": {"x": [1.0]}}) == []
    assert drawn_names(tmp_path, {"a": 1, "b": {"x": [2.0]}, "c": 3}) == ["b", "c"]
    assert (tmp_path / "a.svg").read_text() == "1 "
    (tmp_path / "c.png").unlink()
    assert drawn_names(tmp_path, {"a": 1, "c": 3}) == ["c"]
    assert drawn_names(tmp_path, {"b": {"x": [2.0]}}) == ["b"], (
        "what was not asked for in between is not known any more"
    )


def test_another_version_draws_all(tmp_path, monkeypatch):
    drawn_names(tmp_path, {"a": 1})
    monkeypatch.setattr(drawings, "code_digest", lambda: "another")
    assert drawn_names(tmp_path, {"a": 1}) == ["a"]


def test_a_damaged_manifest_draws_all(tmp_path):
    drawn_names(tmp_path, {"a": 1})
    for content in ("{", "[1]", ""):
        (tmp_path / ".manifest.json").write_text(content)
        assert drawn_names(tmp_path, {"a": 1}) == ["a"]


def test_many_are_drawn_by_several_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    names = {f"figure-{number}": number for number in range(9)}
    assert drawn_names(tmp_path, names) == list(names)
    assert [(tmp_path / f"{name}.png").read_text() for name in names] == [f"{number} " for number in names.values()]
    assert drawn_names(tmp_path, names) == []


@pytest.mark.parametrize("count", [3, 9])
def test_drawing_is_told_figure_by_figure(count, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    drawn_names(tmp_path, {"0": 0})
    told: list[tuple[str, float]] = []
    with Drawings(tmp_path, lambda stage, share: told.append((stage, share))) as figures:
        for number in range(count + 1):
            figures.add(draw, number, tmp_path / str(number))
    assert told == [(f"drawing {count} of {count + 1},", progress / count) for progress in range(count + 1)]
    told.clear()
    with Drawings(tmp_path, lambda stage, share: told.append((stage, share))) as figures:
        figures.add(draw, 0, tmp_path / "0")
    assert told == [], "nothing is drawn, and nothing is said"


@pytest.mark.parametrize("count", [1, 9])
def test_an_error_of_a_figure_is_the_commands(count, tmp_path):
    figures = Drawings(tmp_path)
    for number in range(count):
        figures.add(fail, number, tmp_path / str(number))
    with pytest.raises(ValueError, match="no picture of 0"):
        figures.__exit__(None, None, None)
    assert not (tmp_path / ".manifest.json").exists(), "what has failed is drawn again"
