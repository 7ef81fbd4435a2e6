r"""Label corruption: each label is replaced, with probability p, by a class drawn uniformly from all k.

The new label may be the old one (Zhang et al. 2017, section 2.1). As a random one-hot row, the label of a sample of
class a has the mean and the covariance

    P_a = (1 - p) e_a + (p/k) 1,        C_a = diag(P_a) - P_a P_a^T,        tr C_a = 1 - ||P_a||^2,

and rows of different samples are independent.
"""

import numpy as np
import numpy.typing as npt

from theory.common.arrays import require_unmasked
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import uniform_integers, uniforms, words

Labels = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


@plain_numbers
def corrupt_labels(
    labels: Labels,
    num_classes: int,
    label_noise: float,
    seed: int,
    samples: Labels | None = None,
    *,
    purpose: str = "label-noise",
) -> Labels:
    """Replace each label independently with probability `label_noise` by a class drawn uniformly from all.

    Arguments:
        labels: (n,) in 0 .. num_classes - 1.
        samples: index of each sample in its training set, 0 .. n-1 by default. A sample's label depends on its
            index, not on its place in a batch. Under one seed the corruptions are nested: what is replaced at p is
            replaced, by the same class, at every larger p.
        purpose: the stream; others give further draws of the noise.

    Raises ValueError for a label_noise that is no probability, and for labels that are not a vector of integers in
    0 .. num_classes - 1, or of another length than `samples`.
    """
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise must be a probability, got {label_noise}")
    labels = as_classes(labels, num_classes)
    bits = words(seed, purpose, sample_indices(samples, len(labels)), 2)
    replaced = uniforms(bits[:, 0]) < label_noise
    return np.where(replaced, uniform_integers(bits[:, 1], num_classes), labels)


@plain_numbers
def sample_indices(samples: Labels | None, n: int) -> Labels:
    """The indices of n samples in their training set, 0 .. n-1 for None. Raises ValueError for another number."""
    if samples is None:
        return np.arange(n)
    if len(samples) != n:
        raise ValueError(f"samples must be one index for each of {n} labels, got {len(samples)}")
    return np.asarray(samples)


@plain_numbers
def as_classes(labels: Labels, num_classes: int) -> Labels:
    """Labels, a list or a tensor as well, as an array (n,). ValueError unless they are integers in 0 .. k - 1."""
    require_unmasked(labels, "labels")
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be a vector of integers, got shape {labels.shape} of {labels.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(f"labels must be in 0 .. {num_classes - 1}, got {labels.min()} .. {labels.max()}")
    return labels


@plain_numbers
def one_hot(labels: Labels, num_classes: int) -> Float64Array:
    """(n, k): row i is e_{labels[i]}. Errors: `as_classes`."""
    return np.eye(num_classes)[as_classes(labels, num_classes)]


@plain_numbers
def label_distribution(label_noise: float, num_classes: int) -> Float64Array:
    """(k, k): row a is P_a, the distribution of the label of a sample of class a.

    Raises ValueError for a label_noise that is no probability, or fewer than one class.
    """
    if not 0 <= label_noise <= 1 or num_classes < 1:
        raise ValueError(
            f"label_noise is a probability and num_classes at least 1, got {label_noise} and {num_classes}"
        )
    return (1 - label_noise) * np.eye(num_classes) + label_noise / num_classes


@plain_numbers
def label_variance(label_noise: float, num_classes: int) -> float:
    """The trace tr C_a = 1 - ||P_a||^2: the variance of a one-hot label, whatever its class. Errors:
    `label_distribution`."""
    return 1 - float(np.sum(label_distribution(label_noise, num_classes)[0] ** 2))
