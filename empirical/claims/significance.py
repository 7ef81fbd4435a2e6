"""Statistical tests of classifiers that share a test set.

Classifiers tested on the same images err on the same hard ones: their errors are not independent, and tests for
independent samples have another size than they claim. The tests here compare classifiers image by image, for images
drawn independently, or condition on the images altogether.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.claims import Verdict
from theory.common.streams import words

_RENAMINGS = 99_999  # a family of a thousand runs can still reject at 1%
_FEW_CLASSES = 4


SIZE = 0.01
"""Size of every statistical test here: the probability of rejecting a true hypothesis."""


def tested(p_value: float, opposite: float, size: float) -> Verdict:
    """The verdict of two one-sided tests: holds or does not hold where one rejects; else the data do not tell."""
    if p_value < size:
        return Verdict.HOLDS
    return Verdict.DOES_NOT_HOLD if opposite < size else Verdict.NOT_DECIDED


def guessing_p_value(confusion: Sequence[Sequence[int]], seed: int) -> float:
    """p-value of the hypothesis that predicted classes have nothing to do with the right ones, two-sided.

    Training labels drawn uniformly are as likely with any renaming of the classes, and so are the predictions with
    their classes renamed. The number of hits is compared with that under 99,999 random renamings. Hits are not
    independent, since similar images get the same label; this test does not ask for that. Up to four classes have at
    most 24 renamings, too few to reject anything: there it is the exact binomial test, as if hits were independent.

    Arguments:
        confusion: how often class i was predicted where j is right, k x k.
        seed: the seed of the renamings.
    """
    return _guessing_p_value(tuple(tuple(row) for row in confusion), seed)


@lru_cache(maxsize=4096)
def _guessing_p_value(confusion: tuple[tuple[int, ...], ...], seed: int) -> float:
    from scipy import stats

    counts = np.array(confusion)
    k = len(counts)
    if k <= _FEW_CLASSES:
        return float(stats.binomtest(int(np.trace(counts)), int(counts.sum()), 1 / k).pvalue)
    keys = words(seed, "renamed-classes", np.arange(_RENAMINGS), k)
    hits = counts[keys.argsort(axis=1), np.arange(k)].sum(axis=1)
    expected = counts.sum() / k
    extreme = int((np.abs(hits - expected) >= abs(np.trace(counts) - expected)).sum())
    return (extreme + 1) / (_RENAMINGS + 1)


def paired_p_value(hits: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], *, one_sided: bool = False) -> float:
    """p-value of the hypothesis that two classifiers are equally accurate: McNemar's exact test.

    Under the hypothesis each image that only one classifier gets right is as likely to be the first's as the second's.

    Arguments:
        hits, other: which of the same test images each gets right, (m,).
        one_sided: against the alternative that the first is better only.
    """
    from scipy import stats

    won, lost = int((hits & ~other).sum()), int((other & ~hits).sum())
    if won + lost == 0:
        return 1.0
    return float(stats.binomtest(won, won + lost, 0.5, alternative="greater" if one_sided else "two-sided").pvalue)


def trend_p_value(levels: Sequence[float], hits: Sequence[npt.NDArray[np.bool_]]) -> float:
    """p-value of the hypothesis that accuracy does not fall as the level rises, one-sided.

    On image j the classifier of level l errs e_lj times, 0 or 1; t_j = sum_l (l - mean) e_lj is the image's own trend.
    The images are independent, the t_j too; their mean over its standard error is normal for many images.

    Arguments:
        levels: one for each classifier, not all the same.
        hits: which of the same test images each gets right, (m,) each.
    """

    centred = np.array(levels) - np.mean(levels)
    return positive_mean_p_value(centred @ ~np.array(hits))


def positive_mean_p_value(values: npt.NDArray[Any], bound: float = 0.0) -> float:
    """p-value of the hypothesis that the expected value is at most `bound`, one-sided.

    The values, one an image, are independent: their mean over its standard error is normal for many images.
    """
    from scipy import stats

    spread = standard_deviation(values)
    if spread == 0:  # no spread to hold the mean against: the exact p-value of the signs
        return 0.5 ** len(values) if values.mean() > bound else 1.0
    return float(stats.norm.sf((values.mean() - bound) / (spread / len(values) ** 0.5)))


def gain_p_value(gains: npt.NDArray[Any], bound: float = 0.0) -> float:
    """p-value of the hypothesis that a classifier's expected gain in accuracy over another is at most `bound`.

    Where few images change, their spread in the sample says little of the spread that the hypothesis allows: gains of
    1% have a variance of 0.01 (1 - 0.01) at least, and a sample may happen to lack them. So the variance is at least
    |bound| (1 - |bound|), in a normal test; without a bound the test of one pair of classifiers is McNemar's.

    Arguments:
        gains: hits less hits on the same images, -1, 0 or 1, or their means over several pairs, (m,).
        bound: the gain that is allowed.
    """
    from scipy import stats

    if bound == 0 and np.isin(gains, (-1, 0, 1)).all():
        return paired_p_value(gains > 0, gains < 0, one_sided=True)
    variance = max(standard_deviation(gains) ** 2, abs(bound) * (1 - abs(bound)))
    if variance == 0:
        return positive_mean_p_value(gains)
    return float(stats.norm.sf((gains.mean() - bound) / (variance / len(gains)) ** 0.5))


def predicted(within: bool, widest: float, telling: float) -> Verdict:
    """The verdict on a prediction: it fails outside its interval, and holds within one that is narrow enough to tell.

    Arguments:
        within: whether every measured value is in its interval.
        widest: half the width of the widest interval.
        telling: half the width up to which to be within tells something.
    """
    if not within:
        return Verdict.DOES_NOT_HOLD
    return Verdict.HOLDS if widest <= telling else Verdict.NOT_DECIDED


def tested_at_every(p_values: Sequence[float], opposites: Sequence[float], size: float) -> Verdict:
    """The verdict on `it is so at every level`, from a test and its opposite at each.

    It holds where every test rejects at the full size: an intersection-union test, whose size is that of one test
    (Berger 1982). It does not hold where one of the opposite tests rejects, at size / number of levels (Bonferroni).
    A p-value that is not a number rejects nothing.
    """
    if all(p_value < size for p_value in p_values):
        return Verdict.HOLDS
    against = any(opposite < size / len(opposites) for opposite in opposites)
    return Verdict.DOES_NOT_HOLD if against else Verdict.NOT_DECIDED


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: all below `size` may be rejected, with one false rejection at most so often."""
    order = np.argsort(p_values, kind="stable")
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted


