"""Notes, paths, names and numbers of records are text of anybody: shown as they are, bounded, never obeyed."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import empirical.job
from empirical.run import main as run
from figures.__main__ import main as draw
from figures.style import figure, mathematics
from theory.common.plain_text import visible

_TEXT = "{http://www.w3.org/2000/svg}text"
HOSTILE = "costs $5 or $6^{, \x1b[31mred\x1b[0m \x00 <script>alert(1)</script> {{ 7 * 7 }} [bold]\u202e"


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    """Small records whose note is hostile."""
    out = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empirical.job, "report_runs", lambda *_: True)
        command = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--out", str(out)]
        assert run([*command, "--tests", "true-labels", "random-labels", "--data-note", HOSTILE]) == 0
    return out


@pytest.fixture
def out(records, tmp_path) -> Path:
    shutil.copytree(records, tmp_path / "out")
    return tmp_path / "out"


def test_a_note_is_shown_and_not_obeyed(out):
    assert draw([str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "costs $5 or $6^{, \\x1b[31mred\\x1b[0m \\x00 &lt;script&gt;" in page
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
    assert not set(page) & {"\x1b", "\x00", "\u202e"}
    figures = list((out / "figures").glob("*.svg"))
    assert figures
    for path in figures:
        ElementTree.parse(path)


def test_all_texts_of_a_figure_are_plain_but_for_mathematics(tmp_path):
    with figure(tmp_path / "figure", "$a^{ $") as drawing:
        axes = drawing.add_subplot()
        axes.plot([1, 10], [1, 100], label="$x_{ $\x07")
        axes.set(xscale="log", yscale="log", title="$\\bad{ $", xlabel="$$")
        mathematics(axes.set_ylabel("$x^2$"))
        axes.set_xticks([1, 10], ["$no_{ $", "\x1b[1m"])
        axes.legend()
    svg = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    texts = ["".join(text.itertext()).strip() for text in ElementTree.fromstring(svg).iter(_TEXT)]
    for fragment in ("$a^{ $", "$\\bad{ $", "$x_{ $\\x07", "$$", "$no_{ $", "\\x1b[1m"):
        assert fragment in texts
    assert "$x^2$" not in texts, "mathematics is set"
    assert "\x07" not in svg


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("summary.json", "[" * 100_000, "nested too deeply"),
        ("summary.json", '{"metrics": [], "time": {}, "environment": {}}', "metrics"),
        ("summary.json", '{"metrics": {"test_accuracy": NaN}, "time": {}, "environment": {}}', "NaN"),
        ("summary.json", '{"metrics": {"test_accuracy": "<b>"}, "time": {}, "environment": {}}', "test_accuracy"),
        ("summary.json", '{"metrics": {"test_accuracy": 1e999}, "time": {}, "environment": {}}', "1e999"),
        ("summary.json", '{"metrics": {}, "time": {"seconds": "long"}, "environment": {}}', "seconds"),
        ("summary.json", "null", "summary"),
        ("config.json", "[]", "config"),
        ("config.json", "{}", "no run of kind None"),
        ("metrics.jsonl", '{"epoch": "many"}\n', "epoch"),
        ("metrics.jsonl", "3\n", "epoch"),
    ],
)
def test_a_record_that_is_none_is_named(out, file, content, says, capsys):
    path = next(path.parent for path in out.glob("*mlp*/summary.json"))
    (path / file).write_text(content)
    assert draw([str(out)]) == 2
    error = capsys.readouterr().err
    assert path.name in error
    assert says in error
    assert len(error) < 1000


@pytest.mark.parametrize(("name", "value"), [("n_train", "many"), ("seed", {}), ("model", 3), ("num_classes", None)])
def test_a_configuration_of_other_types_is_named(out, name, value, capsys):
    path = next(path.parent for path in out.glob("*mlp*/summary.json"))
    content = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(content | {name: value}))
    assert draw([str(out)]) == 2
    error = capsys.readouterr().err
    assert path.name in error
    assert name in error


def test_an_enormous_file_is_not_read(out, capsys):
    path = next(path.parent for path in out.glob("*mlp*/summary.json"))
    with open(path / "summary.json", "r+b") as file:
        file.truncate(10**10)  # without a byte on the disk
    assert draw([str(out)]) == 2
    assert "10,000,000,000 bytes" in capsys.readouterr().err


def test_a_copied_run_counts_once(out):
    path = next(path.parent for path in out.glob("*mlp*/summary.json"))
    names = {directory.name for directory in out.iterdir()}
    shutil.copytree(path, out / "a copy")
    shutil.copytree(path, out / f"a-copy_{path.name.rpartition('_')[2]}")
    from empirical.runs.records import read_runs

    assert len(read_runs(out)) == len([name for name in names if "_" in name])


def test_visible_text():
    assert visible("plain ä 中\n") == "plain ä 中\n"
    assert visible("\x1b]0;title\x07") == "\\x1b]0;title\\x07"
    assert visible("\ud800") == "\\ud800"
    assert len(visible("x" * 10**6)) < 4100
