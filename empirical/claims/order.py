"""The order of learning: the early peak of test accuracy, what is answered there, and critical samples: from records.

C9 and early-stopping-noise (`randomization_tests`) say of the main job's runs that unchanged labels are fitted first
and that stopping early gains on average over levels. The claims here say when, and what the network answers then.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS
from empirical.claims.results import Results
from empirical.claims.significance import (
    SIZE,
    gain_p_value,
    paired_p_value,
    split_half_gains,
    tested,
    tested_at_every,
)
from empirical.claims.training_in_words import optimizer_in_words
from empirical.outcome import decode_hits
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.runs.records import Run
from empirical.runs.studies import OrderConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict

_ARPIT = "Arpit et al. 2017, section 4"
_LIU = "Liu, Niles-Weed, Razavian, Fernandez-Granda 2020, figure 1"
_COMMAND = "order"
_FIGURE = "The order of learning"

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OrderResults(Results):
    """Runs on the same images with the same network and seed, by level of label corruption.

    Attributes:
        runs: the runs, by rising level.
    """

    @property
    def setting(self) -> str:
        """The network and its critical samples, for captions."""
        config = self.config
        radius = config.study_of(OrderConfig).radius
        return f"{config.model}, {optimizer_in_words(config.hyper_parameters)}; critical within {radius:g}"

    @property
    def partial(self) -> list[tuple[float, Run]]:
        """(p, run) of the runs in which some labels were replaced and others kept, by rising p."""
        levels = [(level_of(run), run) for run in self.runs]
        return [(p, run) for p, run in levels if 0 < p < 1]


def order_results(runs: list[Run]) -> list[OrderResults]:
    """Sort runs of the kind `order` into sets that differ in their labels alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, OrderConfig):
            clean = replace(run.config, randomization=run.config.randomization.with_clean_labels)
            groups.setdefault(clean.hash, []).append(run)
    sets = [OrderResults(group[0].config, tuple(sorted(group, key=level_of))) for group in groups.values()]
    return sorted(sets, key=_by_data_and_radius)


def _by_data_and_radius(results: OrderResults) -> tuple[str, str, float, int]:
    config = results.config
    return config.data, config.model, config.study_of(OrderConfig).radius, config.seed


def level_of(run: Run) -> float:
    """p, the level of label corruption of a run of the kind `order`."""
    level = run.config.randomization.corruption
    assert level is not None, "order is planned on label corruption alone"
    return level


def epochs_of(run: Run) -> npt.NDArray[np.int64]:
    """The epoch of each look."""
    return np.array([look["epoch"] for look in _looks(run)])


def shares(run: Run, name: str) -> FloatArray:
    """At each look the share of its images that `unchanged_right`, `changed_given` or `changed_true` counts."""
    images = run.summary.metrics[name.partition("_")[0]]
    counts = np.array([look[name] for look in _looks(run)], dtype=np.float64)
    return counts / images if images else np.full(len(counts), np.nan)


def accuracy_on_test(run: Run) -> FloatArray:
    """At each look."""
    return np.array([look["test_accuracy"] for look in _looks(run)])


def train_accuracy(run: Run) -> FloatArray:
    """The share of training images that are given their training label, at each look."""
    metrics = run.summary.metrics
    right = [look["unchanged_right"] + look["changed_given"] for look in _looks(run)]
    share: FloatArray = np.array(right) / (metrics["unchanged"] + metrics["changed"])
    return share


def hits_on_looks(run: Run) -> npt.NDArray[np.bool_]:
    """Which test images each look gets right, (looks, m)."""
    return np.array([decode_hits(look["test_hits"], run.config.n_test) for look in _looks(run)])


def critical_samples(run: Run) -> npt.NDArray[np.bool_]:
    """For which of the searched test images each look found another class nearby, (looks, images)."""
    searched = run.summary.metrics["searched"]
    return np.array([decode_hits(look["critical"], searched) for look in _looks(run)])


def peak(run: Run) -> int:
    """The first look of the highest test accuracy."""
    return int(accuracy_on_test(run).argmax())


def fitted(run: Run) -> bool:
    """Whether the last look fits its labels: at least 99% of them, as everywhere (`fitting`)."""
    return bool(train_accuracy(run)[-1] >= FITS)


def _looks(run: Run) -> list[dict[str, Any]]:
    looks: list[dict[str, Any]] = run.summary.metrics["looks"]
    return looks


