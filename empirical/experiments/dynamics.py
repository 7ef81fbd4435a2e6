"""The experiment `dynamics`: training of wide two-layer networks."""

from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most, run_config
from empirical.experiments.scales import dynamics_images
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import DynamicsConfig

_WIDTHS = (512, 4096)
_TESTS = (
    *("true-labels", "corrupted-0.2", "corrupted-0.5", "corrupted-0.8", "random-labels"),
    *("random-pixels", "gaussian"),
)


def plan_dynamics(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan wide two-layer networks on five levels of corruption, random pixels and Gaussian images, at two widths."""
    if dataset.num_classes % 2:
        raise ValueError(
            f"dynamics compares even with odd classes, and in {dataset.num_classes} classes are not equally many: "
            "use a data set with an even number of classes"
        )
    dataset = at_most(dataset, settings, *dynamics_images(settings.scale))
    return [
        run_config("dynamics", dataset, settings, seed, parse_test(test), StudyRun(study), model=study.name)
        for seed, width, test in product(settings.seeds, _WIDTHS, settings.tests or _TESTS)
        for study in [DynamicsConfig(width=width)]
    ]


DYNAMICS = Experiment(
    "dynamics",
    "Training of wide two-layer networks: the curve that H-infinity predicts, and the measured one.",
    plan_dynamics,
    takes=("crop", "scale"),
)
