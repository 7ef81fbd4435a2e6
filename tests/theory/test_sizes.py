"""The sizes that tests of a mean over its own standard error state: no smaller than what they are for skewed numbers.

For a normal number z of the quantile the test rejects with probability P. Where the numbers are skewed it rejects more,
a small mean being one of small numbers that vary little: for skewness g and n numbers by exp(+-z^3 g / (3 sqrt n)) on
either side (Jing, Shao, Wang 2003, "Self-normalized Cramer-type large deviations"). That is exact for large n and too
much, by a factor of 2 or so, where the exponent is above 3; there the test is simulated instead.
"""

import math

import numpy as np
import pytest
from scipy import stats

from theory.checks import CLAIMS
from theory.checks.implicit_bias import _RISK_LEVEL
from theory.checks.label_noise import _LEVEL
from theory.checks.least_squares import _NORMAL_QUANTILE, _noisy_instance
from theory.common.streams import generator
from theory.implicit_bias.ridgeless import _minimum_norm_solutions
from theory.label_noise import minimum_norm_smoother
from theory.least_squares import InverseDecay

SIZES = {checked.claim.id: checked.size for checked in CLAIMS}


def corrected_size(numbers, count, quantile, two_sided):
    """Cramer's correction of a two-sided size, from the skewness of a sample of the numbers that are averaged."""
    exponent = quantile**3 * float(stats.skew(numbers)) / (3 * math.sqrt(count))
    return two_sided * math.cosh(exponent)


def squared_distances(X, y, best, step_sizes, runs, seed):
    """||w_T - w*||^2 of runs of SGD from w*, all at once."""
    random = np.random.default_rng(seed)
    w = np.tile(best, (runs, 1))
    for eta in step_sizes:
        rows = random.integers(0, len(X), runs)
        w -= eta * (np.sum(w * X[rows], axis=1) - y[rows])[:, None] * X[rows]
    return np.sum((w - best) ** 2, axis=1)


def test_the_noise_ball():
    X, y, best, step_size = _noisy_instance(0, "noise-ball")
    numbers = squared_distances(X, y, best, np.full(300, step_size), 20_000, 0)
    assert 5e-6 < corrected_size(numbers, 400, _NORMAL_QUANTILE, 1e-6) <= SIZES["sgd-noise-ball"]


def test_decaying_steps():
    X, y, best, step_size = _noisy_instance(0, "decaying-steps")
    slowest = np.linalg.svd(X, compute_uv=False)[-1] ** 2 / len(X)
    steps = InverseDecay(step_size, delay=2 / (slowest * step_size))(np.arange(2000))
    numbers = squared_distances(X, y, best, steps, 5_000, 0)
    assert 5e-6 < corrected_size(numbers, 250, _NORMAL_QUANTILE, 1e-6) <= SIZES["sgd-decaying-steps"]


def test_variances_of_copied_accuracies():
    """Squares of normal numbers, of skewness sqrt(8): half of the size is theirs."""
    quantile = float(stats.norm.isf(_LEVEL / 4))
    exponent = quantile**3 * math.sqrt(8) / (3 * math.sqrt(5000))
    assert _LEVEL / 2 * (1 + math.cosh(exponent)) <= SIZES["nearest-neighbour-noise"]


def test_traces_of_the_ridgeless_interpolant():
    quantile, total = float(stats.t.isf(_LEVEL / 4, 399)), 0.0
    for d in (6, 60):
        random = generator(0, f"trace-sizes-{d}")
        numbers = [
            np.mean(np.sum(minimum_norm_smoother(X, Z) ** 2, axis=1))
            for X, Z in ((random.standard_normal((20, d)), random.standard_normal((8, d))) for _ in range(5000))
        ]
        total += corrected_size(numbers, 400, quantile, _LEVEL / 2)
    assert 2e-6 < total <= SIZES["ridgeless-label-noise"]


def test_risks_on_both_sides_of_the_peak():
    """By simulation: means over 200 of 20,000 risks at d = 28 and 56, 60,000 of each."""
    quantile, rejected, means = float(stats.t.isf(_RISK_LEVEL / 12, 199)), 0, 60_000
    for d in (28, 56):
        random = np.random.default_rng(d)
        risks = []
        for _ in range(10):
            X, beta = random.standard_normal((2000, 40, d)), np.full(d, d**-0.5)
            y = X @ beta + 0.5 * random.standard_normal((2000, 40))
            risks.append(np.sum((_minimum_norm_solutions(X, y) - beta) ** 2, axis=1))
        numbers = np.concatenate(risks)
        for _ in range(means // 6000):
            drawn = numbers[random.integers(0, len(numbers), (6000, 200))]
            scores = (drawn.mean(axis=1) - numbers.mean()) / (drawn.std(axis=1, ddof=1) / math.sqrt(200))
            rejected += int(np.sum(np.abs(scores) > quantile))
    # About 17 are expected; 1e-4, which normal numbers would have at all six points, are 6.
    assert 1e-4 < rejected / means <= SIZES["ridgeless-risk"]


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
def test_what_is_no_test_has_no_size(checked):
    assert 0 <= checked.size < 1e-3
    assert checked.size_is in ("proved", "measured", "nominal")
    assert checked.size or checked.size_is == "proved"