def compare_order(results: OrderResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def order_table(results: OrderResults) -> TextTable:
    """A row for each level."""
    rows = []
    for run in results.runs:
        epochs, accuracy, critical = epochs_of(run), accuracy_on_test(run), critical_samples(run).mean(axis=1)
        best, changed = peak(run), bool(run.summary.metrics["changed"])
        at_best = [f"{100 * shares(run, name)[best]:.1f}" for name in ("changed_true", "changed_given")]
        rows.append(
            (
                run.config.randomization.name,
                f"{epochs[-1]:,}" + ("" if fitted(run) else " (not fitted)"),
                f"{100 * accuracy[best]:.1f} (epoch {epochs[best]:,})",
                f"{100 * accuracy[-1]:.1f}",
                f"{100 * split_half_gains(hits_on_looks(run)).mean():+.1f}",
                *(at_best if changed else ("—", "—")),
                *(f"{100 * critical[at]:.1f}" for at in (0, best, -1)),
            )
        )
    study = results.config.study_of(OrderConfig)
    return TextTable(
        f"The order of learning: {results.scale}",
        (
            "labels",
            "epochs to fit",
            "test, best (%)",
            "test, last (%)",
            "stopping gains (points)",
            "changed: true label at the best (%)",
            "changed: given label at the best (%)",
            *(f"critical, {when} (%)" for when in ("untrained", "at the best", "last")),
        ),
        tuple(rows),
        "Stopping gains: best look less the last, the look chosen on one half of the test images and measured on the "
        "other. Changed: training images whose label was changed, and what they are taken for. Critical: test images "
        f"for which another class was found within {study.radius:g} standard deviations of each pixel.",
    )


@claim(
    "order-1",
    "Under label noise test accuracy peaks before the labels are fitted, at every level of noise.",
    _ARPIT,
    paper="figures without numbers, MNIST and CIFAR-10 at noise of 20% to 80%: a peak within the first epochs, the "
    "sharper the more noise",
    figure=_FIGURE,
    command=_COMMAND,
)
def _peaks_before_the_fit(results: OrderResults) -> Evidence:
    levels = results.partial
    if not levels:
        return missing("runs at partial corruption")
    if unfitted := [p for p, run in levels if not fitted(run)]:
        return _not_fitted(unfitted)
    p_values, opposites, words = [], [], []
    for p, run in levels:
        gains = split_half_gains(hits_on_looks(run))
        best, accuracy, epochs = peak(run), accuracy_on_test(run), epochs_of(run)
        before = np.flatnonzero(train_accuracy(run) < FITS)
        if best in before:
            p_values.append(gain_p_value(gains))
            opposites.append(gain_p_value(-gains))
        else:
            p_values.append(1.0)
            opposites.append(_later_p_value(hits_on_looks(run), best, before))
        words.append(
            f"p = {p:g}: {accuracy[best]:.1%} in epoch {epochs[best]:,}, {accuracy[-1]:.1%} in epoch {epochs[-1]:,}, "
            f"{100 * gains.mean():+.1f} points"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "test accuracy at its best and when the labels are fitted: " + "; ".join(words),
        f"at every level the best look fits less than {FITS:.0%} of the labels, and is more accurate than the last, "
        f"p-value below {SIZE}; a later look that is more accurate than all of these contradicts",
        "the look is chosen on one half of the test images and measured on the other; normal test image by image, "
        f"one-sided, at every level: an intersection-union test of size {SIZE:.0%}; one seed",
    )


def _later_p_value(hits: npt.NDArray[np.bool_], best: int, before: npt.NDArray[np.int64]) -> float:
    """p-value of the hypothesis that the best look is no more accurate than the best of those before the fit.

    McNemar's test, with Bonferroni's correction for the choice of the best among all looks.
    """
    if not len(before):
        return 1.0
    earlier = before[hits[before].mean(axis=1).argmax()]
    return min(1.0, len(hits) * paired_p_value(hits[best], hits[earlier], one_sided=True))


@claim(
    "order-2",
    "Before it memorises them, a network answers images with a changed label by the label that they had before.",
    _LIU,
    paper="a figure without a number, CIFAR-10 with 40% of the labels replaced, ResNet-34: most of the changed images "
    "are first given their true label, and in the end the false one",
    figure=_FIGURE,
    command=_COMMAND,
)
def _true_label_first(results: OrderResults) -> Evidence:
    from scipy import stats

    levels = [(p, run) for p, run in results.partial if run.summary.metrics["changed"]]
    if not levels:
        return missing("runs at partial corruption")
    if unfitted := [p for p, run in levels if not fitted(run)]:
        return _not_fitted(unfitted)
    p_values, opposites, words = [], [], []
    for p, run in levels:
        look, images = _looks(run)[peak(run)], run.summary.metrics["changed"]
        before, after = look["changed_true"], look["changed_given"]
        pair = [float(stats.binom.sf(count - 1, before + after, 0.5)) for count in (before, after)]
        p_values.append(pair[0])
        opposites.append(pair[1])
        words.append(f"p = {p:g}: {before / images:.1%} and {after / images:.1%} of {images:,}")
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "changed labels answered at the best look by the label from before, and by the new one: "
        + "; ".join(words)
        + f"; largest p-value {max(p_values):.1g}",
        f"at every level more by the label from before, p-value below {SIZE}",
        "exact binomial test of the images that are given either, independent, one-sided, at every level: an "
        f"intersection-union test of size {SIZE:.0%}; the look is the one of the best test accuracy; one seed",
    )


