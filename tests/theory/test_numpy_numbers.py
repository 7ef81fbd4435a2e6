"""NumPy's numbers give what Python's numbers of the same value give: nothing overflows or rounds without a word.

A public function with an argument annotated `int` or `float` has the door `plain_numbers`, which a test below asks of
all of them; what the door does is tried on examples, to which a line adds a new function.
"""

import inspect
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Annotated

import numpy as np
import pytest
import torch

from theory import complexity, dynamics, expressivity, implicit_bias, kernels, label_noise, least_squares, memorisation
from theory.common import streams
from theory.common.plain_numbers import plain_numbers
from theory.complexity import bounds, vc_dimension
from theory.complexity.vc_dimension import ReLUArchitecture
from theory.expressivity import lower_bounds
from theory.expressivity.exact_network import ExactReluNetwork, Neuron
from theory.expressivity.interleaved_matrix import biases_before, interleaved_weights, weight_bound
from theory.expressivity.narrow import narrow_parameter_count
from theory.implicit_bias import ridgeless

TOPICS = (complexity, dynamics, expressivity, implicit_bias, kernels, label_noise, least_squares, memorisation)
NUMBERS = ("int", "float", "int | None", "float | None", "Sequence[int]", "Sequence[float]")
POINTS = np.random.default_rng(0).normal(size=(6, 3))
LABELS = np.array([0, 1, 2, 1, 0, 2])
LINE = [0, 100, 120, 127]
NEURON = Neuron(((0, Fraction(100)), (1, Fraction(-3))), Fraction(0))
NETWORK = ReLUArchitecture.fully_connected(3, 100, 1)


def taking_numbers():
    for topic in TOPICS:
        for name in topic.__all__:
            function = getattr(topic, name)
            if inspect.isfunction(function):
                parameters = inspect.signature(function).parameters.values()
                texts = [
                    each.annotation if isinstance(each.annotation, str) else inspect.formatannotation(each.annotation)
                    for each in parameters
                ]
                if any(text.replace("collections.abc.", "") in NUMBERS for text in texts):
                    yield pytest.param(function, id=f"{function.__module__}.{name}")


@pytest.mark.parametrize("function", list(taking_numbers()))
def test_every_public_function_has_the_door(function):
    assert hasattr(function, "__wrapped__"), "decorate it with theory.common.plain_numbers.plain_numbers"


