"""The claims on networks, trained and explicit, that the randomisation tests decide: from records alone.

Networks are compared image by image on the test set they share (`significance`). The size of every test is stated; a
single run per test cannot speak for other seeds.
"""

import itertools
import math

import numpy as np

from empirical.claims import paper_words as words
from empirical.claims.chance import TELLING_POWER, above_chance_p_values, chance_range, guessing_margin, telling_power
from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS, first_fit, fit_verdict, level, not_fitted
from empirical.claims.hits import EPOCH_HITS, NEWER_RECORDS, hits_by_epoch, hits_on_test, hits_recorded
from empirical.claims.paper import table_1_row
from empirical.claims.result_sets import ResultSet, corruption_levels
from empirical.claims.significance import (
    SIZE,
    fitted_first_p_value,
    gain_p_value,
    outside_p_value,
    paired_p_value,
    positive_mean_p_value,
    power_within,
    split_half_gains,
    tested,
    tested_at_every,
    trend_p_value,
)
from empirical.randomization import GAUSSIAN, RANDOM_LABELS, RANDOM_PIXELS, SHUFFLED_PIXELS, TRUE_LABELS
from empirical.runs.records import Run
from empirical.runs.training_loss import steps_around, tell_training_loss
from theory.claims import Evidence, Finding, Verdict, verdict

SMALL_FACTOR = 10.0
"""The paper's `small constant factor` of training time means at most this: an order of magnitude."""

HALF = 0.5
"""Changed and unchanged labels are compared in the epoch in which a network first fits this share of all labels."""

QUICK_SHARE = 0.1
"""Fitting has started where the loss is this share below the loss of guessing, log k, and has ended where the loss is
this share of log k."""

LOSS_AS_TRAINED = (
    "records of the loss of samples as they were trained on, which these are too old for: run them again (--rerun); "
    "the fixed network's gets far above guessing's, as batch norm's running averages lag behind"
)


