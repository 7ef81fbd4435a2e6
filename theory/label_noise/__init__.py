r"""How test error rises when training labels are corrupted: rules that copy labels, and rules linear in them.

corruption        uniform corruption and its moments
transition        noise of any transition matrix
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
    from theory.label_noise.transition import copying_accuracy, draw_labels, is_independent, require_transition

__all__ = [
    "AccuracyMoments",
    "NoisyOutputs",
    "SimulatedAccuracy",
    "averaging_smoother",
    "copied_accuracy",
    "copying_accuracy",
    "corrupt_labels",
    "corruption_excess_risk",
    "draw_labels",
    "gaussian_accuracy",
    "is_independent",
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
    "require_transition",
    "simulated_accuracy",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
