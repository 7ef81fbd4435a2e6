"""The experiments `double-descent`, of random features, and `network-double-descent`."""

from collections.abc import Callable

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most, run_config
from empirical.experiments.scales import Scale, double_descent_images, gaussian_draws, network_double_descent_images
from empirical.experiments.settings import Settings
from empirical.randomization import TRUE_LABELS
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import DoubleDescentConfig, NetworkDoubleDescentConfig


def plan_double_descent(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each seed: all numbers of features and levels of corruption. Raises ValueError for other tests."""
    study = DoubleDescentConfig(gaussian_draws=gaussian_draws(settings.scale))
    return _double_descent("double-descent", dataset, settings, study, double_descent_images)


def plan_network_double_descent(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each seed: all widths and levels of corruption. Raises ValueError for other tests."""
    smoke = settings.scale == "smoke"
    study = NetworkDoubleDescentConfig(networks=4, steps=20) if smoke else NetworkDoubleDescentConfig()
    return _double_descent("network-double-descent", dataset, settings, study, network_double_descent_images)


def _double_descent(
    name: str,
    dataset: ImageDataset,
    settings: Settings,
    study: DoubleDescentConfig | NetworkDoubleDescentConfig,
    images: Callable[[Scale], tuple[int, int]],
) -> list[RunConfig]:
    if settings.tests not in ((), ("true-labels",)):
        raise ValueError(f"test (--tests): {name} corrupts labels itself, at three levels: leave --tests out")
    dataset = at_most(dataset, settings, *images(settings.scale))
    return [
        run_config(name, dataset, settings, seed, TRUE_LABELS, StudyRun(study), model=study.name)
        for seed in settings.seeds
    ]


DOUBLE_DESCENT = Experiment(
    "double-descent",
    "Test error and norm of least squares on more and more random Fourier features; two minutes on MNIST.",
    plan_double_descent,
    "mnist",
    takes=("scale",),
)
NETWORK_DOUBLE_DESCENT = Experiment(
    "network-double-descent",
    "Test loss of two-layer networks of more and more hidden units, along training; fifteen minutes on digits.",
    plan_network_double_descent,
    takes=("scale",),
)
