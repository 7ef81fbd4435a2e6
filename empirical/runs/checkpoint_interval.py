"""How often a state is written that a killed run goes on from."""

SECONDS_BETWEEN_CHECKPOINTS = 2.0
_LARGEST_SHARE = 1 / 20  # share of the time: checkpoints of a large network take long


def checkpoint_interval(writing: float) -> float:
    """The seconds of work between checkpoints, from the seconds that a checkpoint takes to write."""
    return max(SECONDS_BETWEEN_CHECKPOINTS, writing / _LARGEST_SHARE)
