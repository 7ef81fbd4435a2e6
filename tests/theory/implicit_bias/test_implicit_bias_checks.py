"""A claim that is broken on purpose must change the verdict."""

import numpy as np
import torch

from theory import implicit_bias
from theory.checks import implicit_bias as checks
from theory.claims import Verdict
from theory.implicit_bias import diagonal_networks, matrix_factorization, optimizers, ridgeless, separable_logistic


def broken(check):
    return check(0).verdict is Verdict.DOES_NOT_HOLD


def test_adam_for_sgd(monkeypatch):
    monkeypatch.setitem(optimizers.MOMENTA, "SGD, momentum 0.9", lambda p: torch.optim.Adam(p, lr=0.01))
    assert broken(checks.torch_optimizers)


def test_sgd_for_adam(monkeypatch):
    monkeypatch.setitem(checks._WILSON_METHODS, "Adam", lambda p: torch.optim.SGD(p, lr=1.0))
    assert broken(checks.wilson_limit)


def test_large_epsilon(monkeypatch):
    monkeypatch.setitem(checks._WILSON_METHODS, "Adam", lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-4))
    assert broken(checks.wilson_limit)


def test_wrong_potential(monkeypatch):
    right = implicit_bias.p_norm_potential
    monkeypatch.setattr(implicit_bias, "p_norm_potential", lambda p: right(2.1))
    assert broken(checks.mirror_descent_p_norms)
    monkeypatch.setattr(implicit_bias, "entropy_potential", lambda: right(2))
    assert broken(checks.exponentiated_gradient)


def test_wrong_start(monkeypatch):
    right = implicit_bias.mirror_descent
    monkeypatch.setattr(
        implicit_bias, "mirror_descent", lambda potential, X, y, start: right(potential, X, y, start + 0.05)
    )
    assert broken(checks.mirror_descent_p_norms)
    assert broken(checks.exponentiated_gradient)


def test_wrong_initialization_scale(monkeypatch):
    train, fit = diagonal_networks.train_diagonal_network, matrix_factorization.factorize
    monkeypatch.setattr(diagonal_networks, "train_diagonal_network", lambda X, y, scale: train(X, y, 1.01 * scale))
    monkeypatch.setattr(matrix_factorization, "factorize", lambda A, y, scale: fit(A, y, 1.01 * scale))
    assert broken(checks.diagonal_network_limit)
    assert broken(checks.matrix_factorization_limit)


def test_scale_that_does_not_shrink(monkeypatch):
    train = diagonal_networks.train_diagonal_network
    monkeypatch.setattr(diagonal_networks, "train_diagonal_network", lambda X, y, scale: train(X, y, max(scale, 0.5)))
    assert broken(checks.diagonal_network_path)


def test_separator_of_another_norm(monkeypatch):
    right = separable_logistic.max_margin

    def other(Z, p=2):
        shifted = Z + 0.01 * np.abs(Z)
        return right(shifted, p)

    monkeypatch.setattr(separable_logistic, "max_margin", other)
    assert broken(checks.logistic_direction)


def test_gradient_descent_for_adam(monkeypatch):
    monkeypatch.setattr(
        separable_logistic, "logistic_adam", lambda Z, steps, **_: separable_logistic.logistic_flow(Z, [100.0])[0]
    )
    assert broken(checks.adam_margin)


def test_ridge_that_stops_short(monkeypatch):
    right = ridgeless.ridge_solution
    monkeypatch.setattr(ridgeless, "ridge_solution", lambda X, y, penalty: right(X, y, max(penalty, 1e-7)))
    assert broken(checks.ridge_limit)


def test_wrong_risk_formula(monkeypatch):
    right = ridgeless.gaussian_risk
    monkeypatch.setattr(ridgeless, "gaussian_risk", lambda n, d, signal, noise: right(n, d, signal, 1.5 * noise))
    assert broken(checks.ridgeless_risk)


def test_spectrum_that_is_not_benign(monkeypatch):
    monkeypatch.setattr(ridgeless, "benign_spectrum", ridgeless.polynomial_spectrum)
    assert broken(checks.benign_overfitting)
