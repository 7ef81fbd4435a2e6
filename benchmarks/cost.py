"""Cost against size: `python -m benchmarks.cost --record cost.json`; `python -m figures` draws a file called cost.json.

Seconds of processor time on one thread, each size once after a small one has warmed caches up:

    theorem-1    n Gaussian points in 10 coordinates, ten labels: relu_interpolant, and its values at all n points
    kernels      smooth random images, 10 one-hot outputs, Gaussian kernel: points to coefficients, Cholesky up to
                 20,000 points and conjugate gradients from there on
    records      so many finished runs in directories of their own: `status`, reading them all, results.csv, and the
                 page with its figures

A slope is that of a straight line through the last two sizes of a curve, both axes logarithmic: 1 for a cost in
proportion to the size.
"""

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import kernels
from empirical.execution.status import read_status
from empirical.report.results_csv import write_results
from empirical.runs.config import Trained
from empirical.runs.environment import environment
from empirical.runs.json_files import read_json
from empirical.runs.records import read_runs, write_json
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from figures.__main__ import main as figures
from figures.cost import slope
from tests.made_up import made_up_config, made_up_run, outcome, write_run
from theory.expressivity import relu_interpolant
from theory.kernels import MEDIAN_SHARE, median_distance

LARGEST_CHOLESKY = 20_000

Curve = list[tuple[int, float]]
"""(size, seconds of the processor)."""


def seconds(work: Callable[[], object]) -> float:
    """The processor time of a call, its child processes included."""

    def used() -> float:
        return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    start = used()
    work()
    return used() - start


def theorem_1(sizes: Sequence[int]) -> dict[str, Curve]:
    """Building the network, and its first evaluation at all points."""
    curves: dict[str, Curve] = {"build the network": [], "evaluate it at all points": []}
    for n in (100, *sizes):
        random = np.random.default_rng(0)
        points, labels = random.standard_normal((n, 10)), random.integers(0, 10, n).astype(np.float64)
        start = time.process_time()
        network = relu_interpolant(points, labels)
        built = time.process_time()
        error = float(np.abs(network(points) - labels).max())
        evaluated = time.process_time()
        if not error < 1e-3:
            raise ArithmeticError(f"the network of {n:,} points misses a label by {error:.1g}")
        if n in sizes:
            curves["build the network"].append((n, built - start))
            curves["evaluate it at all points"].append((n, evaluated - built))
    return curves


def kernel_fits(sizes: Sequence[int]) -> dict[str, Curve]:
    """Time the fit of kernel interpolants, points to coefficients, by solver."""
    curves: dict[str, Curve] = {"Cholesky": [], "conjugate gradients": []}
    for n in (500, *sizes):
        X, Y = kernels.sample(n, None)
        bandwidth = MEDIAN_SHARE * median_distance(X)
        methods = ["cholesky"] * (n <= LARGEST_CHOLESKY) + ["conjugate-gradients"] * (n >= LARGEST_CHOLESKY)
        for method in methods:
            with redirect_stdout(StringIO()):
                used = seconds(partial(kernels.coefficients, method, X, Y, bandwidth))
            if n in sizes:
                curves["Cholesky" if method == "cholesky" else "conjugate gradients"].append((n, used))
    return {name: curve for name, curve in curves.items() if curve}


def epoch_record(number: int, test_accuracy: float, epoch: int, fitted: bool) -> EpochRecord:
    """An epoch before the fit, or at it."""
    train = 1.0 if fitted else 0.1
    steps, loss = epoch * (90 + number), 0.01 if fitted else 2.3
    return EpochRecord(epoch, steps, 0.01, loss, train, train, None, train, 2.0, test_accuracy, 1.0, train, loss)


def records(sizes: Sequence[int]) -> dict[str, Curve]:
    """What looks at a folder of many runs: one network on true and on random labels, many seeds."""
    curves: dict[str, Curve] = {"status": [], "read all records": [], "results.csv": [], "page and figures": []}
    for n in (10, *sizes):
        with tempfile.TemporaryDirectory() as name:
            out = Path(name)
            trained = Trained(TrainingConfig(max_steps=100, learning_rate=0.01))
            configs = [made_up_config(trained, test) for test in ("true-labels", "random-labels")]
            metrics = {"train_accuracy": 1.0, "fitted": True, "step": 100, "epoch": 4, "parameters": 100}
            for number in range(n):
                config = replace(configs[number % 2], seed=number // 2)
                accuracy = 0.1 if number % 2 else 0.5
                epochs = [epoch_record(number % 7, accuracy, *at) for at in ((0, False), (1, True))]
                write_run(made_up_run(config, metrics | outcome(accuracy, number % 50), epochs), out)
            used = {
                "status": seconds(partial(read_status, out)),
                "read all records": seconds(partial(read_runs, out)),
            }
            runs = read_runs(out)
            used["results.csv"] = seconds(partial(write_results, runs, out))
            with redirect_stdout(StringIO()):
                used["page and figures"] = seconds(partial(figures, [str(out)]))
        if n in sizes:
            for curve, value in used.items():
                curves[curve].append((n, value))
        print(f"{n:,} records: " + ", ".join(f"{curve} {value:.2f} s" for curve, value in used.items()), flush=True)
    return curves


MEASURED: dict[str, tuple[Callable[[Sequence[int]], dict[str, Curve]], str, tuple[int, ...]]] = {
    "theorem-1": (theorem_1, "points", (10**4, 10**5, 10**6, 10**7)),
    "kernels": (kernel_fits, "points", (2_500, 5_000, 10_000, 20_000, 50_000)),
    "records": (records, "runs", (100, 1_000, 10_000)),
}
"""What is measured, what its size counts, and the sizes."""


def main() -> None:
    """Measure what is asked for, print it, and add it to the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=MEASURED, default=list(MEASURED))
    parser.add_argument("--largest", type=int, help="leave larger sizes out")
    parser.add_argument("--record", type=Path, help="a file that the figures draw; what is there of others stays")
    options = parser.parse_args()
    record: dict[str, Any] = read_json(options.record) if options.record and options.record.exists() else {"cost": {}}
    record["about"] = {"processor": environment("cpu")["processor"], "threads": 1, "python": platform.python_version()}
    for name in options.only:
        measure, unit, sizes = MEASURED[name]
        with threadpool_limits(1):
            curves = measure([n for n in sizes if options.largest is None or n <= options.largest])
        record["cost"][name] = {"unit": unit, "curves": curves}
        for curve, values in curves.items():
            line, rise = ", ".join(f"{n:,}: {used:.3g} s" for n, used in values), slope(values)
            print(f"{name}, {curve}: {line}" + ("" if rise is None else f"; slope {rise:.2f}"), flush=True)
        if options.record:
            write_json(options.record, record)


if __name__ == "__main__":
    main()
