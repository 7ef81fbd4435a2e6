"""Wide two-layer networks: runs against the closed form, resumed runs, verdicts on either side of each rule."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from empirical.claims.dynamics import compare_dynamics, dynamics_results, dynamics_table, slowdown
from empirical.datasets import load
from empirical.outcome import outcome_on_test
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, RandomizedDataset, parse_test, randomize
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.records import Run
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import DynamicsConfig
from empirical.studies.dynamics import measure_dynamics, nearest_distances, shown_steps, unit_points
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.dynamics import gradient_descent, initial_state, limiting_spectrum, random_network


def config(test: str, *, n: int = 60, n_test: int = 40, **study) -> RunConfig:
    chosen = DynamicsConfig(**study)
    return made_up_config(StudyRun(chosen), test, n_train=n, n_test=n_test, model=f"two-layer-{chosen.width}")


def images(test: str, n: int = 60, n_test: int = 40) -> RandomizedDataset:
    return randomize(load("digits").subset(n, n_test), parse_test(test), 0)


def measured(test: str, directory: Path, *, n: int = 60, report=lambda name, share: None, **study) -> dict[str, object]:
    parts = Parts(directory, report)
    return measure_dynamics(config(test, n=n, **study), images(test, n), parts, directory.parent)


def test_points_have_unit_norm_and_signs_of_the_labels_given():
    data = images("corrupted-0.5")
    points = unit_points(data, 28, "cpu")
    assert points.train.shape == (60, 64)
    for rows in (points.train, points.test):
        assert rows.dtype == torch.float64
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows), dtype=torch.float64), rtol=0, atol=1e-14)
    even = torch.tensor(data.data.train.labels % 2 == 0)
    assert ((points.labels > 0) == even).all()
    assert ((points.clean_labels > 0) == torch.tensor(data.clean_labels % 2 == 0)).all()
    assert not torch.equal(points.labels, points.clean_labels)


def test_an_image_without_direction_is_refused():
    data = images("true-labels", n=1)
    with pytest.raises(ValueError, match="no direction"):
        unit_points(data, 28, "cpu")


def test_the_prediction_is_the_closed_form_and_the_measurement_gradient_descent(tmp_path):
    metrics = measured("random-labels", tmp_path, width=256)
    points = unit_points(images("random-labels"), 28, "cpu")
    X, y = points.train, points.labels
    network = random_network(64, 256)
    residual = y - network(X)[:, 0]
    # Powers of I - eta H themselves, no eigen-decomposition.
    angle = (X @ X.T).clamp(-1, 1).arccos().fill_diagonal_(0)
    H = X @ X.T * (torch.pi - angle) / (2 * torch.pi)
    contraction = torch.eye(60, dtype=torch.float64) - 20 / 60 * H
    run = gradient_descent(X, y, initial_state(network, X), 20 / 60, max_steps=10)
    norms = [step.residual_norm for step in run]
    for at, step in enumerate(metrics["steps"][:8]):
        expected = float((torch.linalg.matrix_power(contraction, step) @ residual).norm())
        assert metrics["predicted_residual_norms"][at] == pytest.approx(expected, rel=1e-10)
        assert metrics["residual_norms"][at] == pytest.approx(norms[step], rel=1e-12)
    fit = metrics["steps_to_fit"]
    assert metrics["fitted"]
    assert metrics["steps"][-1] == fit
    assert metrics["residual_norms"][-1] <= 0.3 * float(residual.norm())
    assert metrics["residual_norms"][-1] == min(metrics["residual_norms"])
    quadratic = float(y @ torch.linalg.solve(H, y))
    assert metrics["complexity_measure"] == pytest.approx((2 * quadratic / 60) ** 0.5, rel=1e-9)
    draws = torch.randint(2, (60, 4000), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    sampled = (2 / 60 * (draws * torch.linalg.solve(H, draws)).sum(0)).sqrt()
    assert metrics["complexity_of_random_labels"] == pytest.approx(float(sampled.mean()), rel=0.02)
    assert metrics["complexity_spread"] == pytest.approx(float(sampled.std()), rel=0.1)
    assert metrics["condition"] == pytest.approx(limiting_spectrum(X).condition)
    assert 0 < metrics["largest_deviation_from_initial_kernel"] < 0.3
    json.dumps(metrics, allow_nan=False)


def test_a_wider_network_follows_the_prediction_more_closely(tmp_path):
    narrow, wide = (measured("random-labels", tmp_path / str(m), width=m)["largest_deviation"] for m in (64, 4096))
    assert wide < 0.05 < narrow  # one network each; sqrt(64) times apart on average


def test_rows_in_their_own_space_train_as_they_are(tmp_path):
    """More pixels than images: the same numbers up to rounding."""
    metrics = measured("true-labels", tmp_path, n=40, width=128)
    points = unit_points(images("true-labels", 40), 28, "cpu")
    network = random_network(64, 128)
    state = initial_state(network, points.train)
    run = gradient_descent(points.train, points.labels, state, 0.5, max_steps=metrics["steps_to_fit"])
    *_, last = run
    assert last.residual_norm == pytest.approx(metrics["residual_norms"][-1], rel=1e-9)
    hits = (last.network(points.test)[:, 0] > 0) == (points.test_labels > 0)
    assert metrics["test_accuracy"] == float(hits.double().mean())
    assert metrics["changed_activations"] == pytest.approx(last.changed_activations)


def test_too_few_steps_are_reported(tmp_path):
    metrics = measured("random-labels", tmp_path, width=64, max_steps=3)
    assert not metrics["fitted"]
    assert metrics["steps_to_fit"] is None
    assert metrics["steps"] == [0, 1, 2, 3]
    assert metrics["predicted_steps_to_fit"] > 3


def test_an_unstable_step_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="largest eigenvalue"):
        measured("true-labels", tmp_path, width=64, rate=100.0)


def test_shown_steps_are_few_and_reach_both_ends():
    for last in (0, 1, 5, 100, 20_000):
        steps = shown_steps(last)
        assert steps[0] == 0
        assert steps[-1] == last
        assert len(steps) <= 120
        assert steps == sorted(set(steps))


def test_nearest_distances():
    X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(nearest_distances(X), torch.full((3,), 2**0.5, dtype=torch.float64))


def record(test: str, width: int, steps: int, predicted: int, deviation: float, accuracy: float, **metrics) -> Run:
    right = round(accuracy * 1000)
    labels = np.arange(1000) % 2
    predictions = np.where(np.arange(1000) < right, labels, 1 - labels)
    measured = {
        "steps_to_fit": steps,
        "predicted_steps_to_fit": predicted,
        "steps_to_halve_loss": steps // 10,
        "predicted_steps_to_halve_loss": predicted // 10,
        "largest_deviation": deviation,
        "largest_deviation_from_initial_kernel": deviation / 2,
        "changed_activations": 0.03,
        "complexity_measure": 2.0,
        "complexity_spread": 0.05,
        "nearest_distance": 0.5,
        "train_accuracy": 1.0,
        "test_accuracy": right / 1000,
        **outcome_on_test(predictions, labels, 2),
    }
    run_config = config(test, n=500, n_test=1000, width=width)
    return made_up_run(run_config, measured | metrics)


AGREEING = [
    record("true-labels", 512, 110, 90, 0.06, 0.95, complexity_measure=0.8),
    record("random-labels", 512, 900, 450, 0.20, 0.5, complexity_measure=3.0),
    record("true-labels", 4096, 102, 100, 0.02, 0.95, complexity_measure=0.8),
    record("corrupted-0.5", 4096, 360, 350, 0.05, 0.7, complexity_measure=2.0),
    record("random-labels", 4096, 550, 500, 0.06, 0.5, complexity_measure=3.0),
    record("random-pixels", 4096, 100, 100, 0.02, 0.5, nearest_distance=1.2),
    record("gaussian", 4096, 100, 100, 0.02, 0.5, nearest_distance=1.3),
]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = dynamics_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_dynamics(results)}


def test_agreeing_runs_hold():
    names = ("dynamics-1", "dynamics-2", "complexity-measure")
    assert verdicts(AGREEING) == dict.fromkeys(names, Verdict.HOLDS)


@pytest.mark.parametrize(
    ("claim", "index", "metrics", "verdict"),
    [
        ("dynamics-1", 3, {"largest_deviation": 0.11}, Verdict.DOES_NOT_HOLD),
        ("dynamics-1", 1, {"largest_deviation": 0.05}, Verdict.DOES_NOT_HOLD),
        ("dynamics-2", 4, {"steps_to_fit": 700}, Verdict.DOES_NOT_HOLD),
        ("dynamics-2", 4, {"steps_to_fit": 640}, Verdict.HOLDS),
        ("dynamics-2", 4, {"steps_to_fit": 90, "predicted_steps_to_fit": 90}, Verdict.DOES_NOT_HOLD),
        ("dynamics-2", 4, {"steps_to_fit": None}, Verdict.NOT_DECIDED),
        ("complexity-measure", 3, {"complexity_measure": 3.5}, Verdict.DOES_NOT_HOLD),
        ("complexity-measure", 3, {"complexity_measure": 0.6}, Verdict.DOES_NOT_HOLD),
        ("complexity-measure", 3, {"complexity_measure": 0.7}, Verdict.HOLDS),  # within what the draw moves
    ],
)
def test_each_rule_on_either_side(claim, index, metrics, verdict):
    runs = list(AGREEING)
    summary = runs[index].summary
    runs[index] = replace(runs[index], summary=replace(summary, metrics=summary.metrics | metrics))
    assert verdicts(runs)[claim] is verdict


def test_errors_against_the_measure_refute_it_and_equal_ones_do_not_tell():
    def levels(*accuracies: float) -> list[Run]:
        tests = zip(("true-labels", "corrupted-0.5", "random-labels"), accuracies, (0.8, 2.0, 3.0), strict=True)
        return [record(test, 4096, 100, 100, 0.02, right, complexity_measure=c) for test, right, c in tests]

    assert verdicts(levels(0.9, 0.7, 0.5))["complexity-measure"] is Verdict.HOLDS
    assert verdicts(levels(0.5, 0.7, 0.9))["complexity-measure"] is Verdict.DOES_NOT_HOLD
    assert verdicts(levels(0.7, 0.5, 0.6))["complexity-measure"] is Verdict.DOES_NOT_HOLD
    assert verdicts(levels(0.6, 0.6, 0.6))["complexity-measure"] is Verdict.NOT_DECIDED


def test_missing_runs_decide_nothing():
    assert set(verdicts(AGREEING[:1]).values()) == {Verdict.NOT_DECIDED}
    assert set(verdicts(AGREEING[:2]).values()) == {Verdict.NOT_DECIDED}  # narrow ones


def test_sets_share_all_but_the_width():
    slower = replace(
        AGREEING[0], config=replace(AGREEING[0].config, what=StudyRun(DynamicsConfig(width=512, rate=5.0)))
    )
    reseeded = replace(AGREEING[0], config=replace(AGREEING[0].config, seed=1))
    assert sorted(len(results.runs) for results in dynamics_results([*AGREEING, slower, reseeded])) == [1, 1, 7]
    (results,) = dynamics_results(AGREEING[::-1])
    assert results.widths == [512, 4096]
    assert [p for p, _ in results.corruption(4096)] == [0.0, 0.5, 1.0]
    assert results.scale.startswith("digits, 500 training and 1,000 test images")
    pair = results.at(4096)
    assert slowdown(pair[RANDOM_LABELS], pair[TRUE_LABELS]) == pytest.approx(550 / 102)
    assert slowdown(pair[RANDOM_LABELS], pair[TRUE_LABELS], predicted=True) == 5


def test_the_table_has_a_row_for_every_run():
    (results,) = dynamics_results(AGREEING)
    table = dynamics_table(results)
    assert len(table.rows) == 7
    assert table.rows[1][:4] == ("512", "random labels", "450", "900")
