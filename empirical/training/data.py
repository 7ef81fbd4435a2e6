"""The data of a training run, on its device: sources of images, and labels."""

from dataclasses import dataclass
from typing import Protocol

import torch

from empirical.training.image_source import ImageSource, ResidentImages


class TrainingData(Protocol):
    """The data of a run: where its images come from, and its labels, tensors on the device.

    Labels are by sample, int64: the labels that the network is given, the labels before corruption, and the test set's.
    A source of images carries no labels of its own.
    """

    @property
    def train_source(self) -> ImageSource:
        """The training images."""

    @property
    def train_labels(self) -> torch.Tensor:
        """(n,)."""

    @property
    def clean_labels(self) -> torch.Tensor:
        """(n,)."""

    @property
    def test_source(self) -> ImageSource:
        """The test images."""

    @property
    def test_labels(self) -> torch.Tensor:
        """(m,)."""


@dataclass(frozen=True, eq=False)
class ResidentData:
    """All the data of a run as tensors on its device.

    Attributes:
        train_images, test_images: preprocessed, float32 (n, channels, height, width), contiguous or channels_last.
        stored_images: the training images before preprocessing, for runs with augmentation; None for the others.
        crop: side of the centre crop, which augmentation replaces.
        train_labels: the labels the network is given, int64 (n,).
        clean_labels: the training labels before corruption, int64 (n,).
        test_labels: clean, int64 (m,).
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    clean_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    stored_images: torch.Tensor | None = None
    crop: int | None = None

    @property
    def train_source(self) -> ImageSource:
        """The training images."""
        return ResidentImages(self.train_images, self.stored_images, self.crop)

    @property
    def test_source(self) -> ImageSource:
        """The test images."""
        return ResidentImages(self.test_images)
