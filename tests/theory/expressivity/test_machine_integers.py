"""Projections by machine integers give the numbers of Python's integers, up to the very bound that is proved."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory.expressivity import certificate, check_certificate, exact_relu_interpolant, int64_projections
from theory.expressivity.certificate_checker import integer_projections

DTYPES = (np.uint8, np.int8, np.int16, np.uint32, np.int32, np.int64, np.uint64)
numerators = st.integers(-(2**200), 2**200) | st.integers(-(2**64), 2**64)
denominators = st.integers(1, 2**70) | st.just(1)


@st.composite
def problems(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(st.integers(0, 5), st.integers(1, 6)))
    ends = st.sampled_from([np.iinfo(dtype).min, np.iinfo(dtype).max])
    points = draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype) | ends))
    above, below = (
        draw(st.lists(numbers, min_size=shape[1], max_size=shape[1])) for numbers in (numerators, denominators)
    )
    return [Fraction(*ratio) for ratio in zip(above, below, strict=True)], points


def worst(d: int, largest: int, dtype: type, bits: int) -> tuple[list[Fraction], np.ndarray]:
    """All digits and all coordinates as large as they can be: the sums come as close to 2^63 as the bound lets them."""
    return [Fraction(2 ** (3 * bits) - 1)] * d, np.array([[largest] * d, [-largest] * d], dtype)


@given(problems())
@example(worst(1, 2**31 - 1, np.int64, 32))
@example(worst(3, 2**60, np.int64, 1))
@example(worst(4, 2**59, np.int64, 1))
@example(worst(4, 2**60, np.int64, 1))  # the bound gives way to Python's integers here
@example(([Fraction(1), Fraction(-1)], np.full((1, 2), np.iinfo(np.int64).min)))
@example(([Fraction(0)] * 2, np.ones((2, 2), np.uint8)))
def test_they_are_those_of_python_integers(problem):
    direction, points = problem
    assert list(int64_projections(direction, points)) == list(integer_projections(direction, points))


@pytest.mark.parametrize("points", [[[1, 2], [3, 4]], np.array([[0.5, 2.0]]), np.array([[2**80, 1]], dtype=object)])
def test_what_is_no_array_of_machine_integers_is_left_to_python(points):
    direction = [Fraction(2, 3), Fraction(-(10**30))]
    assert list(int64_projections(direction, points)) == list(integer_projections(direction, points))


def test_images_are_flattened_and_blocks_join(monkeypatch):
    monkeypatch.setattr("theory.expressivity.machine_integers._ENTRIES_AT_ONCE", 100)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 4, 5), dtype=np.uint8)
    direction = [Fraction(int(value), 7) for value in random.integers(-(2**62), 2**62, 20)]
    assert list(int64_projections(direction, images)) == list(integer_projections(direction, images))


@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize("change", [None, "direction", "weight", "label", "point", "dimension"])
def test_both_checks_find_the_same(depth, change):
    """The whole outcome is equal, for true certificates and for tampered ones."""
    random = np.random.default_rng(0)
    points, labels = random.integers(0, 256, (40, 6), dtype=np.uint8), random.integers(0, 10, 40)
    document = certificate(exact_relu_interpolant(points, labels, depth=depth))
    if change == "direction":
        document["direction"][3] = str(int(document["direction"][3]) + 2**50)
    elif change == "weight":
        document["layers"][0]["weights"][0][5] += "1"
    elif change == "label":
        labels[[3, 30]] += 1
    elif change == "point":
        points[7, 2] ^= 128
    elif change == "dimension":
        points = points[:, :5]
    slow = check_certificate(document, points, labels)
    assert check_certificate(document, points, labels, projections=int64_projections) == slow
    assert slow.holds == (change is None)
