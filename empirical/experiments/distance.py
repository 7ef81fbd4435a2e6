"""The experiment `distance`: steps to fit random labels against the distance of the images."""

from dataclasses import replace
from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.cells import TAKEN_BY_CELLS, trained_run, users_cell
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most
from empirical.experiments.scales import distance_images
from empirical.experiments.settings import Settings
from empirical.randomization import RANDOM_LABELS, parse_test
from empirical.runs.config import DISTANCE, RunConfig

_SHARES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
"""The shares of noise in the images: the noise makes up 0, 6, 16, 31, 50, 69 and 100% of the variance."""


def plan_distance(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """A network on the same random labels of images that are further and further apart: mixed with more and more noise.

    Raises ValueError for tests other than random labels of images as they are or mixed with noise, and for one image.
    """
    words = settings.tests or tuple(f"mixed-{share}+random-labels" if share else "random-labels" for share in _SHARES)
    tests = [parse_test(word) for word in words]
    if any(test.label_noise != RANDOM_LABELS.label_noise or test.pixels not in ("original", "mixed") for test in tests):
        raise ValueError(
            "test (--tests): distance is of random labels alone, random-labels or mixed-S+random-labels; other tests "
            "are those of randomization-tests"
        )
    dataset = at_most(dataset, settings, *distance_images(settings.scale))
    if len(dataset.train.labels) < 2:
        raise ValueError("--train-size: distance is of images from each other, so it takes at least 2")
    settings = replace(settings, n_train=len(dataset.train.labels), n_test=len(dataset.test.labels))
    runs = [
        trained_run(dataset, settings, seed, users_cell(settings, test.option), scaled=True)
        for seed, test in product(settings.seeds, tests)
    ]
    return [replace(run, experiment=DISTANCE) for run in runs]


STEPS_AGAINST_DISTANCE = Experiment(
    DISTANCE,
    "Steps to fit random labels against the distance of the images, which noise that is mixed in moves apart.",
    plan_distance,
    "cifar10",
    takes=TAKEN_BY_CELLS,
)
