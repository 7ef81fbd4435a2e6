"""Figure 1: what is drawn is what the records say."""

from dataclasses import replace

import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose
from scipy import stats

from empirical.claims.paper import RERUN_1A, TABLE_1
from empirical.randomization import RANDOM_LABELS, SHUFFLED_PIXELS, TRUE_LABELS
from figures.figure_1 import (
    DATA_SET_FIGURES,
    NETWORK_FIGURES,
    draw_error_after_convergence,
    draw_time_to_fit,
    draw_training_loss,
    errors,
    relative_times,
)
from figures.networks import DataSetRuns, Network, data_set_runs
from figures.style import TEST_COLORS
from tests.figures.made_up_networks import STEPS, network_run, rise

TESTS = ("true-labels", "random-labels", "shuffled-pixels")


def data_set(*runs) -> DataSetRuns:
    (only,) = data_set_runs(runs)
    return only


def network(*runs) -> Network:
    (only,) = data_set(*runs).networks
    return only


def dots(axes, size: float) -> list[tuple[float, float, bool]]:
    """(x, y, filled) of the dots of this size."""
    markers = [line for line in axes.lines if line.get_marker() == "o" and line.get_markersize() == size]
    return [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor() != "white") for line in markers]


def stars(axes) -> dict[tuple[float, float], object]:
    """Colours by place."""
    return {
        place: line.get_color()
        for line in axes.lines
        if line.get_marker() == "*"
        for place in zip(*line.get_data(), strict=True)
    }


def test_training_loss(drawings, curve, tmp_path):
    runs = [network_run("inception", test, 4 + at, rise(0.4, 4 + at)) for at, test in enumerate(TESTS)]
    runs.append(network_run("inception", "random-labels", None, rise(0.4, 9), seed=1))
    draw_training_loss(network(*runs), tmp_path / "figure")
    ((caption, drawing),) = drawings
    (axes,) = drawing.axes
    for run in runs[:3]:
        as_trained = [(record.step, record.online_loss) for record in run.epochs[1:]]
        assert curve(axes, run.config.randomization.name) == as_trained
    further = [line for line in axes.lines if len(line.get_xdata()) == 9]
    assert [line.get_color() for line in further] == [TEST_COLORS[RANDOM_LABELS]], "the second seed, thin"
    assert sorted(x for x, _, _ in dots(axes, 7)) == [STEPS * fit for fit in (4, 5, 6)]
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    for part in (
        "cifar10",
        "n = 1,000",
        "seeds 0, 1",
        "cpu",
        "SGD from 0.1",
        "cifar10, made up",
        "as they were trained",
    ):
        assert part in caption
    assert "re-run" not in caption


def test_older_records_show_the_fixed_network(drawings, curve, tmp_path):
    runs = [network_run("inception", test, 4, rise(0.4, 4)) for test in TESTS]
    epochs = tuple(replace(record, online_loss=None) for record in runs[1].epochs)
    draw_training_loss(network(runs[0], replace(runs[1], epochs=epochs), runs[2]), tmp_path / "figure")
    ((caption, drawing),) = drawings
    for run in runs:
        fixed = [(record.step, record.train_loss) for record in run.epochs]
        assert curve(drawing.axes[0], run.config.randomization.name) == fixed
    assert "by the fixed network after each epoch" in caption


def test_a_run_that_goes_on_has_its_dot_at_the_first_fit(drawings, tmp_path):
    runs = [network_run("inception", test, 4, rise(0.4, 40), min_steps=40 * STEPS) for test in TESTS]
    draw_training_loss(network(*runs), tmp_path / "figure")
    (axes,) = drawings[0][1].axes
    assert {x for x, _, _ in dots(axes, 7)} == {4 * STEPS}
    assert axes.get_xlim() == (0, 1.05 * 4 * STEPS)


def test_the_public_re_run_stands_beside_all_of_cifar10_only(drawings, tmp_path):
    for data, model, n_train, marked in (
        ("cifar10", "inception", 50_000, True),
        ("cifar10", "inception", 1000, False),
        ("cifar10", "alexnet", 50_000, False),
        ("mnist", "inception", 50_000, False),
    ):
        runs = [network_run(model, test, 4, rise(0.4, 4), data=data, n_train=n_train) for test in TESTS]
        draw_training_loss(network(*runs), tmp_path / "figure")
        caption, drawing = drawings.pop()
        (axes,) = drawing.axes
        marks = {
            (line.get_color(), line.get_xdata()[0], line.get_ydata()[0])
            for line in axes.lines
            if line.get_marker() in ("x", "+")
        }
        tests = (TRUE_LABELS, RANDOM_LABELS, SHUFFLED_PIXELS)
        expected = {(TEST_COLORS[test], x, below) for test in tests for below, x in RERUN_1A[test].items()}
        assert marks == (expected if marked else set())
        assert ("re-run" in caption) is marked


