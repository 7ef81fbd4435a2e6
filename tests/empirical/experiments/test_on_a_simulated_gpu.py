"""Every experiment on the simulated device, from the command line: nothing of it is what CUDA refuses."""

import json

import numpy as np
import pytest

from empirical.datasets import ImageDataset, ImageSplit
from empirical.experiments.experiments import EXPERIMENTS
from empirical.run import main
from tests.simulated_cuda import simulated_cuda

_SLOW = ("figure1", "figure2", "bounds")  # the networks and tests of table 1 many times over, and 50,000 steps
# Small matrices, small networks: their records say cpu.
_ON_THE_CPU = ("double-descent", "network-double-descent", "memorisation", "pac-bayes")
_MORE = {
    "table2": ["--model", "alexnet"],
    "bounds": ["--tests", "random-labels"],
    "measures": ["--tests", "random-labels"],
}


@pytest.fixture
def images(monkeypatch) -> None:
    """24 random images in CIFAR-10's shape, and 12 to test on, whatever data set is asked for; no report."""
    random = np.random.default_rng(0)
    splits = [ImageSplit(random.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8), np.arange(n) % 10) for n in (24, 12)]
    dataset = ImageDataset("made-up", *splits, tuple("abcdefghij"), "made up")
    monkeypatch.setattr("empirical.planned_runs.load", lambda *arguments, **options: dataset)
    monkeypatch.setattr("empirical.job.report_runs", lambda *arguments: True)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in _SLOW)) for name in EXPERIMENTS if name not in _ON_THE_CPU],
)
def test_every_experiment_runs_on_the_device(name, images, tmp_path, capsys):
    small = {"scale": ["--scale", "smoke"], "training": ["--training.max-steps", "2", "--training.batch-size", "10"]}
    words = [word for option in small if option in EXPERIMENTS[name].takes for word in small[option]]
    with simulated_cuda() as device:
        status = main([name, "--device", "cuda", *words, *_MORE.get(name, []), "--out", str(tmp_path)])
        assert status == 0, capsys.readouterr().err
    configs = [json.loads((path.parent / "config.json").read_text()) for path in tmp_path.glob("*/summary.json")]
    on_device = [config for config in configs if config["kind"] != "explicit"]
    assert on_device
    assert {config["device"] for config in on_device} == {"cuda"}
    assert device.synchronisations, "something was on the device"
