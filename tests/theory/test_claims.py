import pytest

from theory.claims import (
    CheckedClaim,
    Claim,
    Evidence,
    Verdict,
    nearest_name,
    read_findings,
    run_check,
    write_findings,
)

CLAIM = Claim("test", "a statement", "a source")


def test_an_exception_in_a_check_is_a_claim_that_does_not_hold():
    def broken(seed: int) -> Evidence:
        raise ZeroDivisionError(f"of seed {seed}")

    finding = run_check(CheckedClaim(CLAIM, broken), seed=3)
    assert finding.evidence.verdict is Verdict.DOES_NOT_HOLD
    assert "ZeroDivisionError: of seed 3" in finding.evidence.measured


def test_findings_survive_a_round_trip(tmp_path):
    evidence = Evidence(Verdict.HOLDS, "1 ≤ 2", "2", "arithmetic")
    findings = [run_check(CheckedClaim(CLAIM, lambda seed: evidence), seed=0)]
    write_findings(findings, tmp_path / "findings.json")
    assert read_findings(tmp_path / "findings.json") == findings
    assert list(tmp_path.iterdir()) == [tmp_path / "findings.json"]


@pytest.mark.parametrize(
    ("name", "hint"), [("theorem1", "did you mean 'theorem-1'"), ("xyz", "known: theorem-1, lemma-1")]
)
def test_nearest_name(name, hint):
    assert hint in nearest_name(name, ["theorem-1", "lemma-1"])
