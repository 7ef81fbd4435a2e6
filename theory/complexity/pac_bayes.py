r"""PAC-Bayes: the error of a network with noise on its weights, bounded by how far they moved (Dziugaite, Roy 2017).

**The theorem** (Seeger 2002 with Maurer's constant, 2004; also Langford, Seeger 2001). Let P be a distribution over
functions fixed beforehand, and n samples. With probability 1 - delta, for all distributions Q at once,

    kl(training error of Q || error of Q)  <=  (KL(Q || P) + log(2 sqrt(n) / delta)) / n,

errors of a Q being means over its functions and kl the relative entropy of two coins (`binary_kl`). 2 sqrt(n) bounds
sum_k C(n, k) (k/n)^k (1 - k/n)^{n-k}, the expectation of exp(n kl(training error || error)) for any function
(`maurer_constant` computes it). McAllester's form (1999), weaker by Pinsker's inequality, is

    error of Q  <=  training error of Q + sqrt((KL(Q || P) + log(2 sqrt(n) / delta)) / (2n)).

**Gaussians.** Q = N(w, diag(s)) around trained weights, P = N(w_0, l I) around the initialisation, in d dimensions:

    KL(Q || P)  =  (1/2) (sum_i s_i / l  -  d  +  ||w - w_0||^2 / l  +  d log l  -  sum_i log s_i).

With s = sigma^2 I the best l is sigma^2 + ||w - w_0||^2 / d. It depends on the data through w, so it goes on a grid of
powers of 2^{1/64} (`union_bound`), beside which the loss of rounding is a few nats for a million weights.

**Q's training error** is an expectation over random weights, estimated from m draws of them. Their errors are
independent and lie in [0, 1], so that with e their mean, but for a probability of delta',

    expectation  <=  the largest p with kl(e || p) <= log(1/delta') / m.

Several sigma are tried; the theorem holds for all Q at once, but each estimate needs its share of delta'.

This is about the *stochastic* network, not about the one that was trained.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.common.arrays import Float64Array, as_points, as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import torch_seed
from theory.complexity.binary_kl import upper_inverse
from theory.complexity.bounds import Bound, require_error, require_probability, require_sample
from theory.complexity.union_bound import grid_index_above, grid_point, share

_POINTS_PER_OCTAVE = 64

StochasticErrors = Callable[[float, int], Any]
"""(sigma, m) -> training errors of m independent networks with weights N(w, sigma^2 I), shape (m,), in [0, 1]."""


@dataclass(frozen=True)
class PacBayesBound:
    """The best bound over the standard deviations tried, and what it was made of.

    Attributes:
        bound: on the error of the stochastic network.
        sigma: the deviation of the posterior N(w, sigma^2 I).
        prior_variance: l of the prior N(w_0, l I), a point of the grid.
        divergence: KL(Q || P), in nats.
        mean_training_error: the mean training error of the networks drawn.
        training_error_bound: an upper bound on the expectation behind that mean, true but for its share of the failure
            probability.
    """

    bound: Bound
    sigma: float
    prior_variance: float
    divergence: float
    mean_training_error: float
    training_error_bound: float


@plain_numbers
def gaussian_divergence(mean: Any, variances: Any, prior_mean: Any, prior_variance: float) -> float:
    """KL(N(mean, diag(variances)) || N(prior_mean, prior_variance I)), in nats.

    Arguments:
        mean, prior_mean: (d,).
        variances: (d,), or one number for all.

    Infinite where it overflows. Raises ValueError for shapes that do not match or a variance that is not positive and
    finite.
    """
    distance, d = squared_distance(mean, prior_mean)
    spread = np.broadcast_to(as_real(variances, "variances").astype(np.float64), (d,))
    prior_variance = float(prior_variance)
    if not (0 < prior_variance < math.inf and spread.min() > 0 and spread.max() < math.inf):
        raise ValueError("variances must be positive and finite")
    with np.errstate(over="ignore", under="ignore"):
        ratios = spread / prior_variance
    # The logarithm of a ratio, by which no term is negative near 1; of a ratio that leaves float64, a difference.
    logarithms = np.log(spread) - math.log(prior_variance)
    np.log(ratios, out=logarithms, where=(ratios > 2.0**-1000) & (ratios < 2.0**1000))
    return float(0.5 * ((ratios - 1 - logarithms).sum() + distance / prior_variance))


@plain_numbers
def maurer_constant(n: int) -> float:
    """sum_k C(n, k) (k/n)^k (1 - k/n)^(n-k), at most 2 sqrt(n). Raises ValueError for n < 1."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    k = np.arange(1, n)
    logarithms = k * np.log(k / n) + (n - k) * np.log1p(-k / n)
    log_binomials = math.lgamma(n + 1) - np.array([math.lgamma(i + 1) + math.lgamma(n - i + 1) for i in k])
    return 2.0 + float(np.exp(log_binomials + logarithms).sum())


