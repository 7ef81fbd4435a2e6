"""Claims: a statement, its source, and a check that returns a verdict with its evidence.

The theory's claims and the experiments' are of one type. A theory claim carries a check, a function of a seed;
an experiment's claim is decided from records (`empirical.claims`). Either way the outcome is a `Finding`.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from theory.common.atomic import replacing


class Verdict(StrEnum):
    """The three possible outcomes of a check."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_DECIDED = "not decided here"

    @property
    def severity(self) -> int:
        """0 for a claim that holds, 1 for one that is not decided, 2 for one that does not hold."""
        return (Verdict.HOLDS, Verdict.NOT_DECIDED, Verdict.DOES_NOT_HOLD).index(self)


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim of several parts, each with a verdict of its own. Raises ValueError for no part."""
    return max(verdicts, key=lambda verdict: verdict.severity)


@dataclass(frozen=True)
class Evidence:
    """What a check measured.

    Attributes:
        verdict: the outcome.
        measured: the measured quantity, in words and figures.
        bound: what it is held to.
        reason: why that bound (theorem, conditioning, unit round-off, size of a test).
        command: the command line that would decide it, where it is not decided and one would; "" otherwise.
        needs: what is missing, where nothing is decided for want of it; "" otherwise.
    """

    verdict: Verdict
    measured: str
    bound: str
    reason: str
    command: str = ""
    needs: str = ""


@dataclass(frozen=True)
class Proof:
    """A machine-checked theorem with the statement of a claim, for all instances at once.

    Naming a theorem does not check it: `theory.proofs.checked_proof` tells whether Coq has checked the file
    as it is now.

    Attributes:
        file: the file, from the repository's root: `theory/proofs/theorem_1.v`.
        theorem: the theorem's name in it.
    """

    file: str
    theorem: str


@dataclass(frozen=True)
class Claim:
    """A statement that can be checked.

    Attributes:
        id: short name, `theorem-1` for the theory's, `C1` .. `C29` for the paper's experimental claims.
        statement: what is claimed, in one plain sentence.
        source: paper and theorem, section or table.
        proof: the theorem of a proof assistant that states the claim, if there is one.
    """

    id: str
    statement: str
    source: str
    proof: Proof | None = None


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with the function that checks it on a fresh random instance drawn from a seed.

    Attributes:
        claim: what is claimed.
        check: takes a seed, returns the evidence on its instance.
        size: the size of the statistical test in the check: the probability, over seeds, that it rejects the claim
            though it is true. Zero for a check that is no statistical test.
        size_is: where the size comes from. *Proved*: an inequality for bounded numbers bounds it. *Measured*: the
            statistic, a mean over its own standard error, was drawn again and again, as for skewed numbers its size is
            a multiple of the normal distribution's. *Nominal*: that of normal numbers, where sums of thousands of
            terms are nearly that.
    """

    claim: Claim
    check: Callable[[int], Evidence]
    size: float = 0.0
    size_is: Literal["proved", "measured", "nominal"] = "proved"


@dataclass(frozen=True)
class Finding:
    """A claim, the evidence found for or against it, and how long that took (seconds)."""

    claim: Claim
    evidence: Evidence
    seconds: float


def verdict(holds: bool) -> Verdict:
    """HOLDS or DOES_NOT_HOLD."""
    return Verdict.HOLDS if holds else Verdict.DOES_NOT_HOLD


def holds(findings: Iterable[Finding], claim: str) -> bool:
    """Whether a finding says that the claim of this name holds."""
    return any(finding.claim.id == claim and finding.evidence.verdict is Verdict.HOLDS for finding in findings)


def run_check(checked: CheckedClaim, seed: int) -> Finding:
    """Check one claim. An exception in a check is a claim that does not hold, with the error as evidence.

    For want of memory, a library or a file nothing is decided.
    """
    start = time.perf_counter()
    try:
        evidence = checked.check(seed)
    except (MemoryError, ImportError, OSError) as error:
        evidence = Evidence(
            Verdict.NOT_DECIDED,
            f"the check could not run: {type(error).__name__}: {error}",
            "",
            "this machine lacks what the check needs, which says nothing of the claim",
        )
    except Exception as error:
        evidence = Evidence(
            Verdict.DOES_NOT_HOLD,
            f"the check failed: {type(error).__name__}: {error}",
            "no error",
            "a check must finish",
        )
    return Finding(checked.claim, evidence, time.perf_counter() - start)


def run_thoroughly(checked: CheckedClaim, seeds: Sequence[int]) -> Finding:
    """Check one claim on every seed. It holds only if it does on each; the evidence is that of the worst seed.

    A claim that does not hold is worse than one that is not decided, and that worse than one that holds; of equals it
    is the first seed's. Each seed's test may reject a true claim: their sizes add up (Bonferroni), and the evidence
    says to what.
    """
    findings = [run_check(checked, seed) for seed in seeds]
    decisive = max(range(len(seeds)), key=lambda at: findings[at].evidence.verdict.severity)
    evidence = findings[decisive].evidence
    held = sum(finding.evidence.verdict is Verdict.HOLDS for finding in findings)
    total = checked.size * len(seeds)
    most = "at most" if checked.size_is == "proved" else "about"
    sizes = f"; over all seeds a true claim is rejected with probability {most} {total:.0e}" if total else ""
    return Finding(
        checked.claim,
        replace(
            evidence,
            measured=f"holds on {held} of {len(seeds)} seeds; seed {seeds[decisive]}: {evidence.measured}",
            reason=evidence.reason + sizes,
        ),
        sum(finding.seconds for finding in findings),
    )


def write_findings(findings: Iterable[Finding], path: Path) -> None:
    """Write findings as a JSON list, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(findings_json(findings) + "\n", encoding="utf-8")


def findings_json(findings: Iterable[Finding]) -> str:
    """Findings as a JSON list, which `read_findings` reads from a file."""
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False)


def read_findings(path: Path) -> list[Finding]:
    """Read what `write_findings` wrote, also before claims had a `proof`. Raises ValueError for anything else."""
    try:
        return [
            Finding(
                _claim(entry["claim"]),
                Evidence(**{**entry["evidence"], "verdict": Verdict(entry["evidence"]["verdict"])}),
                entry["seconds"],
            )
            for entry in json.loads(path.read_text(encoding="utf-8"))
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.absolute()} holds no findings that can be read: {error}") from error


def _claim(entry: dict[str, Any]) -> Claim:
    proof = entry.get("proof")
    return Claim(**{**entry, "proof": Proof(**proof) if proof else None})
