"""Stability bounds by hand, attained by a linear loss, and never passed by what is measured."""

import math

import numpy as np
import pytest
import torch

from theory.complexity import (
    convex_stability_bound,
    measure_stability,
    neighbour,
    nonconvex_stability_bound,
    parameter_distance_bound,
)


def test_convex_by_hand():
    bound = convex_stability_bound(3.0, 2.0, [0.1, 0.2, 1.0], 13)
    assert bound.value == pytest.approx(2 * 9 * 1.3 / 13)
    assert not bound.vacuous  # of an unbounded loss
    assert convex_stability_bound(3.0, 2.0, [0.1, 0.2, 1.0], 13, loss_range=1.0).vacuous
    assert parameter_distance_bound(3.0, 2.0, [0.1, 0.2, 1.0], 13) == pytest.approx(2 * 3 * 1.3 / 13)
    assert parameter_distance_bound(0.0, 2.0, [0.1], 13) == 0
    assert convex_stability_bound(3.0, 2.0, [0.5], 1).value == 9


def test_nonconvex_by_hand():
    # c = 1, b = 1, L = 1: (1 + 1) / 100 sqrt(2) sqrt(100)
    bound = nonconvex_stability_bound(1.0, 1.0, [1 / t for t in range(1, 101)], 101)
    assert bound.value == pytest.approx(0.2 * math.sqrt(2))
    # Constant steps 0.1 need c = 0.1 T = 1 for T = 10: the same with T = 10.
    assert nonconvex_stability_bound(1.0, 1.0, [0.1] * 10, 101).value == pytest.approx(0.02 * math.sqrt(20))
    # b = 3, c = 1, L = 2: (4/3)/50 8^(1/4) 16^(3/4)
    bound = nonconvex_stability_bound(2.0, 3.0, [1 / t for t in range(1, 17)], 51)
    assert bound.value == pytest.approx(4 / 3 / 50 * 8**0.25 * 8)
    # A last step of zero leaves c = 1/2, b = 2: 2/1 1^(1/2) sqrt(2)
    assert nonconvex_stability_bound(1.0, 2.0, [0.5, 0.0], 2).value == pytest.approx(2 * math.sqrt(2))
    assert nonconvex_stability_bound(10.0, 10.0, [0.1] * 10_000, 100).vacuous


def test_constants_whose_products_leave_float64():
    """L^2 eta is 2^-1500, or 2^1500, where the bounds are not."""
    assert parameter_distance_bound(2.0**-500, 0.0, [2.0**-500], 2) == 2.0**-1000
    assert parameter_distance_bound(2.0**500, 0.0, [2.0**500], 2) == 2.0**1000
    for exponent in (-500, 500):  # b c = 1: 2 sqrt(2 c L^2)
        bound = nonconvex_stability_bound(2.0**exponent, 2.0**-exponent, [2.0**exponent], 2)
        assert bound.value / 2.0 ** (1.5 * exponent) == pytest.approx(2 * math.sqrt(2))


def least_squares_in_a_ball(radius, rate, epochs):
    """SGD on (1/2)(<w, x> - y)^2, each iterate projected onto ||w|| <= radius; orders drawn from the seed."""

    def train(sample, seed):
        inputs, labels = sample
        random = np.random.default_rng(seed)
        w = np.zeros(inputs.shape[1])
        for _ in range(epochs):
            for i in random.permutation(len(inputs)):
                w = w - rate * (w @ inputs[i] - labels[i]) * inputs[i]
                w = w * min(1.0, radius / max(np.linalg.norm(w), 1e-300))
        return w

    return train


@pytest.mark.parametrize("seed", range(3))
def test_least_squares_on_a_bounded_domain(seed):
    random = np.random.default_rng(seed)
    n, radius, epochs = 30, 2.0, 4
    inputs = random.standard_normal((n, 4))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    labels = random.uniform(-1, 1, n)
    # |gradient| = |<w, x> - y| ||x|| <= radius + 1; the Hessian x x^T has norm 1.
    lipschitz, rate = radius + 1.0, 0.5
    steps = [rate] * (n * epochs)
    measured = measure_stability(
        least_squares_in_a_ball(radius, rate, epochs),
        lambda w: (inputs @ w - labels) ** 2 / 2,
        (inputs, labels),
        0,
        (-inputs[0], -1.0),
        range(5),
    )
    assert measured.parameter_distances.shape == (5,)
    assert measured.loss_differences.shape == (5, n)
    assert 0 < measured.parameter_distance <= measured.parameter_distances.max()
    assert measured.parameter_distances.max() <= parameter_distance_bound(lipschitz, 1.0, steps, n)
    assert 0 < measured.loss_difference <= convex_stability_bound(lipschitz, 1.0, steps, n).value


