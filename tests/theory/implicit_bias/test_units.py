"""References by conic solvers and the algorithms that they judge do not depend on the unit of the data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.implicit_bias import ridgeless
from theory.implicit_bias.diagonal_networks import predicted_limit, predicted_limit_conic
from theory.implicit_bias.matrix_factorization import minimum_nuclear_norm, random_commuting_measurements
from theory.implicit_bias.mirror_descent import mirror_descent
from theory.implicit_bias.optimizers import UnderdeterminedProblem, check_implicit_bias
from theory.implicit_bias.potentials import entropy_potential, p_norm_potential
from theory.implicit_bias.reference import minimum_p_norm
from theory.implicit_bias.separable_logistic import max_margin, separable_data
from theory.least_squares import minimum_norm_solution

UNITS = [2.0**-400, 1e-9, 1e-6, 1e6, 1e8, 2.0**400]


def sample():
    random = np.random.default_rng(0)
    return random.standard_normal((4, 9)), random.standard_normal(4)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_margins(unit, p):
    Z = separable_data(np.random.default_rng(0), 15, 3)
    plain, rescaled = max_margin(Z, p), max_margin(Z * unit, p)
    assert rescaled.margin / unit == pytest.approx(plain.margin, rel=1e-6)
    np.testing.assert_allclose(rescaled.separator * unit, plain.separator, rtol=0, atol=1e-5 / plain.margin)
    if p == 2 and 1e-300 < unit**2 < 1e300:
        np.testing.assert_allclose(rescaled.dual * unit**2, plain.dual, atol=1e-5 * plain.dual.max())


def test_a_margin_that_is_small_beside_the_data():
    Z = np.array([[1.0, 1.0], [-1.0, 1e-5 - 1.0], [1.0, 1.0 - 1e-5]])
    # The separator of least norm is orthogonal to what the second point has in common with the first.
    w = max_margin(Z[:2])
    assert w.margin == pytest.approx(1 / np.linalg.norm(np.linalg.solve(Z[:2], [1, 1])), rel=1e-4)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("p", [1, 1.5, 2, np.inf])
def test_least_norms(unit, p):
    X, y = sample()
    plain = minimum_p_norm(X, y, p)
    np.testing.assert_allclose(minimum_p_norm(X * unit, y, p) * unit, plain, atol=1e-4)
    np.testing.assert_allclose(minimum_p_norm(X, y * unit, p) / unit, plain, atol=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 1e8])
def test_least_nuclear_norm_and_least_entropy(unit):
    measured = random_commuting_measurements(np.random.default_rng(1), 4, 2, 1)
    plain = minimum_nuclear_norm(measured.matrices, measured.values)
    rescaled = minimum_nuclear_norm(measured.matrices * unit, measured.values)
    np.testing.assert_allclose(rescaled * unit, plain, atol=1e-4 * np.trace(plain))
    X, y = sample()
    reference = predicted_limit(X, y, 0.5).solution
    np.testing.assert_allclose(predicted_limit_conic(X, y, 0.5), reference, atol=1e-3)
    np.testing.assert_allclose(predicted_limit_conic(X * unit, y * unit, 0.5), reference, atol=1e-3)
    np.testing.assert_allclose(
        predicted_limit_conic(X, y * unit, 0.5 * unit**0.5) / unit, reference, atol=1e-3 * abs(reference).max()
    )


@pytest.mark.parametrize("unit", [2.0**-500, 2.0**-170, 2.0**300])
def test_mirror_descent(unit):
    X, y = sample()
    result = mirror_descent(p_norm_potential(2), X, y * unit, np.zeros(9))
    np.testing.assert_allclose(result.solution / unit, minimum_norm_solution(X, y), rtol=1e-8)
    assert result.iterations > 0


@pytest.mark.parametrize("start", [-1.0, 0.0, np.nan])
def test_mirror_descent_from_outside_the_domain(start):
    X, y = sample()
    with pytest.raises(ValueError, match="outside the domain of the potential entropy"):
        mirror_descent(entropy_potential(), X, y, np.full(9, start))


@pytest.mark.parametrize("unit", [1e-170, 1e-8, 1e8, 1e150])
def test_where_sgd_lands(unit):
    X, y = sample()
    landing = check_implicit_bias(
        lambda p: torch.optim.SGD(p, lr=1.0), (UnderdeterminedProblem("scaled", X * unit, y),)
    ).landings[0]
    plain = check_implicit_bias(
        lambda p: torch.optim.SGD(p, lr=1.0), (UnderdeterminedProblem("plain", X, y),)
    ).landings[0]
    assert landing.minimum_norm_bound < 1e-6
    for p in (1, 2, np.inf):
        assert landing.distances[p] == pytest.approx(plain.distances[p], abs=1e-5)


@pytest.mark.parametrize("unit", [2.0**-400, 2.0**400])
@pytest.mark.parametrize("shape", [(4, 9), (9, 4)])
def test_ridge(unit, shape):
    random = np.random.default_rng(0)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    plain = ridgeless.ridge_solution(X, y, 0.5)
    np.testing.assert_allclose(ridgeless.ridge_solution(X * unit, y, 0.5 * unit**2) * unit, plain, rtol=1e-12)


@pytest.mark.parametrize(("n", "d", "share"), [(10, 9, 0.0), (10, 10, 0.0), (10, 11, 1 - 10 / 11), (10, 40, 0.75)])
def test_risk_without_noise(n, d, share):
    assert ridgeless.gaussian_risk(n, d, 2.0, 0.0) == pytest.approx(2 * share)
    if abs(n - d) <= 1:
        assert ridgeless.gaussian_risk(n, d, 2.0, 0.1) == np.inf
    random = np.random.default_rng(0)
    missed = []
    for _ in range(200):
        X = random.standard_normal((n, d))
        missed.append(1 - np.trace(np.linalg.pinv(X) @ X) / d)
    assert np.mean(missed) == pytest.approx(share, abs=1e-9)
    assert ridgeless.asymptotic_risk(1, 2.0, 0) == 0
    assert ridgeless.asymptotic_risk(1, 2.0, 0.1) == np.inf


@pytest.mark.parametrize(("n", "d", "signal", "noise"), [(0, 1, 1, 1), (5, 0, 1, 1), (5, 9, -1, 1), (5, 9, 1, np.nan)])
def test_risks_of_nothing(n, d, signal, noise):
    with pytest.raises(ValueError, match=r"at least 1|not negative"):
        ridgeless.gaussian_risk(n, d, signal, noise)


@settings(max_examples=8, deadline=None)
@given(a=st.integers(-400, 400))
@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
def test_strong_duality_holds_in_every_unit(p, a):
    """At the optimum the sum of alpha is <Z^T alpha, w> = ||w||_p, or ||w||_2^2 where the objective is half of that.

    An interior-point method that stops at 1e-8 leaves 1e-6."""
    Z = separable_data(np.random.default_rng(3), 8, 4)
    best = max_margin(np.ldexp(Z, a), p)
    length = float(np.linalg.norm(np.ldexp(best.separator, a), p))
    degree = 2 if p == 2 else 1
    assert np.ldexp(best.dual.sum(), degree * a) == pytest.approx(length**degree, rel=1e-6, abs=0)
    assert np.isclose(best.margin, np.ldexp(1 / length, a), rtol=1e-12, atol=0)