EXAMPLES = [
    (bounds.deviation, (100, 0.25)),
    (streams.stream_key, (100, "test")),
    (streams.words, (100, "test", np.arange(3), 5)),
    (complexity.Bound, ("mine", 60000.0, "error", "nowhere")),
    (complexity.PriorVariances, (0.5, 100)),
    (complexity.PriorVariances().variance, (120,)),
    (complexity.PriorVariances().share, (120,)),
    (complexity.PriorVariances().first_below, (2.0**-12,)),
    (complexity.all_signs, (7,)),
    (complexity.random_signs, (100, 3, 100)),
    (complexity.binary_kl, (0.25, 2.0**-12)),
    (complexity.upper_inverse, (0.25, 2.0**-12)),
    (complexity.lower_inverse, (0.25, 2.0**-12)),
    (complexity.upper_slopes, (0.25, 0.5)),
    (complexity.convex_stability_bound, (60000.0, 0.5, [0.25, 0.5], 100)),
    (complexity.nonconvex_stability_bound, (60000.0, 0.5, [0.5, 0.25], 100)),
    (complexity.parameter_distance_bound, (60000.0, 0.5, [0.25, 0.5], 100)),
    (complexity.deviation_within, (0.25, 100, 0.25)),
    (complexity.finite_complexity, (POINTS > 0,), {"sign_vectors": 100, "failure_probability": 0.25, "seed": 100}),
    (complexity.kernel_complexity, (np.eye(3), 60000.0), {"sign_vectors": 100, "seed": 100}),
    (complexity.linear_complexity, (POINTS, 60000.0), {"sign_vectors": 100, "seed": 100}),
    (complexity.kernel_complexity_bound, (np.eye(3), 60000.0)),
    (complexity.linear_complexity_bound, (POINTS, 60000.0)),
    (complexity.gaussian_divergence, (POINTS[0], POINTS[1] ** 2, POINTS[2], 60000.0)),
    (complexity.golowich_complexity_bound, ([60000.0, 60000.0], POINTS[0] ** 2)),
    (complexity.kl_bound, (0.25, 60000.0, 100)),
    (complexity.mcallester_bound, (0.25, 60000.0, 100), {"failure_probability": 0.25}),
    (complexity.maurer_constant, (100,)),
    (complexity.monte_carlo_error_bound, ([0.25, 0.5], 0.25)),
    (complexity.lower_margin, (POINTS[0], 0.25)),
    (complexity.margin_error, (POINTS[0], 0.25)),
    (complexity.pac_bayes_measure, (POINTS[0], POINTS[1], 0.25, 100)),
    (complexity.magnitude_aware_measure, (POINTS[0], POINTS[1], 0.25, 0.5, 100)),
    (complexity.rademacher_bound, (0.25, 0.5, 100)),
    (complexity.theorem_1_lower_bound, (100, 3)),
    (complexity.uniform_convergence_bound, (0.25, 60000.0, 100)),
    (complexity.log2_growth_from_vc, (100, 120)),
    (complexity.memorize_by_slabs, (POINTS, LABELS > 0), {"seed": 100}),
    (ReLUArchitecture, (100, (100, 1), (100, 3))),
    (ReLUArchitecture.fully_connected, (100, 120, 1)),
    (ReLUArchitecture.of_theorem_1, (100, 120)),
    (vc_dimension.log2_growth, (NETWORK, 100)),
    (vc_dimension.vc_upper_bound, (NETWORK,)),
    (dynamics.random_network, (100, 4), {"outputs": 2, "scale": 0.25, "seed": 100}),
    (expressivity.deep_relu_interpolant, (POINTS, LABELS, 3), {"seed": 100}),
    (expressivity.exact_relu_interpolant, (POINTS, LABELS), {"depth": 3, "seed": 100}),
    (expressivity.interpolate, (POINTS, LABELS), {"depth": 3, "seed": 100, "tolerance": 0.25}),
    (expressivity.memorize_narrow, (POINTS, LABELS), {"seed": 100}),
    (expressivity.relu_interpolant, (POINTS, LABELS), {"seed": 100}),
    (ExactReluNetwork(2, ((NEURON,),)).evaluate, ([100, 3],)),
    (interleaved_weights, (LINE, biases_before(LINE, 1), LINE)),
    (weight_bound, (100, 3)),
    (narrow_parameter_count, (100, 3, 10, 120)),
    (lower_bounds.min_parameters, (100,)),
    (lower_bounds.min_parameters, (100, 2)),
    (lower_bounds.min_hidden_units, (LINE, [120, 5, 121, 9])),
    (lower_bounds.labellings_on_a_line, (120, 80)),
    (lower_bounds.sign_vectors_bound, (100, 2, 120)),
    (lower_bounds.labellings_bound, (100, [100, 1], 11)),
    (implicit_bias.double_descent, (5, [3, 100]), {"signal": 0.25, "noise": 0.5, "trials": 3, "seed": 100}),
    (implicit_bias.effective_ranks, (np.linspace(1, 0.1, 120), 100)),
    (implicit_bias.ridge_solution, (POINTS, POINTS[:, 0], 60000.0)),
    (ridgeless.asymptotic_risk, (0.25, 60000.0, 0.5)),
    (ridgeless.benign_spectrum, (100,)),
    (kernels.Gaussian, (60000.0,)),
    (kernels.Polynomial, (100, 60000.0, 0.25)),
    (kernels.NeuralTangent, (100,)),
    (kernels.ArcCosine, (1,)),
    (kernels.median_distance, (POINTS, 100)),
    (kernels.plan_fit, (100, 100, 100)),
    (label_noise.corrupt_labels, (LABELS, 100, 0.5, 100)),
    (label_noise.label_distribution, (0.25, 100)),
    (label_noise.label_variance, (0.25, 100)),
    (label_noise.memorised_accuracy, (0.25, 0.5, 0.125)),
    (label_noise.corruption_excess_risk, (100, 120, 0.25, 100)),
    (label_noise.noise_excess_risk, (100, 120, 60000.0)),
    (label_noise.noisy_outputs, (np.eye(6), LABELS, 0.25, 100)),
    (label_noise.simulated_accuracy, (np.eye(6), LABELS, LABELS, 0.25, 3), {"draws": 100, "level": 0.5, "seed": 100}),
    (least_squares.InverseDecay, (60000.0, 60000.0)),
    (least_squares.gradient_descent, (POINTS, POINTS[:, 0]), {"step_size": 0.25, "max_iterations": 100}),
    (least_squares.nesterov, (POINTS, POINTS[:, 0]), {"momentum": 0.25, "tolerance": 2.0**-20, "max_iterations": 100}),
    (least_squares.randomized_kaczmarz, (POINTS[:2], POINTS[:2, 0]), {"relaxation": 0.5, "seed": 100}),
    (least_squares.stochastic_gradient_descent, (POINTS[:2], POINTS[:2, 0]), {"batch_size": 2, "seed": 100}),
    (least_squares.sgd_mean_squared_error, (POINTS, POINTS[:, 0], [0.25, 0.125])),
    (memorisation.counting_bits, (100,)),
    (memorisation.narrow_bits, (120, 3, 10)),
    (memorisation.theorem_1_bits, (120, 3, 100)),
    (memorisation.uniform_bits, (100, 100, 100)),
    (memorisation.most_memorised_bits, (60000.0, 100)),
    (memorisation.memorised_bits, (-np.ones(3), 100, 100)),
    (memorisation.nearest_neighbour_memorisation, (POINTS, LABELS, 3)),
    (memorisation.rank_agreement, (POINTS[:, 0], POINTS[:, 1]), {"failure_probability": 0.25, "draws": 100}),
]
INTEGERS = (np.int8, np.uint8, np.int32, np.int64, np.array)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0].__qualname__)
def test_numpy_numbers_give_what_pythons_give(example):
    """The numbers are exact in eight bits, or in float16, whose squares and sums are not."""
    function, arguments, named = (*example, {})[:3]
    expected = outcome(function, arguments, named, int, float)
    for integer in INTEGERS:
        assert outcome(function, arguments, named, integer, float) == expected, integer
    for real in (np.float16, np.float32, np.float64, np.array):
        assert outcome(function, arguments, named, int, real) == expected, real


