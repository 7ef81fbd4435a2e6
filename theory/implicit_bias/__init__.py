"""Implicit bias (Zhang et al. 2017, section 5, and the theory after it): which solution does the algorithm pick?

optimizers              any torch optimiser on underdetermined least squares: where it lands
adaptive_methods        where Adagrad, RMSprop and Adam end (Wilson et al. 2017)
potentials              geometries, and their Bregman divergences
mirror_descent          the interpolant of least divergence (Gunasekar et al. 2018)
diagonal_networks       from least 2-norm to least 1-norm as the initialisation shrinks (Woodworth et al. 2020)
matrix_factorization    least nuclear norm from a small start (Gunasekar et al. 2017)
separable_logistic      the maximum-margin direction, at rate 1/log t (Soudry et al. 2018)
ridgeless               the limit of ridge regression, double descent, benign overfitting
gradient_flow           the flow that these theorems are about
curves                  the data of the figures: python -m theory.implicit_bias.curves
reference               interpolants of least p-norm by a convex solver
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.implicit_bias.diagonal_networks import initialization_path, train_diagonal_network
    from theory.implicit_bias.matrix_factorization import factorize
    from theory.implicit_bias.mirror_descent import BregmanInterpolant, mirror_descent
    from theory.implicit_bias.optimizers import ImplicitBias, check_implicit_bias, implicit_bias_table
    from theory.implicit_bias.potentials import (
        Potential,
        entropy_potential,
        hyperbolic_entropy_potential,
        p_norm_potential,
    )
    from theory.implicit_bias.ridgeless import double_descent, effective_ranks, ridge_solution
    from theory.implicit_bias.separable_logistic import direction_curve, max_margin

__all__ = [
    "BregmanInterpolant",
    "ImplicitBias",
    "Potential",
    "check_implicit_bias",
    "direction_curve",
    "double_descent",
    "effective_ranks",
    "entropy_potential",
    "factorize",
    "hyperbolic_entropy_potential",
    "implicit_bias_table",
    "initialization_path",
    "max_margin",
    "mirror_descent",
    "p_norm_potential",
    "ridge_solution",
    "train_diagonal_network",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
