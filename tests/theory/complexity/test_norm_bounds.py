"""Norm bounds against values worked by hand, their invariances, exact suprema of tiny classes, and simulation."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from theory.common.scaling import norm
from theory.complexity import (
    HomogeneousNetwork,
    WeightLayer,
    best_over_margins,
    frobenius_margin_bound,
    golowich_complexity_bound,
    homogeneous_network,
    margin_error,
    margins,
    pac_bayes_spectral_bound,
    perturbation_bound,
    spectral_complexity,
    spectral_margin_bound,
)
from theory.complexity.bounds import deviation
from theory.complexity.norm_bounds import largest_noise
from theory.complexity.union_bound import grid_index_above, grid_index_below, grid_point, share

DELTA = 0.05
IDENTITY = HomogeneousNetwork((np.eye(2),))


def network(seed, *sizes):
    random = np.random.default_rng(seed)
    return HomogeneousNetwork(tuple(random.standard_normal((b, a)) for a, b in itertools.pairwise(sizes)))


def rescaled(net, factors):
    return HomogeneousNetwork(tuple(c * matrix for c, matrix in zip(factors, net.matrices, strict=True)))


def test_margins_by_hand():
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 5.0], [1.0, -2.0, 0.5]])
    values = margins(logits, torch.tensor([0, 2, 1]))
    np.testing.assert_array_equal(values, [1, 0, -3])
    assert margin_error(values, 1.0) == pytest.approx(2 / 3)
    assert margin_error(values, 1.5) == 1
    assert logits[0, 0] == 3  # the caller's array is left alone


@pytest.mark.parametrize("bias", [True, False])
def test_homogeneous_network_is_the_same_function(bias):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(12, 5, bias), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)
    ).double()
    module[4].bias = module[4].bias if bias else None
    module[6].bias = module[6].bias if bias else None
    module.eval()
    inputs = torch.randn(7, 3, 4, dtype=torch.float64)
    same = homogeneous_network(module)
    assert same.constant is bias
    assert (same.depth, same.num_classes, same.largest_dimension) == (3, 3, 12 + bias)
    np.testing.assert_allclose(same(inputs), module(inputs).detach().numpy(), rtol=1e-12, atol=1e-12)
    norms = np.linalg.norm(inputs.reshape(7, -1).numpy(), axis=1)
    np.testing.assert_allclose(same.input_norms(inputs), np.sqrt(norms**2 + bias))
    if bias:
        # ||A||_F^2 = ||W||^2 + ||b||^2 + 1 in hidden layers.
        squares = ((module[1].weight ** 2).sum() + (module[1].bias ** 2).sum()).item() + 1
        assert np.linalg.norm(same.matrices[0]) ** 2 == pytest.approx(squares)


def test_a_single_bias_is_enough_to_extend_the_inputs():
    module = nn.Sequential(nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Linear(2, 2)).double()
    inputs = torch.randn(5, 3, dtype=torch.float64)
    np.testing.assert_allclose(homogeneous_network(module)(inputs), module(inputs).detach(), rtol=1e-12, atol=1e-14)


def test_golowich_by_hand():
    # Two layers: norms 2 and 3, inputs of norm 1 and 2.
    expected = 6 * (math.sqrt(4 * math.log(2)) + 1) * math.sqrt(5) / 2
    assert golowich_complexity_bound([2.0, 3.0], [1.0, 2.0]) == pytest.approx(expected)
    assert golowich_complexity_bound([2.0, 0.0], [1.0, 2.0]) == 0


def test_frobenius_bound_by_hand():
    # Rows of norm 1 and 1, gamma 1/2: product 4 = 2^2, on the grid.
    bound = frobenius_margin_bound(IDENTITY, [3.0, 4.0], [0.1, 2.0], 0.5, failure_probability=DELTA)
    complexity = 4 * 4 * (math.sqrt(2 * (math.log(2) + math.log(2))) + 1) * 5 / 2
    expected = 0.5 + complexity + 3 * math.sqrt(math.log(2 / (DELTA * (2 / 3) / 12)) / 4)
    assert bound.value == pytest.approx(expected)
    assert bound.vacuous


def test_spectral_complexity_by_hand():
    assert spectral_complexity(IDENTITY) == pytest.approx(2)
    assert spectral_complexity(IDENTITY, IDENTITY) == 0
    # diag(3, 4) has spectral norm 4 and rows of norm 3 + 4; diag(2, 1) 2 and 3.
    two = HomogeneousNetwork((np.diag([3.0, 4.0]), np.diag([2.0, 1.0])))
    expected = 8 * ((7 / 4) ** (2 / 3) + (3 / 2) ** (2 / 3)) ** 1.5
    assert spectral_complexity(two) == pytest.approx(expected)
    for reference in (None, IDENTITY):
        assert spectral_complexity(rescaled(IDENTITY, [0.0]), reference) == 0
    # Rows, not columns: (2, 1)-norm of the transpose.
    row = HomogeneousNetwork((np.array([[3.0, 4.0], [0.0, 0.0]]),))
    assert spectral_complexity(row) == pytest.approx(5 * 1)


def test_spectral_bound_by_hand():
    # One layer: s = 1, b = 2, gamma = 1/4: all on the grid of powers of 2.
    inputs, values = np.full(100, 3.0), np.ones(100)
    bound = spectral_margin_bound(IDENTITY, inputs, values, 0.25, failure_probability=DELTA)
    V = 2 * 30 * math.sqrt(math.log(8)) * 2 / 0.25
    probability = DELTA * share(0) * share(1) * share(-2)
    expected = 8 / 1000 + 36 * V * math.log(100) / 100 + deviation(100, probability)
    assert bound.value == pytest.approx(expected)
    near = spectral_margin_bound(IDENTITY, inputs, values, 0.25, reference=IDENTITY, failure_probability=DELTA)
    assert near.value == pytest.approx(8 / 1000 + deviation(100, DELTA * share(0) * share(-64) * share(-2)))


def test_pac_bayes_bound_by_hand():
    bound = pac_bayes_spectral_bound(IDENTITY, 1.0, np.ones(1000), 1.0, failure_probability=DELTA)
    sigma = 1 / (4 * math.e) / math.sqrt(4 * math.log(8))
    assert largest_noise(1.0, 1, 2, 1.0) == pytest.approx(sigma)
    index = math.floor(4 * math.log2(sigma))
    divergence = 2 / (2 * (2 ** (index / 4)) ** 2)
    assert bound.value == pytest.approx(4 * math.sqrt((divergence + math.log(6000 / (DELTA * share(index)))) / 999))


@pytest.mark.parametrize("unit", [1.0, 2.0**511, 2.0**-400])
def test_pac_bayes_bound_of_two_layers_by_hand(unit):
    """Spectral norms 4 and 1, Frobenius norms sqrt(20) and sqrt(5/4), margin 1/4: beta = sqrt(4 / (1/4)) = 4.

    In another unit of the weights, inputs are at most 3 / unit^2 and the noise is in that unit: only its share changes.
    """
    net = HomogeneousNetwork((unit * np.array([[4.0, 0], [0, 2], [0, 0]]), unit * np.array([[1.0, 0, 0], [0, 0.5, 0]])))
    B, beta, n = 3.0, 4.0, 1000
    sigma = 1 / (4 * math.e * B * 2 * beta) / math.sqrt(2 * 3 * math.log(4 * 2 * 3))
    assert largest_noise(unit * beta, 2, 3, B / unit / unit) / unit == pytest.approx(sigma)
    index = math.floor(4 * math.log2(sigma))
    divergence = beta**2 * (20 / 16 + 5 / 4) / (2 * 2 ** (index / 2))
    weight = share(index + round(4 * math.log2(unit)))
    expected = 0.001 + 4 * math.sqrt((divergence + math.log(6 * n / (DELTA * weight))) / (n - 1))
    values = np.concatenate([[0.2], np.full(n - 1, 0.25)])
    bound = pac_bayes_spectral_bound(net, B / unit / unit, values, 0.25, failure_probability=DELTA)
    assert bound.value == pytest.approx(expected, rel=1e-12)


def test_noise_of_a_network_that_hardly_moves_its_outputs():
    """Each layer's perturbation is at most beta / L, whatever little it does; beta^2 = 1e-400 is 0 in float64."""
    for beta in (0.01, 1e-200):
        assert largest_noise(beta, 3, 8, 1.0) / beta == pytest.approx(1 / 3 / math.sqrt(16 * math.log(96)))


