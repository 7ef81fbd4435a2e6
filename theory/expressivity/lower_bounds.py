"""How small a network that fits every labelling can be: lower bounds beside Theorem 1's 2n + d weights.

**On a line, depth 2.** Let f(x) = c + <v, x> + sum_j w_j max(<a_j, x> - b_j, 0) have m hidden units; the
output bias c and the linear term v may be there or not. On a line f is continuous and piecewise linear, with
at most m breakpoints: at most m + 1 pieces. *Alternating labels on n >= 2 points x_1 < ... < x_n of the line
need m >= n - 2.* Proof: between x_i and x_{i+1} f climbs by y_{i+1} - y_i, so f' has the sign of that
somewhere in between; these n - 1 signs alternate, so no two of the n - 1 places lie on one piece. With c and
v, n - 2 units are enough for every labelling (breakpoints at x_2, ..., x_{n-1}). Hence the n units of
Theorem 1, which has neither c nor v, are optimal up to 2 among all depth-2 networks.

*Among networks of Theorem 1's own form (c = 0, v = 0, all a_j the same a) n units are optimal*, and with them
the 2n + d weights. Label n >= 1 points of a line +1, -1, +1, ... . On the line f is 0 to one side of all
breakpoints, let it be the left. To reach y_1, which is not 0, f' has the sign of y_1 somewhere left of x_1,
and then the n - 1 signs above, which alternate and start with the other sign. With the piece of slope 0 that
makes n + 1 pieces: m >= n.

Thresholding does not help: f > 0 changes at most once on each piece, so m units realise exactly the
labellings in {0, 1}^n with at most m + 1 changes along the line (a zigzag with m hinges crosses 0 where it
should): 2 sum_{c <= m+1} C(n - 1, c) of them, which is 2^n from m = n - 2 on.

**Any depth.** Fix n inputs, anywhere, and an architecture: a directed acyclic graph of U hidden ReLU units
and a linear output, in L layers (the output's is the last, and connections may skip layers), with W real
parameters. How many labellings (f(x_i) > 1/2)_i are there as the parameters vary? By Warren 1968 in the form
of Anthony and Bartlett 1999, theorem 8.3 (lemma 17 of Bartlett, Harvey, Liaw, Mehrabian 2019), m >= W
polynomials of degree at most D in W variables have at most 2 (2emD/W)^W vectors of signs (positive or not).
Two ways to use it:

* *layer by layer* (the proof of theorem 7 of Bartlett et al.). Given the signs of all inputs to the ReLUs of
  the layers before l, those of layer l are polynomials of degree l in the parameters: with k_l units, n k_l
  of them. So there are at most prod_l 2 (2e n k_l l / W)^W labellings, if W <= n.
* *all at once* (after Goldberg and Jerrum 1995). A unit has one polynomial for each pattern of signs of the
  units before it; together with the output's that makes at most 2^(U+1) - 1 polynomials of degree at most L
  for an input, whose signs decide the label. So there are at most 2 (2e n (2^(U+1) - 1) L / W)^W labellings.

An architecture that interpolates all labellings in {0, 1}^n has 2^n of them. Suppose that each of the U + 1
units has at least one of the W parameters to itself, so that U + 1 <= W and L <= W. Then all at once:

    n <= 1 + W (W + 1 + log2(e n)):   W >= (1 - o(1)) sqrt(n) parameters, at any depth.

Layer by layer, the product of the k_l is at most (W/L)^L because their sum is at most W, so that for W <= n

    n <= L + W log2((2e n / L)^L L!):   W >= (1 - o(1)) n / (L log2(n)) parameters, at depth L fixed.

Vardi, Yehudai, Shamir 2022 fit separated points with order sqrt(n log n) parameters (and d for the
projection): up to logarithms the first bound cannot be improved. More is needed of an architecture that fits
*all* sets of n points in general position: (n - 1)/2 parameters, for analytic activations (Sontag 1997); what holds
for ReLU is weaker.
"""

import bisect
import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import generator
from theory.expressivity.interleaved_matrix import Numbers, as_rationals

_E = Fraction(27183, 10000)  # an upper bound of Euler's number


