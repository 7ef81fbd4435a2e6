"""The accuracy that an image's colours alone allow: what a permutation of each image's pixels leaves.

A permutation of an image's pixels keeps every function of the set of its pixels. From these an accuracy follows that is
above chance and owes nothing to shapes: the baseline for the test with random pixels.
"""

import numpy as np
import numpy.typing as npt

_QUANTILES = np.linspace(0, 1, 9)
_RIDGE = 1e-3  # ridge on standardised features, since quantiles may be equal
_BLOCK = 2048


def colour_statistics(images: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """The means, covariances and quantiles of the channels over an image's pixels: the same for any order of the
    pixels.

    Arguments:
        images: (n, channels, height, width), of any real type.

    Returns (n, channels + channels (channels + 1) / 2 + 9 channels), in pixel units (squared, for covariances).
    """
    n, channels = images.shape[:2]
    rows, columns = np.triu_indices(channels)
    blocks = []
    for start in range(0, n, _BLOCK):
        stored = images[start : start + _BLOCK]
        pixels = stored.reshape(len(stored), channels, -1).astype(np.float64)
        mean = pixels.mean(axis=2)
        centred = pixels - mean[:, :, None]
        covariance = (centred @ centred.transpose(0, 2, 1) / pixels.shape[2])[:, rows, columns]
        at = np.rint(_QUANTILES * (pixels.shape[2] - 1)).astype(int)
        quantiles = np.sort(pixels, axis=2)[:, :, at].reshape(len(stored), -1)
        blocks.append(np.concatenate([mean, covariance, quantiles], axis=1))
    return np.concatenate(blocks)


def colour_statistics_accuracy(
    train: npt.NDArray[np.generic],
    train_labels: npt.NDArray[np.int64],
    test: npt.NDArray[np.generic],
    test_labels: npt.NDArray[np.int64],
    num_classes: int,
) -> float:
    """The test accuracy of linear discriminants on `colour_statistics` and their squares, fitted to the training
    images.

    Arguments:
        train, test: (n, channels, height, width).
        train_labels, test_labels: (n,), below `num_classes`.

    Linear discriminant analysis, with a small ridge on the covariance that the classes share (Hastie, Tibshirani and
    Friedman 2009, section 4.3): a lower bound on what colours can tell. A class without training images is never
    predicted.
    """
    features = [colour_statistics(images) for images in (train, test)]
    mean, deviation = features[0].mean(axis=0), features[0].std(axis=0)
    deviation[deviation == 0] = 1.0
    X, X_test = (_with_squares((array - mean) / deviation) for array in features)
    shares = np.bincount(train_labels, minlength=num_classes) / len(train_labels)
    seen = np.flatnonzero(shares)
    means = np.array([X[train_labels == label].mean(axis=0) for label in seen])
    within = X - means[np.searchsorted(seen, train_labels)]
    shared = within.T @ within / len(X) + _RIDGE * np.eye(X.shape[1])
    directions = np.linalg.solve(shared, means.T)
    offsets = np.log(shares[seen]) - 0.5 * (means * directions.T).sum(axis=1)
    predictions = seen[(X_test @ directions + offsets).argmax(axis=1)]
    return int((predictions == test_labels).sum()) / len(test_labels)


def _with_squares(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([features, features**2 - 1], axis=1)
