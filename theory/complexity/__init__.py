"""Measures of complexity that should explain generalisation, and do not (Zhang et al. 2017, section 2.2).

rademacher           how well a class, or a fitting procedure, correlates with random signs
vc_dimension         growth function and VC dimension of ReLU networks, upper and lower bounds; uniform convergence
slabs                the construction behind the lower bound
norm_bounds          margin bounds from spectral and Frobenius norms, and their PAC-Bayesian kin
homogeneous_network  a torch network's matrices, biases in them
weight_layers        a torch network's linear layers, convolutions among them, and their spectral norms
norm_measures        norms of the layers, with and without the margin: measures without constants
sharpness            how far the weights may be perturbed before the training error rises
margins              the logit of the label less the largest other
pac_bayes            the error of a network with noise on its weights
gaussian_posterior   the same for a posterior that was optimised for the bound
stochastic_perceptron  answers of a perceptron with Gaussian weights, drawn without its weights
binary_kl            the relative entropy of two coins, inverted
stability            what one training example can matter to SGD, bounded and measured
bounds               the result type
union_bound          from parameters fixed beforehand to those of a trained network
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.complexity.binary_kl import binary_kl, lower_inverse, upper_inverse, upper_slopes
    from theory.complexity.bounds import Bound
    from theory.complexity.gaussian_posterior import PosteriorBound, PriorVariances, posterior_bound
    from theory.complexity.homogeneous_network import HomogeneousNetwork, homogeneous_network
    from theory.complexity.margins import lower_margin, margin_error, margins
    from theory.complexity.norm_bounds import (
        best_over_margins,
        frobenius_margin_bound,
        golowich_complexity_bound,
        pac_bayes_spectral_bound,
        perturbation_bound,
        spectral_complexity,
        spectral_margin_bound,
    )
    from theory.complexity.norm_measures import LayerNorms, layer_norms, norm_measures, path_norm
    from theory.complexity.pac_bayes import (
        PacBayesBound,
        gaussian_divergence,
        kl_bound,
        maurer_constant,
        mcallester_bound,
        monte_carlo_error_bound,
        pac_bayes_bound,
        stochastic_errors,
    )
    from theory.complexity.rademacher import (
        RademacherComplexity,
        all_signs,
        finite_complexity,
        finite_complexity_bound,
        kernel_complexity,
        kernel_complexity_bound,
        linear_complexity,
        linear_complexity_bound,
        rademacher_bound,
        rademacher_of_fitter,
        random_signs,
    )
    from theory.complexity.sharpness import (
        FLOOR,
        RISE,
        box_tolerance,
        deviation_within,
        largest_size,
        magnitude_aware_measure,
        noise_tolerance,
        pac_bayes_measure,
    )
    from theory.complexity.slabs import SlabNetwork, memorize_by_slabs
    from theory.complexity.stability import (
        MeasuredStability,
        convex_stability_bound,
        measure_stability,
        neighbour,
        nonconvex_stability_bound,
        parameter_distance_bound,
    )
    from theory.complexity.stochastic_perceptron import GaussianLayer, StochasticPerceptron, draw_errors
    from theory.complexity.vc_dimension import (
        ReLUArchitecture,
        log2_growth,
        log2_growth_from_vc,
        theorem_1_lower_bound,
        uniform_convergence_bound,
        vc_closed_form,
        vc_lower_bound,
        vc_upper_bound,
    )
    from theory.complexity.weight_layers import WeightLayer, weight_layers

__all__ = [
    "FLOOR",
    "RISE",
    "Bound",
    "GaussianLayer",
    "HomogeneousNetwork",
    "LayerNorms",
    "MeasuredStability",
    "PacBayesBound",
    "PosteriorBound",
    "PriorVariances",
    "RademacherComplexity",
    "ReLUArchitecture",
    "SlabNetwork",
    "StochasticPerceptron",
    "WeightLayer",
    "all_signs",
    "best_over_margins",
    "binary_kl",
    "box_tolerance",
    "convex_stability_bound",
    "deviation_within",
    "draw_errors",
    "finite_complexity",
    "finite_complexity_bound",
    "frobenius_margin_bound",
    "gaussian_divergence",
    "golowich_complexity_bound",
    "homogeneous_network",
    "kernel_complexity",
    "kernel_complexity_bound",
    "kl_bound",
    "largest_size",
    "layer_norms",
    "linear_complexity",
    "linear_complexity_bound",
    "log2_growth",
    "log2_growth_from_vc",
    "lower_inverse",
    "lower_margin",
    "magnitude_aware_measure",
    "margin_error",
    "margins",
    "maurer_constant",
    "mcallester_bound",
    "measure_stability",
    "memorize_by_slabs",
    "monte_carlo_error_bound",
    "neighbour",
    "noise_tolerance",
    "nonconvex_stability_bound",
    "norm_measures",
    "pac_bayes_bound",
    "pac_bayes_measure",
    "pac_bayes_spectral_bound",
    "parameter_distance_bound",
    "path_norm",
    "perturbation_bound",
    "posterior_bound",
    "rademacher_bound",
    "rademacher_of_fitter",
    "random_signs",
    "spectral_complexity",
    "spectral_margin_bound",
    "stochastic_errors",
    "theorem_1_lower_bound",
    "uniform_convergence_bound",
    "upper_inverse",
    "upper_slopes",
    "vc_closed_form",
    "vc_lower_bound",
    "vc_upper_bound",
    "weight_layers",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
