"""Coins' relative entropy in closed form, exact coverage by binomial sums, Gaussians by quadrature and by torch."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.datasets import load_digits
from torch import nn

from theory.complexity import (
    binary_kl,
    gaussian_divergence,
    kl_bound,
    lower_inverse,
    maurer_constant,
    mcallester_bound,
    monte_carlo_error_bound,
    pac_bayes_bound,
    stochastic_errors,
    upper_inverse,
)
from theory.complexity.union_bound import share


def test_binary_kl_by_hand():
    assert binary_kl(0.5, 0.25) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert binary_kl(0.3, 0.3) == 0
    assert binary_kl(0.0, 0.5) == pytest.approx(math.log(2))
    assert binary_kl(0.5, 1.0) == math.inf
    assert binary_kl(1.0, 1.0) == binary_kl(0.0, 0.0) == 0


@pytest.mark.parametrize("c", [1e-8, 1e-3, 0.1, 1.0, 20.0])
def test_inverses_in_closed_form(c):
    assert upper_inverse(0.0, c) == pytest.approx(-math.expm1(-c), rel=1e-12, abs=0)
    assert lower_inverse(0.0, c) == 0
    assert lower_inverse(1.0, c) == pytest.approx(math.exp(-c), rel=1e-12, abs=0)
    assert upper_inverse(1.0, c) == 1
    # kl(1/2 || p) = -log(4 p (1 - p)) / 2. Near 1/2 it is computed to eps, hence p to sqrt(eps)-like accuracy.
    root = math.sqrt(-math.expm1(-2 * c))
    assert upper_inverse(0.5, c) == pytest.approx((1 + root) / 2, abs=1e-15 / root)
    assert lower_inverse(0.5, c) == pytest.approx((1 - root) / 2, abs=1e-15 / root)


def test_inverse_at_no_divergence_and_at_infinite():
    assert upper_inverse(0.3, 0.0) == pytest.approx(0.3, abs=1e-7)
    assert upper_inverse(0.3, math.inf) == 1
    assert lower_inverse(0.3, math.inf) == 0


def test_maurer_constant_by_hand():
    assert maurer_constant(1) == 2
    assert maurer_constant(2) == pytest.approx(2.5)  # 1 + 2/4 + 1
    assert maurer_constant(3) == pytest.approx(2 + 2 * 3 * (1 / 3) * (2 / 3) ** 2)
    for n in (1, 2, 3, 7, 8, 100, 5000):
        assert math.sqrt(n) <= maurer_constant(n) <= 2 * math.sqrt(n)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [5, 50])
def test_coverage_for_one_function_is_exact(n, p):
    """KL = 0: the bound fails for k errors of n with the binomial probability of those k."""
    delta = 0.1
    failing = [k for k in range(n + 1) if kl_bound(k / n, 0.0, n, failure_probability=delta).value < p]
    assert stats.binom.pmf(failing, n, p).sum() <= delta
    failing = [
        k
        for k in range(n + 1)
        if monte_carlo_error_bound(np.repeat([1.0, 0.0], [k, n - k]), failure_probability=delta) < p
    ]
    assert stats.binom.pmf(failing, n, p).sum() <= delta


def test_monte_carlo_without_errors_is_clopper_pearson():
    assert monte_carlo_error_bound(np.zeros(30), 0.05) == pytest.approx(1 - 0.05 ** (1 / 30))


def test_bounds_by_hand():
    complexity = (5 + math.log(2 * 10 / 0.05)) / 100
    assert kl_bound(0.0, 5.0, 100).value == pytest.approx(1 - math.exp(-complexity))
    assert mcallester_bound(0.1, 5.0, 100).value == pytest.approx(0.1 + math.sqrt(complexity / 2))
    for error in (0.0, 0.1, 0.5, 1.0):
        for divergence in (0.0, 5.0, 500.0):
            assert kl_bound(error, divergence, 100).value <= mcallester_bound(error, divergence, 100).value
    assert kl_bound(0.3, 1e5, 100).vacuous


@pytest.mark.parametrize(("mean", "sigma", "prior_mean", "prior_sigma"), [(1.0, 1.0, 0.0, 1.0), (0.3, 0.5, -1.0, 2.0)])
def test_gaussian_divergence_by_quadrature(mean, sigma, prior_mean, prior_sigma):
    q, p = stats.norm(mean, sigma), stats.norm(prior_mean, prior_sigma)
    expected, error = integrate.quad(
        lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)), mean - 12 * sigma, mean + 12 * sigma
    )
    divergence = gaussian_divergence([mean], sigma**2, [prior_mean], prior_sigma**2)
    assert divergence == pytest.approx(expected, abs=10 * error)


@pytest.mark.parametrize(
    ("variance", "prior_variance", "expected"),
    [
        (2.0**-1000, 2.0**1000, (2000 * math.log(2) - 1) / 2),  # the ratio is 0 in float64, not so its logarithm
        (2.0**-505, 2.0**505, (1010 * math.log(2) - 1) / 2),
        (2.0**1000, 2.0**-1000, math.inf),
        (2.0**505, 2.0**-505, 2.0**1009),
    ],
)
def test_gaussian_divergence_of_very_different_variances(variance, prior_variance, expected):
    assert gaussian_divergence([1.0], variance, [1.0], prior_variance) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("sign", [-1, 1])
def test_gaussian_divergence_of_nearly_equal_variances(sign):
    # x - log(1 + x) = x^2 / 2 - x^3 / 3 + ...; a difference of logarithms near -624 is off by 2^-44 or so.
    assert gaussian_divergence([0.0], 2.0**-900 * (1 + sign * 2.0**-24), [0.0], 2.0**-900) == pytest.approx(
        2.0**-50, rel=1e-7, abs=0
    )


def test_bound_where_weights_moved_far_and_the_noise_is_small():
    result = pac_bayes_bound(lambda sigma, draws: np.zeros(draws), [2.0**500], [0.0], 10**6, [2.0**-500])
    # The prior's variance is about 2^1000, so that the divergence is 1000 log 2, over a million samples, and more.
    assert result.divergence == pytest.approx(1000 * math.log(2), abs=0.01)
    assert result.bound.value < 0.05


def test_gaussian_divergence_against_torch():
    random = np.random.default_rng(0)
    mean, prior, variances = random.standard_normal(9), random.standard_normal(9), random.uniform(0.1, 3, 9)
    q = torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(variances).sqrt())
    p = torch.distributions.Normal(torch.from_numpy(prior), math.sqrt(0.7))
    expected = float(torch.distributions.kl_divergence(q, p).sum())
    assert gaussian_divergence(mean, variances, prior, 0.7) == pytest.approx(expected)
    assert gaussian_divergence(prior, 0.7, prior, 0.7) == 0


def test_bound_over_sigmas_is_put_together_as_documented():
    weights, initial = np.array([3.0, 4.0]), np.zeros(2)  # distance 5: best prior variance sigma^2 + 12.5
    shares = {0.1: 0.0, 1.0: 0.25}
    result = pac_bayes_bound(
        lambda sigma, draws: np.full(draws, shares[sigma]), weights, initial, 1000, [0.1, 1.0], draws=50
    )
    candidates = []
    for sigma, error in shares.items():
        above = upper_inverse(error, math.log(2 * 2 / 0.05) / 50)
        index = math.floor(64 * math.log2(sigma**2 + 12.5))
        for variance, weight in ((2 ** (index / 64), share(index)), (2 ** ((index + 1) / 64), share(index + 1))):
            divergence = 0.5 * (2 * sigma**2 / variance - 2 + 25 / variance + 2 * math.log(variance / sigma**2))
            complexity = (divergence + math.log(2 * math.sqrt(1000) / (0.025 * weight))) / 1000
            candidates.append((upper_inverse(above, complexity), sigma, variance))
    best = min(candidates)
    assert (result.sigma, result.prior_variance) == best[1:]
    assert result.bound.value == pytest.approx(best[0], rel=1e-12)
    assert result.training_error_bound == pytest.approx(upper_inverse(0.0, math.log(80) / 50))
    assert result.divergence == pytest.approx(gaussian_divergence(weights, 0.01, initial, result.prior_variance))
    assert result.bound.failure_probability == 0.05


def test_a_linear_classifier_of_digits_has_a_bound_that_says_something():
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    inputs = torch.from_numpy(images[order] / 16).float()
    targets = torch.from_numpy(labels[order])
    training = slice(0, 1297)
    module = nn.Linear(64, 10, bias=False)
    nn.init.zeros_(module.weight)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs[training]), targets[training]).backward()
        optimizer.step()
    errors = stochastic_errors(module, inputs[training], targets[training], seed=1)
    result = pac_bayes_bound(
        errors, module.weight.detach().flatten(), np.zeros(640), 1297, [0.1, 0.3, 0.6, 1.0], draws=100
    )
    assert not result.bound.vacuous
    test_errors = stochastic_errors(module, inputs[1297:], targets[1297:], seed=2)(result.sigma, 50)
    assert test_errors.mean() < result.bound.value < 0.8


def test_stochastic_errors_of_torch_modules():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    inputs = torch.randn(200, 5)
    labels = module(inputs).argmax(1)
    before = [parameter.clone() for parameter in module.parameters()]
    errors = stochastic_errors(module, inputs, labels, seed=3)
    assert (errors(1e-9, 4) == 0).all()
    noisy = errors(0.3, 5)
    assert 0 < noisy.mean() < 1
    assert len(set(noisy)) > 1
    np.testing.assert_array_equal(noisy, errors(0.3, 5))
    np.testing.assert_array_equal(noisy, stochastic_errors(module, inputs, labels, seed=3, batch_size=7)(0.3, 5))
    for original, current in zip(before, module.parameters(), strict=True):
        assert torch.equal(original, current)
    for batch_size in (7, 200, 4096):
        never = stochastic_errors(module, inputs, (labels + 1) % 3, seed=3, batch_size=batch_size)
        assert (never(1e-9, 2) == 1).all(), "every image counts, the first and the last too"


def test_the_ends_of_arguments():
    assert 0 < monte_carlo_error_bound([1.0, 0.0], 0.5) < 1
    assert monte_carlo_error_bound([1.0, 1.0], 0.5) == 1
    assert monte_carlo_error_bound([0.1] * 10, 0.999) >= 0.1
    for errors in ([-0.5], [1.5], [-0.5, 1.0]):
        with pytest.raises(ValueError, match="shares between 0 and 1"):
            monte_carlo_error_bound(errors, 0.1)
    assert kl_bound(0.0, 0.0, 1, failure_probability=0.5).value == pytest.approx(1 - 0.25)  # 2 sqrt(1) / 0.5 = 4
    assert mcallester_bound(1.0, 0.0, 1, failure_probability=0.5).value == pytest.approx(1 + math.sqrt(math.log(2)))
    for sigmas in ([0.0], [-0.5], [math.inf], [1.0, math.nan], [1e-170], [1e170]):
        with pytest.raises(ValueError, match="sigmas must be positive"):
            pac_bayes_bound(lambda sigma, draws: np.zeros(draws), [0.0], [1.0], 10, sigmas)
    for variances in ([1.0, 0.0], [-1.0, 1.0], [1.0, math.inf]):
        with pytest.raises(ValueError, match="variances must be positive"):
            gaussian_divergence([0.0, 0.0], variances, [0.0, 0.0], 1.0)
    for prior_variance in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="variances must be positive"):
            gaussian_divergence([0.0], 1.0, [0.0], prior_variance)
    result = pac_bayes_bound(lambda sigma, draws: np.linspace(0, 1, draws), [0.5], [0.0], 10**6, [2.0], draws=5)
    assert result.mean_training_error == 0.5
    below = math.floor(64 * math.log2(2.0**2 + 0.5**2))  # the best prior variance lies between two points of the grid
    assert result.prior_variance in (2 ** (below / 64), 2 ** ((below + 1) / 64))
    assert result.training_error_bound == upper_inverse(0.5, math.log(40) / 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binary_kl(1.2, 0.5), "must be probabilities"),
        (lambda: upper_inverse(-0.1, 1.0), "must be a probability"),
        (lambda: upper_inverse(0.1, -1.0), "must not be negative"),
        (lambda: kl_bound(0.1, -1.0, 10), "divergence must not be negative"),
        (lambda: kl_bound(10.0, 1.0, 10), "a share between 0 and 1"),
        (lambda: kl_bound(0.1, 1.0, 10, failure_probability=1.0), "strictly between"),
        (lambda: gaussian_divergence([0.0], 1.0, [0.0, 1.0], 1.0), "vectors of one length"),
        (lambda: gaussian_divergence([0.0], 0.0, [0.0], 1.0), "variances must be positive"),
        (lambda: monte_carlo_error_bound([0.5, 1.5], 0.1), "shares between 0 and 1"),
        (lambda: maurer_constant(0), "at least 1"),
        (lambda: pac_bayes_bound(lambda s, m: np.zeros(m), [0.0], [1.0], 10, []), "at least one"),
        (lambda: pac_bayes_bound(lambda s, m: np.zeros(3), [0.0], [1.0], 10, [1.0]), "must return 100 numbers"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
