"""Samples as the interpolation theorems assume them: points as rows, finite, distinct; labels as columns."""

from decimal import Decimal
from numbers import Integral, Rational
from typing import Any

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

MAX_EXACT_INTEGER = 2**53
"""Integers up to this magnitude are exact in float64."""


class BeyondFloat64Error(ValueError):
    """The sample is sound, but float64 cannot hold it, tell its points apart, or hold the weights it asks for."""


def as_points(points: Any, name: str = "points", *, check_finite: bool = True) -> npt.NDArray[Any]:
    """Points as the rows of a matrix, in the dtype they came in.

    Arguments:
        points: numpy array of any real dtype, torch tensor, or nested sequence; (n,) for points on a line,
            (n, d), or (n, ...) such as images, which are flattened.
        name: what to call the argument in errors.
        check_finite: whether to look for NaN and infinity, a pass over the data.

    Raises TypeError for a dtype that is not real, ValueError for empty input, NaN or infinity (with the rows).
    """
    array = _as_array(points, name)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"{name} is empty: at least one point with at least one coordinate is needed, got shape {array.shape}"
        )
    array = array.reshape(len(array), -1)
    if check_finite:
        _require_finite(array, name)
    return array


def as_labels(labels: Any, n: int, name: str = "labels") -> Float64Array:
    """Real labels as float64, shape (n,) or (n, k).

    Raises TypeError for a dtype that is not real; ValueError for the wrong number, for NaN or infinity (with the
    rows); BeyondFloat64Error for values that float64 does not hold exactly.
    """
    array = _as_array(labels, name)
    if array.ndim not in (1, 2) or len(array) != n or array.size == 0:
        raise ValueError(f"{name} must have shape ({n},) or ({n}, k) to go with {n} points, got {array.shape}")
    _require_finite(array, name)
    return as_float64(array, name)


def as_float64(array: npt.NDArray[Any], name: str) -> Float64Array:
    """The same numbers as float64. Raises BeyondFloat64Error, naming rows, where rounding would change a number."""
    converted = array.astype(np.float64, copy=False)
    if array.dtype.kind in "iu":
        inexact = array > MAX_EXACT_INTEGER
        if array.dtype.kind == "i":
            inexact |= array < -MAX_EXACT_INTEGER
    elif array.dtype.itemsize > 8:
        inexact = converted.astype(array.dtype) != array
    else:
        inexact = None
    if inexact is not None and inexact.any():
        raise BeyondFloat64Error(
            f"{name} contains values that float64 does not hold exactly, {_rows(inexact)}: "
            "rescale them, or use the exact construction (exact_relu_interpolant)"
        )
    return converted


def as_real(values: Any, name: str) -> npt.NDArray[Any]:
    """Values as a NumPy array of real numbers, NaN and infinity among them, in the dtype they came in.

    Raises TypeError for complex numbers, masked arrays and what is no number; BeyondFloat64Error for integers and
    fractions that no NumPy dtype holds.
    """
    require_unmasked(values, name)
    return _as_array(values, name)


def require_unmasked(values: Any, name: str) -> None:
    """Raise TypeError for a masked array: values under the mask would count as data."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: drop the masked entries or fill them in")


def _as_array(values: Any, name: str) -> npt.NDArray[Any]:
    array = as_array(values, name)
    if array.dtype == object and all(isinstance(value, Rational | Decimal | float) for value in array.ravel()):
        raise BeyondFloat64Error(
            f"{name} contains integers or fractions that no NumPy dtype holds: use the exact construction "
            "(exact_relu_interpolant)"
        )
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def as_array(values: Any, name: str = "the array") -> npt.NDArray[Any]:
    """Values as a NumPy array that holds the same numbers: of objects, where NumPy's choice of dtype would round.

    Raises TypeError for a masked array.
    """
    require_unmasked(values, name)
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu()
        values = (values.float() if "bfloat16" in str(values.dtype) else values).numpy()
    array = np.asarray(values)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and not isinstance(values, np.ndarray) and array.size:
        with np.errstate(invalid="ignore"):
            if float(np.abs(array).max()) >= MAX_EXACT_INTEGER:  # a list of integers and floats: may have lost digits
                numbers = _python_integers(np.asarray(values, dtype=object))
                if any(isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER for value in numbers.ravel()):
                    return numbers
    return _python_integers(array) if array.dtype == object else array


def _python_integers(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array of objects with integers of any type as Python's, which do not overflow."""
    out = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(array):
        out[index] = int(value) if isinstance(value, Integral) else value
    return out


def as_targets(labels: Any, n: int, outputs: int) -> Float64Array:
    """Labels to compare a network's outputs with, float64 (n, outputs). Raises ValueError for another shape."""
    targets = as_labels(labels, n).reshape(n, -1)
    if targets.shape[1] != outputs:
        raise ValueError(f"labels have {targets.shape[1]} columns, the network has {outputs} outputs")
    return targets


def _require_finite(array: npt.NDArray[Any], name: str) -> None:
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return  # one pass; a NaN or an infinity would have spoiled the sum
    spoiled = ~np.isfinite(array)
    if spoiled.any():
        raise ValueError(f"{name} contains NaN or infinite values, {_rows(spoiled)}")


def _rows(mask: npt.NDArray[np.bool_]) -> str:
    rows = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    listed = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
    return f"row{'s' if len(rows) > 1 else ''} {listed}"
