"""Figures of hyper-parameters: runs that differ in one alone share a curve, and what is drawn is what records say."""

import pytest

from empirical.claims.paper import NONE, TABLE_1
from empirical.randomization import RANDOM_LABELS
from empirical.runs.records import Run
from empirical.training.schedule import total_decay
from figures.hyper_parameters import (
    HYPER_PARAMETER_FIGURES,
    batch_size_sweeps,
    draw_batch_size,
    draw_weight_decay,
    weight_decay_sweeps,
)
from figures.networks import DataSetRuns, data_set_runs
from tests.figures.made_up_networks import STEPS, network_run

CHANCE = [0.1] * 5


def data_set(*runs: Run) -> DataSetRuns:
    (only,) = data_set_runs(runs)
    return only


def run(fit: int | None, test: str = "random-labels", **settings) -> Run:
    return network_run("mlp-1x512", test, fit, CHANCE, **settings)


def strengths() -> DataSetRuns:
    return data_set(
        run(3),
        *(run(3, weight_decay=1e-3, seed=seed) for seed in (0, 1)),
        run(None, weight_decay=1e-2, min_steps=STEPS, epochs_per_record=2),
        run(3, "true-labels", weight_decay=4e-3),
        run(3, weight_decay=4e-3, initialization="torch"),
        run(3, weight_decay=4e-3, n_train=500),
    )


def test_strengths_of_one_network_share_a_curve():
    (sweep,) = weight_decay_sweeps(strengths())
    assert {strength: len(runs) for strength, runs in sweep.runs.items()} == {0.0: 1, 1e-3: 2, 1e-2: 1}
    assert weight_decay_sweeps(data_set(run(3), run(3, weight_decay=1e-3))) == [], "one strength is no curve"


def test_accuracy_against_strength(drawings, curve, tmp_path):
    draw_weight_decay(strengths(), tmp_path / "figure")
    ((caption, drawing),) = drawings
    (axes,) = drawing.axes
    assert curve(axes, "mlp-1x512, n = 1,000") == [(1e-3, 1.0), (1e-2, pytest.approx(4 / 5))]
    (without,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert set(without.get_ydata()) == {1.0}
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    hollow = [line.get_markerfacecolor() == "white" for line in dots]
    assert hollow == [False, False, True]
    example = run(3, weight_decay=1e-3)
    total = total_decay(example.config.hyper_parameters, 4 * STEPS)
    assert [text.get_text() for text in axes.texts] == [f"{total:.2g}", f"{10 * total:.2g}"]
    for part in ("cifar10", "seeds 0, 1", "cpu", "made up", "below 99%"):
        assert part in caption


@pytest.mark.parametrize("n_train", [1000, 50_000])
def test_accuracy_against_batch_size(n_train, drawings, curve, tmp_path):
    runs = data_set(
        run(None, n_train=n_train),
        run(3, n_train=n_train, batch_size=100, decay_steps=500),
        run(3, n_train=n_train, batch_size=64, learning_rate_decay=0.98),
        run(3, n_train=n_train, batch_size=32, weight_decay=0.1),
    )
    draw_batch_size(runs, tmp_path / "figure")
    ((caption, drawing),) = drawings
    (axes,) = drawing.axes
    assert curve(axes, f"mlp-1x512, n = {n_train:,}") == [(100, 1.0), (128, pytest.approx(4 / 5))]
    papers = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert papers == [TABLE_1["mlp-1x512", RANDOM_LABELS, NONE].train / 100] * (n_train == 50_000)
    assert ("Dotted" in caption) is (n_train == 50_000)


def test_figures_wait_for_records(tmp_path):
    assert [figure.possible(data_set(run(3))) for figure in HYPER_PARAMETER_FIGURES.values()] == [False, False]
    assert batch_size_sweeps(data_set(run(3), run(3, batch_size=64, decay_steps=100))) == []


def test_both_are_written(tmp_path):
    runs = data_set(*strengths().runs, run(3, batch_size=64))
    for figure in HYPER_PARAMETER_FIGURES.values():
        assert figure.possible(runs)
        figure.draw(runs, tmp_path / figure.name)
        assert (tmp_path / f"{figure.name}.svg").stat().st_size > 1000
