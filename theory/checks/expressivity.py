"""Section 4 of the paper and what followed it: networks that interpolate any sample."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.streams import generator
from theory.expressivity import geometry, interleaved_matrix, lower_bounds
from theory.expressivity.certificate_checker import check_certificate
from theory.expressivity.certificates import certificate
from theory.expressivity.deep import deep_relu_interpolant
from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
from theory.expressivity.exact import exact_relu_interpolant
from theory.expressivity.exact_network import mislabelled
from theory.expressivity.intervals import enclose
from theory.expressivity.narrow import memorize_narrow, narrow_parameter_count
from theory.proofs.theorems import proof

_THEOREM_1 = "Zhang et al. 2017, theorem 1 (claim C18)"
_COROLLARY_1 = "Zhang et al. 2017, corollary 1 (claim C20)"
_DEPTHS = (2, 3, 5, 8, 17, 64)


def _images(seed: int, purpose: str, n: int, d: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Random images of values 0 .. 255 with random labels of ten classes."""
    random = generator(seed, purpose)
    return random.integers(0, 256, (n, d)), random.integers(0, 10, n)


def theorem_1(seed: int) -> Evidence:
    """A network of 2n + d weights on n Gaussian points with Gaussian labels, against its own proved bound."""
    n, d = 1000, 50
    random = generator(seed, "theorem-1")
    points, labels = random.standard_normal((n, d)), random.standard_normal(n)
    network = relu_interpolant(points, labels, seed=seed)
    errors = np.abs(network.sum_of_relus(points) - labels)
    bounds = network.error_bound(points, labels, "pairwise")
    stable = float(np.abs(network(points) - labels).max())
    return Evidence(
        verdict(bool((errors <= bounds).all()) and network.num_weights == 2 * n + d and bounds.max() < 0.1),
        f"{network.num_weights} weights, largest error {errors.max():.1e} (stable evaluation {stable:.1e})",
        f"2n + d = {2 * n + d} weights, error {bounds.max():.1e}",
        "a-posteriori rounding bound of the sum of ReLUs at each point (DepthTwoNetwork.error_bound), itself below 0.1",
    )


def theorem_1_exact(seed: int) -> Evidence:
    """The network over the rationals, its certificate checked independently with zero tolerance."""
    n, d = 2000, 64
    points, labels = _images(seed, "theorem-1-exact", n, d)
    checked = check_certificate(certificate(exact_relu_interpolant(points, labels, seed=seed)), points, labels)
    return Evidence(
        verdict(checked.holds and checked.points == n and checked.num_weights == 2 * n + d),
        f"{checked.num_weights} weights, {len(checked.wrong_rows)} of {checked.points} points wrong",
        f"2n + d = {2 * n + d} weights, 0 wrong",
        "exact rational arithmetic in a checker that shares no code with the construction",
    )


def theorem_1_interval(seed: int) -> Evidence:
    """The float network's exact outputs, enclosed by Arb, against the labels."""
    points, labels = _images(seed, "theorem-1-interval", 1000, 64)
    network = relu_interpolant(points, labels, seed=seed)
    evidence = enclose(network, points, labels)
    exact = [_exact_output(network, point) for point in points[:_EXACT_OUTPUTS].tolist()]
    enclosed = sum(
        Fraction(low) <= value <= Fraction(high)
        for low, value, high in zip(evidence.lower[:, 0], exact, evidence.upper[:, 0], strict=False)
    )
    bound = float(network.error_bound(points, labels, "pairwise").max())
    return Evidence(
        verdict(evidence.radius <= bound and evidence.radius < 1e-6 and enclosed == _EXACT_OUTPUTS),
        f"every output within {evidence.radius:.1e} of its label; {enclosed} of {_EXACT_OUTPUTS} exact outputs "
        "enclosed",
        f"{min(bound, 1e-6):.1e}; all",
        "enclosures in ball arithmetic; the smaller of the network's own bound, which allows for rounding in "
        "the evaluation too, and 1e-6, far below the 1/2 that makes the nearest class the label",
    )


_EXACT_OUTPUTS = 20


def _exact_output(network: DepthTwoNetwork, point: list[int]) -> Fraction:
    """The sum of ReLUs of a network with float weights, as the rational number that it is."""
    z = sum((Fraction(a) * x for a, x in zip(network.direction.tolist(), point, strict=True)), Fraction(0))
    hinges = zip(network.weights[:, 0].tolist(), network.biases.tolist(), strict=True)
    return sum((Fraction(w) * (z - Fraction(b)) for w, b in hinges if z > b), Fraction(0))


