"""`status` at any moment, of any content: it says what is known, and raises nothing."""

import io
import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

import empirical.job
from empirical.execution.status import PLANNED, print_status, read_status
from empirical.run import main

ODD = [b"", b"null", b"[]", b"3", b'"text"', b"{", b"[" * 100_000, b"\xff\xfe", b"NaN", b'{"epoch": 1e400}\n']
ODD += [json.dumps({name: value}).encode() + b"\n" for name in ("metrics", "time") for value in (None, 3, [1], "x")]
ODD += [b'{"metrics": {"step": "x", "epoch": [], "train_accuracy": {}}, "time": {"seconds": "long"}}\n']
ODD += [b'{"metrics": {"step": 1, "epoch": ' + b"9" * 4000 + b', "train_accuracy": true}, "time": {"seconds": -1}}\n']
FILES = ["config.json", "metrics.jsonl", "summary.json", "lock", str(Path("..") / PLANNED)]


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empirical.job, "report_runs", lambda *_: True)
        command = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--out", str(out)]
        assert main([*command, "--tests", "random-labels"]) == 0
    return out


def status_text(out: Path) -> str:
    text = io.StringIO()
    assert print_status(out, Console(file=text, width=200, force_terminal=True)) == 0
    return text.getvalue()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(FILES), content=st.sampled_from(ODD) | st.binary(max_size=60))
def test_any_content_is_survived(records, tmp_path_factory, file, content):
    out = tmp_path_factory.getbasetemp() / "odd"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(records, out)
    (out / PLANNED).parent.mkdir()
    run = next(out.glob("*mlp*"))
    (run / file).resolve().write_bytes(content)
    status_text(out)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang_it(records, tmp_path):
    shutil.copytree(records, tmp_path / "out")
    run = next((tmp_path / "out").glob("*mlp*"))
    for name in ("config.json", "summary.json"):
        (run / name).unlink()
        os.mkfifo(run / name)
    status_text(tmp_path / "out")


def test_terminal_orders_are_spelled_out(records, tmp_path):
    shutil.copytree(records, tmp_path / "out")
    (tmp_path / "out" / PLANNED).parent.mkdir()
    title = "\x1b]0;owned\x07[red]red[/red]\x1b[2J"
    (tmp_path / "out" / PLANNED).write_text(json.dumps({"a_0123456789ab": {"title": title}, "b_0123456789ab": 3}))
    text = status_text(tmp_path / "out")
    assert "\\x1b]0;owned\\x07[red]red[/red]\\x1b[2J" in text
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text


def test_directories_that_change_under_it(records, tmp_path):
    """Hundreds of looks while another thread makes, fills, tears and removes run directories."""
    out = tmp_path / "out"
    shutil.copytree(records, out)
    run = next(out.glob("*mlp*"))
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            path = out / f"x_{number % 7:012x}"
            shutil.copytree(run, path, dirs_exist_ok=True)
            (path / "scratch" / "deep" / "er").mkdir(parents=True, exist_ok=True)
            (path / "scratch" / "deep" / "er" / "part.json").write_text("{}")
            shutil.rmtree(path, ignore_errors=True)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert any(status.name == run.name for status in read_status(out))
    finally:
        stop.set()
        thread.join()
