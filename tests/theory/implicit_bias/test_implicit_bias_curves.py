"""The data of the figures on implicit bias, at small sizes, against independent computation."""

import numpy as np
import pytest

from theory.common.streams import generator
from theory.implicit_bias import curves


def test_optimizers():
    data = curves.optimizer_curves(0, max_steps=1500)
    rows = {row["optimizer"]: row for row in data["rows"]}
    assert rows["SGD"]["reaches_minimum_norm"]
    assert rows["SGD"]["distances"]["l2"][1] <= rows["SGD"]["bound"] < 1e-6
    assert rows["Adam"]["distances"]["l2"][0] > 0.01
    assert not rows["Adam"]["stays_in_row_space"]
    assert "SparseAdam" in data["not_run"]


def test_wilson():
    data = curves.wilson_curves(0, exponents=(-30, -4))
    for method in data["methods"]:
        assert method["distance"][0] <= method["bound"] < 1e-6 < method["distance"][1]
        assert method["outputs"] == pytest.approx(data["formula_outputs"], abs=1e-6)
        assert min(method["outputs"]) > 0
    assert data["sgd_outputs"] == pytest.approx(data["minimum_norm_outputs"], abs=1e-6)
    assert data["minimum_norm_outputs"][1] < 0


def test_mirror_descent_has_the_least_norm_of_its_own_potential_only():
    data = curves.mirror_curves(0, powers=(1.5, 2.0, 3.0), n=3, d=8)
    excess = np.abs([data["excess"][q] for q in ("1.5", "2", "3")])
    assert (excess.diagonal() < 1e-6).all()
    assert (excess[~np.eye(3, dtype=bool)] > 1e-3).all()
    assert max(data["relative_gap"]) < 1e-9
    entropy = data["entropy"]
    assert entropy["exponentiated_gradient"] == pytest.approx(entropy["cvxpy"], abs=1e-2)
    assert entropy["minimum_norm"] != pytest.approx(entropy["cvxpy"], abs=1e-2)


def test_diagonal_networks_are_as_predicted_and_below_their_bounds():
    data = curves.diagonal_curves(0, exponents=(-4, 0, 1), n=3, d=8)
    assert data["l1_excess"] == pytest.approx(data["l1_predicted"], abs=1e-5)
    assert data["l1_excess"][0] <= data["l1_bound"][0]
    assert data["l1_bound"][-1] is None
    assert data["l2_bound"][0] is None
    assert data["l2_excess"][-1] <= data["l2_bound"][-1] + 1e-8
    assert data["l1_excess"][0] < data["l1_excess"][-1]
    assert data["l2_excess"][0] > data["l2_excess"][-1]


def test_factorization():
    data = curves.factorization_curves(0, exponents=(-3, -2), dimension=4, measurements=2, rank=1)
    assert data["excess"] == pytest.approx(data["predicted"], abs=1e-5)
    assert all(excess <= bound for excess, bound in zip(data["excess"], data["bound"], strict=True))


def test_logistic_direction():
    data = curves.logistic_curves(0, data_sets=2, samples=8, dimension=3, points=13)
    slopes = [np.log(errors[-1] / errors[-5]) / np.log(1e2) for errors in data["errors"]]
    assert data["slope"] == pytest.approx(np.mean(slopes), abs=0.02)
    assert data["interval"][0] <= data["slope"] <= data["interval"][1]


def test_margins():
    data = curves.margin_curves(0, steps=(20, 800), log_times=(1.0, 1e3))
    adam, _, flow = data["series"]
    assert adam["linf_share"][-1] > 0.9 > flow["linf_share"][-1]
    assert flow["l2_share"][-1] > 0.98 > adam["l2_share"][-1]
    assert max(adam["linf_share"] + flow["l2_share"]) <= 1 + 1e-6


def test_ridge_lies_between_both_sides_of_its_rate():
    data = curves.ridge_curves(0, exponents=(-6, 0, 3), n=4, d=9)
    random = generator(0, "curves-ridge")
    values = np.linalg.svd(random.standard_normal((4, 9)), compute_uv=False)
    assert data["upper"][1] == pytest.approx(1 / (values[-1] ** 2 + 1))
    for low, distance, high in zip(data["lower"], data["distance"], data["upper"], strict=True):
        assert low - data["rounding"] <= distance <= high + data["rounding"]


def test_risk():
    data = curves.risk_curves(0, n=10, features=(5, 20), trials=50)
    assert data["gamma"] == [0.5, 2.0]
    for risk, error, d in zip(data["risk"], data["standard_error"], (5, 20), strict=True):
        expected = data["expected"][data["formula_gamma"].index(d / 10)]
        assert abs(risk - expected) <= 6 * error
    assert data["expected"][0] == pytest.approx(0.25 * 5 / 4)
    assert 1.0 not in data["formula_gamma"]


def test_overfitting():
    data = curves.overfitting_curves(0, sizes=(10, 40), trials=4)
    benign, harmful = data["series"]
    assert benign["noise_share"][1] < benign["noise_share"][0] / 1.5
    assert min(harmful["noise_share"]) > 0.5
    assert harmful["noise_cost"] == [1.0, 1.0]
