"""Check and measure a GPU in one call: `python -m benchmarks.gpu --data-root DIR --seconds 900`.

Run it in the repository's root. It needs no network, prints as it goes, and ends within `--seconds`. Every result is a
line of OUT/results.jsonl; the records of the tables are packed in OUT/records.tar.gz. What is done is not done again
by the same command: give it as often as there is time. `--device cpu --tiny` is a rehearsal on any machine.
"""

import argparse
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu.agreement import check_agreement
from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.commands import check_commands
from benchmarks.gpu.machine import check_machine
from benchmarks.gpu.speed import check_speed, check_together
from benchmarks.gpu.subjects import Setting, images_here
from benchmarks.gpu.tables import run_tables

_RESERVE = 15.0
"""Seconds kept at the end: processes are stopped, records packed."""

_STAGES: dict[str, tuple[float, Callable[[Checklist, Setting], None]]] = {
    "machine": (0.05, check_machine),
    "agreement": (0.25, check_agreement),
    "commands": (0.2, check_commands),
    "speed": (0.35, check_speed),
    "together": (0.15, check_together),
    "tables": (1.0, run_tables),
}
"""The stages in order, each with the share that it may take of the seconds left."""


def main() -> int:
    """Carry out the stages; the exit status is 1 if a check failed."""
    begun = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=900.0, help="seconds that the whole call may take")
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="folder that holds cifar-10-batches-bin")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of results and records")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal: a few images, a few steps")
    parser.add_argument(
        "--precision", default="tf32", choices=["float32", "tf32", "bf16"], help="precision of the tables' runs"
    )
    parser.add_argument("--processes", type=int, default=6, help="runs of the tables at a time")
    parser.add_argument("--stages", nargs="+", default=list(_STAGES), choices=list(_STAGES))
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("error: this torch sees no CUDA device; rehearse with --device cpu --tiny", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    checks = Checklist(options.out / "results.jsonl", begun + options.seconds - _RESERVE)
    last_word = threading.Timer(options.seconds, _give_up)  # a library that does not come back ends here
    last_word.daemon = True
    last_word.start()
    data, root, dataset = images_here(options.data_root, options.tiny, options.out)
    processes = 2 if options.tiny else options.processes
    setting = Setting(
        torch.device(options.device),
        options.tiny,
        data,
        root,
        dataset,
        options.out,
        options.precision,
        processes,
    )
    for stage in options.stages:
        share, work = _STAGES[stage]
        checks.begin(stage, 1.0 if options.tiny else share)  # a rehearsal is of all stages, on however slow a machine
        work(checks, setting)
    count = {verdict: sum(row["verdict"] == verdict for row in checks.results) for verdict in ("FAIL", "LATE")}
    failed = [row["check"] for row in checks.results if row["verdict"] == "FAIL"]
    print(f"== {len(checks.results)} checks, {count['LATE']} for another call; failed: {', '.join(failed) or 'none'}")
    print(f"   {options.out / 'results.jsonl'}; {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _give_up() -> None:
    print("the time is over in the middle of a check", file=sys.stderr, flush=True)
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
