"""The result of every iterative solver."""

from dataclasses import dataclass, field
from functools import cached_property

from theory.common.arrays import Float64Array
from theory.common.scaling import norm
from theory.least_squares.certificate import MinimumNormCertificate, certify
from theory.least_squares.problem import Problem
from theory.least_squares.references import RowSpace


@dataclass(frozen=True, eq=False)
class LeastSquaresResult:
    """An iterate and its evidence.

    Attributes:
        solution: the last iterate, float64 (d,) or (d, k).
        iterations: updates of w made.
        residual: ||Xw - y||_F.
        converged: whether the solver stopped by its tolerance rather than by `max_iterations`.
        step_size: the constant step size, or the first of a schedule.
        refinements: how often w was summed up and its residual computed afresh from X.

    `reference`, `distance` and `certificate` cost an SVD of X each when first asked for.
    """

    solution: Float64Array
    iterations: int
    residual: float
    converged: bool
    step_size: float
    refinements: int
    _problem: Problem = field(repr=False)
    _start: Float64Array = field(repr=False)

    @cached_property
    def reference(self) -> Float64Array:
        """The point that theory says the solver tends to: w_0 projected onto the solutions, w_0 + X^+ (y - X w_0).

        From zero this is the minimum-norm solution. Where Xw = y has no solution, the least-squares ones take their
        place.
        """
        if not self._problem.X.any():
            return self._problem.solution(self._start)
        correction = RowSpace.of(self._problem.X).solve(-self._problem.residual(self._start))
        return self._problem.solution(self._start + correction)

    @cached_property
    def distance(self) -> float:
        """||solution - reference||_F, accurate to the reference's own eps cond(X) ||reference||."""
        return norm(self.solution - self.reference)

    @cached_property
    def certificate(self) -> MinimumNormCertificate:
        """An upper bound on the distance of `solution` from the minimum-norm solution."""
        return certify(self._problem, self._problem.columns(self.solution, "w"))
