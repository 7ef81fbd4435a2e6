import pytest

from theory.claims import (
    CheckedClaim,
    Claim,
    Evidence,
    Verdict,
    read_findings,
    run_check,
    run_thoroughly,
    worst_verdict,
    write_findings,
)

CLAIM = Claim("test", "a statement", "a source")


def test_an_exception_in_a_check_is_a_claim_that_does_not_hold():
    def broken(seed: int) -> Evidence:
        raise ZeroDivisionError(f"of seed {seed}")

    finding = run_check(CheckedClaim(CLAIM, broken), seed=3)
    assert finding.evidence.verdict is Verdict.DOES_NOT_HOLD
    assert "ZeroDivisionError: of seed 3" in finding.evidence.measured


@pytest.mark.parametrize("error", [MemoryError("8 GB"), ImportError("cvxpy"), FileNotFoundError("checked.json")])
def test_what_the_machine_lacks_decides_nothing(error):
    def broken(seed: int) -> Evidence:
        raise error

    finding = run_check(CheckedClaim(CLAIM, broken), seed=3)
    assert finding.evidence.verdict is Verdict.NOT_DECIDED
    assert str(error) in finding.evidence.measured


def test_findings_survive_a_round_trip(tmp_path):
    evidence = Evidence(Verdict.HOLDS, "1 ≤ 2", "2", "arithmetic")
    findings = [run_check(CheckedClaim(CLAIM, lambda seed: evidence), seed=0)]
    write_findings(findings, tmp_path / "findings.json")
    assert read_findings(tmp_path / "findings.json") == findings
    assert list(tmp_path.iterdir()) == [tmp_path / "findings.json"]


def _checked(verdicts: dict[int, Verdict], size: float = 0.0) -> CheckedClaim:
    return CheckedClaim(CLAIM, lambda seed: Evidence(verdicts[seed], f"of seed {seed}", "bound", "reason"), size)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ((Verdict.HOLDS, Verdict.HOLDS, Verdict.HOLDS), 0),
        ((Verdict.HOLDS, Verdict.NOT_DECIDED, Verdict.HOLDS), 1),
        ((Verdict.NOT_DECIDED, Verdict.HOLDS, Verdict.DOES_NOT_HOLD), 2),
    ],
)
def test_thorough_evidence_is_that_of_the_worst_seed(verdicts, worst):
    finding = run_thoroughly(_checked(dict(zip((7, 8, 9), verdicts, strict=True))), range(7, 10))
    count = sum(verdict is Verdict.HOLDS for verdict in verdicts)
    assert finding.evidence.verdict is verdicts[worst]
    assert finding.evidence.measured == f"holds on {count} of 3 seeds; seed {7 + worst}: of seed {7 + worst}"
    assert finding.evidence.reason == "reason"


def test_sizes_add_up_over_seeds():
    finding = run_thoroughly(_checked(dict.fromkeys(range(4), Verdict.HOLDS), size=1e-3), range(4))
    assert "rejected with probability at most 4e-03" in finding.evidence.reason


def test_a_claim_of_several_parts_has_the_verdict_of_the_worst():
    holds, open_, not_ = Verdict.HOLDS, Verdict.NOT_DECIDED, Verdict.DOES_NOT_HOLD
    assert worst_verdict([holds, holds]) is holds
    assert worst_verdict([holds, open_]) is open_
    assert worst_verdict([open_, not_, holds]) is not_
