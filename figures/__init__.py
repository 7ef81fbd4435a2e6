"""Pictures and pages drawn from records alone: `python -m figures RECORDS`.

loss_curves         Figure 1a: training loss of the randomisation tests
corruption          Figure 1c: test error against label corruption
kernels             minimum-norm interpolation in a Hilbert space: norm, error, corruption, filters
expressivity        Theorem 1 and what is beside it: the interpolant, its error, condition, steepness, parameters
least_squares       SGD and its kin on the way to the minimum norm: rates, thresholds, limits
implicit_bias       which solution other optimisers, geometries, losses and parametrisations pick
theory_record       what these three have in common: a record, its figures, the claims that they show
report              one self-contained page: tables, figures, claims, what was run
"""

from figures.corruption import draw_corruption
from figures.expressivity import draw_conditions, draw_errors, draw_geometry, draw_interpolant, draw_parameters
from figures.kernels import draw_filters, draw_kernel_corruption, draw_norm_and_error
from figures.loss_curves import draw_loss_curves
from figures.report import write_report

__all__ = [
    "draw_conditions",
    "draw_corruption",
    "draw_errors",
    "draw_filters",
    "draw_geometry",
    "draw_interpolant",
    "draw_kernel_corruption",
    "draw_loss_curves",
    "draw_norm_and_error",
    "draw_parameters",
    "write_report",
]
