"""The source of a network's images: batch after batch, as the network sees them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from empirical.datasets.preprocessing import whiten
from empirical.training.augmentation import augment
from empirical.training.config import Augmentation


class ImageSource(Protocol):
    """The images of a split, as the network sees them."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) of an image as the network sees it."""

    def batches(
        self,
        samples: Sequence[torch.Tensor],
        augmentation: Augmentation = "none",
        numbers: torch.Tensor | None = None,
    ) -> Iterator[torch.Tensor]:
        """Yield a tensor of images, float32 on the device, for each tensor of sample indices.

        Arguments:
            samples: int64 indices, a tensor for each batch.
            augmentation: how the images are changed at random.
            numbers: the random numbers of augmentation, (len(self), 5), by sample (`augmentation.draw_augmentations`).
        """


@dataclass(frozen=True, eq=False)
class ResidentImages:
    """All images of a split, in the memory of the device.

    Attributes:
        images: preprocessed, float32 (n, channels, rows, columns), contiguous or channels_last.
        stored: the images before preprocessing, for augmentation; None without augmentation.
        crop: side of the centre crop, which augmentation replaces.
    """

    images: torch.Tensor
    stored: torch.Tensor | None = None
    crop: int | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns)."""
        channels, rows, columns = self.images.shape[1:]
        return channels, rows, columns

    def batches(
        self,
        samples: Sequence[torch.Tensor],
        augmentation: Augmentation = "none",
        numbers: torch.Tensor | None = None,
    ) -> Iterator[torch.Tensor]:
        """Yield the batches; see `ImageSource.batches`. Raises ValueError for augmentation without stored images."""
        if augmentation != "none" and (self.stored is None or numbers is None):
            raise ValueError(f"augmentation {augmentation} needs the stored images (ResidentData.stored_images)")
        for some in samples:
            if self.stored is None or numbers is None or augmentation == "none" or not len(some):
                yield _select(self.images, some)
            else:
                drawn = numbers.index_select(0, some)
                yield whiten(augment(augmentation, _select(self.stored, some), drawn, self.crop))


def _select(images: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Select images in the memory format of all images: `index_select` alone would leave channels_last, slowly."""
    if images.is_contiguous():
        return images.index_select(0, samples)
    return images.permute(0, 2, 3, 1).index_select(0, samples).permute(0, 3, 1, 2)
