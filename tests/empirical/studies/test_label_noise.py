"""Predictions under label noise: against runs that fit corrupted labels, and verdicts on either side of every rule."""

import json
from dataclasses import replace

import numpy as np
import pytest

from empirical.claims.label_noise import compare_noise, noise_results, noise_table
from empirical.datasets import load
from empirical.kernels.config import KernelConfig
from empirical.kernels.interpolation import interpolate_images
from empirical.randomization import Randomization, randomize, uniform
from empirical.runs.config import DISTANCE, RunConfig, StudyRun
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import NoiseConfig
from empirical.studies.label_noise import (
    KERNEL,
    LINEAR,
    NEAREST,
    RULES,
    gaussian_features_gain,
    least_squares_smoother,
    measure_label_noise,
    require_memory,
)
from tests.empirical import made_up_noise
from tests.made_up import made_up_config
from theory.claims import Verdict
from theory.label_noise import corrupt_labels


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(150, 100)


def noise_config(digits, **study) -> RunConfig:
    return made_up_config(
        StudyRun(NoiseConfig(**{"levels": (0.0, 0.5, 1.0), "repeats": 20} | study)),
        n_train=len(digits.train.labels),
        n_test=len(digits.test.labels),
    )


def parts(tmp_path, stop: str = "") -> Parts:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    return Parts(tmp_path, report)


@pytest.fixture(scope="module")
def measured(digits, tmp_path_factory):
    randomized = randomize(digits, Randomization(), 0)
    out = tmp_path_factory.mktemp("noise")
    return measure_label_noise(noise_config(digits), randomized, parts(out), out)


def test_every_rule_is_predicted_at_every_level(measured):
    json.dumps(measured, allow_nan=False)
    assert set(measured["predictions"]) == set(RULES)
    for rule, entries in measured["predictions"].items():
        assert [entry["deviation"] > 0 for entry in entries] == [False, True, True], rule
        assert entries[-1]["accuracy"] == pytest.approx(0.1, abs=0.06), "random labels: chance"
        assert all(0 <= entry["accuracy"] <= 1 for entry in entries)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_the_kernel_is_predicted_as_a_run_of_the_kernel_measures(digits, measured, level):
    """The same draws of the noise, given to the kernel run as its labels: the accuracies are the same to the image."""
    accuracies = []
    for draw in range(20 if level else 2):
        noisy = corrupt_labels(digits.train.labels, 10, level, 0, purpose=f"label-noise-draw-{draw}")
        data = replace(digits, train=replace(digits.train, labels=noisy))
        randomized = randomize(data, Randomization(), 0)
        metrics, _ = interpolate_images(KernelConfig(certify=False), randomized, 10, seed=0)
        accuracies.append(metrics["test_accuracy"])
    entry = measured["predictions"][KERNEL][[0.0, 0.5].index(level)]
    assert entry["accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-12)
    assert entry["deviation"] == pytest.approx(np.std(accuracies, ddof=1), abs=1e-12)


def test_the_labels_given_do_not_matter(digits, measured, tmp_path):
    corrupted = randomize(digits, Randomization(label_noise=uniform(1.0)), 0)
    assert measure_label_noise(noise_config(digits), corrupted, parts(tmp_path), tmp_path) == measured


def test_the_nearest_neighbour_falls_on_a_line(measured):
    first, half, last = (entry["accuracy"] for entry in measured["predictions"][NEAREST])
    assert first > 0.8
    assert last == pytest.approx(0.1)
    assert half == pytest.approx((first + last) / 2)


@pytest.mark.parametrize("stop", ["neighbours", "kernel, p = 0.5", "explicit, p = 1"])
def test_a_resumed_run_equals_an_undisturbed_one(digits, measured, tmp_path, stop):
    randomized = randomize(digits, Randomization(), 0)
    with pytest.raises(KeyboardInterrupt):
        measure_label_noise(noise_config(digits), randomized, parts(tmp_path, stop), tmp_path)
    assert measure_label_noise(noise_config(digits), randomized, parts(tmp_path), tmp_path) == measured


@pytest.mark.parametrize(("n", "d"), [(40, 5), (12, 30)])
def test_least_squares_is_that_of_minimum_norm(n, d):
    random = np.random.default_rng(0)
    X, Z, y = 3 + random.standard_normal((n, d)), random.standard_normal((7, d)), random.standard_normal(n)
    weights = np.linalg.lstsq(X - X.mean(0), y - y.mean(), rcond=None)[0]
    np.testing.assert_allclose(least_squares_smoother(X, Z) @ y, y.mean() + (Z - X.mean(0)) @ weights, rtol=1e-9)
    assert np.allclose(least_squares_smoother(X, X) @ y, y) == (n <= d)


@pytest.mark.parametrize(("n", "d"), [(20, 6), (20, 60)])
def test_the_gain_on_gaussian_features_is_the_formulas(n, d):
    random = np.random.default_rng(0)
    gains = []
    for _ in range(300):
        S = least_squares_smoother(random.standard_normal((n, d)), random.standard_normal((5, d)))
        gains.append(np.mean(np.sum(S**2, axis=1)))
    error = np.std(gains, ddof=1) / len(gains) ** 0.5
    assert abs(np.mean(gains) - gaussian_features_gain(n, d)) < 5 * error  # 5 standard errors: once in two million
    assert error < 0.05 * np.mean(gains)


def test_the_gain_is_infinite_at_the_peak():
    assert gaussian_features_gain(20, 19) is None


def test_what_does_not_fit_is_refused_in_words():
    require_memory(1000, 500, 64, 10**9)
    with pytest.raises(ValueError, match=r"50,000 training .* GB of memory .*--train-size"):
        require_memory(50_000, 10_000, 3072, 16 * 10**9)


# Verdicts, from made-up records.


def verdicts(runs) -> dict[str, Verdict]:
    (results,) = noise_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_noise(results)}


