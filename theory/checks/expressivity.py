"""Section 4 of the paper: networks that interpolate any sample."""

import numpy as np

from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.expressivity.depth_two import relu_interpolant
from theory.streams import generator

_THEOREM_1 = "Zhang et al. 2017, theorem 1 (claim C18)"


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


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "theorem-1",
            "A depth-2 ReLU network with 2n + d weights takes any n labels on any n distinct points in R^d.",
            _THEOREM_1,
        ),
        theorem_1,
    ),
)
