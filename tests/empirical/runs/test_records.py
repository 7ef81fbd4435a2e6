import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from empirical.randomization import Randomization
from empirical.runs.checkpoint import content_digest, load_weights
from empirical.runs.config import StudyRun, Trained
from empirical.runs.records import BusyError, RunDirectory, read_config, read_run, read_runs, write_json
from empirical.runs.studies import NoiseConfig
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from empirical.training.state import TrainingState
from tests.made_up import made_up_config
from theory.common.tensor_files import load_tensors, save_tensors

CONFIG = made_up_config(
    Trained(TrainingConfig(learning_rate=0.01, initialization="torch")),  # as records that do not state it
    "corrupted-0.2",
    experiment="test",
    n_train=10,
    n_test=5,
    num_classes=2,
)


def record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, epoch, 0.1, 1 / 3, 0.5, 0.5, None, 0.5, 1.0, 0.25, float(epoch))


def state(epoch: int, recorded: int | None = None) -> TrainingState:
    return TrainingState(
        {"w": torch.ones(3)}, {}, epoch, step=epoch, recorded=epoch if recorded is None else recorded, seconds=1.0
    )


def test_hash_depends_on_everything_but_the_source_line():
    assert replace(CONFIG, source="elsewhere").hash == CONFIG.hash
    changes = [
        {"seed": 1},
        {"train_digest": "c"},
        {"randomization": Randomization()},
        {"what": Trained(TrainingConfig(learning_rate=0.1))},
        {"model_source": "d"},
        {"what": Trained(TrainingConfig(learning_rate=0.01, augmentation="crop"))},
        {"what": Trained(TrainingConfig(learning_rate=0.01, dropout=0.5))},
        {"device": "cuda"},
    ]
    assert len({CONFIG.hash, *(replace(CONFIG, **change).hash for change in changes)}) == len(changes) + 1


def test_hash_is_stable():
    """Records stay valid over releases: change FORMAT when their meaning changes, not the hash by accident."""
    assert CONFIG.directory_name == "test_corrupted-labels-p-0.2_mlp-1x512_" + CONFIG.hash
    assert CONFIG.hash == "5d98b96e9f88"


def test_a_run_is_found_by_its_hash_whatever_its_directory_was_called(tmp_path):
    older = tmp_path / f"test_corrupted-labels-p-0.2_trained_{CONFIG.hash}"
    older.mkdir()
    assert RunDirectory(tmp_path, CONFIG).path == older
    assert RunDirectory(tmp_path, replace(CONFIG, seed=1)).path.name == replace(CONFIG, seed=1).directory_name


def test_round_trip(tmp_path):
    directory = RunDirectory(tmp_path, CONFIG)
    assert not directory.finished
    assert read_runs(tmp_path) == []
    with directory.claim():
        for epoch in range(3):
            directory.append(record(epoch))
        directory.finish({"test_accuracy": 0.25}, {"seconds": 1.0})
    assert directory.finished
    (run,) = read_runs(tmp_path)
    assert run.config == CONFIG
    assert run.epochs == tuple(map(record, range(3)))
    assert run.summary.metrics == {"test_accuracy": 0.25}
    assert run.summary.environment["torch"]
    assert read_runs(tmp_path, experiment="another") == []


def test_a_torn_line_is_dropped_and_nothing_is_written_twice(tmp_path):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        for epoch in range(3):
            directory.append(record(epoch))
    metrics = directory.path / "metrics.jsonl"
    whole = metrics.read_bytes()
    metrics.write_bytes(whole + b'{"epoch": 3, "st')
    again = RunDirectory(tmp_path, CONFIG)
    with again.claim():
        assert metrics.read_bytes() == whole
        for epoch in range(1, 4):  # a resumed run repeats epochs 1 and 2
            again.append(record(epoch))
    assert again.read_epochs() == list(map(record, range(4)))


def test_state_is_used_only_with_the_metrics_before_it(tmp_path):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        assert directory.load_state() is None
        directory.append(record(0))
        directory.append(record(1))
        directory.save_state(state(1))
    with directory.claim():
        resumed = directory.load_state()
        assert resumed is not None
        assert resumed.epoch == 1
    (directory.path / "metrics.jsonl").write_text("")
    with directory.claim():
        assert directory.load_state() is None


