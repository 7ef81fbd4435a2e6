"""Numbers of one input that are powers of two apart, each with an exponent of its own, against exact fractions.

`test_every_scale` multiplies all numbers of an input by one power: a unit that is taken of all of them then cancels.
"""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theory.complexity.homogeneous_network import HomogeneousNetwork
from theory.complexity.norm_measures import path_norm
from theory.implicit_bias.ridgeless import effective_ranks
from theory.label_noise import nearest_neighbours
from theory.memorisation.nearest_neighbour import nearest_neighbour_memorisation

_ROUNDING = Fraction(1, 10**9)
exponents = st.integers(-500, 500)
few = settings(max_examples=30, deadline=None)


def exact(array: np.ndarray) -> np.ndarray:
    return np.vectorize(Fraction, otypes=[object])(array)


@few
@given(powers=st.lists(exponents, min_size=6, max_size=6), seed=st.integers(0, 100))
@example(powers=[300, 0, -300, -301, 0, 1], seed=0)
def test_the_order_of_distances(powers, seed):
    random = np.random.default_rng(seed)
    points = np.ldexp(random.integers(-3, 4, (6, 2)), np.array(powers)[:, None])
    labels = random.integers(0, 2, 6)
    fractions = exact(points)
    squares = ((fractions[:, None] - fractions[None]) ** 2).sum(axis=2)
    size = 3
    chances = [Fraction(math.comb(4 - place, size - 1), math.comb(5, size)) for place in range(5)]
    found = nearest_neighbour_memorisation(points, labels, size)
    for i in range(6):
        others = sorted((j for j in range(6) if j != i), key=lambda j: (squares[i, j], j))
        if any(a != b and b < a * (1 + _ROUNDING) for a, b in pairwise(squares[i, others])):
            continue  # distances are float64: seen from far away two points are at one
        expected = 1 - sum(chance for j, chance in zip(others, chances, strict=True) if labels[j] == labels[i])
        assert math.isclose(found[i], expected, abs_tol=1e-12)
        if i == 5:
            assert list(nearest_neighbours(points[:5], points[5:])) == others[:1]


@few
@given(powers=st.lists(exponents, min_size=1, max_size=8), n=st.integers(1, 6))
@example(powers=[500, -100, -100], n=2)
@example(powers=[0, -545, -545], n=2)
def test_effective_ranks(powers, n):
    eigenvalues = np.ldexp(1.0, sorted(powers, reverse=True))
    fractions = exact(eigenvalues)
    tails = [fractions[k:] for k in range(len(fractions))]
    small = [tail.sum() / tail[0] for tail in tails]
    large = [tail.sum() ** 2 / (tail**2).sum() for tail in tails]
    found = effective_ranks(eigenvalues, n)
    index = next((k for k, rank in enumerate(small) if rank >= n), None)
    assert found.index == index
    if index is not None:
        assert math.isclose(found.small, small[index], rel_tol=1e-14)
        assert math.isclose(found.large, large[index], rel_tol=1e-14)
        assert math.isclose(found.noise_cost, min(index / n + n / large[index], 1), rel_tol=1e-14)


@few
@given(powers=st.lists(exponents, min_size=4, max_size=4), spread=st.integers(0, 200))
@example(powers=[500, 500, 500, -500], spread=0)
@example(powers=[-500, -500, -500, 500], spread=0)
def test_the_path_norm(powers, spread):
    random = np.random.default_rng(0)
    matrices = [
        np.ldexp(random.integers(-2, 3, (2, 2)), power + random.integers(-spread, spread + 1, (2, 2)))
        for power in powers
    ]
    sizes = exact(np.ones(2))
    for matrix in matrices:
        sizes = (exact(matrix) ** 2) @ sizes
    squared, found = sizes.sum(), path_norm(HomogeneousNetwork(tuple(matrices)))
    if squared > Fraction(2) ** 2047:
        assert found > 1e300
    elif squared > Fraction(2) ** -2000:
        assert abs(Fraction(found) ** 2 / squared - 1) < Fraction(1, 10**12)
    else:
        assert found < 1e-300
