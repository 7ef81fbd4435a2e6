"""Minimum-norm interpolation with a Gaussian kernel, ours beside its peers, in one run: `python -m benchmarks.kernels`.

n points, one-hot labels of ten classes; from points to coefficients, Gram matrix included:

    conjugate-gradients   ours in float32, with the randomised Nystrom preconditioner
    cholesky              ours in float32, with refinement
    scipy                 sklearn's rbf_kernel, then scipy.linalg.solve(assume_a="pos"), float64
    kernel-ridge          sklearn's KernelRidge(alpha=0, kernel="rbf"), float64
    kernel-ridge-float32  the same on float32 points and labels
    lapack-float32        K filled in place from X X^T, then LAPACK's spotrf and spotrs in place, float32, no refinement
    plain-cg              sklearn's rbf_kernel, then scipy.sparse.linalg.cg for each output, float64, no preconditioner

Each case is a process of its own: its peak memory is what the operating system counted for it. The residual is
||K alpha - Y|| / ||Y|| over 500 random points, K computed afresh in float64. Iterations stop at a relative residual of
1e-4. *Floor* is 2 (n^2 d + n^3/3) operations at the rate of a float32 matrix product measured in the same process.
The points: CIFAR-10 (`--cifar10 DIR`), or smooth random images of 784 pixels.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.sparse.linalg
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from empirical.datasets import load
from theory.kernels import MEDIAN_SHARE, Gaussian, gram_from_blocks, interpolate_gram, median_distance, plan_fit
from theory.kernels.plan import Solver

OURS: dict[str, Solver] = {"conjugate-gradients": "conjugate-gradients", "cholesky": "cholesky"}
METHODS = (*OURS, "scipy", "kernel-ridge", "kernel-ridge-float32", "lapack-float32", "plain-cg")
TOLERANCE = 1e-4


def sample(n: int, cifar10: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, d), float32, and one-hot labels (n, 10)."""
    random = np.random.default_rng(0)
    if cifar10:
        split = load("cifar10", cifar10).train
        images, labels = split.images[:n], split.labels[:n]
        return images.reshape(len(images), -1).astype(np.float32) / 255, np.eye(10)[labels]
    noise = random.standard_normal((n, 28, 28), dtype=np.float32)
    smooth = scipy.ndimage.gaussian_filter(noise, (0, 3, 3), mode="wrap") * 5 + noise / 4
    return smooth.reshape(n, -1), np.eye(10)[random.integers(0, 10, n)]


def product_rate() -> float:
    """Operations a second of a float32 matrix product, the best of three."""
    a = np.random.default_rng(0).random((4096, 4096), dtype=np.float32)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 4096**3 / best


def coefficients(method: str, X: np.ndarray, Y: np.ndarray, bandwidth: float) -> np.ndarray:
    """The coefficients alpha (n, 10), float64."""
    gamma = 1 / (2 * bandwidth**2)
    if method in OURS:
        plan = plan_fit(len(X), 10, 2 * X.size, solver=OURS[method], dtype=torch.float32)
        matrix = gram_from_blocks(Gaussian(bandwidth), [(torch.from_numpy(X),)]).training
        solved = interpolate_gram(matrix, torch.from_numpy(Y), plan, bound_eigenvalue=False, tolerance=TOLERANCE)
        print(json.dumps({"iterations": solved.iterations, "stages": solved.seconds}), file=sys.stderr)
        return solved.coefficients.numpy()
    if method == "lapack-float32":
        return lapack_float32(X, Y, gamma)
    if method == "kernel-ridge-float32":
        ridge = KernelRidge(alpha=0, kernel="rbf", gamma=gamma).fit(X, Y.astype(np.float32))
        return np.asarray(ridge.dual_coef_, np.float64)
    points = X.astype(np.float64)
    if method == "kernel-ridge":
        return np.asarray(KernelRidge(alpha=0, kernel="rbf", gamma=gamma).fit(points, Y).dual_coef_)
    K = rbf_kernel(points, gamma=gamma)
    if method == "scipy":
        return scipy.linalg.solve(K, Y, assume_a="pos", overwrite_a=True)
    columns = [scipy.sparse.linalg.cg(K, column, rtol=TOLERANCE, maxiter=5000)[0] for column in Y.T]
    return np.stack(columns, axis=1)


def lapack_float32(X: np.ndarray, Y: np.ndarray, gamma: float) -> np.ndarray:
    """The coefficients as float32 gives them, in the memory of K and X."""
    squares = np.einsum("ij,ij->i", X, X)
    K = X @ X.T  # NumPy takes ssyrk for a product with the transpose
    K *= -2
    K += squares
    K += squares[:, None]
    np.maximum(K, 0, out=K)
    K *= -gamma
    np.exp(K, out=K)
    factor, failed = scipy.linalg.lapack.spotrf(K.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise ValueError(f"spotrf ends with {failed}: K is not positive definite in float32")
    return np.asarray(scipy.linalg.lapack.spotrs(factor, Y.astype(np.float32), lower=1)[0], np.float64)


def child(method: str, n: int, cifar10: str | None) -> None:
    """Measure one case and print it as JSON."""
    X, Y = sample(n, cifar10)
    rate = product_rate()
    bandwidth = MEDIAN_SHARE * median_distance(X)
    start = time.perf_counter()
    alpha = coefficients(method, X, Y, bandwidth)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows = np.random.default_rng(1).permutation(len(X))[:500]
    exact = Gaussian(bandwidth).block(torch.from_numpy(X[rows]).double(), torch.from_numpy(X).double()).numpy()
    residual = float(np.linalg.norm(exact @ alpha - Y[rows]) / np.linalg.norm(Y[rows]))
    floor = 2 * (float(n) ** 2 * X.shape[1] + n**3 / 3) / rate
    result = {"seconds": seconds, "peak": peak, "residual": residual, "floor": floor, "rate": rate, "d": X.shape[1]}
    print(json.dumps(result))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[5000, 10_000, 20_000], metavar="N")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--cifar10", metavar="DIR", help="folder that holds cifar-10-batches-bin")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.methods[0], options.sizes[0], options.cifar10)
        return
    print(f"{'n':>7}{'d':>6}  {'method':<20}{'seconds':>9}{'floor':>8}{'of floor':>10}{'peak GB':>9}{'residual':>10}")
    for n in options.sizes:
        for method in options.methods:
            command = [sys.executable, "-m", "benchmarks.kernels", "--child", "--sizes", str(n), "--methods", method]
            command += ["--cifar10", options.cifar10] if options.cifar10 else []
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{n:>7,}        {method:<20}failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
                continue
            case = json.loads(done.stdout)
            share = case["seconds"] / case["floor"]
            print(
                f"{n:>7,}{case['d']:>6}  {method:<20}{case['seconds']:>9.1f}{case['floor']:>8.1f}{share:>10.2f}"
                f"{case['peak'] / 1e9:>9.2f}{case['residual']:>10.0e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
