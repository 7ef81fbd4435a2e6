r"""Least squares: the minimum-norm solution, and gradient methods' way there.

Zhang et al. 2017, section 5. X is n x d with rows x_i, and Xw = y has solutions. SGD from zero moves along data points,

    w_{t+1} = w_t - eta (<w_t, x_i> - y_i) x_i,

so w_t = X^T alpha_t never leaves the row space of X. If it converges, its limit satisfies Xw = y and lies in the row
space: the only such point is the solution of least Euclidean norm, w* = X^T (X X^T)^+ y. Interpolation makes the
gradient noise vanish at the limit, so a constant step size up to 1/max ||x_i||^2 converges, linearly.

problem           X and y in any form, and what the iterations need to know of them
step_sizes        what theory permits, schedules, divergence
stochastic        SGD with batches of any size and momentum, randomized Kaczmarz
gradient_descent  full batch, heavy ball, Nesterov
result            what they return
references        X^+ y by five independent ways
certificate       a bound on the distance to X^+ y, rounding included
exact             X^+ y, and the proof that it is, over the rational numbers
moments           the exact mean squared error of SGD on equations without a solution
curvature         Hessians, the same at all global minima
curves            the data of the figures: python -m theory.least_squares.curves
estimators        scikit-learn's contract
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.common.arrays import Float64Array
    from theory.least_squares.certificate import MinimumNormCertificate, certify_minimum_norm
    from theory.least_squares.exact import (
        ExactVerification,
        exact_minimum_norm_solution,
        verify_minimum_norm_exactly,
    )
    from theory.least_squares.gradient_descent import gradient_descent, heavy_ball, nesterov
    from theory.least_squares.moments import sgd_mean_squared_error
    from theory.least_squares.references import METHODS, minimum_norm_solution, solve_convex_program
    from theory.least_squares.result import LeastSquaresResult
    from theory.least_squares.step_sizes import DivergenceError, InverseDecay
    from theory.least_squares.stochastic import randomized_kaczmarz, stochastic_gradient_descent

__all__ = [
    "METHODS",
    "DivergenceError",
    "ExactVerification",
    "Float64Array",
    "InverseDecay",
    "LeastSquaresResult",
    "MinimumNormCertificate",
    "certify_minimum_norm",
    "exact_minimum_norm_solution",
    "gradient_descent",
    "heavy_ball",
    "minimum_norm_solution",
    "nesterov",
    "randomized_kaczmarz",
    "sgd_mean_squared_error",
    "solve_convex_program",
    "stochastic_gradient_descent",
    "verify_minimum_norm_exactly",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
