"""Experiments from Python are those of the command line: equal hashes, equal metrics, one directory for both."""

import json
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from empirical import load, run_experiment
from empirical.run import main
from empirical.runs.records import BusyError, RunDirectory
from empirical.session_code import import_path_of

SMALL = {"train_size": 40, "test_size": 20, "tests": ("random-labels",)}
WORDS = ["--train-size", "40", "--test-size", "20", "--tests", "random-labels"]

MINE = """
import torch
from torch import nn
from layers import hidden

def network(image_shape, num_classes):
    return nn.Sequential(nn.Flatten(), hidden(image_shape), nn.ReLU(), nn.Linear(32, num_classes))

def optimizer(parameters, learning_rate):
    return torch.optim.Adam(parameters, learning_rate)
"""
LAYERS = """
from math import prod
from torch import nn

def hidden(shape):
    return nn.Linear(prod(shape), 32)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import mine

    yield mine
    for name in ("mine", "layers"):
        sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr("empirical.job.report_runs", lambda *_: True)


def metrics(out):
    return {path.parent.name: json.loads(path.read_text())["metrics"] for path in out.glob("*/summary.json")}


def test_the_runs_are_those_of_the_command_line(mine, tmp_path, monkeypatch, capsys):
    own = {"model": mine.network, "optimizer": mine.optimizer, "training": {"learning_rate": 0.002}}
    results = run_experiment(data="digits", seeds=(0, 1), out="python", **own, **SMALL)
    words = ["--model", "mine:network", "--training.optimizer", "mine:optimizer", "--training.learning-rate", "0.002"]
    command = ["--data", "digits", *WORDS, *words, "--seed", "0", "1", "--out"]
    assert main([*command, "shell"]) == 0
    assert metrics(tmp_path / "python") == metrics(tmp_path / "shell") != {}
    assert len(results.runs) == 4
    capsys.readouterr()
    assert main([*command, "python"]) == 0, "the one goes on where the other stopped"
    assert capsys.readouterr().out.count("finished before") == 4
    monkeypatch.setattr("empirical.claimed_run.execute", lambda *_: pytest.fail("ran again"))
    again = run_experiment(data="digits", seeds=(0, 1), out="shell", **own, **SMALL)
    assert [row["run"] for row in again.rows] == [row["run"] for row in results.rows]


@pytest.mark.parametrize("seeds", [np.int64(1), np.arange(1, 2, dtype=np.uint8)])
def test_seeds_and_sizes_of_numpy_are_the_same_runs(seeds, tmp_path):
    def names(out, seeds, integer, real):
        options = {"train_size": integer(40), "test_size": integer(20), "tests": "random-labels"}
        training = {"max_steps": integer(2), "learning_rate": real(0.125)}
        results = run_experiment(model="mlp-1x8", out=tmp_path / out, seeds=seeds, training=training, **options)
        return [run.path.name for run in results.runs]

    assert names("numpy", seeds, np.int64, np.float32) == names("python", 1, int, float) != []


def test_a_run_is_repeated_on_demand(tmp_path):
    first = run_experiment(model="mlp-1x8", out=tmp_path, **SMALL)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/summary.json")}
    again = run_experiment(model="mlp-1x8", out=tmp_path, rerun=True, **SMALL)
    assert all(path.stat().st_mtime_ns > stamp for path, stamp in stamps.items())
    assert [run.summary.metrics for run in first.runs] == [run.summary.metrics for run in again.runs]


def test_records_and_verdicts(mine, tmp_path):
    results = run_experiment(model=mine.network, out=tmp_path, **(SMALL | {"tests": ("true-labels", "random-labels")}))
    by_kind = {(row["randomization.label_noise"], row["kind"]): row for row in results.rows}
    assert len(by_kind) == len(results.rows) == 4
    assert all(row["train_accuracy"] == 1 for row in results.rows)
    assert {finding.claim.id for subject in results.verdicts for finding in subject.findings}
    assert "random labels" in str(results)
    assert "not decided here, for want of other runs: " in str(results), "as the command line says it"


def test_a_frame_has_a_row_for_each_run(tmp_path):
    pandas = pytest.importorskip("pandas", reason="needs the extra pandas")
    results = run_experiment(model="mlp-1x8", out=tmp_path, seeds=(0, 1), training={"max_steps": 5}, **SMALL)
    frame = results.frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["run"].tolist() == [run.path.name for run in results.runs]
    assert set(frame.columns) == {name for row in results.rows for name in row}
    measured = frame[frame["kind"] == "trained"].set_index("seed")["test_accuracy"]
    assert measured.dtype == float
    assert measured.to_dict() == {
        run.config.seed: run.summary.metrics["test_accuracy"] for run in results.runs if run.config.kind == "trained"
    }


def test_a_frame_without_pandas_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    results = run_experiment(model="mlp-1x8", out=tmp_path, training={"max_steps": 1}, **SMALL)
    with pytest.raises(ImportError, match=r"rethinking-generalization\[pandas\]"):
        results.frame()


def test_arrays_are_the_data_set_that_they_come_from(tmp_path):
    digits = load("digits").subset(40, 20)
    pairs = [(split.images, split.labels) for split in (digits.train, digits.test)]
    named, from_arrays, whole = (
        run_experiment(data=data, model="mlp-1x8", out=tmp_path / str(at), **SMALL)
        for at, data in enumerate(("digits", tuple(pairs), digits))
    )
    accuracy = [
        [run.summary.metrics["train_accuracy"] for run in results.runs] for results in (named, from_arrays, whole)
    ]
    assert accuracy[0] == accuracy[1] == accuracy[2]
    digests = {run.config.train_digest for results in (named, from_arrays, whole) for run in results.runs}
    assert len(digests) == 1
    assert {run.config.data for run in from_arrays.runs} == {"arrays"}
    assert [run.config.hash for run in named.runs] == [run.config.hash for run in whole.runs]


def test_one_image_under_two_labels_is_said(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
    images[17] = images[3]
    split = images, np.arange(30) % 2 + (np.arange(30) == 17)
    training = {"max_steps": 3}
    results = run_experiment(data=(split, split), model="mlp-1x8", tests="true-labels", training=training, out=tmp_path)
    message = capsys.readouterr().err
    assert (
        "no network can fit all labels: equal training images have different ones, rows 3 and 17 (labels 1 a" in message
    )
    assert [run.config.kind for run in results.runs] == ["trained"]
    ((explicit, reason),) = results.failures
    assert explicit.kind == "explicit"
    assert reason in str(results)


def test_an_experiment_that_follows_what_it_found(tmp_path):
    results = run_experiment(
        "capacity", model="mlp-1x2", out=tmp_path, train_size=200, test_size=20, tests="random-labels", scale="smoke"
    )
    assert len({run.config.n_train for run in results.runs}) == len(results.runs) > 1


def test_networks_of_a_session_run_and_an_instance_is_left_as_it_was(tmp_path):
    torch.manual_seed(0)
    instance = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    before = [parameter.detach().clone() for parameter in instance.parameters()]
    results = run_experiment(model=instance, out=tmp_path, seeds=(0, 1), training={"max_steps": 5}, **SMALL)
    assert all(torch.equal(a, b) for a, b in zip(before, instance.parameters(), strict=True))
    trained = [run.summary.metrics for run in results.runs if run.config.kind == "trained"]
    assert len({run["initial_weight_norm"] for run in trained}) == 1


@pytest.mark.parametrize("parts", [1, 3, 4])
def test_a_data_set_of_other_than_two_splits_is_refused(parts, tmp_path):
    split = np.zeros((4, 1, 4, 4)), np.arange(4)
    with pytest.raises(ValueError, match=rf"two splits are wanted, \(train, test\), .* got {parts} parts"):
        run_experiment(data=(split,) * parts, out=tmp_path)


def test_unknown_options_and_values(tmp_path):
    with pytest.raises(TypeError, match="train_sise"):
        run_experiment(train_sise=3, out=tmp_path)
    with pytest.raises(ValueError, match="only_run is an option of the command line alone"):
        run_experiment(only_run="0123", out=tmp_path)
    with pytest.raises(ValueError, match="model: a name or a factory to call is wanted, got a int"):
        run_experiment(model=3, out=tmp_path)
    with pytest.raises(ValueError, match="no trainable parameters"):
        run_experiment(
            model=nn.Flatten(), out=tmp_path, data=2 * ((np.zeros((4, 1, 2, 1), np.uint8), np.arange(4) % 2),)
        )


SESSION = """
import torch
from torch import nn
width = {width}
def block(n):
    return nn.Linear(n, width)
