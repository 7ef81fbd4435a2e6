"""Every claim of the paper with all that was found for or against it, by theory and by experiment: from records alone.

A finding is of one set of runs, with its own verdict by its own stated rule. The claim as a whole *holds* where at
least one finding says so and none contradicts, *does not hold* where at least one says so and none holds, and *depends
on the data* where some hold and others do not; it is *not decided here* where no finding decides.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from empirical.claims.claim import RecordClaim
from empirical.claims.kernels import compare_kernels, kernel_results
from empirical.claims.paper_claims import ADDED_CLAIMS, CLAIMS
from empirical.claims.paper_tables import data_sets, sizes
from empirical.claims.randomization_tests import compare, result_sets
from empirical.claims.regularization import compare_regularizers
from empirical.claims.studies import COMPARISONS
from empirical.runs.records import Run
from theory.claims import Finding, Verdict
from theory.common.atomic import replacing

DEPENDS = "depends on the data"


@dataclass(frozen=True)
class Subject:
    """What some findings are of: a set of runs.

    Attributes:
        name: data, network, seeds and device in a sentence.
        findings: what they say of each claim.
        hashes: of the runs.
    """

    name: str
    findings: tuple[Finding, ...]
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim of the paper and what was found.

    Attributes:
        claim: the claim.
        found: (subject, finding), the theory's first, those that decide before those that do not.
        related: what theory says beside it; it does not count.
    """

    claim: RecordClaim
    found: tuple[tuple[str, Finding], ...]
    related: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """By the rule above."""
        verdicts = {finding.evidence.verdict for _, finding in self.found} - {Verdict.NOT_DECIDED}
        if not verdicts:
            return Verdict.NOT_DECIDED.value
        return verdicts.pop().value if len(verdicts) == 1 else DEPENDS

    @property
    def command(self) -> str:
        """The command that would decide it where nothing does: what a finding asks for, or else the claim's own.

        It is "" where something decides, or no command would.
        """
        if self.verdict != Verdict.NOT_DECIDED.value:
            return ""
        commands = [finding.evidence.command for _, finding in self.found if finding.evidence.command]
        of_their_own = [command for command in commands if command != self.claim.full_command]
        return of_their_own[0] if of_their_own else self.claim.full_command

    @property
    def decisive(self) -> tuple[tuple[str, Finding], ...]:
        """Those that decide."""
        return tuple(pair for pair in self.found if pair[1].evidence.verdict is not Verdict.NOT_DECIDED)


def subjects(runs: list[Run]) -> list[Subject]:
    """Every set of runs that bears on a claim, with its findings."""
    found = [_subject(one.scale, compare(one), one.runs) for one in result_sets(runs) if one.several]
    found += [
        _subject(f"{data}, {n:,} training images, all networks", compare_regularizers(equally_many), equally_many)
        for data, some in data_sets(runs).items()
        for n, equally_many in sizes(some).items()
    ]
    found += [_subject(f"{one.scale}; kernels", compare_kernels(one), one.runs) for one in kernel_results(runs)]
    for comparison in COMPARISONS.values():
        found += [
            _subject(f"{one.scale}; {comparison.title.lower()}", comparison.compare(one), _runs_of(one))
            for one in comparison.results(runs)
        ]
    return found


def _subject(name: str, findings: Sequence[Finding], runs: Iterable[Run]) -> Subject:
    return Subject(name, tuple(findings), frozenset(run.config.hash for run in runs))


def _runs_of(results: Any) -> Iterable[Run]:
    return results.runs.values() if isinstance(results.runs, Mapping) else results.runs


def in_words(finding: Finding) -> str:
    """A line: what was measured; of what is not decided also why, and the command that would decide it."""
    evidence = finding.evidence
    line = f"{finding.claim.id:>4} {evidence.verdict.value}: {evidence.measured}"
    if evidence.verdict is not Verdict.NOT_DECIDED:
        return line
    why = "" if evidence.bound else f"; {evidence.reason}"
    return line + why + (f" ({evidence.command})" if evidence.command else "")


def claim_verdicts(found: Sequence[Subject], theory: Sequence[Finding] = ()) -> list[ClaimVerdict]:
    """All claims of the paper, in their order, and then those that the experiments add.

    Arguments:
        found: what the experiments say.
        theory: what `python -m theory` says.
    """
    checked = {finding.claim.id: finding for finding in theory}
    seen = {finding.claim.id for subject in found for finding in subject.findings}
    added = [claim for claim in ADDED_CLAIMS if claim.id in seen]
    verdicts = []
    for claim in (*CLAIMS, *added):
        by_theory = [("theory, random instances", checked[name]) for name in claim.theory if name in checked]
        by_runs = [
            (subject.name, finding) for subject in found for finding in subject.findings if finding.claim.id == claim.id
        ]
        by_runs.sort(key=lambda pair: pair[1].evidence.verdict is Verdict.NOT_DECIDED)
        related = tuple(checked[name] for name in claim.related if name in checked)
        verdicts.append(ClaimVerdict(claim, (*by_theory, *by_runs), related))
    return verdicts


def write_verdicts(verdicts: Sequence[ClaimVerdict], path: Path) -> None:
    """Write them as a JSON list, whole or not at all."""
    content = [
        {
            "id": one.claim.id,
            "statement": one.claim.statement,
            "source": one.claim.source,
            "paper": one.claim.paper,
            "figure": one.claim.figure,
            "theory": one.claim.theory,
            "related": one.claim.related,
            "decided_by": one.claim.decided_by,
            "command": one.command,
            "verdict": one.verdict,
            "findings": [
                {"subject": subject, "claim": finding.claim.id, **asdict(finding.evidence)}
                for subject, finding in one.found
            ],
            "related_findings": [{"claim": finding.claim.id, **asdict(finding.evidence)} for finding in one.related],
        }
        for one in verdicts
    ]
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
        )
