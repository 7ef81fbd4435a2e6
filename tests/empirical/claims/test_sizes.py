"""Every statistical rule rejects a true hypothesis no more often than it says, at the edge of the hypothesis.

Each rule is simulated with its own size raised to 5%, so that a thousand trials can tell. The number of rejections is
then binomial: above 77 of 1,000 with probability 1e-4.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from empirical.claims import significance
from empirical.claims.significance import (
    falling_rank_p_value,
    fitted_first_p_value,
    gain_p_value,
    guessing_p_value,
    holm,
    outside_p_value,
    paired_p_value,
    positive_mean_p_value,
    power_within,
    seeds_interval,
    seeds_p_value,
    split_half_gains,
    trend_p_value,
)
from theory.claims import Verdict

pytestmark = pytest.mark.slow

SIZE, TRIALS = 0.05, 1000
MOST = int(stats.binom.isf(1e-4, TRIALS, SIZE))

Random = np.random.Generator


def hits(random: Random, accuracies: list[float], n: int = 500) -> list[np.ndarray]:
    """Classifiers of these accuracies on images of which some are hard for all of them."""
    difficulty = random.uniform(-0.1, 0.1, n)
    return [random.random(n) < accuracy + difficulty for accuracy in accuracies]


def confusion(random: Random) -> list[list[int]]:
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (random.integers(0, 10, 500), np.arange(500) % 10), 1)
    return table.tolist()


def one_run_of_four_rejected(random: Random) -> bool:
    """C2, the permutation test over four runs that guess."""
    return min(holm([guessing_p_value(confusion(random), seed=0) for _ in range(4)])) < SIZE


def at_the_margin(random: Random) -> bool:
    """C2: a network that is 2.6 points above guessing is not shown to be nearer."""
    return outside_p_value(int(random.binomial(1000, 0.126)), 1000, 0.074, 0.126) < SIZE


def every_level(random: Random) -> bool:
    """C9, C11: of three levels two are far above chance and one is at chance."""
    tests = []
    for accuracy in (0.3, 0.2, 0.1):
        count = int(random.binomial(500, accuracy))
        p_values = [stats.binomtest(count, 500, 0.1, alternative=side).pvalue for side in ("greater", "less")]
        tests.append(p_values)
    return significance.tested_at_every([a for a, _ in tests], [b for _, b in tests], SIZE) is Verdict.HOLDS


def no_level(random: Random) -> bool:
    """The opposite side: at three levels that are at chance none is shown to be below."""
    tests = []
    for _ in range(3):
        count = int(random.binomial(500, 0.1))
        tests.append([stats.binomtest(count, 500, 0.1, alternative=side).pvalue for side in ("greater", "less")])
    return significance.tested_at_every([a for a, _ in tests], [b for _, b in tests], SIZE) is Verdict.DOES_NOT_HOLD


def fitted_alike(random: Random) -> bool:
    """C9: the network knows nothing of which labels were changed; some images are easier to fit than others.

    The epoch is the first at which half of all labels are fitted, as in the rule.
    """
    changed = random.random(600) < 0.45
    ease = random.beta(2, 2, 600)
    for share in np.linspace(0, 1, 11):
        fitted = random.random(600) < share * (0.5 + ease) / 1.0
        if fitted.mean() >= 0.5:
            break
    counts = int(fitted[~changed].sum()), int((~changed).sum()), int(fitted[changed].sum()), int(changed.sum())
    return fitted_first_p_value(*counts) < SIZE


def memorising(random: Random) -> bool:
    """Beyond memorising: each level copies a label that is the clean network's answer with probability 1 - p."""
    (right,) = hits(random, [0.6])
    differences = []
    for p in (0.2, 0.5, 0.8):
        copied = np.where(random.random(500) < p, random.random(500) < 0.1, right)
        differences.append(copied - ((1 - p) * right + p * 0.1))
    return positive_mean_p_value(np.mean(differences, axis=0)) < SIZE


def epochs_alike(random: Random, last: float = 0.0) -> np.ndarray:
    """Gains of stopping at the best of thirty epochs that differ by noise alone; the last is `last` points below."""
    (start,) = hits(random, [0.5], 1000)
    epochs = [np.where(random.random(1000) < 0.3, random.random(1000) < 0.5, start) for _ in range(30)]
    final = np.where(random.random(1000) < 0.3, random.random(1000) < 0.5 - last / 0.3, start)
    return split_half_gains(np.array([*epochs, final]))


def early_stopping_gains(random: Random) -> bool:
    """Beside C15: a gain is seen where the best epoch is no better than the last."""
    return gain_p_value(epochs_alike(random)) < SIZE


def early_stopping_is_little(random: Random) -> bool:
    """C15: a gain of one point, the bound, is taken for less."""
    return gain_p_value(-epochs_alike(random, 0.01), -0.01) < SIZE


def early_stopping_is_much(random: Random) -> bool:
    """C15: a gain of one point is taken for more."""
    return gain_p_value(epochs_alike(random, 0.01), 0.01) < SIZE


