"""Observers: each epoch told once over interruptions, and nothing of a run changed."""

import importlib
import sys
import types
from dataclasses import replace

import pytest

from empirical import run_experiment
from empirical.launch import Performer
from empirical.observers import check_observers, find_observers, numbers
from empirical.options import Options
from empirical.planned_runs import plan_runs
from empirical.run import main
from empirical.runs.records import RunDirectory
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord

SMALL = {"model": "mlp-1x8", "train_size": 30, "test_size": 10, "tests": ("random-labels",)}
TRAINING = {"max_steps": 6}


class Listener:
    """Keeps what it was told, of trained networks."""

    def __init__(self, out=None):
        self.told = []

    def begin(self, run):
        self.told += ["begin"] * (run.kind == "trained")

    def epoch(self, run, record):
        self.told.append(record.epoch)

    def end(self, run, metrics):
        self.told += ["stopped" if metrics is None else "finished"] * (run.kind == "trained")


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr("empirical.job.report_runs", lambda *_: True)


def run(out, **options):
    return run_experiment(out=out, training=TRAINING, **SMALL, **options)


def told_once(listener):
    return [told for told in listener.told if isinstance(told, int)]


def test_every_epoch_is_told_once_and_the_run_is_the_same(tmp_path):
    listener = Listener()
    observed = run(tmp_path / "observed", observe=listener)
    alone = run(tmp_path / "alone")
    assert listener.told == ["begin", *range(7), "finished"]
    assert [r.config.hash for r in observed.runs] == [r.config.hash for r in alone.runs]
    assert [r.summary.metrics for r in observed.runs] == [r.summary.metrics for r in alone.runs]
    run(tmp_path / "observed", observe=listener)
    assert listener.told[-1] == "finished", "nothing is left to tell"
    assert len(listener.told) == 9
    run(tmp_path / "observed", observe=listener, rerun=True)
    assert told_once(listener) == list(range(7)), "made anew, the epochs are the same ones"


@pytest.mark.parametrize("at", [0, 3, 6])
def test_an_epoch_that_is_trained_again_is_not_told_again(at, tmp_path, monkeypatch):
    append, killed, listener = RunDirectory.append, [], Listener()

    def killing(self, record):
        if record.epoch == at and not killed:
            killed.append(True)
            raise KeyboardInterrupt
        append(self, record)

    monkeypatch.setattr(RunDirectory, "append", killing)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, observe=listener)
    assert listener.told == ["begin", *range(at), "stopped"]
    run(tmp_path, observe=listener)
    assert listener.told == ["begin", *range(at), "stopped", "begin", *range(at, 7), "finished"]


def test_an_observer_needs_the_methods_that_it_uses_alone(tmp_path):
    ended = []
    observer = types.SimpleNamespace(end=lambda run, metrics: ended.append(run.kind))
    assert not run(tmp_path, observe=observer).failures
    assert ended == ["trained", "explicit"]


def test_one_that_comes_later_is_told_all(tmp_path):
    run(tmp_path)
    listener = Listener()
    run(tmp_path, observe=[listener])
    assert listener.told == ["begin", *range(7), "finished"]


def test_a_failing_observer_is_left_out(tmp_path, capsys):
    class Broken(Listener):
        def epoch(self, run, record):
            super().epoch(run, record)
            if record.epoch == 2:
                raise OSError("the server is gone")

    broken, listener = Broken(), Listener()
    results = run(tmp_path, observe=[broken, listener])
    assert results.failures == ()
    assert broken.told == ["begin", 0, 1, 2]
    assert told_once(listener) == list(range(7))
    assert "Broken: OSError: the server is gone: this run goes on without it" in capsys.readouterr().err
    Broken.epoch = Listener.epoch
    run(tmp_path, observe=broken)
    assert told_once(broken) == [0, 1, 2, *range(2, 7)], "what it missed, once the server is back"


