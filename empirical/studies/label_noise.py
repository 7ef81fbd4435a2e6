r"""The test accuracy under label corruption that theory predicts, from images and clean labels: nothing is trained.

An interpolating rule must give its labels on the training sample: it disagrees with the clean labels where these were
changed, a share p (k - 1)/k of the sample. Off the sample, interpolation alone determines nothing while p < 1; at p = 1
the labels have nothing to do with the images, and every rule's expected accuracy is chance, 1/k. Between, a level is
predicted for each rule that is known in closed form (`theory.label_noise`), test labels staying clean:

    nearest neighbour   copies one label: (1 - p) A + p/k, A its accuracy on clean labels; mean and variance exact.
    least squares       minimum norm on centred pixels, f = S Y: linear in the labels, so its accuracy is that of S Y
                        over draws of the noise. Beside it, what ridgeless theory for Gaussian features says of the
                        noise's share in the outputs, E ||s||^2 (`theory.label_noise.ridgeless`).
    kernel              the Gaussian kernel's interpolant on pixels, likewise.
    leave-one-out       the same kernel's, each training image by the fit to the others: uses no test image.
    explicit            Theorem 1's network joins the labels by lines along one projection of the images.

Images and clean labels are fixed, probabilities are over the noise. A run's own noise is of another stream than the
draws here.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from empirical.kernels.features import parse_features
from empirical.kernels.interpolation import parse_kernel
from empirical.outcome import encode_hits, nearest_class
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import NoiseConfig
from theory.common.memory import available_memory
from theory.expressivity import relu_interpolant
from theory.kernels import Kernel, gram_from_blocks, median_distance
from theory.label_noise import (
    copied_accuracy,
    corrupt_labels,
    kernel_smoother,
    leave_one_out_smoother,
    nearest_neighbours,
    noise_excess_risk,
    simulated_accuracy,
)

Float64Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

NEAREST, LINEAR, KERNEL, LEAVE_ONE_OUT, EXPLICIT = RULES = (
    "nearest neighbour",
    "least squares",
    "kernel",
    "leave-one-out",
    "explicit",
)
"""The rules predicted, as records name them."""


def measure_label_noise(
    config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path
) -> dict[str, Any]:
    """Compute the predictions, a part for every rule and level.

    Returns `levels` and under `predictions` for each of `RULES` a list with, for each level, the mean `accuracy`, its
    `deviation` over draws of the noise, and the number of `draws` that these are estimated from, 0 where exact.

    Raises ValueError if the matrices do not fit into memory, before they are allocated, or if two images are so close
    that the kernel's matrix is singular to working precision.
    """
    study = config.study_of(NoiseConfig)
    train, test = randomized.data.train, randomized.data.test
    labels, k, seed = randomized.clean_labels, config.num_classes, config.seed
    require_memory(len(labels), len(test.labels), math.prod(train.images.shape[1:]), available_memory())
    parts.total = (len(RULES) - 1) * len(study.levels) + 4

    (points, test_points) = parse_features("pixels", seed).blocks(train.images, train.images, test.images)[0]
    X, Z = points.double(), test_points.double()
    kernel = parse_kernel("gaussian", study.bandwidth * median_distance(X, seed))
    neighbours = np.array(parts("neighbours", lambda: nearest_neighbours(X.numpy(), Z.numpy()).tolist()))
    predictions: dict[str, list[Any]] = {
        NEAREST: [_copied(neighbours, labels, test.labels, level, k) for level in study.levels]
    }
    noise_gain: dict[str, float] = {}
    smoothers: tuple[tuple[str, Callable[[], Float64Array], Labels], ...] = (
        (LINEAR, lambda: least_squares_smoother(X.numpy(), Z.numpy()), test.labels),
        (KERNEL, lambda: kernel_smoother(kernel, X, Z), test.labels),
        (LEAVE_ONE_OUT, lambda: _leave_one_out(kernel, X), labels),
    )
    for rule, make, right in smoothers:
        predictions[rule], noise_gain[rule] = _linear_in_labels(rule, make, labels, right, config, parts)
    predictions[EXPLICIT] = [
        parts(f"{EXPLICIT}, p = {level:g}", partial(_explicit, config, randomized, level)) for level in study.levels
    ]
    varying = int((np.ptp(X.numpy(), axis=0) > 0).sum())
    return {
        "chance": 1 / k,
        "levels": list(study.levels),
        "train_error_clean_labels": [level * (k - 1) / k for level in study.levels],
        "predictions": {rule: predictions[rule] for rule in RULES},
        "nearest_neighbour_hits": encode_hits(labels[neighbours] == test.labels),
        "kernel": str(kernel),
        "varying_pixels": varying,
        "noise_gain": noise_gain,
        "noise_gain_gaussian_features": gaussian_features_gain(len(labels), varying),
    }


def require_memory(n: int, m: int, d: int, free: int) -> None:
    """Raise ValueError if n training and m test images of d values take more than `free` bytes."""
    needed = 8 * (6 * n * n + 3 * m * n + 4 * (n + m) * d)
    if needed > free:
        raise ValueError(
            f"predictions for {n:,} training and {m:,} test images take {needed / 1e9:.1f} GB of memory and "
            f"{free / 1e9:.1f} GB are free: use fewer images (--train-size, --test-size)"
        )


def least_squares_smoother(X: Float64Array, Z: Float64Array) -> Float64Array:
    """S (m, n) of least squares of minimum norm on centred points, with intercept; interpolates if their rank is n - 1.

    f(z) = mean(y) + (z - mean)^T X_c^+ y, singular values below max(n, d) eps of the largest taken as zero: centring
    makes one of them zero where n <= d.
    """
    n, d = X.shape
    mean = X.mean(0)
    inverse = np.linalg.pinv(X - mean, rcond=max(n, d) * float(np.finfo(np.float64).eps))
    return np.asarray(1 / n + (Z - mean) @ inverse)


def gaussian_features_gain(n: int, d: int) -> float | None:
    """E ||s||^2 of `least_squares_smoother` on d isotropic Gaussian features; None where it is infinite.

    1/n of the intercept, and that of n - 1 points at a point of covariance (1 + 1/n) I: what centring leaves.
    """
    gain = 1 / n + (1 + 1 / n) * noise_excess_risk(n - 1, d, 1.0)
    return gain if math.isfinite(gain) else None


def _linear_in_labels(
    rule: str,
    make: Callable[[], Float64Array],
    labels: Labels,
    right: Labels,
    config: RunConfig,
    parts: Parts,
) -> tuple[list[Any], float]:
    """The accuracy of S Y at each level, S = make(), and the mean of ||s||^2. S is made only if a part is missing."""
    study, smoother = config.study_of(NoiseConfig), cache(make)

    def predict(level: float) -> dict[str, Any]:
        draws = study.repeats if level else 2  # no noise, no spread
        return _estimated(
            simulated_accuracy(
                smoother(), labels, right, level, config.num_classes, draws=draws, seed=config.seed
            ).accuracies
        )

    gain = parts(f"{rule}, gain", lambda: float(np.mean(np.sum(smoother() ** 2, axis=1))))
    return [parts(f"{rule}, p = {level:g}", partial(predict, level)) for level in study.levels], gain


def _leave_one_out(kernel: Kernel, X: torch.Tensor) -> Float64Array:
    return leave_one_out_smoother(gram_from_blocks(kernel, [(X,)]).training.dense())


def _copied(neighbours: Labels, labels: Labels, test_labels: Labels, level: float, k: int) -> dict[str, Any]:
    moments = copied_accuracy(neighbours, labels, test_labels, level, k)
    return {"accuracy": moments.mean, "deviation": moments.variance**0.5, "draws": 0}


def _explicit(config: RunConfig, randomized: RandomizedDataset, level: float) -> dict[str, Any]:
    """The accuracies of Theorem 1's network, with the run's direction, on draws of the noise: all draws are outputs of
    one network."""
    study, train, test = config.study_of(NoiseConfig), randomized.data.train, randomized.data.test
    drawn = [
        corrupt_labels(randomized.clean_labels, config.num_classes, level, config.seed, purpose=f"label-noise-draw-{j}")
        for j in range(study.repeats if level else 2)
    ]
    network = relu_interpolant(train.images, np.stack(drawn, axis=1).astype(np.float64), seed=config.seed)
    predictions = nearest_class(network(test.images), config.num_classes)
    return _estimated(np.mean(predictions == test.labels[:, None], axis=0))


def _estimated(accuracies: Float64Array) -> dict[str, Any]:
    return {
        "accuracy": float(accuracies.mean()),
        "deviation": float(accuracies.std(ddof=1)),
        "draws": len(accuracies),
    }