def outside_p_value(hits: int, n: int, low: float, high: float) -> float:
    """p-value of the hypothesis that a network's accuracy is not within low .. high: two one-sided binomial tests."""
    from scipy import stats

    above = float(stats.binomtest(hits, n, max(low, 0.0), alternative="greater").pvalue) if low > 0 else 0.0
    return max(above, float(stats.binomtest(hits, n, min(high, 1.0), alternative="less").pvalue))


def power_within(n: int, truth: float, low: float, high: float, size: float) -> float:
    """The power of the test: how often `outside_p_value` of n images is below `size` where the accuracy is `truth`."""
    from scipy import stats

    hits = np.arange(n + 1)
    above = stats.binom.sf(hits - 1, n, low) if low > 0 else np.zeros(n + 1)
    shown = np.maximum(above, stats.binom.cdf(hits, n, high)) < size
    return float(stats.binom.pmf(hits, n, truth)[shown].sum())


_ROUNDING = 1e-9


def share_interval(share: float, m: int) -> tuple[float, float]:
    """The exact binomial confidence interval, at level 1 - `SIZE`, of a probability that showed in this share of m
    cases."""
    from scipy import stats

    interval = stats.binomtest(round(share * m), m).proportion_ci(1 - SIZE, "exact")
    return float(interval.low), float(interval.high)


MIN_SEEDS = 3
"""The fewest seeds that decide a claim on networks in general."""


def seeds_p_value(differences: Sequence[float]) -> float:
    """p-value of the hypothesis that a difference paired by seed is at most 0 on average, one-sided: Student's t.

    It speaks of other seeds too. Differences that are all equal have no spread to hold their mean against: there it is
    the exact p-value of their signs, 2^-seeds. Raises ValueError for fewer than `MIN_SEEDS`.
    """
    from scipy import stats

    mean, error = _mean_and_error(differences)
    if error == 0:
        return 0.5 ** len(differences) if mean > 0 else 1.0
    return float(stats.t.sf(mean / error, len(differences) - 1))


def seeds_interval(differences: Sequence[float], size: float) -> tuple[float, float]:
    """Confidence interval of a mean difference paired by seed, at level 1 - size: Student's t."""
    from scipy import stats

    mean, error = _mean_and_error(differences)
    half = float(stats.t.isf(size / 2, len(differences) - 1)) * error
    return mean - half, mean + half


def _mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    if len(differences) < MIN_SEEDS:
        raise ValueError(f"differences of {len(differences)} seeds: at least {MIN_SEEDS} are needed")
    return float(np.mean(differences)), standard_deviation(differences) / len(differences) ** 0.5


def standard_deviation(values: Sequence[float] | npt.NDArray[Any]) -> float:
    """The standard deviation of a sample, 0 where only rounding tells the values apart.

    The differences of shares k/n and l/n that are equal have been rounded from different numbers: they are equal to
    1e-16 only, and a mean over such a spread would be infinitely significant. Shares of n images that do differ do so
    by 1/n or more, so a spread of 1e-9 of the largest value is none.
    """
    spread = float(np.std(values, ddof=1))
    return 0.0 if spread <= _ROUNDING * float(np.abs(values).max()) else spread  # NaN stays NaN


def fitted_first_p_value(first: int, of_first: int, other: int, of_other: int) -> float:
    """p-value of the hypothesis that a network fits two groups of labels alike, against the first being fitted more.

    Which labels were changed is drawn independently of all else. Where the network does not tell them apart, the hits
    among the first group are those of as many labels drawn without replacement: hypergeometric (Fisher's exact test).

    Arguments:
        first, other: labels that the network reproduces in each group.
        of_first, of_other: labels in each group.
    """
    from scipy import stats

    return float(stats.hypergeom.sf(first - 1, of_first + of_other, first + other, of_first))


def split_half_gains(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """What stopping at the best epoch gains on each test image: the epoch is chosen on the other half of the images.

    The halves are the images of even and of odd number. The best of many epochs on the images that it is measured on
    would gain from noise alone.

    Arguments:
        hits: which test images each epoch gets right, the last epoch last, (epochs, m).

    Returns the hit at the chosen epoch less that at the last, float64 (m,).
    """
    gains = np.zeros(hits.shape[1])
    for half in (0, 1):
        chosen = hits[:, 1 - half :: 2].mean(axis=1)
        # The last of equal epochs, so that there is no gain without a reason.
        best = len(hits) - 1 - int(np.argmax(chosen[::-1]))
        gains[half::2] = hits[best, half::2].astype(float) - hits[-1, half::2]
    return gains


def falling_rank_p_value(levels: Sequence[float], values: Sequence[float]) -> float:
    """p-value of the hypothesis that values have nothing to do with levels, against falling: Kendall's tau, exact.

    For fewer than five levels it cannot be below 0.01: 1/4! is 0.04.
    """
    from scipy import stats

    return float(stats.kendalltau(levels, values, alternative="less").pvalue)
