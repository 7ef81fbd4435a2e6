"""Claims as a whole from their findings, each rule on both sides."""

import json
import re

import pytest

from empirical.claims.claim import missing
from empirical.claims.paper_claims import ALL_CLAIMS, CLAIMS
from empirical.claims.verdicts import DEPENDS, Subject, claim_verdicts, in_words, lines_of, write_verdicts
from empirical.run import main
from theory.checks import CLAIMS as THEORY
from theory.claims import Claim, Evidence, Finding, Verdict


def finding(claim: Claim, verdict: Verdict) -> Finding:
    return Finding(claim, Evidence(verdict, "7", "8", "9"), 0.0)


def subject(*verdicts: Verdict) -> list[Subject]:
    return [Subject(f"set {at}", (finding(CLAIMS[0].claim, verdict),)) for at, verdict in enumerate(verdicts)]


def test_the_claims_are_the_papers_and_the_theorys_ids_exist():
    assert [claim.id for claim in CLAIMS] == [f"C{number}" for number in range(1, len(CLAIMS) + 1)]
    theory_ids = {checked.claim.id for checked in THEORY}
    assert all({*claim.theory, *claim.related} <= theory_ids for claim in CLAIMS)
    assert {claim.id for claim in CLAIMS if claim.theory} == {"C18", "C19", "C20", "C23", "C24"}, "the theorems"
    assert all(claim.theory or claim.decided_by for claim in CLAIMS), "or nobody would know what to do"
    assert all(claim.full_command for claim in ALL_CLAIMS)
    assert len({claim.id for claim in ALL_CLAIMS}) == len(ALL_CLAIMS), "each is stated once"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), Verdict.NOT_DECIDED),
        ((Verdict.NOT_DECIDED,), Verdict.NOT_DECIDED),
        ((Verdict.HOLDS, Verdict.NOT_DECIDED), Verdict.HOLDS),
        ((Verdict.DOES_NOT_HOLD, Verdict.NOT_DECIDED), Verdict.DOES_NOT_HOLD),
        ((Verdict.HOLDS, Verdict.DOES_NOT_HOLD), DEPENDS),
    ],
)
def test_the_rule(verdicts, expected):
    first = claim_verdicts(subject(*verdicts))[0]
    assert first.claim.id == "C1"
    assert first.verdict == expected
    assert len(first.decisive) == len([verdict for verdict in verdicts if verdict is not Verdict.NOT_DECIDED])
    if len(first.decisive) == 1:
        assert first.findings[0] == first.decisive[0], "what decides comes first"


def test_theory_speaks_on_its_claims_and_further_claims_follow(tmp_path):
    theory = [finding(Claim(name, "a", "b"), Verdict.HOLDS) for name in ("theorem-1", "unrelated", "kernel-solvers")]
    further = [Subject("a set", (finding(Claim("capacity-1", "c", "d"), Verdict.DOES_NOT_HOLD),))]
    verdicts = {claim_verdict.claim.id: claim_verdict for claim_verdict in claim_verdicts(further, theory)}
    assert list(verdicts)[29:] == ["capacity-1"]
    assert verdicts["C18"].verdict == Verdict.HOLDS
    assert verdicts["C25"].verdict == Verdict.NOT_DECIDED, "no theorem says that a kernel generalises on images"
    assert [claim_verdict.claim.id for claim_verdict in verdicts["C25"].related] == ["kernel-solvers"]
    assert verdicts["capacity-1"].verdict == Verdict.DOES_NOT_HOLD
    write_verdicts(list(verdicts.values()), tmp_path / "claims.json")
    entries = {entry["id"]: entry for entry in json.loads((tmp_path / "claims.json").read_text())}
    assert entries["C18"]["findings"][0]["claim"] == "theorem-1"
    assert entries["C18"]["findings"][0]["data"] == "", "no run is behind it"
    assert entries["C18"]["verdict"] == "holds"
    assert entries["C1"]["verdict"] == "not decided here"
    assert "random labels" in entries["C1"]["decided_by"]
    assert entries["C1"]["command"] == "python -m empirical.run --tests true-labels random-labels"
    assert entries["C18"]["command"] == "", "it is decided"


def test_theory_beside_a_claim_does_not_contradict_the_runs():
    against = [Subject("a set", (finding(CLAIMS[21].claim, Verdict.DOES_NOT_HOLD),))]
    theory = [finding(Claim("vc-bounds", "a", "b"), Verdict.HOLDS)]
    verdicts = {claim_verdict.claim.id: claim_verdict for claim_verdict in claim_verdicts(against, theory)}
    assert verdicts["C22"].verdict == Verdict.DOES_NOT_HOLD
    against = [Subject("a set", (finding(CLAIMS[17].claim, Verdict.DOES_NOT_HOLD),))]
    theory = [finding(Claim("theorem-1", "a", "b"), Verdict.HOLDS)]
    assert claim_verdicts(against, theory)[17].verdict == DEPENDS


def test_the_console_and_the_page_say_the_same(main_job, capsys):
    """The same command again reports what is recorded: every line of it is a finding of the page's claims."""
    assert main(["--out", str(main_job), "--train-size", "120", "--test-size", "60"]) == 0
    printed = dict(
        re.findall(r"^ *(\S+) (holds|does not hold|not decided here):", capsys.readouterr().out, re.MULTILINE)
    )
    entries = json.loads((main_job / "claims.json").read_text())
    findings = {entry["id"]: [finding["verdict"] for finding in entry["findings"]] for entry in entries}
    assert len(printed) >= 10
    for claim, verdict in printed.items():
        assert verdict in findings[claim]
    undecided = [entry for entry in entries if entry["verdict"] == "not decided here" and entry["command"]]
    page = (main_job / "report.html").read_text()
    assert undecided
    assert all(f"<code>{entry['command']}</code>" in page for entry in undecided)


def test_all_that_needs_other_runs_is_one_line_with_what_it_needs():
    findings = [finding(claim.claim, Verdict.HOLDS) for claim in CLAIMS[:2]]
    needs = ("runs on Gaussian images", "a run on random labels", "runs on Gaussian images")
    absent = [Finding(claim.claim, missing(need), 0.0) for claim, need in zip(CLAIMS[2:5], needs, strict=True)]
    lines = lines_of([findings[0], *absent, findings[1]])
    requirements = "C3, C5: runs on Gaussian images; C4: a run on random labels"
    assert lines[-1] == f"not decided here, for want of other runs: {requirements}"
    assert lines[:-1] == [in_words(finding) for finding in findings]
    assert lines_of(absent[:1]) == [in_words(absent[0])], "a lone finding says what would decide it"
