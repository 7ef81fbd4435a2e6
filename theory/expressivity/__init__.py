"""Finite-sample expressivity (Zhang et al. 2017, section 4): ReLU networks that provably interpolate.

depth_two             Theorem 1: 2n + d weights for any n labels on any n distinct points
deep                  Corollary 1: the same for every depth, with width O(n/k)
exact                 both over the rationals, with no error at all
exact_network         layered networks with rational weights, evaluated exactly
certificates          an exact network as data
certificate_checker   holds a certificate against a sample, independently
machine_integers      the checker's projections by machine integers, equal and fast
intervals             proved enclosures of a float network's outputs
interleaved_matrix    Lemma 1: the matrix behind Theorem 1, its eigenvalues and its condition
lower_bounds          how few units and parameters cannot do it
narrow                how few can: O(sqrt(n log n)) parameters (Vardi, Yehudai, Shamir 2022)
geometry              how steep the interpolant is: Lipschitz constant, weight norms, robust radius
curves                the data of the figures: python -m theory.expressivity.curves
estimators            Theorem 1 in scikit-learn (imported on its own)
interpolation         one door: float64 where it is good enough, exact where it is not
sweep                 the networks at many points in O((n + m) log n)
torch_export          the networks as torch modules
projection, knots     the steps of the constructions
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.expressivity.certificate_checker import CheckedCertificate, check_certificate
    from theory.expressivity.certificates import certificate, save_certificate
    from theory.expressivity.deep import DeepNetwork, deep_relu_interpolant
    from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
    from theory.expressivity.exact import RationalNetwork, exact_relu_interpolant
    from theory.expressivity.interpolation import Interpolant, interpolate
    from theory.expressivity.intervals import IntervalEvidence, enclose
    from theory.expressivity.machine_integers import int64_projections
    from theory.expressivity.narrow import NarrowMemorization, memorize_narrow

__all__ = [
    "CheckedCertificate",
    "DeepNetwork",
    "DepthTwoNetwork",
    "Interpolant",
    "IntervalEvidence",
    "NarrowMemorization",
    "RationalNetwork",
    "certificate",
    "check_certificate",
    "deep_relu_interpolant",
    "enclose",
    "exact_relu_interpolant",
    "int64_projections",
    "interpolate",
    "memorize_narrow",
    "relu_interpolant",
    "save_certificate",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
