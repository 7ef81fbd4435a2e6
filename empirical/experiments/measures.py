"""The experiment `measures`: sharpness, and norms over margins."""

from dataclasses import replace
from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.cells import TAKEN_BY_CELLS, trained_run, users_cell
from empirical.experiments.experiment import Experiment
from empirical.experiments.randomization_tests import PAPER_TESTS
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import MeasuresConfig


def plan_measures(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the measures of a network for each of the main job's tests; at smoke scale of one that is hardly trained.

    Raises ValueError for unknown tests, models, optimisers or devices.
    """
    dataset = dataset.subset(settings.n_train, settings.n_test)
    smoke = settings.scale == "smoke"
    study = MeasuresConfig(draws=2, search_steps=1, bisections=1) if smoke else MeasuresConfig()
    configs = []
    for seed, test in product(settings.seeds, settings.tests or PAPER_TESTS):
        trained = trained_run(dataset, settings, seed, users_cell(settings, test), scaled=smoke)
        configs.append(replace(trained, experiment="measures", what=StudyRun(study, trained.hyper_parameters)))
    return configs


MEASURES = Experiment(
    "measures",
    "Sharpness and norms over margins, on the main job's networks trained again; two minutes on digits.",
    plan_measures,
    takes=TAKEN_BY_CELLS,
)
