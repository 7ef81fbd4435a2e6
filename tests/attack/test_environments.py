"""Poor places to work in: little memory, few open files, no home, no room for temporary files, others' files."""

import ctypes
import json
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import empirical.job
from empirical.run import main
from empirical.runs.records import read_runs
from tests.attack.test_kills import imported

__all__ = ["imported"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

SIZE = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--launcher", "none"]
COMMAND = [*SIZE, "--tests", "true-labels"]
KERNELS = ["--train-size", "600", "--test-size", "100", "--launcher", "none", "--tests", "true-labels"]


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


def no_privileges() -> None:
    """Root without its capabilities: permissions hold for it as for any other user."""
    header, capabilities = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, capabilities):
        os._exit(77)


def home_that_is_read_only() -> None:
    home = Path(os.environ["ATTACK_PLACE"])
    home.chmod(0o555)
    os.environ["HOME"] = str(home)
    os.environ.pop("XDG_CACHE_HOME", None)
    if os.geteuid() == 0:
        no_privileges()
    assert not os.access(home, os.W_OK)


PLACES = [few_files, no_home, home_that_is_not_there, home_that_is_read_only, strict_permissions, clock_set_back]


def carry_out(place, arguments: list[str]) -> None:
    place()
    empirical.job.report_runs = lambda *_: True
    os._exit(main(arguments))


