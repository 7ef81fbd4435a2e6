"""The figure of time against devices, from the record in results/ and from altered ones."""

import json
from pathlib import Path

import pytest
from PIL import Image

from figures.__main__ import main
from figures.scaling import SCALING, draw_scaling

RESULTS = Path(__file__).parents[2] / "results" / "scaling"


@pytest.fixture
def record():
    return SCALING.read(RESULTS / SCALING.file)


def test_the_record_alone_is_enough(record, tmp_path, capsys):
    (tmp_path / SCALING.file).write_text(json.dumps(record))
    assert main([str(tmp_path)]) == 0
    with Image.open(tmp_path / "figures" / "scaling.png") as image:
        assert min(image.size) > 500
    assert (tmp_path / "figures" / "scaling.png").stat().st_size < 200_000, "small enough for a README"


def test_what_was_stated_is_in_the_picture(record, tmp_path):
    draw_scaling(record, tmp_path / "one")
    record["settings"]["bandwidth_gbps"] = 12.5
    record["scaling"][0]["rows"][0]["simulated"] *= 2
    draw_scaling(record, tmp_path / "other")
    assert (tmp_path / "one.svg").read_bytes() != (tmp_path / "other.svg").read_bytes()


def test_of_two_folders_with_such_a_record_the_first_counts(record, tmp_path):
    for folder, bandwidth in (("a", 12.5), ("b", 50.0)):
        (tmp_path / folder).mkdir()
        record["settings"]["bandwidth_gbps"] = bandwidth
        (tmp_path / folder / SCALING.file).write_text(json.dumps(record))
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path / "a")]) == 0
    both, first = (tmp_path / folder / "figures" / "scaling.svg" for folder in (".", "a"))
    assert both.read_bytes() == first.read_bytes()


def test_no_device_stated(record, tmp_path):
    record["settings"]["images_per_second"] = None
    del record["scaling"][1:]
    draw_scaling(record, tmp_path / "measured")
    assert (tmp_path / "measured.png").exists()


def test_a_plan_without_devices_is_no_whole_record(record, tmp_path, capsys):
    del record["scaling"]
    (tmp_path / SCALING.file).write_text(json.dumps(record))
    assert main([str(tmp_path)]) == 2
    assert "lacks scaling: python -m benchmarks.scaling" in capsys.readouterr().err


def test_the_record_is_of_real_measurements(record):
    """What is in the repository says on what it was measured, and names nobody's directories."""
    environment = record["about"]["environment"]
    assert environment["processor"]
    assert environment["accelerator"] is None, "no GPU: rates of other devices are stated"
    assert [table["compute"] for table in record["scaling"]] == ["measured", "stated"]
    for table in record["scaling"]:
        for row in table["rows"]:
            assert row["epoch_overlapped"] <= row["epoch"] <= row["simulated"] * 1.001
    for row in record["sweep"]["rows"]:
        assert row["makespan"] >= row["bound"] > 0
