"""Measures of generalisation: how well each orders networks on true and on random labels, from records alone.

The rules were fixed before the networks of `results/digits-measures` were measured.
"""

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS, not_fitted
from empirical.claims.results import Results
from empirical.claims.significance import MIN_SEEDS, SIZE, seeds_interval, seeds_p_value, tested, tested_at_every
from empirical.claims.training_in_words import length_in_words, optimizer_in_words
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.runs.studies import MeasuresConfig
from empirical.studies.measures import MEASURES, OVER_MARGIN, SHARPNESS
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict

_JIANG = "Jiang, Neyshabur, Mobahi, Krishnan, Bengio 2020"
_NEYSHABUR = "Neyshabur, Bhojanapalli, McAllester, Srebro 2017, section 3"
_COMMAND = "measures"
_FIGURE = "Which measures order true before random labels"

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuresResults(Results):
    """Runs on the same images with the same network: all seeds and tests.

    Attributes:
        runs: the runs, by rising seed.
    """

    @cached_property
    def by_seed(self) -> dict[tuple[int, Randomization], Run]:
        """The runs by seed and test."""
        return {(run.config.seed, run.config.randomization): run for run in self.runs}

    @property
    def tests(self) -> list[Randomization]:
        """The tests, true labels first."""
        return sorted({run.config.randomization for run in self.runs}, key=lambda test: test.order)

    @property
    def setting(self) -> str:
        """The network, for captions."""
        training = self.config.hyper_parameters
        return f"{self.config.model}, {optimizer_in_words(training)}, {length_in_words(training)}"

    @property
    def repetitions(self) -> str:
        """The number of seeds and of networks, for captions."""
        return f"{len(self.seeds)} {'seed' if len(self.seeds) == 1 else 'seeds'}, {len(self.runs)} networks"

    @property
    def names(self) -> list[str]:
        """The measures that cover the network."""
        values = [_values(run) for run in self.runs]
        return [name for name in MEASURES if any(value.get(name) is not None for value in values)]

    def covering(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The named measures that cover the network: a convolutional network has no path norm, for instance."""
        return tuple(name for name in names if name in self.names)

    def value(self, name: str, seed: int, test: Randomization) -> float:
        """A measure of a network: infinite where it is not recorded as a number, as without a margin."""
        value = _values(self.by_seed[seed, test]).get(name)
        return math.inf if value is None else value

    def pairs(self, name: str) -> tuple[FloatArray, FloatArray]:
        """The measure on true and on random labels, (seeds,) each, of the seeds that have both."""
        both = [seed for seed in self.seeds if {(seed, TRUE_LABELS), (seed, RANDOM_LABELS)} <= self.by_seed.keys()]
        true, random = (
            np.array([self.value(name, seed, test) for seed in both]) for test in (TRUE_LABELS, RANDOM_LABELS)
        )
        return true, random


def measures_results(runs: list[Run]) -> list[MeasuresResults]:
    """Sort runs of the kind `measures` into sets that differ in seed and test alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, MeasuresConfig):
            alike = replace(run.config, randomization=TRUE_LABELS, seed=0)
            groups.setdefault(alike.hash, []).append(run)
    sets = []
    for group in groups.values():
        ordered = sorted(group, key=lambda run: (run.config.seed, run.config.randomization.order))
        sets.append(MeasuresResults(ordered[0].config, tuple(ordered)))
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.model))


def share_ordered(true: FloatArray, random: FloatArray) -> float:
    """The share of all pairs of a network on true and one on random labels in which the latter's measure is larger.

    A tie counts one half, so that a measure that does not depend on the labels has one half.
    """
    above = random[:, None] > true[None, :]
    equal = random[:, None] == true[None, :]
    return float((above + 0.5 * equal).mean())


