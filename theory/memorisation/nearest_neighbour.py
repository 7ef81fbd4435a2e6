r"""The memorisation score of one-nearest-neighbour, exactly: no subset is drawn.

On an image of its own training set the rule answers with that image's label, so it is right. On image i outside a
uniform subset T of s of the n images it answers with the label of the nearest of T. Let the others stand in the order
of their distance from i, numbered 0 .. n - 2. The nearest in T is number j if j is in T and those before are not:

    P_j  =  C(n - 2 - j, s - 1) / C(n - 1, s),      P_0 = s / (n - 1),   P_{j+1} / P_j = (n - 1 - j - s) / (n - 2 - j),

T without i being uniform among the other n - 1 images. So

    mem(i)  =  1  -  sum over j of the label of i of  P_j.

Images at the same distance from i keep the order of the sample.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import Float64Array, as_float64, as_points, require_unmasked
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled

_SQUARES_ARE_NORMAL = 2.0**-900  # the terms of such a sum are exact to rounding, but for some that do not change it
_LEAST_POWER = -(2**20)  # for the distance 0


@plain_numbers
def nearest_neighbour_memorisation(points: Any, labels: Any, size: int) -> npt.NDArray[np.float64]:
    """mem(i) of one-nearest-neighbour on uniform subsets, float64 (n,), between 0 and 1.

    Arguments:
        points: (n, d), float64 distances are taken between them, Euclidean.
        labels: (n,).
        size: s, the images of a subset, 1 <= s < n.

    Raises ValueError for lengths that differ or a size out of range.
    """
    require_unmasked(labels, "labels")
    places, marks = as_float64(as_points(points, "points"), "points"), np.asarray(labels)
    places = scaled(places, -exponent(places))
    n = len(places)
    if marks.shape != (n,):
        raise ValueError(f"labels must have one entry for each of the {n} points, their shape is {marks.shape}")
    if not 1 <= size < n:
        raise ValueError(f"size must be at least 1 and below the {n} points, got {size}")
    ranks = np.arange(n - 2)
    steps = np.maximum(n - 1 - ranks - size, 0) / (n - 2 - ranks)
    chances = size / (n - 1) * np.concatenate([[1.0], np.cumprod(steps)])
    scores = np.empty(n)
    for i in range(n):
        others = np.delete(np.arange(n), i)
        order = others[_nearest_first(places[others], places[i])]
        scores[i] = 1 - chances[marks[order] == marks[i]].sum()
    return np.clip(scores, 0.0, 1.0)


def _nearest_first(points: Float64Array, point: Float64Array) -> npt.NDArray[np.int64]:
    """The order of the points by their distance; those at the same distance keep theirs."""
    differences = points - point
    squares = np.einsum("ij,ij->i", differences, differences)
    if squares.min(initial=1.0) > _SQUARES_ARE_NORMAL:
        return np.argsort(squares, kind="stable")
    # Squares that underflow tie: each is taken in a unit of its own, and compared by its power of two first.
    _, powers = np.frexp(np.abs(differences).max(axis=1))
    mantissas, carries = np.frexp((np.ldexp(differences, -powers[:, None]) ** 2).sum(axis=1))
    powers = np.where(mantissas == 0, _LEAST_POWER, 2 * powers + carries)
    return np.lexsort((mantissas, powers))
