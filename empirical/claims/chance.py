"""What guessing gives: 1/k on random labels, and up to the majority class's share where true labels are kept."""

from collections.abc import Sequence

import numpy as np

from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from theory.label_noise import memorised_accuracy

MARGIN = 0.026
"""An accuracy this near to that of guessing counts as guessing, where guessing is right that often at all."""


def guessing_margin(chance: float) -> float:
    """How near to guessing's accuracy counts as guessing: `MARGIN`, or `chance` itself among many classes.

    Among a thousand classes guessing is right on 0.1%: a network that is right on 2% is twenty times better.
    """
    return min(MARGIN, chance)


def chance_range(run: Run) -> tuple[float, float]:
    """Accuracies of guessing without looking at an image, where true labels are kept.

    Guessing each class as often as it comes is right with probability sum_c f_c^2, guessing the majority class with
    max_c f_c: with two classes in the shares 0.9 and 0.1 that is 82% and 90%. The shares are those of the test set,
    from the record's confusion matrix; 1/k where there is none.
    """
    confusion: Sequence[Sequence[int]] | None = run.summary.metrics.get("test_confusion")
    if confusion is None:
        return 1 / run.config.num_classes, 1 / run.config.num_classes
    counts = np.array(confusion).sum(axis=0)
    shares = counts / counts.sum()
    return float((shares**2).sum()), float(shares.max())


def above_chance_p_values(run: Run) -> tuple[float, float]:
    """p-values of exact binomial tests: that accuracy is no higher than guessing can be, and no lower."""
    from scipy import stats

    hits, (low, high) = round(run.summary.metrics["test_accuracy"] * run.config.n_test), chance_range(run)
    above = stats.binomtest(hits, run.config.n_test, high, alternative="greater")
    below = stats.binomtest(hits, run.config.n_test, low, alternative="less")
    return float(above.pvalue), float(below.pvalue)


TELLING_POWER = 0.9
"""A level of corruption counts where the test detects pure memorising with at least this probability."""


def telling_power(clean_accuracy: float, corruption: float, run: Run, size: float) -> float:
    """How often the test against chance rejects at a level of corruption where a network memorises, and no more.

    Copying the label of a training image that is of the right class with probability A is right with probability
    (1 - p) A + p/k. Near p = 1 that is chance itself, and such a level decides nothing.
    """
    from scipy import stats

    _, high = chance_range(run)
    expected = memorised_accuracy(clean_accuracy, corruption, 1 / run.config.num_classes)
    critical = stats.binom.isf(size, run.config.n_test, high)
    return float(stats.binom.sf(critical, run.config.n_test, expected))


def guessing_interval(config: RunConfig, size: float, chance: tuple[float, float] | None = None) -> tuple[float, float]:
    """Accuracies that guessing stays within with probability at least 1 - size (exact binomial).

    Arguments:
        chance: the least and the greatest accuracy of guessing (`chance_range`); by default both are 1/k.
    """
    from scipy import stats

    least, greatest = chance or (1 / config.num_classes, 1 / config.num_classes)
    low, _ = stats.binom.interval(1 - size, config.n_test, least)
    _, high = stats.binom.interval(1 - size, config.n_test, greatest)
    return float(low) / config.n_test, float(high) / config.n_test
