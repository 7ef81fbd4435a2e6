"""Time to the minimum-norm solution, ours beside its peers, in one run: `python -m benchmarks.least_squares`.

Gaussian equations Xw = y, n < d or n > d, independent features of equal or (`--decay`) falling variance; y = Xw* with
w* in the row space, so w* is the reference. From zero to a relative distance of 1e-10 from it, one sample a step:

    ours      stochastic_gradient_descent
    kaczmarz  randomized_kaczmarz, the same way
    torch     a plain loop over torch.optim.SGD: forward, backward, step
    sklearn   SGDRegressor, constant step size, no penalty, no intercept: a compiled loop over samples
    lstsq     scipy.linalg.lstsq (gelsd), the direct reference
    lsmr      scipy.sparse.linalg.lsmr, the Krylov reference
    reading   no solver: epochs times the time of the product Xw, which streams X at the machine's memory bandwidth: the
              least that any method can take which reads X once an epoch

Ratios are to ours; "limit" is torch's to reading, the most that such a method can gain. Ours can pass it only where it
forms X X^T, which is smaller than X, and reads that instead.

torch and SGDRegressor take our step size. Ours stops by a residual that implies the distance; torch's loop is stopped
after the first epoch at whose end the distance, measured off the clock, is small enough; SGDRegressor gets the number
of epochs that ours took. A loop that would take more than `--torch-epochs` epochs is cut there and its time scaled
up to our number of epochs, marked "~": the iterates are the same but for the order of the samples. Relative
distances reached are printed below the times. Times are the least of three repetitions, of fewer once ten seconds are
spent, of one for torch's loop. Kaczmarz is left out above 2 * 10^8 numbers in X, gelsd where it would take minutes.
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
REPETITIONS, PATIENCE = 3, 10.0
METHODS = ("ours", "kaczmarz", "torch", "sklearn", "lstsq", "lsmr", "reading")
RATIOS = ("torch", "sklearn", "lstsq", "lsmr")


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds, the least of three repetitions or of as many as begin within ten seconds, and result."""
    seconds, begin = float("inf"), time.perf_counter()
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        result = work()
        end = time.perf_counter()
        seconds = min(seconds, end - start)
        if end - begin > PATIENCE:
            break
    return seconds, result


def smallest_and_largest(X: np.ndarray) -> tuple[float, float]:
    """The extreme singular values of X, of full rank; by Lanczos' method, to a percent, where X is large."""
    n, d = X.shape
    if min(n, d) <= 2000:
        low, high = np.linalg.eigvalsh(X @ X.T if n <= d else X.T @ X)[[0, -1]]
    else:
        wide, tall = (X.T, X) if n <= d else (X, X.T)
        square = scipy.sparse.linalg.LinearOperator((min(n, d),) * 2, lambda v: tall @ (wide @ v), dtype=np.float64)
        low, high = scipy.sparse.linalg.eigsh(square, 2, which="BE", tol=0.01, return_eigenvectors=False)
    return float(np.sqrt(low)), float(np.sqrt(high))


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
    X = random.standard_normal((n, d))
    X *= np.arange(1, d + 1) ** (-decay / 2)
    best = X.T @ random.standard_normal(n)
    y, norm = X @ best, float(np.linalg.norm(best))
    smallest, largest = smallest_and_largest(X)
    scale = float(np.linalg.norm(X) * norm + np.linalg.norm(y))
    tolerance = GOAL * smallest * norm / scale  # implies the distance

    seconds, reached = {}, {}
    seconds["ours"], reached["ours"] = timed(lambda: stochastic_gradient_descent(X, y, tolerance=tolerance).solution)
    ours = stochastic_gradient_descent(X, y, tolerance=tolerance)
    epochs = -(-ours.iterations // n)
    reading, _ = timed(lambda: X @ best)
    seconds["reading"] = epochs * reading
    if X.size <= 2e8:
        seconds["kaczmarz"], reached["kaczmarz"] = timed(
            lambda: randomized_kaczmarz(X, y, tolerance=tolerance).solution
        )
    torch_seconds, torch_done, reached["torch"] = torch_loop(X, y, best, ours.step_size, torch_epochs)
    cut = torch_done == torch_epochs and epochs > torch_epochs
    seconds["torch"] = torch_seconds * (epochs / torch_done if cut else 1.0)
    regressor = SGDRegressor(
        penalty=None, fit_intercept=False, learning_rate="constant", eta0=ours.step_size, max_iter=epochs, tol=None
    )
    # The squared error's gradient in SGDRegressor is (prediction - label) x as here.
    seconds["sklearn"], reached["sklearn"] = timed(lambda: regressor.fit(X, y).coef_)
    if min(n, d) * X.size <= 1e10:
        seconds["lstsq"], reached["lstsq"] = timed(lambda: np.asarray(scipy.linalg.lstsq(X, y)[0]))
    seconds["lsmr"], reached["lsmr"] = timed(
        lambda: scipy.sparse.linalg.lsmr(X, y, atol=1e-13, btol=1e-13, conlim=0, maxiter=10_000)[0]
    )
    mark = {"torch": "~" if cut else ""}
    cells = [f"{mark.get(name, '')}{seconds[name]:.4f} s" if name in seconds else "-" for name in METHODS]
    ratios = [f"{seconds[name] / seconds['ours']:.1f}" if name in seconds else "-" for name in RATIOS]
    ratios.append(f"{seconds['torch'] / seconds['reading']:.1f}")
    print(
        f"{n:>7,}{d:>9,}{largest / smallest:>6.0f}{epochs:>7}"
        + "".join(f"{cell:>13}" for cell in cells)
        + "".join(f"{cell:>9}" for cell in ratios)
    )
    distances = {name: float(np.linalg.norm(solution - best)) / norm for name, solution in reached.items()}
    print(" " * 29 + "".join(f"{distances[m]:>13.0e}" if m in distances else " " * 13 for m in METHODS), flush=True)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--sizes", nargs="+", default=["100x1000", "100x10000", "1000x4000", "1000x10000"], metavar="NxD"
    )
    parser.add_argument("--decay", type=float, default=0.0, help="feature j has variance j^-decay: conditioning")
    parser.add_argument("--torch-epochs", type=int, default=100, help="cut torch's loop here and scale its time up")
    options = parser.parse_args()
    heads = "".join(f"{name:>13}" for name in METHODS)
    print(
        f"{'n':>7}{'d':>9}{'cond':>6}{'epochs':>7}{heads}"
        + "".join(f"{name + '/':>9}" for name in RATIOS)
        + f"{'limit':>9}"
    )
    timed(lambda: stochastic_gradient_descent(np.eye(3, 5), np.ones(3)).solution)  # load BLAS
    for size in options.sizes:
        n, d = map(int, size.lower().split("x"))
        row(n, d, options.decay, options.torch_epochs)


if __name__ == "__main__":
    main()
