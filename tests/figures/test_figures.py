"""Figures and page from the records of a small job on real images."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from empirical.runs.records import read_runs
from figures.__main__ import main


@pytest.fixture
def records(main_job, tmp_path) -> Path:
    """A copy of the job's records without anything drawn."""
    for path in main_job.iterdir():
        if path.is_dir() and path.name != "figures":
            shutil.copytree(path, tmp_path / path.name)
    shutil.copy(main_job / "theory.json", tmp_path)
    return tmp_path


def test_everything_is_redrawn_from_records_alone(records, main_job, capsys):
    for checkpoint in records.rglob("checkpoint.pt"):
        checkpoint.unlink()
    assert main([str(records)]) == 0
    assert "report: " in capsys.readouterr().out
    for svg in (main_job / "figures").glob("*.svg"):
        assert (records / "figures" / svg.name).read_bytes() == svg.read_bytes(), "the same records, the same picture"
    for png in (records / "figures").glob("*.png"):
        with Image.open(png) as image:
            colours = image.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 100


def test_the_page_is_self_contained_and_whole(records):
    assert main([str(records)]) == 0
    page = (records / "report.html").read_text()
    references = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert all(reference.startswith("#") for reference in references)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids)), "two figures share an id: one would draw with the other's parts"

    class Balance(HTMLParser):
        open_tags: ClassVar[list[str]] = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br", "link", "img"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open_tags == []
    for run in read_runs(records):
        assert run.path.name in page
        assert run.config.train_digest in page
    for finding in json.loads((records / "theory.json").read_text()):
        assert finding["claim"]["id"] in page
    for claim in ("C1", "C2", "C8", "C18"):
        assert f"<b>{claim}</b>" in page


def test_text_from_records_is_escaped(records):
    for config in records.glob("*/config.json"):
        content = json.loads(config.read_text())
        content["source"] = "<script>alert(1)</script>"
        config.write_text(json.dumps(content))
    assert main([str(records)]) == 0
    page = (records / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_two_sets_of_results_make_two_sections(records, tmp_path_factory):
    from empirical.run import main as run

    arguments = ["--train-size", "60", "--test-size", "30", "--tests", "true-labels", "--out", str(records)]
    assert run(arguments) == 0
    page = (records / "report.html").read_text()
    headings = [heading for heading in re.findall(r"<h2>([^<]*)</h2>", page) if "mlp-1x512" in heading]
    assert len(headings) == len(set(headings)) == 2
    figures = records / "figures"
    assert len(list(figures.glob("loss-curves_*.svg"))) == 2
    assert len(list(figures.glob("corruption_*.svg"))) == 1, "one level of corruption is no figure against it"


def test_no_records(tmp_path, capsys):
    assert main([str(tmp_path / "nothing")]) == 2
    assert "no directory of records" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "no finished runs" in capsys.readouterr().err


def test_the_page_in_a_real_browser(main_job, tmp_path):
    """Headless Chromium opens it from disk, draws both figures, and at a phone's width nothing sticks out."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed")
    probe = """<script>addEventListener("load", () => {
      const svgs = [...document.querySelectorAll("figure svg")];
      const report = { svgs: svgs.map((svg) => svg.getBoundingClientRect().height),
        overflow: document.documentElement.scrollWidth - innerWidth,
        tables: document.querySelectorAll("table").length };
      document.title = JSON.stringify(report); });</script>"""
    page = tmp_path / "page.html"
    page.write_text((main_job / "report.html").read_text().replace("</body>", probe + "</body>"))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,1200", "--dump-dom", page.as_uri()]
    document = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    title = re.search(r"<title>(\{.*?\})</title>", document)
    assert title is not None
    report = json.loads(title.group(1))
    assert len(report["svgs"]) == 3
    assert min(report["svgs"]) > 100
    assert report["overflow"] <= 0
    assert report["tables"] >= 4
