"""The solvers against the plain definition of each algorithm, and where they end."""

import numpy as np
import pytest
import torch

from theory.common.streams import generator
from theory.least_squares import (
    DivergenceError,
    InverseDecay,
    exact_minimum_norm_solution,
    gradient_descent,
    heavy_ball,
    minimum_norm_solution,
    nesterov,
    randomized_kaczmarz,
    stochastic_gradient_descent,
)

SOLVERS = [stochastic_gradient_descent, randomized_kaczmarz, gradient_descent, heavy_ball, nesterov]
each_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
each_shape = pytest.mark.parametrize("shape", [(12, 30), (30, 12), (12, 12), (1, 5), (5, 1), (150, 160)])


def sample(n, d, outputs=None, seed=0):
    """Equations that have a solution."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d))
    return X, X @ random.standard_normal((d,) if outputs is None else (d, outputs))


def with_condition(n, d, condition, seed=0):
    random = np.random.default_rng(seed)
    left = np.linalg.qr(random.standard_normal((n, n)))[0]
    right = np.linalg.qr(random.standard_normal((d, n)))[0].T
    X = (left * np.geomspace(1, 1 / condition, n)) @ right
    return X, X @ (right.T @ random.standard_normal(n))


@each_shape
@pytest.mark.parametrize("batch_size", [1, 4, None])
@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("decaying", [False, True])
def test_sgd_is_the_plain_loop(shape, batch_size, replacement, decaying):
    (n, d), epochs = shape, 3
    X, y = sample(n, d, 2)
    batch_size = min(batch_size or n, n)
    per_epoch = -(-n // batch_size)
    steps = epochs * per_epoch - 1  # ends within an epoch
    step_size = 0.5 / (X**2).sum(axis=1).max()
    schedule = InverseDecay(step_size, 7) if decaying else lambda t: np.full(t.shape, step_size)
    start = np.random.default_rng(1).standard_normal((d, 2))
    random, w, t = generator(3, "sgd-order"), start.copy(), 0
    for _ in range(epochs):
        order = random.integers(0, n, per_epoch * batch_size) if replacement else random.permutation(n)
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            if t < steps:
                w -= schedule(np.array([t]))[0] / len(rows) * X[rows].T @ (X[rows] @ w - y[rows])
                t += 1
    result = stochastic_gradient_descent(
        X,
        y,
        batch_size=batch_size,
        replacement=replacement,
        start=start,
        step_size=schedule,
        max_iterations=steps,
        tolerance=0,
        seed=3,
    )
    assert result.iterations == steps
    np.testing.assert_allclose(result.solution, w, rtol=0, atol=1e-13 * np.abs(w).max())


@each_shape
def test_kaczmarz_projects_onto_one_row_after_another(shape):
    X, y = sample(*shape)
    steps = 2 * shape[0]
    cumulative = np.cumsum((X**2).sum(axis=1))
    uniforms = generator(5, "kaczmarz-rows").random(steps)
    w = np.zeros(shape[1])
    for i in np.searchsorted(cumulative, uniforms * cumulative[-1], side="right"):
        w -= (X[i] @ w - y[i]) / (X[i] @ X[i]) * X[i]
    result = randomized_kaczmarz(X, y, max_iterations=steps, tolerance=0, seed=5)
    np.testing.assert_allclose(result.solution, w, rtol=0, atol=1e-12 * max(np.abs(w).max(), 1))


@each_shape
@pytest.mark.parametrize("solver", [gradient_descent, heavy_ball, nesterov], ids=lambda solver: solver.__name__)
def test_full_batch_methods_are_their_recursions(shape, solver):
    X, y = sample(*shape, 3)
    n, steps, beta = shape[0], 40, 0.6
    step_size = n / np.linalg.norm(X, 2) ** 2
    options = {} if solver is gradient_descent else {"momentum": beta}
    beta = options.get("momentum", 0.0)
    w = before = np.zeros((shape[1], 3))
    for _ in range(steps):
        pushed = w + beta * (w - before)
        at = pushed if solver is nesterov else w
        w, before = pushed - step_size / n * X.T @ (X @ at - y), w
    result = solver(X, y, step_size=step_size, max_iterations=steps, tolerance=0, **options)
    np.testing.assert_allclose(result.solution, w, rtol=0, atol=1e-12 * np.abs(w).max())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_heavy_ball_is_torchs_momentum(momentum):
    X, y = (torch.tensor(array) for array in sample(8, 20))
    w = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=momentum)
    for _ in range(50):
        optimizer.zero_grad()
        (((X @ w - y) ** 2).mean() / 2).backward()
        optimizer.step()
    result = heavy_ball(X, y, step_size=0.1, momentum=momentum, max_iterations=50, tolerance=0)
    np.testing.assert_allclose(result.solution, w.detach().numpy(), rtol=0, atol=1e-13)


@each_shape
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("outputs", [None, 2])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("decaying", [False, True])
def test_mini_batches_with_momentum_are_torchs(shape, batch_size, outputs, momentum, nesterov, decaying):
    X, y = sample(*shape, outputs)
    n, batch_size = len(X), min(batch_size, len(X))
    per_epoch = -(-n // batch_size)
    step_size = 0.05 / (X**2).sum(axis=1).max()
    schedule = InverseDecay(step_size, 7 if decaying else np.inf)
    points, labels = torch.tensor(X), torch.tensor(y)
    w = torch.zeros(X.shape[1:] + y.shape[1:], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=step_size, momentum=momentum, nesterov=nesterov)
    random, t = generator(0, "sgd-order"), 0
    for epoch in range(3):
        for rows in np.split(random.permutation(n), range(batch_size, n, batch_size)):
            optimizer.param_groups[0]["lr"] = schedule(np.array([t]))[0]
            optimizer.zero_grad()
            (((points[rows] @ w - labels[rows]) ** 2).sum() / 2 / len(rows)).backward()
            optimizer.step()
            t += 1
        result = stochastic_gradient_descent(
            X,
            y,
            batch_size=batch_size,
            step_size=schedule,
            momentum=momentum,
            nesterov=nesterov,
            max_iterations=(epoch + 1) * per_epoch,
            tolerance=0,
        )
        np.testing.assert_allclose(result.solution, w.detach().numpy(), rtol=0, atol=1e-13 * np.abs(y).max())


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_keeps_the_limit_of_mini_batches(shape, batch_size, nesterov):
    X, y = sample(*shape)
    start = np.random.default_rng(7).standard_normal(shape[1])
    result = stochastic_gradient_descent(
        X, y, batch_size=batch_size, start=start, momentum=0.5, nesterov=nesterov, max_iterations=100_000
    )
    assert result.converged
    limit = start + minimum_norm_solution(X, y - X @ start)
    np.testing.assert_allclose(result.solution, limit, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(200, 1500), (1400, 1200), (40, 1500)])
def test_long_rows_and_the_change_from_primal_to_dual(shape):
    """By single rows, and from X to K on the way: the iterates are those of the plain loop all along."""
    X, y = sample(*shape)
    step_size = 1 / (X**2).sum(axis=1).max()
    random, w = generator(0, "sgd-order"), np.zeros(shape[1])
    for epochs in range(1, 4):
        for i in random.permutation(len(X)):
            w -= step_size * (X[i] @ w - y[i]) * X[i]
        for steps in (epochs * len(X), 10**9):
            tolerance = (
                0 if steps < 10**9 else np.linalg.norm(X @ w - y) / (np.linalg.norm(X) * np.linalg.norm(w)) / 1e9
            )
            result = stochastic_gradient_descent(X, y, max_iterations=epochs * len(X), tolerance=tolerance)
            np.testing.assert_allclose(result.solution, w, rtol=0, atol=1e-12 * np.abs(w).max())


@each_solver
@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (1, 5), (5, 1)])
@pytest.mark.parametrize("outputs", [None, 3])
def test_limit_is_the_projection_of_the_start(solver, shape, outputs):
    X, y = sample(*shape, outputs)
    start = np.random.default_rng(7).standard_normal((shape[1],) if outputs is None else (shape[1], outputs))
    for result, limit in [
        (solver(X, y), minimum_norm_solution(X, y)),
        (solver(X, y, start=start), start + minimum_norm_solution(X, y - X @ start)),
    ]:
        assert result.converged
        assert result.solution.shape == limit.shape
        np.testing.assert_allclose(result.solution, limit, rtol=0, atol=1e-12)
        np.testing.assert_allclose(result.reference, limit, rtol=0, atol=1e-12)
        assert result.distance == pytest.approx(np.linalg.norm(result.solution - limit), abs=1e-13)
        assert result.residual == pytest.approx(np.linalg.norm(X @ result.solution - y), abs=1e-13)
    assert solver(X, y).certificate.distance_bound < 1e-11


@each_solver
def test_rank_deficient_rows_with_zeros_among_them(solver):
    X, y = sample(6, 20)
    deficient = np.concatenate([X, X, np.zeros((2, 20))])
    result = solver(deficient, np.concatenate([y, y, [0, 0]]))
    np.testing.assert_allclose(result.solution, minimum_norm_solution(X, y), rtol=0, atol=1e-12)
    assert result.certificate.rank == 6


def test_kaczmarz_does_not_mind_badly_scaled_rows():
    X, y = sample(10, 40)
    scale = 10.0 ** np.linspace(-3, 3, 10)
    X, y = X * scale[:, None], y * scale
    result = stochastic_gradient_descent(X / scale[:, None], y / scale)
    # Rows as they are: the smallest is drawn once in 10^12 steps; cyclically, every row counts the same.
    np.testing.assert_allclose(result.solution, minimum_norm_solution(X, y), rtol=0, atol=1e-9)
    slow = randomized_kaczmarz(X, y, max_iterations=20_000)
    assert not slow.converged
    assert slow.distance <= slow.certificate.distance_bound


@each_solver
def test_nothing_to_learn(solver):
    result = solver(np.zeros((3, 4)), np.zeros(3))
    assert result.converged
    assert result.certificate.rank == 0
    assert result.certificate.distance_bound == 0
    np.testing.assert_array_equal(result.solution, np.zeros(4))
    start = np.ones(4)
    np.testing.assert_array_equal(solver(np.zeros((3, 4)), np.ones(3), start=start, max_iterations=10).solution, start)


@each_solver
def test_torch_lists_and_other_dtypes_are_the_same(solver):
    random = np.random.default_rng(0)
    X, y = random.integers(-3, 4, (4, 9)), random.integers(-3, 4, 4)
    expected = solver(X.astype(np.float64), y.astype(np.float64)).solution
    for form in (torch.tensor, np.ndarray.tolist, lambda a: a.astype(np.int8), lambda a: torch.tensor(a).float()):
        np.testing.assert_array_equal(solver(form(X), form(y)).solution, expected)


@pytest.mark.parametrize("solver", [gradient_descent, heavy_ball, nesterov], ids=lambda solver: solver.__name__)
@pytest.mark.parametrize("shape", [(30, 8), (30, 40)])
def test_full_batch_reaches_least_squares_where_there_is_no_solution(solver, shape):
    random = np.random.default_rng(2)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    if shape[1] > shape[0]:
        X[1] = X[0]  # two equations that contradict each other
    result = solver(X, y)
    assert result.converged
    np.testing.assert_allclose(result.solution, minimum_norm_solution(X, y), rtol=0, atol=1e-11)
    assert result.distance <= result.certificate.distance_bound + 1e-13


@pytest.mark.parametrize(("batch_size", "condition"), [(1, 100), (4, 20)])
def test_sgd_to_the_last_digit_where_conditioning_allows(batch_size, condition):
    """Must show 1: condition number 100, relative distance 1e-12, against the exact rational solution."""
    X, y = with_condition(8, 20, condition)
    result = stochastic_gradient_descent(X, y, batch_size=batch_size, max_iterations=3_000_000)
    exact = np.array([float(value) for value in exact_minimum_norm_solution(X, y)])
    assert result.converged
    assert np.linalg.norm(result.solution - exact) <= 1e-12 * np.linalg.norm(exact)


@pytest.mark.parametrize("condition", [1, 10, 30])
@pytest.mark.parametrize("form", ["wide", "tall", "deficient", "columns scaled", "rows scaled", "outputs", "torch"])
def test_sgd_to_twelve_digits_whatever_the_problem(condition, form):
    """Must show 1, for every kind of problem: relative distance 1e-12 from X^+ y; the SVD's is below 1e-14 cond."""
    X, _ = with_condition(6, 15, condition)
    if form == "columns scaled":
        X = np.linalg.qr((X * np.geomspace(1, 1e6, 15)).T)[0].T * np.geomspace(1, 1 / condition, 6)[:, None]
    if form == "rows scaled":
        X = np.linalg.qr(X.T)[0].T * np.geomspace(1, 1 / condition, 6)[:, None]
    X = {"tall": X.T, "deficient": np.concatenate([X, X[:3]])}.get(form, X)
    y = X @ np.random.default_rng(1).standard_normal(X.shape[1:] + ((3,) if form == "outputs" else ()))
    problem = (torch.tensor(X), torch.tensor(y)) if form == "torch" else (X, y)
    result = stochastic_gradient_descent(*problem, max_iterations=1_000_000)
    best = minimum_norm_solution(X, y)
    assert result.converged
    assert np.linalg.norm(result.solution - best) <= 1e-12 * np.linalg.norm(best)


