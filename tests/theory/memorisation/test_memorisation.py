"""Scores against enumeration of all subsets, agreement against scipy, and errors that have the stated size."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from theory.common.streams import generator
from theory.memorisation import (
    Agreement,
    count_hits,
    memorisation_scores,
    nearest_neighbour_memorisation,
    rank_agreement,
)


def enumerated(points: np.ndarray, labels: np.ndarray, size: int) -> list[Fraction]:
    """mem(i) of the nearest neighbour over all subsets, by the definition, in exact arithmetic."""
    n = len(points)
    right = {True: [0] * n, False: [0] * n}
    count = {True: [0] * n, False: [0] * n}
    for subset in itertools.combinations(range(n), size):
        for i in range(n):
            distances = [(((points[i] - points[j]) ** 2).sum(), j != i, j) for j in subset]
            answer = labels[min(distances)[2]]
            count[i in subset][i] += 1
            right[i in subset][i] += int(answer == labels[i])
    return [Fraction(right[True][i], count[True][i]) - Fraction(right[False][i], count[False][i]) for i in range(n)]


@pytest.mark.parametrize(("n", "size"), [(2, 1), (7, 1), (7, 4), (8, 7), (9, 5)])
def test_nearest_neighbour_is_the_definition_over_all_subsets(n, size):
    random = generator(0, f"nearest-memorisation-{n}-{size}")
    points, labels = random.integers(0, 50, (n, 2)).astype(float), random.integers(0, 2, n)
    measured = nearest_neighbour_memorisation(points, labels, size)
    np.testing.assert_allclose(measured, [float(score) for score in enumerated(points, labels, size)], atol=1e-14)


def test_with_a_label_of_its_own_an_image_is_memorised_and_among_equals_it_is_not():
    points = np.arange(6.0)[:, None]
    assert nearest_neighbour_memorisation(points, [0, 0, 1, 0, 0, 0], 3)[2] == 1
    np.testing.assert_allclose(nearest_neighbour_memorisation(points, np.zeros(6), 3), 0, atol=1e-15)


def test_scores_are_differences_of_shares():
    subsets = [[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0]]
    right = [[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 1, 0]]
    scores = memorisation_scores(count_hits(subsets, right))
    np.testing.assert_allclose(scores.accuracy_inside, [1, 1, 1 / 2])
    np.testing.assert_allclose(scores.accuracy_outside, [0, 1 / 2, 0])
    np.testing.assert_allclose(scores.score, [1, 1 / 2, 1 / 2])
    half = count_hits(subsets[:2], right[:2]) + count_hits(subsets[2:], right[2:])
    np.testing.assert_array_equal(memorisation_scores(half).score, scores.score)


def test_the_standard_error_by_hand():
    """Right once of 1 and once of 3: with a hit and a miss more 2 of 3 and 2 of 5."""
    scores = memorisation_scores(count_hits([[1], [0], [0], [0]], [[1], [1], [0], [0]]))
    assert scores.score == pytest.approx([2 / 3])
    assert scores.standard_error == pytest.approx([float(Fraction(2 * 1, 3**3) + Fraction(2 * 3, 5**3)) ** 0.5])


def test_an_estimate_finds_the_nearest_neighbours_exact_scores_within_its_error():
    """Few of 40 scores are further off than 3 standard errors, and their mean square is about 1."""
    random = generator(0, "memorisation-estimate")
    n, size, networks = 40, 20, 2000
    points, labels = random.standard_normal((n, 2)), random.integers(0, 3, n)
    subsets = np.zeros((networks, n), dtype=bool)
    for subset in subsets:
        subset[random.permutation(n)[:size]] = True
    distances = ((points[:, None] - points) ** 2).sum(-1)
    nearest = [np.where(subset, distances, np.inf).argmin(1) for subset in subsets]
    scores = memorisation_scores(count_hits(subsets, labels[np.array(nearest)] == labels))
    z = (scores.score - nearest_neighbour_memorisation(points, labels, size)) / scores.standard_error
    assert 0.4 < (z**2).mean() < 1.6
    assert (abs(z) > 3).sum() <= 2


def test_the_mean_score_is_the_gap():
    random = generator(0, "memorisation-gap")
    subsets = np.array([random.permutation(30) < 21 for _ in range(300)])
    right = np.where(subsets, True, random.random((300, 30)) < 0.1)
    scores = memorisation_scores(count_hits(subsets, right))
    assert scores.score.mean() == pytest.approx(1 - scores.accuracy_outside.mean())
    assert scores.score.mean() == pytest.approx(0.9, abs=0.02), "random labels in ten classes"


def test_agreement_is_spearmans_with_ties_and_its_interval_holds_it():
    random = generator(1, "agreement-test")
    first = random.integers(0, 5, 300)
    second = first + random.integers(0, 5, 300)
    agreement = rank_agreement(first, second)
    assert agreement.correlation == pytest.approx(stats.spearmanr(first, second).statistic)
    assert agreement.low < agreement.correlation < agreement.high
    assert rank_agreement(first, -first).correlation == pytest.approx(-1)
    assert rank_agreement(np.ones(300), first) == Agreement(0, -1, 1), "what is the same for all ranks nothing"


def test_the_interval_covers_as_often_as_it_says():
    """Normal pairs of correlation 0.5, whose rho is (6/pi) asin(1/4): of 100 intervals of 90% some 90 cover it."""
    random = generator(0, "agreement-coverage")
    rho = 6 / np.pi * np.arcsin(0.25)
    covered = 0
    for seed in range(100):
        first = random.standard_normal(80)
        second = 0.5 * first + 0.75**0.5 * random.standard_normal(80)
        agreement = rank_agreement(first, second, failure_probability=0.1, draws=200, seed=seed)
        covered += agreement.low <= rho <= agreement.high
    assert 80 <= covered <= 97


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: count_hits([[1, 0]], [[1]]), "of one shape"),
        (lambda: memorisation_scores(count_hits([[1, 0], [1, 1]], [[1, 0], [1, 1]])), "train more networks"),
        (lambda: memorisation_scores(count_hits([[0, 1], [0, 0]], [[1, 0], [1, 1]])), "train more networks"),
        (lambda: nearest_neighbour_memorisation(np.eye(3), [0, 1], 1), "one entry for each of the 3"),
        (lambda: nearest_neighbour_memorisation(np.eye(3), [0, 1, 2], 3), "below the 3 points"),
        (lambda: rank_agreement([1, 2, 3], [1, 2]), "of one length"),
        (lambda: rank_agreement([1, 2, 3], [1, 2, 3], failure_probability=0.001), "between 2 / draws"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_an_estimate_that_is_no_number_has_no_rank():
    with pytest.raises(ValueError, match="NaN has no rank"):
        rank_agreement([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(ValueError, match="NaN has no rank"):
        rank_agreement([1, 2, 3], [np.nan, np.nan, np.nan])
    assert rank_agreement([1, 2, np.inf], [1, 2, 3]).correlation == 1