class Net(nn.Module):
    def __init__(self, n, k):
        super().__init__()
        self.first, self.last = block(n), nn.Linear(width, k)
    def forward(self, images):
        return self.last(self.first(images.flatten(1)){activation})
def network(shape, k):
    return Net(shape[1] * shape[2], k)
"""


def digest_of(text, name="network"):
    space = {}
    exec(text, space)
    path = import_path_of(space[name], "model")
    assert path == f"python_session:{name}"
    return sys.modules["python_session"].digests[name]


def test_the_digest_of_a_sessions_network_follows_what_it_is_made_of():
    plain = SESSION.format(width=3, activation="")
    texts = [
        plain,
        SESSION.format(width=4, activation=""),
        SESSION.format(width=3, activation=".relu()"),
        plain.replace("nn.Linear(n, width)", "nn.Linear(n, width, bias=False)"),
    ]
    digests = [digest_of(text) for text in texts]
    assert len(set(digests)) == len(texts)
    assert digest_of("import math\nother = 3\n" + plain) == digests[0], "what it does not refer to is no part of it"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("function", [torch.relu, torch.tanh]),
        ("number", [1, 2, 1.0, True, "1"]),
        ("array", [np.arange(3), np.arange(4), np.arange(3.0), torch.arange(3)]),
        ("nested", [[{"a": (1,)}], [{"a": (2,)}], [{"b": (1,)}]]),
        ("kind", [torch.float32, torch.float64]),
        ("method", [[1].append, [1].pop]),
        ("settings", [types.SimpleNamespace(width=1), types.SimpleNamespace(width=2)]),
    ],
)
def test_the_digest_follows_values_that_a_factory_refers_to(name, values):
    def digest(value):
        space = {name: value}
        exec(f"def network(shape, k):\n    return {name}\n", space)
        import_path_of(space["network"], "model")
        return sys.modules["python_session"].digests["network"]

    digests = [digest(value) for value in values]
    assert len(set(digests)) == len(values)
    assert digests == [digest(value) for value in values]
    assert len({digest_in_closure(value) for value in values}) == len(values)


def digest_in_closure(value):
    def network(shape, k):
        return value

    import_path_of(network, "model")
    return sys.modules["python_session"].digests["network"]


@pytest.mark.parametrize("change", [lambda model: model[1].weight.data.mul_(2), lambda model: model.append(nn.ReLU())])
def test_the_digest_of_an_instance_follows_its_weights_and_layers(change):
    torch.manual_seed(0)
    instance = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    import_path_of(instance, "model")
    before = sys.modules["python_session"].digests["Sequential"]
    import_path_of(instance, "model")
    assert sys.modules["python_session"].digests["Sequential"] == before
    change(instance)
    import_path_of(instance, "model")
    assert sys.modules["python_session"].digests["Sequential"] != before


class Scaled(nn.Module):
    """A network whose answers depend on a plain attribute."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return self.scale * x


