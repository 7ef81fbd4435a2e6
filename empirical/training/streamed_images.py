"""Images that memory does not hold, read for the network in the background.

Threads read the coming images, by pieces of a batch; as uint8 they go to the device, and the network's input is made
there: crop or augmentation, then whitening. Order and pixels do not depend on the number of threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch

from empirical.datasets import ImageDataset
from empirical.datasets.lazy_images import Images, LazyImages, Samples
from empirical.datasets.preprocessing import seen_shape, whiten
from empirical.datasets.read_ahead import read_ahead, usable_cores
from empirical.training.augmentation import augment
from empirical.training.config import Augmentation

_PIECE = 16  # images that a thread reads at once
_PIECES_AHEAD = 8  # for each thread: two threads are two batches of 128 ahead
_BYTES_AHEAD = 1 << 29


class StreamedImages:
    """The images of a split as the network sees them, read whenever they are asked for; an `ImageSource`."""

    def __init__(
        self,
        images: LazyImages | Images,
        crop: int | None,
        device: str | torch.device,
        *,
        memory_format: torch.memory_format = torch.contiguous_format,
        workers: int | None = None,
    ):
        """Stream these images.

        Arguments:
            images: the stored images, uint8 or float32 (n, channels, height, width).
            crop: side of the centre crop, which augmentation replaces; None crops nothing.
            device: where the batches are put.
            memory_format: the memory format of the batches.
            workers: threads; by default the cores that this process may use.
        """
        self._images, self._crop, self._device = images, crop, torch.device(device)
        self._memory_format, self._workers = memory_format, workers or usable_cores()

    def __len__(self) -> int:
        return len(self._images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns), as the network sees them."""
        return seen_shape(self._images.shape[1:], self._crop)

    def batches(
        self, samples: Sequence[torch.Tensor], augmentation: Augmentation = "none", numbers: torch.Tensor | None = None
    ) -> Iterator[torch.Tensor]:
        """Preprocessed images, float32 (len, channels, rows, columns) on the device, a tensor for each of `samples`.

        Arguments:
            samples: tensors of sample indices, on any device.
            augmentation: how images are changed at random.
            numbers: the draws behind it, (len(self), 5), by sample index; see `draw_augmentations`.

        Reading begins with the first batch that is asked for, and the threads end with the iterator. What goes wrong in
        one of them is raised in place of its batch: a ValueError names the file that cannot be read. ValueError also
        for augmentation without numbers.
        """
        if augmentation != "none" and numbers is None:
            raise ValueError(f"augmentation {augmentation} needs its random numbers")
        return self._batches(samples, augmentation, numbers)

    def _batches(
        self, samples: Sequence[torch.Tensor], augmentation: Augmentation, numbers: torch.Tensor | None
    ) -> Iterator[torch.Tensor]:
        # All indices at once: one by one, each copy would wait for all that the device has to do before.
        lengths = [len(batch) for batch in samples]
        indices = torch.cat(list(samples)).cpu().split(lengths) if lengths else ()
        pieces = read_ahead(
            self._read,
            (piece for batch in indices if len(batch) for piece in batch.split(_PIECE)),
            workers=self._workers,
            ahead=self._pieces_ahead(),
        )
        with closing(pieces):
            for own_samples, batch in zip(samples, indices, strict=True):
                if not len(batch):  # a process may have no share in the last samples of an epoch
                    yield torch.empty(0, *self.shape, device=self._device)
                    continue
                number = -(-len(batch) // _PIECE)
                stored = torch.cat([next(pieces).to(self._device, non_blocking=True) for _ in range(number)])
                chosen = torch.empty(0) if numbers is None else numbers[own_samples.to(numbers.device)].to(self._device)
                yield self._as_seen(stored, augmentation, chosen)

    def _pieces_ahead(self) -> int:
        return _pieces_ahead(int(np.prod(self._images.shape[1:])) * self._images.dtype.itemsize, self._workers)

    def _read(self, samples: torch.Tensor) -> torch.Tensor:
        chosen: Samples = samples.numpy()
        images = torch.from_numpy(self._images[chosen])
        return images.pin_memory() if self._device.type == "cuda" else images

    def _as_seen(self, stored: torch.Tensor, augmentation: Augmentation, numbers: torch.Tensor) -> torch.Tensor:
        changed = augment(augmentation, stored, numbers, self._crop)
        return whiten(changed).contiguous(memory_format=self._memory_format)


def _pieces_ahead(image_bytes: int, workers: int) -> int:
    return max(workers, min(_PIECES_AHEAD * workers, _BYTES_AHEAD // (_PIECE * image_bytes)))


def ahead_bytes(image_shape: tuple[int, int, int]) -> int:
    """The bytes of uint8 images that are read ahead, by as many threads as there are cores to use."""
    image_bytes = int(np.prod(image_shape))
    return _pieces_ahead(image_bytes, usable_cores()) * _PIECE * image_bytes


@dataclass(frozen=True, eq=False)
class StreamedData:
    """The data of a run whose images are streamed; the labels are tensors on its device, as for any run.

    Attributes:
        train_source, test_source: the images.
        train_labels: the labels the network is given, int64 (n,).
        clean_labels: the training labels before corruption, int64 (n,).
        test_labels: clean, int64 (m,).
    """

    train_source: StreamedImages
    train_labels: torch.Tensor
    clean_labels: torch.Tensor
    test_source: StreamedImages
    test_labels: torch.Tensor


def is_streamed(dataset: ImageDataset) -> bool:
    """Whether memory does not hold all images."""
    return any(isinstance(split.stored, LazyImages) for split in (dataset.train, dataset.test))
