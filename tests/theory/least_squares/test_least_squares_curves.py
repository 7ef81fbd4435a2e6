"""The data of the least-squares figures, at small sizes, against independent computation."""

from fractions import Fraction

import numpy as np
import pytest

from theory.common.streams import generator
from theory.least_squares import curves, exact, gradient_descent, sgd_mean_squared_error


def test_convergence_follows_the_predictions_to_the_floor():
    data = curves.convergence_curves(0, n=4, d=8, condition=3.0, runs=3, points=6)
    assert data["kappa"] == pytest.approx(9)
    assert [method["name"] for method in data["methods"]] == [*curves_order()]
    for method in data["methods"][:3]:
        assert method["error"] == pytest.approx(method["predicted"], rel=1e-6, abs=1e-12)
        assert method["low"] == method["error"] == method["high"]
    for method in data["methods"]:
        assert method["error"][-1] <= method["floor"] < 1e-11
        assert method["error"][0] > 0.1
    sgd = data["methods"][3]
    assert sgd["predicted"] == sorted(sgd["predicted"], reverse=True)  # down to the end: no floor of rounding
    assert sgd["predicted"][-1] < 1e-12


def curves_order():
    return "gradient descent", "Nesterov", "heavy ball", "SGD", "randomized Kaczmarz"


def test_gradient_descent_recursion_is_that_of_the_singular_values():
    data = curves.convergence_curves(0, n=4, d=8, condition=3.0, runs=2, points=6)
    X, y, best = curves._with_condition(0, "curves-convergence", 4, 8, 3.0)
    method = data["methods"][0]
    w = gradient_descent(X, y, tolerance=0, max_iterations=method["steps"][2]).solution
    assert method["error"][2] == np.linalg.norm(w - best) / np.linalg.norm(best)


def test_condition_curves_stay_below_their_bounds():
    data = curves.condition_curves(0, exponents=(0, 2, 8), max_epochs=2000)
    for name in ("from_zero", "from_solution"):
        assert all(a <= b for a, b in zip(data[name]["distance"], data[name]["bound"], strict=True))
    assert data["from_zero"]["converged"][0]
    assert not data["from_zero"]["converged"][2]
    assert data["from_zero"]["distance"][2] > 0.1 > 1e-6 > data["from_solution"]["distance"][2]
    assert data["references"]["cvxpy"][2] is None
    assert data["from_zero"]["to_cvxpy"][2] is None
    for method in ("svd", "gelsd", "gelsy"):
        assert all(a <= b for a, b in zip(data["references"][method], data["rounding"], strict=True))


def test_certificates():
    data = curves.certificate_curves(0, conditions=(1e3,), exponents=(-12, -3, 0))
    (series,) = data["series"]
    assert all(a <= b <= 1e4 * a for a, b in zip(series["distance"][1:], series["bound"][1:], strict=True))
    assert series["distance"][1:] == pytest.approx([1e-3, 1.0], rel=1e-6)


def test_step_sizes():
    data = curves.step_size_curves(0, n=5, d=9, steps=6, points=5)
    assert data["components"]["factor"] == pytest.approx(data["components"]["predicted"], abs=1e-12)
    assert data["growth"]["factor"] == pytest.approx(data["growth"]["predicted"], rel=1e-9)
    assert data["growth"]["factor"][0] < 1 < data["growth"]["factor"][-1]
    below, above = data["runs"]
    assert (below["refused"], above["refused"]) == (False, True)
    assert above["error"] == pytest.approx([1.02**step for step in above["steps"]], rel=1e-6)


def test_kaczmarz_means_are_within_their_tolerance():
    data = curves.kaczmarz_curves(0, runs=60)
    equal, wide = data["panels"]
    assert equal["predicted"] == pytest.approx([0.75**step for step in equal["steps"]])
    for mean, predicted in zip(equal["mean"], equal["predicted"], strict=True):
        assert abs(mean - predicted) <= equal["tolerance"]
    for mean, predicted in zip(wide["mean"], wide["predicted"], strict=True):
        assert mean <= predicted + wide["tolerance"]
    assert equal["tolerance"] == pytest.approx(np.sqrt(np.log(2 * 16 / 1e-3) / 120))


def test_row_space():
    data = curves.row_space_curves(0, n=4, d=9, points=5)
    assert max(data["from_zero"]["outside"]) <= data["rounding"]
    assert data["from_zero"]["to_minimum"][-1] < 1e-12
    assert data["from_start"]["to_projection"][-1] < 1e-12
    assert data["from_start"]["to_minimum"][-1] == pytest.approx(data["apart"], rel=1e-9)


def test_noise_is_that_of_the_recursion():
    data = curves.noise_curves(0, runs=40, points=4, steps=200)
    random = generator(0, "curves-noise")
    X, y = random.standard_normal((30, 4)), random.standard_normal(30)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    eta = 1 / (2 * (X**2).sum(axis=1).max())
    exactly = sgd_mean_squared_error(X, y, np.full(200, eta), start=best)
    constant, decaying = data["series"]
    assert constant["predicted"] == pytest.approx(exactly[data["predicted_steps"]].tolist())
    for at, step in enumerate(data["steps"]):
        assert abs(constant["mean"][at] - exactly[step]) <= 6 * constant["standard_error"][at]
    assert decaying["predicted"][-1] < constant["predicted"][-1]


def test_norms_are_exact():
    data = curves.norm_curves(0, n=3, d=6)
    random = generator(0, "curves-norm")
    X, y = random.integers(-9, 10, (6, 6)), random.integers(-9, 10, 6)
    w = exact.exact_minimum_norm_solution(X[:3], y[:3])
    assert sum((value * value for value in w), Fraction(0)) == pytest.approx(data["features"]["norm"][-1] ** 2)
    assert data["features"]["norm"] == sorted(data["features"]["norm"], reverse=True)
    assert data["equations"]["norm"] == sorted(data["equations"]["norm"])
    assert data["features"]["wrong_steps"] == data["equations"]["wrong_steps"] == 0
    assert data["features"]["norm"][-1] == data["equations"]["norm"][-1]


def test_curvature():
    data = curves.curvature_curves(0)
    assert data["equal_bits"]
    assert data["minima"][0] == data["minima"][1] == data["minima"][2]
    assert data["minima"][0] == pytest.approx(data["predicted"], abs=1e-12)
    assert data["elsewhere"] != pytest.approx(data["predicted"], abs=1e-3)
    assert min(data["distances"][1:]) > 1


def test_mean_square_goes_on_falling_below_rounding_of_the_first():
    """What rounding adds antisymmetrically to the second moment would stop it near 1e-20 of the first."""
    X, _, best = curves._with_condition(0, "moment", 6, 6, 5.0)
    errors = sgd_mean_squared_error(X, np.zeros(6), np.full(8000, 1 / (X**2).sum(axis=1).max()), start=best)
    assert 0 < errors[-1] < 1e-26 * errors[0]
