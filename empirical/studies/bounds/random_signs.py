"""A lower bound on the Rademacher complexity of the trained class: the network trained on random signs."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import Found, left_out
from empirical.studies.bounds.subject import Subject, train_to_the_end
from empirical.training.evaluation import evaluate
from theory.common.arrays import Float64Array
from theory.complexity import rademacher_bound, rademacher_of_fitter

_STEPS_BETWEEN_LOOKS = 50  # steps between looks at whether all random signs are fitted


RANDOM_SIGN_BOUNDS = ("Rademacher",)


def random_sign_bounds(subject: Subject, parts: Parts) -> Found:
    """Train the network, with two outputs, on random signs, a sign vector for each part."""
    study = subject.study
    if not study.rademacher_draws:
        return left_out("Rademacher", RANDOM_SIGN_BOUNDS, "not measured"), {}
    n = min(subject.n, study.rademacher_images)

    def fit(signs: Float64Array, seed: int) -> Any:
        return np.array(parts(f"random signs {seed}", lambda: _fit_signs(subject, signs, seed).tolist()))

    complexity = rademacher_of_fitter(
        fit, n, study.rademacher_draws, failure_probability=study.failure_probability, seed=subject.config.seed
    )
    bound = rademacher_bound(
        subject.train_error, max(complexity.lower, 0.0), n, failure_probability=study.failure_probability
    )
    note = f"the least that a Rademacher bound on {n:,} images can say: the complexity enters by its lower bound"
    return [subject.entry("Rademacher", bound, note)], {"rademacher": asdict(complexity) | {"images": n}}


def _fit_signs(subject: Subject, signs: Float64Array, seed: int) -> Float64Array:
    """Train the network on these signs as the run was on its labels; returns the signs that it gives in the end."""
    n = len(signs)
    labels = torch.tensor(signs > 0, dtype=torch.int64, device=subject.data.train_labels.device)
    model = subject.network(2, seed)
    training = replace(
        subject.training,
        max_steps=subject.study.rademacher_steps,
        min_steps=0,
        epochs_per_record=max(1, _STEPS_BETWEEN_LOOKS * subject.training.batch_size // n),
    )
    train_to_the_end(model, subject.first(n, labels), training, seed)
    outputs: Float64Array = 2.0 * evaluate(model, subject.data.train_images[:n]).argmax(1).cpu().numpy() - 1
    return outputs