def edited(width):
    space = {"nn": nn}
    exec(f"class Maker:\n    def __call__(self, shape, k):\n        return nn.Linear(4, {width})\n", space)
    return space["Maker"]()


@pytest.mark.parametrize(
    "pair",
    [
        (lambda s, k: nn.Linear(4, 8), lambda s, k: nn.Linear(4, 9)),  # on one line, which is the source of both
        (Scaled(1.0), Scaled(50.0)),
        (edited(8), edited(9)),
    ],
)
def test_two_objects_that_differ_have_two_digests(pair):
    digests = []
    for model in pair:
        name = import_path_of(model, "model").partition(":")[2]
        digests.append(sys.modules["python_session"].digests[name])
    assert digests[0] != digests[1]


MADE = """
import functools
from torch import nn
def times(factor):
    def decorated(function):
        @functools.wraps(function)
        def wrapper(shape, k):
            return function(shape, {factor} * k)
        return wrapper
    return decorated
class Maker:
    widths = (8, {width})
    table = {{"a": {entry}}}
    @functools.cached_property
    def cached(self):
        return {cached}
    @property
    def depth(self):
        return self._depth
    @depth.setter
    def depth(self, value):
        self._depth = {setter} * value
    @staticmethod
    def still():
        return {static}
    @classmethod
    def of(cls):
        return {of_class}
first, second = [1], [2]
together = [{together}]
@times(2)
def network(shape, k):
    return Maker, together
"""