@pytest.mark.parametrize("content", [b"", b"PK torn", b"\x80\x02."])
def test_a_damaged_checkpoint_is_none_and_said_to_be(tmp_path, content, capsys):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        directory.append(record(0))
        (directory.path / "checkpoint.pt").write_bytes(content)
        assert directory.load_state() is None
    assert "checkpoint.pt cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("signed", "error"), [(False, "not as it was saved"), (True, "another version of this program")]
)
def test_a_checkpoint_that_is_not_signed_or_of_another_version_has_the_run_start_over(tmp_path, capsys, signed, error):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        directory.append(record(0))
        directory.save_state(state(0))
        path = directory.path / "checkpoint.pt"
        other = {name: value for name, value in load_tensors(path).items() if name not in ("online", "digest")}
        save_tensors(path, other | ({"digest": content_digest(other)} if signed else {}))
        with pytest.raises(ValueError, match="not as it was saved") if not signed else nullcontext():
            load_weights(path, CONFIG.hash)
        assert directory.load_state() is None
        assert not path.exists()
        directory.append(replace(record(0), test_accuracy=0.75))
    assert [epoch.test_accuracy for epoch in directory.read_epochs()] == [0.75], "not what was there before"
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(("part", "other"), [("step", 2.0), ("fitted", 1), ("online", [0, 0]), ("model", None)])
def test_a_state_with_a_part_of_another_kind_is_refused(part, other):
    content = state(3).content()
    assert TrainingState.of(content).content() == content
    with pytest.raises(ValueError, match=f"the state has no {part}"):
        TrainingState.of(content | {part: other})


def test_damaged_metrics_are_named_and_have_the_run_start_over(tmp_path, capsys):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        directory.append(record(0))
    (directory.path / "metrics.jsonl").write_text("not a record\n")
    with directory.claim():
        assert directory.read_epochs() == []
    assert "metrics.jsonl: line 1 is damaged: the run starts over" in capsys.readouterr().err


def test_restart_forgets(tmp_path):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        directory.append(record(0))
        directory.save_state(state(0))
        directory.finish({}, {"seconds": 0.0})
        directory.restart()
        assert {path.name for path in directory.path.iterdir()} == {"config.json", "lock"}
        directory.append(record(0))
        assert len(directory.read_epochs()) == 1


def test_one_process_at_a_time(tmp_path):
    first, second = RunDirectory(tmp_path, CONFIG), RunDirectory(tmp_path, CONFIG)
    with first.claim():
        claim = second.claim()
        with pytest.raises(BusyError, match="another process is at work in"):
            claim.__enter__()
    with second.claim():
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "file.json", {"old": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "file.json", {"new": float("nan")})
    assert json.loads((tmp_path / "file.json").read_text()) == {"old": 1}


def test_a_damaged_record_is_named(tmp_path):
    directory = RunDirectory(tmp_path, CONFIG)
    with directory.claim():
        directory.finish({}, {"seconds": 0.0})
    (directory.path / "config.json").write_text(json.dumps(CONFIG.recorded())[:-10])
    with pytest.raises(ValueError, match=f"{CONFIG.directory_name} is damaged"):
        read_run(directory.path)


def test_no_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory of records at"):
        read_runs(tmp_path / "nothing")


def test_a_study_comes_back_and_leaves_other_names_alone(tmp_path):
    study = NoiseConfig(levels=(0.0, 1.0))
    config = replace(CONFIG, what=StudyRun(study))
    directory = RunDirectory(tmp_path, config)
    with directory.claim():
        assert read_config(directory.path) == config, "tuples come back as tuples"
    assert config.hash != CONFIG.hash
    assert replace(config, what=StudyRun(replace(study, repeats=3))).hash != config.hash


def test_a_state_between_rare_records_is_used_only_with_the_record_before_it(tmp_path):
    config = CONFIG.with_training(replace(CONFIG.training, epochs_per_record=4))
    directory = RunDirectory(tmp_path, config)
    with directory.claim():
        directory.append(record(0))
        directory.append(record(4))
        directory.save_state(state(6, recorded=4))
    with directory.claim():
        assert directory.load_state() is not None
        directory.append(record(4))  # a resumed run repeats it
        assert [entry.epoch for entry in directory.read_epochs()] == [0, 4]
        directory.save_state(state(9, recorded=8))
        assert directory.load_state() is None, "the record of epoch 8 is missing"
        directory.append(record(8))
        directory.save_state(state(10))
        assert directory.load_state() is None, "the last epoch's record is missing"
