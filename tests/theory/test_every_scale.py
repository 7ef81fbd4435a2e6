"""Data and labels times powers of two: what has a unit answers in it, or refuses by name. No function is left out.

`test_no_public_function_is_left_out` lists the functions that take numbers of a unit, and demands of each a test with
exponents drawn by hypothesis, or the reason why it has none.
"""

import ast
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from flint import fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from theory.complexity import (
    HomogeneousNetwork,
    WeightLayer,
    box_tolerance,
    convex_stability_bound,
    deviation_within,
    finite_complexity,
    finite_complexity_bound,
    frobenius_margin_bound,
    gaussian_divergence,
    golowich_complexity_bound,
    homogeneous_network,
    kernel_complexity,
    kernel_complexity_bound,
    layer_norms,
    linear_complexity,
    linear_complexity_bound,
    lower_margin,
    magnitude_aware_measure,
    margin_error,
    margins,
    memorize_by_slabs,
    noise_tolerance,
    nonconvex_stability_bound,
    norm_measures,
    pac_bayes_bound,
    pac_bayes_measure,
    pac_bayes_spectral_bound,
    parameter_distance_bound,
    path_norm,
    perturbation_bound,
    spectral_complexity,
    spectral_margin_bound,
    weight_layers,
)
from theory.complexity.gaussian_posterior import PriorVariances, posterior_bound
from theory.complexity.pac_bayes import squared_distance
from theory.complexity.stochastic_perceptron import GaussianLayer, StochasticPerceptron, draw_errors
from theory.dynamics import (
    complexity_measure,
    gradient_descent,
    initial_state,
    limiting_spectrum,
    predicted_residual_norms,
    predicted_steps,
    random_network,
    row_space,
)
from theory.expressivity.certificate_checker import check_certificate
from theory.expressivity.certificates import certificate
from theory.expressivity.depth_two import relu_interpolant
from theory.expressivity.estimators import ReluInterpolatorRegressor
from theory.expressivity.exact import exact_relu_interpolant
from theory.expressivity.exact_network import mislabelled
from theory.expressivity.geometry import interpolant_geometry
from theory.expressivity.interleaved_matrix import (
    condition_number,
    exact_interleaved_matrix,
    feedback_ratios,
    interleaved_inverse,
    interleaved_matrix,
    interleaved_weights,
    inverse_norm,
    smallest_singular_value,
    smallest_singular_value_bounds,
)
from theory.expressivity.intervals import enclose
from theory.expressivity.lower_bounds import min_hidden_units
from theory.expressivity.narrow import memorize_narrow
from theory.implicit_bias.adaptive_methods import adaptive_limit, wilson_problem
from theory.implicit_bias.diagonal_networks import (
    initialization_path,
    l1_excess_bound,
    l2_excess_bound,
    predicted_limit,
    predicted_limit_conic,
    train_diagonal_network,
)
from theory.implicit_bias.matrix_factorization import (
    CommutingMeasurements,
    factorize,
    minimum_nuclear_norm,
    nuclear_excess_bound,
    predicted_factorization,
    random_commuting_measurements,
)
from theory.implicit_bias.mirror_descent import mirror_descent
from theory.implicit_bias.optimizers import UnderdeterminedProblem, check_implicit_bias
from theory.implicit_bias.potentials import p_norm_potential
from theory.implicit_bias.reference import minimum_p_norm
from theory.implicit_bias.ridgeless import (
    asymptotic_risk,
    double_descent,
    effective_ranks,
    gaussian_risk,
    overfitting_point,
    ridge_solution,
)
from theory.implicit_bias.separable_logistic import (
    direction_curve,
    direction_error,
    logistic_adam,
    logistic_flow,
    logistic_gradient_descent,
    margin,
    max_margin,
    mean_interval,
    separable_data,
)
from theory.kernels import KernelInterpolator, Polynomial, SymmetricPanels, interpolate_gram, median_distance, plan_fit
from theory.kernels.random_fourier import dual_coefficients, minimum_norm_coefficients, random_fourier_features
from theory.kernels.smallest_eigenvalue import bound_by_cholesky
from theory.label_noise import kernel_smoother, leave_one_out_smoother, minimum_norm_smoother, nearest_neighbours
from theory.least_squares import (
    certify_minimum_norm,
    exact_minimum_norm_solution,
    minimum_norm_solution,
    verify_minimum_norm_exactly,
)
from theory.least_squares.curvature import hessian, log_cosh_loss, squared_loss
from theory.least_squares.estimators import MinimumNormRegressor, RidgelessClassifier
from theory.least_squares.exact import exact_null_vector, exact_rank, exact_squared_norm
from theory.memorisation.agreement import rank_agreement
from theory.memorisation.critical_samples import find_critical_samples, linear_critical_radius
from theory.memorisation.nearest_neighbour import nearest_neighbour_memorisation

exponents = st.integers(-500, 500)
few = settings(max_examples=8, deadline=None)
fewer = settings(max_examples=3, deadline=None)


def sample(n=4, d=9):
    random = np.random.default_rng(0)
    return random.standard_normal((n, d)), random.standard_normal(n)


def near(scaling, plain, k, rtol=1e-9, atol=0.0):
    """scaling = 2^k plain, up to rtol, and atol of the largest plain number."""
    plain = np.asarray(plain, dtype=np.float64)
    np.testing.assert_allclose(
        np.ldexp(np.asarray(scaling, dtype=np.float64), -k),
        plain,
        rtol=rtol,
        atol=atol * np.abs(plain).max(initial=0.0),
    )