def min_hidden_units(points: Numbers, labels: Numbers, *, theorem_1_form: bool = False) -> int:
    """The fewest hidden units of a depth-2 ReLU network through given labels on points of a line, exactly.

    Arguments:
        points: strictly ascending, shape (n,), n >= 1.
        labels: real, shape (n,).
        theorem_1_form: False for networks with an output bias and a linear term: their functions are the
            continuous piecewise linear ones, a breakpoint a unit. True for those of Theorem 1, which have
            neither and are 0 to the left of all breakpoints (mirror the points for the right).

    Method: points from left to right, with the fewest breakpoints before a point, and the slopes with which as
    few arrive there: those below, equal to or above the last secant's. No other slopes matter, because one more
    breakpoint, at the point itself, turns to any slope. Let s be the secant to the next point. If s is among
    the slopes, no breakpoint is needed, and s is the only slope behind. Otherwise one is: from a slope p it leads to s,
    and to any slope on the other side of s than p.

    Raises ValueError if the lengths differ, are 0, a number is not finite, or the points do not ascend.
    """
    x, y = as_rationals(points, "points"), as_rationals(labels, "labels")
    if not x or len(x) != len(y):
        raise ValueError(f"points and labels must be of one length, at least 1, got {len(x)} and {len(y)}")
    fewest, sides = 0, {-1, 0, 1}  # sides of the last secant on which the slopes are
    if theorem_1_form:  # from slope 0 and height 0, far to the left, up or down to the first label
        fewest, sides = (1, {_sign(y[0])}) if y[0] else (0, {0})
    last_secant = Fraction(0)
    for secant in _secants(x, y):
        turn = _sign(secant - last_secant)
        if turn in sides:
            sides = {0}
        else:
            fewest += 1
            sides = {0, turn} if turn else {0, *(-side for side in sides)}
        last_secant = secant
    return fewest


@plain_numbers
def labellings_on_a_line(n: int, hidden_units: int) -> int:
    """How many labellings of n points of a line depth-2 networks with so many hidden units realise, exactly.

    The labels are whether f > 0; the networks have an output bias and a linear term.
    Raises ValueError for n < 1 or a negative number of units, TypeError for numbers that are not whole.
    """
    if n < 1 or hidden_units < 0:
        raise ValueError(f"n must be at least 1 and hidden_units at least 0, got {n} and {hidden_units}")
    return 2 * sum(math.comb(n - 1, changes) for changes in range(min(hidden_units + 2, n)))


@plain_numbers
def sign_vectors_bound(polynomials: int, degree: int, variables: int) -> int:
    """The number of sign vectors (positive or not) of m real polynomials of degree D in W variables is at most this.

    2^m, and 2 (2e m D / W)^W rounded down if m >= W (Warren 1968; Anthony and Bartlett 1999, theorem 8.3): the
    smaller of the two. Raises ValueError unless all three are at least 1, TypeError unless they are whole.
    """
    if min(polynomials, degree, variables) < 1:
        raise ValueError(f"arguments must be at least 1, got {polynomials}, {degree}, {variables}")
    if polynomials < variables:
        return 1 << polynomials
    warren = math.floor(2 * (2 * _E * polynomials * degree / variables) ** variables)
    return min(warren, 1 << min(polynomials, warren.bit_length()))


@plain_numbers
def labellings_bound(n: int, widths: Sequence[int], parameters: int) -> int:
    """The number of labellings of n inputs by a ReLU network of one architecture, over all its parameters, is at most
    this.

    Arguments:
        n: number of inputs, at least 1.
        widths: units in each layer; the last is the output's and is 1.
        parameters: real parameters, at least 1; they may be shared between units.

    The smallest of 2^n and the two bounds of the module's docstring. Raises ValueError for other arguments, TypeError
    for numbers that are not whole.
    """
    if not widths or min(widths) < 1 or widths[-1] != 1:
        raise ValueError(f"widths must be at least 1, that of the last layer 1, got {widths}")
    by_layers = math.prod(
        sign_vectors_bound(n * width, layer, parameters) for layer, width in enumerate(widths, start=1)
    )
    at_once = sign_vectors_bound(n * ((1 << sum(widths)) - 1), len(widths), parameters)
    return min(1 << n, by_layers, at_once)


