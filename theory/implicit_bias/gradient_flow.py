"""Gradient flow, dx/dt = -grad L(x): gradient descent with vanishing step size, integrated to a tolerance.

The theorems on diagonal networks and matrix factorisation are about the flow. LSODA (Hindmarsh and Petzold) changes
between stiff and non-stiff methods by itself, which escapes from small initialisations need.
"""

from collections.abc import Callable

import numpy as np
import scipy.integrate

from theory.implicit_bias.potentials import Float64Array


def gradient_flow(
    velocity: Callable[[Float64Array], Float64Array],
    residual: Callable[[Float64Array], float],
    start: Float64Array,
    *,
    tolerance: float = 1e-8,
    max_time: float = 1e6,
) -> Float64Array:
    """Integrate dx/dt = velocity(x) from `start` (k,) until residual(x) <= tolerance, and return that point (k,).

    Local errors are held to 1e-10 of each coordinate, and to 1e-13 absolutely where that is larger.
    Raises ArithmeticError if the flow does not get there by `max_time`.
    """

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
