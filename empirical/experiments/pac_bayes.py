"""The experiment `pac-bayes`: a bound with an optimised posterior."""

from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most, require_trainable, run_config, with_defaults
from empirical.experiments.scales import pac_bayes_sizes
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import PacBayesConfig

_MODEL = "mlp-1x600"

_LEARNING_RATE = 0.05  # five times the perceptrons': random labels are then fitted in the steps of a laptop


def plan_pac_bayes(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the optimised bound on true and on random labels, the first half of the classes against the second.

    Raises ValueError for an odd number of classes, unknown tests and models, and networks that are no perceptrons.
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model
    from empirical.studies.pac_bayes import perceptron_layers
    from empirical.training.many_networks import require_common

    if dataset.num_classes % 2:
        raise ValueError(
            f"pac-bayes sets half of the classes against the other half, and {dataset.num_classes} classes have no "
            "halves: use a data set with an even number of classes"
        )
    sizes = pac_bayes_sizes(settings.scale)
    dataset = at_most(dataset, settings, sizes.n_train, sizes.n_test)
    require_common(settings.training)
    training = with_defaults(settings, _LEARNING_RATE, sizes.training_steps, "torch")
    model = settings.model or _MODEL
    study = PacBayesConfig(
        threshold=dataset.num_classes // 2,
        steps=settings.pac_bayes.steps or sizes.steps,
        draws=-(-sizes.answers // len(dataset.train.labels)),
    )
    shape = seen_shape(dataset.image_shape, settings.crop)
    require_trainable(dataset, settings, "none")
    with torch.device("meta"):
        perceptron_layers(build_model(model, shape, 2, 0))
    return [
        run_config("pac-bayes", dataset, settings, seed, parse_test(test), StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, settings.tests or ("true-labels", "random-labels"))
    ]


PAC_BAYES = Experiment(
    "pac-bayes",
    "A PAC-Bayes bound with an optimised posterior, on true and on random labels; a minute on digits.",
    plan_pac_bayes,
    takes=("model", "training", "crop", "scale", "pac_bayes"),
)
