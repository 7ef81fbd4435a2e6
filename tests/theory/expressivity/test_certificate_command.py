"""The checker as a command: a certificate in a file against a sample in a file."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from theory.expressivity import check_certificate, save_certificate
from theory.expressivity.certificate_checker import main
from theory.expressivity.exact import exact_relu_interpolant

RESULTS = Path(__file__).parents[3] / "results" / "certificate"


@pytest.fixture
def files(tmp_path):
    """A certificate, and the sample as CSV."""
    rng = np.random.default_rng(0)
    points, labels = rng.integers(0, 256, (12, 5)), rng.integers(0, 10, 12)
    save_certificate(exact_relu_interpolant(points, labels), tmp_path / "certificate.json")
    np.savetxt(tmp_path / "data.csv", np.column_stack([points, labels]), fmt="%d", delimiter=",")
    return tmp_path


def test_the_certificate_in_the_repository_holds(capsys):
    arguments = [str(RESULTS / "digits-random-labels.json"), str(RESULTS / "digits-random-labels.csv")]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "holds: 300 points, 664 weights, exact arithmetic\n"


def test_the_sample_may_be_json_or_compressed(files):
    rows = [list(map(int, line.split(","))) for line in (files / "data.csv").read_text().splitlines()]
    sample = {"labels": [row[-1] for row in rows], "points": [row[:-1] for row in rows]}
    (files / "data.json").write_text(json.dumps(sample))
    (files / "data.csv.gz").write_bytes(gzip.compress((files / "data.csv").read_bytes()))
    for name in ("data.csv", "data.csv.gz", "data.json"):
        assert main([str(files / "certificate.json"), str(files / name)]) == 0


def test_a_wrong_label_and_a_changed_weight_are_seen(files, capsys):
    lines = (files / "data.csv").read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:-1], str(int(cells[-1]) + 1)])
    (files / "other.csv").write_text("\n".join(lines))
    assert main([str(files / "certificate.json"), str(files / "other.csv")]) == 1
    assert "1 of 12 points miss their label, the first in row 3" in capsys.readouterr().out
    document = json.loads((files / "certificate.json").read_text())
    document["offsets"][0] = "1"
    (files / "changed.json").write_text(json.dumps(document))
    assert main([str(files / "changed.json"), str(files / "data.csv")]) == 1
    assert "digest" in capsys.readouterr().out


def test_a_missing_file_is_an_error_and_no_verdict(files, capsys):
    with pytest.raises(FileNotFoundError):
        check_certificate(files / "nothing.json", [[1]], [1])
    assert main([str(files / "nothing.json"), str(files / "data.csv")]) == 2
    assert main([str(files / "certificate.json"), str(files / "nothing.csv")]) == 2
    assert "nothing.csv" in capsys.readouterr().err
    (files / "data.txt").write_text("1,2")
    assert main([str(files / "certificate.json"), str(files / "data.txt")]) == 2
