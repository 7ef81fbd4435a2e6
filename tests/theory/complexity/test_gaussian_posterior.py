"""The optimised posterior's bound, term by term by other means; answers drawn without weights, against networks."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import optimize, special, stats

from theory.complexity import (
    GaussianLayer,
    PriorVariances,
    StochasticPerceptron,
    draw_errors,
    posterior_bound,
)


def inverted(q: float, c: float) -> float:
    """The largest p with kl(q || p) <= c, by scipy."""
    return optimize.brentq(lambda p: special.rel_entr(q, p) + special.rel_entr(1 - q, 1 - p) - c, q, 1 - 1e-15)


def perceptron(seed: int = 0, sizes: tuple[int, ...] = (4, 6, 5, 3)) -> StochasticPerceptron:
    random = np.random.default_rng(seed)
    return StochasticPerceptron(
        tuple(
            GaussianLayer(
                random.standard_normal((units, inputs)),
                random.standard_normal(units),
                random.uniform(0.1, 1, (units, inputs)),
                random.uniform(0.1, 1, units),
            )
            for inputs, units in pairwise(sizes)
        )
    )


def whole_networks(network: StochasticPerceptron, inputs: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Outputs (count, n, k) of networks whose weights are drawn, each for all inputs."""
    random = np.random.default_rng(seed)
    outputs = np.broadcast_to(inputs, (count, *inputs.shape))
    for at, layer in enumerate(network.layers):
        weights = layer.weights + layer.weight_variances**0.5 * random.standard_normal((count, *layer.weights.shape))
        biases = layer.biases + layer.bias_variances**0.5 * random.standard_normal((count, len(layer.biases)))
        outputs = np.einsum("cni,cui->cnu", outputs, weights) + biases[:, None]
        if at < len(network.layers) - 1:
            outputs = np.maximum(outputs, 0)
    return outputs


def test_answers_drawn_without_weights_have_the_law_of_drawn_networks():
    network, inputs = perceptron(), np.random.default_rng(1).standard_normal((3, 4))
    reference = whole_networks(network, inputs, 4000, 2)
    random = np.random.default_rng(3)
    without = np.stack([network.draw(inputs, random) for _ in range(4000)])
    for i in range(3):
        for unit in range(3):
            assert stats.ks_2samp(reference[:, i, unit], without[:, i, unit]).pvalue > 1e-3
        # Outputs on one input depend on each other through the layers below: their covariances agree as well.
        spread = np.cov(reference[:, i].T)
        assert np.abs(np.cov(without[:, i].T) - spread).max() < 0.15 * spread.max()


def test_drawn_errors_estimate_the_error_of_the_stochastic_network():
    network, inputs = perceptron(4), np.random.default_rng(5).standard_normal((50, 4))
    labels = np.random.default_rng(6).integers(0, 3, 50)
    wrong = draw_errors(network, inputs, labels, np.random.default_rng(7), draws=200)
    assert wrong.shape == (200, 50)
    whole = (whole_networks(network, inputs, 4000, 8).argmax(2) != labels).mean(0)
    # Two means of Bernoulli variables for each input, at most 1/4 each in variance: five standard errors of both.
    assert np.abs(wrong.mean(0) - whole).max() < 5 * math.sqrt(0.25 / 200 + 0.25 / 4000)
    assert abs(wrong.mean() - whole.mean()) < 5 * math.sqrt(0.25 / 10_000)
    # Draws for different inputs are independent, as the estimate's bound needs: a network drawn whole is right or wrong
    # on similar inputs together.
    same = np.tile(inputs[:1], (400, 1))
    alone = draw_errors(network, same, np.zeros(400, dtype=np.int64), np.random.default_rng(9), draws=400)
    share = alone.mean()
    assert alone.mean(1).var() == pytest.approx(share * (1 - share) / 400, rel=0.4)


def test_float32_and_blocks_of_inputs():
    network = perceptron()
    inputs = np.random.default_rng(1).standard_normal((5000, 4)).astype(np.float32)
    assert network.draw(inputs[:2], np.random.default_rng(0)).dtype == np.float32
    assert draw_errors(network, inputs, np.zeros(5000, dtype=np.int64), np.random.default_rng(0)).shape == (1, 5000)


def test_priors_share_the_failure_probability():
    grid = PriorVariances()  # Dziugaite and Roy's: c = 0.1, b = 100
    assert grid.variance(100) == pytest.approx(0.1 / math.e)
    assert sum(grid.share(j) for j in range(1, 200_000)) == pytest.approx(1, abs=1e-5)
    assert sum(grid.share(j) for j in range(1, 200_000)) < 1
    assert grid.first_below(0.05) == 70
    assert grid.variance(70) < 0.05 < grid.variance(69)
    assert grid.first_below(5.0) == 1, "above the grid its first point is taken"
    assert PriorVariances(1.0, 1).variance(2) == pytest.approx(math.exp(-2))


MEANS, VARIANCES, INITIAL = np.tile([0.3, -0.2, 0.1, 0.4], 20), np.tile([0.02, 0.03, 0.01, 0.05], 20), np.zeros(80)


