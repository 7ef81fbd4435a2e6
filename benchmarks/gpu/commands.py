"""Every experiment by the command line, small: a process for each run, as launchers start them."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.subjects import Setting
from empirical.experiments.experiments import EXPERIMENTS, find_experiment
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig, trained_run
from empirical.runs.records import RunDirectory
from empirical.training.config import TrainingConfig

_STEPS, _BATCH, _N, _M = 20, 32, 60, 30


@dataclass(frozen=True)
class Command:
    """An experiment at smoke scale, and one run of it with the one that must come before."""

    name: str
    arguments: tuple[str, ...]
    runs: tuple[RunConfig, ...]


def check_commands(checks: Checklist, setting: Setting) -> None:
    """The last run of every experiment: a regularised, studied or random one. Some at the same time."""
    commands = [_command(name, setting) for name in _experiments(setting) if not checks.done(f"command {name}")]
    with ThreadPoolExecutor(2 if setting.tiny else 4) as pool:
        done = {command.name: pool.submit(_carried_out, command, setting, checks) for command in commands}
        for name, future in done.items():
            checks.check(f"command {name}", lambda future=future: future.result())  # type: ignore[misc]


def _experiments(setting: Setting) -> list[str]:
    return ["table1", "kernels"] if setting.tiny else list(EXPERIMENTS)


def _command(name: str, setting: Setting) -> Command:
    training = TrainingConfig(max_steps=_STEPS, batch_size=_BATCH)
    model = "alexnet" if name == "table2" else ""
    settings = Settings(
        model=model, device=str(setting.device), training=training, crop=28, scale="smoke", n_train=_N, n_test=_M
    )
    experiment = find_experiment(name)
    last = experiment.plan(setting.dataset, settings)[-1]
    before = (trained_run(last),) if last.study and last.training else ()
    arguments = [name, "--data", setting.data, "--data-root", str(setting.data_root), "--device", str(setting.device)]
    arguments += ["--train-size", str(_N), "--test-size", str(_M), "--image-size", "32"]
    arguments += ["--crop", "28"] if "crop" in experiment.takes else []
    if "scale" in experiment.takes:
        arguments += ["--scale", "smoke"]
    if "training" in experiment.takes:
        arguments += ["--training.max-steps", str(_STEPS), "--training.batch-size", str(_BATCH)]
    arguments += ["--model", model] if model else []
    return Command(name, tuple(arguments), (*before, last))


def _carried_out(command: Command, setting: Setting, checks: Checklist) -> dict[str, Any]:
    out, begun = setting.out / "commands" / command.name, time.monotonic()
    for config in command.runs:
        line = [*command.arguments, "--out", str(out), "--only-run", config.hash]
        seconds = max(1.0, checks.until - time.monotonic())
        try:
            done = subprocess.run(
                program(*line), capture_output=True, text=True, timeout=seconds, env=environment(), check=False
            )
        except subprocess.TimeoutExpired:
            return {"verdict": "LATE"}
        if done.returncode or not RunDirectory(out, config).finished:
            tail = (done.stdout + done.stderr).strip().splitlines()[-2:]
            return {"verdict": "FAIL", "run": config.title, "said": " / ".join(tail)[-300:]}
    return {"run": command.runs[-1].title, "took": round(time.monotonic() - begun, 1)}


def program(*arguments: str) -> list[str]:
    """The command line of the experiments."""
    return [sys.executable, "-m", "empirical.run", *arguments]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that shares this machine with other processes, started from this repository."""
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(path for path in (root, os.environ.get("PYTHONPATH", "")) if path)
    return os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "2"} | more
