r"""How far a computed interpolant is from the minimum-norm one, by evidence that does not trust the solver.

f = sum_i alpha_i k(x_i, .) has values K alpha at the points and norm ||f||^2 = alpha^T K alpha. Whatever alpha is, f
is the function of least norm with the values K alpha; what has to be certified is that these are y. With
r = K alpha - y and f* the minimum-norm interpolant of y:

    <f*, f> = y^T alpha,                so   ||f*|| >= y^T alpha / ||f||,           without knowing K^-1;
    ||f - f*||^2 = r^T K^-1 r          so   ||f - f*|| <= ||r|| / sqrt(lambda_min(K)),

and the norms of f and f* differ by at most the latter. The entries of K are computed afresh in float64 from the points,
in tiles, and every bound includes the rounding of that: entries are off by at most `Kernel.entry_error`, sums of n
terms by gamma_n times the sum of magnitudes. lambda_min is bounded for the matrix as the solver had it
(`smallest_eigenvalue`); the exact one's is less by no more than the Frobenius norm of their difference (Weyl), which is
measured in the same sweep, and n times what an entry of the sweep can be off by.

Everything but eigenvalues is in the units of y. Squares of residuals underflow long before y does, so each output is
measured in a unit of its own, a power of two (`theory.common.scaling`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from theory.common.plain_numbers import plain_numbers
from theory.common.rounding import gamma
from theory.common.scaling import exponent, scaled_bound, scaled_number
from theory.kernels.checkpoint import Checkpoint, Stage
from theory.kernels.kernels import EPS, Kernel, evaluate, squared_norms
from theory.kernels.panels import Report, SymmetricPanels, multiply
from theory.kernels.smallest_eigenvalue import EigenvalueBound

_TILE = 2048


@dataclass(frozen=True, eq=False)
class InterpolationCertificate:
    """Bounds on the error of alpha; arrays over outputs (k,), float64.

    Attributes:
        max_residual: the largest |K alpha - y|, as measured.
        rounding: what rounding can have changed any of these residuals by, at most.
        residual_norms: bounds on ||K alpha - y||_2.
        norms: ||f||, the norm in the Hilbert space.
        norm_lower_bounds: no interpolant of y has a norm below these.
        distance_bounds: ||f - f*|| is at most these; infinite if lambda_min has no positive bound.
        smallest_eigenvalue: the bound on lambda_min(K), K exact, that was used, and its evidence.
        gram_error: ||K - K of the solver||_F; None if there are no points to compute K from: then the residuals are
            those of the solver's own K.
    """

    max_residual: float
    rounding: float
    residual_norms: torch.Tensor
    norms: torch.Tensor
    norm_lower_bounds: torch.Tensor
    distance_bounds: torch.Tensor
    smallest_eigenvalue: EigenvalueBound
    gram_error: float | None

    def __str__(self) -> str:
        eigenvalue = self.smallest_eigenvalue
        how = (
            "proved"
            if eigenvalue.evidence == "cholesky"
            else f"with probability 1 - {eigenvalue.failure_probability:.0e} over a random start"
        )
        relative = float((self.distance_bounds / self.norms).max())
        return (
            f"largest residual {self.max_residual:.1e} (rounding of this measurement: at most {self.rounding:.1e}); "
            f"relative distance from the minimum-norm interpolant at most {relative:.1e}, since lambda_min >= "
            f"{eigenvalue.value:.1e} ({how})"
            + ("" if self.gram_error is None else f"; the solver's K is off by {self.gram_error:.1e}")
        )


@plain_numbers
def certify_interpolation(
    matrix: SymmetricPanels,
    y: torch.Tensor,
    coefficients: torch.Tensor,
    smallest_eigenvalue: EigenvalueBound,
    *,
    kernel: Kernel | None = None,
    points: torch.Tensor | None = None,
    ridge: float = 0.0,
    checkpoint: Checkpoint | None = None,
    report: Report = lambda share: None,
) -> InterpolationCertificate:
    """Measure the residual and bound the errors.

    Arguments:
        matrix: K as the solver had it, ridge included.
        y, coefficients: (n, k), float64.
        smallest_eigenvalue: the smallest eigenvalue of `matrix`.
        kernel, points: to compute K afresh from, points (n, d) of any dtype; without them `matrix` is taken as exact.
        ridge: what was added to the diagonal: everything is then about K + ridge I.
        checkpoint: where to save the sweep, and to go on from.
        report: told the share of the sweep that is done.
    """
    units = _units(y, coefficients)
    y, coefficients = (_in_units(values, units) for values in (y, coefficients))
    sums = coefficients.abs().sum(0)
    largest = float(matrix.diagonal().max())
    if kernel is None or points is None:
        image, gram_error = matrix.multiply(coefficients), None
        entry_error = 0.0
    else:
        exact = points.to(matrix.device).double()  # the sweep takes n^2 d operations: where the matrix is
        centred = exact - exact.mean(0) if kernel.translation_invariant else exact
        norms = squared_norms(centred)
        stage = Stage(checkpoint, "certificate", hashlib.sha256(coefficients.numpy().tobytes()).hexdigest())
        image, gram_error = _sweep(matrix, kernel, exact, centred, norms, coefficients.to(exact), ridge, stage, report)
        image = image.to(coefficients)
        entry_error = kernel.entry_error(float(norms.max()), gamma(points.shape[1] + 6))
    residual = image - y
    per_entry = (entry_error + gamma(matrix.n + 4) * largest) * sums + EPS * y.abs().max(0).values
    residual_norms = residual.norm(dim=0) * (1 + gamma(len(y) + 2)) + per_entry * len(y) ** 0.5
    squared = (coefficients * image).sum(0)
    squared_error = sums * (per_entry + gamma(len(y) + 2) * image.abs().max(0).values)
    high, low = (squared + squared_error).sqrt(), (squared - squared_error).clamp_min(0).sqrt()
    inner = (coefficients * y).sum(0) - gamma(len(y) + 2) * (coefficients * y).abs().sum(0)
    # Weyl, for the difference as measured and for what the measurement itself can be off by.
    value = smallest_eigenvalue.value - (gram_error or 0.0) * (1 + gamma(matrix.n + 2)) - matrix.n * entry_error
    distance = residual_norms / value**0.5 if value > 0 else torch.full_like(residual_norms, torch.inf)
    return InterpolationCertificate(
        max_residual=max(map(scaled_number, residual.abs().max(0).values.tolist(), units)),
        rounding=max(map(scaled_bound, per_entry.tolist(), units)),
        residual_norms=_out_of_units(residual_norms, units, scaled_bound),
        norms=_out_of_units((high + low) / 2, units, scaled_number),
        norm_lower_bounds=_out_of_units(inner / high, units, _scaled_lower_bound),
        distance_bounds=_out_of_units(torch.where(residual_norms > 0, distance, 0.0), units, scaled_bound),
        smallest_eigenvalue=EigenvalueBound(
            value, smallest_eigenvalue.evidence, smallest_eigenvalue.failure_probability
        ),
        gram_error=gram_error,
    )


def _units(y: torch.Tensor, coefficients: torch.Tensor) -> list[int]:
    """The exponent of each output's unit: that of its labels, or of its coefficients where all labels are zero."""
    columns = zip(y.T.cpu().numpy(), coefficients.T.cpu().numpy(), strict=True)
    return [exponent(labels if labels.any() else weights) for labels, weights in columns]