def test_the_bound_is_put_together_as_documented():
    errors = np.zeros((10, 60), dtype=bool)
    errors[0, :30] = True
    result = posterior_bound(MEANS, VARIANCES, INITIAL, errors, 500, priors=PriorVariances(0.5, 20))
    above = inverted(0.05, math.log(1 / 0.01) / 600)
    assert result.sampled_error_bound == pytest.approx(above)
    q = torch.distributions.Normal(torch.from_numpy(MEANS), torch.from_numpy(VARIANCES).sqrt())
    candidates = []
    for j in range(1, 60):
        prior = torch.distributions.Normal(torch.zeros(80, dtype=torch.float64), math.sqrt(0.5 * math.exp(-j / 20)))
        divergence = float(torch.distributions.kl_divergence(q, prior).sum())
        complexity = (divergence + math.log(2 * math.sqrt(500)) + math.log(math.pi**2 * j**2 / (6 * 0.025))) / 500
        candidates.append((inverted(above, complexity), j, divergence, above + math.sqrt(complexity / 2)))
    value, index, divergence, square_root = min(candidates)
    assert result.bound.value == pytest.approx(value, rel=1e-9)
    assert result.prior_index == index > 1, "the best of the grid"
    assert result.divergence == pytest.approx(divergence)
    assert result.square_root.value == pytest.approx(square_root)
    assert result.bound.failure_probability == pytest.approx(0.035)
    assert (result.sampled_error, result.draws) == (0.05, 600)


def test_a_posterior_wider_than_all_priors_takes_the_first():
    result = posterior_bound([3.0], [1.0], [0.0], [0.0], 10, priors=PriorVariances(0.5, 20))
    variance = 0.5 * math.exp(-1 / 20)
    assert (result.prior_index, result.prior_variance) == (1, pytest.approx(variance))
    assert result.divergence == pytest.approx((10 / variance - 1 + math.log(variance)) / 2)


def test_the_bound_holds_for_a_posterior_chosen_on_the_sample():
    """A threshold on the line: Q is fitted to each of many samples, and its error is known in closed form.

    Inputs are uniform on [-1, 1], labels those of x > 0 with a tenth flipped. Q answers x + b > 0, b ~ N(m, s): a
    network of one weight whose error is 0.1 + 0.8 E|b|/2 for b within [-1, 1].
    """
    violations, tightest = 0, 1.0
    for seed in range(100):
        random = np.random.default_rng(seed)
        n = 100
        x = random.uniform(-1, 1, n)
        flipped = random.random(n) < 0.1
        labels = (x > 0) ^ flipped
        candidates = np.linspace(-0.3, 0.3, 61)
        m = candidates[np.argmin([((x + b > 0) != labels).mean() for b in candidates])]
        s = 0.01
        biases = m + math.sqrt(s) * random.standard_normal((200, n))
        errors = (x + biases > 0) != labels
        result = posterior_bound([m], [s], [0.0], errors, n, priors=PriorVariances(1.0, 10))
        spread = math.sqrt(s)
        mean_size = spread * math.sqrt(2 / math.pi) * math.exp(-(m**2) / (2 * s)) + m * math.erf(m / (spread * 2**0.5))
        truth = 0.1 + 0.8 * mean_size / 2
        violations += truth > result.bound.value
        tightest = min(tightest, result.bound.value - truth)
    assert violations <= 3, "at most 3.5 in a hundred are allowed; in fact hardly any"
    assert tightest < 0.2, "and it is a bound that says something"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PriorVariances(0.0), "positive"),
        (lambda: PriorVariances(0.1, 0), "positive"),
        (lambda: PriorVariances().share(0), "begins at 1"),
        (lambda: PriorVariances().first_below(0.0), "positive and finite"),
        (lambda: PriorVariances().first_below(math.nan), "positive and finite"),
        (lambda: posterior_bound(MEANS, 0 * VARIANCES, INITIAL, [0.5], 10), "variances must be positive"),
        (lambda: posterior_bound(MEANS, VARIANCES, INITIAL[:3], [0.5], 10), "one length"),
        (lambda: posterior_bound(MEANS, VARIANCES, INITIAL, [1.5], 10), "between 0 and 1"),
        (lambda: posterior_bound(MEANS, VARIANCES, INITIAL, [0.5], 0), "at least 1"),
        (
            lambda: posterior_bound(MEANS, VARIANCES, INITIAL, [0.5], 10, sampling_failure_probability=0.0),
            "failure_probability",
        ),
        (lambda: StochasticPerceptron(()), "needs a layer"),
        (lambda: StochasticPerceptron((perceptron().layers[0],) * 2), "followed by one of 4 inputs"),
        (lambda: GaussianLayer(*(np.ones(s) for s in ((2, 3), 2, (2, 2), 2))), "matrices alike"),
        (lambda: GaussianLayer(*(np.ones(s) for s in ((2, 3), 3, (2, 3), 3))), "as many biases"),
        (lambda: GaussianLayer(np.ones((2, 3)), np.ones(2), np.zeros((2, 3)), np.ones(2)), "must be positive"),
        (lambda: GaussianLayer(np.full((2, 3), np.nan), np.ones(2), np.ones((2, 3)), np.ones(2)), "finite"),
        (
            lambda: draw_errors(perceptron(), np.ones((2, 4)), np.zeros(3, dtype=np.int64), np.random.default_rng(0)),
            "as many labels",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16])
def test_inputs_whose_dtype_would_round_the_weights_are_refused(dtype):
    with pytest.raises(TypeError, match=f"float32 or float64, got {np.dtype(dtype)}"):
        draw_errors(perceptron(), np.ones((2, 4), dtype), np.zeros(2, dtype=np.int64), np.random.default_rng(0))
