"""The order of learning: looks along training, resumed; decided on either side of every rule; drawn."""

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from empirical.claims.order import CLAIMS, compare_order, order_results, order_table, peak, shares
from empirical.datasets import load
from empirical.outcome import decode_hits, encode_hits
from empirical.randomization import parse_test, randomize
from empirical.run import main
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.preparation import prepare
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import OrderConfig
from empirical.studies.order import look_epochs, measure_order
from empirical.training.config import TrainingConfig
from empirical.training.loop import train
from figures.order import ORDER_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.memorisation import find_critical_samples

STUDY = OrderConfig(ratio=2.0, radius=0.3, search_steps=5, images=20)
TRAINING = TrainingConfig(learning_rate=0.2, max_steps=400, batch_size=20, initialization="torch")
CONFIG = made_up_config(StudyRun(STUDY, TRAINING), "corrupted-0.5", n_train=60, n_test=30, model="mlp-1x32")


def measured(tmp_path, config: RunConfig = CONFIG) -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1

    randomized = randomize(load("digits").subset(60, 30), parse_test("corrupted-0.5"), 0)
    return measure_order(config, randomized, Parts(tmp_path, report), tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Any]:
    return measured(tmp_path_factory.mktemp("whole"))


def test_looks_are_those_of_the_training_loop(whole):
    """Against the loop's own records of the same network, epoch by epoch."""
    json.dumps(whole, allow_nan=False)
    randomized = randomize(load("digits").subset(60, 30), parse_test("corrupted-0.5"), 0)
    network, data = prepare(CONFIG, randomized)
    looks = {look["epoch"]: look for look in whole["looks"]}
    unchanged, changed = whole["unchanged"], whole["changed"]
    assert changed == int(randomized.changed.sum()) > 10
    place = 0
    for record, _ in train(network, data, TRAINING, 0):
        if look := looks.get(record.epoch):
            place += 1
            assert look["step"] == record.step
            assert look["test_accuracy"] == record.test_accuracy
            assert look["test_hits"] == record.test_hits
            assert look["train_loss"] == record.train_loss
            assert look["unchanged_right"] / unchanged == record.train_accuracy_unchanged
            assert look["changed_given"] / changed == record.train_accuracy_changed
            clean = (look["unchanged_right"] + look["changed_true"]) / (unchanged + changed)
            assert clean == pytest.approx(record.train_accuracy_clean_labels, abs=1e-12)
            critical = find_critical_samples(network, data.test_images[:20], 0.3, steps=5)
            assert np.array_equal(decode_hits(look["critical"], 20), critical.numpy())
    assert place == len(looks)
    assert whole["fitted"]
    assert record.fitted
    assert max(looks) == record.epoch, "the last look is of the last epoch"


def test_looks_are_in_the_precision_of_the_run(tmp_path):
    training = replace(TRAINING, precision="bf16", max_steps=30)
    config = replace(CONFIG, what=StudyRun(STUDY, training))
    looks = {look["epoch"]: look["train_loss"] for look in measured(tmp_path, config)["looks"]}
    network, data = prepare(config, randomize(load("digits").subset(60, 30), parse_test("corrupted-0.5"), 0))
    losses = {record.epoch: record.train_loss for record, _ in train(network, data, training, 0)}
    assert looks == {epoch: losses[epoch] for epoch in looks}
    assert len(looks) > 2


def test_epochs_of_looks():
    assert list(itertools.islice(look_epochs(1.4), 9)) == [0, 1, 2, 3, 4, 5, 7, 9, 12]
    with pytest.raises(ValueError, match="ratio"):
        OrderConfig(ratio=1.0)


N, CHANGED, M = 500, 200, 1000


def order_run(
    test: str,
    accuracy: tuple[float, ...],
    true: tuple[float, ...] = (0.1, 0.9, 0.0),
    corrupted: tuple[float, ...] = (0.1, 0.05, 1.0),
    critical: tuple[float, ...] = (0.0, 0.1, 0.5),
    unchanged: tuple[float, ...] = (0.1, 0.95, 1.0),
) -> Run:
    """A run of three looks with these shares."""
    places, changed = np.random.default_rng(0).permutation(M), 0 if test == "true-labels" else CHANGED
    looks = [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "train_loss": 1.0,
            "unchanged_right": round(unchanged[at] * (N - changed)),
            "changed_given": round(corrupted[at] * changed),
            "changed_true": round(true[at] * changed),
            "test_accuracy": accuracy[at],
            "test_hits": encode_hits(places < round(M * accuracy[at])),
            "critical": encode_hits(places[:M] < round(M * critical[at])),
        }
        for at, epoch in enumerate((0, 3, 40))
    ]
    metrics = {
        "unchanged": N - changed,
        "changed": changed,
        "searched": M,
        "fitted": corrupted[-1] == 1,
        "looks": looks,
    }
    return made_up_run(made_up_config(StudyRun(OrderConfig(), TRAINING), test), metrics)


