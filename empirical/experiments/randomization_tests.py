"""The main job: the paper's randomisation tests on one network, beside Theorem 1's."""

from empirical.datasets import ImageDataset
from empirical.experiments.cells import trained_run, users_cell
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import run_config
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import Explicit, RunConfig

PAPER_TESTS = (
    "true-labels",
    "corrupted-0.2",
    "corrupted-0.5",
    "corrupted-0.8",
    "random-labels",
    "shuffled-pixels",
    "random-pixels",
    "gaussian",
)
"""The paper's six tests, with partial corruption at three levels."""


def plan_randomization_tests(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a trained network for each test and, on the same images and labels, Theorem 1's explicit network.

    Raises ValueError for unknown tests, models, optimisers or devices.
    """
    dataset = dataset.subset(settings.n_train, settings.n_test)
    return [
        config
        for seed in settings.seeds
        for test in settings.tests or PAPER_TESTS
        for config in (
            trained_run(dataset, settings, seed, users_cell(settings, test), scaled=False),
            run_config("randomization-tests", dataset, settings, seed, parse_test(test), Explicit()),
        )
    ]


RANDOMIZATION_TESTS = Experiment(
    "randomization-tests",
    "The paper's six tests: a network trained until it fits, beside the explicit 2n + d network of Theorem 1.",
    plan_randomization_tests,
)
