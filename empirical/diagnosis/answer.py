"""What a check says: the question, the answer in words, what was measured, a verdict, what to change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """The three possible outcomes of a check."""

    OK = "ok"
    PROBLEM = "problem"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Answer:
    """The outcome of a check.

    Attributes:
        question: what was asked, in one plain sentence.
        answer: in words, with the figures that matter.
        verdict: whether it stands in the way of fitting the labels.
        advice: the option or the change of code that removes the problem, or lets the check decide; "" if all is well.
        measured: the numbers behind the answer, by name.

    Raises ValueError for a problem without advice.
    """

    question: str
    answer: str
    verdict: Verdict
    advice: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verdict is Verdict.PROBLEM and not self.advice:
            raise ValueError(f"a problem needs advice: {self.question}")


def first_problem(answers: Iterable[Answer]) -> Answer | None:
    """The first thing to change: later problems may be consequences of it. None if nothing stands in the way."""
    return next((answer for answer in answers if answer.verdict is Verdict.PROBLEM), None)
