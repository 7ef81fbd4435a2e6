"""Carry out one run: randomise, preprocess, train or construct, record."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from empirical.datasets import ImageDataset
from empirical.datasets.contradictions import contradictions, told
from empirical.datasets.preprocessing import seen_shape
from empirical.execution.kept_memory import kept_memory
from empirical.execution.progress import Watcher
from empirical.kernels.config import KernelConfig
from empirical.kernels.interpolation import interpolate_images
from empirical.models import build_model, model_factory, num_parameters
from empirical.outcome import nearest_class, outcome_on_test, share_of
from empirical.randomization import RandomizedDataset, randomize
from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.config import DISTANCE, Explicit, KernelRun, RunConfig, StudyRun, Trained
from empirical.runs.preparation import prepare_training
from empirical.runs.records import RunDirectory
from empirical.runs.resumable_parts import Parts
from empirical.studies.bits import measure_bits
from empirical.studies.bounds import measure_bounds
from empirical.studies.colour_statistics import colour_statistics_accuracy
from empirical.studies.double_descent import measure_double_descent
from empirical.studies.dynamics import measure_dynamics
from empirical.studies.interpolants import measure_interpolants
from empirical.studies.label_noise import measure_label_noise
from empirical.studies.measures import measure_measures
from empirical.studies.memorisation import measure_memorisation
from empirical.studies.network_double_descent import measure_network_double_descent
from empirical.studies.order import measure_order
from empirical.studies.pac_bayes import measure_pac_bayes
from empirical.studies.separation import separation
from empirical.training.config import TrainingConfig
from empirical.training.distributed import ALONE, Ranks
from empirical.training.epoch_record import EpochRecord
from empirical.training.evaluation import predict
from empirical.training.loop import train
from empirical.training.optimization import precision
from empirical.training.state import TrainingState
from empirical.training.streamed_images import is_streamed
from theory.expressivity import relu_interpolant
from theory.kernels import Checkpoint

_FOR_COLOURS = 10_000  # training images: all 50,000 of CIFAR-10 add half a point, in three times the time
MANY_CLASSES = 20  # among fewer, five guesses are often right
_WORTH_SHARING = 10_000_000  # multiplications of a batch's forward pass: under a millisecond on one core

Observer = Callable[[EpochRecord], None]
"""Receives every epoch as it is recorded."""


Measurement = Callable[[RunConfig, RandomizedDataset, Parts, Path], dict[str, Any]]
"""Measures a study: takes also the directory of all records, and returns the metrics."""

MEASUREMENTS: dict[str, Measurement] = {
    "bits": measure_bits,
    "bounds": measure_bounds,
    "double-descent": measure_double_descent,
    "dynamics": measure_dynamics,
    "interpolants": measure_interpolants,
    "measures": measure_measures,
    "memorisation": measure_memorisation,
    "network-double-descent": measure_network_double_descent,
    "noise": measure_label_noise,
    "order": measure_order,
    "pac-bayes": measure_pac_bayes,
}
"""The measurements by the kind of run."""


def execute(
    config: RunConfig,
    dataset: ImageDataset,
    directory: RunDirectory,
    watcher: Watcher,
    memory_limit: int | None = None,
    ranks: Ranks = ALONE,
) -> None:
    """Carry out a run and record it, going on from where an interrupted one stopped.

    Arguments:
        config, dataset: the run, and a data set from which it takes the first images, as many as the configuration
            says.
        directory: where the run is recorded.
        watcher: receives the progress of the run.
        memory_limit: bytes that a kernel run may take; what is free by default.
        ranks: the processes that train a network together. The first has claimed the directory and writes the records.
            For a run that trains no network the other ranks do nothing.

    Raises ValueError or FloatingPointError if the run is impossible; then only the summary is missing from its record.
    """
    if not isinstance(config.what, Trained) and not ranks.first:
        return
    randomized = randomize(dataset.subset(config.n_train, config.n_test), config.randomization, config.seed)
    match config.what:
        case Trained(training):
            _train(config, training, randomized, directory, watcher.epoch, ranks)
        case Explicit():
            _construct(config, randomized, directory)
        case KernelRun(kernel):
            _interpolate(config, kernel, randomized, directory, watcher, memory_limit)
        case StudyRun():
            _measure(config, randomized, directory, watcher)


def _train(
    config: RunConfig,
    training: TrainingConfig,
    randomized: RandomizedDataset,
    directory: RunDirectory,
    observe: Observer,
    ranks: Ranks,
) -> None:
    model, data = prepare_training(config, randomized)
    if ranks.first and (pairs := contradictions(randomized.data.train, config.crop)):
        print(f"{config.title}: {told(pairs, randomized.data.train)}", file=sys.stderr, flush=True)
    initial = _weights(model)
    state: TrainingState | None = ranks.tell(directory.load_state() if ranks.first else None)
    saved, interval = time.monotonic(), checkpoint_interval(0.0)
    with as_a_run_has_it(multiplications(model, training.batch_size)):
        for record, latest in train(model, data, training, config.seed, state, interval, ranks):
            state = latest
            if not ranks.first:
                continue
            if record is not None:
                directory.append(record)
                observe(record)
            if time.monotonic() - saved > interval:
                begun = time.monotonic()
                directory.save_state(state)
                saved = time.monotonic()
                interval = checkpoint_interval(saved - begun)
        assert state is not None, "training yields at least the untrained network"
        with precision(training, data.test_labels.device):
            on_test = predict(model, data.test_source, data.test_labels, ranks)
            on_train = (
                predict(model, data.train_source, data.train_labels, ranks)
                if config.num_classes > MANY_CLASSES
                else None
            )
        if not ranks.first:
            return
        directory.save_state(state)
        epochs = directory.read_epochs()
        metrics = {
            "parameters": num_parameters(model),
            "dimension": math.prod(data.test_source.shape),
            **_metrics_along_training(epochs),
            **_metrics_of_weights(initial, _weights(model)),
            **outcome_on_test(on_test.classes.cpu().numpy(), randomized.data.test.labels, config.num_classes),
            **_metrics_of_images(config, randomized),
        }
        if on_train:
            metrics["train_top_5_accuracy"] = share_of(on_train.top_5)
            metrics["test_top_5_accuracy"] = share_of(on_test.top_5)
        trained = epochs[-1].epoch * len(data.train_labels)
        rate = trained / state.training_seconds if trained else None
        directory.finish(metrics, {"seconds": epochs[-1].seconds, "images_per_second": rate}, ranks.count)


def _metrics_along_training(epochs: Sequence[EpochRecord]) -> dict[str, Any]:
    """What the last epoch's record says, and which epoch was the best on the test images."""
    final, best = epochs[-1], max(epochs, key=lambda epoch: epoch.test_accuracy)
    return {
        "fitted": final.fitted,
        **{name: value for name, value in asdict(final).items() if name != "seconds"},
        "best_test_accuracy": best.test_accuracy,
        "best_epoch": best.epoch,
    }


