r"""Measures of sharpness and of norms over the margin, on a network that is trained here (Jiang et al. 2020).

The network is that of the main job's run with the same configuration, to the bit, trained again, since records hold no
weights. The literature says of every measure that it is larger where the gap between test and training error is larger;
`claims.measures` holds the order that a measure gives networks against the order of their gaps.
`theory.complexity.norm_measures` and `.sharpness` define the measures. Norms are those of networks of fully connected
and convolutional layers, and left out for others; the path norm and Bartlett et al.'s spectral complexity times
||X||_F / (gamma n), as their theorem has it, are those of fully connected networks. Beside them stands the number of
parameters, which is the same for every labelling, as the VC dimension is.

`bounds` evaluates bounds with their constants, each at its best margin. Here all margins are the tenth percentile.
"""

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from empirical.models import num_parameters
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig, trained_run
from empirical.runs.encoded_tensors import decoded, encoded
from empirical.runs.preparation import prepare
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import MeasuresConfig
from empirical.studies.bounds.subject import error_of, train_to_the_end
from empirical.studies.bounds.weight_noise import trainable_weights
from empirical.training.data import ResidentData
from empirical.training.evaluation import evaluate
from theory.common.scaling import norm
from theory.complexity import (
    FLOOR,
    box_tolerance,
    deviation_within,
    homogeneous_network,
    layer_norms,
    lower_margin,
    magnitude_aware_measure,
    margins,
    noise_tolerance,
    norm_measures,
    pac_bayes_measure,
    path_norm,
    spectral_complexity,
    weight_layers,
)

SHARPNESS = ("inverse noise", "inverse relative noise", "inverse box", "inverse relative box")
"""The measures of sharpness alone: 1/sigma, 1/sigma', 1/alpha and 1/alpha'."""

OVER_MARGIN = (
    "product of Frobenius norms / margin",
    "product of spectral norms / margin",
    "spectral norms and stable ranks / margin",
    "spectral norms and distances / margin",
    "spectral complexity / margin",
    "path norm / margin",
)
"""The norms that are divided by the margin."""

MEASURES = (
    "parameters",
    "inverse margin",
    "parameter norm",
    "distance from initialisation",
    "spectral distance from initialisation",
    "stable ranks",
    "product of Frobenius norms",
    "product of spectral norms",
    "path norm",
    *OVER_MARGIN,
    *SHARPNESS,
    "PAC-Bayes, origin",
    "PAC-Bayes, initialisation",
    "relative PAC-Bayes, origin",
    "relative PAC-Bayes, initialisation",
    "box, origin",
    "box, initialisation",
    "relative box, origin",
    "relative box, initialisation",
)
"""Every measure by name, in the order of the record."""


def measure_measures(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """The measures of the network that the run's hyper-parameters train, and its errors.

    Training, the two noises and the two boxes are the parts. Raises FloatingPointError if training diverges.
    """
    study = config.study_of(MeasuresConfig)
    parts.total = 5
    initial, data = prepare(trained_run(config), randomized)
    trained = copy.deepcopy(initial)
    outcome = parts.in_steps("training", partial(_train, trained, data, config))
    trained.load_state_dict(decoded(outcome.pop("weights")))
    trained.eval()
    initial.eval()
    sample = trained, data.train_images, data.train_labels
    searches: dict[str, Callable[[], float]] = {}
    for prefix, floor in (("", None), ("relative ", FLOOR)):
        shared: dict[str, Any] = {"floor": floor, "steps": study.bisections}
        searches[f"{prefix}noise"] = partial(noise_tolerance, *sample, draws=study.draws, seed=config.seed, **shared)
        searches[f"{prefix}box"] = partial(box_tolerance, *sample, search_steps=study.search_steps, **shared)
    tolerances = {name: parts(name, partial(_finite, search)) for name, search in searches.items()}
    logits = evaluate(trained, data.train_images)
    margin = lower_margin(margins(logits.cpu(), data.train_labels.cpu()))
    values = {"parameters": float(num_parameters(trained))} | _norms(trained, initial, data, margin)
    values |= _sharpness(trained, initial, tolerances, len(data.train_labels))
    return {
        **outcome,
        "parameters": num_parameters(trained),
        "images": len(data.train_labels),
        "margin": margin,
        **{name.replace(" ", "_"): value for name, value in tolerances.items()},
        "measures": [{"name": name, "value": _or_none(values.get(name, math.nan))} for name in MEASURES],
    }


def _train(model: nn.Module, data: ResidentData, config: RunConfig, kept: PartState) -> dict[str, Any]:
    """The weights after training, the number of steps, and the errors."""
    steps = train_to_the_end(model, data, config.hyper_parameters, config.seed, kept)
    model.eval()
    errors = [
        error_of(model, images, labels)
        for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels))
    ]
    return {
        "weights": encoded(model.state_dict()),
        "steps": steps,
        "train_error": errors[0],
        "test_error": errors[1],
        "gap": errors[1] - errors[0],
    }


def _norms(trained: nn.Module, initial: nn.Module, data: ResidentData, margin: float) -> dict[str, float]:
    """The measures of norms that cover the network; the inverse margin alone where its layers have no known norms."""
    image = data.train_images[:1]
    try:
        norms = layer_norms(weight_layers(trained, image), weight_layers(initial, image))
    except (TypeError, ValueError):
        return {"inverse margin": 1 / margin if margin > 0 else math.inf}
    try:
        network, before = homogeneous_network(trained), homogeneous_network(initial)
    except (TypeError, ValueError):
        return norm_measures(norms, None, margin)
    lengths = network.input_norms(data.train_images.cpu())
    complexity = spectral_complexity(network, before) * norm(lengths) / len(lengths)
    return norm_measures(norms, path_norm(network), margin) | {
        "spectral complexity / margin": complexity / margin if margin > 0 else math.inf
    }


def _sharpness(trained: nn.Module, initial: nn.Module, tolerances: dict[str, float | None], n: int) -> dict[str, float]:
    """The measures of sharpness, alone and with a reference; alone, and 0, where every perturbation is allowed."""
    weights, before = trainable_weights(trained), trainable_weights(initial)
    references = {"origin": np.zeros_like(weights), "initialisation": before}
    inside = deviation_within(1.0, len(weights))
    values = {}
    for name, kind in zip(("noise", "relative noise", "box", "relative box"), SHARPNESS, strict=True):
        size = tolerances[name]
        if size is None:  # no perturbation raises the error so far
            values[kind] = 0.0
            continue
        values[kind] = 1 / size if size else math.inf
        deviation = size * (inside if name.endswith("box") else 1.0)
        floor = FLOOR * (inside if name.endswith("box") else 1.0)
        for reference, vector in references.items():
            values[f"{name.replace('noise', 'PAC-Bayes')}, {reference}"] = (
                magnitude_aware_measure(weights, vector, deviation, floor, n)
                if name.startswith("relative")
                else pac_bayes_measure(weights, vector, deviation, n)
            )
    return values


def _finite(search: Callable[[], float]) -> float | None:
    return _or_none(search())


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
