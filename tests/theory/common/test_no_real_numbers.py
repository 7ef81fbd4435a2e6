"""What is masked or complex is refused by every function that takes arrays: neither the mask nor a part is dropped."""

import numpy as np
import pytest
import torch

from theory import complexity, label_noise
from theory.complexity.gaussian_posterior import posterior_bound
from theory.complexity.pac_bayes import gaussian_divergence, monte_carlo_error_bound, squared_distance
from theory.expressivity import exact_relu_interpolant, interpolate, relu_interpolant
from theory.expressivity.certificate_checker import check_certificate
from theory.expressivity.certificates import certificate
from theory.expressivity.deep import deep_relu_interpolant
from theory.expressivity.geometry import interpolant_geometry
from theory.expressivity.interleaved_matrix import interleaved_matrix, interleaved_weights
from theory.expressivity.intervals import enclose
from theory.expressivity.lower_bounds import min_hidden_units
from theory.expressivity.narrow import memorize_narrow
from theory.implicit_bias import diagonal_networks, matrix_factorization, mirror_descent, ridgeless, separable_logistic
from theory.implicit_bias.optimizers import UnderdeterminedProblem
from theory.implicit_bias.potentials import p_norm_potential
from theory.kernels import median_distance
from theory.kernels.random_fourier import dual_coefficients, minimum_norm_coefficients, random_fourier_features
from theory.label_noise import linear_smoother, transition
from theory.least_squares import certify_minimum_norm, heavy_ball, verify_minimum_norm_exactly
from theory.least_squares.curvature import hessian, squared_loss
from theory.least_squares.exact import exact_null_vector, exact_rank, exact_squared_norm
from theory.least_squares.moments import sgd_mean_squared_error
from theory.least_squares.stochastic import randomized_kaczmarz, stochastic_gradient_descent
from theory.memorisation.agreement import rank_agreement
from theory.memorisation.nearest_neighbour import nearest_neighbour_memorisation
from theory.memorisation.scores import count_hits

X = np.random.default_rng(0).standard_normal((4, 6))
Y = np.random.default_rng(1).standard_normal(4)
W, V, Z = np.ones(6), np.array([4.0, 2.0, 1.0, 1.0]), np.abs(X)
CLASSES, P, K = np.array([0, 1, 0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]]), X @ X.T
MEASURED = matrix_factorization.random_commuting_measurements(np.random.default_rng(0), 4, 2, 1)
NETWORK, LINEAR = relu_interpolant(X, Y), complexity.HomogeneousNetwork((np.eye(2),))

