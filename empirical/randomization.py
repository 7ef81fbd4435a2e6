"""The paper's randomisation tests (Zhang et al. 2017, section 2.1), as pure functions of data and seed.

A test is two independent choices: what happens to the pixels and with what probability a training label is replaced.

| test                       | pixels   | label noise p |
| -------------------------- | -------- | ------------- |
| true labels                | original | 0             |
| partially corrupted labels | original | 0 < p < 1     |
| random labels              | original | 1             |
| shuffled pixels            | shuffled | 0             |
| random pixels              | random   | 0             |
| Gaussian                   | gaussian | 0             |

All is drawn once, before training, keyed by the index of the sample, so that no loader, order of access or
worker can change it. The pixels of lazy images are changed whenever they are read, to the same bits. Test labels are
never touched; test images get the same treatment as training images, from a stream of their own (the one permutation
of shuffled pixels is the same for both).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from empirical.datasets import ImageDataset, ImageSplit
from empirical.datasets.lazy_images import ComputedImages, Images, LazyImages, Samples, count_values
from theory.common.names import nearest_name
from theory.common.streams import normals, words
from theory.label_noise import corrupt_labels

Pixels = Literal["original", "shuffled", "random", "gaussian"]

_BLOCK = 2048  # samples whose random words are held at once


@dataclass(frozen=True)
class Randomization:
    """Which of the tests.

    Attributes:
        pixels: what happens to the pixels of training and test images.
        label_noise: probability with which a training label is replaced by a class drawn uniformly from all.
    """

    pixels: Pixels = "original"
    label_noise: float = 0.0

    def __post_init__(self) -> None:
        if self.pixels not in get_args(Pixels):
            raise ValueError(f"pixels must be one of {', '.join(get_args(Pixels))}, got {self.pixels!r}")
        if not 0.0 <= self.label_noise <= 1.0:
            raise ValueError(f"label_noise is a probability, got {self.label_noise}")

    @property
    def name(self) -> str:
        """The paper's name of the test."""
        labels = {0.0: "true labels", 1.0: "random labels"}.get(
            self.label_noise, f"corrupted labels, p = {self.label_noise:g}"
        )
        if self.pixels == "original":
            return labels
        pixels = "Gaussian" if self.pixels == "gaussian" else f"{self.pixels} pixels"
        return pixels if self.label_noise == 0 else f"{pixels}, {labels}"


def parse_test(name: str) -> Randomization:
    """The test called `true-labels`, `corrupted-P` (such as corrupted-0.2), `random-labels`, `shuffled-pixels`,
    `random-pixels` or `gaussian`. Raises ValueError for any other name.
    """
    if name in _TESTS:
        return _TESTS[name]
    kind, _, probability = name.partition("-")
    try:
        if kind == "corrupted":
            return Randomization(label_noise=float(probability))
    except ValueError:
        pass
    raise ValueError(f"test (--tests): {nearest_name(name, [*_TESTS, 'corrupted-P with P in 0 .. 1'])}")


_TESTS = {
    "true-labels": Randomization(),
    "random-labels": Randomization(label_noise=1.0),
    "shuffled-pixels": Randomization(pixels="shuffled"),
    "random-pixels": Randomization(pixels="random"),
    "gaussian": Randomization(pixels="gaussian"),
}


@dataclass(frozen=True, eq=False)
class RandomizedDataset:
    """A randomised data set beside what it was made from.

    Attributes:
        data: what the network is given: training labels may be corrupted, the test labels are clean.
        clean_labels: the training labels before corruption, int64 (n,).
        changed: which training labels differ from the clean ones, bool (n,). Under noise p among k classes their
            expected share is p (k - 1)/k: a label drawn anew is the old one once in k times.
    """

    data: ImageDataset
    clean_labels: npt.NDArray[np.int64]
    changed: npt.NDArray[np.bool_]


def randomize(data: ImageDataset, randomization: Randomization, seed: int) -> RandomizedDataset:
    """Apply a test to a data set: lazy images stay lazy."""
    labels = corrupt_labels(data.train.labels, data.num_classes, randomization.label_noise, seed)
    moments = image_moments(data.train.stored) if randomization.pixels == "gaussian" else (0.0, 0.0)
    train, test = (
        ImageSplit(
            _change_images(split.stored, name, randomization.pixels, seed, moments),
            split_labels,
            _identity(split, name, randomization.pixels, seed, moments),
        )
        for name, split, split_labels in (("train", data.train, labels), ("test", data.test, data.test.labels))
    )
    randomized = ImageDataset(
        name=data.name,
        train=train,
        test=test,
        class_names=data.class_names,
        source=data.source,
    )
    return RandomizedDataset(randomized, data.train.labels, labels != data.train.labels)


