r"""Why random labels take longer, and by how much: wide two-layer ReLU networks (Arora, Du, Hu, Li, Wang 2019).

limiting_kernel      H-infinity, and its spectrum on a sample
predicted_dynamics   residual and number of steps for any labels; the complexity measure of labels
two_layer_network    the network itself, under full-batch gradient descent
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.dynamics.limiting_kernel import LimitingKernel, Spectrum, limiting_spectrum
    from theory.dynamics.predicted_dynamics import (
        ComplexityMeasure,
        complexity_measure,
        default_step_size,
        predicted_residual_norms,
        predicted_slowdown,
        predicted_steps,
    )
    from theory.dynamics.two_layer_network import (
        State,
        TrainingStep,
        TwoLayerNetwork,
        gradient_descent,
        initial_state,
        random_network,
        row_space,
    )

__all__ = [
    "ComplexityMeasure",
    "LimitingKernel",
    "Spectrum",
    "State",
    "TrainingStep",
    "TwoLayerNetwork",
    "complexity_measure",
    "default_step_size",
    "gradient_descent",
    "initial_state",
    "limiting_spectrum",
    "predicted_residual_norms",
    "predicted_slowdown",
    "predicted_steps",
    "random_network",
    "row_space",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
