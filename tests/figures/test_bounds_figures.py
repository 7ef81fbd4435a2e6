"""The chart of bounds: its dots are the records' numbers."""

from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from empirical.claims.bounds import bounds_results
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization, parse_test
from empirical.runs.config import StudyRun
from empirical.runs.records import Run
from empirical.runs.studies import BoundsConfig
from empirical.studies.bounds import EvaluatedBound
from empirical.training.config import TrainingConfig
from figures.bounds import BOUNDS_FIGURES
from figures.palette import marker
from figures.style import TEST_COLORS
from tests.made_up import made_up_config, made_up_run

(CHART,) = BOUNDS_FIGURES.values()


def made_up(test: str, values: dict[str, float | None], gap: float) -> Run:
    config = made_up_config(StudyRun(BoundsConfig(), TrainingConfig(learning_rate=0.01)), test, crop=None, seed=2)
    covered = {"VC": True, "spectral": True, "PAC-Bayes": False}
    bounds = [
        asdict(
            EvaluatedBound(name, "norm", "error", "made up", value, value is None or value >= 1, 0.9, gap, gap)
            if covered[name]
            else EvaluatedBound(name, "norm", "", "", None, None, note="not covered")
        )
        for name, value in values.items()
    ]
    return made_up_run(config, {"gap": gap, "bounds": bounds})


TRUE = made_up("true-labels", {"VC": 14.0, "spectral": 1e4, "PAC-Bayes": None}, 0.03)
RANDOM = made_up("random-labels", {"VC": 15.0, "spectral": None, "PAC-Bayes": None}, 0.9)


@pytest.fixture
def panels(monkeypatch):
    pairs = []

    @contextmanager
    def figure(path, caption, **size):
        drawing = Figure()
        yield drawing
        pairs.append((caption, drawing.axes[0]))

    monkeypatch.setattr("figures.bounds.figure", figure)
    return pairs


def points(axes, sign: str, test: Randomization) -> list[tuple[float, int]]:
    return [
        (float(line.get_xdata()[0]), round(float(line.get_ydata()[0])))
        for line in axes.lines
        if line.get_marker() == sign and line.get_color() == TEST_COLORS[test]
    ]


def test_dots_are_bounds_and_bars_are_gaps(panels):
    (results,) = bounds_results([RANDOM, TRUE])
    CHART.draw(results, Path("nowhere"))
    ((caption, axes),) = panels
    assert points(axes, "o", TRUE_LABELS) == [(14.0, 0), (1e4, 1)]
    assert points(axes, marker(TEST_COLORS[RANDOM_LABELS]), RANDOM_LABELS) == [(15.0, 0)]
    assert points(axes, "|", TRUE_LABELS) == [(0.03, 0), (0.03, 1)]
    assert points(axes, "|", RANDOM_LABELS) == [(0.9, 0), (0.9, 1)]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["VC", "spectral"]
    assert any(list(line.get_xdata()) == [1, 1] for line in axes.lines), "where an error bound becomes vacuous"
    for text in ("digits, 500 training", "seed 2", "cpu", "made up for this test"):
        assert text in caption


def test_a_lone_run_and_gaps_that_a_logarithm_has_no_place_for(panels):
    (results,) = bounds_results([made_up("true-labels", {"VC": 14.0}, -0.01)])
    CHART.draw(results, Path("nowhere"))
    ((_, axes),) = panels
    assert points(axes, "o", TRUE_LABELS) == [(14.0, 0)]
    assert points(axes, "|", TRUE_LABELS) == []


def test_it_is_possible_where_a_bound_has_a_number():
    (results,) = bounds_results([TRUE, RANDOM])
    assert CHART.possible(results)
    (nothing,) = bounds_results([made_up("true-labels", {"PAC-Bayes": None}, 0.1)])
    assert not CHART.possible(nothing)
    (noise,) = bounds_results([replace(TRUE, config=replace(TRUE.config, randomization=parse_test("gaussian")))])
    assert not CHART.possible(noise)


def test_the_same_records_the_same_picture(tmp_path):
    (results,) = bounds_results([TRUE, RANDOM])
    for time in ("once", "twice"):
        CHART.draw(results, tmp_path / time)
    assert (tmp_path / "once.svg").read_bytes() == (tmp_path / "twice.svg").read_bytes()
    with Image.open(tmp_path / "once.png") as image:
        assert len(image.convert("RGB").getcolors(maxcolors=2**24)) > 50
