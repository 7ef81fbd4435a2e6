"""Which records are of the paper's tests."""

from collections.abc import Iterable

from empirical.runs.config import DISTANCE
from empirical.runs.records import Run

_OF_THEIR_OWN = ("capacity", DISTANCE)


def networks_on_tests(runs: Iterable[Run]) -> list[Run]:
    """The trained networks of the paper's tests, without the many small networks of the capacity experiment and without
    those on images mixed with noise of the distance experiment.
    """
    return [run for run in runs if run.config.kind == "trained" and run.config.experiment not in _OF_THEIR_OWN]