def _identity(split: ImageSplit, name: str, pixels: Pixels, seed: int, moments: tuple[float, float]) -> str:
    if not split.identity or pixels == "original":
        return split.identity
    return f"{split.identity}; {pixels} pixels, {name}, seed {seed}, {moments}"


def _change_images(
    images: Images | LazyImages, split: str, pixels: Pixels, seed: int, moments: tuple[float, float]
) -> Images | LazyImages:
    """The images of a split under a test; `moments` are the mean and variance of Gaussian ones."""
    n, channels, height, width = images.shape
    match pixels:
        case "original":
            return images
        case "shuffled":
            permutation = pixel_permutation(height * width, seed)
            return _change(images, lambda some, samples: permute_pixels(some, permutation))
        case "random":
            return _change(images, lambda some, samples: permute_pixels_of_each(some, seed, split, samples))
        case "gaussian":
            shape = (n, channels, height, width)
            if not isinstance(images, LazyImages):
                return gaussian_images(shape, *moments, seed, split)
            return ComputedImages(
                shape,
                np.dtype(np.float32),
                lambda samples: gaussian_images(shape, *moments, seed, split, samples),
            )


def _change(images: Images | LazyImages, change: Callable[[Images, Samples], Images]) -> Images | LazyImages:
    """change(images, their indices): now, or whenever lazy images are read."""
    if isinstance(images, LazyImages):
        source = images
        return ComputedImages(
            source.shape, source.dtype, lambda samples: change(source.read(samples), samples), source.reading_order()
        )
    return change(images, np.arange(len(images)))


def pixel_permutation(num_pixels: int, seed: int) -> npt.NDArray[np.int64]:
    """The one permutation of pixel positions of the shuffled-pixels test."""
    return np.argsort(words(seed, "pixel-permutation", [0], num_pixels)[0], kind="stable").astype(np.int64)


def permute_pixels(images: Images, permutation: npt.NDArray[np.int64]) -> Images:
    """Move the pixels of every image by one permutation of positions; the colours of a pixel stay together."""
    n, channels = images.shape[:2]
    return images.reshape(n, channels, -1)[:, :, permutation].reshape(images.shape)


def permute_pixels_of_each(
    images: Images, seed: int, split: str, samples: npt.NDArray[np.int64] | None = None
) -> Images:
    """Move the pixels of every image by a permutation of its own, keyed by split and sample index."""
    samples = np.arange(len(images)) if samples is None else samples
    n, channels, height, width = images.shape
    flat = images.reshape(n, channels, height * width)
    out = np.empty_like(flat)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        # Sorting random 64-bit keys gives a uniform permutation; two of 1,024 keys tie once in 10^13 images.
        order = np.argsort(words(seed, f"random-pixels/{split}", samples[rows], height * width), kind="stable")
        out[rows] = np.take_along_axis(flat[rows], order[:, None, :], axis=2)
    return out.reshape(images.shape)


def image_moments(images: Images | LazyImages) -> tuple[float, float]:
    """Mean and variance of all values of all pixels: exactly the same of lazy images, in one pass over them.

    A memory map has its histogram beside it and needs no pass. Raises TypeError for lazy images that are not uint8.
    """
    if isinstance(images, LazyImages) or images.dtype == np.uint8:
        counts = (images.histogram() if isinstance(images, LazyImages) else count_values(images)).astype(np.float64)
        values = np.arange(256.0)
        mean = float(counts @ values / counts.sum())
        return mean, float(counts @ (values - mean) ** 2 / counts.sum())
    return float(images.mean(dtype=np.float64)), float(images.var(dtype=np.float64))


def gaussian_images(
    shape: tuple[int, ...],
    mean: float,
    variance: float,
    seed: int,
    split: str,
    samples: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float32]:
    """Images whose every value is drawn from N(mean, variance), keyed by split and sample index.

    float32, in pixel units, neither rounded nor clipped to 0 .. 255: either would change the moments.
    """
    samples = np.arange(shape[0]) if samples is None else samples
    size = int(np.prod(shape[1:]))
    out = np.empty((len(samples), size), dtype=np.float32)
    deviation = np.sqrt(variance)
    for start in range(0, len(samples), _BLOCK):
        rows = slice(start, start + _BLOCK)
        bits = words(seed, f"gaussian/{split}", samples[rows], size + size % 2)
        out[rows] = mean + deviation * normals(bits)[:, :size]
    return out.reshape(len(samples), *shape[1:])
