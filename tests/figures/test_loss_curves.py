"""Loss curves of the six tests: their scale, and when they were recorded."""

from dataclasses import replace

import pytest

from empirical.claims.fitting import first_fit
from empirical.claims.result_sets import result_sets
from figures.loss_curves import draw_loss_curves
from tests.figures.made_up_networks import STEPS, network_run, rise


def drawn_of(run, tmp_path, drawings):
    (results,) = result_sets([run])
    draw_loss_curves(results, tmp_path / "loss")
    (captioned_drawing,) = drawings
    return captioned_drawing


@pytest.mark.parametrize(
    ("before", "label", "words"),
    [
        (2.3, "training loss (nats)", "by the fixed network"),
        (1e8, "wrong training labels, share", "as they are trained on"),
    ],
)
def test_the_lagging_averages_of_batch_norm_are_never_drawn(before, label, words, tmp_path, drawings):
    """Batch norm that has seen no batch yet can give an untrained network a loss of 10^8: where the loss as trained
    was not recorded, the error as trained was.
    """
    run = network_run("inception", "random-labels", 3, rise(0.1, 4))
    older = [replace(record, online_loss=None) for record in run.epochs[1:]]
    run = replace(run, epochs=(replace(run.epochs[0], train_loss=before), *older))
    caption, drawing = drawn_of(run, tmp_path, drawings)
    (axes,) = drawing.axes
    assert axes.get_ylabel() == label
    assert words in caption
    assert max(axes.lines[0].get_ydata()) < 3
    if before > 10:
        expected = [1 - record.online_accuracy for record in run.epochs if record.online_accuracy is not None]
        assert list(axes.lines[0].get_ydata()) == expected


@pytest.mark.parametrize(("apart", "words"), [(1, "after each epoch"), (2, "after every 2 epochs")])
def test_the_caption_says_when_losses_were_recorded(apart, words, tmp_path, drawings):
    run = network_run("alexnet", "random-labels", 3, rise(0.1, 4), epochs_per_record=apart)
    caption, _ = drawn_of(run, tmp_path, drawings)
    assert words in caption


def test_a_run_that_needs_no_training_has_no_curve(tmp_path, drawings):
    _, drawing = drawn_of(network_run("alexnet", "true-labels", 0, [0.1]), tmp_path, drawings)
    (line,) = drawing.axes[0].lines
    assert list(line.get_xdata()) == []


def test_the_dot_is_where_every_label_is_first_fitted_however_long_the_run_goes_on(tmp_path, drawings):
    run = network_run("alexnet", "true-labels", 2, rise(0.1, 6))
    _, drawing = drawn_of(run, tmp_path, drawings)
    curve, dot = drawing.axes[0].lines
    assert first_fit(run).step < run.epochs[-1].step
    assert list(dot.get_xdata()) == [first_fit(run).step] == [curve.get_xdata()[1]]
    assert list(dot.get_ydata()) == [curve.get_ydata()[1]]


def test_the_axis_of_steps_is_logarithmic_where_training_goes_on_far_beyond_its_start(tmp_path, drawings):
    """Linear to ten epochs; the ticks are 0, where it ends, and powers of ten of at least twice that."""
    for epochs in (30, 100):  # not far beyond; far beyond, but before the first power of ten to mark
        _, drawing = drawn_of(network_run("alexnet", "true-labels", 2, rise(0.1, epochs)), tmp_path, drawings)
        assert drawing.axes[0].get_xscale() == "linear"
        drawings.clear()
    long = network_run("alexnet", "true-labels", 2, rise(0.1, 300))
    _, drawing = drawn_of(long, tmp_path, drawings)
    (axes,) = drawing.axes
    assert axes.get_xscale() == "symlog"
    assert list(axes.get_xticks()) == [0, 10 * STEPS, 1000]
    assert f"linear to {10 * STEPS}" in axes.get_xlabel()


def test_the_title_names_the_regularisers(tmp_path, drawings):
    _, drawing = drawn_of(network_run("alexnet", "true-labels", 2, rise(0.1, 4), weight_decay=0.01), tmp_path, drawings)
    assert drawing.axes[0].get_title().endswith("alexnet, weight decay 0.01, n = 1,000")