@plain_numbers
def min_parameters(n: int, depth: int | None = None) -> int:
    """A lower bound: fewer parameters cannot interpolate all labellings in {0, 1}^n on any n points.

    For ReLU networks of one architecture, each unit of which has a parameter to itself, of any depth or of at
    most `depth` layers (Theorem 1's has 2). The larger of the bounds in the module's docstring that apply.
    Raises ValueError for n < 1 or depth < 1, TypeError for numbers that are not whole.
    """
    if n < 1 or (depth is not None and depth < 1):
        raise ValueError(f"n and depth must be at least 1, got {n} and {depth}")
    bounds = [_smallest(lambda W: 2 * (2 * _E * n * 2**W) ** W >= 2**n)]
    if depth is not None:
        base = (2 * _E * n / depth) ** depth * math.factorial(depth)
        bounds.append(_smallest(lambda W: 2**depth * base**W >= 2**n))
    return max(bounds)


def _secants(x: Sequence[Fraction], y: Sequence[Fraction]) -> list[Fraction]:
    secants = []
    for i, (before, after) in enumerate(itertools.pairwise(x)):
        if after <= before:
            raise ValueError(f"points must ascend strictly, got points[{i}] = {before}, points[{i + 1}] = {after}")
        secants.append((y[i + 1] - y[i]) / (after - before))
    return secants


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def _smallest(holds: Callable[[int], bool]) -> int:
    """The smallest W >= 1 with holds(W), which must not turn false again."""
    high = 1
    while not holds(high):
        high *= 2
    return bisect.bisect_left(range(high), True, lo=high // 2 + 1, key=holds)


def _min_hidden_units_by_enumeration(x: Sequence[Fraction], y: Sequence[Fraction]) -> int:
    """`min_hidden_units` by trying every division of the points into pieces and every way to join these.

    A piece holds consecutive points, on one line. Two pieces with slopes p and q, and secant s between them,
    meet in a breakpoint iff p <= s <= q or p >= s >= q; a piece without points joins any two, at two
    breakpoints.
    """
    same, convex, concave, detour = joints = range(4)
    cost = {same: 0, convex: 1, concave: 1, detour: 2}
    secants = _secants(x, y)
    fewest = len(x)
    for choice in itertools.product(joints, repeat=len(secants)):
        low: float | Fraction = -math.inf
        high: float | Fraction = math.inf
        for joint, secant in zip(choice, secants, strict=True):
            low = max(low, secant) if joint in (same, concave) else low
            high = min(high, secant) if joint in (same, convex) else high
            if low > high:
                break
            if joint != same:
                low = secant if joint == convex else -math.inf
                high = secant if joint == concave else math.inf
        else:
            fewest = min(fewest, sum(cost[joint] for joint in choice))
    return fewest


def _labellings_by_enumeration(n: int, hidden_units: int) -> set[int]:
    """Labellings, as binary numbers, of the points 0, 2, ..., 2n - 2 by networks with small integer weights.

    Every real output bias is covered: the labellings are the sets where the rest of f exceeds one of its
    values.
    """
    x = np.arange(0, 2 * n, 2)
    place = 2 ** np.arange(n)
    labellings = {2**n - 1}
    for biases in itertools.combinations(range(2 * n - 1), hidden_units):
        features = np.maximum(x - np.array(biases, dtype=np.int64)[:, None], 0)
        weights = np.array(list(itertools.product(range(-3, 4), repeat=hidden_units)), dtype=np.int64)
        for slope in range(-2, 3):
            values = slope * x + weights @ features
            labellings.update(((values[:, None, :] > values[:, :, None]) @ place).ravel().tolist())
    return labellings


def _check_alternating(seed: int) -> Evidence:
    rng = generator(seed, "lower-bound-alternating")
    holds = True
    sizes = [2, 3, int(rng.integers(4, 300))]
    for n in sizes:
        gaps = [Fraction(*rng.integers(1, 1000, size=2).tolist()) for _ in range(n)]
        x = list(itertools.accumulate(gaps))
        signs = [(-1) ** i for i in range(n)]
        holds &= min_hidden_units(x, signs) == n - 2
        holds &= min_hidden_units(x, signs, theorem_1_form=True) == n
    enumerated = 0
    for levels, n in ((2, 2), (2, 3), (2, 4), (2, 5), (3, 3), (3, 4)):
        x = [Fraction(i) for i in range(n)]
        for y in itertools.product([Fraction(level) for level in range(levels)], repeat=n):
            fewest = min_hidden_units(x, y)
            holds &= fewest <= n - 2 and fewest == _min_hidden_units_by_enumeration(x, y)
            enumerated += 1
    return Evidence(
        verdict(holds),
        f"n - 2 units (n in Theorem 1's form) for alternating labels on n = {sizes} random points; no more "
        f"than n - 2 for all {enumerated} labellings of up to 5 points with 2 values or 4 with 3",
        "n - 2 and n; for each tiny labelling what an enumeration of all divisions into pieces gives",
        "each secant with a sign of its own needs a piece of its own; rational arithmetic",
    )


def _check_thresholds(seed: int) -> Evidence:
    rng = generator(seed, "lower-bound-thresholds")
    holds = True
    cases = 0
    for n in range(1, 6):
        for hidden_units in range(min(n, 4)):
            changes = [(labelling ^ (labelling >> 1)) % 2 ** (n - 1) for labelling in range(2**n)]
            few = {labelling for labelling, change in enumerate(changes) if change.bit_count() <= hidden_units + 1}
            holds &= _labellings_by_enumeration(n, hidden_units) == few
            holds &= len(few) == labellings_on_a_line(n, hidden_units)
            cases += 1
    n = int(rng.integers(6, 1000))
    holds &= labellings_on_a_line(n, n - 3) == 2**n - 2 and labellings_on_a_line(n, n - 2) == 2**n
    return Evidence(
        verdict(holds),
        f"labellings of n <= 5 points by networks with up to 3 units and small integer weights, {cases} "
        f"cases; n = {n}: all but 2 of 2^n with n - 3 units, all with n - 2",
        "exactly those with at most m + 1 changes: 2 sum_{c <= m+1} C(n - 1, c)",
        "a continuous function with m + 1 affine pieces crosses 0 at most once on each; integer arithmetic",
    )


def _check_parameters(seed: int) -> Evidence:
    rng = generator(seed, "lower-bound-parameters")
    below = informative = 0
    for _ in range(100):
        n, hidden_units = int(rng.integers(2, 300)), int(rng.integers(1, 6))
        bound = labellings_bound(n, [hidden_units, 1], 3 * hidden_units + 2)
        below += labellings_on_a_line(n, hidden_units) <= bound
        informative += bound < 2**n
    holds = below == 100
    for _ in range(20):
        n = int(rng.integers(200, 2000))
        too_few = min_parameters(n) - 1
        widths = [1] * int(rng.integers(1, too_few + 1))
        for _ in range(too_few - len(widths)):
            widths[int(rng.integers(0, len(widths)))] += 1
        holds &= labellings_bound(n, [*widths[:-1], 1], too_few) < 2**n
        holds &= min_parameters(n) <= min_parameters(n, 2) <= 3 * (n - 2) + 2
    return Evidence(
        verdict(holds),
        f"exact count of labellings on a line within the counting bound in {below} of 100 cases, the bound "
        f"below 2^n in {informative}; 20 random architectures with one parameter too few; for n = 50,000, "
        f"{min_parameters(50_000)} parameters at any depth and {min_parameters(50_000, 2)} at depth 2",
        "exact count <= bound in all cases; bound < 2^n for the 20 architectures",
        "Warren 1968 (Anthony and Bartlett 1999, theorem 8.3); exact integers",
    )


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "lower-bound-alternating",
            "Alternating labels on n points of a line need n - 2 hidden units at depth 2, and n in Theorem "
            "1's form: its width is optimal up to 2, and optimal in its form.",
            "converse of Zhang et al. 2017, Theorem 1; cf. Yun, Sra, Jadbabaie 2019",
        ),
        _check_alternating,
    ),
    CheckedClaim(
        Claim(
            "lower-bound-thresholds",
            "Depth-2 networks with m hidden units realise exactly the labellings of a line with at most "
            "m + 1 changes: classifying needs n - 2 units too.",
            "theorem of this package; growth function of piecewise linear functions",
        ),
        _check_thresholds,
    ),
    CheckedClaim(
        Claim(
            "lower-bound-parameters",
            "ReLU networks of W parameters, at least one of which is each unit's own, realise fewer than 2^n "
            "labellings of n points unless n <= 1 + W (W + 1 + log2(e n)), at any depth: order sqrt(n) parameters "
            "are needed.",
            "Goldberg, Jerrum 1995; Bartlett, Harvey, Liaw, Mehrabian 2019, theorem 7; Warren 1968",
        ),
        _check_parameters,
    ),
)