@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("solver", SOLVERS[:3], ids=lambda solver: solver.__name__)
def test_where_it_does_not_the_certificate_says_how_far(condition, solver):
    """Must show 1: the steps needed grow with cond^2; whenever it stops, the bound holds and is not idle."""
    X, y = with_condition(8, 20, condition)
    result = solver(X, y, max_iterations=20_000)
    exact = np.array([float(value) for value in exact_minimum_norm_solution(X, y)])
    distance = np.linalg.norm(result.solution - exact)
    assert distance <= result.certificate.distance_bound
    assert result.certificate.distance_bound <= condition * max(result.residual, 1e-14) * 3
    assert result.certificate.condition_number == pytest.approx(condition, rel=1e-6)


@pytest.mark.parametrize("condition", [1e4, 1e6, 1e8])
def test_sgd_from_nearby_comes_to_the_floor_of_rounding(condition):
    """At the solution, rounding of the residual leaves eps cond: SGD stays within what the certificate states."""
    X, y = with_condition(8, 20, condition)
    result = stochastic_gradient_descent(X, y, start=minimum_norm_solution(X, y), max_iterations=800, tolerance=0)
    exact = np.array([float(value) for value in exact_minimum_norm_solution(X, y)])
    distance = np.linalg.norm(result.solution - exact) / np.linalg.norm(exact)
    bound = result.certificate.distance_bound / np.linalg.norm(exact)
    assert distance <= bound <= 200 * np.finfo(float).eps * condition


