"""Sharpness and norms over margins: measured on the main job's network, resumed, ranked, decided, drawn."""

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from empirical.claims.measures import (
    CLAIMS,
    compare_measures,
    measures_results,
    measures_table,
    noise_levels,
    rank_correlations,
    ranking,
    share_ordered,
    swaps_p_value,
)
from empirical.datasets import load
from empirical.randomization import parse_test, randomize
from empirical.run import main
from empirical.runs.config import StudyRun, trained_run
from empirical.runs.encoded_tensors import decoded, encoded
from empirical.runs.preparation import prepare
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import MeasuresConfig
from empirical.studies.measures import MEASURES, OVER_MARGIN, SHARPNESS, measure_measures
from empirical.training.config import TrainingConfig
from empirical.training.loop import train
from figures.measures import MEASURES_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.complexity import deviation_within, homogeneous_network, margins, pac_bayes_measure, spectral_complexity

STUDY = MeasuresConfig(draws=2, search_steps=2, bisections=2)
TRAINING = TrainingConfig(learning_rate=0.2, max_steps=60, batch_size=20, initialization="torch")


def measured(tmp_path, stop: str = "", model: str = "mlp-1x16") -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share < 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(60, 30)
    config = made_up_config(StudyRun(STUDY, TRAINING), n_train=60, n_test=30, model=model)
    return measure_measures(config, randomize(digits, parse_test("true-labels"), 0), Parts(tmp_path, report), tmp_path)


def test_the_network_is_the_main_jobs_and_the_measures_are_of_it(tmp_path):
    """Against the training loop's own network: its errors, its margin, and the measures that combine others."""
    whole = measured(tmp_path / "whole")
    json.dumps(whole, allow_nan=False)
    config = made_up_config(StudyRun(STUDY, TRAINING), n_train=60, n_test=30, model="mlp-1x16")
    network, data = prepare(trained_run(config), randomize(load("digits").subset(60, 30), parse_test("true-labels"), 0))
    initial = torch.nn.utils.parameters_to_vector(network.parameters()).detach().double()
    before = homogeneous_network(network)
    *_, (last, _) = train(network, data, TRAINING, 0)
    assert whole["steps"] == last.step
    assert whole["train_error"] == pytest.approx(1 - last.train_accuracy)
    assert whole["test_error"] == pytest.approx(1 - last.test_accuracy)
    assert whole["gap"] == whole["test_error"] - whole["train_error"]
    logits = network.eval()(data.train_images).detach()
    assert whole["margin"] == pytest.approx(np.sort(margins(logits, data.train_labels))[5], rel=1e-6)
    values = {entry["name"]: entry["value"] for entry in whole["measures"]}
    assert tuple(values) == MEASURES
    assert values["parameters"] == whole["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    trained = torch.nn.utils.parameters_to_vector(network.parameters()).detach().double()
    assert values["inverse noise"] == 1 / whole["noise"]
    assert values["inverse relative box"] == 1 / whole["relative_box"]
    assert values["PAC-Bayes, initialisation"] == pytest.approx(
        pac_bayes_measure(trained, initial, whole["noise"], 60), rel=1e-6
    )
    inside = deviation_within(whole["box"], whole["parameters"])
    assert values["box, origin"] == pytest.approx(pac_bayes_measure(trained, 0 * trained, inside, 60), rel=1e-6)
    after = homogeneous_network(network)
    lengths = np.sqrt((data.train_images.numpy() ** 2).sum((1, 2, 3)) + 1)
    complexity = spectral_complexity(after, before) * np.linalg.norm(lengths) / 60
    assert values["spectral complexity / margin"] == pytest.approx(complexity / whole["margin"], rel=1e-5)
    for stop in ("noise", "relative box"):
        with pytest.raises(KeyboardInterrupt):
            measured(tmp_path / stop, stop)
        assert measured(tmp_path / stop) == whole


def convolutional(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(image_shape[0], 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, num_classes))


def normalised(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(image_shape[0]), nn.Flatten(), nn.Linear(64, num_classes))


@pytest.mark.parametrize(
    ("network", "absent"),
    [
        (convolutional, {"path norm", "path norm / margin", "spectral complexity / margin"}),
        (normalised, set(MEASURES[MEASURES.index("parameter norm") : MEASURES.index(SHARPNESS[0])])),
    ],
)
def test_a_network_has_the_norms_that_are_known_of_its_layers(tmp_path, network, absent):
    content = measured(tmp_path, model=f"{__name__}:{network.__name__}")
    values = {entry["name"]: entry["value"] for entry in content["measures"]}
    assert {name for name, value in values.items() if value is None} == absent


def test_tensors_come_back_from_text():
    state = {"a": torch.randn(3, 2), "b": torch.tensor([1, 2])}
    again = decoded(encoded(state))
    assert all(torch.equal(state[name], again[name]) for name in state)


LEVELS = ("true-labels", "corrupted-0.5", "random-labels")


def measures_run(seed: int, test: str, level: float, changes: dict[str, float] | None = None, **metrics: Any) -> Run:
    """A network whose gap is the level, as every measure is but for those with a value in `changes`."""
    values = dict.fromkeys(MEASURES, level) | {"parameters": 10.0} | (changes or {})
    entries = [{"name": name, "value": value} for name, value in values.items()]
    content = {"train_error": 0.0, "test_error": level, "gap": level, "measures": entries, "margin": 1.0} | metrics
    return made_up_run(made_up_config(StudyRun(STUDY, TRAINING), test, seed=seed), content)


def networks(seeds: int = 7, changes: dict[str, list[float]] | None = None, **metrics: Any) -> list[Run]:
    """Seven seeds at three levels; `changes` has a measure's value at each."""
    return [
        measures_run(
            seed,
            test,
            0.1 + 0.4 * at + 0.001 * seed,
            {name: values[at] for name, values in (changes or {}).items()},
            **metrics,
        )
        for seed in range(seeds)
        for at, test in enumerate(LEVELS)
    ]


NOISY_NORMS = {name: [0.2, 0.1, 0.3] for name in OVER_MARGIN}
AGREEING = networks(changes=NOISY_NORMS)


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = measures_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_measures(results)}


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING).values()) == {Verdict.HOLDS}
    assert len(CLAIMS) == 3