def _metrics_of_weights(initial: torch.Tensor, weights: torch.Tensor) -> dict[str, Any]:
    return {
        "weight_norm": float(weights.norm()),
        "initial_weight_norm": float(initial.norm()),
        "distance_from_initialisation": float((weights - initial).norm()),
    }


def _metrics_of_images(config: RunConfig, randomized: RandomizedDataset) -> dict[str, Any]:
    """What some tests measure of their images: colours where pixels are permuted, distances where noise is mixed in."""
    metrics: dict[str, Any] = {}
    if config.randomization.pixels == "random" and not is_streamed(randomized.data):
        metrics["colour_statistics_accuracy"] = _colours_alone(randomized)
    if config.experiment == DISTANCE:
        metrics |= separation(randomized.data.train.images, randomized.clean_labels, config.crop)
    return metrics


def _colours_alone(randomized: RandomizedDataset) -> float:
    """The accuracy of colours without shapes, fitted to the first training images: the baseline where pixels are
    permuted."""
    train, test = randomized.data.train, randomized.data.test
    few = slice(0, _FOR_COLOURS)
    return colour_statistics_accuracy(
        train.images[few], randomized.clean_labels[few], test.images, test.labels, randomized.data.num_classes
    )


def _weights(model: nn.Module) -> torch.Tensor:
    """All trainable parameters as one vector, float64."""
    return torch.cat([p.detach().reshape(-1).double() for p in model.parameters() if p.requires_grad])


