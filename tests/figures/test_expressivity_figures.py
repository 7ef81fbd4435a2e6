"""The theory's figures, from a small record."""

import json

import pytest
from PIL import Image

from figures.__main__ import main
from figures.expressivity import EXPRESSIVITY
from theory.expressivity import curves


@pytest.fixture(scope="module")
def record():
    return {
        "about": {"seed": 0},
        "interpolant": curves.interpolant_curves(0, n=7, depths=(2, 3)),
        "errors": curves.error_curves(0, sizes=(5, 10, 20)),
        "conditions": curves.condition_curves(0, sizes=(2, 5, 10)),
        "geometry": curves.geometry_curves(0, sizes=(5, 10), directions=2),
        "parameters": curves.parameter_curves(exponents=(1, 2, 3)),
    }


@pytest.mark.parametrize("name", EXPRESSIVITY.figures)
def test_every_figure_is_drawn(name, record, tmp_path):
    EXPRESSIVITY.figures[name].draw(record, tmp_path / name)
    with Image.open(tmp_path / f"{name}.png") as image:
        colours = image.convert("RGB").getcolors(maxcolors=2**24)
    assert colours is not None
    assert len(colours) > 100
    assert (tmp_path / f"{name}.svg").stat().st_size > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.png", f"{name}.svg"]


def test_overflow_is_told_only_where_there_is_one(record, tmp_path):
    EXPRESSIVITY.figures["error-by-biases"].draw(record, tmp_path / "without")
    beyond = json.loads(json.dumps(record))
    curve = beyond["errors"]["series"][-1]
    curve["overflow_at"][-1] = 19
    curve["sum_of_relus"][-1] = curve["stable"][-1] = None
    EXPRESSIVITY.figures["error-by-biases"].draw(beyond, tmp_path / "with")
    assert (tmp_path / "without.svg").read_bytes() != (tmp_path / "with.svg").read_bytes()


def test_a_record_alone_is_enough(record, tmp_path, capsys):
    (tmp_path / "expressivity.json").write_text(json.dumps(record))
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"figures: {tmp_path / 'figures'}"
    assert sorted(path.stem for path in (tmp_path / "figures").glob("*.png")) == sorted(EXPRESSIVITY.figures)
    assert not (tmp_path / "report.html").exists()


def test_beside_finished_runs_both_are_drawn(record, main_job, tmp_path, capsys):
    (tmp_path / "records").mkdir()
    for path in main_job.iterdir():
        if path.is_dir() and path.name != "figures":
            (tmp_path / "records" / path.name).symlink_to(path)
    (tmp_path / "records" / "expressivity.json").write_text(json.dumps(record))
    assert main([str(tmp_path / "records"), "--out", str(tmp_path / "out")]) == 0
    assert "report: " in capsys.readouterr().out
    names = {path.stem for path in (tmp_path / "out" / "figures").glob("*.svg")}
    assert set(EXPRESSIVITY.figures) < names


def test_neither_runs_nor_a_record(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "no finished runs and no record of the theory" in error
    assert "python -m theory.expressivity.curves" in error
