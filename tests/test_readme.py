"""The front door is true: the README's code runs, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_code_runs_on_a_readers_own_csv(tmp_path, monkeypatch, capsys):
    random = np.random.default_rng(0)
    table = np.column_stack([random.standard_normal((50, 3)), random.integers(0, 4, 50)])
    np.savetxt(tmp_path / "mine.csv", table, delimiter=",", header="a,b,c,label")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL))
    exec(code, {})
    output = capsys.readouterr().out
    assert "103 weights" in output
    assert "CheckedCertificate(holds=True, points=50" in output


def test_links_and_pictures_lead_somewhere():
    text = README.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [target for target in targets if not target.startswith("http")]
    assert len(local) > 10
    for target in local:
        assert (README.parent / target).exists(), target


@pytest.mark.parametrize("ending", ["-m empirical.run", "-m pytest"])
def test_two_commands_of_one_line(ending):
    lines = [line for line in README.read_text().splitlines() if line.endswith(ending)]
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")
