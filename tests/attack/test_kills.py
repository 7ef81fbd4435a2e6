"""SIGKILL at random moments: whatever was interrupted, and however often, ends in the same records to the bit.

Processes are forked from this one, which has imported everything that they need: a kill costs a tenth of a second and
not the ten that an interpreter takes to begin. `ATTACK_KILLS` is how many each experiment gets, 12 by default;
checkpoints come as often as writing them allows.
"""

import importlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

import empirical.job
from empirical.run import main
from empirical.runs import checkpoint_interval
from empirical.runs.records import read_runs
from tests.empirical.made_up_images import write_folder

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")]

KILLS = int(os.environ.get("ATTACK_KILLS", "12"))
SIZE = ["--train-size", "60", "--test-size", "30"]
HERE = ["--launcher", "none"]
SMALL = [*SIZE, "--training.batch-size", "16", "--training.max-steps", "120", *HERE]
TINY = ["--data", "digits", "--model", "mlp-1x512", *SIZE, "--training.batch-size", "16", "--training.max-steps", "24"]
TWO = ["--tests", "true-labels", "random-labels"]
FOLDER = ["--data", "folder", "--data-root", "IMAGES", "--image-size", "8", "--model", "mlp-1x512"]
STREAM = ["randomization-tests", *FOLDER, "--training.batch-size", "8", "--training.max-steps", "60", *TWO, *HERE]
COMMANDS = {
    "networks": ["randomization-tests", *SMALL, *TWO],
    "seeds and noise": ["randomization-tests", *SMALL, "--tests", "gaussian", "corrupted-0.5", "--seed", "0", "1"],
    "table 1": ["table1", *TINY, *HERE],
    "table 4": ["table4", *TINY, *HERE],
    "figure 1": ["figure1", *TINY, *TWO, *HERE],
    "figure 2": ["figure2", *TINY, *HERE],
    "kernels": ["kernels", *SIZE, *HERE, *TWO],
    "dynamics": ["dynamics", *SIZE, *HERE, *TWO],
    "interpolants": ["interpolants", *SMALL],
    "label noise": ["noise", *SMALL],
    "bounds": ["bounds", *SMALL, *TWO],
    "capacity": ["capacity", *SMALL],
    "a stream": [*STREAM, "--data-storage", "stream"],
    "a memory map": [*STREAM, "--data-storage", "memmap", "--data-map", "MAP"],
    "workers": ["randomization-tests", *TINY, *TWO],
    "the local launcher": ["randomization-tests", *TINY, *TWO, "--launcher", "local", "--launcher.processes", "2"],
    "memorisation": ["memorisation", "--scale", "smoke", *SMALL],
    "bits": ["bits", "--scale", "smoke", *SIZE, *HERE],
    "double descent": ["double-descent", "--data", "digits", "--scale", "smoke", *SIZE, *HERE],
    "network double descent": ["network-double-descent", "--scale", "smoke", *SIZE, *HERE],
    "order": ["order", *SMALL, *TWO],
    "pac-bayes": ["pac-bayes", "--scale", "smoke", *SMALL],
    "measures": ["measures", "--scale", "smoke", *SMALL, *TWO],
}
FORK = multiprocessing.get_context("fork") if sys.platform != "win32" else None


def carry_out(command: list[str], out: Path) -> None:
    """In a process of its own; its exit status is the command's."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    empirical.job.report_runs = lambda *_: True
    checkpoint_interval.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    status = main([*command, "--out", str(out)])
    if names := os.environ.get("ATTACK_MODULES"):
        Path(names).write_text("\n".join(sys.modules))
    os._exit(status)


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory) -> None:
    """What a command imports while it runs is imported here, once."""
    names = tmp_path_factory.mktemp("modules") / "names"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTACK_MODULES", str(names))
        process = child(COMMANDS["networks"], names.parent / "out")
        process.join()
    for name in names.read_text().splitlines():
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images"))


def child(command: list[str], out: Path) -> multiprocessing.Process:
    process = FORK.Process(target=carry_out, args=(command, out))
    process.start()
    return process


def records(out: Path) -> dict[str, object]:
    """All that must not depend on kills: the metrics, and every epoch but for its seconds."""
    results = {}
    for run in read_runs(out):
        lines = run.path / "metrics.jsonl"
        epochs = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
        kept = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in epochs]
        results[run.path.name] = json.dumps([run.summary.metrics, kept])
    return results


def leftovers(out: Path) -> list[str]:
    return [str(path) for path in out.glob("*_*/*") if path.name.startswith(".") or path.name == "scratch"]


@pytest.mark.parametrize("name", COMMANDS)
def test_kills_change_nothing(name, tmp_path, images):
    places = {"IMAGES": str(images), "MAP": str(tmp_path / "map")}
    command, undisturbed, out = (
        [places.get(word, word) for word in COMMANDS[name]],
        tmp_path / "whole",
        tmp_path / "killed",
    )
    start = time.monotonic()
    process = child(command, undisturbed)
    process.join()
    assert process.exitcode == 0
    length = time.monotonic() - start
    right = records(undisturbed)
    assert right
    chance = random.Random(name)
    kills, process = 0, None
    while kills < KILLS:
        process = child(command, out)
        process.join(timeout=chance.uniform(0.02, 0.6) * length)
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
        elif process.exitcode == 0:  # it was done: the next kills are of another sweep
            assert records(out) == right
            shutil.rmtree(out)
            shutil.rmtree(places["MAP"], ignore_errors=True)
        else:
            pytest.fail(f"exit status {process.exitcode} after {kills} kills")
    process = child(command, out)
    process.join()
    assert process.exitcode == 0
    assert records(out) == right
    assert leftovers(out) == []
    if log := os.environ.get("ATTACK_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{name}: {kills} kills, {length:.1f} s undisturbed, {len(right)} runs\n")


@pytest.mark.parametrize("name", ["networks", "kernels"])
def test_records_removed_under_a_command_are_made_anew_by_the_next(name, tmp_path):
    """Two processes, the directory removed between them: what is finished in the end is right, whoever made it."""
    command = COMMANDS[name]
    process = child(command, tmp_path / "undisturbed")
    process.join()
    assert process.exitcode == 0
    right = records(tmp_path / "undisturbed")
    chance = random.Random(name)
    for number in range(max(2, KILLS // 4)):
        out = tmp_path / f"removed-{number}"
        first = child(command, out)
        time.sleep(chance.uniform(0.05, 0.5))
        shutil.rmtree(out, ignore_errors=True)
        second = child(command, out)
        first.join()
        second.join()
        last = child(command, out)
        last.join()
        assert last.exitcode == 0
        assert records(out) == right
