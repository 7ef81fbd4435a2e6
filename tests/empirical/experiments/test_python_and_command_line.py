"""Nothing about a run changes between Python and the command line, for every experiment and study."""

import json

import numpy as np
import pytest

from empirical import run_experiment
from empirical.datasets import ImageDataset, ImageSplit
from empirical.experiments.experiments import EXPERIMENTS
from empirical.run import main
from empirical.runs.records import RunDirectory

STEPS = {"training": {"max_steps": 2, "batch_size": 10}}
STEP_WORDS = ["--training.max-steps", "2", "--training.batch-size", "10"]
TRAINED = {"scale": "smoke"} | STEPS
WORDS = ["--scale", "smoke", *STEP_WORDS]
SMALL: dict[str, tuple[dict, list[str]]] = {
    "kernels": ({"train_size": 20, "tests": "true-labels"}, ["--train-size", "20", "--tests", "true-labels"]),
    "capacity": (
        {"scale": "smoke", "tests": "random-labels", "model": "mlp-1x2"},
        ["--scale", "smoke", "--tests", "random-labels", "--model", "mlp-1x2"],
    ),
    "bounds": (
        STEPS | {"tests": "random-labels", "model": "mlp-1x8", "seeds": (0, 1)},
        [*STEP_WORDS, "--tests", "random-labels", "--model", "mlp-1x8", "--seed", "0", "1"],
    ),
    "dynamics": ({"scale": "smoke"}, ["--scale", "smoke"]),
    "noise": (
        STEPS | {"tests": "corrupted-0.5", "model": "mlp-1x8"},
        [*STEP_WORDS, "--tests", "corrupted-0.5", "--model", "mlp-1x8"],
    ),
    "interpolants": (
        STEPS | {"tests": "random-labels", "model": "mlp-1x8"},
        [*STEP_WORDS, "--tests", "random-labels", "--model", "mlp-1x8"],
    ),
    "randomization-tests": (STEPS | {"model": "mlp-1x8"}, [*STEP_WORDS, "--model", "mlp-1x8"]),
}
"""What keeps an experiment small, in Python's words and in the command line's; the others train convolutional networks,
as the paper's tables do, and are compared by what they plan."""


@pytest.fixture(autouse=True)
def images(monkeypatch):
    """24 random images in CIFAR-10's shape, and 12 to test on, whatever data set is asked for; no report."""
    random = np.random.default_rng(0)
    splits = [ImageSplit(random.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8), np.arange(n) % 10) for n in (24, 12)]
    dataset = ImageDataset("made-up", *splits, tuple("abcdefghij"), "made up")
    monkeypatch.setattr("empirical.planned_runs.load", lambda *arguments, **options: dataset)
    monkeypatch.setattr("empirical.job.report_runs", lambda *arguments: True)
    monkeypatch.setattr("empirical.launch._processes", lambda *arguments: 1)


def records(out):
    """Configuration and metrics of every finished run, by the name of its directory, as they are on disk."""
    return {
        path.parent.name: ((path.parent / "config.json").read_bytes(), json.loads(path.read_text())["metrics"])
        for path in out.glob("*/summary.json")
    }


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("bounds", "dynamics"))) for name in SMALL]
)
def test_hashes_and_metrics_are_equal(name, tmp_path, capsys):
    options, words = SMALL[name]
    results = run_experiment(name, data="cifar10", out=tmp_path / "python", **options)
    assert results.failures == ()
    status = main([name, "--data", "cifar10", *words, "--out", str(tmp_path / "shell")])
    assert status == 0, capsys.readouterr().err
    assert records(tmp_path / "python") == records(tmp_path / "shell") != {}
    assert {run.config.hash for run in results.runs} == {key[-12:] for key in records(tmp_path / "shell")}


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name not in SMALL])
def test_the_same_runs_are_planned(name, tmp_path, monkeypatch):
    starts: list[tuple[str, str]] = []

    def note(config, dataset, directory, *rest):
        starts.append((config.hash, directory.path.name))
        raise ValueError("not run here")

    monkeypatch.setattr("empirical.claimed_run.execute", note)
    options, words = {"scale": "smoke"}, ["--scale", "smoke"]
    if "training" in EXPERIMENTS[name].takes:
        options, words = TRAINED, WORDS
    if name == "table2":  # Inception V3 takes no images of 32 x 32
        options, words = options | {"model": "alexnet"}, [*words, "--model", "alexnet"]
    results = run_experiment(name, data="cifar10", out=tmp_path / "python", **options)
    planned, starts[:] = list(starts), []
    assert main([name, "--data", "cifar10", *words, "--out", str(tmp_path / "shell")]) == 1
    assert planned == starts != []
    assert [RunDirectory(tmp_path, config).path.name for config, _ in results.failures] == [path for _, path in starts]


def test_every_experiment_is_compared():
    assert set(SMALL) < set(EXPERIMENTS)