@plain_numbers
def kl_bound(training_error: float, divergence: float, n: int, *, failure_probability: float = 0.05) -> Bound:
    """The largest error of Q that Maurer's form of the theorem allows.

    Arguments:
        training_error: the error of Q on n samples; an upper bound serves as well.
        divergence: KL(Q || P) >= 0.

    Raises ValueError for an error outside [0, 1], a negative divergence, n < 1 or a probability outside (0, 1).
    """
    complexity = _complexity(training_error, divergence, n, failure_probability)
    return Bound(
        "PAC-Bayes, kl",
        upper_inverse(training_error, complexity),
        "test error (0-1) of the stochastic network",
        "Maurer 2004, theorem 5; Dziugaite, Roy 2017",
        failure_probability,
    )


@plain_numbers
def mcallester_bound(training_error: float, divergence: float, n: int, *, failure_probability: float = 0.05) -> Bound:
    """McAllester's form, with Maurer's constant: never below `kl_bound`. Arguments and errors as there."""
    complexity = _complexity(training_error, divergence, n, failure_probability)
    return Bound(
        "PAC-Bayes, square root",
        training_error + math.sqrt(complexity / 2),
        "test error (0-1) of the stochastic network",
        "McAllester 1999; Maurer 2004",
        failure_probability,
    )


@plain_numbers
def monte_carlo_error_bound(errors: Any, failure_probability: float) -> float:
    """An upper bound on the expectation of independent errors in [0, 1], shape (m,): the largest p that kl allows.

    Their expectations may differ; then the bound is on the mean of these.

    Raises ValueError for errors outside [0, 1] or a probability outside (0, 1).
    """
    require_probability(failure_probability)
    values = as_points(errors, "errors").astype(np.float64)
    if values.min() < 0 or values.max() > 1:
        raise ValueError("errors must be shares between 0 and 1")
    mean = math.fsum(values.ravel()) / values.size  # at most 1: the sum is rounded once, and not across an integer
    return upper_inverse(mean, math.log(1 / failure_probability) / values.size)


