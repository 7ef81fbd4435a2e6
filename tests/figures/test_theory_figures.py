"""The figures of least squares and implicit bias, from the records in results/, and which claims they show."""

import json
from pathlib import Path

import pytest
from PIL import Image

from figures.__main__ import main
from figures.draw import THEORY_RECORDS
from figures.expressivity import EXPRESSIVITY
from figures.implicit_bias import IMPLICIT_BIAS
from figures.least_squares import LEAST_SQUARES
from theory.checks import CLAIMS, implicit_bias, least_squares

RESULTS = Path(__file__).parents[2] / "results" / "theory"
FIGURES = [(kind, name) for kind in (LEAST_SQUARES, IMPLICIT_BIAS) for name in kind.figures]


@pytest.mark.parametrize(
    ("kind", "claims"), [(LEAST_SQUARES, least_squares.CLAIMS), (IMPLICIT_BIAS, implicit_bias.CLAIMS)]
)
def test_every_claim_is_in_a_figure(kind, claims):
    claim_ids = {claim for figure in kind.figures.values() for claim in figure.claims}
    assert claim_ids == {checked.claim.id for checked in claims}


def test_no_figure_names_a_claim_that_is_not_there():
    claim_ids = {checked.claim.id for checked in CLAIMS}
    assert {claim for figure in EXPRESSIVITY.figures.values() for claim in figure.claims} <= claim_ids


def test_names_differ():
    names = [name for kind in THEORY_RECORDS for name in kind.figures]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("kind", "name"), FIGURES, ids=[name for _, name in FIGURES])
def test_every_figure_is_drawn_from_its_parts_alone(kind, name, tmp_path):
    whole, figure = kind.read(RESULTS / kind.file), kind.figures[name]
    figure.draw({part: whole[part] for part in ("about", *figure.parts)}, tmp_path / name)
    with Image.open(tmp_path / f"{name}.png") as image:
        colours = image.convert("RGB").getcolors(maxcolors=2**24)
    assert colours is not None
    assert len(colours) > 100
    svg = (tmp_path / f"{name}.svg").read_text()
    assert len(svg) > 10_000
    assert f"seed {whole['about']['seed']}" in svg
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.png", f"{name}.svg"]


def test_what_is_measured_is_what_is_drawn(tmp_path):
    record = LEAST_SQUARES.read(RESULTS / LEAST_SQUARES.file)
    draw = LEAST_SQUARES.figures["curvature"].draw
    draw(record, tmp_path / "as-measured")
    record["curvature"]["elsewhere"][0] *= 2
    draw(record, tmp_path / "altered")
    assert (tmp_path / "as-measured.svg").read_bytes() != (tmp_path / "altered.svg").read_bytes()


def mark(results, path):
    """Draws nothing, in whatever process it is asked to."""
    path.parent.mkdir(exist_ok=True)
    path.with_name(f"{path.name}.drawn").touch()


@pytest.mark.parametrize("kind", THEORY_RECORDS, ids=lambda kind: kind.topic)
def test_one_record_alone_is_enough(kind, tmp_path, monkeypatch, capsys):
    for name, figure in kind.figures.items():
        monkeypatch.setitem(kind.figures, name, type(figure)(mark, figure.parts, figure.claims))
    (tmp_path / kind.file).write_bytes((RESULTS / kind.file).read_bytes())
    assert main([str(tmp_path)]) == 0
    assert {path.stem for path in (tmp_path / "figures").glob("*.drawn")} == set(kind.figures)
    assert capsys.readouterr().out.splitlines()[-1] == f"figures: {tmp_path / 'figures'}"


@pytest.mark.parametrize("kind", THEORY_RECORDS, ids=lambda kind: kind.topic)
@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ("[]", "cannot be read"), (json.dumps({"about": {"seed": 0}}), "lacks ")],
)
def test_a_damaged_record_is_named(kind, content, message, tmp_path, capsys):
    path = tmp_path / kind.file
    path.write_text(content)
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error
    if message == "lacks ":
        assert kind.command in error