def test_time_to_fit(drawings, curve, tmp_path):
    runs = []
    for seed, fits in ((0, (4, 6, 12)), (1, (5, 10, None))):
        for test, fit in zip(("true-labels", "corrupted-0.5", "random-labels"), fits, strict=True):
            runs.append(network_run("inception", test, fit, rise(0.3, fit or 20), seed=seed))
    draw_time_to_fit(data_set(*runs), tmp_path / "figure")
    ((caption, drawing),) = drawings
    (axes,) = drawing.axes
    assert axes.get_title() == "n = 1,000"
    assert_allclose(curve(axes, "inception"), [(0, 1), (0.5, 1.75), (1, 3.5)])
    assert [(x, y) for x, y, filled in dots(axes, 5) if not filled] == [(1, 3.5)], "not all seeds have converged"
    assert dots(axes, 2.5)[2:] == [(0.5, 1.5, True), (0.5, 2, True), (1, 3, True), (1, 4, False)]
    bars = {x: (low, high) for lines in axes.collections for (x, low), (_, high) in lines.get_segments()}
    assert bars[0.5] == pytest.approx((5 / 4, 10 / 4)), "labels are fitted between two looks, an epoch apart"
    assert axes.get_ylim()[1] > 20 / 4, "the longest bar is whole"
    assert "same seed's at p = 0" in caption
    assert "every training label reproduced" in caption


def test_a_run_that_has_not_converged_has_the_time_of_its_stop(drawings, tmp_path):
    runs = [network_run("inception", "true-labels", 4, rise(0.3, 4))]
    runs += [network_run("inception", test, None, rise(0.3, 9)) for test in ("corrupted-0.5", "random-labels")]
    draw_time_to_fit(data_set(*runs), tmp_path / "figure")
    (axes,) = drawings[0][1].axes
    bars = {x: (low, high) for lines in axes.collections for (x, low), (_, high) in lines.get_segments()}
    assert bars[1] == pytest.approx((9 / 4, 9 / 3)), "true labels are fitted between the third and the fourth look"


def test_what_the_first_look_finds_fitted_does_not_stretch_the_axis(drawings, tmp_path):
    fits = {"true-labels": 1, "corrupted-0.5": 2, "random-labels": 3}
    runs = [network_run("inception", test, fit, rise(0.3, fit)) for test, fit in fits.items()]
    draw_time_to_fit(data_set(*runs), tmp_path / "figure")
    assert drawings[0][1].axes[0].get_ylim() == (0, 1.06 * 6), "twice the largest ratio, where steps are 1 at the least"


def test_seeds_without_a_fit_on_true_labels_have_no_relative_time():
    runs = [
        network_run("alexnet", "true-labels", None, rise(0.4, 9)),
        network_run("alexnet", "random-labels", 9, rise(0.1, 9)),
        network_run("alexnet", "random-labels", 9, rise(0.1, 9), seed=1),
    ]
    assert relative_times(network(*runs)) == {}
    assert not DATA_SET_FIGURES["Figure 1b: time to fit"].possible(data_set(*runs))


def test_networks_without_a_relative_time_are_named(drawings, tmp_path):
    runs = [network_run("inception", test, 4, rise(0.4, 4)) for test in ("true-labels", "random-labels")]
    runs += [
        network_run("alexnet", "true-labels", None, rise(0.4, 9)),
        network_run("alexnet", "random-labels", 9, rise(0.1, 9)),
    ]
    draw_time_to_fit(data_set(*runs), tmp_path / "figure")
    assert "Left out, having no seed that fits true labels: alexnet, n = 1,000." in drawings[0][0]


def test_error_after_convergence_is_that_at_the_first_fit():
    runs = [
        network_run("inception", "true-labels", 2, [0.1, 0.2, 0.5, 0.3], min_steps=3 * STEPS),
        network_run("inception", "random-labels", None, [0.1, 0.2, 0.12]),
    ]
    assert errors(network(*runs)) == {0.0: [(0.5, True)], 1.0: [(0.88, False)]}


