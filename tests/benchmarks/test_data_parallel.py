"""Data-parallel training: the formula by hand, and the simulation against it and against failure theory."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.data_parallel import (
    DataParallelJob,
    Interconnect,
    expected_time,
    run_with_failures,
    scaling_limit,
    sensible_devices,
    simulate_epochs,
    slowest,
    young_interval,
)
from empirical.planning.plan import num_checkpoints
from empirical.planning.step_cost import ComputeCost
from theory.common.streams import generator

LINK = Interconnect(bandwidth=1e9, latency=1e-3)
JOB = DataParallelJob(
    train_images=800,
    test_images=200,
    batch=8,
    gradient_bytes=4_000_000,
    compute=ComputeCost((2, 8), (0.4, 1.0), forward_share=0.25),
    evaluation=0.01,
    evaluations=1.0,
    checkpoint=0.5,
    interval=4.5,
    link=LINK,
)


def test_ring_all_reduce_by_hand():
    assert LINK.all_reduce(4_000_000, 1) == 0
    assert LINK.all_reduce(4_000_000, 2) == pytest.approx(0.004 + 0.002)
    assert LINK.all_reduce(4_000_000, 4) == pytest.approx(2 * 3 / 4 * 0.004 + 6e-3)


def test_compute_between_and_beyond_what_was_measured():
    cost = ComputeCost((2, 8, 32), (0.4, 1.0, 5.8))
    assert [cost(n) for n in (2, 5, 8, 32)] == pytest.approx([0.4, 0.7, 1.0, 5.8])
    assert cost(1) == pytest.approx(0.3)
    assert cost(64) == pytest.approx(5.8 + 32 * 0.2)
    assert ComputeCost((4,), (2.0,))(6) == pytest.approx(3.0)
    assert ComputeCost((2, 8), (0.5, 0.3))(1) == 0.5, "noise makes no time fall as images are added"


@pytest.mark.parametrize("images", [(), (8, 2), (2, 2)])
def test_compute_refuses_what_is_not_ascending(images):
    with pytest.raises(ValueError, match="ascending"):
        ComputeCost(images, tuple(1.0 for _ in images))


def test_step_by_hand():
    """Four devices have 2 images each: 0.4 s of compute, 0.012 s of all-reduce, which the backward pass hides."""
    assert JOB.step(4, overlap=False) == pytest.approx(0.4 + 0.006 + 0.006)
    assert JOB.step(4, overlap=True) == pytest.approx(0.4)
    slow = replace(JOB, gradient_bytes=400_000_000)  # 0.606 s, beyond the backward pass of 0.3 s
    assert slow.step(4, overlap=True) == pytest.approx(0.1 + 0.606)


def test_three_devices_wait_for_the_largest_share():
    assert JOB.step(3, overlap=False) == pytest.approx(JOB.compute(3) + LINK.all_reduce(4_000_000, 3))


def test_epoch_by_hand():
    """100 steps of 1 s; a checkpoint after every fifth, the first to pass 4.5 s; 1,000 images evaluated."""
    assert JOB.epoch(1, overlap=False) == pytest.approx(100 + 20 * 0.5 + 10)
    assert num_checkpoints(100, 1.0, 0.1) == 100
    half = replace(JOB, evaluations=0.5)
    assert half.epoch(4, overlap=True) == pytest.approx(100 * 0.4 + 100 / 12 * 0.5 + 0.5 * 250 * 0.01)


def test_where_it_stops():
    assert sensible_devices(8) == [1, 2, 3, 4, 8]
    free = replace(JOB, compute=ComputeCost((1, 8), (0.125, 1.0)), gradient_bytes=0, link=Interconnect(1e9, 0.0))
    free = replace(free, checkpoint=0.0)
    assert scaling_limit(free, overlap=False).fastest == 8
    assert scaling_limit(free, overlap=False).inefficient is None
    fixed = replace(JOB, compute=ComputeCost((1, 8), (1.0, 1.0)), evaluations=0.0)
    limit = scaling_limit(fixed, overlap=False)
    assert limit.fastest == 1, "all devices take as long: the all-reduce only adds to it"
    assert limit.inefficient == 2


def simulate(job, devices, **changes):
    chosen = {"overlap": False, "variation": 0.0, "restart": 1.0, "mtbf": None, "seed": 0, "repeats": 2} | changes
    return simulate_epochs(job, devices, **chosen)


@pytest.mark.parametrize("devices", [1, 2, 4])
@pytest.mark.parametrize("overlap", [False, True])
def test_without_noise_the_simulation_is_the_formula(devices, overlap):
    job = replace(JOB, train_images=8 * 120, interval=4.37)  # a whole number of stretches between checkpoints
    every = math.ceil(job.interval / job.step(devices, overlap=overlap))
    job = replace(job, train_images=8 * every * 10)
    simulated = simulate(job, devices, overlap=overlap)
    assert simulated == pytest.approx(job.epoch(devices, overlap=overlap), rel=1e-12)


def test_the_slowest_of_many():
    """By inversion it has the distribution of the largest of N draws; one alone has the mean and the variation."""
    uniforms = generator(0, "test").random(200_000)
    times = slowest(2.0, 0.1, 1, uniforms)
    assert times.mean() == pytest.approx(2.0, abs=5 * 0.2 / math.sqrt(200_000))
    assert times.std() == pytest.approx(0.2, rel=0.02)
    maxima = slowest(2.0, 0.1, 1, generator(1, "test").random((20_000, 16))).max(axis=1)
    inverted = slowest(2.0, 0.1, 16, uniforms)
    assert np.quantile(maxima, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(inverted, [0.1, 0.5, 0.9]), rel=0.01)


def test_noise_costs_more_on_more_devices():
    costs = [simulate(JOB, n, variation=0.2).mean() / JOB.epoch(n, overlap=False) for n in (1, 2, 8)]
    assert costs[0] == pytest.approx(1, abs=0.05)
    assert costs[1] > 1.05
    assert costs[2] > costs[1]


def failing(interval: float, repeats: int) -> np.ndarray:
    """Segments of `interval` in steps of a tenth of it."""
    steps = [interval / 10] * 10 * 40
    return np.array(
        [
            run_with_failures(steps, interval * (1 - 1e-9), 2.0, 5.0, 100.0, generator(repeat, f"failures/{interval}"))
            for repeat in range(repeats)
        ]
    )


@pytest.mark.parametrize("interval", [5.0, 20.0, 80.0])
def test_with_failures_the_mean_is_daly_s(interval):
    times = failing(interval, 300)
    expected = expected_time(40 * interval, interval, 2.0, 5.0, 100.0)
    assert times.mean() == pytest.approx(expected, abs=4 * times.std() / math.sqrt(300)), "four standard errors"
    assert times.std() / math.sqrt(300) < 0.02 * expected, "and these are small"


def test_young_s_interval_is_the_best():
    best = young_interval(2.0, 100.0)
    assert best == 20.0
    loss = {interval: failing(interval, 200).mean() / (40 * interval) for interval in (best / 4, best, 4 * best)}
    assert loss[best] == min(loss.values())
    rare = 1e6
    first_order = math.sqrt(2 * 2.0 / rare)
    exact = expected_time(1.0, young_interval(2.0, rare), 2.0, 0.0, rare) - 1
    assert exact == pytest.approx(first_order, rel=0.01)


def test_failures_of_more_devices_come_more_often():
    calm, stormy = (simulate(JOB, n, mtbf=200.0, repeats=40).mean() / JOB.epoch(n, overlap=False) for n in (1, 8))
    assert stormy > calm > 1.0


def test_same_seed_same_times():
    times, same, other_times = (simulate(JOB, 4, variation=0.1, mtbf=1e3, seed=seed) for seed in (0, 0, 1))
    assert times.tolist() == same.tolist()
    assert times.tolist() != other_times.tolist()


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match=r"--bandwidth-gbps"):
        Interconnect(0.0, 0.0)
    with pytest.raises(ValueError, match=r"raise --mtbf-hours"):
        simulate(JOB, 8, mtbf=0.1)
    with pytest.raises(ValueError, match=r"--variation"):
        simulate(JOB, 2, variation=-1.0)
