from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from empirical.claims.chance import above_chance_p_values, chance_range
from empirical.claims.randomization_tests import compare
from empirical.claims.result_sets import ResultSet, chance_interval, result_sets
from empirical.claims.results_table import table
from empirical.claims.significance import SIZE
from empirical.claims.training_in_words import optimizer_in_words
from empirical.outcome import decode_hits, encode_hits, outcome_on_test
from empirical.randomization import GAUSSIAN, RANDOM_LABELS, parse_test
from empirical.runs.config import Explicit, RunConfig, RunKind, Trained
from empirical.runs.records import Run, read_runs
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from tests.made_up import made_up_config, made_up_run, outcome
from theory.claims import Verdict

# Test accuracies and steps to fit that agree with the paper's claims: 1,000 test images, 10 classes.
AGREEING = {
    "true-labels": (0.90, 100),
    "corrupted-0.2": (0.80, 300),
    "corrupted-0.5": (0.60, 350),
    "corrupted-0.8": (0.35, 400),
    "random-labels": (0.10, 450),
    "shuffled-pixels": (0.88, 110),
    "random-pixels": (0.10, 200),
    "gaussian": (0.09, 180),
}


def run(test: str, accuracy: float, steps: int, *, what: RunKind | None = None, fitted: bool = True, **changes) -> Run:
    config = made_up_config(what or Trained(TrainingConfig()), test, **{"model": "mlp-1x512"} | changes)
    metrics = {"fitted": fitted, "train_accuracy": 1.0 if fitted else 0.9, "parameters": 7} | outcome(accuracy)
    metrics |= {"train_accuracy_clean_labels": 0.5, "epoch": steps // 10, "step": steps}
    metrics |= {"largest_error": 1e-9, "error_bound": 1e-6}
    return made_up_run(config, metrics, [epoch(e, steps, config, metrics) for e in range(11)])


def epoch(e: int, steps: int, config: RunConfig, metrics: dict[str, Any]) -> EpochRecord:
    """Ten epochs: unchanged labels are fitted first, and with partial corruption test accuracy peaks on the way."""
    p = config.randomization.label_noise.uniform_level or 0.0
    changed = round(0.9 * p * config.n_train)
    unchanged = config.n_train - changed
    kept, memorised = round(unchanged * min(1, e / 6)), round(changed * e / 10)
    hits = decode_hits(metrics["test_hits"], config.n_test)
    if 0 < p < 1 and e == 5:
        hits = hits | (np.arange(config.n_test) % 5 == 0)
    return EpochRecord(
        epoch=e,
        step=e * steps // 10,
        learning_rate=0.1,
        train_loss=2.3 * (1 - max(0, e - 5) / 5),
        train_accuracy=(kept + memorised) / config.n_train,
        train_accuracy_clean_labels=0.5,
        train_accuracy_changed=memorised / changed if changed else None,
        train_accuracy_unchanged=kept / unchanged,
        test_loss=1.0,
        test_accuracy=hits.mean(),
        seconds=1.0,
        test_hits=encode_hits(hits),
    )


def results(changes: dict[str, tuple[float, int]] | None = None, without: tuple[str, ...] = ()) -> ResultSet:
    values = {name: value for name, value in (AGREEING | (changes or {})).items() if name not in without}
    runs = [run(name, *value) for name, value in values.items()]
    runs += [run(name, 0.1, 0, what=Explicit()) for name in values]
    (only,) = result_sets(runs)
    return only


def with_runs(results: ResultSet, runs: Iterable[Run]) -> ResultSet:
    """The results with these runs in place of theirs on the same tests."""
    changed = {(run.config.kind, run.config.randomization): run for run in (*results.runs, *runs)}
    return replace(results, runs=tuple(changed.values()))


def verdicts(results: ResultSet) -> dict[str, Verdict]:
    return {finding.claim.id: finding.evidence.verdict for finding in compare(results)}


def test_agreeing_results_hold():
    assert set(verdicts(results()).values()) == {Verdict.HOLDS}


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("C2", {"random-labels": (0.15, 450)}),
        ("C2", {"random-labels": (0.05, 450)}),
        ("C3", {"random-labels": (0.11, 1100)}),
        ("C6", {"gaussian": (0.09, 600)}),
        ("C8", {"corrupted-0.5": (0.87, 350)}),
        ("C29", {"true-labels": (0.02, 100), "random-labels": (0.10, 450)}),
        ("C9", {"corrupted-0.8": (0.05, 400)}),
        ("signal-beyond-memorising", {"corrupted-0.5": (0.2, 350)}),
    ],
)
def test_results_against_a_claim_are_noticed(claim, changes):
    assert verdicts(results(changes))[claim] is Verdict.DOES_NOT_HOLD


