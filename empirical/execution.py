"""Carry out one run: randomise, preprocess, train or construct, record."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets import ImageDataset
from empirical.kernel_interpolation import interpolate_images
from empirical.models import build_model, num_parameters
from empirical.preprocessing import preprocess
from empirical.randomization import RandomizedDataset, randomize
from empirical.records import RunConfig, RunDirectory
from empirical.training import EpochRecord, ResidentData, train
from theory.expressivity import relu_interpolant
from theory.kernels import Checkpoint

_SECONDS_BETWEEN_CHECKPOINTS = 2.0
_WORTH_SHARING = 10_000_000  # multiplications of a batch's forward pass: under a millisecond on one core

Observer = Callable[[EpochRecord], None]
"""Told of every epoch as it is recorded."""


class Watcher(Protocol):
    """Told how a run goes on."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch has been recorded."""

    def stage(self, name: str, share: float) -> None:
        """This share of a stage is done."""


def execute(
    config: RunConfig,
    dataset: ImageDataset,
    directory: RunDirectory,
    watcher: Watcher,
    memory_limit: int | None = None,
) -> None:
    """Carry out a run and record it, going on from where an interrupted one stopped.

    Arguments:
        config, dataset: what.
        directory: where it is recorded.
        watcher: told how it goes on.
        memory_limit: bytes that a kernel run may take; what is free by default.

    Raises ValueError or FloatingPointError if the run is impossible; nothing but its summary is missing then.
    """
    randomized = randomize(dataset, config.randomization, config.seed)
    if config.kind == "explicit":
        _construct(config, randomized, directory)
    elif config.kind == "kernel":
        _interpolate(config, randomized, directory, watcher, memory_limit)
    else:
        _train(config, randomized, directory, watcher.epoch)


def resident_data(randomized: RandomizedDataset, crop: int | None, device: str) -> ResidentData:
    """A randomised data set, preprocessed, as tensors on the device."""
    train_split, test_split = randomized.data.train, randomized.data.test
    return ResidentData(
        train_images=preprocess(train_split.images, crop).to(device),
        train_labels=torch.tensor(train_split.labels, device=device),
        clean_labels=torch.tensor(randomized.clean_labels, device=device),
        test_images=preprocess(test_split.images, crop).to(device),
        test_labels=torch.tensor(test_split.labels, device=device),
    )


def _train(config: RunConfig, randomized: RandomizedDataset, directory: RunDirectory, observe: Observer) -> None:
    assert config.training is not None, "a trained run has hyper-parameters"
    data = resident_data(randomized, config.crop, config.device)
    channels, height, width = data.train_images.shape[1:]
    model = build_model(config.model, (channels, height, width), config.num_classes, config.seed).to(config.device)
    state = directory.load_state()
    saved = time.monotonic()
    with _threads_for(num_parameters(model) * config.training.batch_size):
        for record, latest in train(model, data, config.training, config.seed, state):
            state = latest
            directory.append(record)
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                directory.save_state(state)
                saved = time.monotonic()
            observe(record)
        assert state is not None, "training yields at least the untrained network"
        directory.save_state(state)
        epochs = directory.read_epochs()
        final, best = epochs[-1], max(epochs, key=lambda epoch: epoch.test_accuracy)
        metrics = {
            "parameters": num_parameters(model),
            "fitted": final.fitted,
            **{name: value for name, value in asdict(final).items() if name != "seconds"},
            "best_test_accuracy": best.test_accuracy,
            "best_epoch": best.epoch,
        }
        directory.finish(metrics, {"seconds": final.seconds})


@contextmanager
def _threads_for(multiplications: int) -> Iterator[None]:
    """One thread for steps so small that handing out the work costs more than doing it.

    A function of the network alone, not of the machine's load: the number of threads changes the order of sums and
    with it the last bits of every result.
    """
    threads = torch.get_num_threads()
    if multiplications < _WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _construct(config: RunConfig, randomized: RandomizedDataset, directory: RunDirectory) -> None:
    """Theorem 1's network on the stored images, pixels as they are: whitening could make two of them equal."""
    train_split, test_split = randomized.data.train, randomized.data.test
    start = time.perf_counter()
    network = relu_interpolant(train_split.images, train_split.labels, seed=config.seed)
    seconds = time.perf_counter() - start
    outputs = network(train_split.images)
    predictions = nearest_class(outputs, config.num_classes)
    test_predictions = nearest_class(network(test_split.images), config.num_classes)
    bound = network.error_bound(train_split.images, train_split.labels, "pairwise")
    metrics = {
        "parameters": network.num_weights,
        "fitted": bool((predictions == train_split.labels).all()),
        "train_accuracy": _share(predictions == train_split.labels),
        "train_accuracy_clean_labels": _share(predictions == randomized.clean_labels),
        "test_accuracy": _share(test_predictions == test_split.labels),
        "largest_error": float(np.abs(outputs - train_split.labels).max()),
        "error_bound": float(bound.max()),
    }
    directory.finish(metrics, {"seconds": seconds})


def _interpolate(
    config: RunConfig,
    randomized: RandomizedDataset,
    directory: RunDirectory,
    watcher: Watcher,
    memory_limit: int | None,
) -> None:
    """The minimum-norm interpolant."""
    assert config.kernel is not None, "a kernel run has a kernel"
    checkpoint = Checkpoint(directory.scratch, config.hash)
    metrics, used = interpolate_images(
        config.kernel,
        randomized,
        config.num_classes,
        seed=config.seed,
        device=config.device,
        memory_limit=memory_limit,
        checkpoint=checkpoint,
        report=watcher.stage,
    )
    checkpoint.close()
    directory.finish(metrics, used)


def nearest_class(outputs: npt.NDArray[np.float64], num_classes: int) -> npt.NDArray[np.int64]:
    """The class whose number is nearest to the network's real output."""
    return np.clip(np.rint(outputs), 0, num_classes - 1).astype(np.int64)


def _share(hits: npt.NDArray[np.bool_]) -> float:
    return int(hits.sum()) / len(hits)