def seeds_alike(random: Random) -> bool:
    """C14, C16: differences paired by seed around zero."""
    return seeds_p_value(random.normal(0, 0.01, 3).tolist()) < SIZE


def interval_misses(random: Random) -> bool:
    """C16: the interval of a gain misses what the gain is."""
    low, high = seeds_interval(random.normal(0.035, 0.01, 3).tolist(), SIZE)
    return not low <= 0.035 <= high


def networks_alike(random: Random) -> bool:
    """Averages over seeds on shared test images."""
    groups = hits(random, [0.5] * 6)
    return positive_mean_p_value(np.mean(groups[:3], axis=0) - np.mean(groups[3:], axis=0)) < SIZE


def architecture_against_gain(random: Random) -> bool:
    """C17: three networks and a regulariser of one of them, all alike: no difference is above the gain."""
    groups = [sample.astype(float) for sample in hits(random, [0.5] * 4)]
    gain = groups[3] - groups[0]
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    p_value = min(positive_mean_p_value(groups[a] - groups[b] - gain) for a, b in pairs) * len(pairs)
    return p_value < SIZE


def error_grows_by_a_point(random: Random) -> bool:
    """C28: an error that is one point larger, the bound, is taken for unchanged."""
    less, more = hits(random, [0.5, 0.49])
    return gain_p_value(more.astype(float) - less, -0.01) < SIZE


def a_ridge_gains_the_bound(random: Random) -> bool:
    """C26: of three ridges one gains 0.1 points, the bound, and is taken for less; the others gain nothing."""
    plain, *ridges = hits(random, [0.9, 0.9, 0.9, 0.901], 10_000)
    return max(gain_p_value(plain.astype(float) - ridge, -0.001) for ridge in ridges) < SIZE


def norms_in_order(random: Random) -> bool:
    """C28: five kernels whose norms have nothing to do with their errors are found in order."""
    return falling_rank_p_value(random.random(5).tolist(), random.random(5).tolist()) < SIZE


def a_tenth_of_the_way(random: Random) -> bool:
    """C27: an interpolant that has come a tenth of the way from guessing to no error is taken for a worse one."""
    return float(stats.binom.cdf(random.binomial(500, 0.19), 500, 0.19)) < SIZE


def ranks(random: Random) -> bool:
    """C7: steps that have nothing to do with distance with one seed, and fall with it with the others."""
    steps = [random.random(5).tolist(), [5.0, 4.0, 3.0, 2.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]]
    p_values = [falling_rank_p_value([0, 1, 2, 3, 4], counts) for counts in steps]
    return significance.tested_at_every(p_values, [1 - p for p in p_values], SIZE) is Verdict.HOLDS


def flat(random: Random) -> bool:
    """C8: accuracies that do not fall."""
    return trend_p_value([0.0, 0.5, 1.0], hits(random, [0.5] * 3)) < SIZE


def equal_classifiers(random: Random) -> bool:
    """C26, C29: classifiers that are equally accurate."""
    return paired_p_value(*hits(random, [0.5, 0.5]), one_sided=True) < SIZE


RULES = (
    one_run_of_four_rejected,
    at_the_margin,
    every_level,
    no_level,
    fitted_alike,
    memorising,
    early_stopping_gains,
    early_stopping_is_little,
    early_stopping_is_much,
    seeds_alike,
    interval_misses,
    networks_alike,
    architecture_against_gain,
    error_grows_by_a_point,
    a_ridge_gains_the_bound,
    norms_in_order,
    a_tenth_of_the_way,
    ranks,
    flat,
    equal_classifiers,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_true_hypothesis_is_rejected_as_often_as_stated(rule: Callable[[Random], bool]):
    random = np.random.default_rng(28)
    rejected = sum(rule(random) for _ in range(TRIALS))
    assert rejected <= MOST, f"{rejected / TRIALS:.1%}"


def test_the_best_epoch_on_its_own_images_would_gain_from_noise():
    """What the halves are for: the same epochs, chosen and measured on all images."""
    random = np.random.default_rng(0)
    gains = []
    for _ in range(50):
        epochs = np.array([random.random(1000) < 0.5 for _ in range(30)])
        gains.append(epochs.mean(axis=1).max() - epochs[-1].mean())
    assert np.mean(gains) > 0.015
    halved = [split_half_gains(np.array([random.random(1000) < 0.5 for _ in range(30)])).mean() for _ in range(200)]
    assert abs(np.mean(halved)) < 4 * np.std(halved) / 200**0.5


@pytest.mark.parametrize("n", [500, 1000, 10_000])
def test_the_power_of_the_margin_is_what_is_stated(n):
    random = np.random.default_rng(n)
    decisions = [outside_p_value(int(count), n, 0.074, 0.126) < 0.01 for count in random.binomial(n, 0.1, TRIALS)]
    stated = power_within(n, 0.1, 0.074, 0.126, 0.01)
    assert abs(np.mean(decisions) - stated) < 4 * 0.5 / TRIALS**0.5
