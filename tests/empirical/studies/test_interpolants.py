"""Theorem 1's network beside a trained one: the measurement on real digits, and verdicts on either side of a rule."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from empirical.claims.interpolants import compare_interpolants, interpolants_results, interpolants_table
from empirical.datasets import load
from empirical.execution.execute import execute
from empirical.randomization import randomize
from empirical.runs.config import StudyRun, trained_run
from empirical.runs.preparation import prepare
from empirical.runs.records import RunDirectory
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import InterpolantsConfig
from empirical.runs.trained_network import load_trained
from empirical.studies.interpolants import ExplicitInterpolant, OfStoredPixels, TrainedInterpolant, measure_interpolants
from empirical.training.config import TrainingConfig
from empirical.training.evaluation import evaluate
from tests.empirical import made_up_noise
from tests.made_up import made_up_config
from theory.claims import Verdict
from theory.expressivity import relu_interpolant

STUDY = InterpolantsConfig(norms=(0.001, 0.1), fractions=(0.0, 0.3), images=60, draws=2)


class Watcher:
    def epoch(self, record) -> None: ...

    def stage(self, name: str, share: float) -> None: ...


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(100, 50)


@pytest.fixture(scope="module")
def config(digits):
    return made_up_config(
        StudyRun(STUDY, TrainingConfig(learning_rate=0.1)),
        n_train=100,
        n_test=50,
        crop=6,
        model="mlp-1x64",
    )


@pytest.fixture(scope="module")
def records(digits, config, tmp_path_factory):
    """With the trained network's run."""
    out = tmp_path_factory.mktemp("records")
    directory = RunDirectory(out, trained_run(config))
    with directory.claim():
        execute(directory.config, digits, directory, Watcher())
    return out


def parts(path, stop: str = "") -> Parts:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    return Parts(path, report)


@pytest.fixture(scope="module")
def measured(digits, config, records, tmp_path_factory):
    randomized = randomize(digits, config.randomization, config.seed)
    return measure_interpolants(config, randomized, parts(tmp_path_factory.mktemp("parts")), records)


