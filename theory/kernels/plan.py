"""The cost of a fit, before anything is allocated: solver, precision, memory, operations."""

from dataclasses import dataclass
from typing import Literal

import torch

from theory.common.memory import available_memory
from theory.common.plain_numbers import plain_numbers
from theory.kernels.panels import HEIGHT, panel_bytes

Solver = Literal["cholesky", "conjugate-gradients"]

LARGEST_DIRECT = 8192
"""Up to this size Cholesky in float64 takes seconds and gives proofs; above it, conjugate gradients run in float32."""

_EXPECTED_ITERATIONS = 100  # iterations of conjugate gradients, for the count of operations


@dataclass(frozen=True)
class FitPlan:
    """How a Gram system of n points will be solved, and what that takes.

    Attributes:
        n, outputs: size.
        solver: `cholesky` or `conjugate-gradients`.
        dtype: the dtype of the Gram matrix.
        memory: bytes by what they are for.
        operations: the operations of the solver; multiplications and additions count separately.
        sample_size: columns that the preconditioner is made from.
    """

    n: int
    outputs: int
    solver: Solver
    dtype: torch.dtype
    memory: dict[str, int]
    operations: float
    sample_size: int

    @property
    def total_memory(self) -> int:
        """The bytes in all."""
        return sum(self.memory.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in self.memory.items())
        precision = str(self.dtype).removeprefix("torch.")
        return (
            f"n = {self.n:,}: {self.solver} in {precision}, {self.total_memory / 1e9:.2f} GB ({parts}), "
            f"{self.operations:.1e} operations"
        )


@plain_numbers
def plan_fit(
    n: int,
    outputs: int,
    other_values: int = 0,
    *,
    solver: Solver | Literal["auto"] = "auto",
    dtype: torch.dtype | None = None,
    leave_one_out: bool = False,
    memory_limit: int | None = None,
    device: str = "cpu",
) -> FitPlan:
    """Choose the solver and the precision, and see that they fit.

    Arguments:
        n, outputs: training points and outputs.
        other_values: further numbers of that precision that will be held: points, features, test rows of the kernel.
        solver: `auto` takes Cholesky up to 8,192 points, or for leave-one-out values, else conjugate gradients.
        dtype: by default float64 up to 8,192 points, float32 above.
        leave_one_out: whether these values are wanted, which come from a factorisation.
        memory_limit: bytes; what the device has free by default.
        device: where the Gram matrix will lie.

    Raises ValueError for an unknown solver, fewer than one point or output, and if it does not fit, saying how much it
    takes and how many points would.
    """
    if solver not in ("auto", "cholesky", "conjugate-gradients"):
        raise ValueError(f"solver must be auto, cholesky or conjugate-gradients, got {solver!r}")
    if n < 1 or outputs < 1 or other_values < 0:
        raise ValueError(
            f"n and outputs must be at least 1, other_values at least 0, got {n}, {outputs} and {other_values}"
        )
    if leave_one_out and solver == "conjugate-gradients":
        raise ValueError("leave-one-out values come from a factorisation: ask for solver 'cholesky'")
    direct: Solver = "cholesky" if n <= LARGEST_DIRECT or leave_one_out else "conjugate-gradients"
    chosen = direct if solver == "auto" else solver
    precision = dtype or (torch.float64 if n <= LARGEST_DIRECT else torch.float32)
    plan = _plan(n, outputs, other_values, chosen, precision)
    limit = available_memory(device) if memory_limit is None else memory_limit
    if plan.total_memory > limit:
        raise ValueError(_refusal(plan, other_values, limit))
    return plan


def _plan(n: int, outputs: int, other_values: int, solver: Solver, dtype: torch.dtype) -> FitPlan:
    sample_size = min(n, 1024 if n < 20_000 else 2048)
    size = dtype.itemsize
    matrix = panel_bytes(n, size)
    memory = {"Gram matrix": matrix, "points and further rows": other_values * size}
    if solver == "cholesky":
        memory["factor"] = matrix * (2 if dtype == torch.float64 else 1)  # the proof of lambda_min takes a copy
        memory["vectors"] = 4 * 8 * n * outputs + HEIGHT * n * size
        operations = n**3 / 3
    else:
        memory["preconditioner"] = n * sample_size * (2 * 8 + size // 2)
        memory["vectors"] = 10 * 8 * n * outputs
        operations = 2.0 * n * n * outputs * _EXPECTED_ITERATIONS + 4.0 * n * sample_size**2
    return FitPlan(n, outputs, solver, dtype, memory, operations, sample_size)


def _refusal(plan: FitPlan, other_values: int, limit: int) -> str:
    def fits(n: int, solver: Solver, dtype: torch.dtype) -> bool:
        return _plan(n, plan.outputs, other_values * n // plan.n, solver, dtype).total_memory <= limit

    low, high = 0, plan.n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle, plan.solver, plan.dtype) else (low, middle)
    hint = f"{low:,} points that way"
    if fits(plan.n, "conjugate-gradients", torch.float32):
        hint += ", or all of them by conjugate-gradients in float32"
    return f"it does not fit in {limit / 1e9:.2f} GB. {plan}. What would fit: {hint}"
