"""Double descent of networks: what is trained, resumed, decided on either side of every rule, drawn."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from empirical.claims.network_double_descent import (
    _less_p_value,
    compare_network_double_descent,
    network_double_descent_results,
    network_double_descent_table,
    turning_looks,
)
from empirical.datasets import load
from empirical.models import num_parameters as trainable
from empirical.randomization import Randomization, randomize
from empirical.run import main
from empirical.runs.config import StudyRun
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import NetworkDoubleDescentConfig
from empirical.studies.network_double_descent import (
    hidden_units,
    look_steps,
    measure_network_double_descent,
    num_parameters,
    standardised,
)
from figures.network_double_descent import NETWORK_DOUBLE_DESCENT_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.common.streams import torch_seed
from theory.label_noise import corrupt_labels

STUDY = NetworkDoubleDescentConfig(ratios=(0.3, 1.0), levels=(0.0, 0.4), networks=2, steps=12)


def measured(tmp_path, stop: str = "", study: NetworkDoubleDescentConfig = STUDY) -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(40, 30)
    config = made_up_config(StudyRun(study), n_train=40, n_test=30)
    return measure_network_double_descent(
        config, randomize(digits, Randomization(), 0), Parts(tmp_path, report), tmp_path
    )


def test_each_network_is_the_one_that_is_trained_alone_and_a_resumed_run_is_the_same(tmp_path):
    whole = measured(tmp_path / "whole")
    json.dumps(whole, allow_nan=False)
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "again", "5 hidden units")
    assert measured(tmp_path / "again") == whole

    digits = load("digits").subset(40, 30)
    X, Z = standardised(*(s.images.reshape(len(s.labels), -1).astype(np.float32) for s in (digits.train, digits.test)))
    labels = torch.from_numpy(corrupt_labels(digits.train.labels, 10, 0.4, 0, purpose="double-descent-noise"))
    test_labels = torch.tensor(digits.test.labels)
    random = torch.Generator().manual_seed(torch_seed(0, "initial weights of 5 hidden units"))
    first, second = (torch.randn(2, *shape, generator=random) for shape in ((64, 5), (5, 10)))
    network = nn.Sequential(nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10))
    with torch.no_grad():
        network[0].weight.copy_(first[0].T * (2 / 64) ** 0.5)
        network[2].weight.copy_(second[0].T / 5**0.5)
        for at in (0, 2):
            network[at].bias.zero_()
    adam = torch.optim.Adam(network.parameters(), lr=STUDY.learning_rate)
    for _ in range(STUDY.steps):
        loss = nn.functional.mse_loss(network(torch.from_numpy(X)), torch.eye(10)[labels], reduction="sum") / 40
        adam.zero_grad()
        loss.backward()
        adam.step()
    point = whole["points"][0]
    assert (point["units"], point["parameters"]) == (1, 85)
    point = whole["points"][1]
    assert (point["units"], point["parameters"]) == (5, trainable(network))
    noisy = point["levels"][1]
    with torch.no_grad():
        outputs, test_outputs = network(torch.from_numpy(X)), network(torch.from_numpy(Z))
    assert noisy["train_right"][-1][0] == (outputs.argmax(1) == labels).sum()
    assert noisy["test_right"][-1][0] == (test_outputs.argmax(1) == test_labels).sum()
    # Twelve steps of float32: sums in another order differ by some 1e-6, and Adam divides by what may be near zero.
    assert noisy["train_loss"][-1][0] == pytest.approx(
        nn.functional.mse_loss(outputs, torch.eye(10)[labels]).item() * 10, rel=1e-4
    )
    expected = nn.functional.mse_loss(test_outputs, torch.eye(10)[test_labels]).item() * 10
    assert noisy["test_loss"][-1][0] == pytest.approx(expected, rel=1e-4)
    assert point["levels"][0]["test_loss"][-1] != noisy["test_loss"][-1], "the levels have labels of their own"


def test_widths_looks_and_units():
    assert num_parameters(3, 4, 2) == 3 * 4 + 3 + 2 * 3 + 2
    widths = hidden_units((0.001, 0.1, 1.0), 4000, 784, 10)
    assert widths[0] == 1
    assert abs(num_parameters(widths[-1], 784, 10) / 40_000 - 1) < 795 / 40_000
    assert look_steps(1, 1.4) == [1]
    assert look_steps(20, 1.4) == [1, 2, 3, 5, 7, 10, 14, 20]
    X = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    train, test = standardised(X, X + 1)
    np.testing.assert_allclose(train, [[-(2**0.5), 0], [2**0.5, 0]], rtol=1e-6)
    np.testing.assert_allclose(test - train, np.full((2, 2), 2**0.5), rtol=1e-6)
    blank, _ = standardised(np.ones((2, 2), np.float32), X)
    assert blank.tolist() == [[0, 0], [0, 0]]


def test_a_loss_that_is_not_finite_is_an_error(tmp_path):
    with pytest.raises(FloatingPointError, match="1 hidden units is not finite"):
        measured(tmp_path, study=replace(STUDY, learning_rate=1e30))


def test_turning_looks():
    assert turning_looks(np.array([0.9, 0.5, 0.3, 0.4, 0.6, 0.4, 0.2])) == (2, 4)
    assert turning_looks(np.array([0.9, 0.5, 0.4, 0.3])) == (1, 2), "no rise: the claim's test says so"
    assert turning_looks(np.array([0.9, 0.3, 0.8, 0.2, 0.7, 0.6])) == (1, 2), "above 0.6 by 0.2, not by 0.1"


RATIOS = (0.2, 0.6, 1.2, 3.0, 10.0)
SCATTER = np.linspace(-0.01, 0.01, 6)


def sweep_run(
    losses: tuple[float, ...] = (1.0, 4.0, 3.0, 1.5, 0.7),
    errors: tuple[float, ...] = (0.7, 0.5, 0.6, 0.5, 0.3),
    course: tuple[float, ...] = (0.9, 0.4, 0.5),
    scatter: float = 1.0,
    networks: int = 6,
    train_right: int = 500,
) -> Run:
    """A run with these last test losses and errors at `RATIOS`; `course` precedes the largest network's last error."""
    spread = scatter * SCATTER[:networks]
    points = []
    for ratio, loss, error in zip(RATIOS, losses, errors, strict=True):
        along = [*course, error] if ratio == RATIOS[-1] else [0.9, 0.8, 0.7, error]
        entry = {
            "train_right": [[train_right] * networks] * 4,
            "train_loss": [[0.0] * networks] * 4,
            "test_right": [(1000 * (1 - value - spread * (at + 1))).tolist() for at, value in enumerate(along)],
            "test_loss": [(loss * np.exp(spread)).tolist()] * 4,
        }
        points.append({"units": round(60 * ratio), "parameters": round(5000 * ratio), "levels": [entry]})
    study = NetworkDoubleDescentConfig(ratios=RATIOS, levels=(0.2,), networks=networks)
    metrics = {"levels": [0.2], "steps": [1, 10, 100, 1000], "points": points}
    return made_up_run(made_up_config(StudyRun(study), n_train=500, n_test=1000), metrics)


