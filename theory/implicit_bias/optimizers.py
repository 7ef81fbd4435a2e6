r"""Which interpolant does an optimiser pick? Any `torch.optim.Optimizer` on underdetermined least squares.

Gradients of ||Xw - y||^2 lie in the row space of X. An optimiser whose steps are combinations of gradients (gradient
descent, momentum, quasi-Newton from a multiple of the identity) keeps w there, so if it interpolates, it ends in the
minimum-norm solution. One that rescales coordinates (Adagrad, RMSprop, Adam, sign methods) leaves the row space.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, norm, scaled, scaled_number
from theory.common.streams import generator
from theory.implicit_bias.potentials import Float64Array
from theory.implicit_bias.reference import minimum_p_norm
from theory.least_squares import MinimumNormCertificate, certify_minimum_norm, minimum_norm_solution

MakeOptimizer = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]

_EPS = float(np.finfo(np.float64).eps)

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "SGD": {"lr": 1.0},
    "ASGD": {"lr": 1.0, "lambd": 0.0},
    "Adadelta": {"lr": 1.0},
    "Adafactor": {"lr": 1.0},
    "Adagrad": {"lr": 0.1},
    "AdamW": {"lr": 0.01, "weight_decay": 0.0},
    "Adam": {"lr": 0.01},
    "Adamax": {"lr": 0.01},
    "LBFGS": {"lr": 1.0, "tolerance_grad": 0.0, "tolerance_change": 0.0},
    "NAdam": {"lr": 0.01},
    "RAdam": {"lr": 0.01},
    "RMSprop": {"lr": 0.01},
    "Rprop": {"lr": 0.01, "step_sizes": (1e-15, 1.0)},
}
"""Settings for torch's optimisers on a loss of largest curvature 1: no weight decay, no early stopping of their own."""

MOMENTA: Mapping[str, MakeOptimizer] = {
    "SGD, momentum 0.9": lambda parameters: torch.optim.SGD(parameters, lr=1.0, momentum=0.9),
    "SGD, Nesterov 0.9": lambda parameters: torch.optim.SGD(parameters, lr=1.0, momentum=0.9, nesterov=True),
}
"""SGD's momenta, beside torch's classes."""


@dataclass(frozen=True, eq=False)
class UnderdeterminedProblem:
    """Xw = y with more unknowns than equations: a name, X (n, d) and y (n,) of any real dtype, held as float64.

    Raises TypeError for what is no real number; ValueError for other shapes, NaN or infinity, and if X or y is zero: no
    step size belongs to X = 0, and no relative residual to y = 0.
    """

    name: str
    X: Float64Array
    y: Float64Array

    def __post_init__(self) -> None:
        for name in ("X", "y"):
            array = as_real(getattr(self, name), name).astype(np.float64)
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite")
            if not array.any():
                raise ValueError(f"{name} is zero: no optimiser has anything to fit")
            object.__setattr__(self, name, array)
        if self.X.ndim != 2 or self.y.shape != self.X.shape[:1]:
            raise ValueError(f"X must be (n, d) and y (n,), got {self.X.shape} and {self.y.shape}")

    @cached_property
    def least_norm(self) -> Mapping[float, Float64Array]:
        """The interpolants of least l1-, l2- and l-infinity-norm, by p."""
        return {
            1.0: minimum_p_norm(self.X, self.y, 1),
            2.0: minimum_norm_solution(self.X, self.y),
            np.inf: minimum_p_norm(self.X, self.y, np.inf),
        }


@plain_numbers
def underdetermined_problems(seed: int) -> tuple[UnderdeterminedProblem, ...]:
    """Two problems of 4 equations in 12 unknowns: Gaussian, and with columns of scales 1/2 to 2."""
    random = generator(seed, "implicit-bias-problems")
    gaussian = random.standard_normal((4, 12))
    scaled = random.standard_normal((4, 12)) * np.geomspace(0.5, 2, 12)
    return tuple(
        UnderdeterminedProblem(name, X, random.standard_normal(4))
        for name, X in (("Gaussian", gaussian), ("scaled columns", scaled))
    )


