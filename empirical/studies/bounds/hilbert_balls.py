r"""Margin bounds of the minimum-norm interpolants, linear and of a Gaussian kernel, of the same labels.

**A ball in a Hilbert space.** f = (f_1, .., f_k) with sum_j ||f_j||^2 <= B^2 on n points with Gram matrix K. By the
contraction of vector-valued classes, as for the Frobenius norms in `theory.complexity.norm_bounds`, and Cauchy and
Schwarz,

    R_n(phi o margin / gamma)  <=  (2B / (gamma n)) E sqrt(sum_j s_j^T K s_j)  <=  2 B sqrt(k tr K) / (gamma n),
    error  <=  share(m < gamma)  +  4 B sqrt(k tr K) / (gamma n)  +  deviation,

B / gamma rounded up to a power of 2 (`theory.complexity.union_bound`).
"""

import math
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch

from empirical.outcome import share_of
from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import Found, left_out
from empirical.studies.bounds.subject import Subject
from theory.common.arrays import Float64Array
from theory.complexity import (
    Bound,
    best_over_margins,
    kernel_complexity,
    kernel_complexity_bound,
    margin_error,
    margins,
)
from theory.complexity.bounds import deviation
from theory.complexity.union_bound import grid_index_above, grid_point, share
from theory.kernels import MEDIAN_SHARE, Gaussian, Kernel, Linear, median_distance

_RIDGE = 1e-8  # relative to the largest eigenvalue: where the linear interpolant's directions end


BALL_BOUNDS = ("linear interpolant", "Gaussian kernel interpolant")


def ball_bounds(subject: Subject, parts: Parts) -> Found:
    """The linear and the kernel interpolant of the same labels, and the balls that they lie on.

    The bandwidth is from the test images: a bound holds for a class fixed before the training sample.
    """
    n = min(subject.n, subject.study.kernel_images)
    data = subject.data
    points, test_points = (images.flatten(1).double().cpu() for images in (data.train_images[:n], data.test_images))
    kernels = (Linear(), Gaussian(MEDIAN_SHARE * median_distance(test_points.numpy(), subject.config.seed)))
    entries, measures = [], {}
    for name, kernel in zip(BALL_BOUNDS, kernels, strict=True):
        ball = parts(name, partial(_ball, kernel, points, test_points, subject))
        gram = kernel.block(points, points).numpy()
        root = math.sqrt(subject.config.num_classes) * kernel_complexity_bound(gram)
        values = np.array(ball.pop("margins"))
        bound = partial(_ball_margin_bound, name, root, ball["norm"], values, subject.study.failure_probability)
        gap = ball["test_error"] - ball["train_error"]
        entries.append(
            subject.entry("interpolant", best_over_margins(bound, values), measured=ball["test_error"], gap=gap)
            if (values > 0).any()
            else left_out("interpolant", [name], "no margin is positive")[0]
        )
        measures[name] = ball | {"kernel": str(kernel), "images": n}
    return entries, {"balls": measures}


def _ball(kernel: Kernel, points: torch.Tensor, test_points: torch.Tensor, subject: Subject) -> dict[str, Any]:
    """The least-squares solution of least norm, without the directions in which the Gram matrix is nearly zero."""
    labels, test_labels = subject.data.train_labels[: len(points)].cpu(), subject.data.test_labels.cpu()
    targets = torch.eye(subject.config.num_classes, dtype=torch.float64)[labels]
    gram = kernel.block(points, points)
    eigenvalues, vectors = torch.linalg.eigh(gram)
    kept = eigenvalues > _RIDGE * eigenvalues[-1]
    vectors = vectors[:, kept]
    coefficients = vectors @ ((vectors.T @ targets) / eigenvalues[kept, None])
    outputs = gram @ coefficients
    norm = float((coefficients * outputs).sum().clamp_min(0) ** 0.5)
    complexity = kernel_complexity(gram.numpy(), norm, seed=subject.config.seed)
    predictions = (kernel.block(test_points, points) @ coefficients).argmax(1)
    return {
        "norm": norm,
        "margins": margins(outputs, labels).tolist(),
        "train_error": share_of(outputs.argmax(1) != labels),
        "test_error": share_of(predictions != test_labels),
        "rademacher": asdict(complexity),
    }


def _ball_margin_bound(
    name: str, unit_complexity: float, norm: float, values: Float64Array, failure_probability: float, gamma: float
) -> Bound:
    """The bound of this module; `unit_complexity` is sqrt(k tr K) / n."""
    n, index = len(values), grid_index_above(norm / gamma, 1)
    complexity = 4 * grid_point(index, 1) * unit_complexity
    return Bound(
        name,
        margin_error(values, gamma) + complexity + deviation(n, failure_probability * share(index)),
        f"test error (0-1) of the {name}",
        "Bartlett, Mendelson 2002; Maurer 2016",
        failure_probability,
    )
