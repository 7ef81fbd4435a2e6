"""Features of images, block of columns by block of columns, so that they never need to sit in memory at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from empirical.datasets.lazy_images import Images

Compute = Callable[[int, Images], torch.Tensor]
"""Block `index` of the features of images (n, c, h, w): float32 (n, width)."""


@dataclass(frozen=True, eq=False)
class FeatureBlocks(Sequence[tuple[torch.Tensor, ...]]):
    """The blocks of several sets of images; block i is computed each time that it is asked for.

    Attributes:
        compute: a block of a set's features.
        sets: the sets of images.
        number: the number of blocks.
        width: columns of a block, at most.
        dtype: what the features are converted to.
    """

    compute: Compute
    sets: tuple[Images, ...]
    number: int
    width: int
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: Any) -> Any:
        """The features (n, width) in block `index`, for every set of images. Raises IndexError beyond the last
        block."""
        if not 0 <= index < self.number:
            raise IndexError(f"there are {self.number} blocks of features, got index {index}")
        return tuple(self.compute(index, images).to(self.dtype) for images in self.sets)

    def of(self, *sets: Images) -> "FeatureBlocks":
        """The blocks of other sets, by the same features."""
        return replace(self, sets=sets)

    def astype(self, dtype: torch.dtype) -> "FeatureBlocks":
        """The same blocks in another precision."""
        return replace(self, dtype=dtype)


class FeatureMap(Protocol):
    """A map to the features that a kernel acts on: a function of each image alone, once the training images and a seed
    have fixed it."""

    @property
    def name(self) -> str:
        """The name, as it is typed."""

    def dimension(self, image_shape: tuple[int, ...]) -> int:
        """Number of features of an image (channels, height, width). Raises ValueError for images that do not suit."""

    def blocks(self, fit_images: Images, *sets: Images, device: str = "cpu") -> FeatureBlocks:
        """The features of each set of images.

        Arguments:
            fit_images: the training images, which whatever depends on data is taken from.
            sets: images (n, channels, height, width), uint8, or float32 in the same units.
            device: where they are computed.
        """


def common_shape(fit_images: Images, sets: tuple[Images, ...]) -> tuple[int, ...]:
    """(channels, height, width) of all the images; ValueError if they differ or there are no images to fit on."""
    shapes = {images.shape[1:] for images in (fit_images, *sets)}
    if len(shapes) > 1 or fit_images.ndim != 4:
        raise ValueError(
            "images must be arrays (n, channels, height, width) that agree in all but n, got "
            f"{', '.join(str(images.shape) for images in (fit_images, *sets))}"
        )
    if not len(fit_images):
        raise ValueError("there are no images to fit the features on")
    return fit_images.shape[1:]
