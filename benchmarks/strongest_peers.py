"""Ours beside the strongest peers that we know, in turn within one process: `python -m benchmarks.strongest_peers`.

Each method takes its turn once a round on one thread, in seconds of processor time; a ratio is a peer's time to ours
in the same round. Printed are the median and the least and greatest ratio, and the error that each method leaves:

    theorem-1      n points of 10 Gaussian coordinates; ours: relu_interpolant. sort-and-diff: project, sort, take
                   differences of slopes, in NumPy and compiled by numba. Error: the largest |c(x_i) - y_i| where c is
                   evaluated piece by piece.
    least-squares  n x d Gaussian equations; ours: stochastic_gradient_descent to a relative distance of 1e-8. torch-sgd
                   and numba-sgd: the same steps, as many epochs, without autograd; lsqr and lsmr: SciPy's Krylov
                   methods. Error: the relative distance from the minimum-norm solution.
    kernels        smooth random images, one-hot labels, Gaussian kernel; ours: Cholesky in float32 with refinement, and
                   conjugate gradients. The peers of `benchmarks.kernels`. Error: the relative residual over 500 points.

Peers that are not installed (numba: the extra `fast`) are left out, and the output says so. EigenPro is not on PyPI
under that name, so it is not among them.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

from theory.expressivity import DepthTwoNetwork, relu_interpolant

Method = Callable[[], np.ndarray]
TABLES = ("theorem-1", "least-squares", "kernels")
HAS_NUMBA = find_spec("numba") is not None


def compare(title: str, methods: dict[str, Method], error: Callable[[np.ndarray], float], rounds: int) -> None:
    """Print one table; ours is the first method."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    errors = {}
    for _ in range(rounds):
        for name, work in methods.items():
            start = time.process_time()
            result = work()
            seconds[name].append(time.process_time() - start)
            errors[name] = error(result)
    ours = np.array(next(iter(seconds.values())))
    print(f"{title}\n  {'method':<22}{'seconds':>9}{'of ours':>9}  {'spread':<14}{'error':>8}")
    for name, times in seconds.items():
        ratios = np.array(times) / ours
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        print(
            f"  {name:<22}{np.median(times):>9.3f}{np.median(ratios):>9.2f}  {spread:<14}{errors[name]:>8.0e}",
            flush=True,
        )


