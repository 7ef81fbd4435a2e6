"""The mechanism of all figures of results."""

from figures.result_figure import ResultFigure, distinct, draw_figures


def test_what_is_possible_is_drawn(tmp_path):
    calls = []
    figures = {
        "Always": ResultFigure("always", lambda results, path: calls.append((results, path))),
        "Many": ResultFigure("many", lambda results, path: calls.append((results, path)), lambda results: results > 1),
    }
    assert draw_figures(figures, 1, "set", tmp_path) == {"Always": tmp_path / "always_set.svg"}
    assert calls == [(1, tmp_path / "always_set")]
    assert list(draw_figures(figures, 2, "n-0.5", tmp_path).values()) == [
        tmp_path / "always_n-0.5.svg",
        tmp_path / "many_n-0.5.svg",
    ]


def test_distinct():
    assert distinct(["a", "b", "a"], ["1", "2", "3"]) == ["a-1", "b", "a-3"]
