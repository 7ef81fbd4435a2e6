r"""VC dimension and growth function of ReLU networks, and the uniform convergence bound they give.

The growth function Pi(n) is the largest number of vectors of 0-1 losses that the networks of one architecture have on
any n labelled points; the VC dimension is the largest n with Pi(n) = 2^n. For a single output, thresholded, these are
the usual ones. For k > 1 outputs, the class of the largest, an example is right or wrong according to the signs of k -
1 differences of outputs: at most as many loss vectors as sign vectors of those.

**Upper bound** (Bartlett, Harvey, Liaw, Mehrabian 2019, theorem 7 and its proof; ReLU has one breakpoint, p = 1;
numbers of theorems from memory). Layer i = 1 .. L has k_i units, W_i is the number of parameters of the layers 1 .. i,
shared ones counted once. Given the signs of the inputs of all ReLUs before layer i, those of layer i on n points are
the signs of n k_i polynomials of degree i in W_i variables: by Warren 1968 (Anthony, Bartlett 1999, theorem 8.3) at
most 2 (2e n k_i i / W_i)^{W_i} sign vectors if n k_i >= W_i, and never more than 2^{n k_i}. With k_L the number of
deciding outputs,

    log2 Pi(n)  <=  sum_i min(n k_i, 1 + W_i log2(2e n k_i i / W_i)).                                    (layers)

Counting all patterns at once (Goldberg, Jerrum 1995; see `theory.expressivity.lower_bounds`, which has both for exact
small integers) gives the same expression with a single term: n (2^U - 1 + k_L 2^U) polynomials of degree L in W
variables, U the hidden units. Each is n up to a point and concave beyond, so the n with Pi(n) >= 2^n not excluded are
an interval, and its end is found by bisection: nothing is lost to a closed form. The paper's, which follows from
(layers) by the weighted inequality of means and its lemma 18 (2^n <= 2^t (nr/w)^w with r >= 16 gives n <= t + w
log2(2r log2 r)), is

    VC  <=  L + S log2(4e R log2(2e R)),      S = sum_i W_i,  R = sum_i i k_i >= 3.

**Lower bound.** With k_1 units in the first layer, and a bias for the output, two constructions: Theorem 1 of Zhang et
al. 2017 fits k_1 points on any line, and slabs (`slabs`) shatter 2 d floor(k_1/3) points in general position, two
thirds of the parameters d k_1. The layers behind hand the value on, which is not negative at the points after a shift
by a bias. For k > 1 outputs label all points by one class and let two outputs decide. The network of Theorem 1 itself,
W = 2n + d weights, shatters n = (W - d)/2 points.

**Uniform convergence** (Vapnik, Chervonenkis 1971 in the form of Anthony, Bartlett 1999, theorem 4.3; the constants
from memory, and as this sketch gives them). A second sample stands for the distribution, at a factor 2 and half the
deviation; swapping pairs between the samples, Hoeffding's inequality for each of Pi(2n) loss vectors:

    P(sup |error - training error| > e) <= 2 Pi(2n) 2 exp(-2 n^2 (e/2)^2 / (4n)) = 4 Pi(2n) exp(-n e^2 / 8).
"""

import itertools
import math
from dataclasses import dataclass

from theory.common.plain_numbers import plain_numbers
from theory.complexity.bounds import Bound, require_error, require_sample

_ROUNDING = 1e-12  # relative, of a sum of at most thousands of positive terms with logarithms in float64


@plain_numbers
@dataclass(frozen=True)
class ReLUArchitecture:
    """The sizes of a feed-forward ReLU network, which are all that a bound by counting uses.

    Attributes:
        dimension: the dimension of the input.
        units: the units of each layer, the outputs last; a convolution's are all its output positions and channels.
        parameters: the parameters of each layer, shared parameters counted once.

    Raises ValueError unless all layers have units, and at least one parameter in all; TypeError for a number that is
    not whole.
    """

    dimension: int
    units: tuple[int, ...]
    parameters: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.units or len(self.units) != len(self.parameters):
            raise ValueError(
                f"units and parameters must name the same layers, at least one, got {self.units}, {self.parameters}"
            )
        if self.dimension < 1 or min(self.units) < 1 or min(self.parameters) < 0 or self.parameters[0] < 1:
            raise ValueError(f"dimension, units and the first layer's parameters must be at least 1, got {self}")

    @classmethod
    @plain_numbers
    def fully_connected(cls, dimension: int, *units: int) -> "ReLUArchitecture":
        """The multi-layer perceptron with these layers, the outputs last, and a bias for every unit."""
        sizes = itertools.pairwise((dimension, *units))
        return cls(dimension, units, tuple((before + 1) * after for before, after in sizes))

    @classmethod
    @plain_numbers
    def of_theorem_1(cls, dimension: int, n: int) -> "ReLUArchitecture":
        """Theorem 1's network for n points: one direction for all n units, n biases, n weights: 2n + d parameters."""
        return cls(dimension, (n, 1), (dimension + n, n))

    @property
    def num_parameters(self) -> int:
        """The number of parameters, W."""
        return sum(self.parameters)


