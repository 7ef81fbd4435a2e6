r"""The accuracy under label noise of a rule that copies a training label; for one-nearest-neighbour, exactly.

Such a rule answers a test point t with the label of one training sample i(t), chosen without looking at labels. The
label is the clean one with probability 1 - p and uniform otherwise, so it is right with probability
(1 - p) 1{y_i(t) = y_t} + p/k: of the test points a share

    (1 - p) A + p/k

is right in the mean, A the rule's accuracy with clean labels on the same points. Nothing is asymptotic here and nothing
assumed of the data. Test points with a common neighbour stand or fall together: if c_i(a) of those whose neighbour is i
are of class a, the number of hits is sum_i c_i(Y_i) with independent Y_i, and its variance is
sum_i sum_a P_{y_i}(a) c_i(a)^2 - (sum_a P_{y_i}(a) c_i(a))^2 (P: see `corruption`).
"""

from dataclasses import dataclass

import numpy as np

from theory.common.arrays import as_float64, as_points, require_unmasked
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled
from theory.expressivity.projection import blocks
from theory.label_noise.corruption import Float64Array, Labels, as_classes, label_distribution, one_hot


@plain_numbers
def memorised_accuracy(clean_accuracy: float, label_noise: float, chance: float) -> float:
    """Expected test accuracy of a rule that copies one training label: (1 - p) A + p/k.

    Exact for one-nearest-neighbour; for other rules the line that memorising the noise and nothing else predicts.

    Arguments:
        clean_accuracy: A.
        label_noise: p.
        chance: 1/k.

    Raises ValueError unless all three lie in [0, 1].
    """
    if not (0 <= clean_accuracy <= 1 and 0 <= label_noise <= 1 and 0 <= chance <= 1):
        raise ValueError(f"shares lie between 0 and 1, got {clean_accuracy}, {label_noise} and {chance}")
    return (1 - label_noise) * clean_accuracy + label_noise * chance


def nearest_neighbours(train: Float64Array, test: Float64Array) -> Labels:
    """Index of the training point (n, d) nearest to each test point (m, d), Euclidean, (m,).

    By brute force in float64: from products about the mean, and by differences wherever the rounding of products leaves
    more than one candidate. The first of several at an equal distance is taken.
    """
    train, test = as_float64(as_points(train, "train"), "train"), as_float64(as_points(test, "test"), "test")
    if train.shape[1] != test.shape[1]:
        raise ValueError(f"train and test must have as many coordinates, got shapes {train.shape} and {test.shape}")
    unit = max(exponent(train), exponent(test))
    train, test = scaled(train, -unit), scaled(test, -unit)
    centre = train.mean(axis=0)
    near, far = train - centre, test - centre
    squares, others = np.einsum("ij,ij->i", near, near), np.einsum("ij,ij->i", far, far)
    # Each of the three terms is off by at most (d + 2) eps of the squared norms, and so is the centring.
    slack = 8 * (train.shape[1] + 4) * np.finfo(np.float64).eps * (others + squares.max())
    indices = np.empty(len(test), dtype=np.int64)
    for rows in blocks(len(test), 16 * len(train)):
        distances = squares - 2 * (far[rows] @ near.T)
        indices[rows] = distances.argmin(axis=1)
        candidates = distances <= distances.min(axis=1, keepdims=True) + slack[rows, None]
        for row in np.flatnonzero(candidates.sum(axis=1) > 1):
            among = np.flatnonzero(candidates[row])
            indices[rows.start + row] = among[_squared_distances(train[among], test[rows.start + row]).argmin()]
    return indices


def _squared_distances(points: Float64Array, point: Float64Array) -> Float64Array:
    """The numbers ||points_i - point||^2 up to a common factor that keeps small differences from underflow."""
    differences = points - point
    differences = scaled(differences, -exponent(differences))
    return np.asarray((differences**2).sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class AccuracyMoments:
    """Mean and variance of a test accuracy over draws of the training labels' noise, data and test set fixed."""

    mean: float
    variance: float


@plain_numbers
def copied_accuracy(
    neighbours: Labels, labels: Labels, test_labels: Labels, label_noise: float, num_classes: int
) -> AccuracyMoments:
    """The accuracy of copying the label of a given training sample, exactly, over draws of the noise.

    Arguments:
        neighbours: the sample whose label a test point gets, (m,): `nearest_neighbours`.
        labels: clean training labels (n,), in 0 .. num_classes - 1.
        test_labels: (m,), what is right.
        label_noise, num_classes: p and k.

    Raises ValueError if lengths differ, there is no test point, or indices or labels are out of range.
    """
    require_unmasked(neighbours, "neighbours")
    neighbours, labels = np.asarray(neighbours), as_classes(labels, num_classes)
    if len(neighbours) != len(test_labels) or not len(neighbours):
        lengths = f"{len(neighbours)} and {len(test_labels)}"
        raise ValueError(f"neighbours and test_labels must be of one length, at least 1, got {lengths}")
    if not 0 <= neighbours.min() <= neighbours.max() < len(labels):
        raise ValueError(f"neighbours must be indices of the {len(labels)} training samples")
    used, position = np.unique(neighbours, return_inverse=True)
    counts = np.zeros((len(used), num_classes))
    np.add.at(counts, position, one_hot(test_labels, num_classes))
    chances = one_hot(labels[used], num_classes) @ label_distribution(label_noise, num_classes)
    means = np.sum(chances * counts, axis=1)
    variances = np.sum(chances * (counts - means[:, None]) ** 2, axis=1)
    return AccuracyMoments(float(means.sum()) / len(neighbours), float(variances.sum()) / len(neighbours) ** 2)
