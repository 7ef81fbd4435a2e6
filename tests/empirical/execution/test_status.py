"""A sweep at a glance: every state, records that are just being written, and nothing disturbed."""

import json
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from empirical.execution.status import (
    PLANNED,
    changed_plan,
    duration,
    forget_begun,
    plan_to_run,
    print_status,
    read_planned,
    read_status,
    run_status,
    status_table,
)
from empirical.run import main
from empirical.runs.config import Trained
from empirical.runs.records import RunDirectory, write_json
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from tests.made_up import made_up_config

CONFIG = made_up_config(
    Trained(TrainingConfig(learning_rate=0.1, max_steps=60_000)), "random-labels", n_train=10, n_test=5
)


def record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, 40 * epoch, 0.1, 1.0, 0.25, 0.1, None, None, 2.0, 0.1, 200.0)


def directory(out: Path, seed: int) -> RunDirectory:
    return RunDirectory(out, replace(CONFIG, seed=seed))


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Seed 0 finished, seed 1 stopped at epoch 3, seed 2 asked for; beside them what is no run."""
    finished, stopped, waiting = (directory(tmp_path, seed) for seed in range(3))
    with finished.claim():
        finished.append(record(0))
        finished.finish({"epoch": 7, "step": 280, "train_accuracy": 1.0}, {"seconds": 12.0})
    with stopped.claim():
        stopped.append(record(3))
    write_json(tmp_path / "planned.json", {})
    (tmp_path / "figures").mkdir()
    (tmp_path / PLANNED).parent.mkdir()
    plan = {run.path.name: {"title": run.config.title, "job": ""} for run in (finished, stopped, waiting)}
    write_json(tmp_path / PLANNED, plan)
    return tmp_path


def test_every_state(sweep):
    with directory(sweep, 3).claim():
        statuses = read_status(sweep)
    assert [status.state for status in statuses] == ["running", "stopped", "waiting", "finished"]
    _, stopped, waiting, finished = statuses
    assert (stopped.epochs, stopped.steps, stopped.max_steps, stopped.train_accuracy) == (3, 120, 60_000, 0.25)
    assert (finished.epochs, finished.steps, finished.train_accuracy, finished.seconds) == (7, 280, 1.0, 12.0)
    assert waiting.title == "random labels, mlp-1x512, seed 2"
    assert waiting.age is None
    assert finished.age is not None
    assert 0 <= finished.age < 60
    assert [status.state for status in read_status(sweep)] == ["stopped", "stopped", "waiting", "finished"]


def test_nothing_is_written_and_nobody_is_kept_from_work(sweep):
    before = {path: path.stat().st_mtime_ns for path in sweep.rglob("*")}
    read_status(sweep)
    assert {path: path.stat().st_mtime_ns for path in sweep.rglob("*")} == before
    with directory(sweep, 1).claim():
        pass


def test_a_claim_is_seen_by_another_process_alone(sweep):
    """The run at work keeps its lock while it is looked at."""
    run = directory(sweep, 1)
    with run.claim():
        assert {run_status(run.path).state for _ in range(3)} == {"running"}


@pytest.mark.parametrize("line", [b'{"epoch": 4, "st', b"", b"\x00\x00\n", b"[1]\n"])
def test_metrics_that_are_just_being_written(sweep, line):
    path = directory(sweep, 1).path
    with open(path / "metrics.jsonl", "ab") as file:
        file.write(line)
    expected = 3 if not line.endswith(b"\n") else None
    assert run_status(path).epochs == expected


def test_directories_that_are_just_being_made(sweep):
    empty = sweep / "randomization-tests_random-labels_mlp_0123456789ab"
    empty.mkdir()
    assert run_status(empty).state == "stopped"
    (empty / "lock").touch()
    (empty / "config.json").write_text("{")
    status = run_status(empty)
    assert (status.state, status.title, status.age) == ("stopped", empty.name, pytest.approx(0, abs=60))
    (sweep / PLANNED).write_text("{")
    assert "waiting" not in {status.state for status in read_status(sweep)}


def test_a_long_record_is_read_from_its_end(sweep):
    path = directory(sweep, 1).path / "metrics.jsonl"
    path.write_text("".join(json.dumps(asdict(record(epoch))) + "\n" for epoch in range(3_000)))
    assert path.stat().st_size > 500_000
    assert run_status(path.parent).epochs == 2_999


def test_records_without_a_lock(sweep):
    run = directory(sweep, 0)
    (run.path / "lock").unlink()
    assert run_status(run.path).state == "finished"
    assert not (run.path / "lock").exists()


def test_table_and_console(sweep):
    table = status_table(read_status(sweep), sweep)
    assert table.title == f"{sweep}: 3 runs: 1 finished, 0 running, 1 stopped, 1 waiting"
    assert table.rows[0][1:6] == ("stopped", "3", "120 of 60,000", "25.00%", "3 min 20 s")
    assert table.rows[2][1:6] == ("finished", "7", "280", "100.00%", "12 s")
    console = Console(width=200, record=True)
    assert print_status(sweep, console) == 0
    assert "random labels, mlp-1x512, seed 2" in console.export_text()


def test_command_line(sweep, tmp_path, capsys):
    assert main(["status", str(sweep)]) == 0
    assert "1 finished, 0 running, 1 stopped, 1 waiting" in capsys.readouterr().out.replace("\n", " ")
    assert main(["status", str(tmp_path / "nowhere")]) == 2
    assert "error: no directory of records at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.9, "4 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (273_600, "3 d 4 h")]
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def test_runs_not_begun_are_known_and_forgotten_once_begun(tmp_path):
    runs = [directory(tmp_path, seed) for seed in range(3)]
    plan_to_run(tmp_path, {run.path.name: "random labels" for run in runs})
    assert [status.state for status in read_status(tmp_path)] == ["waiting"] * 3
    with runs[0].claim():
        forget_begun(tmp_path)
        assert [status.state for status in read_status(tmp_path)] == ["running", "waiting", "waiting"]
    for run in runs[1:]:
        with run.claim():
            run.append(record(0))
    forget_begun(tmp_path)
    assert not (tmp_path / PLANNED).parent.exists(), "nothing is left of a note of nothing"


def test_a_refused_command_takes_back_what_it_noted_and_no_more(tmp_path):
    earlier, later = directory(tmp_path, 0).path.name, directory(tmp_path, 1).path.name
    assert plan_to_run(tmp_path, {earlier: "asked for before"}) == [earlier]
    noted = plan_to_run(tmp_path, {earlier: "again", later: "refused"})
    assert noted == [later]
    forget_begun(tmp_path, noted)
    assert read_planned(tmp_path) == {earlier: {"title": "asked for before", "job": ""}}


def test_a_launchers_jobs_stay_noted(tmp_path):
    run = directory(tmp_path, 0)
    (tmp_path / PLANNED).parent.mkdir()
    write_json(tmp_path / PLANNED, {run.path.name: {"title": "t", "job": "17"}})
    plan_to_run(tmp_path, {run.path.name: "random labels"})
    with run.claim():
        forget_begun(tmp_path)
    assert json.loads((tmp_path / PLANNED).read_text()) == {run.path.name: {"title": "t", "job": "17"}}


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_two_commands_that_note_their_runs_at_once_lose_none(tmp_path):
    """The second waits until the first has written."""
    noted = threading.Event()

    def second() -> None:
        noted.wait()
        plan_to_run(tmp_path, {"b": "second"})

    thread = threading.Thread(target=second)
    thread.start()
    with changed_plan(tmp_path) as planned:
        planned["a"] = {"title": "first", "job": "17"}
        noted.set()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert set(read_planned(tmp_path)) == {"a", "b"}


def test_two_commands_that_end_at_once(tmp_path):
    plan_to_run(tmp_path, {"a": "first"})
    with changed_plan(tmp_path) as planned:
        del planned["a"]
        (tmp_path / PLANNED).unlink()
    assert not (tmp_path / PLANNED).exists()