@plain_numbers
def pac_bayes_bound(
    errors: StochasticErrors,
    weights: Any,
    initial_weights: Any,
    n: int,
    sigmas: Sequence[float],
    *,
    draws: int = 100,
    failure_probability: float = 0.05,
) -> PacBayesBound:
    """The smallest kl bound over posteriors N(weights, sigma^2 I), sigma in a list.

    Arguments:
        errors: training errors of stochastic networks, as `StochasticErrors` says; `stochastic_errors` makes one.
        weights, initial_weights: (d,): the trained parameters, and the prior's mean, chosen before the data were seen.
        n: size of the training sample.
        sigmas: standard deviations to try, whatever they were chosen by.
        draws: networks drawn for each sigma.
        failure_probability: half of it for the theorem, shared over the grid of prior variances; half for the
            estimates, shared over the sigmas.

    Raises ValueError for an empty list, a sigma that is not positive or whose square leaves float64, and what
    `kl_bound` and `monte_carlo_error_bound` refuse.
    """
    require_sample(n, failure_probability)
    if not len(sigmas) or not all(sigma > 0 and 0 < float(sigma) * float(sigma) < math.inf for sigma in sigmas):
        raise ValueError(f"sigmas must be positive, at least one, with squares in float64, got {list(sigmas)}")
    distance, d = squared_distance(weights, initial_weights)
    candidates = []
    for sigma in sigmas:
        drawn = as_points(errors(sigma, draws), "errors").astype(np.float64).ravel()
        if len(drawn) != draws:
            raise ValueError(f"errors(sigma, {draws}) must return {draws} numbers, it returned {len(drawn)}")
        above = monte_carlo_error_bound(drawn, failure_probability / 2 / len(sigmas))
        # The two points of the grid around the best prior variance.
        highest = grid_index_above(sigma**2 + distance / d, _POINTS_PER_OCTAVE)
        for index in (highest - 1, highest):
            variance = grid_point(index, _POINTS_PER_OCTAVE)
            divergence = gaussian_divergence(weights, sigma**2, initial_weights, variance)
            bound = kl_bound(above, divergence, n, failure_probability=failure_probability / 2 * share(index))
            candidates.append((bound, sigma, variance, divergence, float(drawn.mean()), above))
    bound, *rest = min(candidates, key=lambda candidate: candidate[0].value)
    return PacBayesBound(
        Bound("PAC-Bayes, Gaussian", bound.value, bound.bounds, bound.source, failure_probability), *rest
    )


@plain_numbers
def stochastic_errors(
    module: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, *, seed: int = 0, batch_size: int = 4096
) -> StochasticErrors:
    """Training errors of a torch classifier with Gaussian noise on all its trainable parameters.

    Arguments:
        module: inputs -> logits (n, k); run in the mode that it is in: call `eval()` first. It is left as it is.
        inputs, labels: the training sample, on the module's device; labels integers (n,).
        seed: the seed of the noise, which is drawn on the CPU: the same on every device.
        batch_size: inputs evaluated at once.
    """

    def errors(sigma: float, draws: int) -> Float64Array:
        random = torch.Generator().manual_seed(torch_seed(seed, f"pac-bayes-noise/{sigma!r}"))
        shares = np.empty(draws)
        with torch.no_grad():
            for draw in range(draws):
                noisy = {
                    name: parameter
                    + sigma * torch.randn(parameter.shape, generator=random).to(parameter.device, parameter.dtype)
                    for name, parameter in module.named_parameters()
                    if parameter.requires_grad
                }
                wrong = 0
                for start in range(0, len(inputs), batch_size):
                    logits = torch.func.functional_call(module, noisy, (inputs[start : start + batch_size],))
                    wrong += int((logits.argmax(1) != labels[start : start + batch_size]).sum())
                shares[draw] = wrong / len(inputs)
        return shares

    return errors


def _complexity(training_error: float, divergence: float, n: int, failure_probability: float) -> float:
    require_error(training_error)
    require_sample(n, failure_probability)
    if not divergence >= 0:
        raise ValueError(f"divergence must not be negative, got {divergence}")
    return (divergence + math.log(2 * math.sqrt(n) / failure_probability)) / n


def squared_distance(mean: Any, prior_mean: Any) -> tuple[float, int]:
    """||mean - prior_mean||^2, and d. Raises ValueError unless both are vectors (d,) of one length."""
    here, there = (as_points(weights, "weights").astype(np.float64) for weights in (mean, prior_mean))
    if here.shape != there.shape or here.shape[1] != 1:
        raise ValueError(f"the two means must be vectors of one length, got shapes {here.shape} and {there.shape}")
    return float(((here - there) ** 2).sum()), len(here)
