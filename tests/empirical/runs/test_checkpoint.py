"""A checkpoint is used as it was saved, for the run that saved it, with the epochs before it, or not at all."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import empirical.job
from empirical.run import main
from empirical.runs.checkpoint import load_checkpoint, load_weights
from empirical.runs.records import RunDirectory, read_runs
from empirical.training.loop import train
from theory.common.tensor_files import load_tensors, save_tensors

COMMAND = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "20", "--training.batch-size", "8"]
ARGUMENTS = [*COMMAND, "--tests", "random-labels"]


def run(out: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empirical.job, "report_runs", lambda *_: True)
        return main([*ARGUMENTS, "--out", str(out)])


def trained(out: Path) -> RunDirectory:
    return next(RunDirectory(out, run.config) for run in read_runs(out) if run.config.kind == "trained")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Finished records."""
    out = tmp_path_factory.mktemp("finished")
    assert run(out) == 0
    return out


@pytest.fixture(scope="module")
def interrupted(finished, tmp_path_factory) -> Path:
    """The same, stopped after two epochs of four."""
    out = tmp_path_factory.mktemp("interrupted")
    shutil.copytree(finished, out, dirs_exist_ok=True)
    directory = trained(out)
    shutil.rmtree(directory.path)

    def stop_after_two(*arguments, **options):
        for record, state in train(*arguments, **options):
            yield record, state
            if state.epoch == 2:
                directory = directories[0]
                directory.save_state(state)
                raise KeyboardInterrupt

    directories = []
    load = RunDirectory.load_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("empirical.execution.execute.train", stop_after_two)
        patch.setattr(RunDirectory, "load_state", lambda self: (directories.append(self), load(self))[1])
        assert run(out) == 130
    assert not directory.finished
    return out


@pytest.fixture
def out(interrupted, tmp_path) -> Path:
    shutil.copytree(interrupted, tmp_path / "out")
    return tmp_path / "out"


def only_unfinished(out: Path, finished: Path) -> Path:
    name = trained(finished).path.name
    return out / name


def metrics(path: Path) -> dict:
    return json.loads((path / "summary.json").read_text())["metrics"]


def test_an_interrupted_run_goes_on_to_the_same_record(out, finished, capsys):
    path = only_unfinished(out, finished)
    assert run(out) == 0
    assert metrics(path) == metrics(trained(finished).path)
    assert "starts over" not in capsys.readouterr().err


def test_a_flipped_bit_has_the_run_start_over(out, finished, capsys):
    path = only_unfinished(out, finished)
    content = bytearray((path / "checkpoint.pt").read_bytes())
    content[len(content) // 2] ^= 0x40  # in the middle of the weights
    (path / "checkpoint.pt").write_bytes(content)
    assert run(out) == 0
    assert metrics(path) == metrics(trained(finished).path)
    error = capsys.readouterr().err
    assert "checkpoint.pt cannot be read" in error
    assert "starts over" in error


@pytest.mark.parametrize(
    "change",
    [{"epoch": 3}, {"recorded": 1}, {"step": 5}, {"fitted": True}, {"run": "0123456789ab"}, {"metrics": "0"}],
    ids=str,
)
def test_a_state_that_was_edited_has_the_run_start_over(out, finished, change, capsys):
    path = only_unfinished(out, finished) / "checkpoint.pt"
    save_tensors(path, load_tensors(path) | change)
    assert run(out) == 0
    assert metrics(path.parent) == metrics(trained(finished).path)
    assert "starts over" in capsys.readouterr().err


@pytest.mark.parametrize("line", [0, 1, 2])
def test_an_edited_epoch_before_the_checkpoint_has_the_run_start_over(out, finished, line, capsys):
    path = only_unfinished(out, finished)
    lines = [json.loads(text) for text in (path / "metrics.jsonl").read_text().splitlines()]
    lines[line]["test_accuracy"] = 0.99
    (path / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    assert run(out) == 0
    assert metrics(path) == metrics(trained(finished).path)
    assert "belongs to other records" in capsys.readouterr().err


def test_epochs_after_the_checkpoint_are_made_again(out, finished):
    """They may be of anyone: what is kept follows from the checkpoint."""
    path = only_unfinished(out, finished)
    last = json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])
    with open(path / "metrics.jsonl", "a") as file:
        file.write(json.dumps(last | {"epoch": 3, "test_accuracy": 0.99, "train_accuracy": 1.0}) + "\n")
    assert run(out) == 0
    assert metrics(path) == metrics(trained(finished).path)


def test_a_study_does_not_take_damaged_weights(finished, tmp_path):
    directory = trained(finished)
    path = tmp_path / "checkpoint.pt"
    state = load_tensors(directory.path / "checkpoint.pt")
    name = next(iter(state["model"]))
    state["model"][name] = state["model"][name] + 1e-3
    save_tensors(path, state)
    with pytest.raises(ValueError, match="not as it was saved"):
        load_weights(path, directory.config.hash)
    with pytest.raises(ValueError, match="of another run"):
        load_weights(directory.path / "checkpoint.pt", "0" * 12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_byte_changes_what_is_loaded(finished, tmp_path_factory, data):
    """Wherever it is: the same state comes back, or an error that names the file."""
    directory = trained(finished)
    whole = (directory.path / "checkpoint.pt").read_bytes()
    right = load_tensors(directory.path / "checkpoint.pt")
    at = data.draw(
        st.integers(0, len(whole) - 1) | st.integers(0, 3000) | st.integers(len(whole) - 3000, len(whole) - 1)
    )
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.pt"
    path.write_bytes(damaged)
    epochs = directory.read().epochs
    try:
        state = load_checkpoint(path, directory.config.hash, epochs)
    except ValueError as error:
        assert "flipped.pt" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert all(torch.equal(state.model[name], right["model"][name]) for name in right["model"])
        assert state.step == right["step"]


def test_what_unpacks_to_more_than_the_file_is_refused(tmp_path):
    import zipfile

    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(ValueError, match=r"bomb\.pt cannot be read .*do not fit"):
        load_tensors(path)
