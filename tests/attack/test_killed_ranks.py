"""One of two ranks is killed at a random moment, from start to end: the other one ends too, and nothing is lost.

`ATTACK_KILLS` is how many kills each command gets, a quarter of it in fact, 12 by default.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.attack.test_kills import FORK, KILLS, SIZE, TWO, carry_out, imported, leftovers, records
from tests.empirical.training.test_distributed import free_port

__all__ = ["imported"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")]

STEPS = ["--training.batch-size", "16", "--training.max-steps", "60"]
COMMANDS = {
    "networks": ["randomization-tests", *SIZE, *STEPS, *TWO],
    "kernels and networks": ["kernels", *SIZE, "--tests", "random-labels"],
}
PATIENCE = 60
"""Seconds, `--network-timeout`: a rank that was killed before the ranks met leaves the other one waiting so long."""


def on_rank(rank: int, port: int, command: list[str], out: Path) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    carry_out([*command, "--network-timeout", str(PATIENCE)], out)


def begun_ranks(command: list[str], out: Path) -> list:
    port = free_port()
    ranks = [FORK.Process(target=on_rank, args=(rank, port, command, out)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    return ranks


def finished(ranks: list, seconds: float) -> list[int]:
    end = time.monotonic() + seconds
    for rank in ranks:
        rank.join(timeout=max(0.0, end - time.monotonic()))
    codes = [rank.exitcode for rank in ranks]
    for rank in ranks:
        if rank.exitcode is None:
            rank.kill()
            rank.join()
    assert None not in codes, "a rank hangs though the other one is gone"
    return codes


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_rank_takes_the_other_along_and_nothing_is_lost(name, tmp_path):
    command, out = COMMANDS[name], tmp_path / "killed"
    start = time.monotonic()
    assert finished(begun_ranks(command, tmp_path / "whole"), 600) == [0, 0]
    length = time.monotonic() - start
    right = records(tmp_path / "whole")
    assert right
    chance = random.Random(name)
    kills, tries = 0, 0
    while kills < max(2, KILLS // 4) and tries < 4 * KILLS:
        ranks, victim = begun_ranks(command, out), chance.randrange(2)
        tries += 1
        ranks[victim].join(timeout=chance.uniform(0.0, 1.0) * length)
        ended = ranks[victim].exitcode is not None
        ranks[victim].kill()
        codes = finished(ranks, 600)
        if not ended:
            kills += 1
            assert codes[victim] == -signal.SIGKILL
            assert codes[1 - victim] >= 0, "it ends by itself, with a word"
    assert finished(begun_ranks(command, out), 600) == [0, 0]
    assert records(out) == right
    assert leftovers(out) == []
    if log := os.environ.get("ATTACK_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"two ranks, {name}: {kills} kills, {length:.1f} s undisturbed, {len(right)} runs\n")
