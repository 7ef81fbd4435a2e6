"""Label noise that is not the paper's is measured and shown, and no claim about uniform corruption sees it."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empirical.claims.dynamics import dynamics_results
from empirical.claims.interpolants import interpolants_results
from empirical.claims.kernels import kernel_results
from empirical.claims.label_noise import noise_results
from empirical.claims.result_sets import corruption_levels, result_sets
from empirical.claims.results_table import table
from empirical.claims.verdicts import subjects
from empirical.outcome import encode_hits
from empirical.randomization import GivenLabels, LabelNoise, PairFlip, Randomization, Symmetric, Transition
from empirical.runs.records import Run, read_runs
from figures.networks import data_set_runs
from theory.claims import Evidence, Verdict

RESULTS = Path(__file__).parents[3] / "results"
OTHERS: list[LabelNoise] = [
    Symmetric(0.4),
    PairFlip(0.7),
    Transition(tuple(tuple(row) for row in np.roll(np.eye(10), 1, axis=1).tolist())),
    GivenLabels("f" * 64, tuple(tuple(row) for row in np.eye(10, dtype=int).tolist())),
]
LABELS_DO_NOT_MATTER = {
    "C18": "Theorem 1's network fits any labels: every test counts",
    "dynamics-1": "the prediction is of any labels",
}


@functools.cache
def recorded(folder: str) -> tuple[Run, ...]:
    return tuple(run for run in read_runs(RESULTS / folder) if run.config.experiment != "capacity")


def ruined(metrics: dict[str, Any], n_test: int) -> dict[str, Any]:
    """Every test image wrong, no label fitted: any claim that looks at it changes."""
    changed = {name: ruined(value, n_test) if isinstance(value, dict) else value for name, value in metrics.items()}
    wrong = {
        "test_accuracy": 0.0,
        "best_test_accuracy": 0.0,
        "fitted": False,
        "test_hits": encode_hits(np.zeros(n_test, dtype=bool)),
    }
    return changed | {name: value for name, value in wrong.items() if name in changed}


def with_other_noise(runs: list[Run]) -> list[Run]:
    """Beside every run on true labels others like it, on labels with other noise, and ruined."""
    twins = []
    for run in runs:
        if run.config.randomization.corruption == 0 and run.config.kind != "noise":
            metrics = ruined(run.summary.metrics, run.config.n_test)
            for noise in OTHERS:
                config = replace(run.config, randomization=Randomization(label_noise=noise))
                path = Path(config.directory_name)
                twins.append(replace(run, path=path, config=config, summary=replace(run.summary, metrics=metrics)))
    assert twins
    return [*runs, *twins]


def findings(runs: list[Run]) -> list[tuple[str, str, Evidence]]:
    return [
        (subject.name, finding.claim.id, finding.evidence)
        for subject in subjects(runs)
        for finding in subject.findings
        if finding.claim.id not in LABELS_DO_NOT_MATTER
    ]


@pytest.mark.parametrize("folder", ["digits", "cifar10-laptop", "cifar10-kernels", "cifar10-theory", "digits-theory"])
def test_no_claim_about_the_papers_tests_sees_other_label_noise(folder):
    runs = list(recorded(folder))
    before, after = findings(runs), findings(with_other_noise(runs))
    assert len(before) >= 2
    subject_names = {subject for subject, _, _ in before}
    assert [finding for finding in after if finding[0] in subject_names] == before
    # A network that was run on true labels alone is a set of its own now, with nothing to say.
    added = [finding for finding in after if finding[0] not in subject_names]
    assert {evidence.verdict for _, _, evidence in added} <= {Verdict.NOT_DECIDED}


def series(runs: list[Run], of: Callable[[list[Run]], Any]) -> tuple[Any, Any]:
    return of(runs), of(with_other_noise(runs))


@pytest.mark.parametrize(
    ("folder", "of"),
    [
        ("digits", lambda runs: [list(corruption_levels(results)) for results in result_sets(runs)]),
        ("cifar10-laptop", lambda runs: [network.levels for data in data_set_runs(runs) for network in data.networks]),
        ("cifar10-kernels", lambda runs: [results.series() for results in kernel_results(runs)]),
        ("digits-theory", lambda runs: [results.measured for results in noise_results(runs)]),
        (
            "digits-theory",
            lambda runs: [results.corruption(results.widths[-1]) for results in dynamics_results(runs)],
        ),
        (
            "digits-theory",
            lambda runs: [results.decisive.runs for results in interpolants_results(runs)],
        ),
    ],
    ids=["figure 1c", "figures 1b and 1c", "kernels", "noise", "dynamics", "interpolants"],
)
def test_what_is_drawn_against_corruption_is_uniform_corruption(folder, of):
    before, after = series(list(recorded(folder)), of)
    assert any(before)
    assert after == before


def test_other_label_noise_has_its_own_row_and_expectation():
    (results,) = result_sets(with_other_noise(list(recorded("digits"))))
    rows = {row.test: row for row in table(results)}
    clean = rows["true labels"].test_accuracy
    assert clean is not None
    expected = {"symmetric noise, p = 0.4": 0.6 * clean + 0.4 / 9 * (1 - clean), "pair flip, p = 0.7": 0.3 * clean}
    expected["pair flip, p = 0.7"] += 0.7 / 9 * (1 - clean)
    expected["given labels ffffffff"] = clean
    for name, accuracy in expected.items():
        assert rows[name].expected == f"memorising: {accuracy:.1%}"
        assert rows[name].test_accuracy == 0.0
    alone = [run for run in with_other_noise(list(recorded("digits"))) if run.config.randomization.corruption is None]
    expectations = {row.test: row.expected for results in result_sets(alone) for row in table(results)}
    assert expectations["pair flip, p = 0.7"] == "memorising: needs a run on true labels"


def test_symmetric_noise_that_leaves_nothing_is_held_to_chance():
    runs = list(recorded("digits"))
    true = next(run for run in runs if run.config.randomization.corruption == 0 and run.config.kind == "trained")
    config = replace(true.config, randomization=Randomization(label_noise=Symmetric(0.9)))
    (results,) = result_sets([*runs, replace(true, config=config)])
    (row,) = (row for row in table(results) if row.test == "symmetric noise, p = 0.9")
    assert row.expected.startswith("chance: ")