@plain_numbers
def log2_growth(architecture: ReLUArchitecture, n: int) -> float:
    """An upper bound on log2 Pi(n): the smallest of n and the two of the module's docstring.

    Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    hidden = architecture.units[:-1]
    deciding = max(1, architecture.units[-1] - 1)
    cumulative = list(itertools.accumulate(architecture.parameters))
    by_layers = math.fsum(
        _log2_sign_vectors(n * units, degree, variables)
        for degree, (units, variables) in enumerate(zip((*hidden, deciding), cumulative, strict=True), start=1)
    )
    patterns = 1 << sum(hidden)
    at_once = _log2_sign_vectors(n * (patterns - 1 + deciding * patterns), len(architecture.units), cumulative[-1])
    return min(float(n), by_layers, at_once)


def vc_upper_bound(architecture: ReLUArchitecture) -> int:
    """The largest n for which `log2_growth` does not exclude Pi(n) = 2^n, by bisection."""

    def excluded(n: int) -> bool:
        return log2_growth(architecture, n) * (1 + _ROUNDING) < n

    low, high = 0, 1  # low is not excluded
    while not excluded(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return low


def vc_closed_form(architecture: ReLUArchitecture) -> float:
    """Theorem 7 of Bartlett, Harvey, Liaw, Mehrabian 2019 as it is printed: L + S log2(4e R log2(2e R)).

    Never below `vc_upper_bound` by layers. Raises ValueError if R < 3: lemma 18 needs 2eR >= 16.
    """
    deciding = max(1, architecture.units[-1] - 1)
    R = sum(layer * units for layer, units in enumerate((*architecture.units[:-1], deciding), start=1))
    if R < 3:
        raise ValueError(f"the closed form needs sum_i i k_i >= 3, got {R}: use vc_upper_bound")
    S = sum(itertools.accumulate(architecture.parameters))
    return len(architecture.units) + S * math.log2(4 * math.e * R * math.log2(2 * math.e * R))


def vc_lower_bound(architecture: ReLUArchitecture) -> int:
    """The number of points that Theorem 1's construction or slabs shatter in a fully connected network.

    max(k_1, 2 d floor(k_1/3)) with at least one hidden layer; d + 1 for a linear classifier (two outputs decide if
    there are more). Raises ValueError for an architecture with fewer parameters than `fully_connected` has: sharing may
    forbid the constructions.
    """
    full = ReLUArchitecture.fully_connected(architecture.dimension, *architecture.units)
    if architecture.parameters != full.parameters:
        raise ValueError(
            f"parameters {architecture.parameters} are not those of a fully connected network with biases, "
            f"{full.parameters}: for Theorem 1's network use theorem_1_lower_bound"
        )
    if len(architecture.units) == 1:
        return architecture.dimension + 1
    first = architecture.units[0]
    return max(first, 2 * architecture.dimension * (first // 3))


@plain_numbers
def theorem_1_lower_bound(parameters: int, dimension: int) -> int:
    """(W - d) // 2 points, anywhere, are shattered by Theorem 1's network of W = 2n + d weights.

    Raises ValueError if W < d + 2: not one unit.
    """
    if dimension < 1 or parameters < dimension + 2:
        raise ValueError(f"Theorem 1's network has at least d + 2 weights, got {parameters} with d = {dimension}")
    return (parameters - dimension) // 2


@plain_numbers
def log2_growth_from_vc(vc_dimension: int, n: int) -> float:
    """Sauer's lemma: log2 sum_{i <= v} C(n, i), exact integers; v log2(en/v) bounds it for n >= v.

    For v in the thousands at most; beyond, the closed form is used. Raises ValueError for n < 1 or v < 0.
    """
    if n < 1 or vc_dimension < 0:
        raise ValueError(f"n must be at least 1 and vc_dimension at least 0, got {n} and {vc_dimension}")
    if n <= vc_dimension:
        return float(n)
    if vc_dimension > 2000:
        return min(float(n), vc_dimension * math.log2(math.e * n / vc_dimension))
    total = term = 1
    for i in range(1, vc_dimension + 1):
        term = term * (n - i + 1) // i
        total += term
    return math.log2(total)


@plain_numbers
def uniform_convergence_bound(
    training_error: float, log2_growth_of_twice_n: float, n: int, *, failure_probability: float = 0.05
) -> Bound:
    """Training error + sqrt(8 (log 4 + log Pi(2n) + log(1/delta)) / n).

    Arguments:
        training_error: share of training labels missed.
        log2_growth_of_twice_n: log2 Pi(2n), or an upper bound: `log2_growth(architecture, 2 * n)`, or
            `log2_growth_from_vc(v, 2 * n)`.
        n: size of the training sample.

    Raises ValueError for an error outside [0, 1], a negative logarithm, n < 1 or a probability outside (0, 1).
    """
    require_error(training_error)
    require_sample(n, failure_probability)
    if not log2_growth_of_twice_n >= 0:
        raise ValueError(f"a growth function is at least 1, its logarithm not negative, got {log2_growth_of_twice_n}")
    logarithm = math.log(4 / failure_probability) + math.log(2) * log2_growth_of_twice_n
    return Bound(
        "VC",
        training_error + math.sqrt(8 * logarithm / n),
        "test error (0-1) of every network of the architecture",
        "Vapnik, Chervonenkis 1971; Anthony, Bartlett 1999, theorem 4.3; Bartlett, Harvey, Liaw, Mehrabian 2019",
        failure_probability,
    )


def _log2_sign_vectors(polynomials: int, degree: int, variables: int) -> float:
    """log2 of min(2^m, 2 (2emD/W)^W), the second for m >= W only."""
    if polynomials < variables:
        return float(polynomials)
    # The number of polynomials may be too long for float64, but not its logarithm, nor the smaller of the two.
    logarithm = math.log2(2 * math.e * degree) + math.log2(polynomials) - math.log2(variables)
    return float(min(polynomials, 1 + variables * logarithm))
