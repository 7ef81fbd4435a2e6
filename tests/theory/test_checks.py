"""Every claim holds on fresh instances, and the command line says so."""

import json

import pytest

from theory.__main__ import main
from theory.checks import CLAIMS
from theory.claims import Evidence, Verdict


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_claim_holds(checked, seed):
    evidence = checked.check(seed)
    assert evidence.verdict is Verdict.HOLDS, evidence
    assert evidence.measured
    assert evidence.bound
    assert evidence.reason


def test_ids_are_unique():
    assert len({checked.claim.id for checked in CLAIMS}) == len(CLAIMS)


def test_only_and_json(tmp_path, capsys):
    assert main(["--only", "sgd-row-space", "--seed", "5", "--json", str(tmp_path / "findings.json")]) == 0
    (finding,) = json.loads((tmp_path / "findings.json").read_text())
    assert finding["claim"]["id"] == "sgd-row-space"
    assert "1 of 1 claims hold (seed 5" in capsys.readouterr().out


def test_list_checks_nothing(capsys, monkeypatch):
    monkeypatch.setattr("theory.__main__.run_check", lambda *_: pytest.fail("checked"))
    assert main(["--list"]) == 0
    assert "theorem-1" in capsys.readouterr().out


def test_exit_status_says_when_a_claim_fails(monkeypatch):
    failing = Evidence(Verdict.DOES_NOT_HOLD, "2", "1", "arithmetic")
    checked = CLAIMS[0].__class__(CLAIMS[0].claim, lambda seed: failing)
    monkeypatch.setattr("theory.__main__.CLAIMS", (checked,))
    assert main([]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "theorm-1"], "did you mean 'theorem-1'"),
        (["--seed", "-1"], "--seed takes a non-negative integer"),
        (["--json", "/nowhere/at/all.json"], "--json takes a file in a folder that is there"),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