def exit_status(place, *arguments: str) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=carry_out, args=(place, list(arguments)))
    process.start()
    process.join(300)
    if process.is_alive():
        process.kill()
        pytest.fail(f"it hangs: {arguments}")
    return process.exitcode


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_run_works_in_a_poor_place(place, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ATTACK_PLACE", str(tmp_path_factory.mktemp("place")))
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


def little_memory(more: int):
    """Room for so many bytes beside what the process has mapped."""

    def place() -> None:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return place


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.slow
@pytest.mark.parametrize("more", [0, 2**20, 2**23, 2**25, 2**27])
@pytest.mark.parametrize("experiment", ["randomization-tests", "kernels"])
def test_too_little_memory_is_an_error_and_what_was_recorded_is_right(experiment, more, tmp_path):
    command = [experiment, *(KERNELS if experiment == "kernels" else COMMAND)]
    status = exit_status(little_memory(more), *command, "--out", str(tmp_path / "out"))
    assert status in (0, 1, 2), "an error with a message; neither a crash nor a hang"
    assert exit_status(lambda: None, *command, "--out", str(tmp_path / "out")) == 0
    assert exit_status(lambda: None, *command, "--out", str(tmp_path / "whole")) == 0
    # A BLAS that finds no memory for its buffer takes another routine, which rounds otherwise: what was computed within
    # the limit may differ in its last bits, and residuals, which are made of those bits, in all.
    assert answers(tmp_path / "out") == answers(tmp_path / "whole")


def answers(out: Path) -> dict[str, tuple[object, ...]]:
    """The predictions on the test images, the accuracies, and the norms to six digits."""
    runs = {run.path.name: run.summary.metrics for run in read_runs(out)}
    return {
        name: (
            values["test_hits"],
            values["train_accuracy"],
            *(f"{value:.5e}" for key, value in values.items() if key.endswith("norm")),
        )
        for name, values in runs.items()
    }


def metrics(out: Path) -> dict[str, str]:
    return {run.path.name: json.dumps(dict(run.summary.metrics), sort_keys=True) for run in read_runs(out)}


@pytest.fixture
def full(tmp_path) -> Iterator[Path]:
    """A file system of one megabyte that has no room left."""
    place = tmp_path / "full"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root, and leave to mount")
    try:
        with open(place / "filler", "wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert shutil.disk_usage(place).free == 0
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_full_place_for_temporary_files_is_not_needed(full, tmp_path):
    def place() -> None:
        os.environ["TMPDIR"] = str(full)

    assert exit_status(place, *COMMAND, "--out", str(tmp_path / "out")) == 0
    assert len(read_runs(tmp_path / "out")) == 2


@pytest.mark.slow
def test_records_on_a_full_disk_go_on_once_there_is_room(full, tmp_path):
    out = full / "out"
    assert exit_status(lambda: None, *COMMAND, "--out", str(out)) in (1, 2)
    (full / "filler").unlink()
    assert exit_status(lambda: None, *COMMAND, "--out", str(out)) == 0
    assert exit_status(lambda: None, *COMMAND, "--out", str(tmp_path / "whole")) == 0
    assert metrics(out) == metrics(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to give files away")
def test_another_users_records_are_read_and_neither_changed_nor_deleted(tmp_path):
    out = tmp_path / "out"
    assert exit_status(lambda: None, *COMMAND, "--out", str(out)) == 0
    shutil.copytree(out, tmp_path / "begun")
    for summary in (tmp_path / "begun").glob("*/summary.json"):
        summary.unlink()
    for place in (out, tmp_path / "begun"):
        for path in [place, *place.rglob("*")]:
            os.chown(path, 12345, 12345)
            path.chmod(0o755 if path.is_dir() else 0o644)
    whole = contents(out)
    assert exit_status(no_privileges, *COMMAND, "--out", str(out)) == 0, "finished runs are read"
    assert exit_status(no_privileges, *COMMAND, "--rerun", "--out", str(out)) == 2
    assert exit_status(no_privileges, *COMMAND, "--seed", "5", "--out", str(out)) in (1, 2)
    assert contents(out) == whole
    before = contents(tmp_path / "begun")
    assert exit_status(no_privileges, *COMMAND, "--out", str(tmp_path / "begun")) in (1, 2)
    assert contents(tmp_path / "begun") == before


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_copy_by_hard_links_stays_as_it_is(tmp_path):
    """What has begun is copied as `cp -al` does, and goes on: the copy is a run of its own, and may go on too."""
    out, copy = tmp_path / "out", tmp_path / "copy"
    assert exit_status(lambda: None, *COMMAND, "--out", str(out)) == 0
    whole = metrics(out)
    for directory in out.glob("*mlp*"):
        (directory / "summary.json").unlink()
        lines = (directory / "metrics.jsonl").read_text().splitlines(keepends=True)
        (directory / "metrics.jsonl").write_text("".join(lines[:1]))
    shutil.copytree(out, copy, copy_function=os.link)
    before = contents(copy)
    assert exit_status(lambda: None, *COMMAND, "--out", str(out)) == 0
    assert metrics(out) == whole
    changed = {name for name, content in contents(copy).items() if content != before[name]}
    assert changed == set()
    assert exit_status(lambda: None, *COMMAND, "--out", str(copy)) == 0
    assert metrics(copy) == metrics(out) == whole


@pytest.mark.slow
def test_classes_whose_names_differ_in_case_are_two(tmp_path):
    from PIL import Image

    for shade, name in enumerate(("Cat", "cat", "CAT")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (8, 8), (80 * shade, 20 * number, 0)).save(tmp_path / "images" / name / f"{number}.png")
    if len(list((tmp_path / "images").iterdir())) < 3:
        pytest.skip("this file system does not tell cases apart")
    data = ["--data", "folder", "--data-root", str(tmp_path / "images"), "--image-size", "8"]
    command = ["--training.max-steps", "10", "--tests", "true-labels", "--launcher", "none", *data]
    assert exit_status(lambda: None, *command, "--out", str(tmp_path / "out")) == 0
    assert read_runs(tmp_path / "out")[0].config.num_classes == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["empirical.run", *COMMAND], ["empirical.run", "--help"], ["theory", "--help"]], ids=str
)
def test_without_assertions_and_docstrings(arguments, tmp_path):
    """`python -OO`: what is checked by `assert` alone would pass, and what is printed from docstrings is not there."""
    out = ["--out", str(tmp_path)] if "--tests" in arguments else []
    command = [sys.executable, "-OO", "-m", *arguments, *out]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    if out:
        assert exit_status(lambda: None, *COMMAND, "--rerun", "--out", str(tmp_path / "plain")) == 0
        assert metrics(tmp_path) == metrics(tmp_path / "plain")