AGREEING = [sweep_run()]


def verdicts(run: Run) -> dict[str, Verdict]:
    (results,) = network_double_descent_results([run])
    return {
        finding.claim.id.removeprefix("network-double-descent-"): finding.evidence.verdict
        for finding in compare_network_double_descent(results)
    }


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING[0]).values()) == {Verdict.HOLDS}


@pytest.mark.parametrize(
    ("claim", "run", "expected"),
    [
        ("1", sweep_run(losses=(1.0, 2.0, 3.0, 9.0, 0.7)), Verdict.DOES_NOT_HOLD),
        ("1", sweep_run(losses=(1.0, 2.0, 3.0, 3.01, 0.7)), Verdict.NOT_DECIDED),
        # The highest is near the threshold, but a width outside is as high but for chance.
        ("1", sweep_run(losses=(1.0, 4.0, 3.0, 3.99, 0.7), scatter=5), Verdict.NOT_DECIDED),
        *((claim, sweep_run(train_right=100), Verdict.NOT_DECIDED) for claim in "123"),
        ("1", sweep_run(losses=(1.0, 4.0, 3.0, 1.5, 3.99), scatter=5), Verdict.NOT_DECIDED),
        ("1", sweep_run(losses=(3.99, 4.0, 3.0, 1.5, 0.7), scatter=5), Verdict.NOT_DECIDED),
        ("2", sweep_run(errors=(0.7, 0.3, 0.6, 0.5, 0.5)), Verdict.DOES_NOT_HOLD),
        ("2", sweep_run(errors=(0.7, 0.3, 0.6, 0.5, 0.299)), Verdict.NOT_DECIDED),
        ("2", sweep_run(errors=(0.7, 0.5, 0.2, 0.5, 0.3)), Verdict.HOLDS),  # a smaller error above n k is no matter
        ("3", sweep_run(course=(0.9, 0.4, 0.35)), Verdict.DOES_NOT_HOLD),
        ("3", sweep_run(course=(0.9, 0.4, 0.5), errors=(0.7, 0.5, 0.6, 0.5, 0.6)), Verdict.DOES_NOT_HOLD),
        ("3", sweep_run(course=(0.9, 0.4, 0.401), scatter=3), Verdict.NOT_DECIDED),
        ("3", sweep_run(networks=4), Verdict.NOT_DECIDED),
    ],
)
def test_either_side_of_every_rule(claim, run, expected):
    assert verdicts(run)[claim] is expected


def test_table_and_figure(tmp_path):
    (results,) = network_double_descent_results(AGREEING)
    assert len(network_double_descent_table(results).rows) == len(RATIOS)
    paths = draw_figures(NETWORK_DOUBLE_DESCENT_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())


def test_networks_without_any_spread_have_the_p_value_of_permutations():
    assert _less_p_value(np.full(4, 0.5), np.full(4, 0.55)) == 1 / 70
    assert _less_p_value(np.full(4, 0.5), np.full(4, 0.5)) == 1


def test_the_experiment_at_smoke_scale(tmp_path):
    """The command line draws the study's figure and decides its claims from what it has just recorded."""
    assert main(["network-double-descent", "--scale", "smoke", "--out", str(tmp_path)]) == 0
    (run,) = read_runs(tmp_path)
    counts = [point["parameters"] for point in run.summary.metrics["points"]]
    assert counts == sorted(set(counts))
    decided = {claim["id"] for claim in json.loads((tmp_path / "claims.json").read_text())}
    assert {"network-double-descent-1", "network-double-descent-2", "network-double-descent-3"} <= decided
    assert list((tmp_path / "figures").glob("network-double-descent*.png"))
