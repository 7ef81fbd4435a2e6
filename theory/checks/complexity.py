"""Section 2.2 of the paper: measures of complexity, each compared with a supremum or a worst case that is known by
other means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from theory import complexity, expressivity
from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import Float64Array
from theory.common.streams import generator

_EPS = float(np.finfo(np.float64).eps)
_CONIC = 1e-6  # relative, what an interior-point method that stops at 1e-8 leaves in an optimal value
_SIZE = 1e-6  # size of a statistical test


def linear_class(seed: int) -> Evidence:
    """Linear functions: the closed form against cvxpy on every sign vector, and against random signs."""
    import cvxpy  # takes a second to import

    random = generator(seed, "rademacher-linear")
    points, radius = random.standard_normal((5, 3)), float(random.uniform(0.5, 2))
    w, signs = cvxpy.Variable(3), cvxpy.Parameter(5)
    problem = cvxpy.Problem(cvxpy.Maximize(signs @ (points @ w) / 5), [cvxpy.norm(w, 2) <= radius])
    suprema = []
    for pattern in itertools.product((-1.0, 1.0), repeat=5):
        signs.value = np.array(pattern)
        suprema.append(float(problem.solve(solver=cvxpy.CLARABEL)))
    exact = complexity.linear_complexity(points, radius)
    brute = math.fsum(suprema) / len(suprema)
    # Zeros change nothing but n: twelve points are enumerated, twenty are drawn.
    few = random.standard_normal((12, 4))
    padded = np.concatenate([few, np.zeros((8, 4))])
    drawn = complexity.linear_complexity(padded, sign_vectors=2000, failure_probability=_SIZE, seed=seed)
    exact_value = 12 / 20 * complexity.linear_complexity(few).value
    bound = complexity.linear_complexity_bound(points, radius)
    return Evidence(
        verdict(
            abs(exact.value / brute - 1) <= _CONIC
            and bound / math.sqrt(2) <= exact.value <= bound
            and drawn.failure_probability == _SIZE
            and drawn.lower <= exact_value <= drawn.upper
        ),
        f"closed form {exact.value:.8f}, cvxpy on all 32 sign vectors {brute:.8f}, bound {bound:.4f}; of 20 points "
        f"{exact_value:.4f} exactly, {drawn.value:.4f} from {drawn.sign_vectors} random sign vectors",
        f"relative difference {_CONIC:.0e}; between the bound and that over sqrt(2); in [{drawn.lower:.4f}, "
        f"{drawn.upper:.4f}]",
        f"Clarabel stops at 1e-8; Jensen, and Latala and Oleszkiewicz; McDiarmid's inequality, size {_SIZE:.0e}",
    )


_FAT_SCALES, _FAT_ERROR = (1e-9, 1.0, 1e9), 1e-9
"""The error is far above float64's, eight points apart by about 1, and far below a margin that would not be there."""


def theorem_1_class(seed: int) -> Evidence:
    """Networks of Theorem 1 on every sign vector: their complexity is 1, and they fat-shatter the points at any scale.

    A class fat-shatters points at scale gamma if for every sign vector one of its functions is at least gamma times the
    sign on each, about levels that do not depend on the signs: here 0.
    """
    random = generator(seed, "rademacher-theorem-1")
    few, many, dimension = 8, 500, 3
    points = random.standard_normal((many, dimension))

    def measure(n: int, sign_vectors: int | None) -> complexity.RademacherComplexity:
        def fit(signs: Float64Array, index: int) -> Float64Array:
            return np.sign(expressivity.relu_interpolant(points[:n], signs, seed=index)(points[:n]))

        return complexity.rademacher_of_fitter(fit, n, sign_vectors, failure_probability=_SIZE, seed=seed)

    exact, drawn = measure(few, None), measure(many, 10)
    bound, without = (complexity.rademacher_bound(0.0, at_least, many) for at_least in (max(drawn.lower, 0.0), 0.0))
    shattered = complexity.vc_upper_bound(complexity.ReLUArchitecture.of_theorem_1(dimension, few))
    least = [
        (signs * expressivity.relu_interpolant(points[:few], scale * signs, seed=index)(points[:few])).min() / scale
        for scale in _FAT_SCALES
        for index, signs in enumerate(complexity.all_signs(few))
    ]
    vacuous = bound.vacuous and not without.vacuous
    return Evidence(
        verdict(exact.value == drawn.value == 1.0 and vacuous and few <= shattered and min(least) >= 1 - _FAT_ERROR),
        f"mean correlation {exact.value:g} over all {exact.sign_vectors} sign vectors of {few} points, {drawn.value:g} "
        f"over {drawn.sign_vectors} of {many}: complexity at least {drawn.lower:.3f}, test error at most "
        f"{bound.value:.3f}, {without.value:.3f} if the complexity were 0; VC dimension at most {shattered}; "
        f"{len(least)} networks at scales {_FAT_SCALES}: margin at least 1 - {max(0.0, 1 - min(least)):.0e} scales",
        f"exactly 1; vacuous, at least 1; at least {few}; at least 1 - {_FAT_ERROR:g}",
        "a class that fits every sign vector has complexity 1, the largest there is; McDiarmid's inequality; margins "
        "are rounded where a network is evaluated",
    )


