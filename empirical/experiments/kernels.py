"""The experiment `kernels`: minimum-norm interpolation in a kernel's Hilbert space."""

from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import run_config
from empirical.experiments.settings import Settings
from empirical.kernels.config import KernelConfig
from empirical.kernels.features import parse_features
from empirical.randomization import TRUE_LABELS, parse_test
from empirical.runs.config import KernelRun, RunConfig


def plan_kernels(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a kernel run for every combination of features, ridge and test, and the interpolant made not to generalise.

    Raises ValueError for unknown tests, kernels, features or devices, and features that do not suit the images.
    """
    chosen = settings.kernel
    dataset = dataset.subset(settings.n_train, settings.n_test)
    tests = [parse_test(name) for name in settings.tests or ("true-labels", "random-labels")]
    features = chosen.features or _default_features(dataset)
    for name in features:
        parse_features(name, settings.seeds[0]).dimension(dataset.image_shape)
    configs = []
    combinations = product(settings.seeds, features, chosen.ridge, chosen.interpolant, tests)
    for seed, name, ridge, interpolant, test in combinations:
        if interpolant == "forced-test-labels" and (ridge or test != TRUE_LABELS):
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
        configs.append(run_config("kernels", dataset, settings, seed, test, KernelRun(kernel)))
    return configs


def _default_features(dataset: ImageDataset) -> tuple[str, ...]:
    channels, *sides = dataset.image_shape
    if channels == 1:
        return "pixels", "gabor"
    return ("pixels", "random-convolution-64") if min(sides) > 6 else ("pixels",)


KERNELS = Experiment(
    "kernels",
    "Section 5: the minimum-norm interpolant in a kernel's Hilbert space: its error, norm, certificate.",
    plan_kernels,
    takes=("kernel", "memory"),
)