CALLS = {
    "exact interpolant": (lambda a: exact_relu_interpolant(X, a), Y),
    "interpolant": (lambda a: interpolate(a, Y), X),
    "deep interpolant": (lambda a: deep_relu_interpolant(X, a, 3), Y),
    "narrow network": (lambda a: memorize_narrow(a, CLASSES), X),
    "narrow network, labels": (lambda a: memorize_narrow(X, a), CLASSES),
    "network": (NETWORK, X),
    "error bound": (lambda a: NETWORK.error_bound(X, a), Y),
    "enclosure": (lambda a: enclose(NETWORK, X, a), Y),
    "geometry": (lambda a: interpolant_geometry(NETWORK, X, a), Y),
    "interleaved matrix": (lambda a: interleaved_matrix(a, np.arange(4) - 0.5), np.arange(4.0)),
    "interleaved weights": (lambda a: interleaved_weights(np.arange(4.0), np.arange(4) - 0.5, a), Y),
    "hidden units": (lambda a: min_hidden_units(np.arange(4.0), a), Y),
    "rank": (exact_rank, X),
    "null vector": (exact_null_vector, X),
    "squared norm": (lambda a: exact_squared_norm(X, a), Y),
    "exact verification": (lambda a: verify_minimum_norm_exactly(X, Y, a), W),
    "certificate": (lambda a: certify_minimum_norm(X, Y, a), W),
    "curvature": (lambda a: hessian(squared_loss, X, Y, a), W),
    "moments of SGD": (lambda a: sgd_mean_squared_error(X, a, [0.01] * 3), Y),
    "start of SGD": (lambda a: stochastic_gradient_descent(X, Y, start=a), W),
    "Kaczmarz": (lambda a: randomized_kaczmarz(X, a), Y),
    "heavy ball": (lambda a: heavy_ball(a, Y), X),
    "diagonal network": (lambda a: diagonal_networks.train_diagonal_network(a, Y, 0.1), X),
    "its limit": (lambda a: diagonal_networks.predicted_limit(a, Y, 0.1), X),
    "its limit, conic": (lambda a: diagonal_networks.predicted_limit_conic(X, a, 0.1), Y),
    "l1 excess": (lambda a: diagonal_networks.l1_excess_bound(a, 0.1), Y),
    "l2 excess": (lambda a: diagonal_networks.l2_excess_bound(a, 10.0), Y),
    "factorisation": (lambda a: matrix_factorization.factorize(a, MEASURED.values, 0.1), MEASURED.matrices),
    "nuclear norm": (lambda a: matrix_factorization.minimum_nuclear_norm(MEASURED.matrices, a), MEASURED.values),
    "nuclear excess": (lambda a: matrix_factorization.nuclear_excess_bound(a, 0.1), np.eye(3)),
    "mirror descent": (lambda a: mirror_descent(p_norm_potential(2), X, Y, a), W),
    "ridge": (lambda a: ridgeless.ridge_solution(X, a, 0.1), Y),
    "effective ranks": (lambda a: ridgeless.effective_ranks(a, 2), V),
    "overfitting": (lambda a: ridgeless.overfitting_point(a, 2, trials=2), V),
    "max margin": (separable_logistic.max_margin, Z),
    "margin, data": (lambda a: separable_logistic.margin(a, W), Z),
    "margin": (lambda a: separable_logistic.margin(Z, a), W),
    "direction": (lambda a: separable_logistic.direction_error(a, W), W),
    "logistic flow": (lambda a: separable_logistic.logistic_flow(a, [1.0, 2.0]), Z),
    "logistic descent": (lambda a: separable_logistic.logistic_gradient_descent(a, 5), Z),
    "Adam": (lambda a: separable_logistic.logistic_adam(a, 5), Z),
    "mean": (lambda a: separable_logistic.mean_interval(a, 0.9), Y),
    "problem": (lambda a: UnderdeterminedProblem("", a, Y), X),
    "problem, labels": (lambda a: UnderdeterminedProblem("", X, a), Y),
    "median distance": (median_distance, X),
    "Fourier features": (lambda a: random_fourier_features(a, 10, 1.0), X),
    "Fourier fit": (lambda a: minimum_norm_coefficients(a, Y[:, None]), X),
    "Fourier targets": (lambda a: minimum_norm_coefficients(X, a), Y[:, None]),
    "Fourier Gram matrix": (lambda a: dual_coefficients(a, Y[:, None], 9), X @ X.T),
    "nearest": (lambda a: label_noise.nearest_neighbours(X, a), X),
    "smoother": (lambda a: label_noise.minimum_norm_smoother(a, X), X),
    "noisy outputs": (lambda a: linear_smoother.noisy_outputs(a, CLASSES, 0.1, 2), np.eye(4)),
    "Lyapunov": (lambda a: linear_smoother.lyapunov_ratio(a, 0.1), np.eye(4)),
    "copying": (lambda a: transition.copying_accuracy(a, 0.5), P),
    "independent": (transition.is_independent, P),
    "drawn labels": (lambda a: transition.draw_labels(CLASSES, a, 0, purpose="test"), P),
    "posterior": (lambda a: posterior_bound(a, np.ones(4), np.zeros(4), np.zeros(5), 100), Y),
    "posterior, variances": (lambda a: posterior_bound(Y, a, np.zeros(4), np.zeros(5), 100), V),
    "posterior, errors": (lambda a: posterior_bound(Y, V, np.zeros(4), a, 100), np.zeros(5)),
    "divergence": (lambda a: gaussian_divergence(a, 1.0, np.zeros(4), 1.0), Y),
    "divergence, variances": (lambda a: gaussian_divergence(Y, a, np.zeros(4), 1.0), V),
    "distance": (lambda a: squared_distance(a, np.zeros(4)), Y),
    "errors": (lambda a: monte_carlo_error_bound(a, 0.1), np.zeros(5)),
    "margins": (lambda a: complexity.margins(a, CLASSES), X),
    "margin error": (lambda a: complexity.margin_error(a, 0.5), Y),
    "Golowich": (lambda a: complexity.golowich_complexity_bound(a, [1.0]), V),
    "Frobenius": (lambda a: complexity.frobenius_margin_bound(LINEAR, V, a, 0.5), Y),
    "spectral": (lambda a: complexity.spectral_margin_bound(LINEAR, a, Y, 0.5), V),
    "PAC-Bayes": (lambda a: complexity.pac_bayes_spectral_bound(LINEAR, 1.0, a, 0.5), Y),
    "perturbation": (lambda a: complexity.perturbation_bound(LINEAR, [a], 1.0), np.full((2, 2), 0.01)),
    "matrices": (lambda a: complexity.HomogeneousNetwork((a,)), np.eye(2)),
    "linear functions": (complexity.linear_complexity, X),
    "kernel ball": (complexity.kernel_complexity, K),
    "finite class": (complexity.finite_complexity, X),
    "steps": (lambda a: complexity.convex_stability_bound(1.0, 1.0, a, 10), V / 4),
    "ranks": (lambda a: rank_agreement(a, Y), V),
    "memorisation": (lambda a: nearest_neighbour_memorisation(a, CLASSES, 2), X),
}
"""What is called, with an array that it takes as it is."""

