"""What an image's colours alone tell of its class: what is left where each image's pixels are permuted.

A permutation of an image's pixels keeps every function of the set of its pixels. From these an accuracy follows that is
above chance and owes nothing to shapes: the baseline for the test with random pixels.
"""

import numpy as np
import numpy.typing as npt

_QUANTILES = np.linspace(0, 1, 9)
_RIDGE = 1e-3  # of the standardised features' correlation matrix: quantiles of grey images may repeat one another
_BLOCK = 2048


def colour_statistics(images: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Means, covariances and quantiles of the channels over an image's pixels: the same for any order of the pixels.

    Arguments:
        images: (n, channels, height, width), of any real type.

    Returns (n, channels + channels (channels + 1) / 2 + 9 channels), in pixel units (squared, for covariances).
    """
    n, channels = images.shape[:2]
    rows, columns = np.triu_indices(channels)
    found = []
    for start in range(0, n, _BLOCK):
        stored = images[start : start + _BLOCK]
        pixels = stored.reshape(len(stored), channels, -1).astype(np.float64)
        mean = pixels.mean(axis=2)
        centred = pixels - mean[:, :, None]
        covariance = (centred @ centred.transpose(0, 2, 1) / pixels.shape[2])[:, rows, columns]
        at = np.rint(_QUANTILES * (pixels.shape[2] - 1)).astype(int)
        quantiles = np.sort(pixels, axis=2)[:, :, at].reshape(len(stored), -1)
        found.append(np.concatenate([mean, covariance, quantiles], axis=1))
    return np.concatenate(found)


def colour_statistics_accuracy(
    train: npt.NDArray[np.generic],
    train_labels: npt.NDArray[np.int64],
    test: npt.NDArray[np.generic],
    test_labels: npt.NDArray[np.int64],
    num_classes: int,
) -> float:
    """Test accuracy of linear discriminants on `colour_statistics` and their squares, fitted to the training images.

    Arguments:
        train, test: (n, channels, height, width).
        train_labels, test_labels: (n,), below `num_classes`.

    The discriminants are those of least squares on one-hot labels with a small ridge (Hastie, Tibshirani and Friedman
    2009, section 4.2): a lower bound on what colours can tell.
    """
    features = [colour_statistics(images) for images in (train, test)]
    mean, deviation = features[0].mean(axis=0), features[0].std(axis=0)
    deviation[deviation == 0] = 1.0
    X, X_test = (_with_squares((each - mean) / deviation) for each in features)
    Y = np.eye(num_classes)[train_labels]
    gram = X.T @ X / len(X)
    W = np.linalg.solve(gram + _RIDGE * np.eye(len(gram)), X.T @ (Y - Y.mean(axis=0)) / len(X))
    predictions = (X_test @ W + Y.mean(axis=0)).argmax(axis=1)
    return int((predictions == test_labels).sum()) / len(test_labels)


def _with_squares(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([features, features**2 - 1], axis=1)
