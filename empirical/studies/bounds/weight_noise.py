"""PAC-Bayes bounds for the network with Gaussian noise on its weights."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import Found, left_out
from empirical.studies.bounds.subject import Subject
from theory.common.arrays import Float64Array
from theory.complexity import pac_bayes_bound, stochastic_errors

WEIGHT_NOISE_BOUNDS = ("PAC-Bayes, Gaussian",)


def weight_noise_bounds(subject: Subject, parts: Parts) -> Found:
    """The PAC-Bayes bound with Gaussian noise around the trained weights."""
    trained, data, study = subject.trained, subject.data, subject.study
    if list(trained.buffers()):
        reason = "its normalisation layers hold statistics of the training sample, of which no prior may know"
        return left_out("PAC-Bayes", WEIGHT_NOISE_BOUNDS, reason), {}
    seed = subject.config.seed

    def errors(images: torch.Tensor, labels: torch.Tensor, split: str) -> Callable[[float, int], Any]:
        drawn = stochastic_errors(trained, images, labels, seed=seed)
        return lambda sigma, draws: parts(f"noise of {sigma:g}, {split} images", lambda: drawn(sigma, draws).tolist())

    best = pac_bayes_bound(
        errors(data.train_images, data.train_labels, "training"),
        trainable_weights(trained),
        trainable_weights(subject.initial),
        subject.n,
        study.sigmas,
        draws=study.noise_draws,
        failure_probability=study.failure_probability,
    )
    test = float(np.mean(errors(data.test_images, data.test_labels, "test")(best.sigma, study.noise_draws)))
    entry = subject.entry("PAC-Bayes", best.bound, measured=test, gap=test - best.mean_training_error)
    measures = asdict(best)
    del measures["bound"]
    return [entry], {"pac_bayes": measures}


def trainable_weights(model: nn.Module) -> Float64Array:
    """All trainable parameters as one vector."""
    trainable = [p.detach().reshape(-1).double().cpu() for p in model.parameters() if p.requires_grad]
    weights: Float64Array = torch.cat(trainable).numpy()
    return weights
