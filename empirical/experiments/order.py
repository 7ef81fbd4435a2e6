"""The experiment `order`: what a network gets right along training, and when."""

from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most, require_trainable, run_config, with_defaults
from empirical.experiments.scales import order_sizes
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import OrderConfig

_TESTS = ("true-labels", *(f"corrupted-{level}" for level in (0.2, 0.4, 0.6, 0.8)), "random-labels")

_LEARNING_RATE = 0.1  # ten times the perceptrons': random labels are then fitted in the steps of a laptop


def plan_order(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network looked at along training, for each level of label corruption.

    Raises ValueError for tests other than label corruption, for unknown models, and for augmentation that does not suit
    the images.
    """
    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import check_model, default_initialization

    tests = [parse_test(word) for word in settings.tests or _TESTS]
    if any(test.corruption is None for test in tests):
        raise ValueError(
            "test (--tests): order takes uniform label corruption: true-labels, corrupted-P or random-labels"
        )
    model = settings.model or "mlp-1x512"
    shape = seen_shape(dataset.image_shape, settings.crop)
    check_model(model, shape, dataset.num_classes)
    require_trainable(dataset, settings, settings.training.augmentation)
    n, n_test, steps = order_sizes(settings.scale)
    dataset = at_most(dataset, settings, n, n_test)
    training = with_defaults(settings, _LEARNING_RATE, steps, default_initialization(model))
    study = OrderConfig(radius=settings.order.radius)
    return [
        run_config("order", dataset, settings, seed, test, StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, tests)
    ]


ORDER = Experiment(
    "order",
    "What a network gets right along training on partly corrupted labels, and when; two minutes on digits.",
    plan_order,
    takes=("model", "training", "crop", "scale", "order"),
)
