import numpy as np
import pytest
import torch

from theory.implicit_bias.optimizers import (
    SETTINGS,
    ImplicitBias,
    NotRun,
    UnderdeterminedProblem,
    check_implicit_bias,
    implicit_bias_table,
    underdetermined_problems,
)


@pytest.fixture(scope="module")
def problems():
    return underdetermined_problems(3)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_sgd_reaches_the_minimum_norm(problems, momentum):
    report = check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0, momentum=momentum), problems, name="SGD")
    assert report.interpolates
    assert report.stays_in_row_space
    assert report.reaches_minimum_norm
    assert report.distance(2)[1] < 1e-6 < 0.05 < report.distance(1)[0]
    assert {landing.problem for landing in report.landings} == {problem.name for problem in problems}


def test_adam_does_not(problems):
    report = check_implicit_bias(lambda p: torch.optim.Adam(p, lr=0.01), problems)
    assert report.interpolates
    assert not report.stays_in_row_space
    assert not report.reaches_minimum_norm
    assert report.distance(2)[0] > 0.05


def test_sgd_from_another_start_does_not(problems):
    report = check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0), problems, start=0.1)
    assert report.interpolates
    assert not report.reaches_minimum_norm


def test_too_few_steps_prove_nothing(problems):
    report = check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0), problems, max_steps=5)
    assert report.stays_in_row_space
    assert not report.interpolates
    assert not report.reaches_minimum_norm


def test_weight_decay_stays_in_the_row_space_and_does_not_interpolate(problems):
    report = check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0, weight_decay=0.1), problems, max_steps=300)
    assert report.stays_in_row_space
    assert not report.interpolates


def test_your_own_optimizer(problems):
    class SignDescent(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.01})

        @torch.no_grad()
        def step(self, closure):
            loss = closure()
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter -= group["lr"] * parameter.grad.sign()
            return loss

    report = check_implicit_bias(SignDescent, problems)
    assert report.interpolates
    assert not report.reaches_minimum_norm


def test_table_has_every_optimizer_of_torch(problems):
    table = implicit_bias_table(problems[:1], max_steps=2)
    names = {row.optimizer for row in table}
    shipped = {name for name in dir(torch.optim) if isinstance(getattr(torch.optim, name), type)} - {"Optimizer"}
    assert shipped <= names
    assert set(SETTINGS) <= names | {"Adafactor"}  # not in the oldest torch supported
    refused = {row.optimizer: row.reason for row in table if isinstance(row, NotRun)}
    assert set(refused) <= {"Muon", "SparseAdam"}
    assert "dense gradients" in refused["SparseAdam"]
    assert all(isinstance(row, ImplicitBias | NotRun) for row in table)


def test_references_interpolate_with_the_norms_in_order(problems):
    for problem in problems:
        for p, w in problem.least_norm.items():
            np.testing.assert_allclose(problem.X @ w, problem.y, atol=1e-6)
            for competitor in problem.least_norm.values():
                assert np.linalg.norm(w, p) <= np.linalg.norm(competitor, p) + 1e-6


def test_distances_are_exact_where_the_answer_is_known():
    problem = UnderdeterminedProblem("one equation", np.array([[3.0, 4.0]]), np.array([5.0]))
    landing = check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0), (problem,)).landings[0]
    np.testing.assert_allclose(landing.solution, [0.6, 0.8], atol=1e-12)  # 5 (3, 4) / 25
    assert landing.distances[1.0] == pytest.approx(np.hypot(0.6, 0.8 - 1.25) / 1.25, abs=1e-6)  # (0, 5/4)
    assert landing.distances[np.inf] == pytest.approx(np.hypot(0.6 - 5 / 7, 0.8 - 5 / 7) / (5 / 7 * 2**0.5), abs=1e-6)


@pytest.mark.parametrize("convert", [np.float32, np.int64, list])
def test_a_problem_of_any_dtype_is_its_numbers(convert):
    """Small integers: the same numbers in every dtype, and the same landing."""
    random = np.random.default_rng(0)
    X, y = random.integers(-3, 4, (4, 12)), random.integers(-3, 4, 4)
    plain = UnderdeterminedProblem("plain", X.astype(float), y.astype(float))
    other = UnderdeterminedProblem("other", *(a.tolist() if convert is list else a.astype(convert) for a in (X, y)))
    assert other.X.dtype == other.y.dtype == np.float64
    reports = [check_implicit_bias(lambda p: torch.optim.SGD(p, lr=1.0), (problem,)) for problem in (plain, other)]
    np.testing.assert_array_equal(reports[1].landings[0].solution, reports[0].landings[0].solution)


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        (np.eye(2, 3), [0.0, 0.0], "y is zero"),
        (np.zeros((2, 3)), [1.0, 0.0], "X is zero"),
        (np.eye(2, 3), [1.0, np.nan], "y must be finite"),
        (np.eye(2, 3), [1.0], r"X must be \(n, d\) and y \(n,\)"),
    ],
)
def test_problems_without_an_answer_are_named(X, y, says):
    with pytest.raises(ValueError, match=says):
        UnderdeterminedProblem("none", X, y)