def test_a_loss_that_falls_slowly_once_it_falls_is_noticed():
    agreeing = results()
    slow = agreeing.trained[RANDOM_LABELS]
    epochs = tuple(
        replace(record, step=2 * record.step, train_loss=2.3 * (1 - record.epoch / 10)) for record in slow.epochs
    )
    assert verdicts(with_runs(agreeing, [replace(slow, epochs=epochs)]))["C4"] is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("C8", {name: (0.105, 300) for name in AGREEING if name.startswith(("true", "corrupted"))}),
        ("C2", {"random-labels": (0.12, 450)}),
        ("C9", {"corrupted-0.8": (0.11, 400)}),
        ("C29", {"true-labels": (0.11, 100)}),
    ],
)
def test_what_the_test_images_do_not_tell_is_not_decided(claim, changes):
    assert verdicts(results(changes))[claim] is Verdict.NOT_DECIDED


def test_levels_that_are_not_symmetric_have_the_opposite_trend_by_their_negatives():
    """An error that falls up to p = 0.4 and is higher again at p = 1, far from the others: neither trend is shown."""
    levels = {f"corrupted-{p:g}": p for p in np.arange(1, 11) / 20} | {"true-labels": 0.0, "random-labels": 1.0}
    random, runs = np.random.default_rng(17), []
    for name, p in sorted(levels.items(), key=lambda level: level[1]):
        error = 0.94 if p == 1 else 0.93 - 0.06 * min(1.0, p / 0.4)
        made = run(name, 0.1, 300)
        metrics = made.summary.metrics | {"test_hits": encode_hits(random.random(made.config.n_test) >= error)}
        runs.append(replace(made, summary=replace(made.summary, metrics=metrics)))
    (only,) = result_sets(runs)
    assert verdicts(only)["C8"] is Verdict.NOT_DECIDED


@pytest.mark.parametrize("test", ["random-labels", "corrupted-0.5"])
def test_networks_that_do_not_fit_decide_nothing_about_those_that_do(test):
    runs = [run(name, *value, fitted=name != test) for name, value in AGREEING.items()]
    outcome = verdicts(result_sets(runs)[0])
    undecided = {claim for claim, verdict in outcome.items() if verdict is Verdict.NOT_DECIDED}
    assert undecided >= ({"C2", "C8"} if test == "random-labels" else {"C8", "C9"})


@pytest.mark.parametrize(("claim", "test"), [("C1", "random-labels"), ("C5", "gaussian"), ("C29", "random-labels")])
def test_a_run_that_does_not_fit_is_noticed(claim, test):
    runs = [run(name, *value, fitted=name != test) for name, value in AGREEING.items()]
    assert verdicts(result_sets(runs)[0])[claim] is Verdict.DOES_NOT_HOLD


def test_true_labels_that_need_no_training_have_no_factor():
    assert verdicts(results({"true-labels": (0.9, 0)}))["C3"] is Verdict.NOT_DECIDED


def test_labels_that_are_not_all_fitted_have_no_factor_and_are_counted_as_open():
    agreeing = results()
    random = agreeing.trained[RANDOM_LABELS]
    metrics = random.summary.metrics | {"fitted": False, "train_accuracy": 0.9811}
    missed = with_runs(agreeing, [replace(random, summary=replace(random.summary, metrics=metrics))])
    (found,) = (finding.evidence for finding in compare(missed) if finding.claim.id == "C3")
    assert (found.verdict, found.needs) == (Verdict.NOT_DECIDED, "")
    assert found.measured == "100.00% of the true labels and 98.11% of the random ones are fitted"


def test_what_was_not_run_is_not_decided():
    outcome = verdicts(results(without=("random-labels", "gaussian")))
    undecided = {claim for claim, verdict in outcome.items() if verdict is Verdict.NOT_DECIDED}
    assert undecided == {"C1", "C2", "C3", "C4", "C5", "C6", "C8", "C29"}