def test_pac_bayes_bound_of_two_samples():
    two, four = (pac_bayes_spectral_bound(IDENTITY, 1.0, np.ones(n), 1.0).value for n in (2, 4))
    # (KL + log(6n/p)) / (n - 1), of which n alone changes.
    assert (two / 4) ** 2 == pytest.approx(3 * (four / 4) ** 2 - math.log(2))


@pytest.mark.parametrize("seed", range(3))
def test_bounds_do_not_change_when_factors_move(seed):
    original = network(seed, 4, 6, 5, 3)
    random = np.random.default_rng(seed)
    inputs, values = random.uniform(1, 2, 50), random.uniform(-1, 3, 50)
    # Powers of 2 move exactly; margins and gamma scale with the outputs.
    moved, scaled = rescaled(original, (4.0, 0.5, 0.5)), rescaled(original, (1.0, 1.0, 8.0))
    assert spectral_complexity(moved) == pytest.approx(spectral_complexity(original))
    for bound in (
        lambda net, m, gamma: frobenius_margin_bound(net, inputs, m, gamma).value,
        lambda net, m, gamma: pac_bayes_spectral_bound(net, 2.0, m, gamma).value,
    ):
        assert bound(moved, values, 0.7) == pytest.approx(bound(original, values, 0.7), rel=1e-12)
        assert bound(scaled, 8 * values, 8 * 0.7) == pytest.approx(bound(original, values, 0.7), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_rounding_to_the_grid_costs_no_more_than_stated(seed):
    net = network(seed, 4, 6, 3)
    random = np.random.default_rng(seed)
    inputs, gamma, n = random.uniform(1, 2, 400), float(random.uniform(0.01, 10)), 400
    values = np.full(n, 20.0)
    length = np.linalg.norm(inputs)
    spectral = 72 * spectral_complexity(net) * length * math.sqrt(math.log(2 * 36)) * math.log(n) / (gamma * n)
    bound = spectral_margin_bound(net, inputs, values, gamma).value
    assert spectral <= bound <= spectral * 2**2 + 8 / n**1.5 + deviation(n, 1e-12)
    rows = np.linalg.norm(net.matrices[-1], axis=1).sum() * np.linalg.norm(net.matrices[0])
    frobenius = 4 * rows * (math.sqrt(2 * (2 * math.log(2) + math.log(3))) + 1) * length / (gamma * n)
    bound = frobenius_margin_bound(net, inputs, values, gamma).value
    assert frobenius <= bound <= 2 * frobenius + deviation(n, 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_linear_classes_have_no_more_than_the_bounds_complexity(seed):
    """Two classes, one layer: margins +-<w_1 - w_2, x>, supremum over the norms in closed form on every sign vector."""
    random = np.random.default_rng(seed)
    n = 10
    points = random.standard_normal((n, 3))
    lengths = np.linalg.norm(points, axis=1)
    sums = np.array([np.linalg.norm(np.array(signs) @ points) for signs in itertools.product((-1, 1), repeat=n)])
    # ||w_1|| + ||w_2|| <= 2: the difference w_1 - w_2 is any vector of norm at most 2.
    exact = 2 * 2 * sums.mean() / n
    frobenius = frobenius_margin_bound(IDENTITY, lengths, np.ones(n), 1.0).value - deviation(n, DELTA * share(1))
    assert exact <= frobenius <= 8 * exact
    dudley = spectral_margin_bound(IDENTITY, lengths, np.ones(n), 1.0).value
    assert exact <= dudley - deviation(n, DELTA * share(0) * share(1) * share(0))


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_the_pac_bayes_bound_moves_outputs_by_less_than_a_quarter(seed):
    """With every spectral norm beta: more than half of random perturbations obey, for all inputs tried."""
    random = np.random.default_rng(seed)
    net = network(seed, 5, 8, 3)
    beta, B = 1.3, 2.0
    balanced = HomogeneousNetwork(tuple(beta * a / np.linalg.norm(a, 2) for a in net.matrices))
    sigma = largest_noise(beta, 2, 8, B)
    inputs = random.standard_normal((100, 5))
    inputs *= B / np.linalg.norm(inputs, axis=1, keepdims=True)
    obeyed = 0
    for _ in range(50):
        noise = [sigma * random.standard_normal(a.shape) for a in balanced.matrices]
        noisy = HomogeneousNetwork(tuple(a + u for a, u in zip(balanced.matrices, noise, strict=True)))
        bound = perturbation_bound(balanced, noise, B)
        moved = np.linalg.norm(noisy(inputs) - balanced(inputs), axis=1).max()
        assert moved <= bound
        obeyed += bound <= 0.25
    assert obeyed >= 25


def test_perturbation_of_one_matrix_by_hand():
    # One layer, perturbed by a tenth of itself: outputs move by 0.1, the bound is e times that.
    assert perturbation_bound(IDENTITY, [0.1 * np.eye(2)], 1.0) == pytest.approx(0.1 * math.e)


def test_the_largest_perturbations_by_hand():
    # L layers, each perturbed by 1/L of itself: their sum is 1, the bound e B prod ||A_l||.
    for matrices in ((np.eye(2),), (3 * np.eye(2), np.eye(2))):
        net = HomogeneousNetwork(matrices)
        moves = [matrix / net.depth for matrix in matrices]
        assert perturbation_bound(net, moves, 2.0) == pytest.approx(2 * math.e * np.prod([a[0, 0] for a in matrices]))


def test_best_over_margins():
    values = np.array([-1.0, 0.5, 1.0, 4.0])
    bound = best_over_margins(lambda gamma: frobenius_margin_bound(IDENTITY, np.ones(4), values, gamma), values)
    assert bound == frobenius_margin_bound(IDENTITY, np.ones(4), values, 4.0)
    tried = []
    for candidates in (100, 2, 1):
        best_over_margins(lambda gamma: (tried.append(gamma), bound)[1], values, candidates)
    assert tried == [0.5, 1.0, 4.0, 0.5, 4.0, 0.5]
    with pytest.raises(ValueError, match="no margin is positive"):
        best_over_margins(lambda gamma: bound, -np.ones(3))


def test_bounds_become_small_with_many_samples():
    n = 10**7
    inputs, values = np.ones(n), np.full(n, 1.0)
    assert frobenius_margin_bound(IDENTITY, inputs, values, 1.0).value < 0.02
    assert spectral_margin_bound(IDENTITY, inputs, values, 1.0).value < 1.2
    assert pac_bayes_spectral_bound(IDENTITY, 1.0, values, 1.0).value < 0.1


def test_grid():
    assert sum(share(j) for j in range(-(10**5), 10**5)) == pytest.approx(1, abs=1e-4)
    for value in (1e-10, 0.3, 0.5, 1.0, 3.0, 8.0, 1e12):
        for m in (1, 3, 4):
            above, below = grid_index_above(value, m), grid_index_below(value, m)
            assert grid_point(above - 1, m) < value <= grid_point(above, m)
            assert grid_point(below, m) <= value < grid_point(below + 1, m)
    assert grid_index_above(0.0, 2) == -128
    assert grid_point(2048, 2) == math.inf
    assert math.log2(grid_point(2047, 2)) == 1023.5, "the last point below the largest float"
    for value in (math.inf, -0.5):
        with pytest.raises(ValueError, match="must be finite"):
            grid_index_above(value, 1)
    with pytest.raises(ValueError, match="positive finite"):
        grid_index_below(0.0, 1)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 49])
