"""Numbers in the pages that wait for records: what is written before there are any, and after."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from empirical.kernels.config import KernelConfig
from empirical.runs.config import KernelRun
from tests.figures.made_up_networks import network_run
from tests.made_up import made_up_config, made_up_run

FILE = Path(__file__).parents[2] / "docs" / "generated_numbers.py"


def generated_numbers():
    spec = importlib.util.spec_from_file_location("generated_numbers", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(fit: int | None, test: str = "random-labels", n_train: int = 50_000, **settings):
    settings = {"initialization": "glorot"} | settings
    return network_run("mlp-1x512", test, fit, [0.1] * 5, n_train=n_train, **settings)


def test_which_batch_size_is_consistent_with_the_paper(monkeypatch):
    """The paper has 99.34%: 100% is 0.66 points away, and 199 / 200, where a made-up run of 200 epochs ends, 0.16."""
    module = generated_numbers()
    monkeypatch.setattr(module, "records", lambda *folders: [])
    assert module.batch_sizes() == "No such run is recorded yet.\n"
    baseline = network_run("mlp-1x512", "random-labels", None, [0.1] * 200, n_train=50_000, initialization="glorot")
    variants = [
        run(3, batch_size=64, decay_steps=782),
        run(3, batch_size=32, learning_rate_decay=0.98),
        run(3, batch_size=16, initialization="torch"),
        run(3, batch_size=8, weight_decay=1e-3),
        run(3, "true-labels", batch_size=4),
        run(3, n_train=1000, batch_size=2),
    ]
    monkeypatch.setattr(module, "records", lambda *folders: [baseline, *variants])
    _, _, row = module.batch_sizes().splitlines()
    assert row == "| MLP 1x512 | 99.34% | 64: 100.00%, 128: 99.50% | 128 |"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "minimum norm"),
        ({"ridge": 10_000.0}, "ridge 10000"),
        ({"interpolant": "forced-test-labels"}, "random labels forced on the test images"),
    ],
)
def test_a_ridge_fit_is_not_called_an_interpolant_of_minimum_norm(monkeypatch, settings, words):
    module = generated_numbers()
    config = made_up_config(KernelRun(KernelConfig(**settings)))
    run = made_up_run(config, {"train_accuracy": 1.0, "test_accuracy": 0.5, "norm": 2.0})
    monkeypatch.setattr(module, "records", lambda *folders: [run])
    _, _, row = module.kernels().splitlines()
    assert row.split(" | ")[-4] == words


def test_the_median_of_two_runs_is_between_them(monkeypatch):
    module = generated_numbers()
    runs = [
        network_run("alexnet", test, 3, [0.1] * 5, seed=seed)
        for test in ("true-labels", "random-labels")
        for seed in (0, 1)
    ]
    minutes = iter((10, 20, 40, 60))
    runs = [replace(run, summary=replace(run.summary, time={"seconds": 60 * next(minutes)})) for run in runs]
    monkeypatch.setattr(module, "records", lambda *folders: runs)
    assert [row.split(" | ")[2:] for row in module.hours().splitlines()[2:]] == [
        ["random", "2", "50", "60 |"],
        ["true", "2", "15", "20 |"],
    ]