@pytest.mark.parametrize("written", [False, True])
def test_the_digest_follows_every_part_of_a_class_and_of_a_decorator(tmp_path, written):
    names = ("factor", "width", "entry", "cached", "setter", "static", "of_class")
    plain = dict.fromkeys(names, 1) | {"together": "first, second, first"}
    others = [plain | {name: 2} for name in names]
    others += [plain | {"together": value} for value in ("first, second, second", "[[1], 2]", "[[1, 2]]", "[1], 2")]

    def digest(values):
        text, space = MADE.format(**values), {}
        if written:  # as a notebook's cell is, whose text Python finds
            path = tmp_path / f"{hash(text)}.py"
            path.write_text(text)
            text = compile(text, path, "exec")
        exec(text, space)
        import_path_of(space["network"], "model")
        first = sys.modules["python_session"].digests["network"]
        assert space["Maker"].__annotations__ == {}  # asked for, and so made: the class is the same
        import_path_of(space["network"], "model")
        assert sys.modules["python_session"].digests["network"] == first
        return first

    digests = [digest(values) for values in (plain, *others)]
    assert len(set(digests)) == len(digests)
    assert digest(plain) == digests[0]


def test_a_frozen_layer_is_another_network():
    network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    digests = []
    for trainable in (True, False):
        network[0].requires_grad_(trainable)
        import_path_of(network, "model")
        digests.append(sys.modules["python_session"].digests["Sequential"])
    assert digests[0] != digests[1]


def test_a_function_of_a_module_has_its_own_path(mine):
    assert import_path_of(mine.network, "model") == "mine:network"
    assert import_path_of("mlp-1x512", "model") == "mlp-1x512"
    assert import_path_of(torch.optim.Adam, "optimizer") == "torch.optim.adam:Adam"


def test_rerun_makes_every_run_anew_those_that_follow_from_others_too(tmp_path):
    options = {
        "model": "mlp-1x4",
        "tests": "random-labels",
        "train_size": 60,
        "training": {"max_steps": 40},
        "out": tmp_path,
    }
    first = run_experiment("capacity", data="digits", **options)
    assert len(first.runs) > 1
    times = {run.path: (run.path / "summary.json").stat().st_mtime_ns for run in first.runs}
    again = run_experiment("capacity", data="digits", rerun=True, **options)
    assert {run.path for run in again.runs} == set(times)
    assert all((path / "summary.json").stat().st_mtime_ns > time for path, time in times.items())
    with RunDirectory(tmp_path, first.runs[0].config).claim(), pytest.raises(BusyError):
        run_experiment("capacity", data="digits", rerun=True, **options)