def test_error_after_convergence(drawings, curve, tmp_path):
    runs = [
        network_run(model, test, 5, rise(end, 5), n_train=n_train)
        for model, n_train, ends in (("inception", 1000, (0.5, 0.12)), ("alexnet", 2000, (0.4, 0.1)))
        for test, end in zip(("true-labels", "random-labels"), ends, strict=True)
    ]
    runs.append(network_run("inception", "true-labels", 5, rise(0.9, 5), weight_decay=0.1))
    runs.append(network_run("inception", "true-labels", 5, rise(0.3, 5), seed=1))
    draw_error_after_convergence(data_set(*runs), tmp_path / "figure")
    ((caption, drawing),) = drawings
    panels = dict(zip(("inception", "alexnet"), drawing.axes, strict=True))
    assert [axes.get_title() for axes in panels.values()] == ["n = 1,000", "n = 2,000"]
    assert_allclose(curve(panels["inception"], "inception"), [(0, 0.6), (1, 0.88)])
    assert_allclose(curve(panels["alexnet"], "alexnet"), [(0, 0.6), (1, 0.9)])
    assert [(x, round(y, 6)) for x, y, _ in dots(panels["inception"], 2.5)] == [(0, 0.5), (0, 0.7)]
    for model, axes in panels.items():
        assert next(y for _, y in curve(axes, "chance, 90%")) == 0.9
        colors = {line.get_label(): line.get_color() for line in axes.lines}
        assert stars(axes) == {
            (at, 1 - TABLE_1[model, test, ("none", False)].test / 100): colors[model]
            for at, test in ((0, TRUE_LABELS), (1, RANDOM_LABELS))
        }
        labels = [text.get_text() for text in axes.texts]
        assert {model, "chance, 90%"} <= set(labels), "each curve has its label beside its end"
    assert "Stars: the paper's Table 1, true and random labels, 50,000 images" in caption
    (intervals,) = [bars for bars in panels["alexnet"].collections if len(bars.get_paths()) == 2]
    low, high = stats.binomtest(600, 1000).proportion_ci(0.99, "exact")
    assert_allclose(intervals.get_paths()[0].vertices[:, 1], [low, high])


def test_no_paper_beside_other_data(drawings, tmp_path):
    runs = [network_run("alexnet", test, 5, rise(0.4, 5), data="mnist") for test in ("true-labels", "random-labels")]
    draw_error_after_convergence(data_set(*runs), tmp_path / "figure")
    ((caption, drawing),) = drawings
    assert stars(drawing.axes[0]) == {}
    assert "paper" not in caption


def test_a_network_of_several_sizes_keeps_its_colour(drawings, tmp_path):
    runs = [
        network_run("alexnet", test, 5, rise(0.4, 5), n_train=n_train)
        for n_train in (1000, 2000)
        for test in ("true-labels", "random-labels")
    ]
    draw_error_after_convergence(data_set(*runs), tmp_path / "figure")
    lines = [line for axes in drawings[0][1].axes for line in axes.lines if line.get_label() == "alexnet"]
    assert len(lines) == 2, "a panel for each size"
    assert len({(to_rgb(line.get_color()), line.get_marker()) for line in lines}) == 1
    assert {line.get_linestyle() for line in lines} == {"None"}, "no line through two points"


def test_figures_are_left_out_where_their_runs_are_missing():
    (figure_1a,) = NETWORK_FIGURES.values()
    two = [network_run("alexnet", test, 5, rise(0.4, 5)) for test in ("true-labels", "gaussian")]
    assert not figure_1a.possible(network(*two))
    assert figure_1a.possible(network(*two, network_run("alexnet", "random-pixels", 5, rise(0.1, 5))))
    assert not any(figure.possible(data_set(*two)) for figure in DATA_SET_FIGURES.values())
    regularised = [network_run("alexnet", test, 5, rise(0.4, 5), weight_decay=0.1) for test in TESTS]
    assert not figure_1a.possible(network(*regularised))
    assert not any(figure.possible(data_set(*regularised)) for figure in DATA_SET_FIGURES.values())
    plain_runs = [network_run("alexnet", test, 5, rise(0.4, 5)) for test in (*TESTS, "corrupted-0.5")]
    assert not any(figure.possible(data_set(*plain_runs[:-1])) for figure in DATA_SET_FIGURES.values())
    assert all(figure.possible(data_set(*plain_runs)) for figure in DATA_SET_FIGURES.values())