def test_the_command_line_and_workers_take_a_factory(tmp_path, monkeypatch, capsys):
    (tmp_path / "watching.py").write_text(
        "class Lines:\n"
        "    def __init__(self, out):\n"
        "        self.path = out / 'lines'\n"
        "    def epoch(self, run, record):\n"
        "        with open(self.path, 'a') as file:\n"
        "            print(run.model, record.epoch, file=file)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["--model", "mlp-1x8", "--train-size", "30", "--test-size", "10", "--training.max-steps", "3"]
    words += ["--tests", "random-labels", "--observe", "watching:Lines"]
    assert main([*words, "--out", "runs"]) == 0
    expected = [f"mlp-1x8 {epoch}" for epoch in range(4)]
    assert (tmp_path / "runs" / "lines").read_text().splitlines() == expected
    options = Options(
        model="mlp-1x8",
        train_size=30,
        test_size=10,
        tests=("random-labels",),
        training=TrainingConfig(max_steps=3),
        observe=("watching:Lines",),
        out=tmp_path / "workers",
    )
    dataset, _, configs = plan_runs(options)
    options.out.mkdir()
    directory = RunDirectory(options.out, next(config for config in configs if config.kind == "trained"))
    outcome = Performer(options, dataset)(directory, _Nobody())
    assert outcome.failure == ""
    assert (options.out / "lines").read_text().splitlines() == expected
    sys.modules.pop("watching", None)


class _Nobody:
    def epoch(self, record):
        pass

    def stage(self, name, share):
        pass


def test_what_is_no_observer_is_said_before_anything_runs(tmp_path, capsys, monkeypatch):
    for observer, message in [
        ("tensorbord", "did you mean 'tensorboard'"),
        ("nobodys:nothing", "no module 'nobodys'"),
        (3, "an observer, a factory or a name is wanted, got a int"),
        (lambda out: {}, "is a dict without a method begin, epoch or end"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(tmp_path, observe=observer)
    monkeypatch.setattr("empirical.observers.named.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"--observe wandb needs the package wandb: pip install .*\[wandb\]"):
        check_observers(["wandb"])
    assert main(["--observe", "mlflow", "--out", str(tmp_path / "runs")]) == 2
    assert "--observe mlflow needs the package mlflow" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    with pytest.raises(ValueError, match="two observers of the name"):
        run(tmp_path, observe=[Listener(), Listener()])


def test_numbers_are_what_can_be_drawn():
    record = EpochRecord(3, 12, 0.1, None, None, 0.5, None, 0.25, 2.0, 0.5, 1.0, test_hits="abc")
    assert numbers(record) == {
        "learning_rate": 0.1,
        "train_accuracy_clean_labels": 0.5,
        "train_accuracy_unchanged": 0.25,
        "test_loss": 2.0,
        "test_accuracy": 0.5,
        "seconds": 1.0,
    }
    assert numbers({"fitted": True, "epoch": 3, "name": "x", "rows": [1], "none": None}) == {
        "fitted": 1.0,
        "epoch": 3.0,
    }


def faked(monkeypatch, name, **content):
    """A module in place of one that need not be installed, and our observer that imports it."""
    module = types.ModuleType(name)
    module.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("empirical.observers.named.find_spec", lambda name: module)


@pytest.fixture
def anew(monkeypatch):
    """Our observers are imported with the faked modules, and forgotten afterwards."""
    names = [f"empirical.observers.{name}" for name in ("wandb", "mlflow")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in names:
        sys.modules.pop(name, None)


def test_weights_and_biases(tmp_path, monkeypatch, anew):
    runs = []

    class Run:
        def __init__(self, **options):
            self.options, self.logged, self.summary, self.open = options, [], {}, True
            runs.append(self)

        def log(self, content, step):
            self.logged.append((step, content))

        def finish(self):
            self.open = False

    faked(monkeypatch, "wandb", init=Run)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    results = run(tmp_path, observe="wandb")
    trained, built = runs if runs[0].logged else runs[::-1]
    (record,) = (r for r in results.runs if r.config.kind == "trained")
    assert (trained.options["mode"], trained.options["resume"], trained.options["id"]) == (
        "offline",
        "allow",
        record.config.hash,
    )
    assert trained.options["dir"] == str(tmp_path)
    assert [step for step, _ in trained.logged] == list(range(7))
    assert trained.logged[-1][1]["test_accuracy"] == record.epochs[-1].test_accuracy
    assert trained.summary["train_accuracy"] == record.summary.metrics["train_accuracy"]
    assert not trained.open
    assert not built.open
    assert built.logged == []


def test_mlflow(tmp_path, monkeypatch, anew):
    class Client:
        runs, uris = [], []

        def __init__(self, tracking_uri):
            self.uris.append(tracking_uri)

        def get_experiment_by_name(self, name):
            return types.SimpleNamespace(experiment_id="1") if self.runs else None

        def create_experiment(self, name):
            return "1"

        def search_runs(self, experiments, filter_string, max_results):
            assert experiments == ["1"]
            return [run for run in self.runs if filter_string == f"tags.rethinking_run = '{run.tag}'"]

        def create_run(self, experiment, tags, run_name):
            info = types.SimpleNamespace(run_id=str(len(self.runs)))
            self.runs.append(types.SimpleNamespace(info=info, tag=tags["rethinking_run"], told=[], params={}))
            return self.runs[-1]

        def log_param(self, number, key, value):
            assert len(value) <= 500
            self.runs[int(number)].params[key] = value

        def log_metric(self, number, name, value, step=None):
            self.runs[int(number)].told.append((name, step))

        def set_terminated(self, number, status):
            self.runs[int(number)].told.append((status, None))

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracking = types.ModuleType("mlflow.tracking")
    tracking.MlflowClient = Client
    faked(monkeypatch, "mlflow", tracking=tracking)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", tracking)
    run(tmp_path, observe="mlflow")
    assert Client.uris == [f"sqlite:///{tmp_path / 'mlflow.db'}"]
    (trained,) = (run for run in Client.runs if "test_loss" in dict(run.told))
    assert [step for name, step in trained.told if name == "test_loss"] == list(range(7))
    assert ("FINISHED", None) in trained.told
    assert ("final.train_accuracy", None) in trained.told
    assert len(Client.runs) == 2
    observer = importlib.import_module("empirical.observers.mlflow").observer(tmp_path)
    configs = plan_runs(replace(Options(**SMALL), training=TrainingConfig(**TRAINING)))[2]
    for config in configs:
        observer.begin(config)
    assert len(Client.runs) == 2, "a run that goes on is the one that was begun"


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    results = run(tmp_path, observe="tensorboard")
    (record,) = (r for r in results.runs if r.config.kind == "trained")
    events = EventAccumulator(str(tmp_path / "tensorboard" / record.config.directory_name))
    events.Reload()
    assert [(e.step, pytest.approx(e.value)) for e in events.Scalars("test_loss")] == [
        (epoch.epoch, epoch.test_loss) for epoch in record.epochs
    ]
    assert list(find_observers(["tensorboard"], tmp_path)) == ["tensorboard"]
