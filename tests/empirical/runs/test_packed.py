import gzip
import json
from dataclasses import asdict, replace

import pytest
from rich.console import Console

from empirical.execution.status import print_status, read_status
from empirical.run import main
from empirical.runs.config import Explicit, Trained
from empirical.runs.packed import PACKED, read_packed
from empirical.runs.packing import pack
from empirical.runs.records import RunDirectory, has_records, read_config, read_run, read_runs
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from tests.made_up import made_up_config, made_up_run, write_run

TRAINED = made_up_config(Trained(TrainingConfig(learning_rate=0.1)))
EPOCHS = tuple(EpochRecord(e, 8 * e, 0.1, 1 / 3, 0.1 + 0.2, 5e-324, None, 0.5, 1e300, 0.25, e / 7) for e in range(3))
RUNS = [
    made_up_run(TRAINED, {"test_accuracy": 1 / 7, "steps": [1, 2], "kernel": "é"}, EPOCHS),
    made_up_run(replace(TRAINED, seed=1), {"train_accuracy": 0.5, "epoch": 2, "step": 16}, EPOCHS[:1]),
    made_up_run(made_up_config(Explicit()), {"train_accuracy": 1.0}),
]


@pytest.fixture
def folder(tmp_path):
    for run in RUNS:
        write_run(run, tmp_path)
    return tmp_path


def content(runs):
    return [(run.path, run.config, run.config.hash, run.epochs, asdict(run.summary)) for run in runs]


@pytest.mark.parametrize("remove", [False, True])
def test_packed_runs_read_as_their_directories(folder, remove):
    before = content(read_runs(folder))
    assert len(before) == 3
    assert pack(folder, remove=remove) == (folder / PACKED, 3, 3)
    assert content(read_runs(folder)) == before, "each run once, number for number"
    assert len(list(folder.glob("*/summary.json"))) == (0 if remove else 3)
    assert read_runs(folder, experiment="another") == []
    assert has_records(folder)


def test_the_same_runs_give_the_same_bytes(folder):
    first = pack(folder)[0].read_bytes()
    (folder / PACKED).touch()
    assert pack(folder, remove=True)[0].read_bytes() == first
    assert pack(folder)[0].read_bytes() == first, "packed again, without directories"
    assert len(gzip.decompress(first).splitlines()) == 3


def test_a_run_that_another_process_is_at_work_on_is_packed_and_kept(folder, capsys):
    busy, *others = sorted(path.parent for path in folder.glob("*/summary.json"))
    with RunDirectory(folder, read_config(busy), busy).claim():
        pack(folder, remove=True)
    assert f"{busy} is kept: another process is at work on it" in capsys.readouterr().err
    assert (busy / "summary.json").exists()
    assert others
    assert not any(path.exists() for path in others)


def test_a_directory_counts_before_the_packed_file(folder):
    pack(folder, remove=True)
    changed = made_up_run(TRAINED, {"test_accuracy": 0.75})
    write_run(changed, folder)
    (run,) = (run for run in read_runs(folder) if run.config == TRAINED)
    assert run.summary.metrics == {"test_accuracy": 0.75}
    pack(folder, remove=True)
    assert read_packed(folder)[run.path.name]["summary"]["metrics"] == {"test_accuracy": 0.75}
    assert len(read_runs(folder)) == 3


def test_a_packed_run_is_finished_until_it_is_begun_anew(folder):
    pack(folder, remove=True)
    directory = RunDirectory(folder, TRAINED)
    assert directory.finished
    assert content([directory.read()]) == content([run for run in read_runs(folder) if run.config == TRAINED])
    with directory.claim():
        directory.restart()
    assert not directory.finished
    assert len(read_runs(folder)) == 2
    pack(folder)
    assert len(read_packed(folder)) == 3, "what is being made anew stays packed until it is finished"
    with directory.claim():
        directory.finish({"test_accuracy": 0.5}, {"seconds": 1.0})
    assert RunDirectory(folder, TRAINED).read().summary.metrics == {"test_accuracy": 0.5}


def test_status_counts_packed_runs(folder, capsys):
    before = {status.name: status for status in read_status(folder)}
    pack(folder, remove=True)
    after = {status.name: status for status in read_status(folder)}
    assert after == {name: replace(status, age=None) for name, status in before.items()}
    assert print_status(folder, Console(width=200)) == 0
    assert "3 finished" in capsys.readouterr().out


def test_a_command_counts_packed_runs_as_finished(tmp_path, capsys):
    arguments = ["--train-size", "40", "--test-size", "20", "--tests", "true-labels", "--training.max-steps", "10"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    before = content(read_runs(tmp_path))
    assert main(["pack", str(tmp_path), "--remove"]) == 0
    assert "2 runs are packed in" in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert content(read_runs(tmp_path)) == before
    assert not list(tmp_path.glob("*/config.json")), "nothing was run again"


def test_nothing_to_pack(tmp_path, capsys):
    assert main(["pack", str(tmp_path)]) == 2
    assert "there is nothing to pack" in capsys.readouterr().err
    assert main(["pack", str(tmp_path / "nowhere")]) == 2
    assert "no directory of records at" in capsys.readouterr().err


def test_a_record_that_cannot_be_read_is_not_packed(folder):
    (name, *_) = sorted(path.parent for path in folder.glob("*/summary.json"))
    (name / "config.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        pack(folder, remove=True)
    assert not (folder / PACKED).exists()
    assert (name / "summary.json").exists()


def test_a_damaged_packed_file_is_named(folder):
    whole = pack(folder, remove=True)[0].read_bytes()
    for damaged in (whole[:-20], b"", b"no gzip", gzip.compress(b"{}\n"), gzip.compress(b'{"run": "a_b"')):
        (folder / PACKED).write_bytes(damaged)
        if damaged:
            with pytest.raises(ValueError, match=f"{PACKED} is damaged"):
                read_runs(folder)
    lines = gzip.decompress(whole).decode().splitlines()
    without = json.loads(lines[0])
    del without["config"]["data"]
    (folder / PACKED).write_bytes(gzip.compress((json.dumps(without) + "\n").encode()))
    with pytest.raises(ValueError, match="cannot be read"):
        read_runs(folder)
    with pytest.raises(ValueError, match="cannot be read"):
        read_run(folder / "nothing")
