"""The minimum-norm solution over the rational numbers: no tolerance, no condition number.

Every float64 number is a rational number, so the problem as given has an exact answer. With R a largest set of
independent rows of X, w* = R^T (R R^T)^-1 y_R, and it solves Xw = y if and only if anything does. Cost and size of the
numbers grow fast: for small problems, up to a few dozen rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from theory.common.arrays import as_array
from theory.common.lazy_import import lazy_import

if TYPE_CHECKING:
    import flint
else:
    flint = lazy_import("flint")


@dataclass(frozen=True)
class ExactVerification:
    """Exact facts about w.

    Attributes:
        solves: whether Xw = y.
        in_row_space: whether w is a combination of the rows of X. Both hold if and only if w is the minimum-norm
            solution.
        squared_distance: ||w - w*||^2.
    """

    solves: bool
    in_row_space: bool
    squared_distance: Fraction


def exact_minimum_norm_solution(X: Any, y: Any) -> list[Fraction]:
    """w* = X^+ y for equations Xw = y that have a solution, as d fractions.

    Arguments:
        X: (n, d), y: (n,): integers of any type, fractions, decimals or finite floats, each taken as the rational
            number that it is.

    Raises ValueError if shapes do not match, for NaN or infinity, and if Xw = y has no solution.
    """
    matrix, target = _matrix(X, "X"), _column(y, "y")
    _require_rows(target, matrix.nrows(), "y")
    return [_fraction(value) for value in _solve(matrix, target).entries()]


def exact_squared_norm(X: Any, y: Any) -> Fraction:
    """||w*||^2 of the minimum-norm solution of Xw = y; arguments and errors as `exact_minimum_norm_solution`."""
    return sum((value * value for value in exact_minimum_norm_solution(X, y)), Fraction(0))


def exact_rank(X: Any) -> int:
    """The rank of X (n, d), no singular value being too small to count. Errors as `exact_minimum_norm_solution`."""
    return int(_matrix(X, "X").rref()[1])


def exact_null_vector(X: Any) -> list[Fraction]:
    """A nonzero v with Xv = 0, d fractions. ValueError if the columns of X (n, d) are independent."""
    matrix = _matrix(X, "X")
    reduced, rank = matrix.rref()
    d = matrix.ncols()
    if rank == d:
        raise ValueError("the columns of X are linearly independent: only zero is mapped to zero")
    pivots = _pivots(reduced, rank)
    free = next(column for column in range(d) if column not in pivots)
    vector = [Fraction(0)] * d
    vector[free] = Fraction(1)
    for row, column in enumerate(pivots):
        vector[column] = -_fraction(reduced[row, free])
    return vector


def verify_minimum_norm_exactly(X: Any, y: Any, w: Any) -> ExactVerification:
    """Decide whether w (d,) is the minimum-norm solution of Xw = y, and how far from it, in exact arithmetic.

    Arguments and errors as `exact_minimum_norm_solution`.
    """
    matrix, target, point = _matrix(X, "X"), _column(y, "y"), _column(w, "w")
    _require_rows(target, matrix.nrows(), "y")
    _require_rows(point, matrix.ncols(), "w")
    difference = point - _solve(matrix, target)
    joined = flint.fmpq_mat(matrix.nrows() + 1, matrix.ncols(), [*matrix.entries(), *point.entries()])
    return ExactVerification(
        solves=matrix * point == target,
        in_row_space=joined.rref()[1] == matrix.rref()[1],
        squared_distance=sum((_fraction(value) ** 2 for value in difference.entries()), Fraction(0)),
    )


def _solve(matrix: flint.fmpq_mat, target: flint.fmpq_mat) -> flint.fmpq_mat:
    rows, d = matrix.nrows(), matrix.ncols()
    reduced, rank = matrix.transpose().rref()
    independent = _pivots(reduced, rank)
    if not independent:
        solution = flint.fmpq_mat(d, 1)
    else:
        chosen = flint.fmpq_mat(rank, d, [matrix[i, j] for i in independent for j in range(d)])
        right = flint.fmpq_mat(rank, 1, [target[i, 0] for i in independent])
        solution = chosen.transpose() * (chosen * chosen.transpose()).solve(right)
    if matrix * solution != target:
        raise ValueError(f"Xw = y has no solution: the {rows} equations contradict each other")
    return solution


def _pivots(reduced: flint.fmpq_mat, rank: int) -> list[int]:
    """Columns of the leading ones of a reduced row echelon form."""
    return [next(j for j in range(reduced.ncols()) if reduced[row, j] != 0) for row in range(rank)]


def _matrix(values: Any, name: str) -> flint.fmpq_mat:
    array = as_array(values, name)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a matrix (n, d), got shape {array.shape}")
    return flint.fmpq_mat(*array.shape, _rationals(array.ravel().tolist(), name))


def _column(values: Any, name: str) -> flint.fmpq_mat:
    array = as_array(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {array.shape}")
    return flint.fmpq_mat(len(array), 1, _rationals(array.tolist(), name))


def _rationals(values: Iterable[Any], name: str) -> list[flint.fmpq]:
    try:
        return [flint.fmpq(*map(int, value.as_integer_ratio())) for value in values]
    except (OverflowError, ValueError):  # as_integer_ratio of infinity and of NaN
        raise ValueError(f"{name} contains NaN or infinite values") from None
    except AttributeError:
        raise TypeError(f"{name} must hold real numbers: integers, fractions, decimals or floats") from None


def _require_rows(column: flint.fmpq_mat, length: int, name: str) -> None:
    if column.nrows() != length:
        raise ValueError(f"{name} must have {length} entries to go with X, got {column.nrows()}")


def _fraction(value: flint.fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))