def swaps_p_value(true: FloatArray, random: FloatArray) -> float:
    """p-value of the hypothesis that labels do not matter to a measure, against larger on random labels; exact.

    The two networks of a seed share initial weights and order of images. Under the hypothesis they may be swapped, seed
    by seed. The share of ordered pairs is compared with that of all 2^seeds swaps, which cannot be below 2^-seeds.

    The share rises with the sum of the ranks that networks on random labels have among all, and a swap exchanges two
    ranks. So the chances of that sum are those of a sum over seeds, each of which adds the size of its exchange or
    nothing, with a probability of one half.
    """
    from scipy import stats

    ranks = stats.rankdata([*true, *random])  # equal values share their ranks, as a tie counts one half
    changes = np.rint(2 * (ranks[len(true) :] - ranks[: len(true)])).astype(np.int64)  # whole numbers
    chances: FloatArray = np.ones(1)
    for size in abs(changes):
        chances = (np.pad(chances, (0, size)) + np.pad(chances, (size, 0))) / 2
    return float(chances[(changes.sum() + abs(changes).sum()) // 2 :].sum())


def rank_correlations(results: MeasuresResults, name: str, tests: list[Randomization]) -> FloatArray:
    """Kendall's tau-a of a measure and the gap over tests, one for each seed that has them all; a tie counts 0.

    A single test has no tau.
    """
    taus: list[float] = []
    if len(tests) < 2:
        return np.array(taus)
    for seed in results.seeds:
        if not all((seed, test) in results.by_seed for test in tests):
            continue
        values = [results.value(name, seed, test) for test in tests]
        gaps = [float(results.by_seed[seed, test].summary.metrics["gap"]) for test in tests]
        pairs = list(itertools.combinations(range(len(tests)), 2))
        taus.append(sum(_sign(values[i], values[j]) * _sign(gaps[i], gaps[j]) for i, j in pairs) / len(pairs))
    return np.array(taus)


def noise_levels(results: MeasuresResults) -> list[Randomization]:
    """The tests that replace labels uniformly, true and random labels among them, by rising level."""
    levels = [test for test in results.tests if test.corruption is not None]
    return sorted(levels, key=lambda test: test.corruption or 0.0)


def ranking(results: MeasuresResults) -> list[str]:
    """The measures, best first: by the share of ordered pairs, then by the mean rank correlation over noise levels."""
    levels = noise_levels(results)

    def merit(name: str) -> tuple[float, float]:
        true, random = results.pairs(name)
        taus = rank_correlations(results, name, levels)
        return share_ordered(true, random) if len(true) else 0.0, float(taus.mean()) if len(taus) else 0.0

    return sorted(results.names, key=merit, reverse=True)


def compare_measures(results: MeasuresResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def measures_table(results: MeasuresResults) -> TextTable:
    """A row for each measure, the best first."""
    rows, levels = [], noise_levels(results)
    for name in ranking(results):
        true, random = results.pairs(name)
        paired = ("—", "—")
        if len(true):
            paired = f"{100 * share_ordered(true, random):.0f}", f"{swaps_p_value(true, random):.3g}"
        taus, of_all = (rank_correlations(results, name, tests) for tests in (levels, results.tests))
        several = len(taus) >= MIN_SEEDS
        low, high = seeds_interval(list(taus), SIZE) if several else (math.nan, math.nan)
        rows.append(
            (
                name,
                *(f"{np.median(values):.3g}" if len(values) else "—" for values in (true, random)),
                *paired,
                f"{taus.mean():+.2f}" if len(taus) else "—",
                f"{max(low, -1.0):+.2f} to {min(high, 1.0):+.2f}" if several else "—",
                f"{of_all.mean():+.2f}" if len(of_all) else "—",
            )
        )
    return TextTable(
        f"Measures of generalisation: {results.scale}",
        (
            "measure",
            "median, true labels",
            "median, random labels",
            "ordered pairs (%)",
            "p-value",
            "Kendall's tau, noise levels",
            f"{1 - SIZE:.0%} interval",
            "tau, all tests",
        ),
        tuple(rows),
        "Ordered pairs: networks on true and on random labels, the latter with the larger measure; a tie counts half. "
        "p-value: exact, by swaps within each seed; at least 2^-seeds. Tau: with the gap, over "
        f"{len(levels)} levels of label noise or all {len(results.tests)} tests, mean over seeds; interval: Student's "
        "t over seeds, without width where all agree.",
    )


@claim(
    "measures-1",
    "Norms divided by the margin are larger on random labels than on true ones.",
    _NEYSHABUR,
    paper="figures without numbers, CIFAR-10: products of norms and path norms over the margin are larger for random "
    "labels at every size of the training set",
    figure=_FIGURE,
    command=_COMMAND,
)
def _norms_over_margin(results: MeasuresResults) -> Evidence:
    return _all_larger(results, results.covering(OVER_MARGIN))


@claim(
    "measures-2",
    "Networks on random labels are sharper than those on true ones: less noise and a smaller box raise their error.",
    _JIANG,
    paper="over 10,000 convolutional networks on true labels: measures of sharpness predict the gap best "
    "(quoted from memory)",
    figure=_FIGURE,
    command=_COMMAND,
)
def _sharpness(results: MeasuresResults) -> Evidence:
    covering = results.covering(SHARPNESS)
    evidence = _all_larger(results, covering)
    if covering == SHARPNESS or evidence.needs:
        return evidence
    unmeasured = ", ".join(name for name in SHARPNESS if name not in covering)
    verdict = Verdict.NOT_DECIDED if evidence.verdict == Verdict.HOLDS else evidence.verdict
    return replace(evidence, verdict=verdict, measured=f"{evidence.measured}; not to be measured here: {unmeasured}")


@claim(
    "measures-3",
    "Over levels of label noise sharpness follows the gap more closely than norms over the margin do.",
    _JIANG,
    paper="on true labels measures of sharpness predict the gap best, and many norms badly or in the wrong direction "
    "(quoted from memory)",
    figure=_FIGURE,
    command="measures --data cifar10",
)
def _sharpness_before_norms(results: MeasuresResults) -> Evidence:
    levels = noise_levels(results)
    sharpness, over_margin = (results.covering(names) for names in (SHARPNESS, OVER_MARGIN))
    if not (sharpness and over_margin) or len(levels) < 3:
        return missing("a network with norms at three levels of label noise, true and random labels among them")
    if _unfitted(results):
        return not_fitted()
    sharp, norms = (
        np.mean([rank_correlations(results, name, levels) for name in names], axis=0)
        for names in (sharpness, over_margin)
    )
    differences = sharp - norms
    if len(differences) < MIN_SEEDS:
        return missing(f"{MIN_SEEDS} seeds with every level of label noise")
    p_value, opposite = seeds_p_value(list(differences)), seeds_p_value(list(-differences))
    return Evidence(
        tested(p_value, opposite, SIZE),
        f"mean Kendall's tau with the gap over {len(levels)} levels: {sharp.mean():+.2f} of {len(sharpness)} measures "
        f"of sharpness, {norms.mean():+.2f} of {len(over_margin)} norms over the margin; p-value {p_value:.2g}, of the "
        f"opposite {opposite:.2g}",
        f"the former is larger, p-value below {SIZE}",
        f"Student's t of the difference, seed by seed, one-sided, {len(differences)} seeds",
    )


CLAIMS = (_norms_over_margin, _sharpness, _sharpness_before_norms)
"""The claims, in the order of the report."""


def _all_larger(results: MeasuresResults, names: tuple[str, ...]) -> Evidence:
    if not names:
        return missing("a network that the measures cover")
    pairs = {name: results.pairs(name) for name in names}
    seeds = len(pairs[names[0]][0])
    if not seeds:
        return missing("runs on true and on random labels with the same seed")
    if _unfitted(results):
        return not_fitted()
    p_values, opposites = (
        [swaps_p_value(*(pair if ahead else pair[::-1])) for pair in pairs.values()] for ahead in (True, False)
    )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        f"ordered pairs of {seeds}^2: "
        + "; ".join(f"{name} {share_ordered(*pair):.0%}" for name, pair in pairs.items())
        + f"; largest p-value {max(p_values):.2g}",
        f"each is larger on random labels, p-value below {SIZE}",
        "exact test by swapping the two networks of a seed, one-sided, for every measure: an intersection-union test "
        f"of size {SIZE:.0%}, which takes {math.ceil(-math.log2(SIZE))} seeds",
    )


def _unfitted(results: MeasuresResults) -> bool:
    return any(run.summary.metrics["train_error"] > 1 - FITS for run in results.runs)


def _values(run: Run) -> dict[str, float | None]:
    return {entry["name"]: entry["value"] for entry in run.summary.metrics["measures"]}


def _sign(first: float, second: float) -> int:
    return (first > second) - (first < second)
