"""Gradient flow, dx/dt = -grad L(x): gradient descent with vanishing step size, integrated to a tolerance.

The theorems on diagonal networks and matrix factorisation are about the flow. LSODA (Hindmarsh and Petzold) changes
between stiff and non-stiff methods by itself, which escapes from small initialisations need.
"""

from collections.abc import Callable

import numpy as np
import scipy.integrate

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled
from theory.implicit_bias.potentials import Float64Array


def in_flow_units(measurements: Float64Array, values: Float64Array) -> tuple[Float64Array, Float64Array, int, int]:
    """Equations of a flow whose parameters enter twice, <A_i, p p> = y_i, in units where their numbers are about 1.

    The flow on ||A(p p) - y||^2 in other units is the same flow at another speed: with A = 2^k A', y = 2^l y' and
    p = 2^h p', 2h = l - k, nothing else changes. The integrator's absolute tolerance and its longest time are then
    those of numbers about 1, whatever the unit of the data.

    Arguments:
        measurements: A (m, ...).
        values: y (m,).

    Returns A', y', h and l. Raises ValueError for other shapes, and for NaN or infinity.
    """
    A, y = as_real(measurements, "X").astype(np.float64), as_real(values, "y").astype(np.float64)
    if A.ndim < 2 or not A.size or y.shape != A.shape[:1]:
        raise ValueError(f"X must be (n, d) and y (n,), at least one number each, got shapes {A.shape} and {y.shape}")
    if not (np.isfinite(A).all() and np.isfinite(y).all()):
        raise ValueError("X and y must be finite")
    unit, label_unit = exponent(A, moderate=0), exponent(y, moderate=0)
    label_unit += (label_unit - unit) % 2
    return scaled(A, -unit), scaled(y, -label_unit), (label_unit - unit) // 2, label_unit


@plain_numbers
def gradient_flow(
    velocity: Callable[[Float64Array], Float64Array],
    residual: Callable[[Float64Array], float],
    start: Float64Array,
    *,
    tolerance: float = 1e-8,
    max_time: float = 1e6,
) -> Float64Array:
    """Integrate dx/dt = velocity(x) from `start` (k,) until residual(x) <= tolerance, and return that point (k,).

    Local errors are held to 1e-10 of each coordinate, and to 1e-13 absolutely where that is larger. A start that is
    there is returned. Raises ArithmeticError if the flow does not get there by `max_time`.
    """

    if residual(start) <= tolerance:  # the integrator looks for a change of sign, of which there may be none
        return start.copy()

    def reached(_: float, x: Float64Array) -> float:
        return residual(x) - tolerance

    reached.terminal = True  # type: ignore[attr-defined]
    flow = scipy.integrate.solve_ivp(
        lambda _, x: velocity(x), (0.0, max_time), start, method="LSODA", rtol=1e-10, atol=1e-13, events=reached
    )
    if flow.status != 1:
        raise ArithmeticError(f"the flow has not reached residual {tolerance:.1e} by time {max_time:g}: {flow.message}")
    point: Float64Array = np.asarray(flow.y[:, -1], dtype=np.float64)
    return point
