"""Steps against distance, drawn from made-up runs."""

from empirical.claims.distance import distance_results
from figures.distance import DISTANCE_FIGURES
from tests.empirical.claims.test_distance import runs


def test_the_figure_is_drawn_the_same_each_time(tmp_path):
    (results,) = distance_results(runs())
    for figure in DISTANCE_FIGURES.values():
        assert figure.possible(results)
        for time in ("once", "twice"):
            figure.draw(results, tmp_path / time)
    assert (tmp_path / "once.svg").read_bytes() == (tmp_path / "twice.svg").read_bytes()
    svg = (tmp_path / "once.svg").read_text()
    for text in ("500 training images on random labels", "seeds 0, 1, 2", "steps until every label is fitted", "0.4"):
        assert text in svg


def test_nothing_is_drawn_of_one_distance_or_without_classes():
    for records in (runs((50,)), runs(mean_distance_within_classes=None)):
        (results,) = distance_results(records)
        assert not any(figure.possible(results) for figure in DISTANCE_FIGURES.values())