@pytest.mark.parametrize(
    ("name", "runs", "expected"),
    [
        ("measures-1", networks(6), Verdict.NOT_DECIDED),
        ("measures-1", networks(changes={"path norm / margin": [0.3, 0.2, 0.1]}), Verdict.NOT_DECIDED),
        ("measures-1", networks(10, {"path norm / margin": [0.3, 0.2, 0.1]}), Verdict.DOES_NOT_HOLD),
        ("measures-1", networks(train_error=0.02), Verdict.NOT_DECIDED),
        ("measures-1", [run for run in networks() if run.config.randomization.corruption != 1], Verdict.NOT_DECIDED),
        ("measures-2", networks(6), Verdict.NOT_DECIDED),
        ("measures-2", networks(9, {"inverse box": [0.3, 0.2, 0.1]}), Verdict.DOES_NOT_HOLD),
        ("measures-2", networks(changes={"path norm / margin": [0.3, 0.2, 0.1]}), Verdict.HOLDS),
        ("measures-3", networks(), Verdict.NOT_DECIDED),
        ("measures-3", networks(changes={name: [0.2, 0.1, 0.3] for name in SHARPNESS}), Verdict.DOES_NOT_HOLD),
        ("measures-3", networks(2, NOISY_NORMS), Verdict.NOT_DECIDED),
        ("measures-3", [run for run in AGREEING if run.config.randomization.corruption != 0.5], Verdict.NOT_DECIDED),
    ],
)
def test_either_side_of_every_rule(name, runs, expected):
    assert verdicts(runs)[name] is expected


def by_every_swap(true: np.ndarray, random: np.ndarray) -> float:
    shares = [
        share_ordered(np.where(swapped, random, true), np.where(swapped, true, random))
        for swapped in itertools.product((False, True), repeat=len(true))
    ]
    return float(np.mean(np.array(shares) >= share_ordered(true, random) - 1e-12))


def test_pairs_against_a_rank_test_and_swaps_by_hand():
    random = np.random.default_rng(0)
    true, corrupted = random.integers(0, 8, 9).astype(float), random.integers(2, 10, 9).astype(float)
    assert share_ordered(true, corrupted) == pytest.approx(stats.mannwhitneyu(corrupted, true).statistic / 81)
    assert share_ordered(true, true) == 0.5
    assert swaps_p_value(np.arange(7.0), np.arange(7.0) + 10) == 1 / 128
    assert swaps_p_value(np.ones(5), np.ones(5)) == 1
    assert swaps_p_value(np.arange(60.0), np.arange(60.0) + 100) == 2.0**-60
    for case in range(20):
        pairs = np.random.default_rng(case).integers(0, 6, (2, 6)).astype(float)
        pairs[pairs == 5] = np.inf
        assert swaps_p_value(*pairs) == pytest.approx(by_every_swap(*pairs)), pairs
    shares = [  # the pairs (0, 1) and (3, 2) as they are, the first swapped, the second, both
        share_ordered(np.array(a), np.array(b))
        for a, b in (([0, 3], [1, 2]), ([1, 3], [0, 2]), ([0, 2], [1, 3]), ([1, 2], [0, 3]))
    ]
    assert swaps_p_value(np.array([0.0, 3.0]), np.array([1.0, 2.0])) == sum(s >= shares[0] for s in shares) / 4


