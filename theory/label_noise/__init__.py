r"""How test error rises when training labels are corrupted: rules that copy labels, and rules linear in them.

corruption        the noise and its moments
memorising        copying one label: (1 - p) A + p/k, one-nearest-neighbour exactly
linear_smoother   kernel interpolation, ridge, neighbour averages: moments and accuracy without retraining
ridgeless         least squares of minimum norm on Gaussian features
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.label_noise.corruption import corrupt_labels, label_distribution, label_variance
    from theory.label_noise.linear_smoother import (
        NoisyOutputs,
        SimulatedAccuracy,
        averaging_smoother,
        gaussian_accuracy,
        kernel_smoother,
        leave_one_out_smoother,
        lyapunov_ratio,
        noisy_outputs,
        simulated_accuracy,
    )
    from theory.label_noise.memorising import AccuracyMoments, copied_accuracy, memorised_accuracy, nearest_neighbours
    from theory.label_noise.ridgeless import corruption_excess_risk, minimum_norm_smoother, noise_excess_risk

__all__ = [
    "AccuracyMoments",
    "NoisyOutputs",
    "SimulatedAccuracy",
    "averaging_smoother",
    "copied_accuracy",
    "corrupt_labels",
    "corruption_excess_risk",
    "gaussian_accuracy",
    "kernel_smoother",
    "label_distribution",
    "label_variance",
    "leave_one_out_smoother",
    "lyapunov_ratio",
    "memorised_accuracy",
    "minimum_norm_smoother",
    "nearest_neighbours",
    "noise_excess_risk",
    "noisy_outputs",
    "simulated_accuracy",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
