"""The experiments `bounds` and `interpolants`: networks, and the study of each."""

from dataclasses import replace
from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.cells import trained_run, users_cell
from empirical.experiments.experiment import Experiment
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import BoundsConfig, InterpolantsConfig, kind_of


def plan_bounds(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network trained on true and on random labels, and the bounds of each."""
    return _with_studies(dataset, settings, ("true-labels", "random-labels"), BoundsConfig())


def plan_interpolants(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network trained on true, on partly corrupted and on random labels, and Theorem 1's network beside each.

    Raises ValueError for one training image, which has no neighbour.
    """
    if len(dataset.subset(settings.n_train, settings.n_test).train.labels) < 2:
        raise ValueError("--train-size: interpolants is about images and their neighbours, so it takes at least 2")
    return _with_studies(dataset, settings, ("true-labels", "corrupted-0.5", "random-labels"), InterpolantsConfig())


def _with_studies(
    dataset: ImageDataset, settings: Settings, tests: tuple[str, ...], study: BoundsConfig | InterpolantsConfig
) -> list[RunConfig]:
    """Plan a network trained on each test, followed by the run that studies this network."""
    dataset = dataset.subset(settings.n_train, settings.n_test)
    configs = []
    for seed, test in product(settings.seeds, settings.tests or tests):
        trained = trained_run(dataset, settings, seed, users_cell(settings, test), scaled=False)
        studied = replace(trained, experiment=kind_of(study), what=StudyRun(study, trained.hyper_parameters))
        configs += [trained, studied]
    return configs


BOUNDS = Experiment(
    "bounds",
    "Generalisation bounds and complexity measures, on networks that fit true and random labels.",
    plan_bounds,
)
INTERPOLANTS = Experiment(
    "interpolants",
    "Theorem 1's network and a trained one on the same sample: margins, slopes, stability.",
    plan_interpolants,
)
