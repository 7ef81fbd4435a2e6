"""The median distance between two points, to which bandwidths are relative."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from theory.common.arrays import as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled, scaled_number
from theory.common.streams import words

_SAMPLE = 1000  # points whose distances the median is taken of


@plain_numbers
def median_distance(X: Any, seed: int = 0) -> float:
    """Median Euclidean distance between two of at most 1,000 random rows of X (n, d); 1 if all are equal.

    Raises ValueError for NaN, infinity and empty X.
    """
    points = as_points(X, "X")
    rows = points[sample_rows(len(points), seed)].astype(np.float64)
    unit = exponent(rows)
    return _median(torch.pdist(torch.from_numpy(scaled(rows, -unit))), unit)


def sample_rows(n: int, seed: int) -> npt.NDArray[np.int64]:
    """At most 1,000 random rows out of n, increasing, from which the median is taken."""
    order = words(seed, "median-distance", np.arange(n), 1)[:, 0].argsort(kind="stable")
    return np.sort(order[:_SAMPLE])


def median_of_distances(distances: torch.Tensor) -> float:
    """The median of the positive distances; 1 if no distance is positive."""
    return _median(distances, 0)


def _median(distances: torch.Tensor, unit: int) -> float:
    positive = distances[distances > 0]
    return scaled_number(float(positive.median()), unit) if len(positive) else 1.0