def test_records_too_old_to_say_which_images_were_hit_decide_what_they_can():
    agreeing = results()
    for run in agreeing.trained.values():
        for name in ("test_hits", "test_confusion"):
            del run.summary.metrics[name]
    undecided = {claim for claim, verdict in verdicts(agreeing).items() if verdict is Verdict.NOT_DECIDED}
    assert undecided == {"C2", "C8", "C29", "signal-beyond-memorising"}


def test_chance_interval_has_its_size():
    low, high = chance_interval(results())
    outside = stats.binom.cdf(round(low * 1000) - 1, 1000, 0.1) + stats.binom.sf(round(high * 1000), 1000, 0.1)
    assert SIZE / 2 < outside <= SIZE


def as_trained(run: Run) -> Run:
    """With the loss of samples as trained on, equal to the fixed network's but before training."""
    later = (replace(record, online_loss=record.train_loss) for record in run.epochs[1:])
    return replace(run, epochs=(run.epochs[0], *later))


def test_a_start_between_the_same_records_is_no_sooner():
    """All three losses fall between the start and the first record: which fell first is not recorded."""
    agreeing = results()
    first = agreeing.trained[RANDOM_LABELS].epochs[0]
    fallen = replace(agreeing.trained[GAUSSIAN].epochs[-1], epoch=1, step=20, train_loss=0.5)
    trained = [replace(run, epochs=(first, fallen)) for run in agreeing.trained.values()]
    assert verdicts(with_runs(agreeing, trained))["C6"] is Verdict.NOT_DECIDED


@pytest.mark.parametrize("claim", ["C4", "C6"])
def test_losses_by_lagging_averages_of_batch_norm_decide_nothing(claim):
    agreeing = results()
    random = agreeing.trained[RANDOM_LABELS]
    lagging = (replace(random.epochs[0], train_loss=1e8), *random.epochs[1:])
    changed = with_runs(agreeing, [replace(random, epochs=lagging)])
    assert verdicts(changed)[claim] is Verdict.NOT_DECIDED
    trained = [as_trained(run) for run in changed.trained.values()]
    assert verdicts(with_runs(agreeing, trained))[claim] is Verdict.HOLDS


def test_sets_are_kept_apart():
    runs = [run("true-labels", 0.9, 100, seed=seed, model=model) for seed in (0, 1) for model in ("a", "b")]
    runs.append(run("true-labels", 0.1, 0, what=Explicit(), seed=1, model="theorem-1"))
    sets = result_sets(runs)
    assert [(result_set.config.model, result_set.config.seed) for result_set in sets] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    ]
    assert [bool(result_set.explicit) for result_set in sets] == [False, True, False, True]


def test_expected_column():
    expected = {row.test: row.expected for row in table(results())}
    assert expected["corrupted labels, p = 0.5"] == "memorising: 50.0%"
    assert expected["random labels"].startswith("chance: 7.")
    assert expected["random pixels"] == "pixel values: 7.6% and up"
    coloured = run("random-pixels", 0.2, 100)
    coloured.summary.metrics["colour_statistics_accuracy"] = 0.29
    assert table(result_sets([coloured])[0])[0].expected == "pixel values alone: 29.0%"
    runs = [run("true-labels", 0.5, 100, data="cifar10")]
    assert table(result_sets(runs)[0])[0].expected == "paper on 50,000 images: train 100.00, test 50.51"
    whole = [replace(run, config=replace(run.config, n_train=50_000)) for run in runs]
    assert table(result_sets(whole)[0])[0].expected == "paper: train 100.00, test 50.51"
    for change in ({"optimizer": "torch.optim:Adam"}, {"dropout": 0.5}):
        other = [r.config.with_training(replace(r.config.training, **change)) for r in runs]
        runs_of_others = [replace(r, config=config) for r, config in zip(runs, other, strict=True)]
        assert not table(result_sets(runs_of_others)[0])[0].expected.startswith("paper"), "it measured no such network"


