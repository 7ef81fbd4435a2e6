r"""Rules that are linear in the labels, under label noise: expected outputs, spread and accuracy without retraining.

The outputs at m test points are f = S Y, Y (n, k) one-hot labels, S (m, n) chosen without looking at labels: kernel
interpolation and ridge regression S = k(Z, X) (K + ridge I)^-1, averages over nearest neighbours, least squares. With
the moments P_a, C_a of a corrupted label (`corruption`), s a row of S, and Y clean from here on:

    E f       = (1 - p) S Y + (p/k) (S 1) 1^T                             for every S; (p/k) 1^T where rows sum to 1,
    Cov f(x)  = sum_i s_i^2 C_{y_i} = sum_a q_a C_a,   q = (S * S) Y      over samples i, over classes a,
    tr Cov    = ||s||^2 (1 - ||P||^2),
    E ||f - f_clean||^2 = p^2 ||f_clean - (S 1 / k) 1^T||^2 + ||s||^2 (1 - ||P||^2).

All are exact. The accuracy is that of arg max f, a sum of n independent terms in R^k, and has two estimates:

* Gaussian scores of this mean and covariance. Off where few samples carry a row (one-nearest-neighbour: one does); for
  k = 2 by at most 0.56 times `lyapunov_ratio` for each test point (Berry, Esseen; the constant of Shevtsova 2010), for
  more classes by no useful bound that we know of. Interpolants have such rows: Laplacian ones of 100 points in the
  plane come out up to 0.04, 0.06, 0.09 too accurate with 2, 3, 5 classes. A point mass (p = 0) is handled as one.
* Draws of the labels with S fixed: no approximation but the sampling error, for which there is an interval.

Equal scores go to the first class, as numpy's argmax has it; where ties are possible rounding decides some of them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import normals, words
from theory.kernels import Kernel, gram_from_blocks
from theory.label_noise.corruption import (
    Float64Array,
    Labels,
    as_classes,
    corrupt_labels,
    label_distribution,
    label_variance,
    one_hot,
)

_BLOCK_ENTRIES = 2**24  # entries of the arrays made at once: 128 MB


@plain_numbers
def kernel_smoother(kernel: Kernel, X: torch.Tensor, Z: torch.Tensor, *, ridge: float = 0.0) -> Float64Array:
    """S = k(Z, X) (K + ridge I)^-1, (m, n), for training points X (n, d) and test points Z (m, d): Cholesky, float64.

    Raises ValueError for a ridge that is negative or infinite, or if K + ridge I is not positive definite to working
    precision.
    """
    gram = gram_from_blocks(kernel, [(X.double(), Z.double())])
    factor = _factor(gram.training.dense(), ridge)
    return np.asarray(torch.cholesky_solve(gram.others[0].T, factor).T.numpy())


@plain_numbers
def leave_one_out_smoother(gram: torch.Tensor, *, ridge: float = 0.0) -> Float64Array:
    """S (n, n) whose row i makes the output at x_i of the fit to all samples but i: s_ij = -G_ij / G_ii, s_ii = 0.

    G = (K + ridge I)^-1, K = `gram` (n, n). By block inversion (Craven, Wahba 1978): the fit without i has at x_i the
    value y_i - alpha_i / G_ii, alpha = G y. With the clean labels as test labels it gives the leave-one-out accuracy
    under noise in the others. Raises ValueError as `kernel_smoother`.
    """
    inverse = torch.cholesky_inverse(_factor(gram.double(), ridge)).cpu().numpy()
    rows = -inverse / inverse.diagonal()[:, None]
    np.fill_diagonal(rows, 0.0)
    return np.asarray(rows)


@plain_numbers
def averaging_smoother(neighbours: Labels, n: int) -> Float64Array:
    """S (m, n) of the average over the given samples of each test point, (m, count) distinct indices.

    Raises ValueError for indices that are not distinct, outside 0 .. n-1, or none.
    """
    ordered = np.sort(neighbours, axis=1)
    if not ordered.size or ordered.min() < 0 or ordered.max() >= n or not np.diff(ordered).all():
        raise ValueError(f"neighbours must be distinct indices of the {n} samples, at least one a test point")
    S = np.zeros((len(neighbours), n))
    np.put_along_axis(S, neighbours, 1 / neighbours.shape[1], axis=1)
    return S


def _as_smoother(S: Float64Array) -> Float64Array:
    """Return S as float64, (m, n)."""
    S = as_real(S, "S").astype(np.float64, copy=False)
    if S.ndim != 2 or not np.isfinite(S).all():
        raise ValueError(f"S must be a matrix (m, n) of finite numbers, got shape {S.shape}")
    return S


def _factor(gram: torch.Tensor, ridge: float) -> torch.Tensor:
    if not 0 <= ridge < math.inf:
        raise ValueError(f"ridge must not be negative or infinite, got {ridge}")
    factor: torch.Tensor
    factor, failed = torch.linalg.cholesky_ex(gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    if int(failed):
        raise ValueError(
            "K + ridge I is not positive definite to working precision: remove points that are there twice, or take a "
            "larger ridge"
        )
    return factor


@dataclass(frozen=True, eq=False)
class NoisyOutputs:
    """Exact moments of f(x) over draws of the noise, at m test points.

    Attributes:
        clean: S Y, (m, k).
        mean: E f, (m, k).
        covariance: Cov f(x) at each point, (m, k, k).
        squared_excess: E ||f(x) - f_clean(x)||^2, (m,).
    """

    clean: Float64Array
    mean: Float64Array
    covariance: Float64Array
    squared_excess: Float64Array


@plain_numbers
def noisy_outputs(S: Float64Array, labels: Labels, label_noise: float, num_classes: int) -> NoisyOutputs:
    """The moments of S Y under label noise.

    Arguments:
        S: (m, n).
        labels: clean, (n,), in 0 .. num_classes - 1.
        label_noise, num_classes: p and k.

    Raises ValueError for an S that is no matrix of finite numbers, labels out of range, of another number than S has
    columns, or a p that is no probability.
    """
    S = _as_smoother(S)
    if S.shape[1] != len(labels):
        raise ValueError(f"S must have a column for each of the {len(labels)} labels, got shape {S.shape}")
    p, k = label_noise, num_classes
    P, Y = label_distribution(p, k), one_hot(labels, k)
    covariances = np.einsum("ab,bc->abc", P, np.eye(k)) - np.einsum("ab,ac->abc", P, P)  # C_a
    clean, sums, squares = S @ Y, S.sum(1), S**2
    uniform = sums[:, None] / k
    return NoisyOutputs(
        clean=clean,
        mean=(1 - p) * clean + p * uniform,
        covariance=np.einsum("ma,abc->mbc", squares @ Y, covariances),
        squared_excess=p**2 * np.sum((clean - uniform) ** 2, axis=1) + squares.sum(1) * label_variance(p, k),
    )


@plain_numbers
def lyapunov_ratio(S: Float64Array, label_noise: float) -> Float64Array:
    """sum_i E|t_i|^3 / (sum_i E t_i^2)^(3/2), (m,), t_i sample i's centred part of f_1 - f_0 for two classes, 0 and 1.

    The Gaussian estimate of P(f_1 > f_0) is off by at most 0.56 times it (Shevtsova 2010); infinite if nothing varies.
    t_i = 2 s_i (Y_i1 - E Y_i1), where |Y_i1 - E Y_i1| is distributed alike for both classes: labels do not matter.
    Raises ValueError for an S that is no matrix of finite numbers or a p that is no probability.
    """
    sizes = np.abs(_as_smoother(S))
    chance = float(label_distribution(label_noise, 2)[0, 1])
    variance = chance * (1 - chance)
    third = variance * (chance**2 + (1 - chance) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sizes / sizes.max(axis=1, keepdims=True, initial=0.0)  # without a unit: cubes may leave float64
        ratio = np.sum(shares**3, axis=1) * third / (np.sum(shares**2, axis=1) * variance) ** 1.5
    return np.asarray(np.where(np.isnan(ratio), np.inf, ratio))


@plain_numbers
def gaussian_accuracy(outputs: NoisyOutputs, test_labels: Labels, *, draws: int = 2000, seed: int = 0) -> Float64Array:
    """P(arg max f(x) is the test label), (m,), for Gaussian scores of the given moments.

    For two classes by the normal distribution function, exactly. For more by `draws` Gaussian vectors, the same for
    all points, through a root of each covariance: standard error at most 0.5 / sqrt(draws) for a point, and no more for
    their mean. Raises ValueError if there is not one test label a point, or for fewer than one draw.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    m, k = outputs.mean.shape
    test_labels = as_classes(test_labels, k)
    if len(test_labels) != m:
        raise ValueError(f"test_labels must name one label for each of the {m} points, got {len(test_labels)}")
    if k == 2:
        contrast = np.array([-1.0, 1.0])
        margin = outputs.mean @ contrast  # f_1 - f_0
        deviation = np.sqrt(np.maximum(np.einsum("mab,a,b->m", outputs.covariance, contrast, contrast), 0.0))
        certain = np.where(margin <= 0, np.inf, -np.inf)  # without spread; a tie goes to class 0
        first = stats.norm.cdf(np.divide(-margin, deviation, out=certain, where=deviation > 0))
        return np.asarray(np.where(test_labels == 0, first, 1 - first))
    eigenvalues, eigenvectors = np.linalg.eigh(outputs.covariance)
    roots = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]
    gaussians = normals(words(seed, "gaussian-scores", np.arange(draws), k + k % 2))[:, :k]
    hits = np.empty(m)
    block = max(1, _BLOCK_ENTRIES // (draws * k))
    for start in range(0, m, block):
        rows = slice(start, start + block)
        scores = outputs.mean[rows, None] + gaussians @ roots[rows].transpose(0, 2, 1)
        hits[rows] = np.mean(scores.argmax(2) == test_labels[rows, None], axis=1)
    return hits


@dataclass(frozen=True, eq=False)
class SimulatedAccuracy:
    """Test accuracies over independent draws of the label noise.

    Attributes:
        accuracies: (draws,).
        level: the level of the interval.
    """

    accuracies: Float64Array
    level: float

    @property
    def mean(self) -> float:
        """The estimate of the expected accuracy."""
        return float(self.accuracies.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Student's interval for the expected accuracy; exact if the accuracies, means over test points, are normal."""
        error = float(self.accuracies.std(ddof=1)) / len(self.accuracies) ** 0.5
        half = float(stats.t.isf((1 - self.level) / 2, len(self.accuracies) - 1)) * error
        return self.mean - half, self.mean + half


@plain_numbers
def simulated_accuracy(
    S: Float64Array,
    labels: Labels,
    test_labels: Labels,
    label_noise: float,
    num_classes: int,
    *,
    draws: int = 200,
    level: float = 0.99,
    seed: int = 0,
) -> SimulatedAccuracy:
    """The accuracy of arg max S Y on fresh draws of the noise, S fixed: a matrix product a draw, no training.

    Draw j corrupts labels by the stream `label-noise-draw-j` of the seed. Raises ValueError for fewer than two draws, a
    level outside (0, 1), an S that is no matrix of finite numbers, labels out of range or of other numbers than S has
    columns (labels) and rows (test labels).
    """
    S = _as_smoother(S)
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    if draws < 2:
        raise ValueError(f"an interval needs at least two draws, got {draws}")
    if S.shape != (len(test_labels), len(labels)):
        raise ValueError(f"S must be {(len(test_labels), len(labels))}, test labels by labels, got shape {S.shape}")
    label_distribution(label_noise, num_classes)  # refuses what is no probability
    labels, test_labels = as_classes(labels, num_classes), as_classes(test_labels, num_classes)
    accuracies = np.empty(draws)
    block = max(1, _BLOCK_ENTRIES // (num_classes * max(S.shape)))
    for start in range(0, draws, block):
        drawn = [
            one_hot(
                corrupt_labels(labels, num_classes, label_noise, seed, purpose=f"label-noise-draw-{j}"), num_classes
            )
            for j in range(start, min(start + block, draws))
        ]
        scores = (S @ np.concatenate(drawn, axis=1)).reshape(len(S), len(drawn), num_classes)
        accuracies[start : start + len(drawn)] = np.mean(scores.argmax(2) == test_labels[:, None], axis=0)
    return SimulatedAccuracy(accuracies, level)
