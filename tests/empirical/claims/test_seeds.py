"""Seeds in words."""

import pytest

from empirical.claims.seeds import numbers_range, seeds_in_words


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ([3], "seed 3"),
        ([2, 0, 1, 1], "seeds 0, 1, 2"),
        (range(5), "seeds 0 to 4"),
        ([*range(5000), 7000], "seeds 0 to 4,999, 7000"),
        ([0, 2, 4, 10, 11, 12, 13, 14], "seeds 0, 2, 4, 10 to 14"),
        (range(1000, 1005), "seeds 1,000 to 1,004"),
        (range(0, 2000, 2), "seeds 0, 2, 4, ..., 1998 (1,000 of them)"),
    ],
)
def test_words(seeds, words):
    assert seeds_in_words(seeds) == words


@pytest.mark.parametrize(
    ("numbers", "words"), [({5}, "5"), ({20_000, 500, 1000}, "500 to 20,000"), ([0.01, 0.0025], "0.0025 to 0.01")]
)
def test_a_range(numbers, words):
    assert numbers_range(numbers) == words