def compare(results: ResultSet) -> list[Finding]:
    """The paper's claims that these results bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


@claim(
    "C1",
    "Networks fit random labels: train error 0 with unchanged hyper-parameters.",
    "section 2.1, table 1",
    paper=f"train accuracy: {words.TRAIN}",
    figure="Training loss",
    decided_by="a run on random labels",
    command="--tests true-labels random-labels",
)
def _fits_random_labels(results: ResultSet) -> Evidence:
    run = results.trained.get(RANDOM_LABELS)
    if run is None or TRUE_LABELS not in results.trained:
        return missing("runs on random labels, and on true labels with the same hyper-parameters")
    metrics = run.summary.metrics
    reference = table_1_row(results.config, RANDOM_LABELS)
    return Evidence(
        fit_verdict([run]),
        f"train accuracy {metrics['train_accuracy']:.2%} after {metrics['epoch']} epochs ({level(run)})",
        f"at least {FITS:.0%}" + (f" (the paper's own run: {reference.train:.2f}%)" if reference else ""),
        "training labels reproduced by the fixed network; two levels, exactly and at least 99%, of which the second "
        "decides: the paper's own networks miss some labels; the hyper-parameters are those of the run on true labels",
    )


@claim(
    "C2",
    "With random labels, test error is that of guessing.",
    "section 2.1, table 1",
    paper=f"test accuracy: {words.TEST}",
    decided_by="a run on random labels that fits them",
    command="--data cifar10 --tests true-labels random-labels",
)
def _random_labels_at_chance(results: ResultSet) -> Evidence:
    run = results.trained.get(RANDOM_LABELS)
    if run is None:
        return missing("a run on random labels")
    if not hits_recorded([run]):
        return missing(NEWER_RECORDS)
    if fit_verdict([run]) is not Verdict.HOLDS:
        return not_fitted()
    config, chance = run.config, results.chance
    family = results.guessing.p_values
    p_value = family[config.hash]
    margin = guessing_margin(chance)
    low, high = chance - margin, chance + margin
    outside = outside_p_value(int(hits_on_test(run).sum()), config.n_test, low, high)
    power = power_within(config.n_test, chance, low, high, SIZE)
    against = p_value < SIZE
    return Evidence(
        Verdict.DOES_NOT_HOLD if against else Verdict.HOLDS if outside < SIZE else Verdict.NOT_DECIDED,
        f"test accuracy {run.summary.metrics['test_accuracy']:.2%}; p-value of guessing {p_value:.2g} (Holm, "
        f"{len(family)} run{'s' * (len(family) > 1)}); p-value of being more than {100 * margin:.1f} points from "
        f"{chance:.1%}: {outside:.2g}",
        f"within {100 * margin:.1f} points of guessing, p-value below {SIZE}; p-value of guessing at least {SIZE}",
        f"two one-sided binomial tests, size {SIZE:.0%}: {config.n_test:,} test images show it with probability "
        f"{power:.0%} where it is so; and a permutation test, since random labels favour no class, so that renaming "
        f"the predicted classes changes nothing in distribution: size {SIZE:.0%} over all runs",
    )


@claim(
    "C3",
    "Fitting random labels costs a small constant factor of training time.",
    "section 1.1, figure 1b",
    figure="Figure 1b: time to fit",
    related=("random-labels-slower", "predicted-dynamics"),
    decided_by="runs on true and on random labels that fit them, several seeds",
    command="figure1",
)
def _costs_a_small_factor(results: ResultSet) -> Evidence:
    true, random = results.trained.get(TRUE_LABELS), results.trained.get(RANDOM_LABELS)
    if true is None or random is None:
        return missing("runs on true and on random labels")
    if not (true.summary.metrics["fitted"] and random.summary.metrics["fitted"]):
        shares = (run.summary.metrics["train_accuracy"] for run in (true, random))
        return Evidence(
            Verdict.NOT_DECIDED,
            "{:.2%} of the true labels and {:.2%} of the random ones are fitted".format(*shares),
            "",
            "would be decided by runs that fit every label",
        )
    if not _steps_to_fit(true):
        return missing("a run on true labels that needs training to fit them")
    factor = _steps_to_fit(random) / _steps_to_fit(true)
    return Evidence(
        verdict(factor <= SMALL_FACTOR),
        f"{factor:.1f} times the steps of true labels",
        f"{SMALL_FACTOR:.0f}",
        "steps until every label is fitted; the paper gives no number, an order of magnitude is our reading; one seed",
    )


@claim(
    "C4",
    "Once fitting starts it converges quickly, without a change of schedule.",
    "section 2.1",
    figure="Figure 1a: training loss",
    decided_by="a run on random labels that fits them",
    command="figure1",
)
def _converges_quickly(results: ResultSet) -> Evidence:
    true, random = results.trained.get(TRUE_LABELS), results.trained.get(RANDOM_LABELS)
    if true is None or random is None:
        return missing("runs on true and on random labels")
    if fit_verdict([true, random]) is not Verdict.HOLDS:
        return not_fitted()
    if not tell_training_loss([true, random]):
        return missing(LOSS_AS_TRAINED)
    starts, ends = (steps_around([true, random], share) for share in (1 - QUICK_SHARE, QUICK_SHARE))
    falls = [
        (max(end[0] - start[1], 0), end[1] - start[0])
        for start, end in zip(starts, ends, strict=True)
        if start is not None and end is not None
    ]
    if len(falls) < 2 or falls[0][1] <= 0:
        return missing("runs on both whose loss falls from 90% to 10% of guessing's as they train")
    (true_least, true_most), (least, most) = falls
    ratios = least / true_most, most / true_least if true_least else math.inf
    return Evidence(
        Verdict.HOLDS
        if ratios[1] <= SMALL_FACTOR
        else Verdict.DOES_NOT_HOLD
        if ratios[0] > SMALL_FACTOR
        else Verdict.NOT_DECIDED,
        f"the loss falls from {1 - QUICK_SHARE:.0%} to {QUICK_SHARE:.0%} of guessing's in {least:,} to {most:,} steps "
        f"on random labels and in {true_least:,} to {true_most:,} on true ones: {_between(*ratios)} times",
        f"at most {SMALL_FACTOR:.0f} times the steps of true labels",
        "the same fall by the same network with the same schedule, between the records before and after it begins and "
        "ends; records too far apart to tell decide nothing; the paper gives no number, an order of magnitude is our "
        "reading",
    )


def _between(low: float, high: float) -> str:
    return f"{low:.1f} to {high:.1f}" if high < math.inf else f"at least {low:.1f}"


@claim(
    "C5",
    "Networks fit shuffled pixels, random pixels and Gaussian images to train error 0.",
    "figure 1a",
    figure="Figure 1a: training loss",
    decided_by="runs on all three",
    command="figure1 --model inception",
)
def _fits_noise_images(results: ResultSet) -> Evidence:
    tests = (SHUFFLED_PIXELS, RANDOM_PIXELS, GAUSSIAN)
    runs = [results.trained.get(test) for test in tests]
    noise_runs = [run for run in runs if run is not None]
    if len(noise_runs) < len(tests):
        return missing("runs on shuffled pixels, random pixels and Gaussian images")
    return Evidence(
        fit_verdict(noise_runs),
        ", ".join(
            f"{test.name} {run.summary.metrics['train_accuracy']:.2%} ({level(run)})"
            for test, run in zip(tests, noise_runs, strict=True)
        ),
        f"at least {FITS:.0%}",
        "training labels reproduced by the fixed network; fitted exactly or nearly, as in claim C1",
    )


@claim(
    "C6",
    "Random pixels and Gaussian images start to converge sooner than random labels.",
    "section 2.1",
    figure="Figure 1a: training loss",
    decided_by="runs on all three",
    command="figure1 --model inception",
)
def _noise_images_start_sooner(results: ResultSet) -> Evidence:
    tests = (RANDOM_PIXELS, GAUSSIAN, RANDOM_LABELS)
    runs = [results.trained[test] for test in tests if test in results.trained]
    if runs and not tell_training_loss(runs):
        return missing(LOSS_AS_TRAINED)
    spans = [span for span in steps_around(runs, 1 - QUICK_SHARE) if span]
    if len(spans) < len(tests):
        return missing("runs on random pixels, Gaussian images and random labels whose loss starts to fall")
    *images, labels = spans
    sooner = all(last <= labels[0] for _, last in images)
    later = any(before >= labels[1] for before, _ in images)
    return Evidence(
        Verdict.HOLDS if sooner else Verdict.DOES_NOT_HOLD if later else Verdict.NOT_DECIDED,
        ", ".join(
            f"{name} {before} to {last}"
            for name, (before, last) in zip(("random pixels", "Gaussian", "random labels"), spans, strict=True)
        )
        + " steps",
        "both before random labels",
        f"the records between which the training loss falls below {1 - QUICK_SHARE:.0%} of guessing's, log k: the "
        "start alone, the paper says no more; records too far apart to tell which is first decide nothing; one seed",
    )


@claim(
    "C8",
    "Test error rises steadily with label corruption.",
    "figure 1c",
    figure="Figure 1c: test error after convergence",
    related=("nearest-neighbour-noise", "interpolant-noise-accuracy"),
    decided_by="runs at p = 0, p = 1 and between that fit their labels",
    command="figure1",
)
def _error_rises_with_corruption(results: ResultSet) -> Evidence:
    levels = corruption_levels(results)
    if len(levels) < 3 or levels[0][0] != 0.0 or levels[-1][0] != 1.0:
        return missing("runs at p = 0, p = 1 and between")
    if not hits_recorded([run for _, run in levels]):
        return missing(NEWER_RECORDS)
    if fit_verdict([run for _, run in levels]) is not Verdict.HOLDS:
        return not_fitted()
    errors = np.array([1 - run.summary.metrics["test_accuracy"] for _, run in levels])
    noise, hits = [level for level, _ in levels], [hits_on_test(run) for _, run in levels]
    p_value = trend_p_value(noise, hits)
    falls = [paired_p_value(more, less, one_sided=True) for less, more in itertools.pairwise(hits)]
    opposite = trend_p_value([-level for level in noise], hits)
    against = opposite < SIZE / 2 or min(falls) < SIZE / 2 / len(falls)
    rises = Verdict.HOLDS if p_value < SIZE else Verdict.NOT_DECIDED
    return Evidence(
        Verdict.DOES_NOT_HOLD if against else rises,
        "test error " + ", ".join(f"{error:.1%}" for error in errors) + f" (trend: p-value {max(p_value, 1e-300):.0e})",
        f"trend p-value below {SIZE}, none significantly below the one before",
        f"mean over test images of each image's own trend, one-sided, size {SIZE:.0%}; against, the opposite trend and "
        f"neighbours by McNemar's exact tests, {SIZE:.0%} in all; that the last level is guessing is C2",
    )


@claim(
    "C9",
    "At partial corruption networks capture the remaining signal while fitting the noise.",
    "section 1.1",
    figure="Label corruption",
    related=("nearest-neighbour-noise",),
    decided_by="runs at p = 0 and at partial corruption that fit their labels",
    command="figure1",
)
def _captures_remaining_signal(results: ResultSet) -> Evidence:
    levels = corruption_levels(results)
    partial = [(p, run) for p, run in levels if 0 < p < 1]
    if not partial:
        return missing("runs at partial corruption")
    if fit_verdict([run for _, run in partial]) is not Verdict.HOLDS:
        return not_fitted()
    clean = [run.summary.metrics["test_accuracy"] for p, run in levels if p == 0]
    telling = [(p, run) for p, run in partial if not clean or telling_power(clean[0], p, run, SIZE) >= TELLING_POWER]
    groups = {p: _fitted_by_group(run) for p, run in telling}
    telling = [(p, run) for p, run in telling if _enough_labels(groups[p])]
    groups = {p: groups[p] for p, _ in telling}
    if not telling or None in groups.values():
        return missing(
            "levels of corruption, not too near to 0 or 1, with accuracies on changed and on unchanged labels"
        )
    tests, parts = [], []
    for p, run in telling:
        first = groups[p]
        assert first is not None, "seen above"
        unchanged, changed = (first[0], first[1]), (first[2], first[3])
        tests.append(above_chance_p_values(run))
        tests.append((fitted_first_p_value(*unchanged, *changed), fitted_first_p_value(*changed, *unchanged)))
        parts.append(
            f"p = {p:g}: {run.summary.metrics['test_accuracy']:.1%}, {unchanged[0] / unchanged[1]:.0%} and "
            f"{changed[0] / changed[1]:.0%}"
        )
    left_out = [f"{p:g}" for p, _ in partial if p not in groups]
    return Evidence(
        tested_at_every([above for above, _ in tests], [below for _, below in tests], SIZE),
        "test accuracy, and unchanged and changed labels fitted when half of all are: "
        + "; ".join(parts)
        + (f"; too near to an end to tell: p = {', '.join(left_out)}" if left_out else ""),
        f"at every level above chance ({100 * chance_range(telling[0][1])[1]:.1f}%), and unchanged labels fitted first",
        f"exact binomial and hypergeometric tests, one-sided, at every level: an intersection-union test of size "
        f"{SIZE:.0%}; of levels where the first sees pure memorising with probability {TELLING_POWER:.0%} and the "
        "second has labels enough; one seed",
    )


def _enough_labels(groups: tuple[int, int, int, int] | None) -> bool:
    """Whether the test could reject at all: if all labels fitted were unchanged ones, as far as there are so many."""
    if groups is None:
        return True  # the record does not tell, which is said elsewhere
    unchanged, of_unchanged, changed, of_changed = groups
    most = min(unchanged + changed, of_unchanged)
    return fitted_first_p_value(most, of_unchanged, unchanged + changed - most, of_changed) < SIZE


def _fitted_by_group(run: Run) -> tuple[int, int, int, int] | None:
    """(fitted, all) for the unchanged and for the changed labels, after the first epoch that fits half of all labels.

    The epoch is chosen by all labels together, which favours neither group. None if the records do not tell.
    """
    counted = [
        (record.train_accuracy, record.train_accuracy_unchanged, record.train_accuracy_changed) for record in run.epochs
    ]
    whole = [(both, kept, other) for both, kept, other in counted if None not in (both, kept, other)]
    apart = max(whole, key=lambda shares: abs(shares[1] - shares[2]), default=None)  # type: ignore[operator]
    chosen = next((shares for shares in whole if shares[0] >= HALF), None)  # type: ignore[operator]
    if apart is None or chosen is None or apart[1] == apart[2]:
        return None
    n, (both, kept, other) = run.config.n_train, apart
    changed = round(n * (both - kept) / (other - kept))  # type: ignore[operator]
    unchanged = n - changed
    return round(chosen[1] * unchanged), unchanged, round(chosen[2] * changed), changed  # type: ignore[operator]


@claim(
    "signal-beyond-memorising",
    "At partial corruption networks that fit their labels are more accurate than copying one label, (1 - p)A + p/k.",
    "added to C9: section 1.1, figure 1c",
    figure="Label corruption",
    related=("nearest-neighbour-noise",),
    command="figure1",
)
def _beyond_memorising(results: ResultSet) -> Evidence:
    levels = corruption_levels(results)
    partial = [(p, run) for p, run in levels if 0 < p < 1]
    if not partial or levels[0][0] != 0.0:
        return missing("runs at p = 0 and at partial corruption")
    runs = [levels[0][1], *(run for _, run in partial)]
    if not hits_recorded(runs):
        return missing(NEWER_RECORDS)
    if fit_verdict(runs) is not Verdict.HOLDS:
        return not_fitted()
    right, chance = hits_on_test(runs[0]), results.chance
    differences = [hits_on_test(run) - ((1 - p) * right + p * chance) for p, run in partial]
    together = np.mean(differences, axis=0)
    p_value, opposite = positive_mean_p_value(together), positive_mean_p_value(-together)
    return Evidence(
        tested(p_value, opposite, SIZE),
        "test accuracy less that of memorising, "
        + ", ".join(
            f"p = {p:g}: {difference.mean():+.1%}" for (p, _), difference in zip(partial, differences, strict=True)
        )
        + f"; mean {together.mean():+.1%}, p-value {p_value:.1g}",
        f"above 0 on average over levels, p-value below {SIZE}",
        f"normal test of the mean over levels, image by image, one-sided, size {SIZE:.0%}; A is that of the network on "
        "true labels, on the same image; one seed",
    )


@claim(
    "early-stopping-noise",
    "Under label noise early stopping helps: the best epoch is more accurate than the last.",
    "beside C15: section 3.1; Arpit et al. 2017",
    figure="Label corruption",
    command="figure1 --rerun",
)
def _early_stopping_under_noise(results: ResultSet) -> Evidence:
    partial = [(p, run) for p, run in corruption_levels(results) if 0 < p < 1]
    if not partial:
        return missing("runs at partial corruption")
    if fit_verdict([run for _, run in partial]) is not Verdict.HOLDS:
        return not_fitted()
    hits = [hits_by_epoch(run) for _, run in partial]
    whole = [values for values in hits if values is not None]
    if len(whole) < len(hits):
        return missing(EPOCH_HITS)
    gains = [split_half_gains(values) for values in whole]
    together = np.mean(gains, axis=0)
    p_value = gain_p_value(together)
    return Evidence(
        tested(p_value, gain_p_value(-together), SIZE),
        "best epoch less the last, "
        + ", ".join(
            f"p = {p:g}: {100 * values.mean():+.1f} points" for (p, _), values in zip(partial, gains, strict=True)
        )
        + f"; p-value {p_value:.1g}",
        f"above 0 on average over levels, p-value below {SIZE}",
        f"the epoch is chosen on one half of the test images and measured on the other; normal test image by image, "
        f"one-sided, size {SIZE:.0%}; one seed",
    )


@claim(
    "C18",
    "A depth-2 ReLU network of 2n + d weights fits any labels of any n distinct points.",
    "section 4, theorem 1",
    theory=("theorem-1", "theorem-1-exact", "theorem-1-interval"),
)
def _explicit_network_fits(results: ResultSet) -> Evidence:
    if not results.explicit:
        return missing("explicit networks")
    metrics = [run.summary.metrics for run in results.explicit.values()]
    bound = max(entry["error_bound"] for entry in metrics)
    return Evidence(
        verdict(all(entry["fitted"] for entry in metrics) and bound < 0.5),
        f"{sum(entry['fitted'] for entry in metrics)} of {len(metrics)} tests fitted, "
        f"{metrics[0]['parameters']:,} weights, largest error {max(entry['largest_error'] for entry in metrics):.0e}",
        f"nearest class right; proved error of the sum of ReLUs at most {bound:.0e}",
        "rounding bound at every training point; below 1/2 it proves that the nearest class is the label",
    )


@claim(
    "C29",
    "Network, size, hyper-parameters and optimiser do not explain generalisation: the same ones generalise or not.",
    "section 1.1",
    paper=words.SAME_NETWORK,
    figure="Training loss",
    decided_by="two runs that differ in their labels alone",
    command="--tests true-labels random-labels",
)
def _same_network_same_settings(results: ResultSet) -> Evidence:
    true, random = results.trained.get(TRUE_LABELS), results.trained.get(RANDOM_LABELS)
    if true is None or random is None:
        return missing("runs on true and on random labels")
    if not hits_recorded([true, random]):
        return missing(NEWER_RECORDS)
    pair = [run.summary.metrics for run in (true, random)]
    hits = hits_on_test(true), hits_on_test(random)
    p_value, opposite = (paired_p_value(*both, one_sided=True) for both in (hits, hits[::-1]))
    fits = fit_verdict([true, random])
    return Evidence(
        tested(p_value, opposite, SIZE) if fits is Verdict.HOLDS else fits,
        f"train accuracy {pair[0]['train_accuracy']:.2%} and {pair[1]['train_accuracy']:.2%}, "
        f"test accuracy {pair[0]['test_accuracy']:.1%} and {pair[1]['test_accuracy']:.1%}, "
        f"p-value {p_value:.0e}",
        f"both fitted, the first right on more test images, p-value below {SIZE}",
        "two runs that differ in their labels alone; McNemar's exact test on the images that one of them gets right, "
        "one-sided",
    )


def _steps_to_fit(run: Run) -> int:
    """The number of steps after which a run first fits its labels; the run may have gone on after that."""
    fit = first_fit(run)
    assert fit is not None, "only runs that fit come here"
    return fit.step


CLAIMS = (
    _fits_random_labels,
    _random_labels_at_chance,
    _costs_a_small_factor,
    _converges_quickly,
    _fits_noise_images,
    _noise_images_start_sooner,
    _error_rises_with_corruption,
    _captures_remaining_signal,
    _beyond_memorising,
    _early_stopping_under_noise,
    _explicit_network_fits,
    _same_network_same_settings,
)
"""The claims of this module, in the order of the report."""
