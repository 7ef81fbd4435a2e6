"""Theorem 1's construction beside its peers, in one run: `python -m benchmarks.theorem_1 [--cifar10 DIR]`.

Time and peak memory against n, d = 100 Gaussian coordinates and random labels, for

    ours       relu_interpolant: project, sort, differences of slopes
    project    projecting (a BLAS product) and sorting alone: the least that any such construction does
    triangular scipy.linalg.solve_triangular on the dense matrix [max(z_i - b_j, 0)]
    solve      numpy.linalg.solve on it

Dense peers include projecting, sorting and filling the matrix, with the biases halfway into the gaps as in the
paper's proof; they are run as far as `--memory` GB hold the matrix. Each case is a process of its own: its peak memory
is what the operating system counted for it, less what it had before the construction began. Times are the least of a
few repetitions.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy.linalg

from empirical.datasets import load
from theory.expressivity import relu_interpolant

METHODS = ("ours", "project", "triangular", "solve")


def sample(n: int, cifar10: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, d) and random labels of ten classes."""
    random = np.random.default_rng(0)
    if cifar10:
        images = load("cifar10", cifar10).train.images[:n]
        return images.reshape(len(images), -1), random.integers(0, 10, len(images))
    return random.standard_normal((n, 100)), random.integers(0, 10, n)


def dense(points: np.ndarray, labels: np.ndarray, solve: Callable[..., np.ndarray]) -> np.ndarray:
    """Weights from the matrix of Lemma 1, as the proof has it."""
    z = points @ np.random.default_rng(1).standard_normal(points.shape[1])
    order = np.argsort(z)
    z = z[order]
    biases = np.concatenate([[z[0] - 1.0], (z[1:] + z[:-1]) / 2])
    matrix = z[:, None] - biases
    np.maximum(matrix, 0.0, out=matrix)
    return solve(matrix, labels[order].astype(np.float64))


def project(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The projections in order."""
    return np.argsort(points @ np.random.default_rng(1).standard_normal(points.shape[1]))


def measure(method: str, n: int, cifar10: str | None) -> dict[str, float]:
    """Seconds and additional peak memory (MB) of one method, in this process."""
    points, labels = sample(n, cifar10)
    work: dict[str, Callable[[], object]] = {
        "ours": lambda: relu_interpolant(points, labels),
        "project": lambda: project(points, labels),
        "triangular": lambda: dense(points, labels, lambda a, y: scipy.linalg.solve_triangular(a, y, lower=True)),
        "solve": lambda: dense(points, labels, np.linalg.solve),
    }
    project(points[:1000], labels)  # load BLAS
    relu_interpolant(points[:1000], labels[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 2 or (len(times) < 7 and time.perf_counter() - started < 5):
        start = time.perf_counter()
        work[method]()
        times.append(time.perf_counter() - start)
        if times[-1] > 20:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": min(times), "megabytes": peak / 1024}


def in_a_process(method: str, n: int, cifar10: str | None) -> dict[str, float]:
    """`measure` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.theorem_1", "--one", method, str(n)]
    command += ["--cifar10", cifar10] if cifar10 else []
    measures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return measures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 16_000, 100_000, 1_000_000])
    parser.add_argument("--memory", type=float, default=4.0, help="GB that a dense matrix may take")
    parser.add_argument("--cifar10", help="folder of CIFAR-10: adds the whole training set")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]), options.cifar10)))
        return
    cases: list[tuple[int, str | None]] = [(n, None) for n in options.sizes]
    cases += [(50_000, options.cifar10)] if options.cifar10 else []
    print(f"{'n':>9} {'d':>5}  " + "  ".join(f"{method:>20}" for method in METHODS) + "   ours/project  solve/ours")
    for n, cifar10 in cases:
        measures = {}
        for method in METHODS:
            if method in ("ours", "project") or 8 * n**2 <= options.memory * 1e9:
                measures[method] = in_a_process(method, n, cifar10)
        cells = [
            f"{measures[method]['seconds']:9.4f} s {measures[method]['megabytes']:6.0f} MB"
            if method in measures
            else "does not fit"
            for method in METHODS
        ]
        ratios = f"{measures['ours']['seconds'] / measures['project']['seconds']:12.2f}"
        if "solve" in measures:
            ratios += f"  {measures['solve']['seconds'] / measures['ours']['seconds']:10.0f}"
        print(
            f"{n:>9,} {3072 if cifar10 else 100:>5}  " + "  ".join(f"{cell:>20}" for cell in cells) + f"   {ratios}",
            flush=True,
        )


if __name__ == "__main__":
    main()