def corollary_1(seed: int) -> Evidence:
    """Networks of depths 2 to 64 over the rationals, with their counts."""
    n, d = 200, 20
    points, labels = _images(seed, "corollary-1", n, d)
    labels = labels - 5  # below zero as well: what is carried from layer to layer is shifted
    held, parts = True, []
    for depth in _DEPTHS:
        network = exact_relu_interpolant(points, labels, depth=depth, seed=seed)
        checked = check_certificate(certificate(network), points, labels)
        width = deep_relu_interpolant(points, labels, depth, seed=seed).width
        widest = -(-n // (depth - 1)) + (3 if depth > 2 else 0)
        most = 2 * n + d + (2 * depth - 2 if depth > 2 else 0)
        held &= checked.holds and width <= widest and checked.num_weights <= most
        parts.append(f"k = {depth}: width {width}, {checked.num_weights} weights")
    return Evidence(
        verdict(held),
        f"0 of {n} points wrong at every depth; " + "; ".join(parts) if held else "; ".join(parts),
        "0 wrong; width at most ceil(n/(k-1)) + 3, weights at most 2n + d + 2k - 2",
        "exact rational arithmetic in an independent checker; n is not divisible by most k - 1",
    )


def corollary_1_float(seed: int) -> Evidence:
    """Networks of depths 2 to 64 in float64, evaluated layer by layer."""
    n, d = 100, 20
    random = generator(seed, "corollary-1-float")
    points, labels = random.standard_normal((n, d)), random.standard_normal(n)
    worst, worst_bound, held = 0.0, 0.0, True
    for depth in _DEPTHS:
        network = deep_relu_interpolant(points, labels, depth, seed=seed)
        errors = np.abs(network.forward(points) - labels)
        bounds = network.error_bound(points, labels, "pairwise")
        held &= bool((errors <= bounds).all())
        worst, worst_bound = max(worst, float(errors.max())), max(worst_bound, float(bounds.max()))
    return Evidence(
        verdict(held and worst_bound < 0.01),
        f"largest error {worst:.1e} over depths {', '.join(map(str, _DEPTHS))}",
        f"{worst_bound:.1e}",
        "a-posteriori rounding bound at each point (DeepNetwork.error_bound), itself below 0.01",
    )


def narrow_memorization(seed: int) -> Evidence:
    """A deep network of width 12 with fewer parameters than points, exactly."""
    n, d = 1000, 64
    points, labels = _images(seed, "narrow", n, d)
    network = memorize_narrow(points, labels, seed=seed).network
    wrong = mislabelled(network, points, labels)
    bound = narrow_parameter_count(n, d, 10)
    return Evidence(
        verdict(len(wrong) == 0 and network.num_parameters <= bound and network.num_parameters < 2 * n + d),
        f"{len(wrong)} of {n} points wrong, {network.num_parameters} parameters, width {network.width}, depth "
        f"{network.depth}, weights of up to {network.bit_length} bits",
        f"0 wrong, at most {bound} parameters, fewer than 2n + d = {2 * n + d}",
        "exact rational arithmetic; the construction's own count, of order sqrt(n log n)",
    )


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "theorem-1",
            "A depth-2 ReLU network with 2n + d weights takes any n labels on any n distinct points in R^d.",
            _THEOREM_1,
            proof("theorem_1"),
        ),
        theorem_1,
    ),
    CheckedClaim(
        Claim(
            "theorem-1-exact",
            "Over the rationals it takes them without any error.",
            _THEOREM_1,
            proof("theorem_1_construction"),
        ),
        theorem_1_exact,
    ),
    CheckedClaim(
        Claim(
            "theorem-1-interval",
            "With float64 weights, its exact outputs stay close to the labels: an enclosure.",
            _THEOREM_1,
        ),
        theorem_1_interval,
    ),
    *interleaved_matrix.CLAIMS,
    CheckedClaim(
        Claim(
            "corollary-1",
            "For every depth k >= 2 a ReLU network of width O(n/k) with O(n + d) weights takes any n labels, exactly.",
            _COROLLARY_1,
            proof("corollary_1"),
        ),
        corollary_1,
    ),
    CheckedClaim(
        Claim("corollary-1-float", "In float64 they do so up to rounding, layer by layer.", _COROLLARY_1),
        corollary_1_float,
    ),
    *lower_bounds.CLAIMS,
    *geometry.CLAIMS,
    CheckedClaim(
        Claim(
            "narrow-memorization",
            "A deep network of width 12 takes n labels with of order sqrt(n log n) parameters, fewer than 2n + d.",
            "Vardi, Yehudai, Shamir 2022, theorem 3.1",
        ),
        narrow_memorization,
    ),
)