def frobenius_class(seed: int) -> Evidence:
    """Depth-2 ReLU networks on the plane with Frobenius norms at most 1: the exact supremum against Golowich et al."""
    random = generator(seed, "rademacher-frobenius")
    points = random.standard_normal((8, 2))
    exact = float(np.mean([_depth_two_supremum(points, signs) for signs in complexity.all_signs(8)])) / 8
    bound = complexity.golowich_complexity_bound((1.0, 1.0), np.linalg.norm(points, axis=1))
    linear = complexity.linear_complexity(points).value
    signs = random.choice([-1.0, 1.0], 8)
    angles = np.linspace(0, 2 * math.pi, 10_001)
    values = signs @ np.maximum(points @ np.stack([np.cos(angles), np.sin(angles)]), 0)
    attained, supremum = float(np.abs(values).max()) / 8, _depth_two_supremum(points, signs) / 8
    between = math.pi / 10_000 * float(np.linalg.norm(points, axis=1).mean())
    return Evidence(
        verdict(exact <= bound <= 8 * exact and attained <= supremum * (1 + 8 * _EPS) <= attained + between),
        f"exactly {exact:.4f}, the bound {bound:.4f}, linear functions of norm 1 {linear:.4f}; for one sign vector "
        f"{attained:.5f} on a grid of directions, {supremum:.5f} exactly",
        f"complexity <= bound <= 8 times the complexity; no more than {between:.5f} apart",
        "theorem 1 of Golowich et al., whose constant is sqrt(4 log 2) + 1 = 2.67: a factor 3 is left for the cut at "
        "zero and for Jensen's inequality; half the grid's spacing times the Lipschitz constant",
    )


def _depth_two_supremum(points: Float64Array, signs: Float64Array) -> float:
    """The supremum over sum_r v_r relu(<w_r, x>), ||v|| <= 1, ||W||_F <= 1, of the sum of signs times values, in the
    plane.

    By homogeneity it is that of one unit, |g(w)| over unit w, g(w) = sum_i s_i relu(<w, x_i>). Between the directions
    orthogonal to a point g is <w, sum of s_i x_i over the active>: largest where w has that direction, or at the ends.
    """
    across = np.arctan2(points[:, 1], points[:, 0])
    ends = np.sort(np.concatenate([across + math.pi / 2, across - math.pi / 2]) % (2 * math.pi))
    middles = (ends + np.append(ends[1:], ends[0] + 2 * math.pi)) / 2
    candidates = list(ends)
    for middle in middles:
        active = points @ np.array([math.cos(middle), math.sin(middle)]) > 0
        vector = (signs * active) @ points
        candidates += [math.atan2(vector[1], vector[0]), math.atan2(-vector[1], -vector[0])]
    directions = np.stack([np.cos(candidates), np.sin(candidates)])
    return float(np.abs(signs @ np.maximum(points @ directions, 0)).max())


