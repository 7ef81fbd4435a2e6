"""A bound evaluated on one run, or the reason why it is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["VC", "norm", "stability", "PAC-Bayes", "Rademacher", "interpolant"]


@dataclass(frozen=True)
class EvaluatedBound:
    """A bound on one run.

    Attributes:
        name, bounds, source: see `theory.complexity.Bound`.
        family: the kind of complexity.
        value: the number; None if it overflows or the bound does not cover the network (`note` says which).
        vacuous: whether the bound says no more than is known without it; None if it does not cover the network.
        guessing: the bounded quantity for guessing: a bound that is not below it does not certify that anything was
            learnt. None as `vacuous`.
        measured: what is bounded, measured on test images. None if it is not measured.
        gap: test less training error of the function that the bound speaks of; of stability, of its loss.
        note: what keeps the number from being a proved bound of `measured`, or from being there at all.
    """

    name: str
    family: Family
    bounds: str
    source: str
    value: float | None
    vacuous: bool | None
    guessing: float | None = None
    measured: float | None = None
    gap: float | None = None
    note: str = ""


Found = tuple[list[EvaluatedBound], dict[str, Any]]


def left_out(family: Family, names: Iterable[str], reason: str) -> list[EvaluatedBound]:
    """Entries for bounds that cannot be evaluated on this run, with the reason."""
    return [EvaluatedBound(name, family, "", "", None, None, note=reason) for name in names]
