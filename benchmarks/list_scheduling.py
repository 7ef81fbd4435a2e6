"""A sweep of many runs on several slots: list scheduling with start-up, preemption and time limits, simulated.

Graham's list scheduling (1969, "Bounds on multiprocessing timing anomalies"): a slot that falls free takes the next run
in the list. No schedule ends before max(total/K, longest), and this one ends by total/K + (1 - 1/K) longest. A run that
is preempted, or reaches its time limit, loses what it did since its last checkpoint, goes to the end of the queue and
begins again with its start-up.

Times in seconds.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from theory.common.streams import generator


@dataclass(frozen=True)
class Interruptions:
    """What every attempt at a run costs and may meet.

    Attributes:
        start_up: seconds of a process until its run goes on.
        preemptions: a second of a slot's work; at exponential times.
        interval: seconds of work between checkpoints.
        limit: seconds of an attempt, start-up included.
    """

    start_up: float = 0.0
    preemptions: float = 0.0
    interval: float = 2.0
    limit: float = math.inf

    def __post_init__(self) -> None:
        least = self.start_up + self.interval
        if min(self.start_up, self.preemptions) < 0 or self.interval <= 0:
            raise ValueError("start-up and preemptions must be at least 0, the time between checkpoints positive")
        if self.limit <= least or self.preemptions * least > 5:
            raise ValueError(
                f"no run would get on: start-up and the first checkpoint take {least:.1f} s; raise "
                "--limit-hours or lower --preemptions-per-hour"
            )


@dataclass(frozen=True)
class Schedule:
    """How a sweep went.

    Attributes:
        slots: K.
        makespan: until the last run ended.
        work: the work of all runs, without start-up and repeated work.
        start_up, lost: seconds of all slots spent on them.
        attempts: processes started.
        bound: max(work/K, longest), which no schedule beats.
    """

    slots: int
    makespan: float
    work: float
    start_up: float
    lost: float
    attempts: int
    bound: float

    @property
    def efficiency(self) -> float:
        """Share of the slots' time until the end that is work."""
        return self.work / (self.slots * self.makespan)


def schedule(durations: Sequence[float], slots: int, interruptions: Interruptions, seed: int = 0) -> Schedule:
    """Simulate a sweep, event by event.

    Arguments:
        durations: seconds of the runs, in the order of the list.
        slots: K, at least 1.
        interruptions: what attempts cost and meet.
        seed: the seed of the preemptions.

    Raises ValueError for no runs, a duration that is not positive, or no slots.
    """
    if slots < 1 or not durations or min(durations) <= 0:
        raise ValueError(f"a sweep has runs of positive time and at least one slot, got {len(durations)} on {slots}")
    random = generator(seed, f"list-scheduling/{slots}")
    waiting = deque(durations)
    ends: list[tuple[float, float]] = []  # the end of each attempt at work, and the work that is left then
    clock = start_up = lost = 0.0
    attempts = 0
    while waiting or ends:
        while waiting and len(ends) < slots:
            work = waiting.popleft()
            attempts += 1
            stop = min(
                interruptions.limit,
                float(random.exponential(1 / interruptions.preemptions)) if interruptions.preemptions else math.inf,
            )
            if interruptions.start_up + work <= stop:
                start_up += interruptions.start_up
                heapq.heappush(ends, (clock + interruptions.start_up + work, 0.0))
                continue
            done = max(stop - interruptions.start_up, 0.0)
            kept = interruptions.interval * (done // interruptions.interval)
            start_up += min(stop, interruptions.start_up)
            lost += done - kept
            heapq.heappush(ends, (clock + stop, work - kept))
        clock, work = heapq.heappop(ends)
        if work > 0:
            waiting.append(work)
    total = math.fsum(durations)
    return Schedule(slots, clock, total, start_up, lost, attempts, max(total / slots, max(durations)))


def useful_slots(durations: Sequence[float]) -> int:
    """The number of slots above which the longest run alone decides when the sweep can end: ceil(total/longest)."""
    return math.ceil(math.fsum(durations) / max(durations))
