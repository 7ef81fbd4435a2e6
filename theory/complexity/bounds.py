"""A bound, with what it bounds, and whether it says anything."""

import math
from dataclasses import dataclass

from theory.common.plain_numbers import plain_numbers


@plain_numbers
@dataclass(frozen=True)
class Bound:
    """An upper bound evaluated on one model.

    Attributes:
        name: short.
        value: the number; infinite if it overflows.
        bounds: what it is an upper bound of, in words.
        source: paper and theorem.
        failure_probability: over the draw of the training sample (and of what the bound itself draws); 0 if it holds
            always or in expectation.
        trivial: what the bounded quantity cannot exceed anyway: 1 for a 0-1 error, infinity for an unbounded loss.

    Raises ValueError for a value that is not a number.
    """

    name: str
    value: float
    bounds: str
    source: str
    failure_probability: float = 0.0
    trivial: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.value):
            raise ValueError(f"the bound '{self.name}' is not a number: an argument of it is not, or is infinite")

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than is known without it: value >= trivial."""
        return self.value >= self.trivial


@plain_numbers
def deviation(n: int, failure_probability: float) -> float:
    r"""3 sqrt(log(2/delta) / (2n)): what separates the empirical from the expected in a Rademacher bound.

    For functions with values in [0, 1], with probability 1 - delta over n samples, for all of a class at once,

        E f <= mean f + 2 R_n(class) + 3 sqrt(log(2/delta) / (2n)),

    R_n the empirical complexity: McDiarmid's inequality twice, at delta/2 each (Bartlett, Mendelson 2002; Mohri,
    Rostamizadeh, Talwalkar 2018, theorem 3.3). Raises ValueError for n < 1 or a probability outside (0, 1).
    """
    require_sample(n, failure_probability)
    return 3.0 * math.sqrt(math.log(2.0 / failure_probability) / (2 * n))


def require_sample(n: int, failure_probability: float) -> None:
    """Raise ValueError unless n >= 1 and 0 < failure_probability < 1."""
    if n < 1:
        raise ValueError(f"n, the number of samples, must be at least 1, got {n}")
    require_probability(failure_probability)


def require_probability(failure_probability: float) -> None:
    """Raise ValueError unless 0 < failure_probability < 1."""
    if not 0 < failure_probability < 1:
        raise ValueError(f"failure_probability must lie strictly between 0 and 1, got {failure_probability}")


def require_error(error: float, name: str = "training_error") -> None:
    """Raise ValueError unless 0 <= error <= 1: a share, not a percentage."""
    if not 0 <= error <= 1:
        raise ValueError(f"{name} must be a share between 0 and 1, got {error}")
