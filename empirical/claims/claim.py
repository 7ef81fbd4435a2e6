"""A claim that records decide, as one object: what it says, where, the paper's numbers, and the check that decides it.

    @claim("C1", "Networks fit random labels.", "section 2.1", decided_by="a run on random labels", command="table1")
    def fits_random_labels(results: ResultSet) -> Evidence:
        ...

The decorated name is the claim. Nothing is registered behind the scenes: a module lists its claims in `CLAIMS`, and
`paper_claims` lists the modules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from empirical.runs.missing_metric import MissingMetricError
from theory.claims import Claim, Evidence, Finding, Verdict

Check = Callable[[Any], Evidence]
"""Decide a claim from results, a set of runs as the claim's module sorts them."""


@dataclass(frozen=True, eq=False)
class RecordClaim:
    """A claim that records bear on.

    Attributes:
        id: C1 to C29 for the paper's, a name of its own for what the experiments add.
        statement: what is claimed, in a sentence that stands alone.
        source: section, table or figure.
        check: decides the claim from results; None for a claim that theory alone decides, or that nothing here decides.
        paper: the paper's numbers; "" where it gives none.
        figure: title of the figure that shows it; "" for none.
        theory: ids of the claims of `theory.checks` that decide it, where it is a theorem.
        related: ids of those that stand beside what experiments say, and decide nothing.
        decided_by: in words, what would decide it where nothing recorded does.
        command: that makes such runs: what follows `python -m empirical.run`.
    """

    id: str
    statement: str
    source: str
    check: Check | None = None
    paper: str = ""
    figure: str = ""
    theory: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    decided_by: str = ""
    command: str = ""

    @property
    def claim(self) -> Claim:
        """The part of the claim that its findings carry."""
        return Claim(self.id, self.statement, self.source)

    @property
    def full_command(self) -> str:
        """The command line that would decide the claim; "" if there is none."""
        if self.theory and not self.command:
            return "python -m theory"
        return f"python -m empirical.run {self.command}" if self.command else ""

    def decide(self, results: Any) -> Finding:
        """What these results say. A metric that a record lacks leaves the claim undecided, and is named."""
        assert self.check is not None, f"{self.id} has no check of records"
        try:
            evidence = self.check(results)
        except MissingMetricError as error:
            evidence = Evidence(
                Verdict.NOT_DECIDED,
                f"a record lacks {error.metric}",
                "",
                f"needs records with the metric {error.metric}: run them again (--rerun)",
            )
        if evidence.verdict is Verdict.NOT_DECIDED and not evidence.command:
            evidence = replace(evidence, command=self.full_command)
        return Finding(self.claim, evidence, 0.0)


def claim(name: str, statement: str, source: str, **about: Any) -> Callable[[Check], RecordClaim]:
    """Turn a check into the claim that it decides; `name` is the claim's id, the keywords are attributes of
    `RecordClaim`."""
    return lambda check: RecordClaim(name, statement, source, check, **about)


def decide_all(claims: Sequence[RecordClaim], results: Any) -> list[Finding]:
    """What these results say of each of the claims."""
    return [claim.decide(results) for claim in claims]


def missing(what: str, command: str = "") -> Evidence:
    """The evidence where the runs that a claim needs are missing, with what it needs. `command` is set if it is not the
    claim's own."""
    return Evidence(Verdict.NOT_DECIDED, f"needs {what}", "", "these runs cannot decide it", command, needs=what)
