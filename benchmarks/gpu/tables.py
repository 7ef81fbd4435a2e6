"""Tables 1 and 4 at the paper's scale, as far as the time allows: records that `read_runs` takes.

Runs are processes that share the GPUs; what says most comes first. Those that the end of the call interrupts go on from
their checkpoints in the next one with the same folder.
"""

import json
import signal
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.commands import environment, program
from benchmarks.gpu.subjects import Setting
from empirical.execution.gpu_shares import GpuShares, visible_gpus
from empirical.experiments.cells import plan_cells
from empirical.experiments.paper import TABLE_1_CELLS, TABLE_4_CELLS
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig
from empirical.runs.records import RunDirectory, read_runs
from empirical.training.config import TrainingConfig

_NETWORKS = ("inception", "alexnet", "mlp-3x512", "mlp-1x512", "inception-no-bn")
_SECONDS_BETWEEN_WORDS, _SECONDS_TO_STOP, _LARGEST = 30.0, 10.0, 4_000_000


@dataclass(frozen=True)
class _Run:
    table: str
    config: RunConfig
    directory: RunDirectory


def run_tables(checks: Checklist, setting: Setting) -> None:
    """Carry out what is not finished, until the time is over; then pack the records into `records.tar.gz`."""
    if setting.data != "cifar10" and not setting.tiny:
        checks.note("tables", "SKIP", why="CIFAR-10 is not here")
        return
    out = setting.out / "records"
    out.mkdir(parents=True, exist_ok=True)
    planned = _plan(setting, out)
    waiting = [run for run in planned if not run.directory.finished]
    print(f"       {len(waiting)} of {len(planned)} runs to make, {setting.processes} at a time", flush=True)
    shares = GpuShares(visible_gpus() if setting.cuda else [])
    at_work: dict[str, tuple[_Run, subprocess.Popen[bytes]]] = {}
    announced = time.monotonic()
    try:
        while (waiting or at_work) and time.monotonic() < checks.until:
            while waiting and len(at_work) < setting.processes:
                run = waiting.pop(0)
                at_work[run.config.hash] = run, _started(run, setting, out, shares.take(run.config.hash))
            time.sleep(0.2)
            for name, (run, process) in list(at_work.items()):
                if process.poll() is not None:
                    del at_work[name]
                    shares.give_back(name)
                    good = run.directory.finished
                    checks.note(_title(run), "PASS" if good else "FAIL", hash=name, run=_progress(run))
            if time.monotonic() - announced > _SECONDS_BETWEEN_WORDS:
                announced = time.monotonic()
                for run, _ in at_work.values():
                    print(f"       .. {_title(run)}: {_progress(run)}", flush=True)
    finally:
        _stop([process for _, process in at_work.values()])
    for run, _ in at_work.values():
        checks.note(_title(run), "LATE", hash=run.config.hash, run=_progress(run))
    checks.note("records", "INFO", finished=len(read_runs(out)), packed=_packed(out))


def _training(setting: Setting) -> TrainingConfig:
    kind = setting.precision if setting.cuda else "float32"
    training = TrainingConfig(precision=kind)  # type: ignore[arg-type]
    return TrainingConfig(max_steps=2, batch_size=32) if setting.tiny else training


def _plan(setting: Setting, out: Path) -> list[_Run]:
    """Random labels and true ones without regularisers first, networks in the order of the paper's interest."""
    settings = Settings(device=str(setting.device), training=_training(setting), scale="paper", crop=28)
    cells = dict.fromkeys(TABLE_4_CELLS, "table4") | dict.fromkeys(TABLE_1_CELLS, "table1")
    if setting.tiny:
        cells = {cell: table for cell, table in cells.items() if cell.model == "mlp-1x512" and not cell.weight_decay}
    chosen = sorted(
        cells,
        key=lambda cell: (
            cell.augmentation != "none" or cell.weight_decay > 0,
            _NETWORKS.index(cell.model),
            cell.test != "random-labels",
        ),
    )
    configs = [(cells[cell], plan_cells((cell,), setting.dataset, settings)[0]) for cell in chosen]
    return [_Run(table, config, RunDirectory(out, config)) for table, config in configs]


def _started(run: _Run, setting: Setting, out: Path, share: dict[str, str]) -> subprocess.Popen[bytes]:
    training = _training(setting)
    arguments = [run.table, "--scale", "paper", "--data", setting.data, "--data-root", str(setting.data_root)]
    arguments += ["--device", str(setting.device), "--training.precision", training.precision, "--crop", "28"]
    arguments += ["--training.max-steps", "2", "--training.batch-size", "32"] if setting.tiny else []
    arguments += ["--image-size", "32", "--out", str(out), "--only-run", run.config.hash]
    with open(out / f"{run.config.hash}.log", "ab") as log:
        return subprocess.Popen(program(*arguments), stdout=log, stderr=log, env=environment(**share))


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    end = time.monotonic() + _SECONDS_TO_STOP
    for process in processes:
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _progress(run: _Run) -> str:
    path = run.directory.path / "metrics.jsonl"
    lines = [line for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []
    if not lines:
        return "no epoch yet"
    last = json.loads(lines[-1])
    train = "" if last["train_accuracy"] is None else f"train {last['train_accuracy']:.2%}, "
    return f"epoch {last['epoch']}, {last['seconds']:.0f} s, {train}test {last['test_accuracy']:.2%}"


def _title(run: _Run) -> str:
    return f"{run.table} {run.config.model}, {run.config.title}"


def _packed(out: Path) -> str:
    """All records but checkpoints, in one file beside them."""
    path = out.parent / "records.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(out.rglob("*")):
            if file.suffix in (".json", ".jsonl", ".log") and file.stat().st_size < _LARGEST:
                tar.add(file, file.relative_to(out.parent))
    return str(path)
