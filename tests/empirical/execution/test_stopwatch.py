"""Seconds of work told apart from waiting for a core."""

import subprocess
import sys
import time

import pytest

from empirical.execution import stopwatch
from empirical.execution.stopwatch import Stopwatch, seconds_waited


def work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_elapsed_is_undisturbed_and_waited():
    watch = Stopwatch()
    work(0.05)
    assert watch.elapsed >= 0.05
    assert 0 <= watch.waited <= watch.elapsed
    assert watch.undisturbed + watch.waited == pytest.approx(watch.elapsed, abs=0.02)


def test_sleep_is_no_waiting():
    """A thread that asked to sleep was not ready: disk and network count as work."""
    watch = Stopwatch()
    time.sleep(0.2)
    assert watch.undisturbed > 0.15


def test_company_on_one_core_is_waited_for():
    """Two busy processes on one core: each has it about half the time, less its start."""
    if not seconds_waited():
        pytest.skip("this system does not tell")
    code = """
import os, time
from empirical.execution.stopwatch import Stopwatch
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
other = os.fork()
if not other:
    until = time.perf_counter() + 2.0
    while time.perf_counter() < until: pass
    os._exit(0)
watch = Stopwatch()
until = time.perf_counter() + 0.5
while time.perf_counter() < until: pass
print(watch.waited / watch.elapsed)
os.waitpid(other, 0)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(process.stdout) > 0.2


def test_where_the_system_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(stopwatch, "_SCHEDSTAT", tmp_path / "none")
    watch = Stopwatch()
    work(0.01)
    assert watch.waited == 0.0
    assert watch.undisturbed >= 0.01
