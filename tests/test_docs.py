"""The front door and the docs are true: their code runs, their links lead somewhere, their numbers are the records'."""

import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from empirical.claims.randomization_tests import compare
from empirical.claims.result_sets import result_sets
from empirical.runs.records import read_runs

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def code_of(page: Path) -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


@pytest.mark.parametrize("page", [page for page in PAGES if code_of(page)], ids=lambda page: page.name)
def test_the_code_runs_on_a_readers_own_csv(page, tmp_path, monkeypatch, capsys):
    random = np.random.default_rng(0)
    table = np.column_stack([random.standard_normal((50, 3)), random.integers(0, 4, 50)])
    np.savetxt(tmp_path / "mine.csv", table, delimiter=",", header="a,b,c,label")
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    if "verified_check" in code_of(page) and not all(map(shutil.which, ("coqc", "ocamlfind"))):
        pytest.skip("needs Coq and OCaml: Debian's coq and ocaml-findlib")
    exec(code_of(page), {})
    if page.name == "theory.md":
        output = capsys.readouterr().out
        assert "103 weights" in output
        assert "CheckedCertificate(holds=True, points=50" in output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in targets:
        if not target.startswith(("http", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("ending", ["-m empirical.run", "-m pytest"])
def test_two_commands_of_one_line(ending):
    lines = [line for line in README.read_text().splitlines() if line.endswith(ending)]
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "reproduce.md"], ids=lambda page: page.name)
def test_console_scripts_are_named_and_lead_somewhere(page):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert len(scripts) > 2
    for name, target in scripts.items():
        module, _, function = target.partition(":")
        assert f"`{name}`" in page.read_text()
        assert callable(getattr(importlib.import_module(module), function))


def test_the_front_door_is_short():
    assert len(README.read_text().split()) <= 900


@pytest.mark.parametrize("script", ["generated_numbers.py", "rooms.py"])
def test_numbers_and_picture_are_those_of_the_records_and_the_code(script):
    command = [sys.executable, f"docs/{script}", "--check"]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)}
    )
    assert process.returncode == 0, process.stdout + process.stderr


def test_the_site_builds_without_a_broken_link(tmp_path):
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "index.html").exists()


def test_the_main_job_decides_its_claims():
    (results,) = result_sets(read_runs(ROOT / "results" / "digits"))
    assert len({finding.claim.id for finding in compare(results)}) > 5