CLASSES_ONLY = {
    "memorisation, labels": (lambda a: nearest_neighbour_memorisation(X, a, 2), CLASSES),
    "slabs": (lambda a: complexity.memorize_by_slabs(X[:, :2], a), CLASSES == 1),
    "hits": (lambda a: count_hits(a, np.ones((2, 4), bool)), np.ones((2, 4), bool)),
    "right hits": (lambda a: count_hits(np.ones((2, 4), bool), a), np.ones((2, 4), bool)),
    "copied labels": (lambda a: label_noise.copied_accuracy(a, CLASSES, CLASSES, 0.1, 2), CLASSES),
}
"""The same for arguments that are classes or yes and no: what is complex counts as no class there, or as any other."""


@pytest.mark.parametrize("name", [*CALLS, *CLASSES_ONLY])
def test_what_is_masked_is_refused(name):
    call, array = {**CALLS, **CLASSES_ONLY}[name]
    call(array)
    mask = np.zeros(array.shape, dtype=bool)
    mask.flat[1] = True
    with pytest.raises(TypeError, match="is a masked array"):
        call(np.ma.masked_array(array, mask))


@pytest.mark.parametrize("name", CALLS)
def test_what_is_complex_is_refused(name):
    call, array = CALLS[name]
    with pytest.raises(TypeError, match="real numbers"):
        call(array + 1j)


def test_labels_of_a_certificate():
    network = exact_relu_interpolant(X, Y)
    for labels in (Y + 1j, np.ma.masked_array(Y, [1, 0, 0, 0])):
        checked = check_certificate(certificate(network), X, labels)
        assert not checked.holds
        assert checked.problems


def test_tensors_are_numbers():
    assert median_distance(torch.tensor(X)) == median_distance(X)
    assert complexity.HomogeneousNetwork((np.eye(2, dtype=np.float32),)).spectral_norms == (1.0,)
