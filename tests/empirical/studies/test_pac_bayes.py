"""The optimised PAC-Bayes bound: measured, resumed, decided on either side of every rule, drawn."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from empirical.claims.pac_bayes import CLAIMS, compare_pac_bayes, pac_bayes_results, pac_bayes_table
from empirical.datasets import load
from empirical.models import build_model
from empirical.randomization import parse_test, randomize
from empirical.run import main
from empirical.runs.config import StudyRun
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import PacBayesConfig
from empirical.studies.pac_bayes import best_divergence, measure_pac_bayes, perceptron_layers, two_classes
from empirical.training.config import TrainingConfig
from figures.pac_bayes import PAC_BAYES_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.complexity import gaussian_divergence, upper_inverse

STUDY = PacBayesConfig(steps=60, stretches=3, draws=2, batch_size=50, learning_rate=0.003)
TRAINING = TrainingConfig(learning_rate=0.05, max_steps=100, batch_size=50, initialization="torch")


def measured(tmp_path, stop: str = "", test: str = "true-labels") -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share < 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(400, 200)
    config = made_up_config(StudyRun(STUDY, TRAINING), test, n_train=400, n_test=200, model="mlp-1x32")
    return measure_pac_bayes(config, randomize(digits, parse_test(test), 0), Parts(tmp_path, report), tmp_path)


def test_the_bound_is_made_smaller_and_is_what_its_parts_give(tmp_path):
    whole = measured(tmp_path / "whole")
    json.dumps(whole, allow_nan=False)
    assert [entry["step"] for entry in whole["trace"]] == [0, 20, 40, 60]
    bounds = [entry["bound"] for entry in whole["trace"]]
    assert bounds[0] > bounds[1] > bounds[-1], "descent along the bound's own gradient"
    assert whole["parameters"] == 64 * 32 + 32 + 32 * 2 + 2
    assert whole["train_error"] < 0.05 < whole["stochastic_train_error"] < whole["stochastic_train_error_bound"] < 0.5
    assert whole["answers"] == 800
    logarithms = math.log(2 * 400**0.5) + math.log(math.pi**2 * whole["prior_index"] ** 2 / (6 * 0.025))
    complexity = (whole["divergence"] + logarithms) / 400
    assert whole["bound"] == pytest.approx(upper_inverse(whole["stochastic_train_error_bound"], complexity))
    assert whole["square_root_bound"] == pytest.approx(
        whole["stochastic_train_error_bound"] + math.sqrt(complexity / 2)
    )
    assert whole["stochastic_test_error"] < whole["bound"]
    for stop in ("steps 20 to 40", "last bound"):
        with pytest.raises(KeyboardInterrupt):
            measured(tmp_path / stop, stop)
        assert measured(tmp_path / stop) == whole


def test_random_labels_have_a_bound_that_says_nothing(tmp_path):
    assert measured(tmp_path, test="random-labels")["bound"] >= 0.5


def test_two_classes_and_their_perceptrons():
    assert two_classes(np.array([0, 4, 5, 9]), 5).tolist() == [0, 0, 1, 1]
    network = build_model("mlp-2x8", (1, 4, 4), 2, 0)
    assert [layer.out_features for layer in perceptron_layers(network)] == [8, 8, 2]
    flat, first, *_ = network
    for model in (
        nn.Linear(3, 2),
        nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2)),
        nn.Sequential(flat, first, nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False)),
    ):
        with pytest.raises(ValueError, match="takes a perceptron"):
            perceptron_layers(model)


@pytest.mark.parametrize("largest", [0.01, 0.2, 0.5, 100.0])
def test_the_best_divergence_ends_with_the_grid_of_prior_variances(largest):
    random = torch.Generator().manual_seed(4)
    means, initial, logs = (torch.randn(30, generator=random, dtype=torch.float64) for _ in range(3))
    posterior = torch.distributions.Normal(means, (logs / 2).exp())
    least = min(
        torch.distributions.kl_divergence(posterior, torch.distributions.Normal(initial, math.sqrt(prior))).sum().item()
        for prior in np.geomspace(1e-3 * largest, largest, 4001)
    )
    assert best_divergence(means, logs, initial, largest).item() == pytest.approx(least, rel=1e-5)


def test_a_posterior_that_has_given_up_does_not_leave_the_grid():
    """Every multiple of the prior's variance cost the same: the variances wandered off, and the bound with them."""
    initial = torch.zeros(5, dtype=torch.float64)
    logs = torch.full((5,), math.log(0.3), dtype=torch.float64, requires_grad=True)
    best_divergence(initial, logs, initial, 0.1).backward()
    assert (logs.grad > 0.9).all()  # (0.3 / 0.1 - 1) / 2: down


