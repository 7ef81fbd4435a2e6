"""Records of runs under label noise, made up to lie on either side of a rule."""

from typing import Any

import numpy as np

from empirical.kernels.config import KernelConfig
from empirical.outcome import encode_hits
from empirical.runs.config import Explicit, KernelRun, StudyRun, Trained
from empirical.runs.records import Run
from empirical.runs.studies import InterpolantsConfig, NoiseConfig
from empirical.studies.label_noise import EXPLICIT, KERNEL, LEAVE_ONE_OUT, LINEAR, NEAREST
from empirical.training.config import TrainingConfig
from tests.made_up import made_up_config, made_up_run, outcome

LEVELS = (0.0, 0.5, 1.0)
KERNEL_ACCURACY = {0.0: 0.9, 0.5: 0.7, 1.0: 0.1}
NETWORK_ACCURACY = {0.0: 0.95, 0.5: 0.75, 1.0: 0.1}


def test_of(label_noise: float) -> str:
    """As it is typed."""
    return f"corrupted-{label_noise:g}"


def prediction() -> Run:
    def entries(accuracies: tuple[float, ...], deviation: float = 0.005, draws: int = 50) -> list[dict[str, Any]]:
        return [
            {"accuracy": accuracy, "deviation": deviation * (level > 0), "draws": draws}
            for level, accuracy in zip(LEVELS, accuracies, strict=True)
        ]

    metrics = {
        "levels": list(LEVELS),
        "predictions": {
            NEAREST: entries((0.9, 0.5, 0.1), draws=0),
            LINEAR: entries((0.8, 0.7, 0.1)),
            KERNEL: entries((0.9, 0.7, 0.1)),
            LEAVE_ONE_OUT: entries((0.9, 0.7, 0.1)),
            EXPLICIT: entries((0.1, 0.1, 0.1)),
        },
        "nearest_neighbour_hits": encode_hits(np.arange(1000) % 10 != 0),
        "noise_gain": {LINEAR: 0.1, KERNEL: 0.2},
        "noise_gain_gaussian_features": None,
        "varying_pixels": 61,
    }
    return made_up_run(made_up_config(StudyRun(NoiseConfig(levels=LEVELS)), n_train=9000), metrics)


def kernel(level: float, accuracy: float, **more: Any) -> Run:
    config = made_up_config(KernelRun(KernelConfig(**more)), test_of(level))
    return made_up_run(config, {"fitted": True} | outcome(accuracy))


def network(level: float, accuracy: float, *, fitted: bool = True, **more: Any) -> Run:
    config = made_up_config(Trained(TrainingConfig(learning_rate=0.01)), test_of(level), **more)
    return made_up_run(config, {"fitted": fitted, "train_accuracy": 1.0 if fitted else 0.9} | outcome(accuracy))


def explicit(level: float, accuracy: float) -> Run:
    return made_up_run(made_up_config(Explicit(), test_of(level)), {"fitted": True} | outcome(accuracy))


def noise_runs() -> list[Run]:
    """A run of each at every level, all as predicted."""
    return [
        prediction(),
        *(kernel(level, accuracy) for level, accuracy in KERNEL_ACCURACY.items()),
        *(network(level, accuracy) for level, accuracy in NETWORK_ACCURACY.items()),
        *(explicit(level, 0.1) for level in LEVELS),
    ]


def interpolants(level: float, accuracy: float, **changed: Any) -> Run:
    """The trained network right with `accuracy`, the explicit one at chance and stable nowhere."""

    def of(accuracy: float, distance: float) -> dict[str, Any]:
        return {
            "fitted": True,
            "train_accuracy": 1.0,
            "median_margin": 1.0,
            "lipschitz_lower_bound": 1 / distance,
            "margin_over_lipschitz": distance,
            "median_distance": distance,
        } | outcome(accuracy, seed=round(1e6 * distance))

    norms = (0.001, 0.1, 1.0)
    metrics = {
        "trained": of(accuracy, 0.5),
        "explicit": of(0.1, 1e-4) | {"lipschitz": 2e4, "weights": 1064},
        "farther": 490,
        "neighbour_on_the_line": {
            "median_distance": 2.9,
            "median_distance_of_random_pairs": 3.0,
            "label_agrees": 0.1,
        },
        "noise": [{"norm": norm, "trained": 0.9, "explicit": 0.2, "difference_error": 0.01} for norm in norms],
        "segment": [{"fraction": 0.1, "trained": 0.9, "explicit": 0.2, "difference_error": 0.01}],
    }
    study = InterpolantsConfig(norms=norms, fractions=(0.1,))
    config = made_up_config(StudyRun(study, TrainingConfig(learning_rate=0.01)), test_of(level))
    return made_up_run(config, metrics | changed)
