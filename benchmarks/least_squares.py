"""Time to the minimum-norm solution, ours beside its peers, in one run: `python -m benchmarks.least_squares`.

Gaussian equations Xw = y with n < d, independent features of equal or (`--decay`) falling variance; from zero to a
relative distance of 1e-10 from X^+ y, one sample a step:

    ours      stochastic_gradient_descent: iterates alpha with K = X X^T, a window of steps as one triangular system
    kaczmarz  randomized_kaczmarz, the same way
    torch     a plain loop over torch.optim.SGD: forward, backward, step
    sklearn   SGDRegressor, constant step size, no penalty, no intercept: a compiled loop over samples
    lstsq     scipy.linalg.lstsq (gelsd), the direct reference
    lsmr      scipy.sparse.linalg.lsmr, the Krylov reference

torch and SGDRegressor take our step size. Ours stops by a residual that implies the distance; torch's loop is stopped
after the first epoch at whose end the distance, measured off the clock, is small enough; SGDRegressor gets the number
of epochs that ours took. A loop that would take more than `--torch-epochs` epochs is cut there and its time scaled
up to our number of epochs, marked "~": the iterates are the same but for the order of the samples. Relative
distances reached are printed below the times, which are the least of three repetitions but for torch's loop. K takes
n^2 numbers and O(n^2 d) time, which ours includes.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch
from sklearn.linear_model import SGDRegressor

from theory.least_squares import randomized_kaczmarz, stochastic_gradient_descent

GOAL = 1e-10
REPETITIONS = 3
METHODS = ("ours", "kaczmarz", "torch", "sklearn", "lstsq", "lsmr")


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds, the least of three repetitions, and result."""
    seconds = float("inf")
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, result


def torch_loop(
    X: np.ndarray, y: np.ndarray, best: np.ndarray, step_size: float, max_epochs: int
) -> tuple[float, int, np.ndarray]:
    """Seconds in epochs, epochs, last iterate."""
    points, labels = torch.from_numpy(X), torch.from_numpy(y)
    w = torch.zeros(X.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=step_size)
    random, seconds, epochs = np.random.default_rng(0), 0.0, 0
    while epochs < max_epochs and np.linalg.norm(w.detach().numpy() - best) > GOAL * np.linalg.norm(best):
        start = time.perf_counter()
        for i in random.permutation(len(X)).tolist():
            optimizer.zero_grad()
            ((points[i] @ w - labels[i]) ** 2 / 2).backward()
            optimizer.step()
        seconds, epochs = seconds + time.perf_counter() - start, epochs + 1
    return seconds, epochs, w.detach().numpy()


def row(n: int, d: int, decay: float, torch_epochs: int) -> None:
    """Measure one problem and print its two lines."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, d)) * np.arange(1, d + 1) ** (-decay / 2)
    y = X @ (random.standard_normal(d) / np.sqrt(d))
    lstsq_seconds, best = timed(lambda: np.asarray(scipy.linalg.lstsq(X, y)[0]))
    norm = float(np.linalg.norm(best))
    smallest, largest = np.sqrt(np.linalg.eigvalsh(X @ X.T)[[0, -1]])
    tolerance = GOAL * smallest * norm / (np.linalg.norm(X) * norm + np.linalg.norm(y))  # implies the distance

    seconds, reached = {"lstsq": lstsq_seconds}, {"lstsq": best}
    seconds["ours"], reached["ours"] = timed(lambda: stochastic_gradient_descent(X, y, tolerance=tolerance).solution)
    ours = stochastic_gradient_descent(X, y, tolerance=tolerance)
    epochs = -(-ours.iterations // n)
    seconds["kaczmarz"], reached["kaczmarz"] = timed(lambda: randomized_kaczmarz(X, y, tolerance=tolerance).solution)
    torch_seconds, torch_done, reached["torch"] = torch_loop(X, y, best, ours.step_size, torch_epochs)
    cut = torch_done == torch_epochs and epochs > torch_epochs
    seconds["torch"] = torch_seconds * (epochs / torch_done if cut else 1.0)
    regressor = SGDRegressor(
        penalty=None, fit_intercept=False, learning_rate="constant", eta0=ours.step_size, max_iter=epochs, tol=None
    )
    # The squared error's gradient in SGDRegressor is (prediction - label) x as here.
    seconds["sklearn"], reached["sklearn"] = timed(lambda: regressor.fit(X, y).coef_)
    seconds["lsmr"], reached["lsmr"] = timed(
        lambda: scipy.sparse.linalg.lsmr(X, y, atol=1e-13, btol=1e-13, conlim=0, maxiter=10_000)[0]
    )
    cells = [f"{'~' if name == 'torch' and cut else ''}{seconds[name]:.4f} s" for name in METHODS]
    ratios = "".join(f"{seconds[name] / seconds['ours']:>9.1f}" for name in ("torch", "sklearn", "lstsq", "lsmr"))
    print(
        f"{n:>7,}{d:>9,}{largest / smallest:>6.0f}{epochs:>7}" + "".join(f"{cell:>13}" for cell in cells) + ratios,
        flush=True,
    )
    distances = [float(np.linalg.norm(reached[name] - best)) / norm for name in METHODS]
    print(
        " " * 29
        + "".join("    reference" if m == "lstsq" else f"{v:>13.0e}" for m, v in zip(METHODS, distances, strict=True))
    )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--sizes", nargs="+", default=["100x1000", "100x10000", "300x3000", "1000x4000"], metavar="NxD", help="n < d"
    )
    parser.add_argument("--decay", type=float, default=0.0, help="feature j has variance j^-decay: conditioning")
    parser.add_argument("--torch-epochs", type=int, default=100, help="cut torch's loop here and scale its time up")
    options = parser.parse_args()
    heads = [*METHODS, *(f"{name}/" for name in ("torch", "sklearn", "lstsq", "lsmr"))]
    print(
        f"{'n':>7}{'d':>9}{'cond':>6}{'epochs':>7}" + "".join(f"{h:>{13 if i < 6 else 9}}" for i, h in enumerate(heads))
    )
    timed(lambda: stochastic_gradient_descent(np.eye(3, 5), np.ones(3)).solution)  # load BLAS
    for size in options.sizes:
        n, d = map(int, size.lower().split("x"))
        row(n, d, options.decay, options.torch_epochs)


if __name__ == "__main__":
    main()
