"""Figures and the page of kernel runs, from the records of a small job on real images."""

from pathlib import Path

import pytest
from PIL import Image

from empirical.claims.kernels import kernel_results
from empirical.run import main as run
from empirical.runs.records import read_runs
from figures.__main__ import main
from figures.kernels import KERNEL_FIGURES


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("kernel-records")
    arguments = ["kernels", "--train-size", "120", "--test-size", "60", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("empirical.report.run_report._draw", lambda out: True)
        patch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])
        assert run([*arguments, "--tests", "true-labels", "corrupted-0.5", "random-labels"]) == 0
        arguments += ["--tests", "true-labels", "--kernel.interpolant", "minimum-norm", "--kernel.no-certify"]
        more = [f"{start}random-convolution-{count}" for start in ("", "standardised-") for count in (8, 16)]
        assert run([*arguments, "--kernel.features", *more]) == 0
        linear = ["--kernel.name", "linear", "--kernel.ridge", "1", "100", "--kernel.features", more[-1]]
        assert run([*arguments, *linear]) == 0
    return out


def test_every_figure_is_drawn_and_the_page_shows_it(records, tmp_path):
    assert main([str(records), "--out", str(tmp_path)]) == 0
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names == {f"{figure.name}_digits-120-seed-0" for figure in KERNEL_FIGURES.values()}
    for png in (tmp_path / "figures").glob("*.png"):
        with Image.open(png) as image:
            colours = image.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 100
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 3
    for text in ("kernel interpolation, n = 120", "gaussian on gabor", "C28", "certified"):
        assert text in page


def test_the_same_records_the_same_picture(records, tmp_path):
    (results,) = kernel_results(read_runs(records))
    for figure in KERNEL_FIGURES.values():
        assert figure.possible(results)
        for time in ("once", "twice"):
            figure.draw(results, tmp_path / f"{figure.name}-{time}")
        assert (tmp_path / f"{figure.name}-once.svg").read_bytes() == (
            tmp_path / f"{figure.name}-twice.svg"
        ).read_bytes()
        svg = (tmp_path / f"{figure.name}-once.svg").read_text()
        assert svg.startswith("<?xml")


def test_the_curve_of_filters_tells_the_settings_apart(records, tmp_path):
    """A curve for each kernel, standardised or not; of two ridges the one with the smaller error."""
    (results,) = kernel_results(read_runs(records))
    KERNEL_FIGURES["Error against filters"].draw(results, tmp_path / "filters")
    svg = (tmp_path / "filters.svg").read_text()
    gaussian = "gaussian, bandwidth 0.28"
    for setting in (gaussian, f"{gaussian}, standardised", "linear, standardised, ridge"):
        assert svg.count(f">{setting}</text>") == 1, setting


def test_a_figure_is_left_out_where_its_runs_are_missing(records):
    (results,) = kernel_results([run for run in read_runs(records) if run.config.kernel.features == "pixels"])
    assert [figure.possible(results) for figure in KERNEL_FIGURES.values()] == [True, False, False]
