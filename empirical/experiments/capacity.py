"""The experiment `capacity`: the most random labels that a network is trained to fit."""

from dataclasses import replace
from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.cells import TAKEN_BY_CELLS
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import require_trainable, run_config
from empirical.experiments.scales import capacity_steps
from empirical.experiments.settings import Settings
from empirical.randomization import RANDOM_LABELS, Pixels, Randomization
from empirical.runs.config import RunConfig, Trained
from empirical.runs.records import Run
from empirical.studies.capacity import first_size, next_size

_MODELS = ("mlp-1x4", "mlp-1x8", "mlp-1x16", "mlp-1x32", "mlp-2x8", "mlp-2x16", "mlp-2x32")
_INPUTS: dict[str, Pixels] = {"random-labels": "original", "gaussian": "gaussian"}
_STEPS_BETWEEN_LOOKS = 200
_TEST_IMAGES = 100  # with random labels more test images tell nothing


def plan_capacity(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the first size for every frontier. Raises ValueError as `follow_capacity` does."""
    return follow_capacity(dataset, settings, [])


def follow_capacity(dataset: ImageDataset, settings: Settings, finished: list[Run]) -> list[RunConfig]:
    """Plan the next size for every frontier that is not closed: random labels on real and on Gaussian images.

    Raises ValueError for unknown models, and for tests other than random-labels and gaussian (random labels on both).
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model, check_model, num_parameters

    tests = settings.tests or tuple(_INPUTS)
    if unknown := [test for test in tests if test not in _INPUTS]:
        raise ValueError(
            f"test (--tests): capacity takes random labels, on real images (random-labels) or on Gaussian ones "
            f"(gaussian), got {', '.join(unknown)}"
        )
    shape = seen_shape(dataset.image_shape, settings.crop)
    limit = settings.n_train or len(dataset.train.labels)
    configs = []
    models = (settings.model,) if settings.model else _MODELS
    for model, test, seed in product(models, tests, settings.seeds):
        pixels = _INPUTS[test]
        looks = {
            run.config.n_train: bool(run.summary.metrics["fitted"])
            for run in finished
            if (run.config.model, run.config.randomization.pixels, run.config.seed) == (model, pixels, seed)
        }
        check_model(model, shape, dataset.num_classes)
        require_trainable(dataset, settings, settings.training.augmentation)
        with torch.device("meta"):
            parameters = num_parameters(build_model(model, shape, dataset.num_classes, seed))
        n = next_size(looks, first_size(parameters), limit)
        if n is not None:
            configs.append(
                _capacity_look(dataset, settings, model, Randomization(pixels, RANDOM_LABELS.label_noise), seed, n)
            )
    return configs


def _capacity_look(
    dataset: ImageDataset, settings: Settings, model: str, randomization: Randomization, seed: int, n: int
) -> RunConfig:
    from empirical.models import default_initialization, default_learning_rate

    training = settings.training
    steps_an_epoch = -(-n // training.batch_size)
    training = replace(
        training,
        learning_rate=training.learning_rate or default_learning_rate(model),
        max_steps=training.max_steps if settings.chose("max_steps") else capacity_steps(settings.scale),
        epochs_per_record=max(1, _STEPS_BETWEEN_LOOKS // steps_an_epoch),
        initialization=training.initialization or default_initialization(model),
    )
    n_test = min(settings.n_test or _TEST_IMAGES, len(dataset.test.labels))
    dataset = dataset.subset(n, n_test)
    return run_config("capacity", dataset, settings, seed, randomization, Trained(training), model=model)


CAPACITY = Experiment(
    "capacity",
    "The largest n whose random labels a network of p parameters is trained to fit, beside Theorem 1's 2n + d.",
    plan_capacity,
    follow=follow_capacity,
    takes=TAKEN_BY_CELLS,
)
