"""Statistical tests of classifiers that share a test set.

Classifiers tested on the same images err on the same hard ones: their errors are not independent, and tests for
independent samples have another size than they claim. The tests here compare classifiers image by image, for images
drawn independently, or condition on the images altogether.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.claims import Verdict
from theory.common.streams import words

_RENAMINGS = 9999
_FEW_CLASSES = 4


def tested(p_value: float, opposite: float, size: float) -> Verdict:
    """The verdict of two one-sided tests: holds or does not hold where one rejects; else the data do not tell."""
    if p_value < size:
        return Verdict.HOLDS
    return Verdict.DOES_NOT_HOLD if opposite < size else Verdict.NOT_DECIDED


def guessing_p_value(confusion: Sequence[Sequence[int]], seed: int) -> float:
    """p-value of the hypothesis that predicted classes have nothing to do with the right ones, two-sided.

    Training labels drawn uniformly are as likely with any renaming of the classes, and so are the predictions with
    their classes renamed. The number of hits is compared with that under 9,999 random renamings. Hits are not
    independent, since similar images get the same label; this test does not ask for that. Up to four classes have at
    most 24 renamings, too few to reject anything: there it is the exact binomial test, as if hits were independent.

    Arguments:
        confusion: how often class i was predicted where j is right, k x k.
        seed: of the renamings.
    """
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

    Of the images that only one of them gets right, each is as likely to be won by either.

    Arguments:
        hits, other: which of the same test images each gets right, (m,).
        one_sided: against the alternative that the first is better only.
    """
    from scipy import stats

    won, lost = int((hits & ~other).sum()), int((other & ~hits).sum())
    if won + lost == 0:
        return 1.0
    return float(stats.binomtest(won, won + lost, 0.5, alternative="greater" if one_sided else "two-sided").pvalue)


def mean_difference_p_value(hits: Sequence[npt.NDArray[Any]], other: Sequence[npt.NDArray[Any]]) -> float:
    """p-value of the hypothesis that some networks are no more accurate than others on average, one-sided.

    On image j the difference of the two groups' shares of hits is d_j; the images are independent, the d_j too; their
    mean over its standard error is normal for many images. It speaks of these networks, not of others trained alike.

    Arguments:
        hits, other: which of the same test images each network of a group gets right, (m,) each, bool; or, of several
            networks, which share of them does.
    """
    from scipy import stats

    differences = np.mean(hits, axis=0) - np.mean(other, axis=0)
    spread = differences.std(ddof=1)
    if spread == 0:
        return 0.0 if differences.mean() > 0 else 1.0
    return float(stats.norm.sf(differences.mean() / (spread / np.sqrt(len(differences)))))


def trend_p_value(levels: Sequence[float], hits: Sequence[npt.NDArray[np.bool_]]) -> float:
    """p-value of the hypothesis that accuracy does not fall as the level rises, one-sided.

    On image j the classifier of level l errs e_lj times, 0 or 1; t_j = sum_l (l - mean) e_lj is the image's own trend.
    The images are independent, the t_j too; their mean over its standard error is normal for many images.

    Arguments:
        levels: one for each classifier, not all the same.
        hits: which of the same test images each gets right, (m,) each.
    """
    from scipy import stats

    centred = np.array(levels) - np.mean(levels)
    trends = centred @ ~np.array(hits)
    spread = trends.std(ddof=1)
    if spread == 0:  # every image behaves alike: no evidence of chance, or no trend at all
        return 0.0 if trends.mean() > 0 else 1.0
    return float(stats.norm.sf(trends.mean() / (spread / np.sqrt(len(trends)))))