def test_the_best_divergence_is_the_least_over_prior_variances():
    random = np.random.default_rng(0)
    means, logs, initial = (torch.from_numpy(random.standard_normal(30)) for _ in range(3))
    best = best_divergence(means, logs, initial).item()
    grid = [
        gaussian_divergence(means, logs.exp(), initial, float(variance)) for variance in np.geomspace(0.1, 50, 3000)
    ]
    assert best == pytest.approx(min(grid), rel=1e-5)
    assert best <= min(grid) * (1 + 1e-12)


def bayes_run(test: str = "true-labels", n_test: int = 1000, **changes: float) -> Run:
    """A run with these numbers; by default those of a bound that says something."""
    metrics: dict[str, Any] = {
        "parameters": 1000,
        "images": 500,
        "train_error": 0.0,
        "test_error": 0.05,
        "distance_from_initialisation": 3.0,
        "guessing": 0.49,
        "stochastic_train_error": 0.1,
        "stochastic_train_error_bound": 0.11,
        "stochastic_test_error": 0.12,
        "answers": 5000,
        "divergence": 40.0,
        "prior_index": 300,
        "prior_variance": 0.005,
        "posterior_distance": 1.0,
        "posterior_variance": 0.005,
        "bound": 0.3,
        "square_root_bound": 0.32,
        "failure_probability": 0.035,
        "trace": [
            {"step": 0, "error": 0.05, "divergence": 4000.0, "bound": 0.99},
            {"step": 10, "error": 0.1, "divergence": 40.0, "bound": 0.3},
        ],
    }
    config = made_up_config(StudyRun(STUDY, TRAINING), test, n_test=n_test)
    return made_up_run(config, metrics | changes)


RANDOM = bayes_run("random-labels", bound=0.55, square_root_bound=1.3, stochastic_test_error=0.5)
AGREEING = [bayes_run(), RANDOM]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = pac_bayes_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_pac_bayes(results)}


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING).values()) == {Verdict.HOLDS}
    assert len(CLAIMS) == 3


@pytest.mark.parametrize(
    ("name", "runs", "expected"),
    [
        ("pac-bayes-1", [RANDOM], Verdict.NOT_DECIDED),
        ("pac-bayes-1", [bayes_run(bound=0.495)], Verdict.NOT_DECIDED),
        ("pac-bayes-2", [bayes_run()], Verdict.NOT_DECIDED),
        ("pac-bayes-2", [bayes_run(), bayes_run("random-labels", bound=0.4)], Verdict.DOES_NOT_HOLD),
        ("pac-bayes-2", [bayes_run(bound=0.495), RANDOM], Verdict.NOT_DECIDED),
        ("pac-bayes-3", [RANDOM], Verdict.NOT_DECIDED),
        ("pac-bayes-3", [bayes_run(stochastic_test_error=0.29)], Verdict.NOT_DECIDED),
        ("pac-bayes-3", [bayes_run(stochastic_test_error=0.36)], Verdict.DOES_NOT_HOLD),
    ],
)
def test_either_side_of_every_rule(name, runs, expected):
    assert verdicts(runs)[name] is expected


def test_runs_with_another_seed_are_another_set():
    reseeded = [replace(run, config=replace(run.config, seed=1)) for run in AGREEING]
    assert [len(results.runs) for results in pac_bayes_results([*AGREEING, *reseeded])] == [2, 2]


def test_table_and_figure(tmp_path):
    (results,) = pac_bayes_results(AGREEING)
    assert len(pac_bayes_table(results).rows) == 2
    paths = draw_figures(PAC_BAYES_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())


def test_the_experiment_at_smoke_scale(tmp_path):
    assert main(["pac-bayes", "--scale", "smoke", "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert {run.config.randomization.name for run in read_runs(tmp_path)} == {"true labels", "random labels"}
    assert list((tmp_path / "figures").glob("pac-bayes_*.svg"))


def test_networks_that_are_no_perceptrons_are_refused(tmp_path, capsys):
    assert main(["pac-bayes", "--scale", "smoke", "--model", "alexnet", "--out", str(tmp_path)]) == 2
    assert "takes a perceptron" in capsys.readouterr().err
