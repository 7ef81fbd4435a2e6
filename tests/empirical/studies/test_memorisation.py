"""Memorisation scores: measured, resumed, decided on either side of every rule, drawn."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from empirical.claims.memorisation import (
    CLAIMS,
    changed_labels,
    compare_memorisation,
    memorisation_results,
    memorisation_table,
    scores_of,
)
from empirical.datasets import load
from empirical.outcome import encode_hits
from empirical.randomization import parse_test, randomize
from empirical.run import main
from empirical.runs.config import StudyRun
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import MemorisationConfig
from empirical.studies.memorisation import ALL, WITHOUT_MEMORISED, WITHOUT_RANDOM, measure_memorisation, random_subset
from empirical.training.config import TrainingConfig
from figures.memorisation import MEMORISATION_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict

STUDY = MemorisationConfig(networks=12, networks_without=3, together=5, shown=4)
TRAINING = TrainingConfig(learning_rate=0.1, max_steps=40, batch_size=30, initialization="torch")


def measured(tmp_path, stop: str = "") -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(60, 30)
    config = made_up_config(StudyRun(STUDY, TRAINING), "corrupted-0.3", n_train=60, n_test=30, model="mlp-1x16")
    randomized = randomize(digits, parse_test("corrupted-0.3"), 0)
    return measure_memorisation(config, randomized, Parts(tmp_path, report), tmp_path)


def test_images_without_a_score_are_refused_before_training(tmp_path):
    digits = load("digits").subset(60, 30)
    config = made_up_config(StudyRun(replace(STUDY, networks=2), TRAINING), n_train=60, n_test=30, model="mlp-1x16")
    randomized = randomize(digits, parse_test("true-labels"), 0)
    with pytest.raises(ValueError, match="train more networks"):
        measure_memorisation(config, randomized, Parts(tmp_path, lambda name, share: None), tmp_path)
    assert not any(tmp_path.iterdir())


def test_what_is_measured_and_resumed(tmp_path):
    whole = measured(tmp_path / "whole")
    json.dumps(whole, allow_nan=False)
    inside = np.array([half["inside"] for half in whole["halves"]])
    assert inside.sum() == 12 * 42, "twelve networks on 70% of 60 images"
    assert [entry["score"] for entry in whole["shown"]] == sorted((e["score"] for e in whole["shown"]), reverse=True)
    removal = whole["removal"]
    assert {name: entry["images"] for name, entry in removal.items()} == {
        ALL: 60,
        WITHOUT_MEMORISED: 54,
        WITHOUT_RANDOM: 54,
    }
    assert removal[ALL]["test_accuracy"] == pytest.approx(sum(removal[ALL]["test_right"]) / 90)
    for stop in ("subsets, networks from 5", f"{WITHOUT_RANDOM}, networks from 0"):
        with pytest.raises(KeyboardInterrupt):
            measured(tmp_path / stop, stop)
        assert measured(tmp_path / stop) == whole


def test_subsets_are_uniform():
    subsets = [random_subset(0, f"subset-{i}", 10, 7) for i in range(300)]
    assert all(len(set(subset)) == 7 for subset in subsets)
    counts = np.bincount(np.concatenate(subsets), minlength=10)
    assert np.abs(counts - 210).max() < 4 * (300 * 0.7 * 0.3) ** 0.5


N, NETWORKS = 200, 200


def memorised(test: str, score: np.ndarray, without: dict[str, float] | None = None) -> Run:
    """A run whose networks are right inside and, outside, with probability 1 - score."""
    random = np.random.default_rng(0)
    inside = random.binomial(NETWORKS // 2, 0.7, (2, N))
    outside = random.binomial(NETWORKS // 2 - inside, 1 - score)
    accuracy = {ALL: 0.97, WITHOUT_MEMORISED: 0.9, WITHOUT_RANDOM: 0.96} | (without or {})
    changed = np.zeros(N, dtype=bool)
    if test != "true-labels":
        changed[::10] = True
    metrics = {
        "images": N,
        "subset": 350,
        "test_accuracy": 0.95,
        "halves": [
            {
                "inside": inside[half].tolist(),
                "right_inside": inside[half].tolist(),
                "right_outside": outside[half].tolist(),
            }
            for half in (0, 1)
        ],
        "changed": encode_hits(changed),
        "nearest_neighbour": score.tolist(),
        "image_shape": [1, 2, 2],
        "shown": [{"image": 0, "label": 3, "clean_label": 3, "answer": 5, "score": 1.0, "pixels": "AAAAAA=="}],
        "removal": {
            name: {
                "images": 450,
                "test_accuracy": share,
                "deviation": 0.01,
                "test_right": random.binomial(50, share, 1000).tolist(),
            }
            for name, share in accuracy.items()
        },
    }
    config = made_up_config(
        StudyRun(MemorisationConfig(networks=NETWORKS, networks_without=50), TRAINING), test, n_train=N
    )
    return made_up_run(config, metrics)


HARD = np.linspace(0, 1, N)
NOISY = np.where(np.arange(N) % 10, 0.05, 0.97)
AGREEING = [memorised("true-labels", HARD), memorised("corrupted-0.1", NOISY)]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = memorisation_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_memorisation(results)}


def test_every_claim_holds_where_it_is_so():
    assert verdicts(AGREEING) == dict.fromkeys((claim.id for claim in CLAIMS), Verdict.HOLDS)


@pytest.mark.parametrize(
    ("name", "runs", "expected"),
    [
        ("memorisation-1", AGREEING[:1], Verdict.NOT_DECIDED),
        ("memorisation-1", [memorised("corrupted-0.1", 0.6 * NOISY)], Verdict.DOES_NOT_HOLD),
        ("memorisation-2", AGREEING[1:], Verdict.NOT_DECIDED),
        ("memorisation-2", [memorised("true-labels", np.full(N, 0.5))], Verdict.NOT_DECIDED),
        ("memorisation-3", AGREEING[1:], Verdict.NOT_DECIDED),
        ("memorisation-3", [memorised("true-labels", HARD, {WITHOUT_RANDOM: 0.9})], Verdict.NOT_DECIDED),
        ("memorisation-3", [memorised("true-labels", HARD, {WITHOUT_RANDOM: 0.8})], Verdict.DOES_NOT_HOLD),
    ],
)
def test_either_side_of_every_rule(name, runs, expected):
    assert verdicts(runs)[name] is expected


def test_table_and_figures(tmp_path):
    (results,) = memorisation_results(AGREEING)
    assert len(memorisation_table(results).rows) == 2
    assert scores_of(AGREEING[0]).score[-1] == 1
    assert changed_labels(AGREEING[1]).sum() == 20
    paths = draw_figures(MEMORISATION_FIGURES, results, "test", tmp_path)
    assert [path.exists() for path in paths.values()] == [True, True]


def test_the_experiment_at_smoke_scale(tmp_path):
    assert main(["memorisation", "--scale", "smoke", "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert {run.config.randomization.name for run in read_runs(tmp_path)} == {
        "true labels",
        "corrupted labels, p = 0.1",
    }
    assert list((tmp_path / "figures").glob("most-memorised_*.svg"))


def test_networks_that_cannot_be_trained_together_are_refused(tmp_path, capsys):
    assert main(["memorisation", "--scale", "smoke", "--model", "inception", "--out", str(tmp_path)]) == 2
    assert "without batch normalisation" in capsys.readouterr().err
