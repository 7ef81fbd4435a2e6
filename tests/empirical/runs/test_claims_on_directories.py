"""Nothing lost and nothing wrong kept: directories that vanish, commands that are refused, files that are damaged."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import empirical.job
from empirical.run import main
from empirical.runs.packing import pack
from empirical.runs.records import BusyError, RemovedError, RunDirectory, read_config, read_runs, restart_all

COMMAND = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "12", "--training.batch-size", "8"]


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(empirical.job, "report_runs", lambda *_: True)


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    """Two finished runs: true and random labels on 40 digits."""
    out = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empirical.job, "report_runs", lambda *_: True)
        assert main([*COMMAND, "--tests", "true-labels", "random-labels", "--out", str(out)]) == 0
    return out


@pytest.fixture
def out(records, tmp_path) -> Path:
    shutil.copytree(records, tmp_path / "out")
    return tmp_path / "out"


def directories(out: Path) -> list[RunDirectory]:
    return [RunDirectory(out, run.config) for run in read_runs(out)]


def contents(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def trained(out: Path) -> RunDirectory:
    return next(run for run in directories(out) if run.config.kind == "trained")


def test_nothing_is_written_once_the_directory_was_removed(out):
    """The inode of the lock is compared before every write: whoever has the new directory keeps it as it is."""
    directory = trained(out)
    epochs = directory.read().epochs
    with directory.claim():
        state = directory.load_state()
        shutil.rmtree(directory.path)
        successor = RunDirectory(out, directory.config)
        with successor.claim():
            before = contents(directory.path)
            for write in (
                lambda: directory.append(replace(epochs[-1], epoch=epochs[-1].epoch + 1)),
                lambda: directory.save_state(state),
                lambda: directory.finish({}, {"seconds": 0.0}),
                directory.restart,
                directory.check_claim,
            ):
                with pytest.raises(RemovedError, match="was removed or replaced while this process was at work"):
                    write()
            assert contents(directory.path) == before


def test_a_directory_that_was_removed_and_not_made_again_is_noticed(out):
    directory = trained(out)
    with directory.claim():
        shutil.rmtree(directory.path)
        with pytest.raises(RemovedError):
            directory.finish({}, {"seconds": 0.0})
    assert not directory.path.exists()


def test_removing_the_records_under_a_run_fails_that_run_and_leaves_the_other_process_its_own(
    tmp_path, records, monkeypatch, capsys
):
    """Both processes in one: at the first epoch the directory is replaced by a finished one of another outcome."""
    out = tmp_path / "out"
    append = RunDirectory.append
    replaced = []

    def replace_then_append(directory, record):
        if record.epoch == 1 and not replaced and directory.config.kind == "trained":
            shutil.rmtree(directory.path)
            shutil.copytree(records / directory.path.name, directory.path)
            replaced.append(directory.path)
        append(directory, record)

    monkeypatch.setattr(RunDirectory, "append", replace_then_append)
    assert main([*COMMAND, "--tests", "random-labels", "--out", str(out)]) == 1
    assert "removed or replaced while this process was at work" in capsys.readouterr().err
    (path,) = replaced
    assert contents(path) == contents(records / path.name)


def test_the_summary_is_of_the_epochs_that_this_process_recorded(out, monkeypatch):
    """Not of the last line of a file into which another has written."""
    directory = trained(out)
    right = directory.read().summary.metrics
    metrics = directory.path / "metrics.jsonl"
    save = RunDirectory.save_state

    def save_and_spoil(self, state):
        save(self, state)
        last = json.loads(metrics.read_text().splitlines()[-1])
        with open(metrics, "a") as file:
            file.write(json.dumps(last | {"epoch": last["epoch"] + 7, "train_accuracy": 0.5}) + "\n")

    monkeypatch.setattr(RunDirectory, "save_state", save_and_spoil)
    assert main([*COMMAND, "--tests", directory.config.randomization.option, "--out", str(out), "--rerun"]) == 0
    assert json.loads((directory.path / "summary.json").read_text())["metrics"] == right


def test_a_refused_rerun_changes_nothing(out, capsys):
    *_, last = directories(out)
    before = contents(out)
    with last.claim():
        command = [*COMMAND, "--tests", "true-labels", "random-labels", "--out", str(out), "--rerun"]
        assert main(command) == 2
    assert "another process is at work" in capsys.readouterr().err
    assert contents(out) == before
    assert main(command) == 0


def test_a_refused_rerun_leaves_packed_runs_as_they_were(out):
    runs = directories(out)
    with runs[-1].claim():
        config = runs[-1].config
    pack(out, remove=True)
    before = [run.path.name for run in read_runs(out)]
    with RunDirectory(out, config).claim(), pytest.raises(BusyError):
        restart_all(runs)
    shutil.rmtree(RunDirectory(out, config).path)
    assert [run.path.name for run in read_runs(out)] == before
    assert not [path for path in out.iterdir() if path.name in before], "no empty directory is left"


def test_a_rerun_that_the_system_refuses_puts_everything_back(out, monkeypatch):
    runs = directories(out)
    before = contents(out)
    move = RunDirectory._move_aside

    def refuse(self):
        if self is runs[-1]:
            raise OSError("no")
        move(self)

    monkeypatch.setattr(RunDirectory, "_move_aside", refuse)
    with pytest.raises(OSError, match="no"):
        restart_all(runs)
    assert contents(out) == before


def test_restarting_forgets_all(out):
    runs = directories(out)
    restart_all(runs)
    for run in runs:
        assert {path.name for path in run.path.iterdir()} == {"config.json", "lock"}
        assert read_config(run.path) == run.config


def test_leftovers_of_a_kill_are_removed_by_whoever_claims_next(out):
    directory = trained(out)
    names = {path.name for path in directory.path.iterdir()}
    for name in (".checkpoint.123.pt", ".summary.123.json", ".removed-metrics.jsonl"):
        (directory.path / name).write_text("half")
    (directory.path / ".removed-scratch").mkdir()
    (directory.path / ".removed-scratch" / "gram.pt").write_text("half")
    with directory.claim():
        assert {path.name for path in directory.path.iterdir()} == names
