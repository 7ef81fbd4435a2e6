"""Parameters out of range are refused by name: no NaN without a word, no error of a library underneath."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from theory.complexity import homogeneous_network, margin_error, rademacher_bound
from theory.complexity.bounds import Bound
from theory.complexity.norm_bounds import frobenius_margin_bound
from theory.complexity.vc_dimension import (
    ReLUArchitecture,
    log2_growth,
    log2_growth_from_vc,
    vc_lower_bound,
    vc_upper_bound,
)
from theory.expressivity.exact_network import ExactReluNetwork, Neuron
from theory.expressivity.interleaved_matrix import biases_before, interleaved_weights, weight_bound
from theory.expressivity.lower_bounds import (
    labellings_bound,
    labellings_on_a_line,
    min_hidden_units,
    min_parameters,
    sign_vectors_bound,
)
from theory.expressivity.narrow import narrow_parameter_count
from theory.implicit_bias.ridgeless import (
    asymptotic_risk,
    benign_spectrum,
    double_descent,
    effective_ranks,
    overfitting_point,
    ridge_solution,
)
from theory.kernels import KernelInterpolator, NeuralTangent, Polynomial
from theory.label_noise import corrupt_labels, memorised_accuracy
from theory.least_squares import InverseDecay

LABELS = np.array([0, 1, 2, 1])
NEURON = Neuron(((0, Fraction(100)), (1, Fraction(-3))), Fraction(0))


@pytest.mark.parametrize("p", [np.nan, -1, 2])
def test_label_noise_is_a_probability(p):
    with pytest.raises(ValueError, match="must be a probability"):
        corrupt_labels(LABELS, 3, p, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        memorised_accuracy(0.5, p, 0.1)


@pytest.mark.parametrize("labels", [LABELS.reshape(2, 2), LABELS + 1, LABELS - 1, LABELS + 0.5])
def test_labels_are_classes(labels):
    with pytest.raises(ValueError, match="labels must be"):
        corrupt_labels(labels, 3, 0.5, 0)


def test_samples_go_with_labels():
    with pytest.raises(ValueError, match="one index for each of 4 labels"):
        corrupt_labels(LABELS, 3, 0.5, 0, np.arange(3))


def test_bounds_are_numbers():
    with pytest.raises(ValueError, match="complexity must be a number"):
        rademacher_bound(0, np.nan, 10)
    with pytest.raises(ValueError, match="not a number"):
        Bound("mine", np.nan, "error", "nowhere")
    network = homogeneous_network(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    with pytest.raises(ValueError, match="margins contains NaN"):
        frobenius_margin_bound(network, [1.0, 2.0], [0.5, np.nan], 0.1)
    with pytest.raises(ValueError, match="margins contains NaN"):
        margin_error(np.array([np.nan]), 1.0)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Reversed(nn.Sequential):
    def forward(self, x):
        return super().forward(-x)


@pytest.mark.parametrize("module", [nn.Sequential(Doubled(2, 2)), Reversed(nn.Linear(2, 2))])
def test_a_forward_pass_of_its_own(module):
    with pytest.raises(TypeError, match=r"forward pass|fully connected"):
        homogeneous_network(module)


def test_a_hook_changes_what_a_layer_does():
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].register_forward_hook(lambda layer, inputs, output: output + 1)
    with pytest.raises(TypeError, match="hooks"):
        homogeneous_network(module)


@pytest.mark.parametrize("kernel", [3.0, torch.nn.ReLU()])
def test_a_kernel_is_a_kernel(kernel):
    with pytest.raises(TypeError, match=r"kernel must be a kernel of theory\.kernels"):
        KernelInterpolator(kernel).fit([[1.0], [2.0]], [1, 2])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Polynomial(3, offset=np.inf),
        lambda: Polynomial(3, scale=np.inf),
        lambda: NeuralTangent(0),
        lambda: InverseDecay(1.0, 0.0),
        lambda: InverseDecay(0.0, 1.0),
        lambda: InverseDecay(np.nan, 1.0),
        lambda: benign_spectrum(1),
        lambda: effective_ranks(np.ones(3), 0),
        lambda: effective_ranks(np.ones(0), 3),
        lambda: overfitting_point(np.ones(3), 5),
        lambda: double_descent(0, [3]),
        lambda: double_descent(5, [3], trials=1),
        lambda: ridge_solution(np.eye(2), np.ones(2), np.inf),
        lambda: asymptotic_risk(0, 1, 1),
        lambda: KernelInterpolator(ridge=np.inf).fit([[1.0], [2.0]], [1, 2]),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match=r"must|needs|need|positive|depth|finite"):
        make()


def test_ridge_with_a_penalty_below_rounding_is_the_minimum_norm():
    X = np.array([[1.0, 2.0], [2.0, 4.0], [1.0, 2.0]])
    w = ridge_solution(X, np.array([1.0, 2.0, 1.0]), 1e-300)
    np.testing.assert_allclose(w, [0.2, 0.4], rtol=1e-12)
    np.testing.assert_allclose(ridge_solution(X.T, np.array([1.0, 2.0]), 1e-300), np.array([1, 2, 1]) / 6, rtol=1e-12)


def test_bounds_at_the_ends_of_their_arguments():
    bound = Bound("mine", 1.0, "error", "nowhere")
    assert bound.vacuous, "a bound of 1 on an error says nothing"
    assert (bound.failure_probability, bound.trivial) == (0.0, 1.0)
    assert not Bound("mine", 0.75, "error", "nowhere").vacuous
    for error in (0.0, 1.0):
        assert rademacher_bound(error, 0.0, 1, failure_probability=0.99).value > error
    for arguments in (
        (-0.5, 0.0, 1, 0.5),
        (1.5, 0.0, 1, 0.5),
        (0.0, 0.0, 0, 0.5),
        (0.0, 0.0, 1, 0.0),
        (0.0, 0.0, 1, 1.0),
    ):
        error, complexity, n, probability = arguments
        with pytest.raises(ValueError, match=r"share|samples|strictly"):
            rademacher_bound(error, complexity, n, failure_probability=probability)
    for probability in (-0.5, 1.5):
        with pytest.raises(ValueError, match="strictly"):
            rademacher_bound(0.0, 0.0, 1, failure_probability=probability)


@pytest.mark.parametrize("integer", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize(
    "call",
    [
        lambda integer: min_parameters(integer(200)),
        lambda integer: min_parameters(integer(200), integer(2)),
        lambda integer: labellings_bound(integer(200), [integer(70), integer(1)], integer(11)),
        lambda integer: labellings_on_a_line(integer(200), integer(80)),
        lambda integer: sign_vectors_bound(integer(200), integer(2), integer(250)),
        lambda integer: log2_growth(ReLUArchitecture.fully_connected(integer(3), integer(100), integer(1)), 10**6),
        lambda integer: vc_upper_bound(ReLUArchitecture(integer(3), (integer(100), integer(1)), (integer(40), 1))),
        lambda integer: vc_lower_bound(ReLUArchitecture.fully_connected(integer(100), integer(200), integer(1))),
        lambda integer: ReLUArchitecture.of_theorem_1(integer(100), integer(200)),
        lambda integer: log2_growth_from_vc(integer(100), integer(200)),
        lambda integer: weight_bound(integer(100), integer(3)),
        lambda integer: narrow_parameter_count(integer(100), integer(3), integer(10), integer(200)),
        lambda integer: min_hidden_units(line(integer), [integer(label) for label in (200, 5, 201, 9)]),
        lambda integer: interleaved_weights(line(integer), biases_before(line(integer), integer(1)), line(integer)),
        lambda integer: ExactReluNetwork(2, ((NEURON,),)).evaluate([integer(200), integer(3)]),
    ],
)
def test_numpy_integers_are_the_numbers_that_they_are(call, integer):
    """2**n, products and fractions of NumPy's integers overflow without a word."""
    assert call(integer) == call(int)


def line(integer):
    return [integer(point) for point in (0, 100, 180, 251)]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: min_parameters(100.0), "n must be an integer, got 100.0"),
        (lambda: min_parameters(100, 2.5), "depth must"),
        (lambda: labellings_on_a_line(5, 1.0), "hidden_units must"),
        (lambda: sign_vectors_bound(5, 1, 0.5), "variables must"),
        (lambda: labellings_bound(5, [2.0, 1], 3), "widths must"),
        (lambda: ReLUArchitecture(3, (4.5, 1), (3, 1)), "units must"),
        (lambda: log2_growth_from_vc(2, 7.5), "n must"),
        (lambda: weight_bound(2.5, 1), "n must"),
        (lambda: Polynomial(np.nan), "degree must"),
        (lambda: NeuralTangent(np.inf), "depth must"),
    ],
)
def test_what_counts_is_an_integer(call, name):
    with pytest.raises(TypeError, match=name):
        call()
