"""The experiment `memorisation`: what an answer owes to one image."""

from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import at_most, require_trainable, run_config, with_defaults
from empirical.experiments.scales import memorisation_sizes
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import MemorisationConfig

_MODEL = "mlp-1x128"

_LEARNING_RATE = 0.1  # ten times the perceptrons': a small network then fits in seconds


def plan_memorisation(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Memorisation scores with true labels and with a tenth of the labels replaced.

    Raises ValueError for unknown tests and models, and for networks that cannot be trained many at once.
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model
    from empirical.training.many_networks import require_common, require_plain

    model = settings.model or _MODEL
    sizes = memorisation_sizes(settings.scale)
    dataset = at_most(dataset, settings, sizes.n_train, sizes.n_test)
    require_common(settings.training)
    training = with_defaults(settings, _LEARNING_RATE, sizes.steps, "torch")
    networks = settings.memorisation.networks or sizes.networks
    study = MemorisationConfig(networks=networks, networks_without=sizes.networks_without)
    shape = seen_shape(dataset.image_shape, settings.crop)
    require_trainable(dataset, settings, "none")
    with torch.device("meta"):
        require_plain(build_model(model, shape, dataset.num_classes, 0))
    return [
        run_config("memorisation", dataset, settings, seed, parse_test(test), StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, settings.tests or ("true-labels", "corrupted-0.1"))
    ]


MEMORISATION = Experiment(
    "memorisation",
    "How much networks owe their answer on a training image to that image; five minutes on digits.",
    plan_memorisation,
    takes=("model", "training", "crop", "scale", "memorisation"),
)
