"""Double descent: the peak on digits, resumed, decided on either side of every rule, drawn."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from empirical.claims.double_descent import (
    compare_double_descent,
    double_descent_results,
    double_descent_table,
)
from empirical.datasets import load
from empirical.outcome import encode_hits
from empirical.randomization import Randomization, randomize
from empirical.run import main
from empirical.runs.config import StudyRun
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import DoubleDescentConfig
from empirical.studies import double_descent
from empirical.studies.double_descent import feature_counts, measure_double_descent, require_memory
from figures.double_descent import DOUBLE_DESCENT_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict

STUDY = DoubleDescentConfig(ratios=(0.2, 1.0, 5.0), levels=(0.0, 0.5))


def measured(tmp_path, stop: str = "") -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(100, 200)
    config = made_up_config(StudyRun(STUDY), n_train=100, n_test=200)
    return measure_double_descent(config, randomize(digits, Randomization(), 0), Parts(tmp_path, report), tmp_path)


def test_the_error_and_the_norm_peak_at_n_and_a_resumed_run_is_the_same(tmp_path):
    whole = measured(tmp_path / "whole")
    json.dumps(whole, allow_nan=False)
    for level in (0, 1):
        few, equal, many = (point["levels"][level] for point in whole["points"])
        assert equal["norm"] > 5 * max(few["norm"], many["norm"])
        assert equal["test_accuracy"] < min(few["test_accuracy"], many["test_accuracy"]) - 0.1
        assert (few["train_accuracy"] < 1) or level == 0
        assert equal["train_accuracy"] == many["train_accuracy"] == 1
        assert max(equal["train_loss"], many["train_loss"]) < 1e-12, "every label is interpolated"
    assert [point["ratio"] for point in whole["gaussian"]] == [0.2, 5.0], "not at 1, where the risk has no mean"
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "again", "500 features")
    assert measured(tmp_path / "again") == whole


def test_features_in_blocks_give_the_same(tmp_path, monkeypatch):
    whole = measured(tmp_path / "whole")
    monkeypatch.setattr(double_descent, "_BLOCK", 70)
    blocks = measured(tmp_path / "blocks")
    assert blocks != whole, "sums in another order"
    for expected, point in zip(whole["points"], blocks["points"], strict=True):
        for entry, other in zip(expected["levels"], point["levels"], strict=True):
            # At N = n the smallest eigenvalue is some 1e-7 of the largest: rounding, times its inverse, is left.
            assert other["norm"] == pytest.approx(entry["norm"], rel=1e-5)
            assert other["test_loss"] == pytest.approx(entry["test_loss"], rel=1e-5)
            assert other["train_accuracy"] == entry["train_accuracy"]


def test_counts_and_memory():
    assert feature_counts(10, (0.01, 1.0, 0.5, 0.04)) == [1, 5, 10]
    with pytest.raises(ValueError, match="use fewer images"):
        require_memory(1000, 1000, 10_000, 10**8)
    require_memory(10_000, 10_000, 100_000, 10**10)  # the paper's size, in blocks


RATIOS = (0.2, 0.5, 1.0, 2.0, 10.0)
FALLING = (0.10, 0.08, 0.60, 0.10, 0.04)


def sweep_run(
    errors: tuple[float, ...] = FALLING,
    norms: tuple[float, ...] = (1, 2, 90, 5, 3),
    off: float = 0.0,
    deviation: float = 0.05,
) -> Run:
    """A run with these test errors and norms at `RATIOS`; Gaussian risks so many standard errors off."""
    places = np.random.default_rng(0).permutation(1000)
    points = [
        {
            "features": round(500 * ratio),
            "levels": [
                {
                    "norm": norm,
                    "train_loss": 0.0,
                    "test_loss": 1.0,
                    "train_accuracy": 1.0,
                    "test_accuracy": 1 - error,
                    "test_hits": encode_hits(places >= round(1000 * error)),
                }
            ],
        }
        for ratio, error, norm in zip(RATIOS, errors, norms, strict=True)
    ]
    risk = {"risk": 1 + deviation * off, "standard_error": deviation, "expected": 1.0}
    gaussian = [{"ratio": ratio, **risk} for ratio in (0.5, 2.0)]
    metrics = {"bandwidth": 5.0, "levels": [0.1], "points": points, "gaussian": gaussian}
    return made_up_run(made_up_config(StudyRun(DoubleDescentConfig(ratios=RATIOS, levels=(0.1,)))), metrics)


AGREEING = [sweep_run()]


def verdicts(run: Run) -> dict[str, Verdict]:
    (results,) = double_descent_results([run])
    return {finding.claim.id: finding.evidence.verdict for finding in compare_double_descent(results)}


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING[0]).values()) == {Verdict.HOLDS}


@pytest.mark.parametrize(
    ("claim", "run", "expected"),
    [
        ("double-descent-1", sweep_run((0.1, 0.7, 0.6, 0.1, 0.04)), Verdict.DOES_NOT_HOLD),
        ("double-descent-1", sweep_run(norms=(1, 2, 3, 5, 4)), Verdict.DOES_NOT_HOLD),
        ("double-descent-1", sweep_run((0.1, 0.08, 0.102, 0.1, 0.101)), Verdict.NOT_DECIDED),
        ("double-descent-1", sweep_run((0.1, 0.08, 0.102, 0.1, 0.102)), Verdict.NOT_DECIDED),  # the end is level
        ("double-descent-1", sweep_run((0.1, 0.08, 0.7, 0.701, 0.04)), Verdict.NOT_DECIDED),  # one image more elsewhere
        # Seven images more than the best of two below: 2^-7 by itself, not when that best was chosen on these images.
        ("double-descent-1", sweep_run((0.105, 0.1, 0.107, 0.1, 0.05)), Verdict.NOT_DECIDED),
        ("double-descent-2", sweep_run((0.1, 0.04, 0.6, 0.08, 0.08)), Verdict.DOES_NOT_HOLD),
        # Not below the best, but still falling: more features may bring it there.
        ("double-descent-2", sweep_run((0.1, 0.04, 0.6, 0.2, 0.08)), Verdict.NOT_DECIDED),
        ("double-descent-2", sweep_run((0.1, 0.08, 0.6, 0.2, 0.078)), Verdict.NOT_DECIDED),
        ("double-descent-3", sweep_run(off=5.0), Verdict.DOES_NOT_HOLD),
        ("double-descent-3", sweep_run(deviation=0.1), Verdict.NOT_DECIDED),  # 40% of the risk would be within
    ],
)
def test_either_side_of_every_rule(claim, run, expected):
    assert verdicts(run)[claim] is expected


def test_table_and_figure(tmp_path):
    (results,) = double_descent_results(AGREEING)
    assert len(double_descent_table(results).rows) == len(RATIOS)
    paths = draw_figures(DOUBLE_DESCENT_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())


def test_the_caption_says_what_was_drawn_of_gaussian_features(tmp_path):
    study = DoubleDescentConfig(ratios=RATIOS, levels=(0.1,), gaussian_samples=24, gaussian_draws=7)
    run = sweep_run()
    config = replace(run.config, what=StudyRun(study))
    (results,) = double_descent_results([replace(run, config=config)])
    (path,) = draw_figures(DOUBLE_DESCENT_FIGURES, results, "test", tmp_path).values()
    drawn = path.with_suffix(".svg").read_text()
    assert all(words in drawn for words in ("24 samples", "7 draws", "n = 24: risk"))


def test_the_experiment_at_smoke_scale(tmp_path):
    """The command line draws the study's figure and decides its claims from what it has just recorded."""
    assert main(["double-descent", "--data", "digits", "--scale", "smoke", "--out", str(tmp_path)]) == 0
    (run,) = read_runs(tmp_path)
    counts = [point["features"] for point in run.summary.metrics["points"]]
    assert counts == sorted(set(counts))
    decided = {claim["id"] for claim in json.loads((tmp_path / "claims.json").read_text())}
    assert {"double-descent-1", "double-descent-2", "double-descent-3"} <= decided
    assert list((tmp_path / "figures").glob("double-descent*.png"))