@claim(
    "order-3",
    "A network that has fitted random labels has more critical samples than one that has fitted true labels.",
    _ARPIT,
    paper="a figure without a number, CIFAR-10: more for random labels than for true ones, from early in training on",
    figure=_FIGURE,
    command=_COMMAND,
)
def _more_critical_samples(results: OrderResults) -> Evidence:
    true, random = results.on(TRUE_LABELS), results.on(RANDOM_LABELS)
    if true is None or random is None:
        return missing("runs on true and on random labels")
    if unfitted := [level_of(run) for run in (true, random) if not fitted(run)]:
        return _not_fitted(unfitted)
    pair = critical_samples(random)[-1], critical_samples(true)[-1]
    p_value = paired_p_value(*pair, one_sided=True)
    between = ", ".join(f"{critical_samples(run)[-1].mean():.1%} at p = {p:g}" for p, run in results.partial)
    return Evidence(
        tested(p_value, paired_p_value(*reversed(pair), one_sided=True), SIZE),
        f"critical test images in the end: {pair[0].mean():.1%} with random labels, {pair[1].mean():.1%} with true "
        f"labels{f' ({between})' if between else ''}; p-value {max(p_value, 1e-300):.1g}",
        f"more with random labels, p-value below {SIZE}",
        f"McNemar's exact test on the same test images, one-sided, size {SIZE:.0%}; {_search(results)}; one seed",
    )


@claim(
    "order-4",
    "The share of critical samples grows during training, on true and on random labels.",
    _ARPIT,
    paper="a figure without a number: the ratio grows with the epochs, and then stays",
    figure=_FIGURE,
    command="order --order.radius 0.3",
)
def _critical_samples_grow(results: OrderResults) -> Evidence:
    ends = [run for run in (results.on(TRUE_LABELS), results.on(RANDOM_LABELS)) if run is not None]
    if len(ends) < 2 or min(len(_looks(run)) for run in ends) < 3:
        return missing("runs on true and on random labels, of at least two epochs")
    if unfitted := [level_of(run) for run in ends if not fitted(run)]:
        return _not_fitted(unfitted)
    p_values, opposites, words = [], [], []
    for run in ends:
        critical = critical_samples(run)
        p_values.append(paired_p_value(critical[-1], critical[1], one_sided=True))
        opposites.append(paired_p_value(critical[1], critical[-1], one_sided=True))
        words.append(
            f"{run.config.randomization.name}: {critical[1].mean():.1%} after the first epoch, at most "
            f"{critical.mean(axis=1).max():.1%}, {critical[-1].mean():.1%} in the end"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "; ".join(words) + f"; largest p-value {max(p_values):.1g}",
        f"more in the end than after the first epoch, with both labels, p-value below {SIZE}",
        "McNemar's exact test on the same test images, one-sided, for both: an intersection-union test of size "
        f"{SIZE:.0%}; {_search(results)}; one seed",
    )


def _search(results: OrderResults) -> str:
    study = results.config.study_of(OrderConfig)
    return (
        f"critical: another class was found within {study.radius:g} standard deviations of each pixel in "
        f"{study.search_steps} steps, a lower bound of the share of critical samples"
    )


def _not_fitted(levels: list[float]) -> Evidence:
    return Evidence(
        Verdict.NOT_DECIDED,
        f"less than {FITS:.0%} of the training labels are fitted at p = {', '.join(f'{p:g}' for p in levels)}",
        "",
        "would be decided by runs that fit their labels: give them more steps (--training.max-steps)",
    )


CLAIMS = (_peaks_before_the_fit, _true_label_first, _more_critical_samples, _critical_samples_grow)
"""The claims, in the order of the report."""
