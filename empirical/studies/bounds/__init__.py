"""Generalisation bounds and complexity measures of trained networks (Zhang et al. 2017, section 2.2).

measure           all of them, on one run
registry          the bounds by name
evaluated_bound   the result type
subject           the network and its data
matrices          VC, norms and margins of fully connected networks
hilbert_balls     the minimum-norm interpolants of the same labels
weight_noise      PAC-Bayes
random_signs      Rademacher complexity, by training
sgd_stability     uniform stability, by training
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from empirical.studies.bounds.evaluated_bound import EvaluatedBound
    from empirical.studies.bounds.measure import measure_bounds

__all__ = ["EvaluatedBound", "measure_bounds"]

__getattr__, __dir__ = lazy_names(__name__, __file__)