def test_the_trained_network_is_found_again(digits, config, records):
    randomized = randomize(digits, config.randomization, config.seed)
    network, initial, data = load_trained(config, randomized, records)
    assert (evaluate(network, data.train_images).argmax(1) == data.train_labels).all()
    fresh, _ = prepare(trained_run(config), randomized)
    for mine, theirs in zip(initial.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert not network.training


def test_a_network_that_is_not_there_is_asked_for(digits, config, records, tmp_path):
    randomized = randomize(digits, config.randomization, config.seed)
    with pytest.raises(ValueError, match=r"--tests true-labels --seed 0 --train-size 100 .* same hyper-parameters"):
        load_trained(config, randomized, tmp_path)
    variant = config.with_training(replace(config.training, learning_rate=0.03))
    with pytest.raises(ValueError, match="no finished run"):
        load_trained(variant, randomized, records)
    (trained,) = records.glob(f"*_{trained_run(config).hash}")
    weights = trained / "checkpoint.pt"
    moved = weights.rename(tmp_path / "elsewhere")
    try:
        with pytest.raises(ValueError, match=r"no weights that can be read .*--rerun"):
            load_trained(config, randomized, records)
    finally:
        moved.rename(weights)


def test_both_networks_are_measured(measured):
    json.dumps(measured, allow_nan=False)
    for name in ("trained", "explicit"):
        assert measured[name]["fitted"]
        assert measured[name]["train_accuracy"] == 1
        assert measured["segment"][0][name] == 1, "the training images themselves"
    assert measured["segment"][1]["trained"] > 0.9 > 0.5 > measured["segment"][1]["explicit"]
    assert [entry["trained"] > 0.9 for entry in measured["noise"]] == [True, True]
    assert measured["trained"]["test_accuracy"] > 0.7 > measured["explicit"]["test_accuracy"]
    assert measured["explicit"]["median_margin"] == pytest.approx(0.5)
    assert measured["explicit"]["lipschitz_lower_bound"] <= measured["explicit"]["lipschitz"] * (1 + 1e-9)
    assert measured["explicit"]["weights"] == 2 * 100 + 64
    assert 0 < measured["farther"] <= 100
    assert measured["trained"]["median_distance"] > 100 * measured["explicit"]["median_distance"]


@pytest.mark.parametrize("stop", ["trained", "noise 0.1", "segment 0.3"])
def test_a_resumed_run_equals_an_undisturbed_one(digits, config, records, measured, tmp_path, stop):
    randomized = randomize(digits, config.randomization, config.seed)
    with pytest.raises(KeyboardInterrupt):
        measure_interpolants(config, randomized, parts(tmp_path, stop), records)
    assert measure_interpolants(config, randomized, parts(tmp_path), records) == measured


def test_of_stored_pixels_the_network_is_the_same(digits, config, records):
    randomized = randomize(digits, config.randomization, config.seed)
    network, _, data = load_trained(config, randomized, records)
    mine = TrainedInterpolant(OfStoredPixels(network, config.crop, (8, 8)), "cpu").logits(digits.test.images)
    np.testing.assert_allclose(mine, evaluate(network, data.test_images).double().numpy(), rtol=1e-5, atol=1e-5)


def test_the_slope_is_the_margins(digits):
    """Central differences along the gradient and across it, float64."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 10)).double()

    class Double(nn.Module):
        def forward(self, images):
            return network(images.double() / 255)

    trained = TrainedInterpolant(Double(), "cpu")
    images = digits.train.images[:3].astype(np.float32)
    margin, slope = trained.margin_and_slope(images)
    scores = torch.from_numpy(images).double().requires_grad_()

    def top(images):
        return torch.diff(network(images / 255).topk(2, dim=1).values, dim=1)[:, 0].neg()

    (gradient,) = torch.autograd.grad(top(scores).sum(), scores)
    step = 1e-4 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
    with torch.no_grad():
        rise = (top(scores + step) - top(scores - step)) / 2e-4
    np.testing.assert_allclose(slope, rise.numpy(), rtol=1e-5)
    np.testing.assert_allclose(margin, top(scores).detach().numpy(), rtol=1e-6)


def test_the_explicit_networks_slope_and_distance_are_exact(digits):
    network = relu_interpolant(digits.train.images, digits.train.labels)
    explicit = ExplicitInterpolant(network, 10)
    margin, slope = explicit.margin_and_slope(digits.train.images)
    np.testing.assert_allclose(margin, 0.5, atol=1e-9)
    z, y = network.project(digits.train.images), digits.train.labels
    order = np.argsort(z)
    secants = np.abs(np.diff(y[order]) / np.diff(z[order]))
    steeper = np.maximum(secants[1:], secants[:-1])
    norm = np.linalg.norm(network.direction)
    np.testing.assert_allclose(slope[order[1:-1]], steeper * norm, rtol=1e-6, atol=1e-6 * norm * steeper.max())
    # That far along the direction, on one side, the answer changes; a little less far it does not.
    flat = digits.train.images.reshape(100, -1).astype(np.float64)
    distance = margin / np.maximum(slope, 1e-300)
    for index in order[1:-1][steeper > 0][:20]:
        for share, changes in ((0.99, False), (1.01, True)):
            moves = [flat[index] + sign * share * distance[index] * network.direction / norm for sign in (-1, 1)]
            answers = explicit.classes(np.array(moves))
            assert bool((answers != y[index]).any()) == changes


# Verdicts, from made-up records.


def verdicts(*runs) -> dict[str, Verdict]:
    (results,) = interpolants_results(list(runs))
    return {finding.claim.id: finding.evidence.verdict for finding in compare_interpolants(results)}


def test_agreeing_runs_hold():
    assert verdicts(made_up_noise.interpolants(0.0, 0.9), made_up_noise.interpolants(1.0, 0.1)) == {
        f"interpolants-{number}": Verdict.HOLDS for number in range(1, 6)
    }


UNFITTED = made_up_noise.interpolants(0.0, 0.9).summary.metrics["trained"] | {"fitted": False}
MOVED = {"norm": 0.1, "trained": 0.9, "explicit": 0.2, "difference_error": 0.01}
STABLE = {"norm": 0.1, "trained": 0.9, "explicit": 0.9, "difference_error": 0.01}


@pytest.mark.parametrize(
    ("claim", "accuracy", "changed", "verdict"),
    [
        ("interpolants-1", 0.9, {"trained": UNFITTED}, Verdict.NOT_DECIDED),
        ("interpolants-1", 0.9, {"explicit": UNFITTED | {"lipschitz": 1.0}}, Verdict.DOES_NOT_HOLD),
        ("interpolants-2", 0.11, {}, Verdict.NOT_DECIDED),
        ("interpolants-2", 0.02, {}, Verdict.DOES_NOT_HOLD),
        ("interpolants-3", 0.9, {"noise": [STABLE]}, Verdict.NOT_DECIDED),
        ("interpolants-3", 0.9, {"noise": [STABLE | {"explicit": 1.0}]}, Verdict.DOES_NOT_HOLD),
        ("interpolants-3", 0.9, {"noise": [STABLE | {"norm": 1.0}]}, Verdict.NOT_DECIDED),
        ("interpolants-3", 0.9, {"noise": [MOVED, STABLE | {"norm": 1.0, "explicit": 1.0}]}, Verdict.HOLDS),
        ("interpolants-4", 0.9, {"farther": 260}, Verdict.NOT_DECIDED),
        ("interpolants-4", 0.9, {"farther": 200}, Verdict.DOES_NOT_HOLD),
        (
            "interpolants-5",
            0.9,
            {
                "neighbour_on_the_line": {
                    "median_distance": 1.1,
                    "median_distance_of_random_pairs": 3.0,
                    "label_agrees": 0.9,
                }
            },
            Verdict.DOES_NOT_HOLD,
        ),
    ],
)
def test_a_rule_has_two_sides(claim, accuracy, changed, verdict):
    assert verdicts(made_up_noise.interpolants(0.0, accuracy, **changed))[claim] is verdict


def test_sets_differ_in_labels_alone():
    runs = [made_up_noise.interpolants(1.0, 0.1), made_up_noise.interpolants(0.0, 0.9)]
    reseeded = replace(runs[0], config=replace(runs[0].config, seed=1))
    first, second = interpolants_results([*runs, reseeded])
    assert [run.config.randomization.corruption for run in first.runs] == [0.0, 1.0]
    assert len(second.runs) == 1
    assert verdicts(reseeded)["interpolants-2"] is Verdict.NOT_DECIDED, "random labels alone: nothing to generalise"


def test_the_table_has_a_row_a_network():
    (results,) = interpolants_results([made_up_noise.interpolants(0.0, 0.9)])
    table = interpolants_table(results)
    assert [row[:4] for row in table.rows] == [
        ("true labels", "trained", "100.00", "90.00"),
        ("true labels", "explicit, 2n + d", "100.00", "10.00"),
    ]
    assert table.rows[1][table.columns.index("Lipschitz constant")] == "2e+04"