def test_real_records(main_job):
    """On 120 real digits; the statistics of so few images decide little, the exact claims hold."""
    (real,) = result_sets(read_runs(main_job))
    outcome = verdicts(real)
    assert outcome["C1"] is outcome["C5"] is outcome["C18"] is Verdict.HOLDS
    assert [row.test for row in table(real)][:2] == ["true labels", "corrupted labels, p = 0.2"]


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"learning_rate": 0.1}, "SGD from 0.1"),
        ({"learning_rate": 0.045, "learning_rate_decay": 0.94, "decay_steps": 20_018}, "SGD from 0.045"),
        ({"learning_rate": 0.05, "batch_size": 32}, "SGD from 0.05, batches of 32"),
        ({"learning_rate": 0.01, "momentum": 0.5}, "SGD from 0.01, momentum 0.5"),
        ({"learning_rate": 0.01, "learning_rate_decay": 0.98}, "SGD from 0.01, decay 0.98 every 391 steps"),
        ({"learning_rate": 0.001, "optimizer": "torch.optim:Adam"}, "torch.optim:Adam from 0.001"),
    ],
)
def test_captions_name_what_is_not_the_papers(training, words):
    assert optimizer_in_words(TrainingConfig(**training)) == words


def with_level(p: float, accuracy: float, steps: int = 350) -> list[Run]:
    return [run(name, *value) for name, value in AGREEING.items()] + [run(f"corrupted-{p:g}", accuracy, steps)]


@pytest.mark.parametrize(("p", "accuracy"), [(0.01, 0.89), (0.99, 0.1)])
def test_more_levels_do_not_turn_holds_into_not_decided(p, accuracy):
    """At p = 0.99 copying is at chance itself, at p = 0.01 too few labels are changed: neither level can tell."""
    (levels,) = result_sets(with_level(p, accuracy))
    assert verdicts(levels)["C9"] is Verdict.HOLDS


def test_labels_fitted_alike_are_no_signal():
    """Above chance, but changed labels are fitted as soon as the others: then nothing says what was captured."""
    agreeing = results()
    level = agreeing.trained[parse_test("corrupted-0.5")]
    hits = [(round(275 * e / 10), round(225 * e / 10)) for e in range(11)]
    alike = [
        replace(
            record,
            train_accuracy=(kept + memorised) / 500,
            train_accuracy_unchanged=kept / 275,
            train_accuracy_changed=memorised / 225,
        )
        for record, (kept, memorised) in zip(level.epochs, hits, strict=True)
    ]
    assert verdicts(with_runs(agreeing, [replace(level, epochs=tuple(alike))]))["C9"] is Verdict.NOT_DECIDED


def test_two_levels_of_fitting():
    almost = run("random-labels", 0.1, 450, fitted=False)
    for accuracy, expected in ((0.9934, Verdict.HOLDS), (0.98, Verdict.DOES_NOT_HOLD)):
        almost.summary.metrics["train_accuracy"] = accuracy
        sets = result_sets([almost, run("true-labels", 0.9, 100)])
        (finding,) = (finding for finding in compare(sets[0]) if finding.claim.id == "C1")
        assert finding.evidence.verdict is expected
    assert "below 99%" in finding.evidence.measured
    stopped = replace(almost, config=almost.config.with_training(TrainingConfig(max_steps=40)))
    assert verdicts(result_sets([stopped])[0])["C1"] is Verdict.NOT_DECIDED
    alone = verdicts(result_sets([run("random-labels", 0.1, 450)])[0])
    assert alone["C1"] is Verdict.NOT_DECIDED, "nothing says that its hyper-parameters are those of true labels"


def test_guessing_is_corrected_for_the_number_of_runs():
    """A p-value of 0.006 on one run of thirty contradicts nothing."""
    odd = run("random-labels", 0.13, 450)
    alone = verdicts(result_sets([odd])[0])["C2"]
    many = [odd, *(run("random-labels", 0.1, 450, seed=seed) for seed in range(1, 30))]
    (among,) = (result_set for result_set in result_sets(many) if result_set.config.seed == 0)
    assert alone is Verdict.DOES_NOT_HOLD
    assert verdicts(among)["C2"] is Verdict.NOT_DECIDED


def test_guessing_goes_up_to_the_majority_class():
    """Nine of ten test images are of one class: 90% is no more than guessing."""
    labels = np.repeat([0, 1], [900, 100])
    unbalanced = run("true-labels", 0.9, 100, num_classes=2)
    unbalanced.summary.metrics.update(outcome_on_test(np.zeros(1000, dtype=int), labels, 2), test_accuracy=0.9)
    low, high = chance_range(unbalanced)
    assert (low, high) == (pytest.approx(0.82), 0.9)
    above, _ = above_chance_p_values(unbalanced)
    assert above > 0.4
    (row,) = table(result_sets([unbalanced])[0])
    assert row.expected == "above chance, 92.4%"
