r"""PAC-Bayes for a Gaussian posterior that was optimised for the bound (Langford, Caruana 2001; Dziugaite, Roy 2017).

Q = N(w, diag(s)) may be chosen in any way, on the sample itself. Priors are fixed before the sample is seen:

    P_j = N(w_0, l_j I),      l_j = c exp(-j / b),      j = 1, 2, 3, ...,

around initial weights w_0, which are drawn without the sample. c and b are fixed too. `pac_bayes` states the theorem
for one prior. Here it is used for each P_j with failure probability 6 delta / (pi^2 j^2). These sum to delta, since the
sum of 1/j^2 is pi^2 / 6. So with probability 1 - delta over samples of size n, for all j and all Q at once,

    kl(training error of Q || error of Q)  <=  C_j  =  (KL(Q || P_j) + log(2 sqrt(n)) + log(pi^2 j^2 / (6 delta))) / n.

The j may therefore be chosen last, for the smallest C_j. As a function of l the divergence is

    (1/2) (A / l + d log l) + const,      A = sum_i s_i + ||w - w_0||^2,

least at l = A / d. Beyond the first j with l_j <= A / d both it and log j^2 grow: the best j is among 1, ..., that one.

**The training error of Q** is estimated: m independent answers, drawn after Q is fixed by randomness of their own
(`stochastic_perceptron`), are wrong with mean e. With probability 1 - delta' over the draws, whatever the sample,

    training error of Q  <=  e'  =  the largest p with kl(e || p) <= log(1/delta') / m.

**Together.** The upper inverse of kl grows with its first argument. So with probability 1 - delta - delta' over sample
and draws

    error of Q  <=  the largest p with kl(e' || p) <= C_j.

Dziugaite and Roy take log(2/delta') for both sides of the estimate, and a constant of the theorem that is larger;
delta = 0.025, delta' = 0.01, c = 0.1 and b = 100 are theirs.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.complexity.bounds import Bound, require_probability, require_sample
from theory.complexity.pac_bayes import (
    gaussian_divergence,
    kl_bound,
    mcallester_bound,
    monte_carlo_error_bound,
    squared_distance,
)

DELTA, SAMPLING_DELTA = 0.025, 0.01
"""The failure probabilities of the theorem and of the estimate, as Dziugaite and Roy have them."""


@plain_numbers
@dataclass(frozen=True)
class PriorVariances:
    """The grid c exp(-j / b), j = 1, 2, ..., of prior variances.

    Attributes:
        largest: c.
        per_factor_e: b, points for each factor of e.

    Raises ValueError for numbers that are not positive and finite.
    """

    largest: float = 0.1
    per_factor_e: int = 100

    def __post_init__(self) -> None:
        if not (0 < self.largest < math.inf and self.per_factor_e >= 1):
            raise ValueError(f"the grid needs positive numbers, got {self.largest} and {self.per_factor_e}")

    @plain_numbers
    def variance(self, index: int) -> float:
        """l_j."""
        return self.largest * math.exp(-index / self.per_factor_e)

    @plain_numbers
    def share(self, index: int) -> float:
        """6 / (pi^2 j^2), the share of the failure probability; raises ValueError for j < 1."""
        if index < 1:
            raise ValueError(f"the grid begins at 1, got {index}")
        return 6 / (math.pi * index) ** 2

    @plain_numbers
    def first_below(self, variance: float) -> int:
        """The first j with l_j at most a variance, 1 for all variances above; rounding may make it the next.

        Raises ValueError unless the variance is positive and finite.
        """
        if not 0 < variance < math.inf:
            raise ValueError(f"a prior's variance is positive and finite, got {variance}")
        return max(1, math.ceil(self.per_factor_e * math.log(self.largest / variance)))


@dataclass(frozen=True)
class PosteriorBound:
    """A bound for one posterior, and what it is made of.

    Attributes:
        bound: on the error of the stochastic network, by inverting kl: at most 1.
        square_root: the weaker form of McAllester, which may exceed 1, from the same numbers.
        prior_index, prior_variance: j and l_j.
        divergence: KL(Q || P_j), in nats.
        sampled_error: e, the share of wrong answers among those drawn.
        sampled_error_bound: e'.
        draws: m, the number of answers drawn.
    """

    bound: Bound
    square_root: Bound
    prior_index: int
    prior_variance: float
    divergence: float
    sampled_error: float
    sampled_error_bound: float
    draws: int


@plain_numbers
def posterior_bound(
    means: Any,
    variances: Any,
    initial_weights: Any,
    errors: Any,
    n: int,
    *,
    priors: PriorVariances | None = None,
    failure_probability: float = DELTA,
    sampling_failure_probability: float = SAMPLING_DELTA,
) -> PosteriorBound:
    """The bound on the error of Q = N(means, diag(variances)).

    Arguments:
        means, variances: (d,), of the posterior.
        initial_weights: (d,), the priors' common mean, chosen without the sample.
        errors: independent errors on the training sample in [0, 1], of any shape, whose mean has the expectation of Q's
            training error; drawn after Q was fixed.
        n: the size of the training sample.
        priors: the grid of prior variances, chosen without the sample; by default that of Dziugaite and Roy.
        failure_probability, sampling_failure_probability: delta and delta'.

    Raises ValueError for shapes that do not match, variances that are not positive, errors outside [0, 1], n < 1, and
    probabilities outside (0, 1).
    """
    require_sample(n, failure_probability)
    require_probability(sampling_failure_probability)
    grid = priors or PriorVariances()
    flat = as_real(errors, "errors").astype(np.float64).ravel()
    above = monte_carlo_error_bound(flat[:, None], sampling_failure_probability)
    distance, d = squared_distance(means, initial_weights)
    size = distance + float(np.broadcast_to(as_real(variances, "variances").astype(np.float64), (d,)).sum())
    indices = np.arange(1, grid.first_below(size / d) + 1)
    logs = math.log(grid.largest) - indices / grid.per_factor_e
    index = int(indices[np.argmin((size * np.exp(-logs) + d * logs) / 2 + 2 * np.log(indices))])
    divergence = gaussian_divergence(means, variances, initial_weights, grid.variance(index))
    probability = failure_probability * grid.share(index)
    together = failure_probability + sampling_failure_probability

    def named(name: str, form: Bound) -> Bound:
        return Bound(name, form.value, form.bounds, "Dziugaite, Roy 2017", together)

    return PosteriorBound(
        named("PAC-Bayes, optimised posterior", kl_bound(above, divergence, n, failure_probability=probability)),
        named(
            "PAC-Bayes, optimised posterior, square root",
            mcallester_bound(above, divergence, n, failure_probability=probability),
        ),
        prior_index=index,
        prior_variance=grid.variance(index),
        divergence=divergence,
        sampled_error=float(flat.mean()),
        sampled_error_bound=above,
        draws=flat.size,
    )
