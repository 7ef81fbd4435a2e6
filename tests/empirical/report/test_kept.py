"""What is kept between reports: the theory's findings per version, figures and page until what they show changes."""

import os
import shutil
from pathlib import Path

import pytest

from empirical.report import freshness, theory_findings
from empirical.report.freshness import Report
from theory.claims import CheckedClaim, Claim, Evidence, Verdict

CLAIM = Claim("a-claim", "It holds.", "nowhere")


class Checks:
    """Claims that count how often they are checked."""

    def __init__(self, outcome: Verdict = Verdict.HOLDS):
        self.count, self.outcome = 0, outcome

    def __call__(self, seed: int) -> Evidence:
        self.count += 1
        return Evidence(self.outcome, f"seed {seed}", "a bound", "a reason")


@pytest.fixture
def checks(tmp_path, monkeypatch) -> Checks:
    checks = Checks()
    monkeypatch.setattr("theory.checks.CLAIMS", (CheckedClaim(CLAIM, checks),))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return checks


def test_findings_are_kept_for_each_seed_and_version(checks, tmp_path, monkeypatch):
    first = theory_findings.theory_findings(0, tmp_path)
    assert theory_findings.theory_findings(0, tmp_path / "other") == first
    assert checks.count == 1
    assert theory_findings.theory_findings(1, tmp_path)[0].evidence.measured == "seed 1"
    assert checks.count == 2
    monkeypatch.setattr(theory_findings, "theory_digest", lambda: "0123456789abcdef0123")
    theory_findings.theory_findings(0, tmp_path)
    assert checks.count == 3, "another version is checked anew"


def test_a_digest_is_of_every_source_file_and_package(tmp_path, monkeypatch):
    shutil.copytree(Path(theory_findings.theory.__file__).parent, tmp_path / "theory")
    monkeypatch.setattr(theory_findings.theory, "__file__", str(tmp_path / "theory" / "__init__.py"))
    before = theory_findings.theory_digest()
    with open(tmp_path / "theory" / "common" / "streams.py", "a") as source:
        source.write("\n")
    changed = theory_findings.theory_digest()
    assert changed != before
    monkeypatch.setattr(theory_findings.metadata, "version", lambda package: "0")
    assert theory_findings.theory_digest() not in (before, changed)


def test_without_a_cache_directory_findings_are_with_the_records(checks, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        theory_findings.theory_findings(0, tmp_path / "records")
    assert checks.count == 1
    assert list((tmp_path / "records" / ".cache").iterdir())


def test_where_nothing_can_be_written_it_is_checked_every_time(checks, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert theory_findings.theory_findings(0, tmp_path / "file")
    assert checks.count == 2


@pytest.mark.parametrize("content", ["", "{", "[{}]", '[{"claim": 1}]'])
def test_damaged_findings_are_checked_anew(content, checks, tmp_path):
    first = theory_findings.theory_findings(0, tmp_path)
    (kept,) = (tmp_path / "cache" / "rethinking-generalization").iterdir()
    kept.write_text(content)
    assert theory_findings.theory_findings(0, tmp_path)[0].evidence == first[0].evidence
    assert checks.count == 2


def test_what_does_not_hold_is_not_kept(checks, tmp_path):
    checks.outcome = Verdict.DOES_NOT_HOLD
    for _ in range(2):
        theory_findings.theory_findings(0, tmp_path)
    assert checks.count == 2


@pytest.fixture
def reported(tmp_path) -> Path:
    """A directory as a report leaves it: a run, theory's findings, a figure, the page."""
    files = ("run_0123456789ab/summary.json", "run_0123456789ab/metrics.jsonl", "theory.json")
    for name in (*files, "claims.json", "figures/a.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "report.html").write_text("page")
    Report(tmp_path).stamp()
    return tmp_path


def test_what_has_not_changed_is_fresh(reported):
    assert Report(reported).fresh
    (reported / "launcher").mkdir()
    (reported / "launcher" / "runs.json").write_text("{}")
    os.utime(reported / "theory.json")
    assert Report(reported).fresh


@pytest.mark.parametrize(
    "name",
    [
        *("run_0123456789ab/summary.json", "run_0123456789ab/metrics.jsonl", "run_0/summary.json"),
        *("theory.json", "expressivity.json", "inner/theory.json", "inner/run_0/summary.json"),
        *("figures/a.svg", "figures/b.svg", "claims.json", "report.html", ".report.json"),
    ],
)
def test_whatever_is_read_or_made_and_changes_is_made_anew(name, reported):
    (reported / name).parent.mkdir(parents=True, exist_ok=True)
    (reported / name).write_text("2")
    assert not Report(reported).fresh


@pytest.mark.parametrize(
    "name", ["report.html", "claims.json", "figures/a.svg", "run_0123456789ab/summary.json", ".report.json"]
)
def test_whatever_is_missing_is_made_anew(name, reported):
    (reported / name).unlink()
    assert not Report(reported).fresh


def test_another_version_draws_anew(reported, monkeypatch):
    monkeypatch.setattr(freshness, "code_digest", lambda: "another")
    assert not Report(reported).fresh


def test_the_code_is_all_three_packages_and_the_page(monkeypatch):
    names = []
    original = freshness.source_digest

    def note(files, folder, packages):
        files = list(files)
        names.extend(file.name for file in files)
        return original(files, folder, packages)

    monkeypatch.setattr(freshness, "source_digest", note)
    assert freshness.code_digest() == freshness.code_digest()
    assert {"report.html.jinja", "result_figure.py", "verdicts.py", "claims.py"} <= set(names)
