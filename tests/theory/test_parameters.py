"""Parameters out of range are refused by name: no NaN without a word, no error of a library underneath."""

import numpy as np
import pytest
import torch
from torch import nn

from theory.complexity import homogeneous_network, margin_error, rademacher_bound
from theory.complexity.bounds import Bound
from theory.complexity.norm_bounds import frobenius_margin_bound
from theory.implicit_bias.potentials import p_norm_potential
from theory.implicit_bias.ridgeless import (
    asymptotic_risk,
    benign_spectrum,
    double_descent,
    effective_ranks,
    overfitting_point,
    ridge_solution,
)
from theory.implicit_bias.separable_logistic import direction_curve
from theory.kernels import KernelInterpolator, NeuralTangent, Polynomial
from theory.label_noise import corrupt_labels, memorised_accuracy
from theory.least_squares import InverseDecay
from theory.least_squares.curvature import hessian, squared_loss

LABELS = np.array([0, 1, 2, 1])


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
    with pytest.raises(ValueError, match="complexity must be a number of at least 0"):
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
        lambda: p_norm_potential(np.inf),
        lambda: hessian(squared_loss, np.ones((3, 2)), np.ones((3, 1)), np.ones(2)),
        lambda: hessian(squared_loss, np.ones((3, 2)), np.ones(3), np.ones(3)),
        lambda: direction_curve(np.array([[1.0, 0.0], [0.0, 1.0]]), [-5.0, 10.0]),
        lambda: direction_curve(np.array([[1.0, 0.0], [0.0, 1.0]]), [10.0]),
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
