import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory.common.streams import generator, normals, stream_key, torch_seed, uniform_integers, uniforms, words


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def test_golden_values():
    """What defines experiments must never change: not with a version of a library, not with a refactoring."""
    assert stream_key(0, "label-noise") == 0xDA38989FCEDD028B55FB4BD5FC424454
    first = [[12225326829983313090, 2910656760101622973], [8467106568726446157, 6616932090479392877]]
    np.testing.assert_array_equal(words(0, "label-noise", [0, 1], 2), np.array(first, dtype=np.uint64))
    assert digest(words(7, "random-pixels/train", range(100), 64)) == "17d8e1f024fdf907"
    classes = uniform_integers(words(0, "label-noise", range(8), 2)[:, 1], 10)
    np.testing.assert_array_equal(classes, [1, 3, 8, 6, 6, 7, 7, 5])
    assert digest(normals(words(0, "gaussian/train", range(10), 64)).astype(np.float32)) == "529fa72d1346eee3"


@given(st.lists(st.integers(0, 10_000), max_size=20), st.integers(1, 9), st.integers(0, 2**40))
def test_words_depend_on_the_sample_alone(samples, count, seed):
    together = words(seed, "test", np.array(samples, dtype=np.int64), count)
    alone = [words(seed, "test", [sample], count)[0] for sample in samples]
    assert together.shape == (len(samples), count)
    for row, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(row, expected)


def test_streams_of_different_purposes_or_seeds_share_nothing():
    streams = [words(seed, purpose, range(500), 4).ravel() for seed in (0, 1) for purpose in ("a", "b")]
    assert len(np.unique(np.concatenate(streams))) == 4 * 2000  # a collision of 64-bit words has probability 2e-12


def test_uniform_integers_reach_every_value_evenly():
    counts = np.bincount(uniform_integers(words(0, "test", range(30_000), 1)[:, 0], 10), minlength=10)
    assert stats.chisquare(counts).pvalue > 1e-3  # fixed seed


@given(st.integers(1, 2**31))
def test_uniform_integers_stay_below_their_bound(bound):
    extremes = np.array([0, 2**64 - 1], dtype=np.uint64)
    np.testing.assert_array_equal(uniform_integers(extremes, bound), [0, bound - 1])


def test_uniforms_are_multiples_of_two_to_the_minus_53_below_one():
    values = uniforms(np.array([0, 2**11, 2**64 - 1], dtype=np.uint64))
    np.testing.assert_array_equal(values, [0.0, 2.0**-53, 1 - 2.0**-53])


def test_normals_are_standard_normal():
    sample = normals(words(0, "test", range(10_000), 2)).ravel()
    assert stats.kstest(sample, "norm").pvalue > 1e-3  # fixed seed
    assert abs(np.corrcoef(sample[::2], sample[1::2])[0, 1]) < 0.03  # 3 standard deviations


@pytest.mark.parametrize(("samples", "count"), [([-1], 1), ([[0]], 1), ([0], 0)])
def test_bad_arguments(samples, count):
    with pytest.raises(ValueError, match=r"samples must|count must"):
        words(0, "test", samples, count)


def test_negative_seed():
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, "test")


def test_torch_seed_fits_torch():
    assert 0 <= torch_seed(3, "initialisation") < 2**63