# Implicit bias.


@fewer
@given(a=exponents, b=exponents)
def test_diagonal_networks(a, b):
    X, y = sample()
    scale = math.ldexp(0.1, (b - a) // 2) * math.sqrt(2) ** ((b - a) % 2)
    plain, scaling = (
        train_diagonal_network(X, y, 0.1),
        train_diagonal_network(np.ldexp(X, a), np.ldexp(y, b), scale),
    )
    near(scaling.solution, plain.solution, b - a, 1e-6, 1e-7)
    assert scaling.conservation < 1e-6
    assert math.ldexp(scaling.residual, -b) <= 1e-8
    predicted = predicted_limit(np.ldexp(X, a), np.ldexp(y, b), scale)
    near(predicted.solution, predicted_limit(X, y, 0.1).solution, b - a, 1e-7, 1e-7)
    near(predicted_limit_conic(np.ldexp(X, a), np.ldexp(y, b), scale), plain.solution, b - a, 0, 1e-3)


@fewer
@given(a=exponents, b=exponents)
def test_paths_of_diagonal_networks(a, b):
    X, y = sample()
    half = (b - a) // 2
    scaling = initialization_path(np.ldexp(X, a), np.ldexp(y, a + 2 * half), [math.ldexp(0.01, half)])
    plain = initialization_path(X, y, [0.01])
    near(scaling.l1_excess, plain.l1_excess, 0, 1e-4)
    near(scaling.l2_excess, plain.l2_excess, 0, 1e-4)
    assert scaling.prediction_error[0] < 1e-6


@few
@given(k=st.integers(-500, 500))
def test_excess_bounds(k):
    beta = np.array([2.0, 0.0, -1.0, 0.5])
    for scale in (1e-3, 3.0):
        scaling = np.ldexp(beta, 2 * k), math.ldexp(scale, k)
        assert l1_excess_bound(*scaling) == pytest.approx(l1_excess_bound(beta, scale), rel=1e-9)
        assert l2_excess_bound(*scaling) == pytest.approx(l2_excess_bound(beta, scale), rel=1e-9)
        W = np.diag(beta) + 2 * np.eye(4)
        assert nuclear_excess_bound(np.ldexp(W, 2 * k), scaling[1]) == pytest.approx(
            nuclear_excess_bound(W, scale), rel=1e-9
        )


@fewer
@given(a=exponents, b=exponents)
def test_factorisations(a, b):
    half = (b - a) // 2
    b = a + 2 * half
    measured = random_commuting_measurements(np.random.default_rng(0), 4, 2, 1)
    scaled = CommutingMeasurements(measured.basis, np.ldexp(measured.eigenvalues, a), np.ldexp(measured.values, b))
    plain, scaling = (
        factorize(measured.matrices, measured.values, 0.1),
        factorize(scaled.matrices, scaled.values, math.ldexp(0.1, half)),
    )
    near(scaling.solution, plain.solution, b - a, 1e-6, 1e-7)
    near(scaling.nuclear_norm, plain.nuclear_norm, b - a, 1e-6)
    near(predicted_factorization(scaled, math.ldexp(0.1, half)), plain.solution, b - a, 1e-5, 1e-5)
    least = minimum_nuclear_norm(measured.matrices, measured.values)
    near(minimum_nuclear_norm(scaled.matrices, scaled.values), least, b - a, 0, 1e-4)


@few
@given(a=exponents, b=exponents)
def test_mirror_descent_and_least_p_norms(a, b):
    X, y = sample()
    for p in (1.5, 2.0):
        assume(abs(b - a) * p < 900)  # the divergence is a number of float64
        least = minimum_p_norm(X, y, p)
        near(minimum_p_norm(np.ldexp(X, a), np.ldexp(y, b), p), least, b - a, 0, 1e-4)
        result = mirror_descent(p_norm_potential(p), np.ldexp(X, a), np.ldexp(y, b), np.zeros(9))
        near(result.solution, least, b - a, 0, 1e-4)


@fewer
@given(a=exponents)
def test_logistic_regression(a):
    Z = separable_data(np.random.default_rng(0), 15, 3)
    times = np.array([-60.0, -25.0, -5.0, 1.0, 10.0, 100.0])
    plain, scaling = logistic_flow(Z, times), logistic_flow(np.ldexp(Z, a), times - 2 * a * math.log(2))
    near(scaling, plain, -a, 1e-6)
    early = np.exp(-60.0) * Z.sum(axis=0) / 2
    np.testing.assert_allclose(plain[0], early, rtol=1e-12)
    w, step = logistic_gradient_descent(Z, 50)
    v, other_step = logistic_gradient_descent(np.ldexp(Z, a), 50)
    near(v, w, -a, 1e-12)
    near(other_step, step, -2 * a, 1e-12)
    near(logistic_adam(np.ldexp(Z, a), 50, learning_rate=math.ldexp(0.01, -a)), logistic_adam(Z, 50), -a, 1e-9)
    assert margin(np.ldexp(Z, a), v) == pytest.approx(math.ldexp(margin(Z, w), a), rel=1e-12, abs=0)
    assert direction_error(v, np.ldexp(w, 400)) < 1e-12
    best = max_margin(np.ldexp(Z, a))
    assert best.margin == pytest.approx(math.ldexp(max_margin(Z).margin, a), rel=1e-6, abs=0)
    if a < 0:  # the fit of a slope is to positive logarithms of the time
        curve = direction_curve(np.ldexp(Z, a), times[3:] - 2 * a * math.log(2))
        near(curve.errors, direction_curve(Z, times[3:]).errors, 0, 1e-4)
        assert curve.offset_error == pytest.approx(direction_curve(Z, times[3:]).offset_error, rel=1e-2)


@few
@given(a=exponents, b=exponents)
def test_ridge_and_ranks(a, b):
    X, y = sample()
    near(
        ridge_solution(np.ldexp(X, a), np.ldexp(y, b), math.ldexp(0.5, 2 * a)), ridge_solution(X, y, 0.5), b - a, 1e-12
    )
    eigenvalues = np.array([4.0, 2.0, 1.0, 1.0])
    scaling, plain = effective_ranks(np.ldexp(eigenvalues, 2 * a), 2), effective_ranks(eigenvalues, 2)
    assert scaling == plain
    share = overfitting_point(np.ldexp(np.ones(6), a), 3, trials=2).noise_share
    for function in (asymptotic_risk, lambda _, signal, noise: gaussian_risk(10, 30, signal, noise)):
        near(function(3.0, math.ldexp(2.0, b), math.ldexp(0.5, b)), function(3.0, 2.0, 0.5), b, 1e-15)
    (curve,) = double_descent(
        5, [20], signal=math.ldexp(1.0, 2 * (b // 4)), noise=math.ldexp(0.25, 2 * (b // 4)), trials=3
    )
    near(curve.risk, double_descent(5, [20], trials=3)[0].risk, 2 * (b // 4), 1e-9)
    low, high = mean_interval(np.ldexp([1.0, 2.0, 4.0], b), 0.9)
    near([low, high], mean_interval([1.0, 2.0, 4.0], 0.9), b, 1e-9)
    assert share == pytest.approx(overfitting_point(np.ones(6), 3, trials=2).noise_share, rel=1e-9)


@fewer
@given(a=exponents, b=exponents)
def test_optimisers(a, b):
    X, y = sample()
    assume(abs(b - a) < 900)
    landings = [
        check_implicit_bias(
            lambda p: torch.optim.SGD(p, lr=1.0), (UnderdeterminedProblem("", np.ldexp(X, i), np.ldexp(y, j)),)
        ).landings[0]
        for i, j in ((0, 0), (a, b))
    ]
    near(landings[1].solution, landings[0].solution, b - a, 1e-6, 1e-6)
    wilson = wilson_problem(3, 1)
    scaling = UnderdeterminedProblem("", np.ldexp(wilson.X, a), np.ldexp(wilson.y, b))
    near(adaptive_limit(scaling), adaptive_limit(wilson), b - a, 1e-12)


# Kernels.


@few
@given(a=exponents, b=exponents, degree=st.integers(1, 3))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_polynomial_kernels(a, b, degree):
    X, y = sample(4, 9)
    plain = KernelInterpolator(Polynomial(degree)).fit(X, y)
    try:
        model = KernelInterpolator(Polynomial(degree, scale=math.ldexp(1.0, -2 * a))).fit(
            np.ldexp(X, a), np.ldexp(y, b)
        )
        outputs = model.predict(np.ldexp(X[:2] + 0.1, a))
    except ValueError as error:
        assert abs(a) > 140
        assert "unit" in str(error)  # noqa: PT017 - either outcome is right
        return
    near(outputs, plain.predict(X[:2] + 0.1), b, 1e-8)


@pytest.mark.parametrize("degree", [3, 5])
def test_polynomial_kernels_that_overflow_are_refused(degree):
    X, y = sample()
    with pytest.raises(ValueError, match="unit"):
        KernelInterpolator(Polynomial(degree)).fit(X * 1e80, y)


@few
@given(a=st.integers(-400, 400), b=exponents)
def test_gram_systems(a, b):
    X, y = sample(20, 30)
    K = torch.from_numpy(X @ X.T)
    for solver in ("cholesky", "conjugate-gradients"):
        plan = plan_fit(20, 1, solver=solver)
        answers = []
        for i, j in ((0, 0), (a, b)):
            matrix = SymmetricPanels((torch.from_numpy(np.ldexp(K.numpy(), i)),))
            try:
                answers.append(
                    interpolate_gram(matrix, torch.from_numpy(np.ldexp(y[:, None], j)), plan, bound_eigenvalue=False)
                )
            except ValueError as error:
                assert abs(a) > 250
                assert "unit" in str(error)  # noqa: PT017 - either outcome is right
                return
        assert answers[1].converged
        near(answers[1].coefficients.numpy(), answers[0].coefficients.numpy(), b - a, 1e-6)
    bounds = [
        bound_by_cholesky(SymmetricPanels((torch.from_numpy(np.ldexp(K.numpy(), i)),)), math.ldexp(0.5, i))
        for i in (0, a)
    ]
    near(bounds[1].value, bounds[0].value, a, 1e-9)
    near(leave_one_out_smoother(torch.from_numpy(np.ldexp(K.numpy(), a))), leave_one_out_smoother(K), 0, 1e-9, 1e-12)


@few
@given(a=exponents, b=exponents)
def test_random_fourier_features(a, b):
    X, y = sample(6, 3)
    features = random_fourier_features(X, 40, 2.0)
    assert np.array_equal(random_fourier_features(np.ldexp(X, a), 40, math.ldexp(2, a)), features)
    for chosen in (features, features[:, :4]):  # more features than samples, and fewer
        plain = minimum_norm_coefficients(chosen, y[:, None])
        near(minimum_norm_coefficients(np.ldexp(chosen, a), np.ldexp(y[:, None], b)), plain, b - a, 1e-8, 1e-10)
    gram = features @ features.T
    plain = dual_coefficients(gram, y[:, None], 40)
    near(dual_coefficients(np.ldexp(gram, a), np.ldexp(y[:, None], b), 40), plain, b - a, 1e-8, 1e-10)


@few
@given(a=exponents)
def test_distances(a):
    X, _ = sample(12, 3)
    assert median_distance(np.ldexp(X, a)) == pytest.approx(math.ldexp(median_distance(X), a), rel=1e-9, abs=0)
    Z = X + 0.1
    assert nearest_neighbours(np.ldexp(X, a), np.ldexp(Z, a)).tolist() == nearest_neighbours(X, Z).tolist()
    far = np.array([[1e9], [1e9 + 1], [1e9 + 2]])
    assert nearest_neighbours(np.ldexp(far, a), np.ldexp([[1e9 + 0.75], [1e9 + 0.25], [1e9 + 2]], a)).tolist() == [
        1,
        0,
        2,
    ]
    near(minimum_norm_smoother(np.ldexp(X[:2], a), np.ldexp(Z, a)), minimum_norm_smoother(X[:2], Z), 0, 1e-9, 1e-12)
    small = torch.from_numpy(np.ldexp(X[:4], a)), torch.from_numpy(np.ldexp(Z[:4], a))
    try:
        smoother = kernel_smoother(Polynomial(2, scale=math.ldexp(1.0, -2 * a)), *small)
    except ValueError as error:
        assert abs(a) > 140
        assert "unit" in str(error)  # noqa: PT017 - either outcome is right
        return
    near(smoother, kernel_smoother(Polynomial(2), torch.from_numpy(X[:4]), torch.from_numpy(Z[:4])), 0, 1e-9, 1e-11)


# Dynamics.


@few
@given(a=exponents, b=exponents)
def test_dynamics(a, b):
    X, y = sample(6, 5)
    points = torch.from_numpy(X)
    labels = torch.from_numpy(y)
    plain = limiting_spectrum(points)
    try:
        scaling = limiting_spectrum(torch.from_numpy(np.ldexp(X, a)))
    except ValueError as error:
        assert abs(a) > 470
        assert "another unit" in str(error)  # noqa: PT017 - either outcome is right
        return
    near(scaling.eigenvalues.numpy(), plain.eigenvalues.numpy(), 2 * a, 1e-9)
    scaled = torch.from_numpy(np.ldexp(y, b))
    step = 1 / plain.largest
    norms = predicted_residual_norms(plain, labels, step, [0, 5])
    near(predicted_residual_norms(scaling, scaled, math.ldexp(step, -2 * a), [0, 5]).numpy(), norms.numpy(), b, 1e-9)
    loss = float(norms[1] ** 2 / 2)
    assert predicted_steps(plain, labels, step, loss * 1.001) == 5
    if abs(b) < 490:
        assert predicted_steps(scaling, scaled, math.ldexp(step, -2 * a), math.ldexp(loss * 1.001, 2 * b)) == 5
    near(
        complexity_measure(scaling, scaled).values.numpy(),
        complexity_measure(plain, labels).values.numpy(),
        b - a,
        1e-9,
    )
    network = random_network(5, 16)
    (_, last), (_, moved) = (
        list(gradient_descent(x, t, initial_state(network, x), rate, max_steps=1))
        for x, t, rate in (
            (points, labels, 0.1),
            (torch.from_numpy(np.ldexp(X, a)), torch.from_numpy(np.ldexp(y, a)), math.ldexp(0.1, -2 * a)),
        )
    )
    near(moved.residual.numpy(), last.residual.numpy(), a, 1e-9, 1e-12)
    near(moved.network.weights.numpy(), last.network.weights.numpy(), 0, 1e-9, 1e-12)
    L, Q = row_space(torch.from_numpy(np.ldexp(X, a)))
    near((L @ Q).numpy(), X, a, 1e-9, 1e-12)


# Complexity.


@few
@given(a=exponents)
def test_rademacher_complexities(a):
    X, _ = sample(5, 3)
    many, _ = sample(20, 3)
    for points in (X, many):
        for function in (linear_complexity, finite_complexity):
            plain, scaling = function(points), function(np.ldexp(points, a))
            near(
                [scaling.value, scaling.lower, scaling.upper],
                [plain.value, plain.lower, plain.upper],
                a,
                1e-9,
            )
        gram = points @ points.T
        near(kernel_complexity(np.ldexp(gram, 2 * a)).value, linear_complexity(points).value, a, 1e-9)
        near(kernel_complexity_bound(np.ldexp(gram, 2 * a)), kernel_complexity_bound(gram), a, 1e-9)
        near(linear_complexity_bound(np.ldexp(points, a)), linear_complexity_bound(points), a, 1e-9)
        near(finite_complexity_bound(np.ldexp(points, a)), finite_complexity_bound(points), a, 1e-9)
    with pytest.raises(ValueError, match="symmetric"):
        kernel_complexity(np.ldexp([[1.0, 0.5], [0.0, 1.0]], a))


@few
@given(a=exponents, b=exponents)
def test_norm_bounds_mind_what_the_function_is_not_how_its_factors_are_scaled(a, b):
    random = np.random.default_rng(0)
    matrices = [random.standard_normal(shape) for shape in ((6, 5), (6, 6), (6, 6), (3, 6))]
    X = random.standard_normal((30, 5))
    plain = HomogeneousNetwork(tuple(matrices))
    scaling = HomogeneousNetwork(tuple(np.ldexp(m, k) for m, k in zip(matrices, (a, a, -a, -a), strict=True)))
    inputs, values = plain.input_norms(X), random.random(30)
    near(scaling.input_norms(np.ldexp(X, b)), inputs, b, 1e-12)
    assert spectral_complexity(scaling) == pytest.approx(spectral_complexity(plain), rel=1e-9)
    norms = [float(np.linalg.norm(m)) for m in matrices]
    moved = [math.ldexp(m, k) for m, k in zip(norms, (a, a, -a, -a), strict=True)]
    near(golowich_complexity_bound(moved, np.ldexp(inputs, b)), golowich_complexity_bound(norms, inputs), b, 1e-9)
    bounds = [frobenius_margin_bound(network, inputs, values, 0.5).value for network in (plain, scaling)]
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-9)
    # These two have grids for each factor: another share of the failure probability, and a smaller bound by rounding
    # alone.
    if abs(a) < 60:
        assert spectral_margin_bound(scaling, inputs, values, 0.5).value >= spectral_margin_bound(
            plain, inputs, values, 0.5
        ).value * (1 - 1e-6)
        values_of = [pac_bayes_spectral_bound(network, 3.0, values, 0.5).value for network in (plain, scaling)]
        assert values_of[1] == pytest.approx(values_of[0], rel=1e-9)
    moves = [0.01 * m for m in matrices]
    near(
        perturbation_bound(scaling, [0.01 * m for m in scaling.matrices], math.ldexp(1.0, b)),
        perturbation_bound(plain, moves, 1.0),
        b,
        1e-9,
    )
    near(margins(np.ldexp(X, b), np.zeros(30, int)), margins(X, np.zeros(30, int)), b, 1e-15)
    assert margin_error(np.ldexp(values, b), math.ldexp(0.5, b)) == margin_error(values, 0.5)
    near(gaussian_divergence(np.ldexp(X[:, 0], b), math.ldexp(0.25, 2 * b), np.zeros(30), math.ldexp(1.0, 2 * b)),
         gaussian_divergence(X[:, 0], 0.25, np.zeros(30), 1.0), 0, 1e-9)  # fmt: skip


@few
@given(a=st.integers(-240, 240))
def test_stability_and_noise_on_weights(a):
    """Lipschitz constants per unit of the parameters, curvature per its square, steps in squares of it."""
    plain = (2.0, 0.5, [0.2, 0.1], 50)
    scaling = (math.ldexp(2.0, -a), math.ldexp(0.5, -2 * a), np.ldexp([0.2, 0.1], 2 * a).tolist(), 50)
    near(parameter_distance_bound(*scaling), parameter_distance_bound(*plain), a, 1e-9)
    for bound in (convex_stability_bound, nonconvex_stability_bound):
        near(bound(*scaling).value, bound(*plain).value, 0, 1e-9)
    weights = np.array([1.0, -2.0, 0.5])
    bounds = [
        pac_bayes_bound(
            lambda sigma, draws: [0.1] * draws, np.ldexp(weights, k), np.zeros(3), 1000, [math.ldexp(0.5, k)]
        )
        for k in (0, a)
    ]
    # The prior's variance is of a grid that ends at 2^-64, and has a share of the probability that goes by its place.
    assert 0.9 * bounds[0].bound.value <= bounds[1].bound.value <= 1
    if a >= -28:
        assert bounds[1].bound.value <= 1.3 * bounds[0].bound.value


def test_a_network_of_very_small_and_very_large_layers_is_not_free():
    """The product of norms is 1; the first two alone underflow."""
    assert golowich_complexity_bound([1e-200, 1e-200, 1e200, 1e200], [1.0]) == pytest.approx(
        golowich_complexity_bound([1.0] * 4, [1.0])
    )
    module = nn.Sequential(nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.eye(2, dtype=torch.float64) * 1e170)
    network = homogeneous_network(module)
    inputs = network.input_norms(np.full((10, 2), 1e-170))
    assert inputs == pytest.approx(np.full(10, math.sqrt(2) * 1e-170), rel=1e-12, abs=0)
    assert frobenius_margin_bound(network, inputs, np.ones(10), 1.0).value > 1


@fewer
@given(a=exponents)
def test_norms_over_the_margin_and_sharpness_of_a_network_in_another_unit_of_its_weights(a):
    """Two layers without biases: the outputs are times 2^2a, and each size of a perturbation 2^a."""
    torch.manual_seed(0)
    inputs = torch.randn(40, 3, dtype=torch.float64)

    def found(exponent):
        torch.manual_seed(1)
        module = nn.Sequential(nn.Linear(3, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False)).double()
        initial = [WeightLayer(np.ldexp(np.ones((1, *shape, 1, 1)), exponent)) for shape in ((6, 3), (3, 6))]
        labels = module(inputs).argmax(1)
        with torch.no_grad():
            for weights in module.parameters():
                weights.copy_(torch.from_numpy(np.ldexp(weights.numpy(), exponent)))
        network = homogeneous_network(module)
        margin = lower_margin(margins(network(inputs), labels))
        floor = math.ldexp(0.01, exponent)
        tolerances = [
            function(module, inputs, labels, floor=relative, **options)
            for function, options in ((noise_tolerance, {"draws": 3}), (box_tolerance, {"search_steps": 3}))
            for relative in (None, floor)
        ]
        vector = torch.cat([weights.detach().reshape(-1) for weights in module.parameters()]).numpy()
        zero = np.zeros_like(vector)
        divergences = [
            100 * pac_bayes_measure(vector, zero, tolerances[0], 100) + math.log(tolerances[0]),
            100 * magnitude_aware_measure(vector, zero, tolerances[1], floor, 100),
        ]
        norms = norm_measures(layer_norms(weight_layers(module, inputs), initial), path_norm(network), margin)
        return norms, margin, tolerances, divergences, deviation_within(tolerances[2], 36)

    (norms, lowest, tolerances, divergences, spread), (norms_1, *numbers_1) = found(0), found(a)
    near(numbers_1[0], lowest, 2 * a, 1e-12)
    units = {"inverse margin": -2 * a, "stable ranks": 0}
    for name, value in norms.items():
        grown = 0 if name.endswith("/ margin") else 2 * a if "product" in name or "path" in name else a
        near(norms_1[name], value, units.get(name, grown), 1e-12)
    near(numbers_1[1][::2], tolerances[::2], a, 0)
    near(numbers_1[1][1::2], tolerances[1::2], 0, 0)
    near(numbers_1[2], divergences, 0, 1e-9)
    near(numbers_1[3], spread, a, 1e-15)


@few
@given(a=exponents)
def test_slabs(a):
    X, _ = sample(9, 2)
    positive = np.arange(9) % 3 == 0
    network = memorize_by_slabs(np.ldexp(X, a), positive)
    assert ((network(np.ldexp(X, a)) > 0) == positive).all()


# Constructions and exact arithmetic.


@few
@given(a=exponents, b=exponents)
def test_exact_constructions(a, b):
    X, y = sample(5, 3)
    points, labels = np.ldexp(X, a), np.ldexp(y, b)
    exact = exact_relu_interpolant(points, labels)
    assert check_certificate(certificate(exact), points, labels).holds
    assert mislabelled(memorize_narrow(points, [0, 1, 2, 1, 0]).network, points, [0, 1, 2, 1, 0]) == []
    line = np.argsort(X[:, 0])
    assert min_hidden_units(points[line, 0], labels[line]) == min_hidden_units(X[line, 0], y[line])
    z, biases = np.ldexp(np.arange(1.0, 5), a), np.ldexp(np.arange(0.5, 4), a)
    near(interleaved_matrix(z, biases), interleaved_matrix(np.arange(1.0, 5), np.arange(0.5, 4)), a, 0)
    near(smallest_singular_value(z, biases), smallest_singular_value(np.arange(1.0, 5), np.arange(0.5, 4)), a, 1e-9)
    weights = interleaved_weights(z, biases, np.ldexp(np.ones(4), b))
    near(
        [float(w) for w in weights],
        [float(w) for w in interleaved_weights(np.arange(1.0, 5), np.arange(0.5, 4), np.ones(4))],
        b - a,
        1e-12,
    )
    z, biases = np.arange(1.0, 5), np.arange(0.5, 4)
    other_z, other_biases = np.ldexp(z, a), np.ldexp(biases, a)
    near(interleaved_inverse(other_z, other_biases), interleaved_inverse(z, biases), -a, 1e-9, 1e-12)
    assert feedback_ratios(other_z, other_biases) == feedback_ratios(z, biases)
    power = fmpq(2**a) if a >= 0 else fmpq(1, 2**-a)
    assert exact_interleaved_matrix(other_z, other_biases) == exact_interleaved_matrix(z, biases) * power
    near(inverse_norm(other_z, other_biases), inverse_norm(z, biases), -a, 1e-9)
    near(condition_number(other_z, other_biases), condition_number(z, biases), 0, 1e-9)
    near(smallest_singular_value_bounds(other_z, other_biases), smallest_singular_value_bounds(z, biases), a, 1e-9)
    X, y = sample(2, 3)
    points, labels = np.ldexp(X, a), np.ldexp(y, b)
    assert all(value == 0 for value in exact_products(points, exact_null_vector(points)))
    w = exact_minimum_norm_solution(points, labels)
    proof = verify_minimum_norm_exactly(points, labels, w)
    assert (proof.solves, proof.in_row_space, proof.squared_distance) == (True, True, 0)
    assert exact_rank(points) == 2
    assert exact_squared_norm(points, labels) == sum(value * value for value in w)


def exact_products(X, vector):
    return [sum(Fraction(x) * v for x, v in zip(row, vector, strict=True)) for row in X.tolist()]


@few
@given(a=st.integers(-300, 300))
def test_geometry_and_enclosures(a):
    X, _ = sample(6, 3)
    labels = np.arange(6) % 3
    plain, scaling = relu_interpolant(X, labels), relu_interpolant(np.ldexp(X, a), labels)
    first, second = (interpolant_geometry(n, x, labels) for n, x in ((plain, X), (scaling, np.ldexp(X, a))))
    near(
        [second.lipschitz, second.lipschitz_needed, second.weight_l2],
        [first.lipschitz, first.lipschitz_needed, first.weight_l2],
        -a,
        1e-6,
    )
    near(second.robust_radius, first.robust_radius, a, 1e-6)
    evidence = enclose(scaling, np.ldexp(X, a), labels)
    assert evidence.radius < 1e-9
    np.testing.assert_allclose(evidence.lower[:, 0], labels, atol=1e-9)


# Estimators and curvature.


@few
@given(a=exponents, b=exponents)
def test_estimators(a, b):
    X, y = sample()
    points, labels = np.ldexp(X, a), np.ldexp(y, b)
    near(MinimumNormRegressor().fit(points, labels).predict(points[:2]), y[:2], b, 1e-9)
    near(minimum_norm_solution(points, labels), minimum_norm_solution(X, y), b - a, 1e-12)
    assert (
        math.ldexp(certify_minimum_norm(points, labels, minimum_norm_solution(points, labels)).distance_bound, a - b)
        < 1e-12
    )
    assert RidgelessClassifier().fit(points, [0, 1, 0, 1]).predict(points).tolist() == [0, 1, 0, 1]
    try:
        fitted = ReluInterpolatorRegressor().fit(points, labels).predict(points)
    except ValueError as error:
        assert "float64" in str(error)  # noqa: PT017 - either outcome is right
    else:
        near(fitted, y, b, 1e-6, 1e-6)


@few
@given(a=exponents, b=exponents)
def test_hessians(a, b):
    X, y = sample()
    w = np.ones(9)
    near(hessian(squared_loss, np.ldexp(X, a), np.ldexp(y, b), w), X.T @ X / 4, 2 * a, 1e-9, 1e-12)
    numbers = [0.0, 1e-3, -10.0, 30.0, -400.0, 2.0**500, -(2.0**500)]
    residuals = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    zero = torch.zeros((), dtype=torch.float64)
    assert log_cosh_loss(residuals, zero)[:4].tolist() == pytest.approx(
        [math.log(math.cosh(r)) for r in numbers[:4]], rel=1e-9, abs=1e-15
    )
    (slopes,) = torch.autograd.grad(log_cosh_loss(residuals, zero).sum(), residuals, create_graph=True)
    (bends,) = torch.autograd.grad(slopes.sum(), residuals)
    assert slopes.tolist() == pytest.approx([math.tanh(r) for r in numbers], rel=1e-9)
    assert bends[:5].tolist() == pytest.approx([math.cosh(r) ** -2 for r in numbers[:5]], rel=1e-6, abs=1e-15)
    assert bends[5:].tolist() == [0, 0]


@few
@given(a=exponents)
def test_a_stochastic_network_and_its_bound(a):
    """The last layer's unit changes no answer; the unit of all weights, the prior's too, changes no bound."""
    random = np.random.default_rng(0)
    means, variances = random.standard_normal(20), 0.01 + random.random(20)
    inputs, labels = random.standard_normal((30, 4)), random.integers(0, 2, 30)

    def errors(exponent):
        first = GaussianLayer(means[:12].reshape(3, 4), means[12:15], np.full((3, 4), 0.1), variances[:3])
        last = [np.ldexp(means[:6].reshape(2, 3), exponent), np.ldexp(means[6:8], exponent)]
        last += [np.ldexp(variances[:6].reshape(2, 3), 2 * exponent), np.ldexp(variances[6:8], 2 * exponent)]
        network = StochasticPerceptron((first, GaussianLayer(*last)))
        return draw_errors(network, inputs, labels, np.random.default_rng(1), 5)

    assert np.array_equal(errors(a), errors(0))

    def bound(exponent):
        scaled = np.ldexp(means, exponent), np.ldexp(variances, 2 * exponent), np.zeros(20)
        priors = PriorVariances(math.ldexp(0.5, 2 * exponent), 20)
        return posterior_bound(*scaled, np.zeros(50), 1000, priors=priors)

    assert squared_distance(np.ldexp([3.0, 0.0], a), np.ldexp([0.0, 4.0], a)) == (math.ldexp(25, 2 * a), 2)
    assert bound(a).divergence == pytest.approx(bound(0).divergence, rel=1e-12)
    assert bound(a).bound.value == pytest.approx(bound(0).bound.value, rel=1e-12)


@few
@given(a=exponents, b=exponents)
def test_memorisation(a, b):
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((12, 3)), random.integers(0, 2, 12)
    scores = nearest_neighbour_memorisation(points, labels, 8)
    assert np.array_equal(nearest_neighbour_memorisation(np.ldexp(points, a), labels, 8), scores)
    assert np.array_equal(nearest_neighbour_memorisation(np.ldexp(points, 1020), labels, 8), scores)
    noise = random.standard_normal(12)
    assert rank_agreement(np.ldexp(scores, a), np.ldexp(noise, b)) == rank_agreement(scores, noise)

    weights, biases = torch.from_numpy(random.standard_normal((3, 3))), torch.from_numpy(random.standard_normal(3))
    at_1 = linear_critical_radius(weights, biases, torch.from_numpy(points))
    W, c = torch.from_numpy(np.ldexp(weights.numpy(), b)), torch.from_numpy(np.ldexp(biases.numpy(), a + b))
    places = torch.from_numpy(np.ldexp(points, a))
    radii = linear_critical_radius(W, c, places)
    near(radii.numpy(), at_1.numpy(), a, 1e-12)
    radius = float(at_1.median())
    critical = find_critical_samples(lambda x: x @ weights.T + biases, torch.from_numpy(points), radius)
    again = find_critical_samples(lambda x: x @ W.T + c, places, math.ldexp(radius, a))
    assert torch.equal(critical, again)
    assert 0 < int(critical.sum()) < 12


# What is tested, and what has no test.

ROOMS = (
    "expressivity",
    "least_squares",
    "implicit_bias",
    "kernels",
    "dynamics",
    "label_noise",
    "complexity",
    "memorisation",
)
FILES = ("test_every_scale.py", "test_any_input.py", "least_squares/test_any_scale.py", "kernels/test_checkpoint.py")
NUMBERS = ("Any", "Float64Array", "Tensor", "Numbers", "NDArray", "Sequence[float]", "Problem", "Spectrum", "float")


def public_functions() -> dict[str, str]:
    """Functions and estimators of the rooms by name, each with the annotations of its arguments."""
    annotations = {}
    for room in ROOMS:
        for path in sorted(Path("theory", room).glob("*.py")):
            for node in ast.parse(path.read_text()).body:
                name = f"{room}.{path.stem}.{getattr(node, 'name', '_')}"
                if name.rpartition(".")[2].startswith("_") or path.stem in ("__init__", "curves"):
                    continue
                if isinstance(node, ast.FunctionDef):
                    arguments = [*node.args.args, *node.args.kwonlyargs]
                    annotations[name] = " ".join(ast.unparse(a.annotation) for a in arguments if a.annotation)
                elif isinstance(node, ast.ClassDef) and any(
                    getattr(base, "id", "") in ("Kernel", "BaseEstimator") for base in node.bases
                ):
                    annotations[name] = "Any"
    return {name: kinds for name, kinds in annotations.items() if any(kind in kinds for kind in NUMBERS)}


WITHOUT = {
    "it is a step of a construction, which is tested as a whole": """
        expressivity.depth_two.require_moderate expressivity.depth_two.pairwise_sum
        expressivity.exact.integer_projections expressivity.certificate_checker.integer_projections
        expressivity.machine_integers.int64_projections expressivity.projection.knots_before
        expressivity.exact_network.integer_points expressivity.interleaved_matrix.as_rationals expressivity.sweep.sweep
        expressivity.knots.knot_weights expressivity.projection.project_sample expressivity.projection.project
        expressivity.projection.project_magnitudes expressivity.projection.projection_error
        expressivity.projection.is_exact_projection expressivity.interleaved_matrix.biases_before""",
    "it is a step of the solvers, which are tested as a whole": """
        least_squares.certificate.certify least_squares.references.equilibrating_exponents
        least_squares.references.rescaled least_squares.step_sizes.batch_curvature
        least_squares.step_sizes.largest_row_curvature
        least_squares.step_sizes.as_schedule least_squares.step_sizes.as_momentum
        least_squares.step_sizes.require_bounded implicit_bias.gradient_flow.in_flow_units
        implicit_bias.reference.in_units implicit_bias.reference.square_in_units
        implicit_bias.potentials.hyperbolic_entropy_potential complexity.norm_bounds.largest_noise
        complexity.union_bound.grid_index_above complexity.union_bound.grid_index_below""",
    "it is a step of the kernel fits, which are tested as a whole": """
        kernels.certificate.certify_interpolation kernels.distances.median_of_distances kernels.gram.cross_product
        kernels.kernels.squared_norms kernels.kernels.evaluate kernels.kernels.near_squares
        kernels.krylov.conjugate_gradients kernels.panels.multiply kernels.smallest_eigenvalue.bound_by_lanczos
        dynamics.limiting_kernel.LimitingKernel""",
    "its numbers have no unit: probabilities, counts, classes, shares": """
        expressivity.interleaved_matrix.weight_bound implicit_bias.adaptive_methods.wilson_unseen
        label_noise.corruption.corrupt_labels label_noise.corruption.label_distribution
        label_noise.corruption.label_variance label_noise.linear_smoother.noisy_outputs
        label_noise.linear_smoother.lyapunov_ratio label_noise.linear_smoother.simulated_accuracy
        label_noise.memorising.memorised_accuracy label_noise.memorising.copied_accuracy
        label_noise.ridgeless.corruption_excess_risk label_noise.transition.require_transition
        label_noise.transition.draw_labels label_noise.transition.copying_accuracy label_noise.transition.is_independent
        complexity.binary_kl.binary_kl complexity.binary_kl.upper_inverse complexity.binary_kl.lower_inverse
        complexity.binary_kl.upper_slopes
        complexity.bounds.deviation complexity.bounds.require_sample complexity.bounds.require_probability
        complexity.bounds.require_error complexity.pac_bayes.kl_bound complexity.pac_bayes.mcallester_bound
        complexity.pac_bayes.monte_carlo_error_bound complexity.rademacher.rademacher_of_fitter
        complexity.rademacher.rademacher_bound complexity.vc_dimension.uniform_convergence_bound
        memorisation.memorised_bits.most_memorised_bits memorisation.scores.count_hits""",
    "what it does with numbers is another function's, which is tested": """
        implicit_bias.optimizers.implicit_bias_table label_noise.ridgeless.noise_excess_risk
        dynamics.predicted_dynamics.default_step_size dynamics.predicted_dynamics.predicted_slowdown
        complexity.norm_bounds.best_over_margins""",
    "the numbers are made by a function that its caller gives it": """
        implicit_bias.gradient_flow.gradient_flow complexity.stability.measure_stability
        complexity.pac_bayes.stochastic_errors complexity.sharpness.largest_size
        expressivity.torch_export.export""",
}
"""Why a function has no test of scale, and which these are."""


def used_names() -> set[str]:
    here = Path(__file__).parent
    trees = [ast.parse((here / name).read_text()) for name in FILES]
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_no_public_function_is_left_out():
    """A new function is named here until somebody writes its test, or says why it needs none."""
    reasons = {name: reason for reason, names in WITHOUT.items() for name in names.split()}
    functions, used = set(public_functions()), used_names()
    tested = {name for name in functions if name.rpartition(".")[2] in used}
    assert len(tested) > 80
    assert sorted(functions - tested - set(reasons)) == [], "write a test of scale, or a reason"
    assert sorted(set(reasons) - functions) == [], "these are no more: remove them from WITHOUT"
    assert sorted(set(reasons) & tested) == [], "these are tested: remove them from WITHOUT"
