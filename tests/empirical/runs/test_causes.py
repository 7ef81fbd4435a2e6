"""What goes wrong is called by its name: a full disk, a file system without locks, a damaged part."""

import fcntl
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from empirical.runs.records import BusyError, _lock
from empirical.runs.resumable_parts import Parts


def test_a_full_disk_is_called_so(tmp_path):
    """A limit on the size of files stands for the disk, in a process of its own."""
    code = f"""
import resource, torch
from pathlib import Path
from theory.common.tensor_files import save_tensors
path = Path({str(tmp_path)!r}) / "state.pt"
save_tensors(path, {{"w": torch.zeros(10)}})
before = path.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    save_tensors(path, {{"w": torch.zeros(100_000)}})
except OSError as error:
    print(type(error).__name__, error)
assert path.read_bytes() == before
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert "File too large" in process.stdout, process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that signal")
def test_an_interrupt_while_a_state_is_written_is_an_interrupt(tmp_path):
    """The archive's writer in C++ made another error of it, or ended the process.

    An interrupt that arrives in a certain line of the standard library's `copyreg._slotnames`, one of some two hundred,
    is swallowed there by a bare `except`. So the timer signals again after a second, as a user would.
    """
    code = f"""
import random, signal, torch
from pathlib import Path
from theory.common.tensor_files import load_tensors, save_tensors
path = Path({str(tmp_path)!r}) / "state.pt"
content = {{str(number): torch.zeros(1000) for number in range(100)}}
save_tensors(path, content)
signal.signal(signal.SIGALRM, signal.default_int_handler)
interrupts, chance = 0, random.Random(0)
while interrupts < 100:
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0005, 0.01), 1)
        while True:
            save_tensors(path, content)
    except KeyboardInterrupt:
        interrupts += 1
        signal.setitimer(signal.ITIMER_REAL, 0)  # the next signal could find the interpreter at its end
assert len(load_tensors(path)) == 100
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_file_system_without_locks_says_what_to_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ValueError, match=r"has no locks \(Function not implemented\).*give an --out on a local disk"):
        _lock(tmp_path / "run").__enter__()


def test_a_held_lock_is_busy(tmp_path):
    with _lock(tmp_path / "run"), pytest.raises(BusyError):
        _lock(tmp_path / "run").__enter__()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"value": 3}', "flip"])
def test_a_damaged_part_is_measured_again_and_named(tmp_path, damage, capsys):
    calls = []

    def compute():
        calls.append(1)
        return {"loss": 0.1 + 0.2, "values": [1, 2.5]}

    parts = Parts(tmp_path, lambda *_: None)
    right = parts("gradient", compute)
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(path.read_bytes().replace(b"0.3", b"0.4") if damage == "flip" else damage)
    assert parts("gradient", compute) == right
    assert len(calls) == 2
    error = capsys.readouterr().err
    assert path.name in error
    assert "measured again" in error
    assert parts("gradient", compute) == right
    assert len(calls) == 2, "what was measured again is kept"


def test_a_part_comes_back_to_the_bit(tmp_path):
    value = {"x": [0.1, 1e-300, -0.0], "y": None}
    parts = Parts(tmp_path, lambda *_: None)
    assert (
        json.dumps(parts("a", lambda: value))
        == json.dumps(parts("a", lambda: pytest.fail("kept")))
        == json.dumps(value)
    )
