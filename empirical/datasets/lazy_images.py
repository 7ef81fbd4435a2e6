"""Images that are not in memory: an array from which any images are read by their indices."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.datasets.read_ahead import ProgressLines, read_ahead
from theory.common.memory import available_memory

Images = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

_BLOCK = 64  # images that a thread reads at once


class LazyImages(ABC):
    """Images that are read or computed when they are asked for, the same each time; safe to use from several
    threads."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int, int]:
        """The shape (n, channels, height, width)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8, or float32 in the same units."""
        return np.dtype(np.uint8)

    @abstractmethod
    def read(self, samples: Samples) -> Images:
        """The images with these indices, each in 0 .. n - 1: shape (len(samples), channels, height, width)."""

    def reading_order(self) -> Samples:
        """All indices, in the order in which a pass over all images reads least."""
        return np.arange(len(self))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, samples: slice | npt.ArrayLike) -> Images:
        """The images of a slice or of a vector of indices, as for an array. Raises IndexError for any other index."""
        n = len(self)
        chosen = np.arange(*samples.indices(n)) if isinstance(samples, slice) else np.asarray(samples)
        if chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
            raise IndexError(f"lazy images take a slice or a vector of integers, got {samples!r}")
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < n:
            raise IndexError(f"indices run from {chosen.min()} to {chosen.max()}, not within 0 .. {n - 1}")
        return self.read(chosen.astype(np.int64))

    @property
    def nbytes(self) -> int:
        """The bytes that all images would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def first(self, n: int) -> "LazyImages":
        """The first `n` images, lazy."""
        order = self.reading_order()
        return ComputedImages((n, *self.shape[1:]), self.dtype, self.read, order[order < n])

    def histogram(self) -> npt.NDArray[np.int64]:
        """How often each value 0 .. 255 occurs over all pixels of all images, (256,): one pass over them, made once.

        Raises TypeError for images that are not uint8.
        """
        return self._histogram

    @cached_property
    def _histogram(self) -> npt.NDArray[np.int64]:
        if self.dtype != np.uint8:
            raise TypeError(f"a histogram is of uint8 images, these are {self.dtype}")
        lines, counts = ProgressLines("moments of all pixels", len(self)), np.zeros(256, np.int64)
        blocks = _blocks(self.reading_order())
        for block, block_counts in zip(
            blocks, read_ahead(lambda samples: count_values(self.read(samples)), blocks), strict=True
        ):
            counts += block_counts
            lines.advance(len(block))
        return counts


@dataclass(frozen=True, eq=False)
class ComputedImages(LazyImages):
    """Images that are a function of their indices.

    Attributes:
        shape_: see `shape`.
        dtype_: see `dtype`.
        compute: from indices to images; pure.
        order: see `reading_order`; by default the order of the indices.
    """

    shape_: tuple[int, int, int, int]
    dtype_: np.dtype[Any]
    compute: Callable[[Samples], Images]
    order: Samples | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape (n, channels, height, width)."""
        return self.shape_

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or float32."""
        return self.dtype_

    def read(self, samples: Samples) -> Images:
        """Compute these images."""
        return self.compute(samples)

    def reading_order(self) -> Samples:
        """The order given."""
        return np.arange(len(self)) if self.order is None else self.order


def in_memory(images: LazyImages) -> Images:
    """All images as one array. Raises ValueError, before anything is read, if memory does not hold them."""
    free = available_memory()
    if images.nbytes > free:
        raise ValueError(
            f"{len(images):,} images of {' x '.join(map(str, images.shape[1:]))} take {images.nbytes / 1e9:.1f} GB of "
            f"memory and {free / 1e9:.1f} GB are free: use fewer of them (--train-size, --test-size), a smaller "
            "--image-size, or train a network, which can stream them (--data-storage stream or memmap)"
        )
    out, lines = np.empty(images.shape, images.dtype), ProgressLines("reading into memory", len(images))
    blocks = _blocks(images.reading_order())
    for samples, block in zip(blocks, read_ahead(images.read, blocks), strict=True):
        out[samples] = block
        lines.advance(len(samples))
    return out


def count_values(images: Images) -> npt.NDArray[np.int64]:
    """How often each value 0 .. 255 occurs in uint8 images: (256,)."""
    # One by one: bincount takes eight bytes a value.
    return sum((np.bincount(image.reshape(-1), minlength=256) for image in images), np.zeros(256, np.int64))


def _blocks(samples: Samples) -> list[Samples]:
    return [samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK)]
