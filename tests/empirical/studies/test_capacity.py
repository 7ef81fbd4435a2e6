"""The bisection against every possible frontier; the experiment on real digits."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirical.claims.capacity import CapacityResults, capacity_results, capacity_table, compare_capacity
from empirical.randomization import RANDOM_LABELS
from empirical.run import main
from empirical.runs.config import Trained
from empirical.runs.records import read_runs
from empirical.studies.capacity import RESOLUTION, Frontier, bracket, frontiers, next_size
from empirical.training.config import TrainingConfig
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict


@given(st.integers(0, 3000), st.integers(1, 3000), st.integers(1, 3000))
def test_bisection_finds_the_frontier_of_a_monotone_network(true_frontier, start, limit):
    outcomes: dict[int, bool] = {}
    while (n := next_size(outcomes, start, limit)) is not None:
        assert 1 <= n <= limit
        assert n not in outcomes, "no look is taken twice"
        outcomes[n] = n <= true_frontier
    fits, fails = bracket(outcomes)
    assert fits <= true_frontier
    if fails is None:
        assert fits == limit <= true_frontier
    else:
        assert true_frontier < fails
        assert fails - fits <= 1 or fails <= (1 + RESOLUTION) * fits
    assert len(outcomes) <= 2 + 12 + 8, "doublings, and halvings of a bracket of ratio 2 to a tenth"


@given(st.dictionaries(st.integers(1, 500), st.booleans()), st.integers(1, 500))
def test_bisection_ends_whatever_training_gives(noise, start):
    """Outcomes need not be monotone: a network may fit more labels where it missed fewer."""
    outcomes: dict[int, bool] = {}
    for _ in range(60):
        n = next_size(outcomes, start, 500)
        if n is None:
            break
        assert n not in outcomes
        outcomes[n] = noise.get(n, n < 200)
    else:
        pytest.fail("no end after 60 looks")
    fits, fails = bracket(outcomes)
    assert fails is None or fits < fails


def test_a_success_above_a_failure_does_not_count():
    """As records of two commands may have it, with different limits."""
    assert bracket({5: True, 10: False, 20: True}) == (5, 10)


def test_the_experiment_brackets_a_small_network_on_real_digits(tmp_path, capsys):
    arguments = ["capacity", "--model", "mlp-1x4", "--tests", "random-labels", "--out", str(tmp_path)]
    arguments += ["--training.max-steps", "1500", "--train-size", "300"]
    assert main(arguments) == 0
    (results,) = capacity_results(read_runs(tmp_path))
    (frontier,) = results.frontiers
    assert frontier.closed
    assert (frontier.parameters, frontier.dimension) == (4 * 64 + 4 + 4 * 10 + 10, 64)
    looks = {run.config.n_train: run for run in read_runs(tmp_path)}
    assert looks[frontier.fits].summary.metrics["train_accuracy"] == 1.0
    assert looks[frontier.fails].summary.metrics["train_accuracy"] < 1.0
    assert all(run.config.randomization == RANDOM_LABELS for run in looks.values())
    printed = capsys.readouterr().out
    assert f"{frontier.fits:,}" in printed
    assert (tmp_path / "figures").exists()
    before = len(looks)
    assert main(arguments) == 0, "nothing is run twice"
    assert len(read_runs(tmp_path)) == before
    assert frontiers(read_runs(tmp_path)) == list(results.frontiers)


def test_other_tests_are_refused(capsys):
    assert main(["capacity", "--tests", "true-labels"]) == 2
    assert "capacity takes random labels" in capsys.readouterr().err


def results(*frontiers: Frontier, max_steps: int = 20_000) -> CapacityResults:
    config = SimpleNamespace(training=TrainingConfig(max_steps=max_steps))
    return CapacityResults(config, (), frontiers)  # type: ignore[arg-type]  # the rules look at no more of it


def verdicts(frontier: Frontier, **settings: int) -> dict[str, Verdict]:
    findings = compare_capacity(results(frontier, **settings))
    return {finding.claim.id: finding.evidence.verdict for finding in findings}


@pytest.mark.parametrize(
    ("fits", "fails", "as_theorem_1", "more_than_n"),
    [
        (60, 64, Verdict.DOES_NOT_HOLD, Verdict.DOES_NOT_HOLD),  # (p - d)/2 is 100
        (120, 130, Verdict.HOLDS, Verdict.DOES_NOT_HOLD),  # fewer than p = 210
        (210, 220, Verdict.HOLDS, Verdict.HOLDS),
        (96, 104, Verdict.NOT_DECIDED, Verdict.DOES_NOT_HOLD),  # 100 lies within
        (60, 120, Verdict.NOT_DECIDED, Verdict.NOT_DECIDED),  # too wide a bracket
        (90, None, Verdict.NOT_DECIDED, Verdict.NOT_DECIDED),
        (300, None, Verdict.HOLDS, Verdict.NOT_DECIDED),
    ],
)
def test_verdicts(fits, fails, as_theorem_1, more_than_n):
    decided = verdicts(Frontier("mlp-1x9", 210, 10, "original", 0, fits, fails, 5))
    assert decided["capacity-1"] is as_theorem_1
    assert decided["capacity-2"] is more_than_n


def test_labels_missed_after_forty_steps_are_not_out_of_reach():
    decided = verdicts(Frontier("mlp-1x9", 210, 10, "original", 0, 60, 64, 5), max_steps=40)
    assert decided["capacity-1"] is decided["capacity-2"] is Verdict.NOT_DECIDED


def test_table_names_what_is_open():
    class Shared:
        scale = "made up"
        frontiers = (Frontier("mlp-1x9", 210, 10, "gaussian", 2, 0, None, 1),)

    (row,) = capacity_table(Shared).rows  # type: ignore[arg-type]
    assert row[:6] == ("mlp-1x9", "Gaussian", "2", "210", "0", "more")
    assert row[6] == "—"


def test_runs_are_sorted_by_what_their_data_are_and_not_by_how_these_are_described():
    """Runs on other numbers of training images share their test images, whose digest tells data sets apart."""
    metrics = {"fitted": True, "parameters": 100, "dimension": 64}
    made = [
        made_up_run(
            made_up_config(Trained(TrainingConfig()), "random-labels", experiment="capacity", **changes), metrics
        )
        for changes in (
            {"n_train": 100, "train_digest": "a", "source": "digits of mine; the first 100"},
            {"n_train": 200, "train_digest": "b", "source": "the first 200 of my digits"},
            {"n_train": 200, "train_digest": "c", "test_digest": "other", "source": "the first 200 of my digits"},
        )
    ]
    assert [len(results.runs) for results in capacity_results(made)] == [2, 1]