TRUE = order_run("true-labels", (0.1, 0.9, 0.95), critical=(0.0, 0.05, 0.2))
RANDOM = order_run("random-labels", (0.1, 0.12, 0.1))
HALF = order_run("corrupted-0.5", (0.1, 0.9, 0.6))
AGREEING = [TRUE, HALF, RANDOM]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = order_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_order(results)}


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING).values()) == {Verdict.HOLDS}
    assert len(CLAIMS) == 4
    assert peak(HALF) == 1
    assert np.isnan(shares(TRUE, "changed_given")).all()


@pytest.mark.parametrize(
    ("name", "runs", "expected"),
    [
        ("order-1", [TRUE, RANDOM], Verdict.NOT_DECIDED),
        ("order-1", [order_run("corrupted-0.5", (0.1, 0.6, 0.9))], Verdict.DOES_NOT_HOLD),
        ("order-1", [order_run("corrupted-0.5", (0.1, 0.605, 0.6))], Verdict.NOT_DECIDED),
        ("order-1", [HALF, order_run("corrupted-0.2", (0.1, 0.605, 0.6))], Verdict.NOT_DECIDED),
        # The peak is where 99% of the labels are fitted already.
        (
            "order-1",
            [order_run("corrupted-0.5", (0.1, 0.9, 0.6), unchanged=(0.1, 1.0, 1.0), corrupted=(0.1, 0.99, 1.0))],
            Verdict.DOES_NOT_HOLD,
        ),
        # The same, but the look before it is hardly less accurate.
        (
            "order-1",
            [order_run("corrupted-0.5", (0.895, 0.9, 0.6), unchanged=(0.1, 1.0, 1.0), corrupted=(0.1, 0.99, 1.0))],
            Verdict.NOT_DECIDED,
        ),
        ("order-1", [order_run("corrupted-0.5", (0.1, 0.9, 0.6), corrupted=(0.1, 0.1, 0.5))], Verdict.NOT_DECIDED),
        ("order-2", [TRUE, RANDOM], Verdict.NOT_DECIDED),
        (
            "order-2",
            [order_run("corrupted-0.5", (0.1, 0.9, 0.6), true=(0.1, 0.2, 0.0), corrupted=(0.1, 0.5, 1))],
            "not",
        ),
        (
            "order-2",
            [order_run("corrupted-0.5", (0.1, 0.9, 0.6), true=(0.1, 0.3, 0.0), corrupted=(0.1, 0.25, 1))],
            "open",
        ),
        ("order-3", [TRUE, HALF], Verdict.NOT_DECIDED),
        ("order-3", [TRUE, order_run("random-labels", (0.1,) * 3, critical=(0.0, 0.1, 0.205))], Verdict.NOT_DECIDED),
        ("order-3", [TRUE, order_run("random-labels", (0.1,) * 3, critical=(0.0, 0.1, 0.1))], Verdict.DOES_NOT_HOLD),
        ("order-3", [TRUE, order_run("random-labels", (0.1,) * 3, corrupted=(0.1, 0.1, 0.2))], Verdict.NOT_DECIDED),
        ("order-4", [TRUE, order_run("random-labels", (0.1,) * 3, critical=(0.0, 0.5, 0.3))], Verdict.DOES_NOT_HOLD),
        ("order-4", [TRUE, order_run("random-labels", (0.1,) * 3, critical=(0.0, 0.5, 0.505))], Verdict.NOT_DECIDED),
        ("order-4", [RANDOM], Verdict.NOT_DECIDED),
    ],
)
def test_either_side_of_every_rule(name, runs, expected):
    outcome = {"not": Verdict.DOES_NOT_HOLD, "open": Verdict.NOT_DECIDED}.get(expected, expected)
    assert verdicts(runs)[name] is outcome


def test_table_and_figure(tmp_path):
    (results,) = order_results(AGREEING)
    assert [row[0] for row in order_table(results).rows] == [run.config.randomization.name for run in AGREEING]
    assert order_table(results).rows[1][2:4] == ("90.0 (epoch 3)", "60.0")
    paths = draw_figures(ORDER_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())


def test_the_experiment_at_smoke_scale(tmp_path):
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert main(["order", "--scale", "smoke", "--device", "cpu", "--out", str(tmp_path)]) == 0
    finally:
        torch.set_num_threads(threads)
    runs = read_runs(tmp_path)
    assert {run.summary.environment["threads"] for run in runs} == {1}, "so small a network has one, whatever there are"
    levels = [run.config.randomization.corruption for run in runs]
    assert sorted(levels) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert list((tmp_path / "figures").glob("order_*.svg"))


def test_other_tests_are_refused(tmp_path, capsys):
    assert main(["order", "--scale", "smoke", "--tests", "shuffled-pixels", "--out", str(tmp_path)]) == 2
    assert "uniform label corruption" in capsys.readouterr().err