@pytest.mark.parametrize("n", [5, 20])
def test_linear_loss_attains_the_bound(n):
    """f(w; x) = <w, x>: w_T = -eta (visits) sum x_i, so replacing x by -x moves w by 2 eta ||x|| an epoch."""
    rate, epochs = 0.3, 7
    inputs = np.tile([0.6, 0.8], (n, 1))

    def train(sample, seed):
        return -rate * epochs * sample[0].sum(0)

    measured = measure_stability(train, lambda w: inputs @ w, (inputs, np.zeros(n)), 1, (-inputs[1], 0.0), [0])
    steps = [rate] * (n * epochs)
    assert measured.parameter_distance == pytest.approx(parameter_distance_bound(1.0, 0.0, steps, n), rel=1e-12)
    assert measured.loss_difference == pytest.approx(convex_stability_bound(1.0, 0.0, steps, n).value, rel=1e-12)


def test_sigmoid_loss_is_below_the_bound_for_non_convex_losses():
    random = np.random.default_rng(0)
    n, T = 20, 60
    inputs = random.standard_normal((n, 3))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    labels = random.choice([-1.0, 1.0], n)

    def sigmoid(scores):
        return 1 / (1 + np.exp(scores))  # of y <w, x>: in [0, 1], L = 1/4, b = 1/(6 sqrt 3)

    def train(sample, seed):
        order = np.random.default_rng(seed).integers(0, n, T)
        w = np.zeros(3)
        for t, i in enumerate(order, start=1):
            signed = sample[1][i] * sample[0][i]
            value = sigmoid(signed @ w)
            w = w + 4 / t * value * (1 - value) * signed
        return w

    measured = measure_stability(
        train,
        lambda w: sigmoid(np.concatenate([inputs, -inputs]) @ w),
        (inputs, labels),
        0,
        (-inputs[0], labels[0]),
        range(100),
    )
    bound = nonconvex_stability_bound(0.25, 1 / (6 * math.sqrt(3)), [4 / t for t in range(1, T + 1)], n)
    assert 0 < measured.loss_difference < bound.value < 1


def test_neighbour_changes_one_example_of_a_copy():
    inputs, labels = torch.zeros(3, 2), np.array([1, 2, 3])
    there = neighbour((inputs, labels), 1, (torch.ones(2), 9))
    np.testing.assert_array_equal(there[0], [[0, 0], [1, 1], [0, 0]])
    np.testing.assert_array_equal(there[1], [1, 9, 3])
    assert inputs.sum() == 0
    assert labels[1] == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convex_stability_bound(1.0, 2.0, [1.5], 3), "at most 2/smoothness = 1"),
        (lambda: convex_stability_bound(1.0, 2.0, [0.5], 0), "n must be at least 1"),
        (lambda: convex_stability_bound(-1.0, 2.0, [0.5], 3), "must be finite and not negative"),
        (lambda: convex_stability_bound(1.0, -0.5, [0.5], 3), "must be finite and not negative"),
        (lambda: convex_stability_bound(1.0, 2.0, [-0.5], 3), "none negative"),
        (lambda: nonconvex_stability_bound(1.0, 1.0, [0.1, 0.2], 3), "must not increase"),
        (lambda: nonconvex_stability_bound(1.0, 0.0, [0.1], 3), "positive smoothness"),
        (lambda: nonconvex_stability_bound(1.0, 1.0, [0.1], 1), "n >= 2"),
        (lambda: nonconvex_stability_bound(1.0, 1.0, [], 3), "a positive step size"),
        (lambda: nonconvex_stability_bound(1.0, 1.0, [0.0, 0.0], 3), "a positive step size"),
        (lambda: neighbour((np.ones(3), np.ones(3)), 3, (0, 0)), "index 3 is not one of 3"),
        (lambda: neighbour((np.ones(3), np.ones(3)), -1, (0, 0)), "index -1 is not one of 3"),
        (lambda: neighbour((np.ones((2, 2), int), [0, 1]), 0, ([0.5, 0.7], 1)), r"input \[0.5 0.7\] .* fit into int64"),
        (lambda: neighbour((np.ones((2, 1), np.uint8), [0, 1]), 0, ([300], 1)), "fit into uint8"),
        (lambda: neighbour((np.ones(2), np.zeros(2, np.uint8)), 0, (1.0, -1)), "label -1 .* fit into uint8"),
        (lambda: neighbour((np.ones(2, np.float16), [0, 1]), 0, (1e9, 1)), "fit into float16"),
        (lambda: measure_stability(None, None, (np.ones(3), np.ones(3)), 0, (0, 0), []), "at least one seed"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