def test_points_of_the_grid_and_their_neighbours(m):
    # The logarithm of each of these is that of the point, or rounded to the wrong side of it.
    for index in range(-20 * m, 20 * m):
        point = grid_point(index, m)
        below, above = math.nextafter(point, 0), math.nextafter(point, math.inf)
        assert [grid_index_above(value, m) for value in (below, point, above)] == [index, index, index + 1]
        assert [grid_index_below(value, m) for value in (below, point, above)] == [index - 1, index, index]
    for value in (2.0**-1074, 2.0**-70, 2.0**-64.5, 2.0**-64):
        assert grid_index_above(value, m) == -64 * m, "the first point of the grid"
    assert grid_index_above(2.0**-63.5, m) == -64 * m + math.ceil(m / 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: margins(np.ones((2, 3)), [0, 3]), ValueError, "2 integers from 0 to 2"),
        (lambda: margins(np.ones((2, 3)), [0.0, 1.0]), TypeError, "labels must be integers"),
        (lambda: margins(np.ones((2, 1)), [0, 0]), ValueError, "at least two columns"),
        (lambda: margin_error(np.ones(2), 0.0), ValueError, "must be positive and finite"),
        (lambda: homogeneous_network(nn.Linear(2, 2)), TypeError, "Sequential is needed"),
        (lambda: homogeneous_network(nn.Sequential(nn.Conv2d(1, 1, 1))), TypeError, "layer 0 is a Conv2d"),
        (lambda: homogeneous_network(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))), ValueError, "alternate"),
        (lambda: homogeneous_network(nn.Sequential(nn.Linear(2, 2), nn.ReLU())), ValueError, "must be Linear"),
        (lambda: HomogeneousNetwork(()), ValueError, "at least one matrix"),
        (lambda: HomogeneousNetwork((np.eye(2), np.eye(3))), ValueError, "takes 3 inputs"),
        (lambda: HomogeneousNetwork((np.eye(2) * np.nan,)), ValueError, "finite matrix"),
        (lambda: frobenius_margin_bound(IDENTITY, np.ones(3), np.ones(2), 1.0), ValueError, "go together"),
        (lambda: frobenius_margin_bound(network(0, 2, 1), [1.0], [1.0], 1.0), ValueError, "one output"),
        (lambda: spectral_complexity(IDENTITY, network(0, 3, 2)), ValueError, "network's shapes"),
        (lambda: perturbation_bound(IDENTITY, [2 * np.eye(2)], 1.0), ValueError, "at most 1"),
        (lambda: perturbation_bound(IDENTITY, [np.eye(3)], 1.0), ValueError, "shapes of the network"),
        (lambda: pac_bayes_spectral_bound(IDENTITY, 0.0, np.ones(3), 1.0), ValueError, "input_bound"),
        (lambda: pac_bayes_spectral_bound(rescaled(IDENTITY, [0.0]), 1.0, np.ones(3), 1.0), ValueError, "is 0"),
        (lambda: golowich_complexity_bound([2.0, -1.0], [1.0]), ValueError, "must not be negative"),
        (lambda: golowich_complexity_bound([2.0], np.ones((5, 3))), ValueError, r"one number each, shape \(5,\)"),
        (lambda: perturbation_bound(IDENTITY, [0.1 * np.eye(2)], -1.0), ValueError, "input_bound"),
        (
            lambda: perturbation_bound(network(0, 2, 2, 2), [np.zeros((2, 2)), 9 * np.eye(2)], 1.0),
            ValueError,
            "layer 2 is perturbed by 9 in spectral norm; at most",
        ),
        (
            lambda: perturbation_bound(HomogeneousNetwork((np.eye(2),) * 2), [0.6 * np.eye(2)] * 2, 1.0),
            ValueError,
            "layer 1 is perturbed by 0.6 in spectral norm; at most 0.5",
        ),
        (lambda: pac_bayes_spectral_bound(IDENTITY, 1.0, [1.0], 1.0), ValueError, "two samples or more"),
        (lambda: pac_bayes_spectral_bound(IDENTITY, 1.0, np.ones((5, 3)), 1.0), ValueError, "one number each"),
        (lambda: best_over_margins(lambda gamma: None, np.ones((5, 3))), ValueError, "one number each"),
        (lambda: best_over_margins(lambda gamma: None, np.ones(5), 0), ValueError, "candidates"),
        *(
            (lambda bound=bound, gamma=gamma: bound(gamma), ValueError, "gamma, the margin asked for")
            for gamma in (0.0, -1.0, math.nan)
            for bound in (
                lambda gamma: frobenius_margin_bound(IDENTITY, [1.0, 1.0], [1.0, 1.0], gamma),
                lambda gamma: spectral_margin_bound(IDENTITY, [1.0, 1.0], [1.0, 1.0], gamma),
                lambda gamma: pac_bayes_spectral_bound(IDENTITY, 1.0, [1.0, 1.0], gamma),
            )
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_sequential_within_is_read_in_its_place():
    """As dropout before the last layer is built in."""
    first, last = nn.Linear(3, 4), nn.Linear(4, 2)
    nested = nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Sequential(nn.Dropout(0.5), last))
    plain = homogeneous_network(nn.Sequential(first, nn.ReLU(), last))
    for matrix, expected in zip(homogeneous_network(nested).matrices, plain.matrices, strict=True):
        np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_norms_of_short_floats_are_not_below_the_truth(dtype):
    """Ones: the Frobenius norm is n, exactly; in float32 the sum of squares stops growing, float16 ends at 65504."""
    ones = np.ones((5000, 5000), dtype=dtype)
    assert norm(ones) == 5000
    assert norm(np.full((4, 4), 300, dtype=dtype)) == 1200
    network = HomogeneousNetwork((np.full((3, 3), 1 / 3, dtype=dtype),))
    assert network.matrices[0].dtype == np.float64
    assert network.spectral_norms[0] == pytest.approx(3 * float(dtype(1 / 3)), rel=1e-14)
    layer = WeightLayer(np.full((1, 3, 3, 1, 1), 1 / 3, dtype=dtype))
    assert layer.frobenius_norm == pytest.approx(3 * float(dtype(1 / 3)), rel=1e-14)
    assert layer.spectral_norm == pytest.approx(3 * float(dtype(1 / 3)), rel=1e-14)


def test_a_norm_beyond_float32_is_finite():
    assert norm(np.full(4, 1e20, dtype=np.float32)) == 2 * float(np.float32(1e20))
    assert norm(np.full(4, 1e38, dtype=np.float32)) == 2 * float(np.float32(1e38))
