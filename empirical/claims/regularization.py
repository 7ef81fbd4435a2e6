"""What regularisation does and does not: the paper's claims C11 to C17, decided from the rows of its tables.

Test accuracies are compared on the test images that networks share, averaged over seeds (`significance`); the size of
each test is stated. They speak of the networks that were trained: how much other seeds would differ is in the tables'
spread.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from empirical.claims import paper_words as words
from empirical.claims.claim import claim, decide_all
from empirical.claims.paper import NONE, Regularisers
from empirical.claims.paper_tables import TableRow, table_1, table_4
from empirical.claims.randomization_tests import (
    NEWER_RECORDS,
    SIZE,
    fit_verdict,
    guessing_interval,
    hits_on_test,
    hits_recorded,
    missing,
    not_fitted,
)
from empirical.claims.significance import mean_difference_p_value, tested
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig
from theory.claims import Evidence, Finding, Verdict, verdict

DECAY: Regularisers = ("none", True)
CROP: Regularisers = ("crop", False)

LITTLE = 0.01
"""What `early stopping does not help` is held to: our reading, the paper gives no number."""

_PATIENCE = 3

_TRUE, _RANDOM = "true labels", "random labels"


class Rows:
    """The rows of tables 1 and 4 that were run, by network, test and regularisers."""

    def __init__(self, runs: list[Run]):
        rows = [row for row in (*table_1(runs), *table_4(runs)) if row.runs]
        self._rows = {(row.model, row.test, row.regularisers): row for row in rows}

    def of(self, test: str, regularisers: Regularisers) -> dict[str, TableRow]:
        """By network."""
        return {model: row for (model, *key), row in self._rows.items() if key == [test, regularisers]}

    def regularised(self, test: str) -> list[TableRow]:
        """With any regulariser."""
        return [row for (_, of, chosen), row in self._rows.items() if of == test and chosen != NONE]


def compare_regularizers(runs: list[Run]) -> list[Finding]:
    """C11 to C17 from runs on equally many images of a data set (`paper_tables.sizes`); those without the runs that
    would decide them say so.
    """
    rows = Rows(runs)
    return decide_all(CLAIMS, rows)


@claim(
    "C11",
    "Explicit regularisation is not necessary: without it networks generalise.",
    "section 3, table 1",
    paper=f"test accuracy without any: {words.NO_REGULARISER}",
    decided_by="runs on true labels with and without regularisers, several seeds",
    command="table1",
)
def _not_necessary(rows: Rows) -> Evidence:
    found = rows.of(_TRUE, NONE)
    if not found:
        return missing("runs on true labels without regularisers")
    runs = [run for row in found.values() for run in row.runs]
    low_and_high = [guessing_interval(run.config, SIZE / len(runs)) for run in runs]
    accuracies = [run.summary.metrics["test_accuracy"] for run in runs]
    above = all(accuracy > high for accuracy, (_, high) in zip(accuracies, low_and_high, strict=True))
    return Evidence(
        Verdict.HOLDS if above else Verdict.NOT_DECIDED,
        "; ".join(f"{model}: test {row.test_accuracy}%" for model, row in found.items()),
        "test accuracy above guessing",
        f"exact binomial tests, size {SIZE:.0%} in all; whether the last training label is fitted does not matter here",
    )


@claim(
    "C12",
    "Explicit regularisation is not sufficient: with it networks still fit random labels.",
    "section 3, tables 2 and 4",
    paper=f"train accuracy with weight decay: {words.WEIGHT_DECAY}",
    decided_by="runs on random labels with regularisers as strong as the paper's",
    command="table4",
)
def _not_sufficient(rows: Rows) -> Evidence:
    found = [row for row in rows.regularised(_RANDOM) if (row.model, row.regularisers) != ("alexnet", DECAY)]
    if not found:
        return missing("runs on random labels with regularisers")
    return Evidence(
        fit_verdict([run for row in found for run in row.runs]),
        "; ".join(f"{row.model}, {_name(row)}: train {row.train}%" for row in found),
        "100%" + "".join(f"; {row.model}, the paper: {row.paper_train}%" for row in found if row.paper_train),
        "every training label, as stored, reproduced by the fixed network, which is more than the paper's own numbers "
        "show; AlexNet with weight decay is claim C13",
    )


@claim(
    "C13",
    "AlexNet with weight decay does not fit random labels.",
    "section 3, table 4",
    paper="failed to converge",
    decided_by="AlexNet on random labels with weight decay as strong as the paper's",
    command="table4 --model alexnet --scale paper",
)
def _alexnet_with_decay(rows: Rows) -> Evidence:
    decayed, plain = rows.of(_RANDOM, DECAY).get("alexnet"), rows.of(_RANDOM, NONE).get("alexnet")
    if decayed is None or plain is None or plain.fitted < len(plain.runs) or not _alike(decayed, plain):
        return missing("alexnet on random labels with weight decay, and without, where it fits")
    training = decayed.runs[0].config.training
    assert training is not None, "a row is of trained runs"
    steps, needed = ([run.summary.metrics["step"] for run in row.runs] for row in (decayed, plain))
    long_enough = min(steps) >= _PATIENCE * max(needed)
    return Evidence(
        Verdict.DOES_NOT_HOLD if decayed.fitted else verdict(True) if long_enough else Verdict.NOT_DECIDED,
        f"train {decayed.train}% with weight decay {training.weight_decay:g} after {min(steps):,} steps, "
        f"{plain.train}% without after {max(needed):,}",
        f"no label set fitted in {_PATIENCE} times the steps that it takes without",
        "our reading of `does not fit`; the paper does not state the strength of its weight decay",
    )


@claim(
    "C14",
    "Augmentation helps more than weight decay.",
    "section 3, table 1",
    paper=words.AUGMENTATION,
    decided_by="runs on true labels with crops and with weight decay, at least three seeds",
    command="table1 --seed 0 1 2",
)
def _augmentation_against_decay(rows: Rows) -> Evidence:
    cropped, decayed, plain = (rows.of(_TRUE, chosen) for chosen in (CROP, DECAY, NONE))
    models = [model for model in cropped if model in decayed and _alike(cropped[model], decayed[model])]
    if not models:
        return missing("runs on true labels with random crops and with weight decay")
    if not _all_fit([row for model in models for row in (cropped[model], decayed[model])]):
        return not_fitted()
    if not hits_recorded([run for model in models for row in (cropped[model], decayed[model]) for run in row.runs]):
        return missing(NEWER_RECORDS)
    p_values = [mean_difference_p_value(_hits(cropped[model]), _hits(decayed[model])) for model in models]
    opposite = [mean_difference_p_value(_hits(decayed[model]), _hits(cropped[model])) for model in models]
    return Evidence(
        tested(max(p_values), min(opposite), SIZE / len(models)),
        "; ".join(
            f"{model}: crop {cropped[model].test_accuracy}%, weight decay {decayed[model].test_accuracy}%"
            + (f", neither {plain[model].test_accuracy}%" if model in plain else "")
            + f", p-value {p_value:.1g}"
            for model, p_value in zip(models, p_values, strict=True)
        ),
        f"crop better for every network, p-values below {SIZE / len(models):.1e}",
        f"paired by test image, one-sided, size {SIZE:.0%} in all",
    )


@claim(
    "C15",
    "Early stopping does not help on CIFAR-10.",
    "section 3.1",
    paper=words.EARLY_STOPPING,
    figure="Figure 2: accuracy along training",
    decided_by="runs on true labels with and without regularisers, several seeds",
    command="table1",
)
def _early_stopping(rows: Rows) -> Evidence:
    found = rows.of(_TRUE, NONE)
    if not found:
        return missing("runs on true labels without regularisers")
    if not _all_fit(list(found.values())):
        return not_fitted()
    gains = {model: _best_gain(row.runs) for model, row in found.items()}
    return Evidence(
        verdict(max(gains.values()) <= LITTLE),
        "; ".join(f"{model}: best epoch {100 * gain:+.2f} points above the last" for model, gain in gains.items()),
        f"at most {LITTLE:.0%}",
        "the best epoch is chosen on the test set itself, which favours early stopping; true labels only",
    )


@claim(
    "C16",
    "Batch normalisation steadies training and improves test accuracy by 3 to 4 points.",
    "figure 2b, table 1",
    paper=f"test accuracy {words.TRUE['inception'].test:g}% with, {words.TRUE['inception-no-bn'].test:g}% without",
    figure="Figure 2: accuracy along training",
    decided_by="Inception with and without batch norm, at least three seeds",
    command="figure2 --seed 0 1 2",
)
def _batch_normalisation(rows: Rows) -> Evidence:
    found = rows.of(_TRUE, NONE)
    normalised, plain = found.get("inception"), found.get("inception-no-bn")
    if normalised is None or plain is None or not _alike(normalised, plain):
        return missing("inception and inception-no-bn on true labels of the same images, without regularisers")
    if not hits_recorded([*normalised.runs, *plain.runs]):
        return missing(NEWER_RECORDS)
    if not _all_fit([normalised, plain]):
        return not_fitted()
    p_value = mean_difference_p_value(_hits(normalised), _hits(plain))
    drops = [float(np.mean([_mean_drop(run) for run in row.runs])) for row in (normalised, plain)]
    return Evidence(
        tested(p_value, mean_difference_p_value(_hits(plain), _hits(normalised)), SIZE),
        f"test {normalised.test_accuracy}% with, {plain.test_accuracy}% without, p-value {p_value:.1g}; from epoch to "
        f"epoch test accuracy drops by {drops[0]:.2%} on average with, {drops[1]:.2%} without",
        f"better, p-value below {SIZE}; the paper: 85.75% and 82.00%",
        f"paired by test image, one-sided, size {SIZE:.0%}; steadiness is shown and not decided on: runs that stop "
        "where they fit differ in length",
    )


@claim(
    "C17",
    "Changing the architecture gains more than regularising.",
    "section 3, table 1",
    paper=f"test accuracy without regularisers: {words.NO_REGULARISER}",
    decided_by="runs on true labels with and without regularisers, several seeds",
    command="table1",
)
def _architecture_against_regularisers(rows: Rows) -> Evidence:
    plain = rows.of(_TRUE, NONE)
    regularised = [row for row in rows.regularised(_TRUE) if row.model in plain and _alike(row, plain[row.model])]
    alike = [row for row in plain.values() if _same_images(row, next(iter(plain.values())))]
    if alike and not _all_fit(alike):
        return not_fitted()
    if not regularised or len(alike) < 2:
        return missing("two networks on the same images, and one of them with regularisers")
    best, worst = max(alike, key=_mean), min(alike, key=_mean)
    most = max(regularised, key=lambda row: _mean(row) - _mean(plain[row.model]))
    gain = _mean(most) - _mean(plain[most.model])
    compared = [best, plain[most.model]], [worst, most]
    if not hits_recorded([run for rows in compared for row in rows for run in row.runs]):
        return missing(NEWER_RECORDS)
    above, below = ([np.mean(_hits(row), axis=0) for row in rows] for rows in compared)
    p_value = mean_difference_p_value(above, below)
    return Evidence(
        tested(p_value, mean_difference_p_value(below, above), SIZE),
        f"{best.model} is {100 * (_mean(best) - _mean(worst)):.2f} points above {worst.model}, both without; the most "
        f"that a regulariser gains is {100 * gain:+.2f} points ({most.model}, {_name(most)}); p-value {p_value:.1g}",
        f"the difference of networks above the largest gain, p-value below {SIZE}",
        f"paired by test image, one-sided, size {SIZE:.0%}; which gain is the largest is taken from the same images",
    )


def _hits(row: TableRow) -> Sequence[npt.NDArray[np.bool_]]:
    return [hits_on_test(run) for run in row.runs]


def _all_fit(rows: Sequence[TableRow]) -> bool:
    return fit_verdict([run for row in rows for run in row.runs]) is Verdict.HOLDS


def _same_images(row: TableRow, other: TableRow) -> bool:
    configs = [each.runs[0].config for each in (row, other)]
    first, second = ((config.train_digest, config.test_digest, config.crop) for config in configs)
    return first == second


def _alike(row: TableRow, other: TableRow) -> bool:
    """Whether two rows are of the same images and hyper-parameters, regularisers and limits of steps apart."""

    def hyper_parameters(each: TableRow) -> TrainingConfig:
        training = each.runs[0].config.training
        assert training is not None, "a row is of trained runs"
        return replace(training, augmentation="none", weight_decay=0.0, dropout=None, max_steps=1, min_steps=0)

    return _same_images(row, other) and hyper_parameters(row) == hyper_parameters(other)


def _mean(row: TableRow) -> float:
    return float(np.mean([run.summary.metrics["test_accuracy"] for run in row.runs]))


def _best_gain(runs: Sequence[Run]) -> float:
    gains = [run.summary.metrics["best_test_accuracy"] - run.summary.metrics["test_accuracy"] for run in runs]
    return float(np.mean(gains))


def _mean_drop(run: Run) -> float:
    changes = np.diff([epoch.test_accuracy for epoch in run.epochs])
    return float(np.maximum(0, -changes).mean()) if len(changes) else 0.0


def _name(row: TableRow) -> str:
    augmentation, decay = row.regularisers
    return " and ".join([augmentation] * (augmentation != "none") + ["weight decay"] * decay)


CLAIMS = (
    _not_necessary,
    _not_sufficient,
    _alexnet_with_decay,
    _augmentation_against_decay,
    _early_stopping,
    _batch_normalisation,
    _architecture_against_regularisers,
)
"""In the order of the report."""
