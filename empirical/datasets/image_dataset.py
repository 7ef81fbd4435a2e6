"""One type for all image data: images with labels, in a training and a test split, with a digest of each."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.datasets.lazy_images import Images, LazyImages, in_memory


@dataclass(frozen=True, eq=False)
class ImageSplit:
    """Images with their labels. The arrays given become read-only: no later step alters them in place.

    Attributes:
        stored: the images, an array or lazy: shape (n, channels, height, width). uint8, or float32 in the same units
            for images that are drawn rather than taken: rounding a Gaussian or clipping it to 0 .. 255 would change its
            variance.
        labels: shape (n,), int64.
        identity: what tells these images from all others, in place of their pixels: for files `file_identity`.
            Lazy images need one; that of the whole split does for its first images, too.

    Two splits without identity hold the same data if and only if their digests are equal. With one, equal digests mean
    the same files, labels and image size, wherever the files lie and however they are stored: nothing is decoded to
    find out. `==` compares objects.
    """

    stored: Images | LazyImages
    labels: npt.NDArray[np.int64]
    identity: str = ""

    def __post_init__(self) -> None:
        if self.stored.dtype not in (np.uint8, np.float32):
            raise TypeError(f"images must be uint8 or float32, got {self.stored.dtype}")
        if self.labels.dtype != np.int64:
            raise TypeError(f"labels must be int64, got {self.labels.dtype}")
        if len(self.stored.shape) != 4 or 0 in self.stored.shape:
            raise ValueError(
                f"images must have shape (n, channels, height, width), none of them zero, got {self.stored.shape}"
            )
        if self.labels.ndim != 1:
            raise ValueError(f"labels must have shape (n,), got {self.labels.shape}")
        if len(self.stored) != len(self.labels):
            raise ValueError(f"{len(self.stored)} images, but {len(self.labels)} labels")
        if isinstance(self.stored, LazyImages):
            if not self.identity:
                raise ValueError("lazy images need an identity: their digest is made from it")
        else:
            _require_finite(self.stored)
            self.stored.setflags(write=False)
        self.labels.setflags(write=False)

    @cached_property
    def images(self) -> Images:
        """All images as one array; lazy images are read into memory at first use. Raises ValueError if memory does not
        hold them."""
        return in_memory(self.stored) if isinstance(self.stored, LazyImages) else self.stored

    @cached_property
    def digest(self) -> str:
        """SHA-256 of dtypes, shapes, images and labels (C order, little-endian), in hexadecimal. An identity, where the
        images have one, takes their place.
        """
        digest = hashlib.sha256()
        images = self.identity.encode() or _bytes(self.images)
        for array, content in ((self.stored, images), (self.labels, _bytes(self.labels))):
            digest.update(f"{array.dtype.name} {array.shape}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def first(self, n: int) -> "ImageSplit":
        """The first `n` images. Raises ValueError unless n is in 1 .. the number of images."""
        if not 1 <= n <= len(self.labels):
            raise ValueError(f"{n} images asked for, of a split that contains {len(self.labels)}")
        stored = self.stored.first(n) if isinstance(self.stored, LazyImages) else self.stored[:n]
        return ImageSplit(stored, self.labels[:n], self.identity)


def _require_finite(images: Images) -> None:
    """Raise ValueError for NaN or infinity: one such pixel makes every loss NaN, which shows hours later."""
    if images.dtype != np.float32:
        return
    for number, image in enumerate(images):
        if not np.isfinite(image).all():
            raise ValueError(f"image {number} has a pixel that is NaN or infinite: images must be finite numbers")


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A training and a test split of labelled images.

    Attributes:
        name: the data set's name on the command line.
        train, test: the splits, with images of one shape.
        class_names: the name of class 0, 1, ...
        source: one sentence on where the data came from.
    """

    name: str
    train: ImageSplit
    test: ImageSplit
    class_names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if self.train.stored.shape[1:] != self.test.stored.shape[1:]:
            raise ValueError(
                f"{self.name}: training images have shape {self.train.stored.shape[1:]}, "
                f"but test images {self.test.stored.shape[1:]}"
            )
        for title, labels in (("training", self.train.labels), ("test", self.test.labels)):
            low, high = int(labels.min()), int(labels.max())
            if low < 0 or high >= self.num_classes:
                raise ValueError(
                    f"{self.name}: {title} labels run from {low} to {high}, "
                    f"but with {self.num_classes} classes they must be in 0 .. {self.num_classes - 1}"
                )

    @property
    def num_classes(self) -> int:
        """The number of classes, k."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        _, channels, height, width = self.train.stored.shape
        return channels, height, width

    def subset(self, n_train: int | None = None, n_test: int | None = None) -> "ImageDataset":
        """The first `n_train` training and `n_test` test images, None for all; the line `source` says so.

        Raises ValueError for a number below 1 or above the number of images.
        """
        parts = []
        n_train = None if n_train == len(self.train.labels) else n_train
        n_test = None if n_test == len(self.test.labels) else n_test
        if n_train is not None:
            parts.append(f"the first {n_train:,} of {len(self.train.labels):,} training images")
        if n_test is not None:
            parts.append(f"the first {n_test:,} of {len(self.test.labels):,} test images")
        return replace(
            self,
            train=self.train if n_train is None else self.train.first(n_train),
            test=self.test if n_test is None else self.test.first(n_test),
            source="; ".join([self.source, *parts]),
        )