def vc_bounds(seed: int) -> Evidence:
    """Exact counts and explicit shattering below the growth function's bound, on random architectures."""
    random = generator(seed, "vc-bounds")
    dimension, units = 2, 6
    n = complexity.vc_lower_bound(complexity.ReLUArchitecture.fully_connected(dimension, units, 1))
    points = random.standard_normal((n, dimension))
    shattered = 0
    for labelling in complexity.all_signs(n) > 0:
        network = complexity.memorize_by_slabs(points, labelling, seed=seed)
        shattered += len(network.biases) <= units and bool((np.sign(network(points)) == 2.0 * labelling - 1).all())
    ordered = counted = 0
    ratios = []
    for _ in range(50):
        widths = [int(width) for width in random.integers(1, 60, random.integers(1, 5))]
        inputs, classes = int(random.integers(1, 40)), int(random.integers(1, 10))
        architecture = complexity.ReLUArchitecture.fully_connected(inputs, *widths, classes)
        lower, upper = complexity.vc_lower_bound(architecture), complexity.vc_upper_bound(architecture)
        ordered += lower <= upper
        ratios.append(upper / lower)
        m, hidden = int(random.integers(2, 300)), int(random.integers(1, 6))
        bound = complexity.log2_growth(complexity.ReLUArchitecture.fully_connected(1, hidden, 1), m)
        counted += math.log2(expressivity.lower_bounds.labellings_on_a_line(m, hidden)) <= bound * (1 + 1e-12)
    return Evidence(
        verdict(shattered == 2**n and ordered == counted == 50 and n > units),
        f"{shattered} of {2**n} labellings of {n} points by {units} units; lower bound below the upper for {ordered} "
        f"of 50 architectures, {min(ratios):.1f} to {max(ratios):.0f} times; exact counts on a line within the growth "
        f"function's bound in {counted} of 50 cases",
        "all; all; all",
        "Baum's construction by slabs; Warren's theorem layer by layer (Bartlett et al. 2019); integers below 2^300, "
        "logarithms to 1e-12",
    )


def spectral_perturbation(seed: int) -> Evidence:
    """Random networks with perturbed matrices: how far their outputs move, against the lemma of Neyshabur et al."""
    random = generator(seed, "spectral-perturbation")
    worst = 0.0
    for _ in range(50):
        sizes = [int(size) for size in random.integers(1, 12, random.integers(2, 6))]
        matrices = tuple(random.standard_normal((after, before)) for before, after in itertools.pairwise(sizes))
        network = complexity.HomogeneousNetwork(matrices)
        # Aligned perturbations, multiples of the matrices, come nearest to the bound; random ones far from it.
        aligned = random.random() < 0.5
        perturbations = []
        for matrix in matrices:
            change = matrix if aligned else random.standard_normal(matrix.shape)
            length = 0.999 / network.depth * random.random() * np.linalg.norm(matrix, 2)
            perturbations.append(change * (length / np.linalg.norm(change, 2)))
        inputs = random.standard_normal((200, sizes[0]))
        inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
        # The direction that the first matrix stretches most.
        inputs = np.concatenate([inputs, np.linalg.svd(matrices[0])[2][:1], -np.linalg.svd(matrices[0])[2][:1]])
        moved = complexity.HomogeneousNetwork(tuple(a + u for a, u in zip(matrices, perturbations, strict=True)))
        distance = float(np.linalg.norm(moved(inputs) - network(inputs), axis=1).max())
        worst = max(worst, distance / complexity.perturbation_bound(network, perturbations, 1.0))
    return Evidence(
        verdict(0.1 < worst <= 1),
        f"largest share of the bound that 50 random networks reach on 202 inputs each: {worst:.3f}",
        "at most 1, and above 0.1 for some",
        "lemma 2 of Neyshabur et al. 2018; one matrix, perturbed along itself, reaches 1/e = 0.37",
    )


