r"""Margin bounds from the norms of a network's matrices, with every constant.

f(x) = A_L relu(... relu(A_1 x)) with k >= 2 outputs (`homogeneous_network`: biases are in the matrices), n samples with
matrix X of rows x_i, margins m_i (`margins`), and a margin gamma > 0. Each bound has the form

    error  <=  share of m_i below gamma  +  complexity(A_1, ..., A_L / gamma, X)  +  deviation,

with probability 1 - delta, for all A and all gamma > 0 at once: what a theorem wants fixed beforehand goes on a grid
(`union_bound`), and asking f for the margin gamma is asking f/gamma, whose last matrix is A_L / gamma, for the margin
1. Between the 0-1 error and the share of m_i < 1 lies the ramp phi(m) = min(1, max(0, 1 - m)), and m is
sqrt(2)-Lipschitz in the outputs, in l2: along any line its derivative is the difference of two of them.

The numbers of theorems and lemmas, and the lemmas' constants, are quoted from memory of the papers; what is built on
them is derived below, and where it ends at another constant than the source does, the derivation is the reason.

**Frobenius norms** (Golowich, Rakhlin, Shamir 2018, theorem 1). Scalar outputs: the class of all networks with
||A_l||_F <= M_l has

    R_n  <=  prod_l M_l (sqrt(2 L log 2) + 1) sqrt(sum_i ||x_i||^2) / n.

*k outputs.* By the contraction of vector-valued classes (Maurer 2016), with independent signs s_ij,

    R_n(phi o m)  <=  sqrt(2) sqrt(2) E sup (1/n) sum_{ij} s_ij f_j(x_i)
                  <=  (2/n) P E max_j sup ||sum_i s_ij h(x_i)||,       P = prod_{l<L} ||A_l||_F  sum_j ||row j of A_L||,

h the last hidden layer of a network with norms 1. The source's proof bounds E exp(t sup ||sum_i s_i h(x_i)||) by
2^L exp(t c + t^2 c^2 / 2), c = sqrt(sum_i ||x_i||^2). A maximum over j is a sum of k such terms at most: log k joins L
log 2, and, with t the best,

    error  <=  share(m < gamma)  +  4 P (sqrt(2 (L log 2 + log k)) + 1) sqrt(sum_i ||x_i||^2) / (gamma n)  +  deviation.

By homogeneity only the product P / gamma has to be on a grid: powers of 2.

**Spectral norms** (Bartlett, Foster, Telgarsky 2017). ||A||_s is the spectral norm, ||A^T||_{2,1} the sum of the norms
of A's rows, M_l reference matrices fixed beforehand (0, or the initialisation), D the largest dimension of a matrix.
Theorem 1.1's quantity, all constants and logarithms dropped, is `spectral_complexity` times ||X||_F / (gamma n):

    R_A  =  prod_l ||A_l||_s  (sum_l (||A_l^T - M_l^T||_{2,1} / ||A_l||_s)^{2/3})^{3/2}.

*With constants.* Fix s_l and b_l. By lemma 3.2 (Maurey) the outputs X A^T of one layer with ||A^T - M^T||_{2,1} <= b
have a cover of log size ceil(b^2 ||X||_F^2 / e^2) log(2 D^2) at distance e in Frobenius norm; where the quotient is
below 1 the centre X M^T covers all, so the ceiling costs at most a factor 2. Layer by layer, each layer's share of e
chosen best (theorem 3.3), and through the ramp and the margin, log N(e) <= V^2 / e^2 with

    V  =  2 ||X||_F sqrt(log(2 D^2)) prod_l s_l (sum_l (b_l / s_l)^{2/3})^{3/2}:

2 is sqrt(2) for the margin and sqrt(2) for the ceiling. Dudley's integral from 1/n to sqrt(n) (lemma A.5) gives
R_n <= 4 n^{-3/2} + 18 V log(n) / n, and

    error  <=  share(m < 1)  +  8 n^{-3/2}  +  36 V log(n) / n  +  deviation.

That is for gamma = 1; in general V / gamma. The 2L + 1 numbers s_l, b_l and gamma go on grids of powers of 2^{1/L}:
what V / gamma loses is at most a factor 2^{1 + 2/L}.

**PAC-Bayes** (Neyshabur, Bhojanapalli, Srebro 2018). Lemma 1: if perturbing the weights by u moves no output on any
possible input by gamma/4 or more with probability 1/2 at least, then for any prior fixed beforehand

    error  <=  share(m < gamma)  +  4 sqrt((KL(w + u || prior) + log(6n/delta)) / (n - 1)).

Lemma 2: ||f_{A+U}(x) - f_A(x)|| <= e B prod_l ||A_l||_s sum_l ||U_l||_s / ||A_l||_s if ||x|| <= B and ||U_l||_s <=
||A_l||_s / L for each l. With gamma = 1, factors moved so that all spectral norms are beta = (prod_l ||A_l||_s)^{1/L},
u Gaussian of variance s^2 in every entry, with probability 1/2 all ||U_l||_s <= s sqrt(2 D log(4 L D)) (Tropp 2012),
and

    s  <=  min(1 / (4e B L beta^{L-1}), beta / L) / sqrt(2 D log(4 L D)),
    KL  =  sum_l beta^2 ||A_l||_F^2 / ||A_l||_s^2 / (2 s^2)           (prior N(0, s^2)).

s goes on a grid of powers of 2^{1/4}, where the source covers beta instead and ends at a constant 42^2 e^2 / 2 in place
of 16 e^2 (times 2^{1/2}). B must bound all inputs, not the sample's alone: of whitened images it is sqrt(dimension), or
sqrt(dimension + 1) with biases.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_points, as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import norm, product
from theory.complexity.bounds import Bound, deviation, require_sample
from theory.complexity.homogeneous_network import HomogeneousNetwork
from theory.complexity.margins import margin_error
from theory.complexity.union_bound import grid_index_above, grid_index_below, grid_point, share

_BOUNDED = "test error (0-1) of this network"


@plain_numbers
def golowich_complexity_bound(frobenius_norms: Sequence[float], input_norms: Any) -> float:
    """Theorem 1 of Golowich, Rakhlin, Shamir 2018: R_n of scalar networks without biases, norms at most these.

    Arguments:
        frobenius_norms: M_1 .. M_L.
        input_norms: ||x_i||, shape (n,).

    Raises ValueError for no layer, or a norm that is negative or not finite.
    """
    norms, inputs = _as_norms(frobenius_norms, "frobenius_norms"), _as_norms(input_norms, "input_norms")
    factor = math.sqrt(2 * len(norms) * math.log(2)) + 1
    return product([*norms, norm(inputs)]) * factor / len(inputs)


@plain_numbers
def frobenius_margin_bound(
    network: HomogeneousNetwork, input_norms: Any, margins: Any, gamma: float, *, failure_probability: float = 0.05
) -> Bound:
    """Golowich, Rakhlin, Shamir 2018 for k classes, as in the module's docstring.

    Arguments:
        network: its matrices, biases in them.
        input_norms: `network.input_norms(training inputs)`, shape (n,).
        margins: the margins of the training sample, shape (n,).
        gamma: the margin asked for; the bounds of all gamma hold together, so it may be chosen after a look at them.

    Raises ValueError for arguments of different lengths, a gamma that is not positive, or norms that overflow.
    """
    inputs, values = _sample(network, input_norms, margins, failure_probability)
    n, missed = len(values), margin_error(values, gamma)
    rows = math.fsum(norm(row) for row in network.matrices[-1])
    norms = product([*(norm(matrix) for matrix in network.matrices[:-1]), rows, 1 / gamma])
    index = grid_index_above(norms, 1)
    factor = math.sqrt(2 * (network.depth * math.log(2) + math.log(network.num_classes))) + 1
    complexity = 4 * product([grid_point(index, 1), norm(inputs)]) * factor / n
    return Bound(
        "Frobenius norms, margin",
        missed + complexity + deviation(n, failure_probability * share(index)),
        _BOUNDED,
        "Golowich, Rakhlin, Shamir 2018, theorem 1; Maurer 2016",
        failure_probability,
    )


def spectral_complexity(network: HomogeneousNetwork, reference: HomogeneousNetwork | None = None) -> float:
    """R_A of Bartlett, Foster, Telgarsky 2017, equation 1.2 (ReLU: Lipschitz constants 1); 0 if a matrix is 0.

    Times ||X||_F / (gamma n) it is the leading term of theorem 1.1, without constants and logarithms: no bound.
    Raises ValueError for a reference of other shapes.
    """
    spectral, distances = network.spectral_norms, _distances(network, reference)
    if 0 in spectral:
        return 0.0
    ratios = math.fsum((b / s) ** (2 / 3) for s, b in zip(spectral, distances, strict=True))
    return product([*spectral, ratios**1.5])


@plain_numbers
def spectral_margin_bound(
    network: HomogeneousNetwork,
    input_norms: Any,
    margins: Any,
    gamma: float,
    *,
    reference: HomogeneousNetwork | None = None,
    failure_probability: float = 0.05,
) -> Bound:
    """Bartlett, Foster, Telgarsky 2017 with all constants, as in the module's docstring.

    Arguments as in `frobenius_margin_bound`; `reference` must not depend on the training sample: the network's
    initialisation, or None for 0.
    """
    inputs, values = _sample(network, input_norms, margins, failure_probability)
    n, depth, missed = len(values), network.depth, margin_error(values, gamma)
    at = grid_index_below(gamma, depth)
    spectral, distances = network.spectral_norms, _distances(network, reference)
    indices = [
        (grid_index_above(s, depth), grid_index_above(b, depth)) for s, b in zip(spectral, distances, strict=True)
    ]
    rounded = [(grid_point(s, depth), grid_point(b, depth)) for s, b in indices]
    dimension = network.largest_dimension
    factors = [norm(inputs), 1 / grid_point(at, depth), *(s for s, _ in rounded)]
    V = 2 * math.sqrt(math.log(2 * dimension**2)) * product(factors)
    V *= sum((b / s) ** (2 / 3) for s, b in rounded) ** 1.5
    shares = share(at) * math.prod(share(s) * share(b) for s, b in indices)
    return Bound(
        "spectral norms, margin",
        missed + 8 * n**-1.5 + 36 * V * math.log(n) / n + deviation(n, failure_probability * shares),
        _BOUNDED,
        "Bartlett, Foster, Telgarsky 2017, theorem 3.3 and lemma A.5",
        failure_probability,
    )


@plain_numbers
def perturbation_bound(network: HomogeneousNetwork, perturbations: Sequence[Float64Array], input_bound: float) -> float:
    """Lemma 2 of Neyshabur, Bhojanapalli, Srebro 2018: how far perturbed matrices move the outputs, in l2.

    e B prod_l ||A_l||_s sum_l ||U_l||_s / ||A_l||_s for every input of norm at most B (extended inputs, if extended).
    Raises ValueError if the perturbations have other shapes, or ||U_l||_s > ||A_l||_s / L for a layer: the lemma says
    nothing then; also for a B that is not positive and finite.
    """
    _require_input_bound(input_bound)
    perturbations = [as_real(u, "perturbations").astype(np.float64) for u in perturbations]
    if [u.shape for u in perturbations] != [a.shape for a in network.matrices]:
        raise ValueError("perturbations must have the shapes of the network's matrices")
    spectral = network.spectral_norms
    moved = [float(np.linalg.norm(matrix, 2)) for matrix in perturbations]
    for layer, (a, u) in enumerate(zip(spectral, moved, strict=True), start=1):
        if not u <= a / network.depth:
            raise ValueError(f"layer {layer} is perturbed by {u:.3g} in spectral norm; at most {a / network.depth:.3g}")
    shares = sum(u / a for a, u in zip(spectral, moved, strict=True) if a)
    return math.e * product([input_bound, *spectral]) * shares


@plain_numbers
def pac_bayes_spectral_bound(
    network: HomogeneousNetwork, input_bound: float, margins: Any, gamma: float, *, failure_probability: float = 0.05
) -> Bound:
    """Neyshabur, Bhojanapalli, Srebro 2018 with all constants, as in the module's docstring.

    Arguments:
        network, margins, gamma: as in `frobenius_margin_bound`.
        input_bound: B, of the norms of *all* possible inputs (extended ones, if the network's are).

    Raises ValueError also for a matrix that is 0, a bound that is not positive, or fewer than two samples.
    """
    values = _as_vector(margins, "margins")
    n, depth, missed = len(values), network.depth, margin_error(values, gamma)
    require_sample(n, failure_probability)
    if n < 2:
        raise ValueError("this bound needs two samples or more, got one margin")
    _require_input_bound(input_bound)
    spectral = network.spectral_norms
    if 0 in spectral:
        raise ValueError("a matrix of the network is 0: it has no spectral norm to be perturbed in proportion to")
    beta = math.exp((sum(map(math.log, spectral)) - math.log(gamma)) / depth)
    dimension = network.largest_dimension
    index = grid_index_below(largest_noise(beta, depth, dimension, input_bound), 4)
    squares = sum((norm(a) / s) ** 2 for a, s in zip(network.matrices, spectral, strict=True))
    ratio = beta / grid_point(index, 4)  # before it is squared: beta^2 may overflow alone
    divergence = ratio * ratio * squares / 2
    logarithm = math.log(6 * n / (failure_probability * share(index)))
    return Bound(
        "PAC-Bayes, spectral norms, margin",
        missed + 4 * math.sqrt((divergence + logarithm) / (n - 1)),
        _BOUNDED,
        "Neyshabur, Bhojanapalli, Srebro 2018, lemmas 1 and 2",
        failure_probability,
    )


@plain_numbers
def largest_noise(beta: float, depth: int, dimension: int, input_bound: float) -> float:
    """The standard deviation of noise on every weight that moves no output by more than 1/4, with probability 1/2.

    For `depth` matrices of spectral norm beta, no dimension above `dimension`, and inputs of norm at most B.
    """
    stretch = product([input_bound, *[beta] * (depth - 1)])
    longest = min(1 / (4 * math.e * depth * stretch), beta / depth) if stretch else beta / depth
    return longest / math.sqrt(2 * dimension * math.log(4 * depth * dimension))


@plain_numbers
def best_over_margins(bound: Callable[[float], Bound], margins: Any, candidates: int = 100) -> Bound:
    """The smallest of the bounds at positive quantiles of the margins: those of this module hold for all gamma at once.

    Arguments:
        bound: gamma -> bound.
        margins: the margins of the training sample. candidates: how many of the positive margins are tried, evenly by
            rank.

    Raises ValueError if no margin is positive: there is no gamma at which fewer than all are below; also without a
    candidate.
    """
    if candidates < 1:
        raise ValueError(f"candidates must be at least 1, got {candidates}")
    values = _as_vector(margins, "margins")
    positive = np.sort(values[values > 0])
    if not len(positive):
        raise ValueError("no margin is positive: the network misses every label")
    ranks = np.unique(np.linspace(0, len(positive) - 1, candidates).round().astype(int))
    return min((bound(float(positive[rank])) for rank in ranks), key=lambda candidate: candidate.value)


def _distances(network: HomogeneousNetwork, reference: HomogeneousNetwork | None) -> list[float]:
    """||A_l^T - M_l^T||_{2,1} of each layer."""
    matrices = network.matrices
    references = [np.zeros_like(matrix) for matrix in matrices] if reference is None else list(reference.matrices)
    if [m.shape for m in references] != [a.shape for a in matrices]:
        raise ValueError("the reference's matrices must have the network's shapes")
    return [math.fsum(norm(row) for row in a - m) for a, m in zip(matrices, references, strict=True)]


def _sample(
    network: HomogeneousNetwork, input_norms: Any, margins: Any, failure_probability: float
) -> tuple[Float64Array, Float64Array]:
    inputs, values = _as_norms(input_norms, "input_norms"), _as_vector(margins, "margins")
    require_sample(len(values), failure_probability)
    if len(values) != len(inputs):
        raise ValueError(f"input_norms and margins must go together, got {len(inputs)} and {len(values)}")
    if network.num_classes < 2:
        raise ValueError("the margin bounds are for two classes or more, the network has one output")
    return inputs, values


def _as_norms(values: Any, name: str) -> Float64Array:
    norms = _as_vector(values, name)
    if norms.min() < 0:
        raise ValueError(f"{name} must not be negative, got {norms.min()}")
    return norms


def _as_vector(values: Any, name: str) -> Float64Array:
    """Finite numbers (n,) or (n, 1) as (n,): a matrix in their place may be the inputs, or the logits."""
    points = as_points(values, name).astype(np.float64)
    if points.shape[1] != 1:
        raise ValueError(f"{name} must be one number each, shape ({len(points)},), got {points.shape}")
    return points[:, 0]


def _require_input_bound(input_bound: float) -> None:
    if not 0 < input_bound < math.inf:
        raise ValueError(f"input_bound must be positive and finite, got {input_bound}")
