"""The command line that the records of the theory share."""

import json

import numpy as np
import pytest

from theory import curves


def test_writes_one_record(tmp_path, capsys):
    path = tmp_path / "new" / "topic.json"
    assert curves.main("topic", lambda seed: {"part": [seed]}, ("numpy",), [str(path), "--seed", "3"]) == 0
    record = json.loads(path.read_text())
    assert record["part"] == [3]
    assert record["about"]["seed"] == 3
    assert record["about"]["numpy"] == np.__version__
    assert "theory.topic.curves" in record["about"]["what"]
    assert [file.name for file in path.parent.iterdir()] == ["topic.json"]
    assert str(path) in capsys.readouterr().out


def test_default_path_is_named_after_the_topic(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert curves.main("topic", lambda seed: {}, (), []) == 0
    assert (tmp_path / "runs" / "topic.json").exists()


def test_a_number_that_json_does_not_hold_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        curves.main("topic", lambda seed: {"part": float("nan")}, (), [str(tmp_path / "out.json")])
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(tmp_path, capsys):
    assert curves.main("topic", lambda seed: pytest.fail("measured"), (), ["--seed", "-1"]) == 2
    assert "--seed takes a non-negative integer" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert curves.main("topic", lambda seed: {}, (), [str(tmp_path / "file" / "out.json")]) == 2
    assert "error: " in capsys.readouterr().err
