"""The seconds that a person waits for commands, as processes of their own: `python -m benchmarks.commands`.

help, list   of the main command, beside an interpreter that imports the command-line library alone
status       of the records that the job leaves
none         a job of several small runs, one after another in one process
auto         the same without being asked, side by side
local        the same in the launcher's two workers
again        the same command once all is finished
theory       the theory's claims, which the first report of a version checks and later ones do not

Printed are seconds by the clock and of CPU (user and system, children included), each the least of `--repeats`. The
first report is made before anything is timed: the theory's findings are then kept, and `none` is not charged for them.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


def seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """(by the clock, of CPU) that a Python process with these arguments takes. Raises if it fails."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--train-size", default="1297", help="images of the job; 1297 is the main job")
    options = parser.parse_args()
    run = ["-m", "empirical.run"]
    with tempfile.TemporaryDirectory() as folder:
        job = [*run, "--train-size", options.train_size, "--out"]
        seconds([*job, f"{folder}/first"])
        kept = {
            "tyro alone": ["-c", "import tyro"],
            "help": [*run, "--help"],
            "list": [*run, "--list"],
            "theory --list": ["-m", "theory", "--list"],
            "status": [*run, "status", f"{folder}/first"],
            "again": [*job, f"{folder}/first"],
            "theory": ["-m", "theory"],
        }
        fresh = {
            "none": ["--launcher", "none"],
            "auto": [],
            "local": ["--launcher", "local", "--launcher.processes", "2"],
        }
        print(f"{'':>14}{'clock':>9}{'CPU':>9}")
        for name, command in kept.items():
            _print(name, [seconds(command) for _ in range(options.repeats)])
        for name, launcher in fresh.items():
            timings = []
            for _ in range(options.repeats):
                out = Path(folder) / name
                timings.append(seconds([*job, str(out), *launcher]))
                shutil.rmtree(out)
            _print(name, timings)


def _print(name: str, timings: Sequence[tuple[float, float]]) -> None:
    clock, cpu = (min(times) for times in zip(*timings, strict=True))
    print(f"{name:>14}{clock:8.2f} s{cpu:7.2f} s", flush=True)


if __name__ == "__main__":
    main()
