"""The commands that `results/README.md` says have made the records are those that plan them."""

import os
import re
import shlex
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import tyro

from empirical.datasets import load
from empirical.datasets.archives import DEBIAN_FASHION_MNIST
from empirical.options import Options, PlanOptions
from empirical.planned_runs import plan_runs
from empirical.runs.config import RunConfig
from empirical.runs.records import Run, read_runs

RESULTS = Path(__file__).parents[1] / "results"
PAGES = [*sorted((RESULTS.parent / "docs").glob("*.md")), RESULTS / "README.md"]


def commands(text: str) -> list[list[str]]:
    """The arguments of every experiment's command in blocks of shell commands, but for what is done by others."""
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [parts[parts.index("empirical.run") + 1 :] for parts in words if "empirical.run" in parts]


def parsed(arguments: list[str]) -> Options:
    kind, rest = (PlanOptions, arguments[1:]) if arguments[:1] == ["plan"] else (Options, arguments)
    return tyro.cli(kind, args=rest, config=(tyro.conf.FlagCreatePairsOff,))


def sections() -> dict[str, list[list[str]]]:
    """Commands by folder."""
    _, *parts = re.split(r"^## `(.*)`$", (RESULTS / "README.md").read_text(), flags=re.MULTILINE)
    return {folder: commands(text) for folder, text in zip(parts[::2], parts[1::2], strict=True)}


SECTIONS = sections()


def test_every_folder_has_its_section():
    assert set(SECTIONS) == {path.name for path in RESULTS.iterdir() if path.is_dir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page):
    command_lines = [
        arguments for arguments in commands(page.read_text()) if arguments[:1] not in (["status"], ["tables"])
    ]
    for arguments in command_lines:
        parsed(arguments)


@pytest.mark.parametrize("folder", [name for name in SECTIONS if name not in ("certificate", "theory", "scaling")])
def test_the_commands_plan_the_records(folder, monkeypatch):
    """Whatever the pixels: those of the reader's own files differ from those that were recorded."""
    monkeypatch.setattr("empirical.planned_runs.load", loaded_once)
    planned: set[str] = set()
    for arguments in SECTIONS[folder]:
        root = data_root(folder) if "DIR" in arguments else ""
        words = [str(root) if word == "DIR" else word for word in arguments]
        planned |= {identity(config) for config in plan_runs(replace(parsed(words), device="cpu"))[2]}
    recorded = {identity(run.config): run.path.name for run in recorded_runs()[folder]}
    follow = {key for key, path in recorded.items() if path.startswith("capacity")}  # from what was found before
    assert planned <= {identity(run.config) for runs in recorded_runs().values() for run in runs}, "in whichever folder"
    assert {recorded[key] for key in recorded.keys() - planned - follow} == set()


def test_every_run_stands_in_one_folder():
    hashes = [run.config.hash for runs in recorded_runs().values() for run in runs]
    assert len(set(hashes)) == len(hashes) > 100


def test_the_script_plans_what_it_names(tmp_path, monkeypatch):
    """Every command of results/reproduce.sh plans runs of its own; those that are recorded are among them."""
    root = data_root("cifar10-paper-size")
    monkeypatch.setattr("empirical.planned_runs.load", loaded_once)
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$OUT/commands"\n')
    (tmp_path / "python").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OUT": str(tmp_path)}
    subprocess.run(["bash", RESULTS / "reproduce.sh", root, "out"], env=environment, check=True)
    runs: dict[str, list[str]] = {}
    for line in (tmp_path / "commands").read_text().splitlines():
        arguments = line.split()[2:]
        options = parsed(arguments)
        trained = [config for config in plan_runs(options)[2] if config.training]
        assert trained, line
        runs.setdefault(options.out.name, []).extend(map(identity, trained))
    assert all(len(set(some)) == len(some) for some in runs.values()), "no run twice"
    for folder in ("cifar10-paper-size", "cifar10-perceptrons", "cifar10-alexnet"):
        assert {identity(run.config) for run in recorded_runs()[folder] if run.config.training} <= set(runs[folder])


loaded_once = cache(load)
"""A data set is read once for all commands on it."""


@cache
def recorded_runs() -> dict[str, list[Run]]:
    """By folder."""
    return {folder: read_runs(RESULTS / folder) for folder in SECTIONS}


def data_root(folder: str) -> Path:
    real = Path(os.environ.get("RETHINKING_DATA", "data"))
    elsewhere = {
        "fashion-mnist": DEBIAN_FASHION_MNIST,
        "imagenet-sample": real / "imagenet-sample",
        "mnist": real / "mnist",
    }
    root = next((root for data, root in elsewhere.items() if folder.startswith(data)), real)
    if not (root / "cifar-10-batches-bin" if root == real else root).is_dir():
        pytest.skip(f"no real data in {root}: set RETHINKING_DATA to the folder that holds it")
    return root


def identity(config: RunConfig) -> str:
    return replace(config, train_digest="", test_digest="").hash
