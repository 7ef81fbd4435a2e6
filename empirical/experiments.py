"""Named experiments: each a list of runs, planned from the user's settings."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from empirical.datasets import ImageDataset
from empirical.import_path import source_digest
from empirical.models import model_factory
from empirical.randomization import Randomization, parse_test
from empirical.records import RunConfig
from empirical.training import TrainingConfig, optimizer_factory
from theory.claims import nearest_name

SIX_TESTS = (
    "true-labels",
    "corrupted-0.2",
    "corrupted-0.5",
    "corrupted-0.8",
    "random-labels",
    "shuffled-pixels",
    "random-pixels",
    "gaussian",
)
"""The paper's six tests, partial corruption at three levels."""


@dataclass(frozen=True)
class Settings:
    """What a user can choose of an experiment.

    Attributes:
        model: name or import path of the network.
        tests: names of the randomisation tests; the experiment's own if empty.
        device: `auto`, `cpu` or `cuda`.
        seed: of everything random.
        training: hyper-parameters.
        crop: side of the centre crop.
    """

    model: str
    tests: tuple[str, ...]
    device: str
    seed: int
    training: TrainingConfig
    crop: int | None = 28


@dataclass(frozen=True)
class Experiment:
    """A named experiment: what it shows, and the runs that show it."""

    name: str
    description: str
    plan: Callable[[ImageDataset, Settings], list[RunConfig]]


def plan_randomization_tests(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """For each test a trained network and, on the same images and labels, Theorem 1's explicit one.

    Raises ValueError for unknown tests, models, optimisers or devices.
    """
    tests = [parse_test(name) for name in settings.tests or SIX_TESTS]
    model_factory(settings.model)
    if settings.training.optimizer != "sgd":
        optimizer_factory(settings.training.optimizer)
    return [
        _run_config("randomization-tests", dataset, settings, test, kind)
        for test in tests
        for kind in ("trained", "explicit")
    ]


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in [
        Experiment(
            "randomization-tests",
            "The paper's six tests: a network trained until it fits, beside the explicit 2n + d network of Theorem 1.",
            plan_randomization_tests,
        ),
    ]
}
"""The experiments by name."""


def find_experiment(name: str) -> Experiment:
    """The experiment called `name`; ValueError with the nearest match if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment (NAME): {nearest_name(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


def resolve_device(device: str) -> str:
    """`auto` is CUDA where there is one. Raises ValueError for CUDA where there is none."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError("--device cuda: this torch sees no CUDA device; use --device cpu")
    return ("cuda" if available else "cpu") if device == "auto" else device


def _run_config(
    experiment: str, dataset: ImageDataset, settings: Settings, randomization: Randomization, kind: str
) -> RunConfig:
    explicit = kind == "explicit"
    return RunConfig(
        experiment=experiment,
        kind=kind,
        data=dataset.name,
        source=dataset.source,
        n_train=len(dataset.train.labels),
        n_test=len(dataset.test.labels),
        num_classes=dataset.num_classes,
        train_digest=dataset.train.digest,
        test_digest=dataset.test.digest,
        randomization=randomization,
        model="theorem-1" if explicit else settings.model,
        model_source="" if explicit else source_digest(settings.model, "model"),
        optimizer_source="" if explicit else source_digest(settings.training.optimizer, "optimizer"),
        crop=None if explicit else settings.crop,
        training=None if explicit else settings.training,
        device="cpu" if explicit else resolve_device(settings.device),
        seed=settings.seed,
    )
