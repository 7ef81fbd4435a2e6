"""How many random labels a network of p parameters is trained to fit: a bisection over n, every look a recorded run.

A network's *frontier* is a bracket: n_fits random labels were all fitted, n_fails, the least number tried of which some
were not within the limit of steps, lies above. It is closed once n_fails / n_fits is at most 1 + RESOLUTION, or they
are neighbours.

Theory knows what p parameters can hold at best, not what training finds: Theorem 1 has a network of 2n + d weights for
any n points, and n log2 k bits of labels ask for as many bits of parameters.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from empirical.runs.records import Run

ENOUGH_STEPS = 20_000
"""The limit of steps of the experiment: labels that a run misses after fewer steps might still be fitted."""

RESOLUTION = 0.1
"""A bracket's width, relative to its lower end, at which bisection stops."""


@dataclass(frozen=True)
class Frontier:
    """Where training stops fitting random labels, as far as runs tell.

    Attributes:
        model: the network.
        parameters: the number of parameters, p.
        dimension: d, the number of values in an image as the network sees it.
        pixels: `original`, or `gaussian`.
        seed: the seed of the runs.
        fits: the largest n that was fitted without a failure at or below it; 0 if there is none.
        fails: the least n that was not fitted; None if all were.
        runs: looks taken.
    """

    model: str
    parameters: int
    dimension: int
    pixels: str
    seed: int
    fits: int
    fails: int | None
    runs: int

    @property
    def closed(self) -> bool:
        """Whether the bracket is as narrow as RESOLUTION."""
        return self.fails is not None and _closed(self.fits, self.fails)


def bracket(outcomes: Mapping[int, bool]) -> tuple[int, int | None]:
    """The bracket (largest n fitted below every failure, or 0; least n that failed, or None) from outcomes by n."""
    fails = min((n for n, fitted in outcomes.items() if not fitted), default=None)
    fits = max((n for n, fitted in outcomes.items() if fitted and (fails is None or n < fails)), default=0)
    return fits, fails


def next_size(outcomes: Mapping[int, bool], start: int, limit: int) -> int | None:
    """The n to look at next: doubling or halving until there is a bracket, then its geometric middle.

    Arguments:
        outcomes: whether training fitted n random labels, by n.
        start: the first n.
        limit: the number of samples there are.

    None once the bracket is closed: at RESOLUTION, at neighbours, or at an end of 1 .. limit.
    """
    if not outcomes:
        return max(1, min(start, limit))
    fits, fails = bracket(outcomes)
    if fails is None:
        return None if fits >= limit else min(2 * fits, limit)
    if _closed(fits, fails):
        return None
    if fits == 0:
        return fails // 2
    return min(max(round(math.sqrt(fits * fails)), fits + 1), fails - 1)


def _closed(fits: int, fails: int) -> bool:
    return fails - fits <= 1 or fails <= (1 + RESOLUTION) * fits


def first_size(parameters: int) -> int:
    """The first n to try: four labels a parameter."""
    return max(1, parameters // 4)


def frontiers(runs: Sequence[Run]) -> list[Frontier]:
    """The frontier of each network, kind of input and seed, by kind of input and parameters."""
    groups: dict[tuple[str, str, str, int], dict[int, Run]] = {}
    for run in runs:
        config = run.config
        key = config.model, config.model_source, config.randomization.pixels, config.seed
        groups.setdefault(key, {})[config.n_train] = run
    result = []
    for (model, _, pixels, seed), looks in groups.items():
        fits, fails = bracket({n: bool(run.summary.metrics["fitted"]) for n, run in looks.items()})
        metrics = next(iter(looks.values())).summary.metrics
        result.append(
            Frontier(model, metrics["parameters"], metrics["dimension"], pixels, seed, fits, fails, len(looks))
        )
    return sorted(
        result,
        key=lambda frontier: (frontier.pixels != "original", frontier.model[:5], frontier.parameters, frontier.seed),
    )
