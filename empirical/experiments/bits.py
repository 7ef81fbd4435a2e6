"""The experiment `bits`: how many bits a network memorises."""

import math
from itertools import product

from empirical.datasets import ImageDataset
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import run_config
from empirical.experiments.scales import bits_steps
from empirical.experiments.settings import Settings
from empirical.models import perceptron_sizes, transformer_sizes
from empirical.randomization import TRUE_LABELS
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.studies import BitsConfig

_MODELS = ("mlp-1x8", "mlp-1x16", "transformer-1x8", "transformer-1x16", "transformer-1x32")
_LARGER_MODELS = (*_MODELS, "transformer-2x64", "transformer-2x128")
_RATE_OF_ONE = 0.64  # the step size of a transformer of one block of width 1


def plan_bits(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each network: perceptrons on random labels of the images, transformers on random tokens.

    Raises ValueError for other tests, and for networks that are neither.
    """
    from empirical.models import check_model

    if settings.tests not in ((), ("true-labels",)):
        raise ValueError("test (--tests): bits draws labels and tokens itself, uniformly: leave --tests out")
    models = {"smoke": _MODELS[::2], "laptop": _MODELS, "paper": _LARGER_MODELS}[settings.scale]
    if settings.model:
        models = (settings.model,)
    for model in models:
        if perceptron_sizes(model):
            check_model(model, dataset.image_shape, dataset.num_classes)
        elif not transformer_sizes(model):
            raise ValueError(
                f"model (--model): bits takes perceptrons, mlp-LxW, and transformers, transformer-LxW, got {model!r}"
            )
    steps = settings.bits.steps or bits_steps(settings.scale)
    studies = {
        model: BitsConfig(steps=steps, learning_rate=settings.bits.learning_rate or _learning_rate(model))
        for model in models
    }
    dataset = dataset.subset(settings.n_train, settings.n_test)
    return [
        run_config("bits", dataset, settings, seed, TRUE_LABELS, StudyRun(studies[model]), model=model)
        for seed, model in product(settings.seeds, models)
    ]


def _learning_rate(model: str) -> float:
    """Adam's largest step size: less for a larger transformer, whose loss otherwise jumps or stays where it was."""
    sizes = transformer_sizes(model)
    return min(BitsConfig.learning_rate, _RATE_OF_ONE / math.prod(sizes)) if sizes else BitsConfig.learning_rate


BITS = Experiment(
    "bits",
    "Bits that small transformers and perceptrons memorise of random tokens and labels; five minutes.",
    plan_bits,
    takes=("model", "scale", "bits"),
)
