"""Each test keeps its size where the binomial test does not, and sees what is there."""

import math

import numpy as np
import pytest
from scipy import stats

from empirical.claims import significance
from empirical.claims.significance import (
    gain_p_value,
    guessing_p_value,
    paired_p_value,
    positive_mean_p_value,
    seeds_p_value,
    trend_p_value,
)
from theory.claims import Verdict

# Binomial(300, 0.05) is above 32 with probability 1e-4.
TRIALS, MOST = 300, 32


def test_guessing_is_rejected_as_often_as_stated_though_images_come_in_groups():
    """Groups of twenty images share a prediction: hits vary far more than binomially, and the test does not mind."""
    random = np.random.default_rng(0)
    rejected, binomial = 0, 0
    for _ in range(TRIALS):
        truth, guess = np.repeat(np.arange(10), 5), random.integers(0, 10, 50)
        table = np.zeros((10, 10), dtype=int)
        np.add.at(table, (guess, truth), 20)
        rejected += guessing_p_value(table.tolist(), seed=0) < 0.05
        binomial += abs(np.trace(table) - 100) > 1.96 * 90**0.5
    assert rejected <= MOST
    assert binomial > 100, "as if each image were on its own: wrong a third of the time"


def hard_and_easy_images(random: np.random.Generator, accuracies: list[float], n: int = 400) -> list[np.ndarray]:
    """Classifiers of these mean accuracies that err on the same hard images: hits depend on the image's own chance."""
    difficulty = random.beta(0.2, 0.2, n)
    return [random.random(n) < np.clip(difficulty + accuracy - 0.5, 0, 1) for accuracy in accuracies]


def test_paired_test_keeps_its_size_and_sees_more_than_an_unpaired_one():
    random = np.random.default_rng(1)
    same = [paired_p_value(*hard_and_easy_images(random, [0.5, 0.5])) < 0.05 for _ in range(TRIALS)]
    assert sum(same) <= MOST
    paired, unpaired = 0, 0
    for _ in range(TRIALS):
        better, worse = hard_and_easy_images(random, [0.55, 0.5])
        paired += paired_p_value(better, worse, one_sided=True) < 0.05
        table = [[hits.sum(), len(hits) - hits.sum()] for hits in (better, worse)]
        unpaired += stats.fisher_exact(np.array(table), alternative="greater").pvalue < 0.05
    assert paired > unpaired + 50


def test_paired_test_by_hand():
    hits = np.array([True] * 5 + [False])
    misses = np.array([False] * 5 + [False])
    assert paired_p_value(hits, misses) == pytest.approx(2 / 2**5)
    assert paired_p_value(hits, misses, one_sided=True) == pytest.approx(1 / 2**5)
    assert paired_p_value(misses, hits, one_sided=True) == 1.0
    assert paired_p_value(hits, hits) == 1.0


def test_trend_keeps_its_size_and_sees_a_fall():
    random = np.random.default_rng(2)
    levels = [0.0, 0.5, 1.0]
    flat = [trend_p_value(levels, hard_and_easy_images(random, [0.5] * 3)) < 0.05 for _ in range(TRIALS)]
    falling = [trend_p_value(levels, hard_and_easy_images(random, [0.55, 0.5, 0.45])) < 0.05 for _ in range(TRIALS)]
    assert sum(flat) <= MOST
    assert sum(falling) > 200
    rising = hard_and_easy_images(random, [0.3, 0.5, 0.7])
    assert trend_p_value(levels, rising) > 0.99


def test_trend_without_any_spread():
    ones = np.ones(5, dtype=bool)
    assert trend_p_value([0, 1], [ones, ones]) == 1.0
    assert trend_p_value([0, 1], [ones, ~ones]) == 1 / 32, "five equal signs"


@pytest.mark.parametrize("bound", [0.001, 0.005, 0.01])
@pytest.mark.parametrize("m", [500, 1000, 10_000])
def test_a_gain_below_a_bound_is_shown_with_its_size_where_few_images_change(m, bound):
    """Exactly: all images that change are gains, their number is binomial, and its mean is the bound."""
    counts = np.arange(1 + int(stats.binom.isf(1e-9, m, bound)))
    for sign in (-1, 1):  # a gain that is taken for less, and for more
        shown = [gain_p_value(sign * (np.arange(m) < count), sign * bound) < 0.01 for count in counts]
        assert stats.binom.pmf(counts, m, bound)[shown].sum() <= 0.01


def test_gains_of_one_pair_have_mcnemars_p_value_and_averages_a_normal_one():
    gains = np.array([1] * 6 + [0] * 94)
    assert gain_p_value(gains) == 0.5**6
    assert gain_p_value(-gains) == 1.0
    averaged = np.array([1.0] * 6 + [0.5] * 4 + [0.0] * 90)
    assert gain_p_value(averaged) == pytest.approx(stats.norm.sf(averaged.mean() / averaged.std(ddof=1) * 10))
    assert gain_p_value(np.full(5, 0.5)) == 1 / 32
    assert gain_p_value(np.zeros(500), -0.01) == pytest.approx(stats.norm.sf(0.01 / (0.0099 / 500) ** 0.5))


def test_equal_differences_have_the_p_value_of_their_signs():
    assert seeds_p_value([0.02] * 3) == 1 / 8
    assert seeds_p_value([0.02] * 7) == 1 / 128
    assert seeds_p_value([-0.02] * 3) == seeds_p_value([0.0] * 3) == 1
    # Equal differences of shares that were rounded each in their own way.
    equal = [417 / 500 - 402 / 500, 410 / 500 - 395 / 500, 433 / 500 - 418 / 500]
    assert len(set(equal)) > 1
    assert seeds_p_value(equal) == 1 / 8
    assert seeds_p_value([0.1] * 3) == 1 / 8
    assert positive_mean_p_value(np.array(equal)) == gain_p_value(np.array(equal)) == 1 / 8
    assert seeds_p_value([0.0301, 0.03, 0.03]) < 1e-5
    assert math.isnan(seeds_p_value([math.nan, 0.1, 0.1]))


def test_a_p_value_that_is_no_number_rejects_nothing():
    for p_values in ([0.001, math.nan], [math.nan, 0.001]):
        assert significance.tested_at_every(p_values, [1.0, 1.0], 0.01) is Verdict.NOT_DECIDED
        assert significance.tested_at_every([1.0, 1.0], [math.nan, math.nan], 0.01) is Verdict.NOT_DECIDED
        assert significance.tested_at_every([1.0, 1.0], p_values, 0.01) is Verdict.DOES_NOT_HOLD
