"""Margins: by how much a classifier prefers the label to every other class."""

import math
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_array, as_points
from theory.common.plain_numbers import plain_numbers


def margins(logits: Any, labels: Any) -> Float64Array:
    """The logit of the label less the largest other logit, float64 (n,): positive where the label is predicted alone.

    Arguments:
        logits: (n, k), k >= 2, any real dtype, numpy or torch.
        labels: integers (n,) in 0 .. k - 1.

    Raises ValueError for other shapes or labels, NaN or infinity; TypeError for labels that are not integers.
    """
    values = as_points(logits, "logits").astype(np.float64)
    classes = as_array(labels)
    n, k = values.shape
    if k < 2:
        raise ValueError("logits must have at least two columns: for one real output f and signs y the margin is y f")
    if classes.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got dtype {classes.dtype}")
    if classes.shape != (n,) or classes.min() < 0 or classes.max() >= k:
        raise ValueError(f"labels must be {n} integers from 0 to {k - 1}, one for each row of logits")
    rows = np.arange(n)
    own = values[rows, classes]
    values[rows, classes] = -np.inf
    difference: Float64Array = own - values.max(1)
    return difference


@plain_numbers
def margin_error(values: Float64Array, gamma: float) -> float:
    """The share of margins below gamma. Raises ValueError unless gamma is positive
    and finite, and for margins that are not finite."""
    if not 0 < gamma < np.inf:
        raise ValueError(f"gamma, the margin asked for, must be positive and finite, got {gamma}")
    return float((as_points(values, "margins") < gamma).mean())


@plain_numbers
def lower_margin(values: Any, share: float = 0.1) -> float:
    """The smallest margin that at least this share of the sample does not exceed: by default their tenth percentile.

    Arguments:
        values: margins (n,).
        share: above 0, at most 1.

    Raises ValueError for another share, no margins, or NaN and infinity among them.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share, of the margins, must be above 0 and at most 1, got {share}")
    ordered = np.sort(as_points(values, "margins").astype(np.float64), axis=None)
    return float(ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1])
