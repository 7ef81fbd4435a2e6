r"""Lower bounds on the smallest eigenvalue of a positive definite matrix, proved or with a stated probability.

**By Cholesky** (Rump 2006, "Verification of positive definiteness"). If floating-point Cholesky of A runs to its end
then A + E is positive semi-definite for some ||E||_2 <= gamma_{n+1} / (1 - gamma_{n+1}) tr A, with gamma_m =
m u / (1 - m u). Run on K - shift I it proves lambda_min(K) >= shift - that. float32 proves nothing at n = 50,000:
gamma_n is 3e-3 there and tr K = n. So this is for float64.

**By Lanczos from a random start** (Kuczynski, Wozniakowski 1992, theorem 4.1). For A >= 0, a start uniform on the
sphere and t steps, the largest Ritz value is below (1 - e) lambda_max with probability at most

    1.648 sqrt(n) exp(-sqrt(e) (2t - 1)).

Applied to M = P^(-1/2) K P^(-1/2) it gives a bound c on lambda_max(M). Applied to lambda_max(M) I - M, with theta the
smallest Ritz value of M, it gives

    lambda_min(M) >= (theta - e c) / (1 - e),    lambda_min(K) >= lambda_min(M),   since P >= I.

The bound is looked at every 20 steps and may stop the iteration: the probability is divided among all looks, twice.

The Lanczos matrix is read off the coefficients of preconditioned conjugate gradients. The theorem is about exact
arithmetic: rounding in the iteration, and in the start through P^(1/2), is not in the bound.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.linalg
import torch

from theory.common.rounding import gamma
from theory.common.streams import normals, words
from theory.kernels.checkpoint import NO_STAGE, Stage
from theory.kernels.cholesky import NotPositiveDefiniteError, cholesky
from theory.kernels.krylov import NystromPreconditioner
from theory.kernels.panels import Report, SymmetricPanels

_MAX_STEPS = 400
_CHECKED_EVERY = 20


@dataclass(frozen=True)
class EigenvalueBound:
    """lambda_min >= value.

    Attributes:
        value: the bound; 0 or below says nothing.
        evidence: `cholesky`: proved; `lanczos`: true with probability 1 - failure_probability over a random start.
        failure_probability: 0 if proved.
    """

    value: float
    evidence: Literal["cholesky", "lanczos"]
    failure_probability: float


def bound_by_cholesky(matrix: SymmetricPanels, estimate: float) -> EigenvalueBound:
    """The largest of a few shifts below an estimate of lambda_min with which Cholesky succeeds, less its rounding."""
    unit = torch.finfo(matrix.dtype).eps / 2
    factor = gamma(matrix.n + 2, unit)  # one more: BLAS multiplies by reciprocals of pivots
    rounding = factor / (1 - factor) * float(matrix.diagonal().sum())
    for share in (0.99, 0.9, 0.5, 0.1):
        shifted = SymmetricPanels(tuple(panel.clone() for panel in matrix.panels))
        shifted.add_to_diagonal(-share * estimate)
        try:
            cholesky(shifted)
        except NotPositiveDefiniteError:
            continue
        # Subtracting the shift rounds each diagonal entry once.
        return EigenvalueBound(share * estimate - rounding - 2 * unit * float(matrix.diagonal().max()), "cholesky", 0.0)
    return EigenvalueBound(0.0, "cholesky", 0.0)


def bound_by_lanczos(
    matrix: SymmetricPanels,
    preconditioner: NystromPreconditioner,
    *,
    failure_probability: float = 1e-6,
    seed: int = 0,
    stage: Stage = NO_STAGE,
    report: Report = lambda share: None,
) -> EigenvalueBound:
    """Lanczos until the bound is at least half of the smallest Ritz value, or 400 steps.

    Arguments:
        matrix: K, positive definite.
        preconditioner: P >= I; the better it is, the fewer steps.
        failure_probability: the probability that any use of the theorem fails, over the random start.
        seed: the seed of the start.
        stage: where to save the iteration, and to go on from.
        report: told the share of the steps, if all have to be made.
    """
    n = matrix.n
    state = stage.load(matrix.device) or _lanczos_start(n, preconditioner, seed, matrix.device)
    residual, direction, product = state["residual"], state["direction"], state["product"]
    diagonal, off_diagonal = list(state["diagonal"]), list(state["off_diagonal"])
    carried, bound = state["carried"], state["bound"]
    looks = -(-_MAX_STEPS // _CHECKED_EVERY)
    for step in range(len(diagonal) + 1, min(_MAX_STEPS, n) + 1):
        report(step / min(_MAX_STEPS, n))
        image = matrix.multiply(direction.to(matrix.dtype)).double()
        curvature = float((direction * image).sum())
        if not curvature > 0:
            return EigenvalueBound(0.0, "lanczos", failure_probability)
        length = product / curvature
        diagonal.append(1 / length + carried)
        if step % _CHECKED_EVERY == 0 or step == min(_MAX_STEPS, n):
            values = scipy.linalg.eigvalsh_tridiagonal(np.array(diagonal), np.array(off_diagonal))
            smallest = float(values[0])
            # 1.648 sqrt(n) exp(-sqrt(e) (2t - 1)) = failure_probability / (2 looks)
            e = (math.log(2 * looks * 1.648 * math.sqrt(n) / failure_probability) / (2 * step - 1)) ** 2
            if e < 1:
                bound = (smallest - e * float(values[-1]) / (1 - e)) / (1 - e)
            if bound >= smallest / 2:
                break
        residual = residual - length * image
        preconditioned = preconditioner.inverse(residual)
        after = float((residual * preconditioned).sum())
        if not after > 0:
            return EigenvalueBound(0.0, "lanczos", failure_probability)
        factor, product = after / product, after
        carried = factor / length
        off_diagonal.append(math.sqrt(factor) / length)
        direction = preconditioned + factor * direction
        if stage.due:
            now = residual, direction, product, diagonal, off_diagonal, carried, bound
            stage.save(dict(zip(_LANCZOS_STATE, now, strict=True)))
    return EigenvalueBound(bound, "lanczos", failure_probability)


_LANCZOS_STATE = ("residual", "direction", "product", "diagonal", "off_diagonal", "carried", "bound")


def _lanczos_start(n: int, preconditioner: NystromPreconditioner, seed: int, device: torch.device) -> dict[str, Any]:
    start = torch.from_numpy(normals(words(seed, "lanczos-start", np.arange(n), 2))[:, :1].copy()).to(device)
    residual = preconditioner.root(start / start.norm())
    direction = preconditioner.inverse(residual)
    product = float((residual * direction).sum())
    return dict(zip(_LANCZOS_STATE, (residual, direction, product, [], [], 0.0, 0.0), strict=True))
