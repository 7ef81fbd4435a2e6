r"""Label noise of any kind that depends on the class alone: its transition matrix P, P_ab = P(given b | clean a).

Labels of different samples are independent given their classes (Natarajan et al. 2013; Patrini et al. 2017, "Making
deep neural networks robust to label noise"). Uniform corruption of `corruption` has P = (1 - p) I + (p/k) 1 1^T.

A rule that copies the label of one training sample, chosen without looking at labels, is right at a test point of
class b with probability P_ab if that sample is of class a. It is right on clean labels where a = b, on a share A of the
test points. If classes are equally frequent among those, and all pairs a != b among the rest, the expected accuracy is

    A tr P / k + (1 - A) (k - tr P) / (k (k - 1)),

since the entries of P add up to k. Where all P_aa are equal and all P_ab, a != b, are equal, it is exact without these
two conditions; for uniform corruption it is (1 - p) A + p/k.
"""

import numpy as np

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import uniforms, words
from theory.label_noise.corruption import Float64Array, Labels, as_classes, sample_indices

ROWS_SUM_TO_ONE = 1e-9
"""Rounding of a row's sum: far above k eps for any k that fits into memory, far below what a sample can show."""

INDEPENDENT = 1e-12
"""Largest difference between rows that counts as rounding: a sample that could show it has 10^24 labels."""


@plain_numbers
def require_transition(transition: Float64Array, num_classes: int | None = None) -> Float64Array:
    """P as an array. Raise ValueError unless it is a matrix (k, k) of probabilities whose rows sum to 1, and k is
    `num_classes`."""
    transition = as_real(transition, "transition")
    if transition.ndim != 2 or transition.shape[0] != transition.shape[1] or not transition.size:
        raise ValueError(f"a transition matrix is square, (k, k), got shape {transition.shape}")
    if not np.isfinite(transition).all() or transition.min() < 0:
        raise ValueError("a transition matrix has probabilities as its entries: none may be negative or not a number")
    sums = transition.sum(axis=1)
    row = int(np.abs(sums - 1).argmax())
    if abs(sums[row] - 1) > ROWS_SUM_TO_ONE:
        raise ValueError(f"the rows of a transition matrix sum to 1, but row {row} sums to {sums[row]:.10g}")
    if num_classes is not None and len(transition) != num_classes:
        raise ValueError(f"the transition matrix is of {len(transition)} classes, and the data have {num_classes}")
    return transition


@plain_numbers
def draw_labels(
    labels: Labels, transition: Float64Array, seed: int, samples: Labels | None = None, *, purpose: str
) -> Labels:
    """Draw the given label of each sample from the row of P of its clean label.

    A label is kept with probability P_aa; a label that is not kept is drawn from the rest of the row. Where kinds of
    noise differ in P_aa alone, what one of them changes under a seed is changed, to the same class, by every stronger
    one.

    Arguments:
        labels: clean labels (n,), int64, in 0 .. k - 1.
        transition: P, (k, k).
        samples: index of each sample in its training set, 0 .. n-1 by default. A label depends on its sample's index,
            not on its place in a batch.
        purpose: the stream.

    Raises ValueError for what is no transition matrix, for labels out of its range or of another number than samples.
    """
    transition = require_transition(transition)
    labels = as_classes(labels, len(transition))
    bits = words(seed, purpose, sample_indices(samples, len(labels)), 2)
    change, choice = uniforms(bits[:, 0]), uniforms(bits[:, 1])
    noisy = labels.copy()
    for label in np.unique(labels):
        weights = np.where(np.arange(len(transition)) == label, 0.0, transition[label])
        loss = weights.sum()  # rather than 1 - P_aa: exactly 0 where no other class is possible
        if loss == 0:
            continue
        changed = (labels == label) & (change < loss)
        cumulative = np.cumsum(weights)
        # Divided by its last value it ends at 1 exactly, above every choice; a class of probability 0 is a step of 0.
        noisy[changed] = np.searchsorted(cumulative / cumulative[-1], choice[changed], side="right")
    return noisy


@plain_numbers
def copying_accuracy(transition: Float64Array, clean_accuracy: float) -> float:
    """Expected test accuracy of a rule that copies one training label, from its accuracy A on clean labels.

    Exact under the conditions above. Raises ValueError for what is no transition matrix, or an accuracy outside [0, 1].
    """
    transition = require_transition(transition)
    if not 0 <= clean_accuracy <= 1:
        raise ValueError(f"clean_accuracy must lie between 0 and 1, got {clean_accuracy}")
    k, kept = len(transition), float(np.trace(transition))
    if k == 1:
        return 1.0
    return clean_accuracy * kept / k + (1 - clean_accuracy) * (k - kept) / (k * (k - 1))


def is_independent(transition: Float64Array) -> bool:
    """Whether the given label says nothing of the clean one: all rows of P are equal, up to `INDEPENDENT`."""
    transition = require_transition(transition)
    return bool(np.ptp(transition, axis=0).max() <= INDEPENDENT)
