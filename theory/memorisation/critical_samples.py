r"""Critical samples (Arpit et al. 2017, section 4): points with another predicted class within a small box around them.

A classifier with logits z(x) predicts c(x) = argmax_j z_j(x). A point x is *critical* at radius r if

    there is an x' with ||x' - x||_inf <= r and c(x') != c(x).

The critical sample ratio of a set of points is the share of them that are critical: how often the boundary between
classes passes nearby, a measure of how complex the function is that has been learnt.

*Search.* Whether a point is critical is hard to decide for a network, so that Arpit et al. search: from x' = x on,

    x'  <-  the point of the box nearest to  x' + r (a sign(g) + b eta),      eta standard normal,

with g the gradient at x' of what is to grow, until c(x') != c(x) or for a number of steps. Every point that is found
has a witness x', up to the rounding of z: the ratio of found points is a lower bound of the critical sample ratio. Here
g is the gradient of max_{j != c} z_j - z_c, c = c(x), which unlike that of a cross-entropy does not vanish where the
network is sure. By default a = 0.25 / 0.3 and b = 0.2 / 0.3: in the authors' code steps are 0.25 and 0.2 and the
radius is 0.3, in one unit.

*Linear classifiers* need no search. For z(x) = W x + b the gap z_c - z_j falls by at most r ||w_c - w_j||_1 within the
box, Hoelder's inequality, and by as much at a corner. So the least radius at which x is critical is

    min_{j != c}  (z_c(x) - z_j(x)) / ||w_c - w_j||_1,

where classes of equal weights do not count: their order is the same everywhere.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import torch_seed

_STEP, _NOISE = 0.25 / 0.3, 0.2 / 0.3


@plain_numbers
def find_critical_samples(
    logits: Callable[[torch.Tensor], torch.Tensor],
    points: torch.Tensor,
    radius: float,
    *,
    steps: int = 100,
    step: float = _STEP,
    noise: float = _NOISE,
    seed: int = 0,
) -> torch.Tensor:
    """Search each point's box for another predicted class; bool (n,), true where the search has found one.

    A point's answer depends on its place among the points, not on the other points.

    Arguments:
        logits: gives points (m, ...) the values (m, k), k >= 2, row by row, differentiable in the points.
        points: (n, ...), floating point.
        radius: r, in the unit of the points, at least 0.
        steps: the limit of steps.
        step, noise: a and b, in radii.
        seed: the seed of the noise.

    Raises ValueError for a negative or infinite radius, no steps, or fewer than two classes.
    """
    if not 0 <= radius < float("inf"):
        raise ValueError(f"radius must be at least 0 and finite, got {radius}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    with torch.no_grad():
        values = logits(points)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"logits must give at least two classes, (n, k), got shape {tuple(values.shape)}")
    predicted = values.argmax(1)
    mask = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    moved = points.clone()
    random = torch.Generator().manual_seed(torch_seed(seed, "critical-samples"))
    for _ in range(steps):
        # Drawn for all points, so that a point's noise does not depend on which others were found before.
        drawn = torch.randn(points.shape, generator=random, dtype=points.dtype).to(points.device)
        rest = (~mask).nonzero()[:, 0]
        if not len(rest):
            break
        centre = points[rest]
        gradient = _gradient(logits, moved[rest], predicted[rest])
        change = moved[rest] - centre + radius * (step * gradient.sign() + noise * drawn[rest])
        moved[rest] = centre + change.clamp(-radius, radius)
        with torch.no_grad():
            mask[rest] = logits(moved[rest]).argmax(1) != predicted[rest]
    return mask


def _gradient(
    logits: Callable[[torch.Tensor], torch.Tensor], points: torch.Tensor, predicted: torch.Tensor
) -> torch.Tensor:
    """The gradient of the largest other logit less the predicted one, of the points' shape."""
    with torch.enable_grad():
        at = points.detach().requires_grad_()
        values = logits(at)
        own = values.gather(1, predicted[:, None])[:, 0]
        others = values.scatter(1, predicted[:, None], float("-inf"))
        (gradient,) = torch.autograd.grad((others.amax(1) - own).sum(), at)
    return gradient


def linear_critical_radius(weights: torch.Tensor, biases: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The least radius at which each point is critical for the classifier W x + b, (n,); infinite where there is none.

    Arguments:
        weights, biases: W (k, d) and b (k,), k >= 2; tensors, or what becomes one in float64.
        points: (n, d).

    Raises ValueError for other shapes.
    """
    weights, biases, points = _floating(weights, "weights"), _floating(biases, "biases"), _floating(points, "points")
    if weights.ndim != 2 or len(weights) < 2 or biases.shape != weights.shape[:1]:
        raise ValueError(
            f"weights must be (k, d), k >= 2, and biases (k,), got {tuple(weights.shape)} and {tuple(biases.shape)}"
        )
    if points.ndim != 2 or points.shape[1] != weights.shape[1]:
        raise ValueError(f"points must be (n, {weights.shape[1]}), got {tuple(points.shape)}")
    values = points @ weights.T + biases
    predicted = values.argmax(1)
    gaps = values.gather(1, predicted[:, None]) - values
    lengths = torch.cdist(weights[None], weights[None], p=1)[0][predicted]
    radii = torch.where(lengths > 0, gaps / lengths, torch.inf)
    return radii.amin(1)


def _floating(values: Any, name: str) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        return values if values.is_floating_point() else values.double()
    return torch.from_numpy(np.array(as_real(values, name), dtype=np.float64))