def test_swapping_labels_is_as_often_significant_as_it_says():
    """Independent measures of either labelling: the p-value is at most u with probability u at most."""
    random = np.random.default_rng(1)
    p_values = np.array([swaps_p_value(*random.standard_normal((2, 5))) for _ in range(400)])
    for level in (1 / 32, 0.1, 0.5):
        assert (p_values <= level).mean() <= level + 3 * math.sqrt(level / 400)


def test_tau_is_kendalls():
    runs = networks(3, {"path norm": [0.2, 0.1, 0.3], "stable ranks": [0.1, 0.1, 0.1]})
    (results,) = measures_results(runs)
    levels = noise_levels(results)
    assert [test.corruption for test in levels] == [0, 0.5, 1]
    expected = stats.kendalltau([0.2, 0.1, 0.3], [1, 2, 3]).statistic
    assert rank_correlations(results, "path norm", levels) == pytest.approx([expected] * 3)
    assert rank_correlations(results, "stable ranks", levels).tolist() == [0, 0, 0]
    assert rank_correlations(results, "inverse noise", levels).tolist() == [1, 1, 1]


def test_a_measure_that_is_infinite_is_the_largest_and_one_that_is_never_there_is_left_out():
    runs = networks(changes={"inverse margin": [0.1, 0.2, None], "path norm": [None] * 3})  # type: ignore[list-item]
    (results,) = measures_results(runs)
    assert share_ordered(*results.pairs("inverse margin")) == 1
    assert "path norm" not in results.names
    assert verdicts(networks(changes={"path norm / margin": [None] * 3}))["measures-1"] is Verdict.HOLDS  # type: ignore[list-item]
    none = dict.fromkeys(OVER_MARGIN, [None] * 3)
    decided = verdicts(networks(changes=none))  # type: ignore[arg-type]
    assert [decided[f"measures-{n}"] for n in (1, 2, 3)] == [
        Verdict.NOT_DECIDED,
        Verdict.HOLDS,
        Verdict.NOT_DECIDED,
    ]


def test_the_best_measures_come_first():
    (results,) = measures_results(networks(changes={"path norm": [0.3, 0.2, 0.1], **NOISY_NORMS}))
    order = ranking(results)
    assert order[-1] == "path norm"
    assert order[-2] == "parameters"
    assert set(order[-2 - len(OVER_MARGIN) : -2]) == set(OVER_MARGIN)


def test_runs_of_another_network_are_another_set():
    deeper = [made_up_run(made_up_config(StudyRun(STUDY, TRAINING), model="mlp-3x8"), AGREEING[0].summary.metrics)]
    assert [len(results.runs) for results in measures_results([*AGREEING, *deeper])] == [21, 1]


def test_table_and_figure(tmp_path):
    (results,) = measures_results(AGREEING)
    rows = {row[0]: row for row in measures_table(results).rows}
    assert rows["inverse noise"][3:6] == ("100", "0.00781", "+1.00")
    assert rows["parameters"][3:5] == ("50", "1")
    paths = draw_figures(MEASURES_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())
    (alone,) = measures_results(AGREEING[:1])
    assert measures_table(alone).rows[0][3:5] == ("—", "—")
    assert draw_figures(MEASURES_FIGURES, alone, "alone", tmp_path) == {}


def test_the_experiment_at_smoke_scale(tmp_path):
    tests = ["--tests", "true-labels", "random-labels"]
    small = ["--model", "mlp-1x16", "--train-size", "40", "--test-size", "20"]
    assert main(["measures", "--scale", "smoke", "--device", "cpu", *tests, *small, "--out", str(tmp_path)]) == 0
    assert {run.config.randomization.name for run in read_runs(tmp_path)} == {"true labels", "random labels"}
    assert list((tmp_path / "figures").glob("measures_*.svg"))


def test_names_are_all_there_once():
    assert len(set(MEASURES)) == len(MEASURES)
    assert set(MEASURES) > {*OVER_MARGIN, *SHARPNESS}
