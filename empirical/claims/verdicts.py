"""Every claim of the paper with all that was found for or against it, by theory and by experiment: from records alone.

A finding is of one set of runs, with its own verdict by its own stated rule. The claim as a whole *holds* where at
least one finding says so and none contradicts, *does not hold* where at least one says so and none holds, and *depends
on the data* where some hold and others do not; it is *not decided here* where no finding decides.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from empirical.claims.kernels import compare_kernels, kernel_results
from empirical.claims.paper_claims import CLAIMS, PaperClaim
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
    """

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim of the paper and what was found.

    Attributes:
        claim: the claim.
        found: (subject, finding), the theory's first, those that decide before those that do not.
        related: what theory says beside it; it does not count.
    """

    claim: PaperClaim
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
    def decisive(self) -> tuple[tuple[str, Finding], ...]:
        """Those that decide."""
        return tuple(pair for pair in self.found if pair[1].evidence.verdict is not Verdict.NOT_DECIDED)


def subjects(runs: list[Run]) -> list[Subject]:
    """Every set of runs that bears on a claim, with its findings."""
    found = [Subject(one.scale, tuple(compare(one))) for one in result_sets(runs) if one.several]
    found += [
        Subject(f"{data}, {n:,} training images, all networks", tuple(compare_regularizers(equally_many)))
        for data, some in data_sets(runs).items()
        for n, equally_many in sizes(some).items()
    ]
    found += [Subject(f"{one.scale}; kernels", tuple(compare_kernels(one))) for one in kernel_results(runs)]
    for comparison in COMPARISONS.values():
        found += [
            Subject(f"{one.scale}; {comparison.title.lower()}", tuple(comparison.compare(one)))
            for one in comparison.results(runs)
        ]
    return found


def claim_verdicts(found: Sequence[Subject], theory: Sequence[Finding] = ()) -> list[ClaimVerdict]:
    """All claims of the paper, in their order, and then those that the experiments add.

    Arguments:
        found: what the experiments say.
        theory: what `python -m theory` says.
    """
    checked = {finding.claim.id: finding for finding in theory}
    of_paper = {claim.id for claim in CLAIMS}
    added = {
        finding.claim.id: PaperClaim(finding.claim.id, finding.claim.statement, finding.claim.source)
        for subject in found
        for finding in subject.findings
        if finding.claim.id not in of_paper
    }
    verdicts = []
    for claim in (*CLAIMS, *added.values()):
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
            **asdict(one.claim),
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