def outcome(function, arguments, named, integer, real):
    def converted(value):
        if isinstance(value, list | tuple):
            return type(value)(map(converted, value))
        return integer(value) if type(value) is int else real(value) if type(value) is float else value

    return content(function(*converted(arguments), **{name: converted(value) for name, value in named.items()}))


def content(value):
    """The value with its types, as what `==` compares."""
    if is_dataclass(value):
        return type(value), [content(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.dtype, value.tolist()
    if isinstance(value, list | tuple):
        return [content(each) for each in value]
    return type(value), value if value == value else "NaN"


@plain_numbers
def door(
    count: int = 1,
    share: float = 1.0,
    flag: bool = False,
    limit: "float | None" = None,
    step: "float | str" = "",
    sizes: Annotated[tuple[int, ...], "metadata"] = (),
    *counts: int,
    whole: object = None,
):
    return count, share, flag, limit, step, sizes, counts, whole


def test_the_door_takes_numbers_by_annotation():
    eight, half, fraction = np.uint8(8), np.float16(0.5), Fraction(1, 2)
    values = door(eight, half, np.bool_(True), half, half, np.arange(2), eight, np.array(8), whole=half)
    assert content(values) == content((8, 0.5, True, 0.5, 0.5, (0, 1), (8, 8), half))
    assert content(door(10**400, 10**400, False, None, "armijo")[:5]) == content(
        (10**400, 10**400, False, None, "armijo")
    )
    assert content(door(share=np.int8(3), limit=fraction, step=fraction)[1:5]) == content((3, False, 0.5, fraction))


@pytest.mark.parametrize("value", [True, np.bool_(True), "3", None, 2.0, np.float32(2), np.arange(2), 1j])
def test_what_counts_is_an_integer(value):
    with pytest.raises(TypeError, match="count must be an integer, got "):
        door(value)
    with pytest.raises(TypeError, match="sizes must be an integer, got "):
        door(sizes=[value])


@pytest.mark.parametrize("value", [True, np.bool_(True), "3", np.str_("3"), None, np.ones(1), 1j, np.complex64(1)])
def test_what_is_measured_is_a_number(value):
    with pytest.raises(TypeError, match="share must be a number, got "):
        door(share=value)


@pytest.mark.parametrize("value", [3, np.array(3), None])
def test_sizes_are_a_sequence(value):
    with pytest.raises(TypeError, match="sizes must be a sequence of numbers, got "):
        door(sizes=value)
