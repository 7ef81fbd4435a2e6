"""Two ranks on two machines, made of network namespaces: the cable between them is cut, and later is whole again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.empirical.training.test_distributed import (
    SLOW_EPOCHS,
    ended,
    epochs_of,
    free_port,
    only,
    torchrun,
    wait_for_an_epoch_in_part,
)

TIME_OUT = 8
"""Seconds, `--network-timeout`."""


class TwoMachines:
    """Two network namespaces, each with one end of a cable and nothing else."""

    def __init__(self) -> None:
        self._names = [f"torn-{os.getpid()}-{machine}" for machine in "ab"]
        self._ends = ["torn-a", "torn-b"]
        self.addresses = ["10.199.7.1", "10.199.7.2"]
        self._port = free_port()

    def build(self) -> None:
        for name in self._names:
            _ip("netns", "add", name)
        ends = [f"netns {name}".split() for name in self._names]
        _ip("link", "add", self._ends[0], *ends[0], "type", "veth", "peer", "name", self._ends[1], *ends[1])
        for machine, (name, end, address) in enumerate(zip(self._names, self._ends, self.addresses, strict=True)):
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            self.plug(machine)

    def plug(self, machine: int) -> None:
        _ip("-n", self._names[machine], "link", "set", self._ends[machine], "up")

    def cut(self, machine: int) -> None:
        _ip("-n", self._names[machine], "link", "set", self._ends[machine], "down")

    def remove(self) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def torchrun(self, out: Path) -> list[subprocess.Popen]:
        """The command as a user would give it on each of them; files are shared."""
        self._port += 1
        return [self._torchrun_on(machine, out) for machine in (0, 1)]

    def _torchrun_on(self, machine: int, out: Path) -> subprocess.Popen:
        command = [
            *("ip", "netns", "exec", self._names[machine], sys.executable, "-m", "torch.distributed.run"),
            *("--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d"),
            *("--rdzv-endpoint", f"{self.addresses[0]}:{self._port}", "--local-addr", self.addresses[machine]),
            *("--rdzv-conf", f"is_host={int(machine == 0)}", "-m", "empirical.run", *SLOW_EPOCHS),
            *("--network-timeout", str(TIME_OUT), "--out", str(out)),
        ]
        environment = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "GLOO_SOCKET_IFNAME": self._ends[machine]}
        with open(log_of(out, machine), "wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | environment, start_new_session=True
            )


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def log_of(out: Path, machine: int) -> Path:
    return out.with_name(f"{out.name}-{machine}.log")


@pytest.fixture
def machines() -> Iterator[TwoMachines]:
    if not shutil.which("ip"):
        pytest.skip("needs the command ip, of Debian's package iproute2, to make network namespaces")
    two = TwoMachines()
    try:
        two.build()
    except subprocess.CalledProcessError as error:
        two.remove()
        pytest.skip(f"network namespaces are not permitted here: {error.stderr.strip()}")
    try:
        yield two
    finally:
        two.remove()


def kill(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_torn_network_ends_in_a_clear_error_and_the_same_command_goes_on(machines, tmp_path):
    out = tmp_path / "torn"
    processes = machines.torchrun(out)
    try:
        wait_for_an_epoch_in_part(out, processes)
        machines.cut(1)
        until = time.monotonic() + TIME_OUT + 12  # to say so on a busy core
        messages = [error_of(log_of(out, machine), until) for machine in (0, 1)]
    finally:
        # torch's own agent on the machine that is cut off waits five minutes for the other before it ends.
        kill(processes)
    for rank, error in enumerate(messages):
        assert f"rank {rank} of 2 lost the other ranks" in error
        assert f"nothing was heard for {TIME_OUT} s" in error
        assert "The same command goes on from the last checkpoint" in error
    assert not list(out.glob("*_mlp-1x512_*/summary.json"))

    machines.plug(1)
    again = machines.torchrun(out)
    try:
        for process in again:
            process.wait(300)
    finally:
        kill(again)
    printed = [log_of(out, machine).read_text() for machine in (0, 1)]
    assert [process.returncode for process in again] == [0, 0], printed
    assert all("lost the other ranks" not in text for text in printed)

    undisturbed = tmp_path / "undisturbed"
    whole = torchrun(2, undisturbed, *SLOW_EPOCHS)
    assert ended(whole, undisturbed)
    assert whole.returncode == 0
    assert epochs_of(out) == epochs_of(undisturbed)
    metrics = [json.loads(only(o, "*_mlp-1x512_*/summary.json").read_text())["metrics"] for o in (out, undisturbed)]
    assert metrics[0] == metrics[1]


def error_of(log: Path, until: float) -> str:
    """The line of the error, which must come by then."""
    while time.monotonic() < until:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("error: "):
                return line
        time.sleep(0.1)
    raise AssertionError(f"no error in time: {log.read_text(errors='replace')[-2000:]}")