def test_same_seed_same_iterates():
    X, y = sample(10, 30)
    runs = [stochastic_gradient_descent(X, y, seed=seed, max_iterations=5).solution for seed in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


@pytest.mark.parametrize("shape", [(10, 30), (30, 10)])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_too_large_a_step_names_the_threshold(shape, batch_size):
    X, y = sample(*shape)
    longest, spectral = (X**2).sum(axis=1).max(), np.linalg.norm(X, 2) ** 2
    threshold = 2 / (longest if batch_size == 1 else min(longest, spectral / batch_size))
    with pytest.raises(DivergenceError, match=rf"only up to 2/.* = {threshold:.3g}"):
        stochastic_gradient_descent(X, y, step_size=50 * threshold, batch_size=batch_size)


@pytest.mark.parametrize("shape", [(10, 30), (30, 10)])
@pytest.mark.parametrize(
    ("solver", "stable", "options"),
    [
        (gradient_descent, 2, {}),
        (heavy_ball, 3, {"momentum": 0.5}),
        (nesterov, 1.5, {"momentum": 0.5}),
    ],
)
def test_both_sides_of_the_threshold(shape, solver, stable, options):
    X, y = sample(*shape)
    threshold = stable * shape[0] / np.linalg.norm(X, 2) ** 2
    assert solver(X, y, step_size=0.98 * threshold, **options).converged
    with pytest.raises(DivergenceError, match=rf"only below {stable:.3g}/lambda_max = {threshold:.3g}"):
        solver(X, y, step_size=1.02 * threshold, **options)


def test_too_much_relaxation_diverges():
    with pytest.raises(DivergenceError, match="relaxation 3: a step contracts the error only below 2"):
        randomized_kaczmarz(*sample(10, 30), relaxation=3)


@each_solver
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(3)}, r"y must have shape \(4,\)"),
        ({"X": [[np.nan, 1.0]] * 4}, "X contains NaN"),
        ({"start": np.zeros(3)}, r"start must have shape \(2,\)"),
    ],
)
def test_bad_problems(solver, change, message):
    arguments = {"X": np.ones((4, 2)), "y": np.ones(4)} | change
    with pytest.raises(ValueError, match=message):
        solver(**arguments)


@pytest.mark.parametrize(
    ("solver", "options", "message"),
    [
        (stochastic_gradient_descent, {"batch_size": 5}, r"batch_size must be in 1 .. n = 4"),
        (stochastic_gradient_descent, {"step_size": 0.0}, "step_size must be positive"),
        (gradient_descent, {"step_size": np.nan}, "step_size must be positive"),
        (stochastic_gradient_descent, {"momentum": -0.1}, r"momentum must be in \[0, 1\)"),
        (heavy_ball, {"momentum": 1.0}, r"momentum must be in \[0, 1\)"),
    ],
)
def test_bad_options(solver, options, message):
    with pytest.raises(ValueError, match=message):
        solver(np.ones((4, 2)), np.ones(4), **options)
