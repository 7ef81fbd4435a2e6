"""The check of a GPU works the first time: rehearsed whole on a CPU, resumed, within its time."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.speed import operations
from empirical.runs.records import read_runs

ROOT = Path(__file__).parents[2]


def checklist(path: Path, seconds: float = 60.0) -> Checklist:
    checks = Checklist(path / "results.jsonl", time.monotonic() + seconds)
    checks.begin("stage", 1.0)
    return checks


def verdicts(path: Path) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    return [(row["check"], row["verdict"]) for row in rows]


def test_what_is_done_is_not_done_again_and_what_failed_is(tmp_path):
    calls = []

    def work(name: str):
        calls.append(name)
        if name == "raises":
            raise ValueError("no")
        return {"verdict": "INFO"} if name == "measures" else None

    for _ in range(2):
        checks = checklist(tmp_path)
        for name in ("passes", "measures", "raises"):
            checks.check(name, lambda name=name: work(name))
    assert calls == ["passes", "measures", "raises", "raises"]
    assert verdicts(tmp_path) == [("passes", "PASS"), ("measures", "INFO"), ("raises", "FAIL"), ("raises", "FAIL")]


def test_a_check_is_interrupted_when_its_time_is_over(tmp_path):
    """Even one that catches every Exception; those after it are left for the next call."""

    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(60)

    checks, start = checklist(tmp_path, 0.3), time.monotonic()
    checks.check("stubborn", stubborn)
    checks.check("next", lambda: None)
    assert time.monotonic() - start < 30
    assert verdicts(tmp_path) == [("stubborn", "LATE"), ("next", "LATE")]
    checklist(tmp_path).check("next", lambda: None)
    assert verdicts(tmp_path)[-1] == ("next", "PASS")


def test_the_arithmetic_of_a_perceptron():
    """2352 x 512 and 512 x 10, two operations each: forward, and twice that backward but for the images' gradient."""
    assert operations("mlp-1x512") == 2 * (2352 * 512 * 2 + 512 * 10 * 3)


@pytest.mark.slow
def test_the_whole_of_it_on_a_cpu(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--tiny", "--seconds", "900"]
    command += ["--out", str(tmp_path), "--data-root", str(tmp_path / "none")]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    for stage in ("machine", "agree", "graphed", "command", "speed", "together", "table1", "records"):
        assert any(row["check"].startswith(stage) for row in rows), stage
    assert {row["verdict"] for row in rows} <= {"PASS", "INFO", "SKIP"}
    assert len(read_runs(tmp_path / "records")) == 2
    assert (tmp_path / "records.tar.gz").stat().st_size > 0
