"""How test error rises with label noise (figure 1c): rules whose error under noise is known without retraining."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from theory import kernels, label_noise
from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import Float64Array
from theory.common.lazy_import import lazy_import
from theory.common.streams import generator

if TYPE_CHECKING:
    import torch
    from scipy import stats
else:  # the list of claims needs neither
    torch, stats = lazy_import("torch"), lazy_import("scipy.stats")

_EPS = float(np.finfo(np.float64).eps)
_LEVEL = 1e-6  # how often the tests would reject a true claim if the numbers that they average were normal
# The squares in the test of a variance have skewness 3 or so: by Cramer's correction for a mean over its own standard
# error, exp(z^3 skewness / (3 sqrt n)) on the side of small means (Jing, Shao, Wang 2003), twice as often. Accuracies
# are hardly skewed; squared norms at n = 20, d = 6 are: of a million means over 400, resampled from 100,000, 3 were
# beyond the quantile.
_VARIANCE_SIZE, _TRACE_SIZE = 3e-6, 1e-5


def _sectors(seed: int, purpose: str, n: int, num_classes: int) -> tuple[Float64Array, label_noise.corruption.Labels]:
    """n Gaussian points in the plane; the class is the sector of the plane that a point is in."""
    X = generator(seed, purpose).standard_normal((n, 2))
    turn = (np.arctan2(X[:, 1], X[:, 0]) / (2 * np.pi)) % 1.0
    return X, np.minimum((turn * num_classes).astype(np.int64), num_classes - 1)


def nearest_neighbour_line(seed: int) -> Evidence:
    """One-nearest-neighbour on many corruptions of a training set: mean and variance of its accuracy."""
    n, m, k, p, draws = 60, 200, 4, 0.4, 5000
    X, labels = _sectors(seed, "nearest-neighbour-train", n, k)
    Z, right = _sectors(seed, "nearest-neighbour-test", m, k)
    neighbours = label_noise.nearest_neighbours(X, Z)
    exact = label_noise.copied_accuracy(neighbours, labels, right, p, k)
    clean = float(np.mean(labels[neighbours] == right))
    line = label_noise.memorised_accuracy(clean, p, 1 / k)
    corrupted = label_noise.corrupt_labels(np.tile(labels, draws), k, p, seed).reshape(draws, n)
    accuracies = np.mean(corrupted[:, neighbours] == right, axis=1)
    squares = (accuracies - exact.mean) ** 2
    mean_score = abs(float(accuracies.mean()) - exact.mean) / (exact.variance / draws) ** 0.5
    variance_score = abs(float(squares.mean()) - exact.variance) / (float(squares.std(ddof=1)) / draws**0.5)
    critical = float(stats.norm.isf(_LEVEL / 4))
    ratio = float(squares.mean()) / exact.variance
    independent = line * (1 - line) / m / exact.variance
    return Evidence(
        verdict(abs(line - exact.mean) <= 4 * m * _EPS and max(mean_score, variance_score) <= critical),
        f"mean {accuracies.mean():.4f}, (1 - p) A + p/k = {line:.4f}: {mean_score:.2f} standard errors apart; variance "
        f"{ratio:.3f} of the exact one, {variance_score:.2f} standard errors off",
        f"{critical:.2f} standard errors",
        f"normal tests over {draws} draws of the noise at p = {p:g}, size {_VARIANCE_SIZE:.0e} in all; test "
        f"points that share a neighbour count as one: independent ones would have {independent:.2f} of it",
    )


def smoother_moments(seed: int) -> Evidence:
    """Mean, covariance and squared excess of S Y against all k^n assignments of labels, weighed by their chances."""
    n, m, k, p = 5, 3, 3, 0.3
    random = generator(seed, "smoother-moments")
    S, labels = random.standard_normal((m, n)), random.integers(0, k, n)
    exact = label_noise.noisy_outputs(S, labels, p, k)
    chances = label_noise.label_distribution(p, k)
    assignments = np.array(list(itertools.product(range(k), repeat=n)))
    weights = np.prod(chances[labels, assignments], axis=1)
    outputs = np.einsum("mn,tnk->tmk", S, np.eye(k)[assignments])
    mean = np.einsum("t,tmk->mk", weights, outputs)
    centred = outputs - mean
    covariance = np.einsum("t,tma,tmb->mab", weights, centred, centred)
    excess = np.einsum("t,tmk->m", weights, (outputs - S @ label_noise.corruption.one_hot(labels, k)) ** 2)
    worst = max(
        float(np.abs(exact.mean - mean).max()),
        float(np.abs(exact.covariance - covariance).max()),
        float(np.abs(exact.squared_excess - excess).max()),
    )
    bound = 8 * k**n * _EPS * max(1.0, float(np.abs(S).sum(1).max()) ** 2)
    return Evidence(
        verdict(worst <= bound < 1e-8),
        f"largest difference {worst:.1e} over {k**n} assignments of {n} labels",
        f"{bound:.1e}",
        "rounding of sums of k^n terms, each at most the square of a row's sum of |S|",
    )


def interpolant_accuracy(seed: int) -> Evidence:
    """Kernel interpolants retrained on corrupted labels against S Y, and their accuracy over draws of the noise."""
    n, m, k, p = 100, 150, 3, 0.5
    X, labels = _sectors(seed, "interpolant-train", n, k)
    Z, right = _sectors(seed, "interpolant-test", m, k)
    kernel, points = kernels.Laplacian(1.0), torch.from_numpy(X)
    S = label_noise.kernel_smoother(kernel, points, torch.from_numpy(Z))
    simulated = label_noise.simulated_accuracy(S, labels, right, p, k, draws=1000, level=1 - 2 * _LEVEL, seed=seed)
    apart, accuracies = 0.0, []
    for draw in range(5):
        noisy = label_noise.corruption.one_hot(
            label_noise.corrupt_labels(labels, k, p, seed, purpose=f"label-noise-draw-{draw}"), k
        )
        outputs = kernels.KernelInterpolator(kernel, solver="cholesky").fit(X, noisy).predict(Z)
        apart = max(apart, float(np.abs(outputs - S @ noisy).max()))
        accuracies.append(float(np.mean(outputs.argmax(1) == right)))
    condition = float(np.linalg.cond(kernels.gram_from_blocks(kernel, [(points,)]).training.dense().numpy()))
    bound = 4 * n * _EPS * condition
    same = accuracies == simulated.accuracies[:5].tolist()
    low, high = simulated.interval
    clean = float(np.mean((S @ label_noise.corruption.one_hot(labels, k)).argmax(1) == right))
    return Evidence(
        verdict(apart <= bound < 1e-6 and same and high < clean),
        f"retrained outputs and S Y differ by {apart:.1e}, their accuracies are {'' if same else 'not '}the same; "
        f"accuracy {clean:.3f} with clean labels, {simulated.mean:.3f} ({low:.3f} to {high:.3f}) at p = {p:g}",
        f"{bound:.1e}, the same; an interval below the accuracy with clean labels",
        f"4 n eps cond(K), cond(K) = {condition:.0f}; Student's interval over 1000 draws of the labels, one-sided size "
        f"{_LEVEL:.0e}",
    )


def ridgeless_noise(seed: int) -> Evidence:
    """The trace of the covariance of the minimum-norm interpolant of corrupted one-hot labels, over Gaussian data,
    against the formula."""
    n, k, p, trials, dimensions = 20, 4, 0.3, 400, (6, 60)
    critical = float(stats.t.isf(_LEVEL / 2 / len(dimensions), trials - 1))
    held, parts = True, []
    for d in dimensions:
        random = generator(seed, f"ridgeless-label-noise-{d}")
        variances = []
        for _ in range(trials):
            X, Z = random.standard_normal((n, d)), random.standard_normal((8, d))
            outputs = label_noise.noisy_outputs(label_noise.minimum_norm_smoother(X, Z), random.integers(0, k, n), p, k)
            variances.append(float(np.trace(outputs.covariance, axis1=1, axis2=2).mean()))
        expected = label_noise.corruption_excess_risk(n, d, p, k)
        error = float(np.std(variances, ddof=1)) / math.sqrt(trials)
        score = abs(float(np.mean(variances)) - expected) / error
        held &= score <= critical and error <= expected / 20
        parts.append(f"d = {d}: {np.mean(variances):.4f}, expected {expected:.4f}, {score:.2f} standard errors")
    return Evidence(
        verdict(held),
        "; ".join(parts),
        f"{critical:.2f} standard errors, themselves at most a twentieth",
        f"Student's test over {trials} data sets of n = {n} at each d, size {_TRACE_SIZE:.0e} in all, as measured, for "
        "skewed numbers",
    )


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "nearest-neighbour-noise",
            "Copying the nearest label, right with A on clean labels, is right with (1 - p) A + p/k under noise p.",
            "Zhang et al. 2017, figure 1c (claims C8, C9); derived in theory.label_noise.memorising",
        ),
        nearest_neighbour_line,
        _VARIANCE_SIZE,
        "measured",
    ),
    CheckedClaim(
        Claim(
            "smoother-noise-moments",
            "Outputs S Y linear in the labels have mean (1 - p) S Y + p/k S 1 under noise, and a closed covariance.",
            "moments of independent labels; derived in theory.label_noise.linear_smoother",
        ),
        smoother_moments,
    ),
    CheckedClaim(
        Claim(
            "interpolant-noise-accuracy",
            "A kernel interpolant's accuracy under label noise is known without retraining, and falls with the noise.",
            "Zhang et al. 2017, figure 1c (claim C8) and section 5",
        ),
        interpolant_accuracy,
        _LEVEL,
        "nominal",
    ),
    CheckedClaim(
        Claim(
            "ridgeless-label-noise",
            "Corrupted one-hot labels cost ridgeless least squares (1 - ||P||^2) n/(d - n - 1) or d/(n - d - 1).",
            "Hastie, Montanari, Rosset, Tibshirani 2022; mean of the inverse Wishart distribution",
        ),
        ridgeless_noise,
        _TRACE_SIZE,
        "measured",
    ),
)
