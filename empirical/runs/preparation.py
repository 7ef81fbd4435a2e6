"""A run's network at its initial weights, and its data on its device."""

import math

import torch
from torch import nn

from empirical.datasets.preprocessing import preprocess, seen_shape
from empirical.models import build_model
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.training.data import ResidentData, TrainingData
from empirical.training.dropout import set_dropout
from empirical.training.streamed_images import StreamedData, StreamedImages, is_streamed
from theory.common.memory import available_memory


def resident_data(
    randomized: RandomizedDataset,
    crop: int | None,
    device: str,
    *,
    augmented: bool = False,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> ResidentData:
    """A randomised data set, preprocessed, as tensors on the device; with the stored images for runs with augmentation.

    Raises ValueError, before anything is allocated, if the tensors do not fit into the free memory.
    """
    train_split, test_split = randomized.data.train, randomized.data.test
    needed, free = resident_bytes(randomized, crop, augmented=augmented), available_memory(device)
    if needed > free:
        raise ValueError(
            f"the images take {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free: use fewer of them "
            "(--train-size, --test-size), a smaller --crop, or for a folder or ImageNet a smaller --image-size or "
            "--data-storage stream"
        )

    def resident(images: torch.Tensor) -> torch.Tensor:
        return images.to(device).contiguous(memory_format=memory_format)

    return ResidentData(
        train_images=resident(preprocess(train_split.images, crop)),
        train_labels=torch.tensor(train_split.labels, device=device),
        clean_labels=torch.tensor(randomized.clean_labels, device=device),
        test_images=resident(preprocess(test_split.images, crop)),
        test_labels=torch.tensor(test_split.labels, device=device),
        stored_images=resident(torch.tensor(train_split.images)) if augmented else None,
        crop=crop,
    )


def resident_bytes(randomized: RandomizedDataset, crop: int | None, *, augmented: bool = False) -> int:
    """The bytes that `resident_data` takes on its device, with the same arguments. Nothing is read."""
    train_split, test_split = randomized.data.train, randomized.data.test
    shape = seen_shape(randomized.data.image_shape, crop)
    values = (len(train_split.labels) + len(test_split.labels)) * math.prod(shape)
    return 4 * values + augmented * train_split.stored.nbytes


def prepare(config: RunConfig, randomized: RandomizedDataset) -> tuple[nn.Module, ResidentData]:
    """A trained run's network, with its initial weights and its dropout, and all its data on its device, in one memory
    format. Raises ValueError if the data do not fit.
    """
    model, memory_format = _initial_network(config, randomized.data.image_shape)
    augmented = config.hyper_parameters.augmentation != "none"
    return model, resident_data(
        randomized, config.crop, config.device, augmented=augmented, memory_format=memory_format
    )


def prepare_training(config: RunConfig, randomized: RandomizedDataset) -> tuple[nn.Module, TrainingData]:
    """Do as `prepare`, but stream images that are not in memory, or that the device cannot hold as float32.

    Raises ValueError for images that a GPU could hold if other processes had not taken its memory.
    """
    train_split, test_split = randomized.data.train, randomized.data.test
    needed = resident_bytes(randomized, config.crop, augmented=config.hyper_parameters.augmentation != "none")
    if config.device.startswith("cuda"):
        torch.cuda.empty_cache()  # memory that torch keeps from the run before counts as taken
    if not is_streamed(randomized.data):
        if needed <= available_memory(config.device):
            return prepare(config, randomized)
        _require_room(config.device, needed)
    model, memory_format = _initial_network(config, randomized.data.image_shape)
    train_source, test_source = (
        StreamedImages(split.stored, config.crop, config.device, memory_format=memory_format)
        for split in (train_split, test_split)
    )
    return model, StreamedData(
        train_source=train_source,
        train_labels=torch.tensor(train_split.labels, device=config.device),
        clean_labels=torch.tensor(randomized.clean_labels, device=config.device),
        test_source=test_source,
        test_labels=torch.tensor(test_split.labels, device=config.device),
    )


def _require_room(device: str, needed: int) -> None:
    """Raise ValueError where a GPU would hold the images if other processes had not taken its memory. Streaming is many
    times slower, and meant for images that the GPU cannot hold at all.
    """
    if not device.startswith("cuda"):
        return
    free, whole = torch.cuda.mem_get_info(device)
    if free < needed <= whole:
        raise ValueError(
            f"the images take {needed / 1e9:.1f} GB of the GPU's memory; {free / 1e9:.1f} of {whole / 1e9:.1f} GB are "
            "free: have fewer processes share it (--launcher.processes), or wait for those that do"
        )


def _initial_network(config: RunConfig, image_shape: tuple[int, int, int]) -> tuple[nn.Module, torch.memory_format]:
    """The network on its device. Convolutional networks are channels_last, with which small Inception trains 1.4 times
    as fast on a CPU."""
    shape = seen_shape(image_shape, config.crop)
    training = config.hyper_parameters
    model = build_model(config.model, shape, config.num_classes, config.seed, training.initialization)
    if training.dropout is not None:
        model = set_dropout(model, training.dropout)
    convolutional = any(isinstance(module, nn.Conv2d) for module in model.modules())
    memory_format = torch.channels_last if convolutional else torch.contiguous_format
    return model.to(config.device).to(memory_format=memory_format), memory_format