def replaced(old, new):
    """The runs as predicted with one of another outcome."""
    return [new if run.config == old.config else run for run in made_up_noise.noise_runs()]


def test_runs_as_predicted_hold():
    assert verdicts(made_up_noise.noise_runs()) == {f"noise-{number}": Verdict.HOLDS for number in range(1, 6)}


@pytest.mark.parametrize(
    ("claim", "new", "verdict"),
    [
        ("noise-1", made_up_noise.kernel(0.5, 0.71), Verdict.HOLDS),
        ("noise-1", made_up_noise.kernel(0.5, 0.78), Verdict.DOES_NOT_HOLD),
        ("noise-1", made_up_noise.kernel(0.0, 0.91), Verdict.DOES_NOT_HOLD),
        ("noise-2", made_up_noise.kernel(0.5, 0.73), Verdict.HOLDS),
        ("noise-2", made_up_noise.kernel(0.5, 0.85), Verdict.DOES_NOT_HOLD),
        ("noise-3", made_up_noise.network(0.5, 0.51), Verdict.NOT_DECIDED),
        ("noise-3", made_up_noise.network(0.5, 0.40), Verdict.DOES_NOT_HOLD),
        ("noise-3", made_up_noise.network(0.5, 0.75, fitted=False), Verdict.NOT_DECIDED),
        ("noise-4", made_up_noise.explicit(0.5, 0.11), Verdict.HOLDS),
        ("noise-4", made_up_noise.explicit(0.5, 0.20), Verdict.DOES_NOT_HOLD),
        ("noise-5", made_up_noise.explicit(0.5, 0.49), Verdict.NOT_DECIDED),
        ("noise-5", made_up_noise.explicit(0.5, 0.60), Verdict.DOES_NOT_HOLD),
    ],
)
def test_a_rule_has_two_sides(claim, new, verdict):
    assert verdicts(replaced(new, new))[claim] is verdict


def test_missing_runs_decide_nothing():
    assert set(verdicts([made_up_noise.prediction()]).values()) == {Verdict.NOT_DECIDED}


def test_other_kernels_images_and_seeds_are_not_what_is_predicted():
    strangers = [
        made_up_noise.kernel(0.5, 0.2, bandwidth=0.1),
        made_up_noise.kernel(0.5, 0.2, ridge=1.0),
        made_up_noise.kernel(0.5, 0.2, features="gabor"),
        made_up_noise.network(0.5, 0.2, seed=1),
        made_up_noise.network(0.5, 0.2, train_digest="c"),
        made_up_noise.network(0.5, 0.2, randomization=Randomization("shuffled", uniform(0.5))),
    ]
    (results,) = noise_results([*made_up_noise.noise_runs(), *strangers])
    assert {name: len(runs) for name, runs in results.measured.items()} == {
        "mlp-1x512": 3,
        "Gaussian kernel": 3,
        "explicit network": 3,
    }
    assert noise_results(made_up_noise.noise_runs()[1:]) == []


def test_a_lone_run_on_random_labels_is_no_series_beside_another_experiments():
    random = made_up_noise.network(1.0, 0.1)
    mixed = replace(random, config=replace(random.config, experiment=DISTANCE))
    (results,) = noise_results([made_up_noise.prediction(), random, mixed])
    assert results.networks == {}


def test_the_table_has_a_row_a_level():
    runs = [run for run in made_up_noise.noise_runs() if run.config != made_up_noise.kernel(0.5, 0.7).config]
    table = noise_table(noise_results(runs)[0])
    assert [row[0] for row in table.rows] == ["0", "0.5", "1"]
    assert table.rows[1][table.columns.index("Gaussian kernel, measured")] == "—"
    assert table.rows[1][table.columns.index("mlp-1x512, measured")] == "25.0"
    assert table.rows[1][table.columns.index(f"{LINEAR}, predicted")] == "30.0 ± 0.5"
