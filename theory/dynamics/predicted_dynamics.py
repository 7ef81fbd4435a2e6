r"""How long a wide two-layer network takes to fit its labels, from H-infinity and the labels alone.

Gradient descent with step eta on (1/2) sum_i (f(x_i) - y_i)^2 over the hidden layer's weights moves the outputs u_t
by y - u_{t+1} = (I - eta H(t)) (y - u_t) up to changes of activation patterns. At a large width m H(t) stays near
H = V diag(lambda) V^T (`limiting_kernel`), and

    ||y - u_t|| = sqrt( sum_i (1 - eta lambda_i)^(2t) <v_i, y - u_0>^2 )  up to terms of order m^(-1/2)

(Arora et al. 2019, theorem 4.1, which has y for y - u_0: there the initialisation is so small that u_0 does not count.
At scale kappa and unit norms u_0 has standard deviation kappa / sqrt(2)). Labels along the first eigenvectors are
fitted soon, random labels have an equal share along all. With several outputs, each with signs of its own, every one
follows H by itself in the limit: squares add up.

How wide is large? A unit's weights move by order m^(-1/2) (times a factor that grows with n and 1/lambda_min) and start
at order kappa, so that the share of activations that change is of order 1 / (kappa sqrt(m)). A small kappa asks for a
width that grows as kappa^-2: at n = 60, d = 5, m = 4096 and kappa = 0.1, random labels took 867 steps where 83 were
predicted. The theorem has steps of order lambda_min / n^2; the recursion itself is stable for all eta < 2 / lambda_max.

The same spectrum bounds the test error (theorem 5.1 there): sqrt(2 y^T H^-1 y / n) plus lower-order terms, for labels
and a loss within [-1, 1].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent
from theory.dynamics.limiting_kernel import Spectrum


def default_step_size(spectrum: Spectrum) -> float:
    """The step size eta = 1 / lambda_max: no direction overshoots, and the first is fitted at once. Less than twice
    that is stable. Raises ValueError if H is zero, where every step size is."""
    if not spectrum.largest > 0:
        raise ValueError("H is zero, as are all points: no step size changes anything")
    return 1 / spectrum.largest


@plain_numbers
def predicted_residual_norms(
    spectrum: Spectrum, residual: torch.Tensor, step_size: float, steps: Sequence[int] | torch.Tensor
) -> torch.Tensor:
    """||y - u_t|| for each t in `steps`, (len(steps),), float64; the Frobenius norm over several outputs.

    Arguments:
        spectrum: the spectrum of H on the sample.
        residual: y - u_0, (n,) or (n, k); y alone if the initialisation is small.
        step_size: eta.
        steps: numbers of steps t >= 0.

    Raises ValueError for a residual of other samples, a step size that is not positive or a negative number of steps.
    """
    rates, energies = _rates(spectrum, step_size), spectrum.energies(residual)
    times = torch.as_tensor(steps, dtype=torch.float64, device=rates.device)
    if bool((times < 0).any()):
        raise ValueError("steps must be numbers of steps, none negative")
    return torch.stack([(rates ** (2 * t)) @ energies for t in times]).sqrt()


@plain_numbers
def predicted_steps(spectrum: Spectrum, residual: torch.Tensor, step_size: float, loss: float) -> int:
    """The first t at which the predicted loss (1/2) ||y - u_t||^2 is at most `loss`.

    Exact for the formula up to its rounding: the prediction falls with t, so doubling and bisection find t. Arguments
    as for `predicted_residual_norms`. Raises ValueError for a loss that is not positive, a residual that is not finite,
    a step size that is not below 2 / lambda_max, or if the loss is never reached: the residual has too large a part
    where H is zero.
    """
    if not loss > 0:
        raise ValueError(f"loss must be positive: gradient descent does not reach zero, got {loss}")
    if spectrum.largest > 0 and step_size >= 2 / spectrum.largest:
        raise ValueError(f"step_size {step_size:g} is not below 2 / lambda_max = {2 / spectrum.largest:g}")
    rates, energies = _rates(spectrum, step_size), spectrum.energies(residual)
    if not bool(torch.isfinite(energies).all()):
        raise ValueError("residual must be finite, and so must its squares")

    def reached(t: int) -> bool:
        return float((rates ** (2.0 * t)) @ energies) / 2 <= loss

    if reached(0):
        return 0
    floor = float((rates >= 1).to(energies) @ energies) / 2  # the limit of `reached`, summed as there
    if floor >= loss:
        raise ValueError(
            f"the loss never falls below {floor:g}: there H is zero to working precision, for example since two points "
            "have the same direction and different labels"
        )
    late = 1
    while not reached(late):
        late *= 2
    early = late // 2  # not reached: at 0 or at the last doubling
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if reached(middle) else (middle, late)
    return late


@plain_numbers
def predicted_slowdown(
    spectrum: Spectrum, slow: torch.Tensor, fast: torch.Tensor, step_size: float, loss: float
) -> float:
    """Predicted steps to the same loss of one residual over those of another: of random over true labels, figure 1b.

    Arguments and errors as for `predicted_steps`; also ValueError if `fast` is at the loss from the start.
    """
    steps = predicted_steps(spectrum, fast, step_size, loss)
    if steps == 0:
        raise ValueError(
            f"the labels to compare with are at the loss {loss:g} before the first step: take a smaller one"
        )
    return predicted_steps(spectrum, slow, step_size, loss) / steps


@dataclass(frozen=True, eq=False)
class ComplexityMeasure:
    """sqrt(2 y^T H^-1 y / n) of each column of labels, and what the solve is worth.

    Attributes:
        values: (k,), float64; k = 1 for a vector of labels.
        relative_error: rounding changes the values by at most this share.
        condition: lambda_max / lambda_min of H.
    """

    values: torch.Tensor
    relative_error: float
    condition: float


def complexity_measure(spectrum: Spectrum, labels: torch.Tensor) -> ComplexityMeasure:
    """Arora et al.'s measure of labels y (n,), say in {-1, 1}, or of columns (n, k), say of one-hot labels.

    The bound that it stands in is for labels within [-1, 1] and unit-norm inputs. One-hot columns are labels of k
    problems, one against the rest with 0 for the rest; their values are no bound on the error among k classes.
    y^T H^-1 y is sum_i <v_i, y>^2 / lambda_i, for a matrix within `spectrum.error` of H: relatively off by at most
    error / (lambda_min - error), the root by half of that.

    Raises ValueError for labels of other samples, or if H is not positive definite to working precision.
    """
    columns = labels[:, None] if labels.ndim == 1 else labels
    if not math.isfinite(spectrum.condition):
        raise ValueError(
            f"H is not positive definite to working precision (lambda_min = {spectrum.smallest:.1e}, rounding "
            f"{spectrum.error:.1e}): do two points have the same direction? Remove one"
        )
    unit, half = exponent(columns.detach().cpu().numpy()), exponent(spectrum.eigenvalues.cpu().numpy()) // 2
    columns = _times_power_of_two(columns.double(), -unit)
    energies = torch.stack([spectrum.energies(column) for column in columns.T])
    eigenvalues = _times_power_of_two(spectrum.eigenvalues, -2 * half)
    values = _times_power_of_two((2 / len(labels) * (energies / eigenvalues).sum(1)).sqrt(), unit - half)
    slack = spectrum.smallest - spectrum.error
    return ComplexityMeasure(values, spectrum.error / slack / 2, spectrum.condition)


def _times_power_of_two(values: torch.Tensor, k: int) -> torch.Tensor:
    """2^k values, in two factors: 2^k may leave float64 where the product does not."""
    return values * 2.0 ** (k // 2) * 2.0 ** (k - k // 2)


def _rates(spectrum: Spectrum, step_size: float) -> torch.Tensor:
    """|1 - eta lambda_i|, (n,); eigenvalues within rounding of zero count as zero."""
    if not 0 < step_size < math.inf:
        raise ValueError(f"step_size must be positive and finite, got {step_size}")
    eigenvalues = torch.where(spectrum.eigenvalues > spectrum.error, spectrum.eigenvalues, 0.0)
    return (1 - step_size * eigenvalues).abs()
