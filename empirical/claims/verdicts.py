"""Every claim of the paper with all that was found for or against it, by theory and by experiment: from records alone.

A finding is of one set of runs, with its own verdict by its own stated rule. The claim as a whole *holds* where at
least one finding says so and none contradicts, *does not hold* where at least one says so and none holds, and *depends
on the data* where some hold and others do not; it is *not decided here* where no finding decides.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from empirical.claims.claim import RecordClaim
from empirical.claims.kernels import compare_kernels, kernel_results
from empirical.claims.paper_claims import ADDED_CLAIMS, CLAIMS
from empirical.claims.paper_tables import data_sets, sizes
from empirical.claims.randomization_tests import compare
from empirical.claims.regularization import compare_regularizers
from empirical.claims.result_sets import result_sets
from empirical.claims.results import Results
from empirical.claims.studies import COMPARISONS
from empirical.runs.records import Run
from theory.claims import Finding, Verdict
from theory.common.atomic import replacing

DEPENDS = "depends on the data"


@dataclass(frozen=True)
class Subject:
    """The set of runs that some findings are about.

    Attributes:
        name: data, network, seeds and device in a sentence.
        findings: what the runs say of each claim.
        hashes: the hashes of the runs.
        data: name of the images or tokens; "" for theory's random instances.
        training_images: how many; None where it is not a single number.
    """

    name: str
    findings: tuple[Finding, ...] = ()
    hashes: frozenset[str] = frozenset()
    data: str = ""
    training_images: int | None = None


THEORY = Subject("theory, random instances")
"""The subject of what `python -m theory` finds, which no run is behind."""


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim of the paper and all findings on it.

    Attributes:
        claim: the claim.
        findings: (subject, finding), the theory's first, those that decide before those that do not.
        related: findings of the theory on a related statement, which do not count.
    """

    claim: RecordClaim
    findings: tuple[tuple[Subject, Finding], ...]
    related: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdict on the claim as a whole, by the rule above."""
        verdicts = {finding.evidence.verdict for _, finding in self.findings} - {Verdict.NOT_DECIDED}
        if not verdicts:
            return Verdict.NOT_DECIDED.value
        return verdicts.pop().value if len(verdicts) == 1 else DEPENDS

    @property
    def command(self) -> str:
        """The command that would decide the claim where no finding does: what a finding asks for, or else the claim's
        own.

        The command is "" where a finding decides, or where no command would.
        """
        if self.verdict != Verdict.NOT_DECIDED.value:
            return ""
        commands = [finding.evidence.command for _, finding in self.findings if finding.evidence.command]
        of_their_own = [command for command in commands if command != self.claim.full_command]
        return of_their_own[0] if of_their_own else self.claim.full_command

    @property
    def decisive(self) -> tuple[tuple[Subject, Finding], ...]:
        """The findings that decide."""
        return tuple(pair for pair in self.findings if pair[1].evidence.verdict is not Verdict.NOT_DECIDED)


def subjects(runs: list[Run]) -> list[Subject]:
    """Every set of runs that bears on a claim, with its findings."""
    collection = [
        _subject(results, results.scale, compare(results)) for results in result_sets(runs) if results.several
    ]
    collection += [
        Subject(f"{data}, {size}, all networks", tuple(compare_regularizers(some)), _hashes(some), data, size.train)
        for data, all_sizes in data_sets(runs).items()
        for size, some in sizes(all_sizes).items()
    ]
    collection += [
        _subject(results, f"{results.scale}; kernels", compare_kernels(results)) for results in kernel_results(runs)
    ]
    for comparison in COMPARISONS.values():
        collection += [
            _subject(results, f"{results.scale}; {comparison.title.lower()}", comparison.compare(results))
            for results in comparison.results(runs)
        ]
    return collection


def _subject(results: Results, name: str, findings: Sequence[Finding]) -> Subject:
    return Subject(name, tuple(findings), _hashes(results.runs), results.data, results.training_images)


def _hashes(runs: Iterable[Run]) -> frozenset[str]:
    return frozenset(run.config.hash for run in runs)


def in_words(finding: Finding) -> str:
    """A finding on a line: what was measured and, if it decides nothing, why, and the command that would decide the
    claim."""
    evidence = finding.evidence
    line = f"{finding.claim.id:>4} {evidence.verdict.value}: {evidence.measured}"
    if evidence.verdict is not Verdict.NOT_DECIDED:
        return line
    why = "" if evidence.bound or evidence.needs else f"; {evidence.reason}"
    return line + why + (f" ({evidence.command})" if evidence.command else "")


def lines_of(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, and a single one for all claims that need other runs, with what they need."""
    undecided = [finding for finding in findings if finding.evidence.needs]
    if len(undecided) < 2:
        return [in_words(finding) for finding in findings]
    claims: dict[str, list[str]] = {}  # by what they need
    for finding in undecided:
        claims.setdefault(finding.evidence.needs, []).append(finding.claim.id)
    needs = "; ".join(f"{', '.join(names)}: {need}" for need, names in claims.items())
    lines = [in_words(finding) for finding in findings if finding not in undecided]
    return [*lines, f"not decided here, for want of other runs: {needs}"]


def claim_verdicts(experiments: Sequence[Subject], theory: Sequence[Finding] = ()) -> list[ClaimVerdict]:
    """All claims of the paper, in their order, and then the claims that the experiments add.

    Arguments:
        experiments: what the experiments say.
        theory: what `python -m theory` says.
    """
    checked = {finding.claim.id: finding for finding in theory}
    seen = {finding.claim.id for subject in experiments for finding in subject.findings}
    added = [claim for claim in ADDED_CLAIMS if claim.id in seen]
    verdicts = []
    for claim in (*CLAIMS, *added):
        by_theory = [(THEORY, checked[name]) for name in claim.theory if name in checked]
        by_runs = [
            (subject, finding)
            for subject in experiments
            for finding in subject.findings
            if finding.claim.id == claim.id
        ]
        by_runs.sort(key=lambda pair: pair[1].evidence.verdict is Verdict.NOT_DECIDED)
        related = tuple(checked[name] for name in claim.related if name in checked)
        verdicts.append(ClaimVerdict(claim, (*by_theory, *by_runs), related))
    return verdicts


def write_verdicts(verdicts: Sequence[ClaimVerdict], path: Path) -> None:
    """Write the verdicts as a JSON list, whole or not at all."""
    content = [
        {
            "id": verdict.claim.id,
            "statement": verdict.claim.statement,
            "source": verdict.claim.source,
            "paper": verdict.claim.paper,
            "figure": verdict.claim.figure,
            "theory": verdict.claim.theory,
            "related": verdict.claim.related,
            "decided_by": verdict.claim.decided_by,
            "command": verdict.command,
            "verdict": verdict.verdict,
            "findings": [
                {
                    "subject": subject.name,
                    "data": subject.data,
                    "training_images": subject.training_images,
                    "claim": finding.claim.id,
                    **asdict(finding.evidence),
                }
                for subject, finding in verdict.findings
            ],
            "related_findings": [
                {"claim": finding.claim.id, **asdict(finding.evidence)} for finding in verdict.related
            ],
        }
        for verdict in verdicts
    ]
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
        )
