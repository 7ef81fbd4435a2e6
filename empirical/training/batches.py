"""The batches of an epoch: every sample once, in the epoch's own order."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from empirical.training.augmentation import draw_augmentations
from empirical.training.config import TrainingConfig
from empirical.training.data import TrainingData
from empirical.training.distributed import ALONE, Ranks
from theory.common.streams import words


def epoch_order(seed: int, epoch: int, n: int) -> npt.NDArray[np.int64]:
    """The order of n samples in an epoch, int64 (n,)."""
    return np.argsort(words(seed, "shuffling", [epoch], n)[0], kind="stable")


class Batches:
    """The batches of an epoch, in the epoch's own order: every sample once, and any batch by its number. A rank takes
    its share of each batch.

    Attributes:
        order: the samples of all batches, int64 (n,), on the device.
        numbers: the random numbers of augmentation, (n, 5) by sample, on the device; None without augmentation.
        sizes: the sizes of the whole batches.
    """

    def __init__(self, data: TrainingData, config: TrainingConfig, seed: int, epoch: int, ranks: Ranks = ALONE):
        n, device = len(data.train_labels), data.train_labels.device
        self.order = torch.from_numpy(epoch_order(seed, epoch, n)).to(device)
        whole = self.order.split(config.batch_size)
        self.sizes = [len(batch) for batch in whole]
        self._samples = [batch[ranks.share(len(batch))] for batch in whole]
        self._data, self._augmentation = data, config.augmentation
        self.numbers = None
        if config.augmentation != "none":
            self.numbers = draw_augmentations(seed, epoch, n).to(device)

    def __len__(self) -> int:
        return len(self._samples)

    def starting(self, at: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        """Yield the batches from number `at` on: images as the network sees them, their given labels, and the whole
        batch's size."""
        samples, labels = self._samples[at:], self._data.train_labels
        images = self._data.train_source.batches(samples, self._augmentation, self.numbers)
        for some, shown, size in zip(samples, images, self.sizes[at:], strict=True):
            yield shown, labels.index_select(0, some), size