@dataclass(frozen=True, eq=False)
class Landing:
    """The end point of an optimiser on one problem.

    Attributes:
        problem: the name of the problem.
        solution: w (d,).
        steps: steps made.
        relative_residual: ||Xw - y|| / ||y||.
        distances: ||w - w_p|| / ||w_p|| in the 2-norm, w_p the interpolant of least p-norm, for p = 1, 2, infinity.
        row_space_distance: the largest distance of an iterate from the row space of X.
        row_space_bound: what rounding alone can make of it, 2 eps sum (||w_t|| + (n + d)(||step_t|| + ||gradient_t||)).
        certificate: the certificate of the minimum norm, for the last iterate.
    """

    problem: str
    solution: Float64Array
    steps: int
    relative_residual: float
    distances: Mapping[float, float]
    row_space_distance: float
    row_space_bound: float
    certificate: MinimumNormCertificate

    @property
    def stays_in_row_space(self) -> bool:
        """Whether rounding explains all of the distance from the row space."""
        return self.row_space_distance <= self.row_space_bound

    @property
    def minimum_norm_bound(self) -> float:
        """Proved upper bound on the relative distance from the minimum-norm solution, plus the rounding of that
        solution."""
        certificate = self.certificate
        length = max(norm(self.solution) - certificate.distance_bound, 0.0)
        rounding = 4 * _EPS * len(self.solution) * certificate.condition_number
        return certificate.distance_bound / length + rounding if length > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class ImplicitBias:
    """The landings of an optimiser, one for each problem of the family."""

    optimizer: str
    landings: tuple[Landing, ...]

    @property
    def interpolates(self) -> bool:
        """Whether every residual came below 1e-4 of ||y||, which leaves the ends apart by about that much."""
        return all(landing.relative_residual <= 1e-4 for landing in self.landings)

    @property
    def stays_in_row_space(self) -> bool:
        """Whether the optimiser stays in the row space on every problem."""
        return all(landing.stays_in_row_space for landing in self.landings)

    @property
    def reaches_minimum_norm(self) -> bool:
        """Whether the optimiser never leaves the row space and is proved to end within 1e-6 of the minimum-norm
        solution."""
        return self.stays_in_row_space and all(landing.minimum_norm_bound <= 1e-6 for landing in self.landings)

    def distance(self, p: float) -> tuple[float, float]:
        """The least and the largest relative distance from the interpolant of least p-norm, p = 1, 2 or infinity."""
        distances = [landing.distances[p] for landing in self.landings]
        return min(distances), max(distances)


@dataclass(frozen=True)
class NotRun:
    """An optimiser that does not take this problem, with its own reason."""

    optimizer: str
    reason: str


@plain_numbers
def check_implicit_bias(
    make_optimizer: MakeOptimizer,
    problems: tuple[UnderdeterminedProblem, ...] | None = None,
    *,
    name: str = "",
    start: float = 0.0,
    max_steps: int = 3000,
) -> ImplicitBias:
    """Run an optimiser on underdetermined least squares from `start` in every coordinate, and see where it lands.

    The loss is (1/2)||Xw - y||^2 / ||X||_2^2, full-batch: its largest curvature is 1, whatever X. The learning rate is
    halved whenever 50 steps have not lowered the residual by one per cent, for optimisers that would keep circling.

    Arguments:
        make_optimizer: parameters to optimiser, e.g. `lambda p: torch.optim.SGD(p, lr=1.0)`. One whose `step` needs a
            closure gets it.
        problems: the family; `underdetermined_problems(0)` by default.
        name: the optimiser's name, for the report.
        start: value of every coordinate at the start.
        max_steps: stop after this many steps, or at a residual of 1e-12 ||y||.

    Raises ValueError for no problem.
    """
    problems = underdetermined_problems(0) if problems is None else problems
    if not problems:
        raise ValueError("problems is empty: nothing would be checked, and nothing found wrong")
    return ImplicitBias(name, tuple(_run(make_optimizer, problem, start, max_steps) for problem in problems))


