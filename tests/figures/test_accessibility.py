"""The page for everybody: by axe-core where it is installed, and by the checks that matter most where it is not.

axe-core is not a dependency: `npm install axe-core`, anywhere, and AXE_CORE=.../axe.min.js run it.
"""

import html
import json
import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from figures.__main__ import main
from tests.figures.made_up_networks import paper_runs
from tests.made_up import write_run

WIDTHS = (390, 1280, 1920)

PROBE = Path(__file__).with_name("accessibility.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """The page of made-up records of all the paper's experiments."""
    out = tmp_path_factory.mktemp("records")
    for run in paper_runs():
        write_run(run, out)
    assert main([str(out)]) == 0
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that opens a page in headless Chromium and gives what its script has put into `answer`."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed")
    directory = tmp_path_factory.mktemp("browser")

    def run(page: str, script: str, width: int) -> Any:
        probe = (
            f"<script>addEventListener('load', async () => {{ {script}; const place = document.createElement('pre');"
        )
        probe += (
            "place.id = 'answer'; place.textContent = JSON.stringify(answer); document.body.append(place); });</script>"
        )
        file = directory / "page.html"
        file.write_text(page.replace("</body>", probe + "</body>"), encoding="utf-8")
        # Old headless Chromium has no window narrower than 500 pixels: a frame of the width is one.
        frame = directory / "frame.html"
        frame.write_text(
            f"<body style='margin:0'><iframe id=f src=page.html width={width} height=4000 style='border:0'></iframe>"
            "<script>setInterval(() => { const it = f.contentDocument && f.contentDocument.getElementById('answer');"
            "if (it && !window.answer) { answer = document.createElement('pre'); answer.id = 'found';"
            "answer.textContent = it.textContent; document.body.append(answer); } }, 50);</script>"
        )
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += ["--allow-file-access-from-files", "--virtual-time-budget=60000"]
        command += [f"--user-data-dir={directory / 'profile'}", "--window-size=2000,1200", "--dump-dom", frame.as_uri()]
        document = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
        match = re.search(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)
        assert match is not None, document[-1000:]
        return json.loads(html.unescape(match.group(1)))

    return run


def dark(page: str) -> str:
    """The page as it is where dark is preferred, whatever this browser prefers."""
    return page.replace("@media (prefers-color-scheme: dark)", "@media all")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_matters_most(page, ask, width, scheme):
    answer = ask(dark(page) if scheme == "dark" else page, PROBE, width)
    assert answer["language"] == "en"
    assert answer["title"]
    assert answer["landmarks"] == [1, 1, 1]
    levels = answer["headings"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), "no level is left out"
    for name in ("unlabelled", "tables_without_headers", "empty_headers", "scrolls_without_keyboard", "dead_links"):
        assert answer[name] == 0, name
    assert answer["repeated_ids"] == 0
    contrast, where = answer["least_contrast"]
    assert contrast >= 4.5, where
    assert answer["sticks_out"] <= 0
    assert answer["cut"] == 0, "a table is cut on a wide screen"


AXE = os.environ.get("AXE_CORE", "")


@pytest.mark.skipif(not Path(AXE).is_file(), reason="axe-core is not installed, or AXE_CORE does not name axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(page, ask, scheme):
    run = "const report = await axe.run(document, {exclude: []}); const answer = report.violations.map((one) => "
    run += "[one.impact, one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)])"
    with_axe = (dark(page) if scheme == "dark" else page).replace(
        "</head>", f"<script>{Path(AXE).read_text(encoding='utf-8')}</script></head>"
    )
    findings = ask(with_axe, run, 1280)
    assert [finding for finding in findings if finding[0] in ("serious", "critical")] == []
