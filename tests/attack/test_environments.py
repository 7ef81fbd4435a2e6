"""Poor places to work in: few open files, no home, no place for temporary files, strict permissions."""

import multiprocessing
import os
import stat
import sys
from pathlib import Path

import pytest

import empirical.job
from empirical.run import main
from empirical.runs.records import read_runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

COMMAND = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--tests", "true-labels"]


def few_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def no_home() -> None:
    os.environ.pop("HOME", None)


def home_that_is_not_there() -> None:
    os.environ["HOME"] = os.environ["TMPDIR"] = "/nothing/is/here"


def strict_permissions() -> None:
    os.umask(0o077)


def clock_set_back() -> None:
    import time

    time.time = lambda: 0.0


PLACES = [few_files, no_home, home_that_is_not_there, strict_permissions, clock_set_back]


def carry_out(place, arguments: list[str]) -> None:
    place()
    empirical.job._report = lambda *_: True
    os._exit(main(arguments))


def exit_status(place, *arguments: str) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=carry_out, args=(place, list(arguments)))
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_run_works_in_a_poor_place(place, tmp_path):
    for more in ([], ["--rerun"], []):
        assert exit_status(place, *COMMAND, *more, "--out", str(tmp_path)) == 0
    runs = read_runs(tmp_path)
    assert len(runs) == 2
    if place is strict_permissions:
        modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in Path(tmp_path).rglob("*.json")}
        assert modes == {0}


def test_a_rerun_of_more_runs_than_files_may_be_open_loses_nothing(tmp_path):
    """Every run is claimed before any is touched: where that is impossible, nothing is touched."""
    seeds = ["--seed", *map(str, range(36))]
    assert exit_status(lambda: None, *COMMAND, *seeds, "--out", str(tmp_path)) == 0
    before = len(read_runs(tmp_path))
    assert before == 72
    assert exit_status(few_files, *COMMAND, *seeds, "--rerun", "--out", str(tmp_path)) == 2
    assert len(read_runs(tmp_path)) == before
