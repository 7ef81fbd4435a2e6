"""Named experiments: each a list of runs, planned from the user's settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Literal

import torch
import tyro

from empirical.datasets import ImageDataset
from empirical.features import parse_features
from empirical.import_path import source_digest
from empirical.kernel_interpolation import Interpolant, KernelConfig
from empirical.models import model_factory
from empirical.randomization import Randomization, parse_test
from empirical.records import RunConfig
from empirical.training import TrainingConfig, optimizer_factory
from theory.claims import nearest_name
from theory.kernels import MEDIAN_SHARE

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
class KernelSettings:
    """Kernels of the experiment `kernels`; where several values are given there is a run for each combination."""

    name: str = "gaussian"
    """gaussian, laplacian, linear, polynomial-D, arc-cosine-0, arc-cosine-1 or neural-tangent-L."""

    bandwidth: float = MEDIAN_SHARE
    """Of the Gaussian and the Laplacian kernel, as a share of the median distance between training images."""

    features: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FEATURES ...")] = ()
    """pixels, whitened-pixels, gabor, random-convolution-F; by default pixels, and gabor for grey images or
    random-convolution-64 for colour ones if they are large enough."""

    ridge: Annotated[tuple[float, ...], tyro.conf.arg(metavar="LAMBDA ...")] = (0.0,)
    """lambda of (K + lambda I) alpha = Y; 0 interpolates."""

    interpolant: Annotated[tuple[Interpolant, ...], tyro.conf.arg(metavar="KIND ...")] = (
        "minimum-norm",
        "forced-test-labels",
    )
    """minimum-norm; forced-test-labels also interpolates random labels on the test images (with true labels only)."""

    solver: Literal["auto", "cholesky", "conjugate-gradients"] = "auto"
    """Cholesky up to 8,192 images, conjugate gradients above."""

    leave_one_out: bool = False
    """Also the leave-one-out accuracy, in closed form; needs Cholesky."""

    certify: bool = True
    """Also bound the distance from the exact minimum-norm interpolant."""


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
        kernel: of the experiment `kernels`.
    """

    model: str
    tests: tuple[str, ...]
    device: str
    seed: int
    training: TrainingConfig
    crop: int | None = 28
    kernel: KernelSettings = field(default_factory=KernelSettings)


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


def plan_kernels(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """A kernel run for every combination of features, ridge and test, and the interpolant made not to generalise.

    Raises ValueError for unknown tests, kernels, features or devices, and features that do not suit the images.
    """
    chosen = settings.kernel
    tests = [parse_test(name) for name in settings.tests or ("true-labels", "random-labels")]
    features = chosen.features or _default_features(dataset)
    for name in features:
        parse_features(name, settings.seed).dimension(dataset.image_shape)
    configs = []
    for name, ridge, interpolant, test in product(features, chosen.ridge, chosen.interpolant, tests):
        if interpolant == "forced-test-labels" and (ridge or test != Randomization()):
            continue
        kernel = KernelConfig(
            chosen.name,
            chosen.bandwidth,
            name,
            ridge,
            interpolant,
            chosen.solver,
            chosen.leave_one_out,
            chosen.certify,
        )
        configs.append(_run_config("kernels", dataset, settings, test, "kernel", kernel))
    return configs


def _default_features(dataset: ImageDataset) -> tuple[str, ...]:
    channels, *sides = dataset.image_shape
    if channels == 1:
        return "pixels", "gabor"
    return ("pixels", "random-convolution-64") if min(sides) > 6 else ("pixels",)


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in [
        Experiment(
            "randomization-tests",
            "The paper's six tests: a network trained until it fits, beside the explicit 2n + d network of Theorem 1.",
            plan_randomization_tests,
        ),
        Experiment(
            "kernels",
            "Section 5: the minimum-norm interpolant in a kernel's Hilbert space: its error, norm, certificate.",
            plan_kernels,
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
    experiment: str,
    dataset: ImageDataset,
    settings: Settings,
    randomization: Randomization,
    kind: str,
    kernel: KernelConfig | None = None,
) -> RunConfig:
    trained = kind == "trained"
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
        model=settings.model if trained else kernel.name if kernel else "theorem-1",
        model_source=source_digest(settings.model, "model") if trained else "",
        optimizer_source=source_digest(settings.training.optimizer, "optimizer") if trained else "",
        crop=settings.crop if trained else None,
        training=settings.training if trained else None,
        device="cpu" if kind == "explicit" else resolve_device(settings.device),
        seed=settings.seed,
        kernel=kernel,
    )
