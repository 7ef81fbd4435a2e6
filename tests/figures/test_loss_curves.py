"""Loss curves of the six tests: their scale, and when they were recorded."""

from dataclasses import replace

import pytest

from empirical.claims.randomization_tests import result_sets
from figures.loss_curves import draw_loss_curves
from tests.figures.made_up_networks import network_run, rise


def drawn_of(run, tmp_path, drawn):
    (results,) = result_sets([run])
    draw_loss_curves(results, tmp_path / "loss")
    (found,) = drawn
    return found


@pytest.mark.parametrize(("before", "scale"), [(2.3, "linear"), (1e8, "symlog")])
def test_losses_far_above_guessing_do_not_hide_the_others(before, scale, tmp_path, drawn):
    """Batch norm that has seen no batch yet can give an untrained network a loss of 10^8."""
    run = network_run("inception", "random-labels", 3, rise(0.1, 4))
    older = [replace(record, online_loss=None) for record in run.epochs[1:]]
    run = replace(run, epochs=(replace(run.epochs[0], train_loss=before), *older))
    caption, drawing = drawn_of(run, tmp_path, drawn)
    assert drawing.axes[0].get_yscale() == scale
    assert ("running averages lag behind" in caption) == (scale == "symlog")


@pytest.mark.parametrize(("apart", "words"), [(1, "after each epoch"), (2, "after every 2 epochs")])
def test_the_caption_says_when_losses_were_recorded(apart, words, tmp_path, drawn):
    run = network_run("alexnet", "random-labels", 3, rise(0.1, 4), epochs_per_record=apart)
    caption, _ = drawn_of(run, tmp_path, drawn)
    assert words in caption


def test_a_run_that_needs_no_training_has_no_curve(tmp_path, drawn):
    _, drawing = drawn_of(network_run("alexnet", "true-labels", 0, [0.1]), tmp_path, drawn)
    (line,) = drawing.axes[0].lines
    assert list(line.get_xdata()) == []
