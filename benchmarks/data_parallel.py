"""Time of data-parallel training against the number of devices: a formula, and a simulation that it checks.

Strong scaling: N devices share each batch of B images; the batch, and so the experiment, stays what it is. Every step
waits for the device with the largest share, ceil(B/N) images, and adds up S bytes of gradients by a ring all-reduce.
Its time over links of W bytes a second and latency L is that of the bandwidth-optimal algorithm of Patarasuk and Yuan
(2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations"), 2 (N - 1) messages of S/N bytes:

    all-reduce(N) = 2 (N - 1)/N S/W + 2 (N - 1) L
    step(N)       = c(ceil(B/N)) + all-reduce(N)                                    without overlap
                  = f c(ceil(B/N)) + max((1 - f) c(ceil(B/N)), all-reduce(N))       overlapped with the backward pass

c: seconds of compute as a function of images, f: the forward pass's share. The two are the extreme cases. An epoch is
its steps, the checkpoints, for which all wait, and each device's share of evaluation.

With failures at exponential times, M seconds apart on average, restarts of R seconds that may fail themselves, and a
checkpoint of C seconds after every T seconds of work, a segment of T + C seconds takes

    M exp(R/M) (exp((T + C)/M) - 1)

on average (Daly 2006, "A higher order estimate of the optimum checkpoint interval for restart dumps"); to first order
the best T is sqrt(2 C M) (Young 1974, "A first order approximation to the optimum checkpoint interval").

Times in seconds, sizes in bytes throughout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from empirical.planning.plan import num_checkpoints
from empirical.planning.step_cost import ComputeCost
from theory.common.streams import generator


@dataclass(frozen=True)
class Interconnect:
    """Links between devices: bytes a second that a device sends, and seconds that a message takes beside."""

    bandwidth: float
    latency: float

    def __post_init__(self) -> None:
        if not (0 < self.bandwidth < math.inf and 0 <= self.latency < math.inf):
            raise ValueError(
                "an interconnect has a positive bandwidth (--bandwidth-gbps) and a latency of at least 0 "
                f"(--latency-us), got {self.bandwidth:g} bytes/s and {self.latency:g} s"
            )

    def all_reduce(self, size: float, devices: int) -> float:
        """Seconds in which `devices` add up `size` bytes each, by a ring."""
        return 2 * (devices - 1) / devices * size / self.bandwidth + 2 * (devices - 1) * self.latency


@dataclass(frozen=True)
class DataParallelJob:
    """The sizes of a network's training on which its time depends.

    Attributes:
        train_images, test_images: numbers.
        batch: images of a step, over all devices.
        gradient_bytes: that a step adds up: 4 for each parameter in float32.
        compute: seconds of a step on a device.
        evaluation: seconds for an image.
        evaluations: passes over both splits an epoch.
        checkpoint: seconds to write one.
        interval: seconds of training after which one is written, at the end of a step.
        link: the interconnect.
    """

    train_images: int
    test_images: int
    batch: int
    gradient_bytes: int
    compute: ComputeCost
    evaluation: float
    evaluations: float
    checkpoint: float
    interval: float
    link: Interconnect

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return -(-self.train_images // self.batch)

    def step(self, devices: int, *, overlap: bool, compute: float | None = None) -> float:
        """Seconds of a step; `compute` in place of the mean time of the slowest device."""
        seconds = self.compute(-(-self.batch // devices)) if compute is None else compute
        communication = self.link.all_reduce(self.gradient_bytes, devices)
        if not overlap:
            return seconds + communication
        forward = self.compute.forward_share * seconds
        return forward + max(seconds - forward, communication)

    def evaluate(self, devices: int) -> float:
        """Seconds of an epoch's evaluation, split among the devices."""
        return self.evaluations * -(-(self.train_images + self.test_images) // devices) * self.evaluation

    def epoch(self, devices: int, *, overlap: bool) -> float:
        """Seconds of an epoch in which every step takes the same time and nothing fails."""
        step = self.step(devices, overlap=overlap)
        return (
            self.steps * step
            + num_checkpoints(self.steps, step, self.interval) * self.checkpoint
            + self.evaluate(devices)
        )


def sensible_devices(batch: int) -> list[int]:
    """The numbers of devices that no smaller number equals: with each the largest share of the batch falls."""
    return [n for n in range(1, batch + 1) if n == 1 or -(-batch // n) < -(-batch // (n - 1))]


@dataclass(frozen=True)
class ScalingLimit:
    """The numbers of devices at which training stops scaling.

    Attributes:
        fastest: the number of devices with the least time; more devices do not help.
        inefficient: the first number whose efficiency, T(1)/(N T(N)), is below one half; None if no number up to the
            batch is.
    """

    fastest: int
    inefficient: int | None


def scaling_limit(job: DataParallelJob, *, overlap: bool) -> ScalingLimit:
    """The limits by the formula, over all sensible numbers up to one image a device."""
    seconds = {n: job.epoch(n, overlap=overlap) for n in sensible_devices(job.batch)}
    slow = [n for n, duration in seconds.items() if seconds[1] / (n * duration) < 0.5]
    return ScalingLimit(min(seconds, key=lambda n: seconds[n]), slow[0] if slow else None)


def young_interval(checkpoint: float, mtbf: float) -> float:
    """The best time between checkpoints, to first order: sqrt(2 C M)."""
    return math.sqrt(2 * checkpoint * mtbf)


def expected_time(work: float, interval: float, checkpoint: float, restart: float, mtbf: float) -> float:
    """Mean time of `work` seconds under failures, with a checkpoint after every `interval` of them (Daly 2006)."""
    return work / interval * mtbf * math.exp(restart / mtbf) * math.expm1((interval + checkpoint) / mtbf)


def run_with_failures(
    durations: Sequence[float],
    interval: float,
    checkpoint: float,
    restart: float,
    mtbf: float | None,
    random: np.random.Generator,
) -> float:
    """Simulate steps one after another, event by event; returns the seconds until the last one is done.

    Arguments:
        durations: seconds of the steps.
        interval: seconds since the last checkpoint after which one is written, at the end of a step.
        checkpoint: seconds that it takes. One that a failure interrupts is lost.
        restart: seconds after a failure until the steps since the last checkpoint are done again.
        mtbf: mean seconds between failures, anywhere; None for none.
        random: the generator of the failures.

    Raises ValueError if failures come too fast for any step to be finished.
    """
    if mtbf is not None and max(durations, default=0.0) + checkpoint + restart > 20 * mtbf:
        raise ValueError(
            f"a failure every {mtbf:.3g} s leaves no step finished: raise --mtbf-hours or use fewer devices"
        )

    def pause() -> float:
        return math.inf if mtbf is None else float(random.exponential(mtbf))

    clock, since, done, saved, failure = 0.0, 0.0, 0, 0, pause()
    while done < len(durations):
        writes = since + durations[done] >= interval
        end = clock + durations[done] + (checkpoint if writes else 0.0)
        if failure < end:
            clock, failure = failure, failure + pause()
            while failure < clock + restart:
                clock, failure = failure, failure + pause()
            clock, since, done = clock + restart, 0.0, saved
            continue
        clock, since, done = end, 0.0 if writes else since + durations[done], done + 1
        saved = done if writes else saved
    return clock


def slowest(mean: float, variation: float, devices: int, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest of the times of `devices`, each log-normal with this mean and coefficient of variation.

    The largest of N has the distribution function F^N: u^(1/N) through F's inverse is an exact draw of it.
    """
    from scipy.special import ndtri

    sigma = math.sqrt(math.log1p(variation**2))
    draws: npt.NDArray[np.float64] = mean * np.exp(sigma * ndtri(uniforms ** (1 / devices)) - sigma**2 / 2)
    return draws


def simulate_epochs(
    job: DataParallelJob,
    devices: int,
    *,
    overlap: bool,
    variation: float,
    restart: float,
    mtbf: float | None,
    seed: int,
    repeats: int,
) -> npt.NDArray[np.float64]:
    """Seconds of an epoch, simulated `repeats` times.

    Arguments:
        job, devices, overlap: as for the formula.
        variation: coefficient of variation of a device's compute in a step; every step waits for the slowest.
        restart, mtbf: seconds of a restart after a failure; mean seconds between the failures of one device, None for
            none. One stops all.
        seed: the seed of everything random.
        repeats: number of epochs.
    """
    if variation < 0 or (mtbf is not None and mtbf <= 0):
        raise ValueError("--variation must be at least 0 and --mtbf-hours positive")
    mean = job.compute(-(-job.batch // devices))
    seconds = np.empty(repeats)
    for repeat in range(repeats):
        random = generator(seed, f"scaling/{devices}/{repeat}")
        compute = slowest(mean, variation, devices, random.random(job.steps)) if variation else np.full(job.steps, mean)
        steps = [job.step(devices, overlap=overlap, compute=duration) for duration in compute.tolist()]
        training = run_with_failures(
            steps, job.interval, job.checkpoint, restart, None if mtbf is None else mtbf / devices, random
        )
        seconds[repeat] = training + job.evaluate(devices)
    return seconds
