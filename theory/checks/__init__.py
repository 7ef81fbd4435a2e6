"""Every claim of the theory with the check that decides it, each on a fresh random instance."""

from theory.checks import complexity, dynamics, expressivity, implicit_bias, kernels, label_noise, least_squares
from theory.claims import CheckedClaim

CLAIMS: tuple[CheckedClaim, ...] = (
    *expressivity.CLAIMS,
    *least_squares.CLAIMS,
    *implicit_bias.CLAIMS,
    *kernels.CLAIMS,
    *dynamics.CLAIMS,
    *label_noise.CLAIMS,
    *complexity.CLAIMS,
)

__all__ = ["CLAIMS"]
