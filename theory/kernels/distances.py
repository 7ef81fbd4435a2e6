"""The median distance between two points, to which bandwidths are relative."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import words

_SAMPLE = 1000  # points whose distances the median is taken of


@plain_numbers
def median_distance(X: Any, seed: int = 0) -> float:
    """Median Euclidean distance between two of at most 1,000 random rows of X (n, d); 1 if all are equal."""
    rows = as_real(X[sample_rows(len(X), seed)], "X")
    return median_of_distances(torch.pdist(torch.as_tensor(rows, dtype=torch.float64)))


def sample_rows(n: int, seed: int) -> npt.NDArray[np.int64]:
    """At most 1,000 random rows out of n, increasing, from which the median is taken."""
    order = words(seed, "median-distance", np.arange(n), 1)[:, 0].argsort(kind="stable")
    return np.sort(order[:_SAMPLE])


def median_of_distances(distances: torch.Tensor) -> float:
    """The median of the positive distances; 1 if no distance is positive."""
    positive = distances[distances > 0]
    return float(positive.median()) if len(positive) else 1.0