def slopes_differ(z: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Biases and weights from differences of slopes, without feedback, in one loop that numba can compile."""
    biases, weights = np.empty_like(z), np.empty_like(z)
    bias, value, slope = z[0] - (z[-1] - z[0]), 0.0, 0.0
    for j in range(len(z)):
        new = (labels[j] - value) / (z[j] - bias)
        biases[j], weights[j] = bias, new - slope
        bias, value, slope = z[j], labels[j], new
    return biases, weights


def theorem_1(n: int, rounds: int) -> None:
    """Theorem 1's construction beside sort-and-diff."""
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((n, 10)), random.integers(0, 10, n).astype(np.float64)
    direction = random.standard_normal(10)

    def sort_and_diff(differ: Callable[..., tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        z = points @ direction
        order = np.argsort(z)
        biases, weights = differ(z[order], labels[order])
        return np.stack([biases, weights])

    def by_numpy(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        biases = np.concatenate([[2 * z[0] - z[-1]], z[:-1]])
        return biases, np.diff(np.diff(y, prepend=0.0) / (z - biases), prepend=0.0)

    network: dict[str, DepthTwoNetwork] = {}

    def ours() -> np.ndarray:
        network["ours"] = relu_interpolant(points, labels)
        return np.stack([network["ours"].biases, network["ours"].weights[:, 0]])

    def error(result: np.ndarray) -> float:
        biases, weights = result
        a = network["ours"].direction if np.array_equal(biases, network["ours"].biases) else direction
        return float(np.abs(DepthTwoNetwork(a, biases, weights[:, None])(points) - labels).max())

    methods: dict[str, Method] = {"ours": ours, "sort-and-diff": lambda: sort_and_diff(by_numpy)}
    if HAS_NUMBA:
        import numba

        compiled = numba.njit(slopes_differ)
        compiled(np.arange(3.0), np.ones(3))
        methods["sort-and-diff, numba"] = lambda: sort_and_diff(compiled)
    compare(f"theorem-1, n = {n:,}, d = 10", methods, error, rounds)


def numba_sgd(X: np.ndarray, y: np.ndarray, rows: np.ndarray, step_size: float) -> np.ndarray:
    """The steps of stochastic gradient descent on these rows, in a loop that numba can compile."""
    w = np.zeros(X.shape[1])
    for i in rows:
        w -= step_size * (np.dot(X[i], w) - y[i]) * X[i]
    return w


def torch_sgd(X: np.ndarray, y: np.ndarray, rows: np.ndarray, step_size: float) -> np.ndarray:
    """The same in torch without autograd: an inner product and an addition in place for each step."""
    import torch

    points, labels = torch.from_numpy(X).unbind(), y.tolist()
    w = torch.zeros(X.shape[1], dtype=torch.float64)
    for i in rows.tolist():
        w.add_(points[i], alpha=step_size * (labels[i] - float(points[i] @ w)))
    return w.numpy()


def least_squares(n: int, d: int, rounds: int) -> None:
    """Stochastic gradient descent beside the same steps elsewhere, and Krylov methods."""
    import scipy.sparse.linalg

    from theory.least_squares import stochastic_gradient_descent

    random = np.random.default_rng(0)
    X = random.standard_normal((n, d))
    best = X.T @ random.standard_normal(n)
    y, norm = X @ best, float(np.linalg.norm(best))
    tolerance = 1e-8 * np.linalg.svd(X, compute_uv=False)[-1] * norm / (np.linalg.norm(X) * norm + np.linalg.norm(y))
    fitted = stochastic_gradient_descent(X, y, tolerance=float(tolerance))
    epochs, step_size = -(-fitted.iterations // n), fitted.step_size
    rows = np.concatenate([random.permutation(n) for _ in range(epochs)])
    methods: dict[str, Method] = {
        "ours": lambda: stochastic_gradient_descent(X, y, tolerance=float(tolerance)).solution,
        "torch-sgd": lambda: torch_sgd(X, y, rows, step_size),
        "lsqr": lambda: scipy.sparse.linalg.lsqr(X, y, atol=1e-10, btol=1e-10, conlim=0)[0],
        "lsmr": lambda: scipy.sparse.linalg.lsmr(X, y, atol=1e-10, btol=1e-10, conlim=0)[0],
    }
    if HAS_NUMBA:
        import numba

        compiled = numba.njit(numba_sgd)
        compiled(X[:2], y[:2], np.arange(2), 0.0)
        methods["numba-sgd"] = lambda: compiled(X, y, rows, step_size)
    title = f"least-squares, {n:,} x {d:,}, {epochs} epochs"
    compare(title, methods, lambda w: float(np.linalg.norm(w - best)) / norm, rounds)


def kernel_fits(n: int, rounds: int) -> None:
    """Kernel interpolation in float32 and float64."""
    import torch

    from benchmarks import kernels
    from theory.kernels import MEDIAN_SHARE, Gaussian, median_distance

    torch.set_num_threads(1)
    X, Y = kernels.sample(n, None)
    bandwidth = MEDIAN_SHARE * median_distance(X)
    chosen = np.random.default_rng(1).permutation(n)[:500]
    exact = Gaussian(bandwidth).block(torch.from_numpy(X[chosen]).double(), torch.from_numpy(X).double()).numpy()
    names = ("cholesky", "conjugate-gradients", "lapack-float32", "kernel-ridge-float32", "kernel-ridge")
    methods: dict[str, Method] = {name: partial(kernels.coefficients, name, X, Y, bandwidth) for name in names}

    def error(alpha: np.ndarray) -> float:
        return float(np.linalg.norm(exact @ alpha - Y[chosen]) / np.linalg.norm(Y[chosen]))

    compare(f"kernels, n = {n:,}, d = {X.shape[1]}; ours: cholesky and conjugate-gradients", methods, error, rounds)


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=200_000, help="n of Theorem 1")
    parser.add_argument("--equations", default="1000x10000", metavar="NxD", help="shape of the least-squares problem")
    parser.add_argument("--kernel", type=int, default=5000, metavar="N", help="points of the kernel problem")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES, help="tables to print; all by default")
    options = parser.parse_args()
    with threadpool_limits(1):
        if not HAS_NUMBA:
            print("numba is not installed: its rows are left out (pip install 'rethinking-generalization[fast]')")
        if "theorem-1" in options.only:
            theorem_1(options.points, options.rounds)
        if "least-squares" in options.only:
            n, d = map(int, options.equations.lower().split("x"))
            least_squares(n, d, options.rounds)
        if "kernels" in options.only:
            kernel_fits(options.kernel, options.rounds)


if __name__ == "__main__":
    main()
