"""Assertions for other people's test suites, in the manner of `numpy.testing`.

They raise AssertionError with a message that says what fails, where and by how much, and return None otherwise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_labels, as_real, require_unmasked
from theory.common.scaling import norm, scaled, scaled_number
from theory.least_squares.certificate import certify
from theory.least_squares.problem import Problem

__all__ = ["assert_interpolates", "assert_minimum_norm"]


def assert_interpolates(
    predict: Callable[[Any], Any], X: Any, y: Any, *, rtol: float = 1e-7, atol: float = 0.0
) -> None:
    """Assert that predict(X) is y: |predict(X) - y| <= atol + rtol max |y|, entry by entry.

    Arguments:
        predict: takes X as it is given, returns (n,), (n, 1) or (n, k) to go with y; numpy or torch, say a torch
            module or an estimator's `predict`.
        X, y: the sample; y (n,) or (n, k), real numbers.
        rtol, atol: relative to the largest |y|, not to each entry: an interpolant's error does not shrink where a
            label happens to be near zero.
    """
    labels = as_labels(y, len(X), "y")
    require_unmasked(X, "X")
    try:
        array = as_real(predict(X), "predictions").astype(np.float64)
    except TypeError as error:
        raise AssertionError(str(error)) from error
    if array.shape != labels.shape and array.size == labels.size and len(array) == len(labels):
        array = array.reshape(labels.shape)
    if array.shape != labels.shape:
        raise AssertionError(f"predictions have shape {array.shape}, labels {labels.shape}")
    _compare_predictions(array, labels, atol + rtol * float(np.abs(labels).max()), "the function does not interpolate")


def assert_minimum_norm(w: Any, X: Any, y: Any, *, rtol: float = 1e-7) -> None:
    """Assert that w is the minimum-norm solution of Xw = y: it solves the equations and lies in the row space of X.

    Both are asked for up to rtol: |Xw - y| <= rtol max |y| in every equation, and the distance of w from the row
    space at most rtol ||w||. The message of a failure bounds ||w - w*|| as well.

    Arguments:
        w: (d,) or (d, k); a torch.nn.Linear's weight, (k, d), goes in as weight.T.
        X, y: (n, d) and (n,) or (n, k); numpy or torch.
        rtol: 1e-7 suits float64; use about 1e-3 for weights trained in float32.

    Raises ValueError for shapes that do not match, NaN or infinity in X or y.
    """
    problem = Problem.of(X, y, _finite_weights(w))
    columns = problem.columns(_finite_weights(w), "w")
    predictions, labels = scaled(problem.X @ columns, problem.y_exponent), scaled(problem.y, problem.y_exponent)
    _compare_predictions(predictions, labels, rtol * float(np.abs(labels).max()), "w does not solve Xw = y")
    certificate = certify(problem, columns)
    length = scaled_number(norm(columns), problem.y_exponent - problem.X_exponent)
    allowed = rtol * length
    if certificate.row_space_distance > allowed:
        least = np.sqrt(max(length**2 - certificate.row_space_distance**2, 0.0))
        raise AssertionError(
            "w solves Xw = y, but its norm is not minimal: it is not in the row space of X\n"
            f" distance from the row space: {certificate.row_space_distance:.6g}, allowed {allowed:.3g} "
            f"(rtol = {rtol:g} of ||w||)\n"
            f" ||w|| = {length:.6g}, without that part {least:.6g}\n"
            f" {certificate}"
        )


def _finite_weights(w: Any) -> Float64Array:
    try:
        array = as_real(w, "w").astype(np.float64)
    except TypeError as error:
        raise AssertionError(str(error)) from error
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise AssertionError(f"w is not finite: {array[where]} at {where}, {(~np.isfinite(array)).sum()} such entries")
    return array


def _compare_predictions(predictions: Float64Array, labels: Float64Array, tolerance: float, what: str) -> None:
    error = np.abs(predictions - labels)
    wrong = ~(error <= tolerance)  # NaN is wrong
    if wrong.any():
        at = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        place = ", ".join(f"{name} {int(i)}" for name, i in zip(("row", "output"), at, strict=False))
        raise AssertionError(
            f"{what}: {wrong.sum()} of {wrong.size} values are off by more than {tolerance:.3g}\n"
            f" largest error {error[at]:.6g}, at {place}: got {predictions[at]:.9g}, wanted {labels[at]:.9g}\n"
            f" mean error {error.mean():.3g}"
        )
