"""The training loss along a run: as trained where it is recorded, by the fixed network where that can stand for it."""

from dataclasses import replace

from empirical.runs.records import Run
from empirical.runs.training_loss import (
    first_losses_below,
    loss_curve,
    online_loss_recorded,
    steps_around,
    steps_to_cross,
    tell_training_loss,
)
from tests.figures.made_up_networks import network_run, rise


def older(run: Run) -> Run:
    return replace(run, epochs=tuple(replace(record, online_loss=None) for record in run.epochs))


def test_the_curve_is_of_samples_as_they_were_trained_on():
    run = network_run("inception", "random-labels", 3, rise(0.1, 4))
    assert online_loss_recorded([run])
    assert not online_loss_recorded([run, older(run)])
    steps, losses = loss_curve(run, online=True)
    assert (steps, losses) == ([r.step for r in run.epochs[1:]], [r.online_loss for r in run.epochs[1:]])
    steps, losses = loss_curve(run, online=False)
    assert (steps, losses) == ([r.step for r in run.epochs], [r.train_loss for r in run.epochs])


def test_steps_to_a_share_of_guessing():
    run = network_run("inception", "random-labels", 9, rise(0.1, 10))  # 2.3 (1 - epoch / 10) by the fixed network
    per_epoch = run.epochs[1].step
    after_five = (4 * per_epoch, 5 * per_epoch)
    assert steps_around([older(run)], 0.5) == [after_five], "1.15 of 2.303 after five epochs"
    assert steps_around([run], 0.5) == [(5 * per_epoch, 6 * per_epoch)], "0.1 more as trained"
    assert steps_around([run, older(run)], 0.5) == [after_five] * 2, "by one measure for all"
    assert steps_around([run], 0.01) == [None]
    assert steps_around([older(run)], 2.0) == [(0, 0)], "below from the start"
    assert steps_to_cross(run, 0.01) is None
    reached = steps_to_cross(older(run), 0.5)
    assert reached is not None
    assert 4 * per_epoch < reached <= 5 * per_epoch, "between the records on either side"


def test_a_run_that_fits_before_training_has_a_loss_at_the_start_alone():
    run = network_run("inception", "random-labels", 3, rise(0.1, 4))
    fitted = replace(run, epochs=(replace(run.epochs[0], train_loss=0.0),))
    assert steps_to_cross(fitted, 0.5) == 0.0
    assert steps_to_cross(replace(run, epochs=run.epochs[:1]), 0.5) is None


def test_what_lagging_averages_say_is_not_the_training_loss():
    run = network_run("inception", "random-labels", 3, rise(0.1, 4))
    far = replace(run, epochs=(replace(run.epochs[0], train_loss=77.0), *run.epochs[1:]))
    assert tell_training_loss([run, far])
    assert tell_training_loss([run, older(run)])
    assert not tell_training_loss([run, older(far)])


def test_losses_at_the_first_common_record_at_which_all_have_fallen():
    slow = network_run("inception", "random-labels", 9, rise(0.1, 10))
    halved = [
        record if record.epoch == 0 else replace(record, online_loss=record.online_loss / 2) for record in slow.epochs
    ]
    fast = replace(slow, epochs=tuple(halved))
    after_six, after_seven = slow.epochs[6].online_loss, slow.epochs[7].online_loss
    assert first_losses_below([slow, fast], 0.5) == [after_six, after_six / 2], "1.02, where the other is 0.51"
    without = replace(fast, epochs=tuple(record for record in fast.epochs if record.epoch != 6))
    assert first_losses_below([slow, without], 0.5) == [after_seven, after_seven / 2]
    assert first_losses_below([slow, fast], 0.01) is None
