r"""Memorisation by slabs: a depth-2 ReLU network for any two-class labels, d points to every three units.

A generic hyperplane through d of the points, <a, x> = b with ||a|| = 1, misses all others by some gap g > 0. With
t = <a, x> - b three units make a slab of half-width s = g/2,

    (max(t + s, 0) - 2 max(t, 0) + max(t - s, 0)) / s  =  max(1 - |t|/s, 0),

which is 1 at the d points and 0 at the others. One slab for every d points of the smaller class, and the sum is at
least 1 there and 0 elsewhere: n points in general position take 3 ceil(n_1 / d) units, n_1 <= n/2 the size of the
smaller class. So k units shatter 2 d floor(k/3) points. The grouping is Baum's (1988, for thresholds); the slab of
ReLUs is in Bubeck, Eldan, Lee, Mikulincer 2020.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_points, as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, require_representable, scaled
from theory.common.streams import generator


@dataclass(frozen=True, eq=False)
class SlabNetwork:
    """f(x) = sum_j v_j max(<a_j, x> - b_j, 0), positive class where sign (f(x) - 1/2) > 0.

    Attributes:
        directions: a, float64 (units, d).
        biases: b, float64 (units,).
        weights: v, float64 (units,).
        sign: 1 if the slabs hold the positive class, -1 if the negative one.
    """

    directions: Float64Array
    biases: Float64Array
    weights: Float64Array
    sign: int

    def __call__(self, points: Any) -> Float64Array:
        """The function sign (f(x) - 1/2) at the points (m, d), float64 (m,)."""
        hidden = np.maximum(as_points(points) @ self.directions.T - self.biases, 0.0)
        outputs: Float64Array = self.sign * (hidden @ self.weights - 0.5)
        return outputs


@plain_numbers
def memorize_by_slabs(points: Any, positive: Any, *, seed: int = 0) -> SlabNetwork:
    """A network that is positive at exactly the points marked.

    Arguments:
        points: (n, d), in general position: no d + 1 of them on a hyperplane.
        positive: bool, or 0 and 1, (n,).
        seed: the seed of the choice of a hyperplane through fewer than d points.

    Raises TypeError for `positive` of strings; ValueError if it has another shape or other values, such as -1, or a
    slab is too thin for float64: the points are not in general position, or nearly not.
    """
    points = as_points(points).astype(np.float64)
    marks = as_real(positive, "positive")
    n, dimension = points.shape
    if marks.shape != (n,):
        raise ValueError(f"positive must have shape ({n},) to go with {n} points, got {marks.shape}")
    if not np.isin(marks, (0, 1)).all():
        raise ValueError(f"positive must be bool, or 0 and 1, got {np.unique(marks)[:5].tolist()}")
    positive = marks.astype(bool)
    unit = exponent(points, moderate=0)
    points = scaled(points, -unit)
    sign = 1 if positive.sum() <= n / 2 else -1
    chosen = np.flatnonzero(positive if sign == 1 else ~positive)
    random = generator(seed, "slabs")
    directions, biases, weights = [np.empty((0, dimension))], [np.empty(0)], [np.empty(0)]
    for start in range(0, len(chosen), dimension):
        group = chosen[start : start + dimension]
        # (a, b) with <a, x> = b on the group: the null space of its rows (x, -1).
        *_, right = np.linalg.svd(np.column_stack([points[group], -np.ones(len(group))]))
        null = right[len(group) :]
        normal = random.standard_normal(len(null)) @ null
        normal /= np.linalg.norm(normal[:-1])
        distances = np.abs(points @ normal[:-1] - normal[-1])
        # Distances are off by rounding, a small multiple of eps (|<a, x>| + |b|).
        rounding = 8 * dimension * np.finfo(np.float64).eps * (np.abs(points).max() * dimension + abs(normal[-1]))
        half_width = np.delete(distances, group).min(initial=1.0) / 2
        if not half_width > 100 * max(rounding, distances[group].max()):
            raise ValueError(
                "the points are not in general position: a hyperplane through some of them nearly hits more"
            )
        directions.append(np.tile(normal[:-1], (3, 1)))
        biases.append(normal[-1] + half_width * np.array([-1.0, 0.0, 1.0]))
        weights.append(np.array([1.0, -2.0, 1.0]) / half_width)
    return SlabNetwork(
        np.concatenate(directions),
        scaled(np.concatenate(biases), unit),
        require_representable(scaled(np.concatenate(weights), -unit), "a weight of the slabs"),
        sign,
    )
