"""What happens to the pixels under a test: nothing, one permutation for all images or one for each, noise in
their place or mixed in.

The images of a split depend on the seed, the name of the split and the index of the sample alone.
"""

from collections.abc import Callable
from typing import Any, Literal, assert_never

import numpy as np
import numpy.typing as npt

from empirical.datasets.lazy_images import ComputedImages, Images, LazyImages, Samples, count_values
from theory.common.streams import normals, words

Pixels = Literal["original", "shuffled", "random", "gaussian", "mixed"]

_BLOCK = 2048  # samples whose random words are held at once


def change_images(
    images: Images | LazyImages,
    split: str,
    pixels: Pixels,
    seed: int,
    moments: tuple[float, float],
    noise_share: float = 0.0,
) -> Images | LazyImages:
    """The images of a split under a test; `moments` are the mean and variance of Gaussian ones, `noise_share` is that
    of mixed ones.
    """
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
        case "mixed":
            return _change(
                images,
                lambda some, samples: mix_with_noise(some, noise_share, seed, split, samples),
                np.dtype(np.float32),
            )
        case _:
            assert_never(pixels)


def _change(
    images: Images | LazyImages, change: Callable[[Images, Samples], Images], dtype: np.dtype[Any] | None = None
) -> Images | LazyImages:
    """Apply change(images, their indices), which gives images of `dtype`: now, or whenever lazy images are read."""
    if isinstance(images, LazyImages):
        source = images
        return ComputedImages(
            source.shape,
            dtype or source.dtype,
            lambda samples: change(source.read(samples), samples),
            source.reading_order(),
        )
    return change(images, np.arange(len(images)))


def pixel_permutation(num_pixels: int, seed: int) -> npt.NDArray[np.int64]:
    """The permutation of pixel positions that the shuffled-pixels test uses for all images."""
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

    A memory map comes with its histogram and needs no pass. Raises TypeError for lazy images that are not uint8.
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


def mix_with_noise(
    images: Images, share: float, seed: int, split: str, samples: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.float32]:
    r"""Mix every image with Gaussian noise of its own mean and variance: images get further apart, and nothing else.

    An image x of d values has mean m and variance v. With noise z, independent standard normal, and share s,

        x' = m + ((1 - s) (x - m) + s sqrt(v) z) / sqrt((1 - s)^2 + s^2).

    The root keeps the variance: E mean(x') = m and E ||x' - m||^2 = d v at every s. So an image that is whitened, u =
    (x - m)/sqrt(v), becomes sqrt(1 - q) u + sqrt(q) z with q = s^2/((1 - s)^2 + s^2), up to the noise's own moments,
    which are off by order d^(-1/2). Two whitened images, each of squared norm d, are then at the expected distance

        E ||u_i' - u_j'||^2 = (1 - q) ||u_i - u_j||^2 + 2 q d,

    which goes straight from their own to 2d, that of independent noise, as q goes from 0 to 1: like images move apart,
    and pairs that are nearly orthogonal stay where they are.

    Arguments:
        images: (n, channels, height, width), of any real type.
        share: s, from 0, the images themselves, to 1, noise alone.
        seed: the seed of the noise, keyed by split and sample index.
        samples: indices of the images, 0 .. n-1 by default.

    Returns float32, in pixel units, neither rounded nor clipped to 0 .. 255, as `gaussian_images`.
    """
    samples = np.arange(len(images)) if samples is None else samples
    flat = images.reshape(len(images), -1)
    size = flat.shape[1]
    kept, mixed = np.array([1 - share, share]) / np.hypot(1 - share, share)
    out = np.empty(flat.shape, dtype=np.float32)
    for start in range(0, len(flat), _BLOCK):
        rows = slice(start, start + _BLOCK)
        values = flat[rows].astype(np.float64)
        mean, deviation = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
        noise = normals(words(seed, f"mixed/{split}", samples[rows], size + size % 2))[:, :size]
        out[rows] = mean + kept * (values - mean) + mixed * deviation * noise
    return out.reshape(images.shape)