def relative_entropy(seed: int) -> Evidence:
    """The inverses of kl against its definition, and the constant 2 sqrt(n) against the exact expectation."""
    random = generator(seed, "binary-kl")
    worst = 0.0
    ordered = True
    for index in range(200):
        q, bound = float(random.random()), float(10 ** random.uniform(-6, 1))
        if index % 2:  # small ones, where the two terms of kl cancel
            q, bound = float(10 ** random.uniform(-20, -1)), float(10 ** random.uniform(-20, -1))
        for p in (complexity.upper_inverse(q, bound), complexity.lower_inverse(q, bound)):
            # p is where kl first passes the bound, or an end of [0, 1]; rounded away from q.
            above = bound * (1 + 64 * _EPS)
            ordered &= complexity.binary_kl(q, math.nextafter(p, q)) <= above and (
                complexity.binary_kl(q, p) > bound or p in (0.0, 1.0)
            )
            # The definition in its plain form, where it does not cancel: far from q.
            if 0 < p < 1 and not q / 2 < p < 2 * q:
                plain = q * math.log(q / p) + (1 - q) * (math.log1p(-q) - math.log1p(-p))
                ordered &= abs(complexity.binary_kl(q, p) - plain) <= 16 * _EPS * (p + q + q * abs(math.log(q / p)))
            # Near q, kl is (p - q)^2 / (2 q (1 - q)) up to a share (p - q) / q.
            elif 0 < p < 1 and abs(p - q) < 1e-4 * min(q, 1 - q):
                ordered &= abs(complexity.binary_kl(q, p) / ((p - q) ** 2 / (2 * q * (1 - q))) - 1) <= 1e-3
            ordered &= abs(p - q) <= math.sqrt(bound / 2) + 2 * _EPS
            if 0 < p < 1:
                slope = abs((p - q) / (p * (1 - p)))
                allowed = 100 * _EPS * bound + 2 * _EPS * slope * p
                worst = max(worst, abs(complexity.binary_kl(q, p) - bound) / allowed)
    sizes = [*range(1, 21), 50, 100, 1000]
    constants = [complexity.maurer_constant(n) / (2 * math.sqrt(n)) for n in sizes]
    n, p = int(random.integers(2, 12)), float(random.uniform(0.1, 0.9))
    expectation = math.fsum(
        math.comb(n, k) * p**k * (1 - p) ** (n - k) * math.exp(n * complexity.binary_kl(k / n, p)) for k in range(n + 1)
    )
    difference = abs(expectation / complexity.maurer_constant(n) - 1)
    return Evidence(
        verdict(ordered and worst <= 1 and max(constants) <= 1 + 1e-12 and difference <= 1e-12),
        f"kl(q || p) off by at most {worst:.2f} of rounding over 200 pairs, each on the right side; exact constants at "
        f"most {max(constants):.3f} of 2 sqrt(n) for n up to 1000; E exp(n kl) for n = {n} differs by {difference:.0e}",
        "1; 1; 1e-12",
        "rounding of kl's two terms and one step of p; Maurer 2004; binomial sums of at most 1000 terms",
    )