@contextmanager
def as_a_run_has_it(multiplications: float) -> Iterator[None]:
    """The process as it is while a run trains: memory is kept from step to step, and steps of so few multiplications
    that sharing the work costs more than doing it take one thread.

    The number of threads is a function of the network alone, not of the machine's load: it changes the order of sums,
    and so the last bits of every result.
    """
    threads = torch.get_num_threads()
    if multiplications < _WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        with kept_memory():
            yield
    finally:
        torch.set_num_threads(threads)


def takes_one_thread(config: RunConfig, image_shape: tuple[int, int, int]) -> bool:
    """Whether a run of these stored images trains on a single thread whatever the machine, so that another run fits
    beside it. Theorem 1's network counts, too: its construction takes milliseconds. A user's network does not count:
    what it does is not known.
    """
    if isinstance(config.what, Explicit):
        return True
    if not isinstance(config.what, Trained) or config.device != "cpu" or ":" in config.model:
        return False
    shape = seen_shape(image_shape, config.crop)
    with torch.device("meta"):  # shapes without values
        model = model_factory(config.model)(shape, config.num_classes)
    return multiplications(model, config.hyper_parameters.batch_size) < _WORTH_SHARING


def multiplications(model: nn.Module, batch_size: int) -> float:
    """The multiplications of a batch's forward pass, where each weight is used once an image; infinity for a network
    that convolves, since a kernel's weights are used at every place of an image."""
    convolves = any(parameter.dim() > 2 for parameter in model.parameters())
    return math.inf if convolves else num_parameters(model) * batch_size


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
        "train_accuracy": share_of(predictions == train_split.labels),
        "train_accuracy_clean_labels": share_of(predictions == randomized.clean_labels),
        "test_accuracy": share_of(test_predictions == test_split.labels),
        "largest_error": float(np.abs(outputs - train_split.labels).max()),
        "error_bound": float(bound.max()),
        **outcome_on_test(test_predictions, test_split.labels, config.num_classes),
    }
    directory.finish(metrics, {"seconds": seconds})


def _interpolate(
    config: RunConfig,
    kernel: KernelConfig,
    randomized: RandomizedDataset,
    directory: RunDirectory,
    watcher: Watcher,
    memory_limit: int | None,
) -> None:
    """The minimum-norm interpolant."""
    checkpoint = Checkpoint(directory.scratch, config.hash)
    metrics, used = interpolate_images(
        kernel,
        randomized,
        config.num_classes,
        seed=config.seed,
        device=config.device,
        memory_limit=memory_limit,
        checkpoint=checkpoint,
        report=_while_claimed(directory, watcher),
    )
    checkpoint.close()
    directory.finish(metrics, used)


def _measure(config: RunConfig, randomized: RandomizedDataset, directory: RunDirectory, watcher: Watcher) -> None:
    """Carry out a run of `STUDIES`. Its seconds count from when it last began."""
    start = time.perf_counter()
    parts = Parts(directory.scratch, _while_claimed(directory, watcher))
    work = math.inf
    if config.training:  # it is about the network that these hyper-parameters train, and trains others of its kind
        shape = seen_shape(randomized.data.image_shape, config.crop)
        model = build_model(config.model, shape, config.num_classes, config.seed)
        work = multiplications(model, config.training.batch_size)
    with as_a_run_has_it(work):
        metrics = MEASUREMENTS[config.kind](config, randomized, parts, directory.path.parent)
        directory.finish(metrics, {"seconds": time.perf_counter() - start})  # which records the threads it had


def _while_claimed(directory: RunDirectory, watcher: Watcher) -> Callable[[str, float], None]:
    """The watcher's `stage`, told before anything is written to scratch: no other process's scratch is written to."""

    def stage(name: str, share: float) -> None:
        directory.check_claim()
        watcher.stage(name, share)

    return stage
