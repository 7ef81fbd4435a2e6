"""The paper's own numbers pass every rule that applies to them: that they fail one would be the rule's fault."""

from dataclasses import replace

import numpy as np
import pytest

from empirical.claims.chance import MARGIN, above_chance_p_values, guessing_margin
from empirical.claims.fitting import FITS
from empirical.claims.paper import KERNEL_NORMS, NONE, TABLE_1, TABLE_2, TABLE_3, TABLE_4
from empirical.claims.randomization_tests import compare
from empirical.claims.regularization import CROP, DECAY, compare_regularizers
from empirical.claims.result_sets import result_sets
from empirical.claims.significance import SIZE, outside_p_value
from empirical.outcome import outcome_on_test
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, parse_test
from empirical.runs.records import Run
from tests.empirical.claims import test_kernels, test_randomization_tests, test_regularization
from theory.claims import Verdict

N_TEST = 10_000
TRUTH = np.arange(N_TEST) % 10


def outcome(accuracy: float) -> dict[str, object]:
    """This share of the 10,000 test images, ten classes of 1,000 each, is right, spread over classes and images."""
    order = np.random.default_rng(round(100 * accuracy)).permutation(N_TEST)
    right = np.zeros(N_TEST, dtype=bool)
    right[order[: round(accuracy / 100 * N_TEST)]] = True
    shift = 1 + np.random.default_rng(1).integers(0, 9, N_TEST)
    predictions = np.where(right, TRUTH, (TRUTH + shift) % 10)
    return {"test_accuracy": right.mean(), **outcome_on_test(predictions, TRUTH, 10)}


def as_recorded(run: Run, train: float, test: float | None) -> Run:
    """The run with the paper's accuracies, in percent; after the paper's schedule if it does not fit exactly."""
    metrics = run.summary.metrics | {"train_accuracy": train / 100, "fitted": train == 100}
    metrics |= outcome(10.0 if test is None else test)
    config = replace(run.config, data="cifar10", n_train=50_000, n_test=N_TEST)
    return replace(run, config=config, summary=replace(run.summary, metrics=metrics))


@pytest.mark.parametrize("model", ["inception", "inception-no-bn", "alexnet", "mlp-3x512", "mlp-1x512"])
def test_the_randomisation_tests(model):
    """C1 and C2, C11's share of it, C29: accuracies alone decide."""
    runs = [
        as_recorded(test_randomization_tests.run(test, 0.5, 100, model=model), paper.train, paper.test)
        for test in ("true-labels", "random-labels")
        for paper in [TABLE_1[model, parse_test(test), NONE]]
    ]
    (results,) = result_sets(runs)
    verdicts = {finding.claim.id: finding.evidence.verdict for finding in compare(results)}
    assert {claim: verdicts[claim] for claim in ("C1", "C2", "C29")} == dict.fromkeys(
        ("C1", "C2", "C29"), Verdict.HOLDS
    )
    above, _ = above_chance_p_values(runs[0])
    assert above < SIZE


def test_random_labels_are_guessed_in_every_row():
    rows = [row for (_, test, _), row in TABLE_1.items() if test == RANDOM_LABELS]
    assert all(row.train / 100 >= FITS for row in rows)
    assert max(outside_p_value(round(100 * row.test), N_TEST, 0.1 - MARGIN, 0.1 + MARGIN) for row in rows) < SIZE


def test_random_labels_of_imagenet_are_guessed_in_every_row():
    """Table 2 on its 50,000 test images: among a thousand classes the margin is guessing's own 0.1%."""
    low, high = 0.001 - guessing_margin(0.001), 0.001 + guessing_margin(0.001)
    rows = [row for (test, *_), row in TABLE_2.items() if test == RANDOM_LABELS]
    assert rows
    assert max(outside_p_value(round(500 * row.test_top_1), 50_000, low, high) for row in rows) < SIZE
    assert outside_p_value(round(0.02 * 50_000), 50_000, low, high) > 0.99, "2% is twenty times better than guessing"


def test_regularisation():
    """C11, C12, C13 and C17 by tables 1 and 4. The paper states no seeds: C14 and C16 ask for three."""
    runs = []
    for (model, test, chosen), paper in TABLE_1.items():
        run = test_regularization.run(model, test.option, chosen, 0.5, train_digest=model[:0])
        runs.append(as_recorded(run, paper.train, paper.test))
    for (model, chosen), train in TABLE_4.items():
        run = test_regularization.run(model, "random-labels", chosen, 0.1, train_digest="", fitted=train is not None)
        runs.append(as_recorded(run, 50.0 if train is None else train, None))
    verdicts = {finding.claim.id: finding.evidence.verdict for finding in compare_regularizers(runs)}
    assert [verdicts[claim] for claim in ("C11", "C12", "C13", "C17")] == [Verdict.HOLDS] * 4


def test_the_papers_gains_are_what_the_rules_hold_them_to():
    """C14: crops gain more than weight decay. C16: 3.75 points lie within 3 to 4."""
    accuracy = {chosen: TABLE_1["inception", TRUE_LABELS, chosen].test for chosen in (CROP, DECAY, NONE)}
    assert accuracy[CROP] - accuracy[NONE] > accuracy[DECAY] - accuracy[NONE]
    assert 3 <= accuracy[NONE] - TABLE_1["inception-no-bn", TRUE_LABELS, NONE].test <= 4


def test_kernels_on_mnist():
    """C28 by MNIST's norms and errors; C25 by every error."""
    runs = []
    for features in ("pixels", "gabor"):
        run = test_kernels.run(
            "true-labels", 0.9, float(KERNEL_NORMS["mnist", features]), data="mnist", features=features
        )
        runs.append(as_recorded(run, 100.0, 100 - TABLE_3["mnist", features, False].test_error))
    runs = [replace(run, config=replace(run.config, data="mnist")) for run in runs]
    verdicts = test_kernels.verdicts(runs)
    assert verdicts["C28"] is verdicts["C25"] is Verdict.HOLDS
