"""Every claim holds on fresh instances, and the command line says so."""

import json
from dataclasses import replace

import pytest

from theory.__main__ import main
from theory.checks import CLAIMS
from theory.claims import CheckedClaim, Evidence, Verdict, run_thoroughly


@pytest.mark.parametrize("checked", CLAIMS, ids=lambda checked: checked.claim.id)
@pytest.mark.parametrize("seed", [1, pytest.param(0, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
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
    monkeypatch.setattr("theory.checks.CLAIMS", (checked,))
    assert main([]) == 1


def test_thorough_checks_five_seeds_and_one_that_fails_is_enough(monkeypatch, tmp_path, capsys):
    seeds = []

    def check(seed: int) -> Evidence:
        seeds.append(seed)
        return Evidence(Verdict.DOES_NOT_HOLD if seed == 12 else Verdict.HOLDS, f"of {seed}", "1", "arithmetic")

    claim = CLAIMS[0].claim
    monkeypatch.setattr("theory.checks.CLAIMS", (CheckedClaim(claim, check, size=1e-3),))
    path = tmp_path / "findings.json"
    assert main(["--thorough", "--seed", "10", "--only", claim.id, "--json", str(path)]) == 1
    assert seeds == [10, 11, 12, 13, 14]
    (finding,) = json.loads(path.read_text())
    assert finding["evidence"]["measured"] == "holds on 4 of 5 seeds; seed 12: of 12"
    output = capsys.readouterr().out
    assert "0 of 1 claims hold (seeds 10 to 14" in output
    assert "with probability at most 5.0e-03 (5.0e-03 proved)" in output
    seeds.clear()
    assert main(["--thorough", "--seed", "20"]) == 0
    assert main(["--seed", "12"]) == 1
    assert seeds == [20, 21, 22, 23, 24, 12]


def test_statistical_tests_state_their_size():
    sizes = {checked.claim.id for checked in CLAIMS if checked.size}
    assert sizes == {
        "kaczmarz-rate",
        "kaczmarz-bound",
        "sgd-noise-ball",
        "neural-tangent-kernel",
        "sgd-decaying-steps",
        "ridgeless-risk",
        "limiting-kernel",
        "predicted-dynamics",
        "nearest-neighbour-noise",
        "interpolant-noise-accuracy",
        "ridgeless-label-noise",
        "rademacher-linear",
        "theorem-1-lipschitz",
        "kernel-solvers",
    }


def test_the_sum_of_sizes_says_what_is_proved(monkeypatch, capsys):
    def claim(name, size, kind):
        held = Evidence(Verdict.HOLDS, "1", "1", "a test")
        return CheckedClaim(replace(CLAIMS[0].claim, id=name), lambda seed: held, size, kind)

    claims = (claim("a", 1e-3, "proved"), claim("b", 2e-3, "measured"), claim("c", 3e-3, "measured"))
    monkeypatch.setattr("theory.checks.CLAIMS", claims)
    assert main(["--seed", "1"]) == 0
    assert "probability about 6.0e-03 (1.0e-03 proved, 5.0e-03 measured)" in " ".join(capsys.readouterr().out.split())
    assert "at most 5e-03" in run_thoroughly(claims[0], range(5)).evidence.reason
    assert "about 1e-02" in run_thoroughly(claims[1], range(5)).evidence.reason


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


def test_json_to_standard_output_is_json_alone(capsys):
    assert main(["--only", "sgd-row-space", "--json", "-"]) == 0
    output = capsys.readouterr()
    (finding,) = json.loads(output.out)
    assert finding["claim"]["id"] == "sgd-row-space"
    assert "claims hold" in output.err
