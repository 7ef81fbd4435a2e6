r"""Memorisation scores from many networks, each trained on a random subset (Feldman, Zhang 2020).

For a training method A and a sample of n labelled images, the score of image i is

    mem(i)  =  P(A(T) is right on i | i in T)  -  P(A(T) is right on i | i not in T),

`right` meaning the label that the sample has, T a uniform subset of s images and the probability over T and all that
the method draws. It lies between -1 and 1. Every one of t networks tells something of every image: each of the two
probabilities is a mean of independent coins, so the score's standard error is

    sqrt(p_in (1 - p_in) / t_in  +  p_out (1 - p_out) / t_out).

The plug-in of the measured shares is 0 where a share is 0 or 1, although a share of so few networks may be off by
more; one hit and one miss are added to each count for the error (Agresti, Caffo 2000), not for the score.

**The mean score is the generalisation gap** of a network trained on s images: the mean of P(right | in) is its
accuracy on its own training images, and the mean of P(right | out) its accuracy on images of the sample that it has
not seen. With uniform random labels in k classes, whatever the method that fits all of them, it is 1 - 1/k.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import require_unmasked

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counts:
    """How often networks were right on each image, int64 (n,): those whose subset has the image, and the others.

    Attributes:
        inside, right_inside: networks trained on the image, and those of them that are right on it.
        outside, right_outside: networks not trained on it, and those of them that are right on it.
    """

    inside: npt.NDArray[np.int64]
    right_inside: npt.NDArray[np.int64]
    outside: npt.NDArray[np.int64]
    right_outside: npt.NDArray[np.int64]

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts over the networks of both."""
        return Counts(
            self.inside + other.inside,
            self.right_inside + other.right_inside,
            self.outside + other.outside,
            self.right_outside + other.right_outside,
        )


@dataclass(frozen=True, eq=False)
class MemorisationScores:
    """Scores of n images, float64 (n,).

    Attributes:
        score: mem(i), between -1 and 1.
        standard_error: the standard error of the score.
        accuracy_inside, accuracy_outside: the two shares of right networks.
    """

    score: Float64Array
    standard_error: Float64Array
    accuracy_inside: Float64Array
    accuracy_outside: Float64Array


def count_hits(subsets: Any, right: Any) -> Counts:
    """Count the networks that are right on each image.

    Arguments:
        subsets: which images each network was trained on, bool (t, n).
        right: which images each network gives the label of the sample, bool (t, n).

    Raises ValueError for shapes that differ.
    """
    require_unmasked(subsets, "subsets")
    require_unmasked(right, "right")
    inside, hits = np.asarray(subsets, dtype=bool), np.asarray(right, dtype=bool)
    if inside.ndim != 2 or inside.shape != hits.shape:
        raise ValueError(f"subsets and right must be of one shape (networks, images): {inside.shape}, {hits.shape}")

    def counted(networks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.asarray(networks.sum(axis=0), dtype=np.int64)

    return Counts(counted(inside), counted(inside & hits), counted(~inside), counted(~inside & hits))


def memorisation_scores(counts: Counts) -> MemorisationScores:
    """The scores and their standard errors. Raises ValueError if all networks, or none, were trained on some image."""
    if min(counts.inside.min(), counts.outside.min()) < 1:
        raise ValueError("every image must be in some subset and outside another: train more networks")
    inside, outside = counts.right_inside / counts.inside, counts.right_outside / counts.outside
    variances = [
        (hits + 1) * (networks - hits + 1) / (networks + 2) ** 3
        for hits, networks in ((counts.right_inside, counts.inside), (counts.right_outside, counts.outside))
    ]
    return MemorisationScores(inside - outside, np.sqrt(variances[0] + variances[1]), inside, outside)