@plain_numbers
def implicit_bias_table(
    problems: tuple[UnderdeterminedProblem, ...] | None = None, *, max_steps: int = 3000
) -> tuple[ImplicitBias | NotRun, ...]:
    """`check_implicit_bias` for every optimiser that torch ships, and SGD's momenta, by name.

    Those that do not take a dense vector (SparseAdam, Muon) are listed with the reason that they give themselves.
    """
    problems = underdetermined_problems(0) if problems is None else problems
    if not problems:
        raise ValueError("problems is empty: nothing would be checked, and nothing found wrong")
    makers: dict[str, MakeOptimizer] = dict(MOMENTA)
    for name, kind in inspect.getmembers(torch.optim, inspect.isclass):
        if issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer:
            makers[name] = _maker(kind, SETTINGS.get(name, {}))
    table: list[ImplicitBias | NotRun] = []
    for name, make_optimizer in sorted(makers.items()):
        try:
            table.append(check_implicit_bias(make_optimizer, problems, name=name, max_steps=max_steps))
        except (RuntimeError, ValueError) as error:
            table.append(NotRun(name, str(error)))
    return tuple(table)


def _maker(kind: Callable[..., torch.optim.Optimizer], settings: Mapping[str, Any]) -> MakeOptimizer:
    return lambda parameters: kind(parameters, **settings)


def _run(make_optimizer: MakeOptimizer, problem: UnderdeterminedProblem, start: float, max_steps: int) -> Landing:
    size = exponent(problem.X)
    scale = scaled_number(float(np.linalg.norm(scaled(problem.X, -size), 2)), size)
    unit = exponent(problem.y / scale)  # exponent of w: 0 except for very large or small problems
    X, y = torch.from_numpy(problem.X / scale), torch.from_numpy(scaled(problem.y / scale, -unit))
    right = np.linalg.svd(scaled(problem.X, -size), full_matrices=False)[2]
    w = torch.nn.Parameter(torch.full((X.shape[1],), scaled_number(start, -unit), dtype=torch.float64))
    optimizer = make_optimizer([w])
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=50, threshold=0.01)

    def closure() -> float:
        residual = X @ w.detach() - y
        w.grad = X.T @ residual
        return float(residual @ residual) / 2

    path, outside, step, numbers = 0.0, 0.0, 0, X.shape[0] + X.shape[1]
    before = w.detach().clone()
    for step in range(1, max_steps + 1):
        optimizer.step(closure)
        after = w.detach().clone()
        residual = X @ after - y
        path += float(after.norm() + numbers * ((after - before).norm() + (X.T @ residual).norm()))
        before = after
        relative = float(residual.norm() / y.norm())
        if relative <= 1e-12:
            break
        schedule.step(relative)
        if step % 50 == 0:
            outside = max(outside, _off_row_space(right, after.numpy()))
    end = scaled(before.numpy().copy(), unit)
    return Landing(
        problem=problem.name,
        solution=end,
        steps=step,
        relative_residual=norm(problem.X @ end - problem.y) / norm(problem.y),
        distances={p: norm(end - least) / norm(least) for p, least in problem.least_norm.items()},
        row_space_distance=scaled_number(max(outside, _off_row_space(right, before.numpy())), unit),
        row_space_bound=scaled_number(2 * _EPS * path, unit),
        certificate=certify_minimum_norm(problem.X, problem.y, end),
    )


def _off_row_space(right: Float64Array, w: Float64Array) -> float:
    return float(np.linalg.norm(w - right.T @ (right @ w)))
