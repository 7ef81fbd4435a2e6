r"""Double descent (Belkin, Hsu, Ma, Mandal 2019): least squares on more and more random Fourier features.

N features of n training images are fitted to one-hot labels by the coefficients of least norm: least squares for N < n,
interpolation from N = n on (`theory.kernels.random_fourier`). At every N and level of label corruption the errors on
training and test images are measured, test labels staying clean, and the norm of the coefficients. The features of a
smaller N are the first of a larger one; the corruption at a level is one for all N.

Beside it stands the same experiment on Gaussian features with a linear truth, where the risk is known exactly at every
ratio N / n (`theory.implicit_bias.ridgeless`): it is drawn, measured and predicted. Images are not Gaussian, and
Fourier features are not isotropic: what carries over is where the peak is, not how high.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.outcome import encode_hits
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import DoubleDescentConfig
from theory.common.memory import available_memory

Float64Array = npt.NDArray[np.float64]

_BLOCK = 20_000
"""Features that are in memory at once where there are more of them than images."""

_NEAR_1 = 0.08  # there the risk has no variance: its mean cannot be held against its expectation


def measure_double_descent(
    config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path
) -> dict[str, Any]:
    """Errors and norms at every number of features; each number of features is a part.

    Returns the `bandwidth`, and for each number of features under `points` an entry for each of the `levels`; under
    `gaussian` the measured and the expected risk of Gaussian features at the same ratios.

    Raises ValueError if the features do not fit into memory, before they are computed.
    """
    from theory.implicit_bias.ridgeless import double_descent
    from theory.kernels import median_distance
    from theory.label_noise import corrupt_labels

    study, train, test = config.study_of(DoubleDescentConfig), randomized.data.train, randomized.data.test
    n, m, k = len(train.labels), len(test.labels), config.num_classes
    counts = feature_counts(n, study.ratios)
    require_memory(n, m, max(counts), available_memory())
    X, Z = (np.asarray(split.images, dtype=np.float64).reshape(len(split.labels), -1) / 255 for split in (train, test))
    bandwidth = study.bandwidth * median_distance(X, config.seed)
    labels = [
        corrupt_labels(randomized.clean_labels, k, level, config.seed, purpose="double-descent-noise")
        for level in study.levels
    ]
    parts.total = len(counts) + 1

    def at(count: int) -> list[dict[str, Any]]:
        return _fits(_Features(X, Z, count, bandwidth, config.seed), labels, test.labels, k)

    points = [{"features": count, "levels": parts(f"{count} features", partial(at, count))} for count in counts]
    ratios = [ratio for ratio in study.ratios if abs(ratio - 1) > _NEAR_1]

    def gaussian() -> list[dict[str, Any]]:
        curve = double_descent(
            study.gaussian_samples,
            feature_counts(study.gaussian_samples, ratios),
            noise=study.gaussian_noise,
            trials=study.gaussian_draws,
            seed=config.seed,
        )
        return [
            {
                "ratio": point.gamma,
                "risk": point.risk,
                "standard_error": point.standard_error,
                "expected": point.expected,
            }
            for point in curve
        ]

    return {
        "bandwidth": bandwidth,
        "levels": list(study.levels),
        "points": points,
        "gaussian": parts("Gaussian features", gaussian),
    }


def feature_counts(n: int, ratios: tuple[float, ...] | list[float]) -> list[int]:
    """Numbers of features at these ratios to n samples, rising, each once, at least 1."""
    return sorted({max(1, round(ratio * n)) for ratio in ratios})


def require_memory(n: int, m: int, count: int, free: int) -> None:
    """ValueError if up to `count` features of n training and m test images take more than `free` bytes."""
    held = min(count, max(n, _BLOCK))
    needed = 8 * (2 * (n + m) * held + 4 * n * n)
    if needed > free:
        raise ValueError(
            f"{held:,} features at a time of {n + m:,} images take {needed / 1e9:.1f} GB of memory and "
            f"{free / 1e9:.1f} GB are free: use fewer images (--train-size, --test-size)"
        )


@dataclass(frozen=True)
class _Features:
    """Random Fourier features of training images X and test images Z, in blocks of columns that fit into memory."""

    X: Float64Array
    Z: Float64Array
    count: int
    bandwidth: float
    seed: int

    def coefficients(self, targets: Float64Array) -> Iterator[tuple[Float64Array, Float64Array, Float64Array]]:
        """Blocks of the features of X and of Z, and of the coefficients of least norm that fit the targets."""
        from theory.kernels.random_fourier import dual_coefficients, minimum_norm_coefficients

        if self.count < len(self.X) or self.count <= _BLOCK:
            features, on_test = (self._of(images, range(self.count)) for images in (self.X, self.Z))
            yield features, on_test, minimum_norm_coefficients(features, targets)
            return
        blocks = [range(first, min(first + _BLOCK, self.count)) for first in range(0, self.count, _BLOCK)]
        gram = np.zeros((len(self.X), len(self.X)))
        for columns in blocks:
            block = self._of(self.X, columns)
            gram += block @ block.T
        alpha = dual_coefficients(gram, targets, self.count)
        for columns in blocks:
            block = self._of(self.X, columns)
            yield block, self._of(self.Z, columns), block.T @ alpha

    def _of(self, images: Float64Array, columns: range) -> Float64Array:
        from theory.kernels.random_fourier import random_fourier_features

        return random_fourier_features(images, self.count, self.bandwidth, self.seed, only=columns)


def _fits(
    features: _Features, labels: list[npt.NDArray[np.int64]], test_labels: npt.NDArray[np.int64], k: int
) -> list[dict[str, Any]]:
    """An entry for each labelling; all of them share one spectrum."""
    one_hot = np.eye(k)
    targets = np.concatenate([one_hot[labelling] for labelling in labels], axis=1)
    outputs, test_outputs = (np.zeros((len(labels), len(images), k)) for images in (features.X, features.Z))
    norms: list[list[float]] = [[] for _ in labels]
    for block, test_block, coefficients in features.coefficients(targets):
        for index in range(len(labels)):
            own = coefficients[:, index * k : (index + 1) * k]
            outputs[index] += block @ own
            test_outputs[index] += test_block @ own
            norms[index].append(float(np.linalg.norm(own)))
    entries = []
    for index, labelling in enumerate(labels):
        hits = test_outputs[index].argmax(1) == test_labels
        entries.append(
            {
                "norm": float(np.linalg.norm(norms[index])),
                "train_loss": float(((outputs[index] - one_hot[labelling]) ** 2).sum(1).mean()),
                "test_loss": float(((test_outputs[index] - one_hot[test_labels]) ** 2).sum(1).mean()),
                "train_accuracy": float((outputs[index].argmax(1) == labelling).mean()),
                "test_accuracy": float(hits.mean()),
                "test_hits": encode_hits(hits),
            }
        )
    return entries