def _in_units(values: torch.Tensor, units: list[int]) -> torch.Tensor:
    return torch.from_numpy(np.ldexp(values.cpu().numpy(), np.negative(units))).to(values.device)


def _out_of_units(values: torch.Tensor, units: list[int], scaling: Callable[[float, int], float]) -> torch.Tensor:
    return values.new_tensor([scaling(value, unit) for value, unit in zip(values.tolist(), units, strict=True)])


def _scaled_lower_bound(value: float, k: int) -> float:
    """The number 2^k value, or 0 where that would be rounded, is negative or is 0/0: no norm is below 0."""
    product = scaled_number(value, k)
    return product if product >= 2.0**-1021 else 0.0


def _sweep(
    matrix: SymmetricPanels,
    kernel: Kernel,
    points: torch.Tensor,
    centred: torch.Tensor,
    norms: torch.Tensor,
    coefficients: torch.Tensor,
    ridge: float,
    stage: Stage,
    report: Report,
) -> tuple[torch.Tensor, float]:
    """(K + ridge I) alpha with every entry of K computed in float64, and ||K + ridge I - matrix||_F."""
    sideways = coefficients.T.contiguous()
    state = stage.load(points.device) or {
        "done": 0,
        "down": torch.zeros_like(coefficients),
        "across": torch.zeros_like(sideways),
        "squared_error": 0.0,
    }
    down, across, squared_error = state["down"], state["across"], state["squared_error"]
    for start, stop, panel in matrix.rows():
        if stop <= state["done"]:
            continue
        for left in range(0, stop, _TILE):
            right = min(left + _TILE, stop)
            tile = evaluate(
                kernel,
                multiply(centred[start:stop], centred[left:right].T),
                norms[start:stop],
                norms[left:right],
                points[start:stop],
                points[left:right],
            )
            own = max(left, start)
            if right > start:  # part of the diagonal block
                tile[own - start : right - start, own - left :].diagonal().copy_(
                    kernel.diagonal(norms[own:right]) + ridge
                )
            squares = (tile - panel[:, left:right].to(tile)).square_()
            squared_error += 2 * float(squares[:, : own - left].sum()) + float(squares[:, own - left :].sum())
            down[start:stop] += multiply(tile, coefficients[left:right])
            if left < start:
                until = min(right, start)
                across[:, left:until] += multiply(sideways[:, start:stop], tile[:, : until - left])
        if stage.due:
            stage.save({"done": stop, "down": down, "across": across, "squared_error": squared_error})
        report((stop / matrix.n) ** 2)
    return down + across.T, squared_error**0.5
