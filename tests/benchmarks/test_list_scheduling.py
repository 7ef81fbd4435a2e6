"""Sweeps on several slots: by hand, within Graham's bounds, and with interruptions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.list_scheduling import Interruptions, schedule, useful_slots

FREE = Interruptions()


def test_by_hand():
    """Two slots: 3 and 2 begin, 4 follows on the second at 2, 1 on the first at 3."""
    timetable = schedule([3.0, 2.0, 4.0, 1.0], 2, FREE)
    assert (timetable.makespan, timetable.bound, timetable.attempts, timetable.start_up, timetable.lost) == (
        6.0,
        5.0,
        4,
        0.0,
        0.0,
    )
    assert timetable.efficiency == pytest.approx(10 / 12)


def test_start_up_is_paid_by_every_run():
    timetable = schedule([3.0, 2.0, 4.0, 1.0], 2, Interruptions(start_up=0.5))
    assert timetable.makespan == pytest.approx(7.0)
    assert timetable.start_up == pytest.approx(2.0)


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=40), st.integers(1, 12))
def test_within_graham_s_bounds(durations, slots):
    timetable = schedule(durations, slots, FREE)
    slack = 1 + 1e-12
    assert timetable.bound <= timetable.makespan * slack
    assert timetable.makespan <= (math.fsum(durations) / slots + (1 - 1 / slots) * max(durations)) * slack


def test_more_slots_than_useful_end_with_the_longest():
    durations = [10.0, *[1.0] * 20]
    assert useful_slots(durations) == 3
    assert schedule(durations, 3, FREE).makespan == 10.0
    assert schedule(durations, 21, FREE).makespan == 10.0


def test_a_time_limit_by_hand():
    """Attempts of 5 s have 4 s beside the start-up; of these 3 s are in checkpoints, the fourth is lost."""
    timetable = schedule([10.5], 1, Interruptions(start_up=1.0, interval=1.5, limit=5.0))
    assert timetable.attempts == 4, "3, 3 and 3 s are kept, and the last 1.5 s are done by the fourth"
    assert timetable.lost == pytest.approx(3.0)
    assert timetable.makespan == pytest.approx(3 * 5.0 + 2.5)


def test_preemptions_cost_what_they_should():
    """Half an interval each on average, and a start-up; as many as the rate says."""
    rate, interval, start_up = 0.01, 4.0, 1.0
    durations = [200.0] * 500
    timetable = schedule(durations, 10, Interruptions(start_up, rate, interval))
    preempted = timetable.attempts - len(durations)
    busy = timetable.work + timetable.start_up + timetable.lost
    assert preempted == pytest.approx(rate * busy, abs=4 * math.sqrt(rate * busy))
    assert timetable.lost / preempted == pytest.approx(interval / 2, rel=0.1)
    assert timetable.work == 100_000
    assert timetable.makespan >= busy / 10


def test_all_time_is_accounted_for():
    timetable = schedule([50.0] * 20, 1, Interruptions(2.0, 0.02, 3.0, 40.0))
    assert timetable.makespan == pytest.approx(timetable.work + timetable.start_up + timetable.lost)


def test_same_seed_same_schedule():
    chosen = Interruptions(1.0, 0.01, 2.0)
    assert schedule([30.0] * 50, 4, chosen, 3) == schedule([30.0] * 50, 4, chosen, 3)
    assert schedule([30.0] * 50, 4, chosen, 3) != schedule([30.0] * 50, 4, chosen, 4)


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match=r"raise --limit-hours"):
        Interruptions(start_up=10.0, interval=2.0, limit=12.0)
    with pytest.raises(ValueError, match=r"lower --preemptions-per-hour"):
        Interruptions(start_up=10.0, preemptions=1.0)
    for durations, slots in (([], 1), ([0.0], 1), ([1.0], 0)):
        with pytest.raises(ValueError, match="at least one slot"):
            schedule(durations, slots, FREE)