def convex_stability(seed: int) -> Evidence:
    """Logistic regression, and a linear loss, trained on neighbouring samples: measured against the bound."""
    random = generator(seed, "stability")
    n, dimension, epochs = 40, 5, 6
    inputs = random.standard_normal((n, dimension))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    labels = random.choice([-1.0, 1.0], n)
    rate = float(random.uniform(1, 8))  # 2/b = 8 for inputs of norm 1
    steps = [rate] * (epochs * n)
    directions = random.standard_normal((200, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def logistic_slope(score: float) -> float:
        return -1 / (1 + math.exp(score))

    def logistic_losses(weights: Float64Array) -> Float64Array:
        scores = np.concatenate([directions @ weights, inputs @ weights])
        losses: Float64Array = np.logaddexp(0, np.concatenate([scores, -scores]))
        return losses

    logistic = (
        complexity.parameter_distance_bound(1.0, 0.25, steps, n),
        complexity.convex_stability_bound(1.0, 0.25, steps, n).value,
    )
    distances, differences = [], []
    for index in range(3):
        replacement = (-inputs[index], labels[index])  # the opposite example
        measured = complexity.measure_stability(
            _sgd(logistic_slope, rate, epochs), logistic_losses, (inputs, labels), index, replacement, range(3)
        )
        distances.append(float(measured.parameter_distances.max()))
        differences.append(measured.loss_difference)
    # f(w; x, y) = -y <w, x>: each visit to the example that differs adds 2 eta L, and nothing undoes it.
    linear = complexity.measure_stability(
        _sgd(lambda score: -1.0, rate, epochs),
        lambda weights: -np.concatenate([inputs, -inputs]) @ weights,
        (inputs, labels),
        0,
        (-inputs[0], labels[0]),
        range(3),
    )
    linear_bound = (
        complexity.parameter_distance_bound(1.0, 0.0, steps, n),
        complexity.convex_stability_bound(1.0, 0.0, steps, n).value,
    )
    tight = max(
        abs(linear.parameter_distances.min() / linear_bound[0] - 1),
        abs(linear.parameter_distances.max() / linear_bound[0] - 1),
        abs(linear.loss_difference / linear_bound[1] - 1),
    )
    rounding = 4 * len(steps) * n * _EPS  # that many steps round, on weights at most n times as long as the difference
    return Evidence(
        verdict(max(distances) <= logistic[0] and max(differences) <= logistic[1] and tight <= rounding),
        f"logistic: parameters {max(distances):.3f} apart, losses {max(differences):.3f}; linear loss: off the bound "
        f"by {tight:.0e} of it",
        f"at most {logistic[0]:.3f} and {logistic[1]:.3f}; equal to the bound up to {rounding:.0e}",
        "Hardt et al. 2016, theorem 3.8, in each run: whole epochs in random order visit the example once each; "
        "rounding of the steps",
    )


def _sgd(
    slope: Callable[[float], float], rate: float, epochs: int
) -> Callable[[complexity.stability.Sample, int], Float64Array]:
    """SGD on the mean of phi(y <w, x>) with phi' the slope, from 0, a new random order every epoch."""

    def train(sample: complexity.stability.Sample, seed: int) -> Float64Array:
        inputs, labels = sample
        random = generator(seed, "stability-order")
        weights = np.zeros(inputs.shape[1])
        for _ in range(epochs):
            for i in random.permutation(len(inputs)):
                signed = labels[i] * inputs[i]
                weights -= rate * slope(float(signed @ weights)) * signed
        return weights

    return train


_PAPER = "Zhang et al. 2017, section 2.2"

CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "rademacher-linear",
            "Linear functions of norm at most B have Rademacher complexity (B/n) E ||sum sigma_i x_i||.",
            f"{_PAPER}; Bartlett, Mendelson 2002",
        ),
        linear_class,
        _SIZE,
    ),
    CheckedClaim(
        Claim(
            "rademacher-theorem-1",
            "Theorem 1's networks have Rademacher complexity 1 and fat-shatter any sample at any scale: bounds by "
            "these are vacuous.",
            f"{_PAPER} (claim C21), and Theorem 1",
        ),
        theorem_1_class,
    ),
    CheckedClaim(
        Claim(
            "rademacher-frobenius",
            "Networks with bounded Frobenius norms have no more than prod M_l (sqrt(2 L log 2) + 1) B / sqrt(n).",
            "Golowich, Rakhlin, Shamir 2018, theorem 1",
        ),
        frobenius_class,
    ),
    CheckedClaim(
        Claim(
            "vc-bounds",
            "Depth-2 ReLU networks with k hidden units shatter 2 d floor(k/3) points, two for three of the d k weights "
            "of their first layer; none beats the bound by counting.",
            f"{_PAPER}; Baum 1988; Bartlett, Harvey, Liaw, Mehrabian 2019, theorem 7",
        ),
        vc_bounds,
    ),
    CheckedClaim(
        Claim(
            "spectral-perturbation",
            "Perturbed matrices move the outputs by at most e B prod ||A_l|| sum ||U_l|| / ||A_l||.",
            "Neyshabur, Bhojanapalli, Srebro 2018, lemma 2",
        ),
        spectral_perturbation,
    ),
    CheckedClaim(
        Claim(
            "binary-kl",
            "The inverses of kl(q || p) are right to rounding, and E exp(n kl) is at most 2 sqrt(n).",
            "Maurer 2004; Dziugaite, Roy 2017",
        ),
        relative_entropy,
    ),
    CheckedClaim(
        Claim(
            "stability-convex",
            "SGD on a convex loss is (2 L^2 / n) sum eta_t stable, and a linear loss attains it, whatever the labels.",
            f"Hardt, Recht, Singer 2016, theorem 3.8; {_PAPER}",
        ),
        convex_stability,
    ),
)
