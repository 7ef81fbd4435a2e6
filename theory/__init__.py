"""What can be proved about memorisation and generalisation, and its numeric check.

expressivity    Theorem 1, Lemma 1, Corollary 1: networks that interpolate any labels
least_squares   the minimum-norm solution, and SGD's way there
implicit_bias   which solution other algorithms pick
kernels         minimum-norm interpolation in a Hilbert space, at the size of whole data sets
dynamics        how long wide two-layer networks take to fit true and random labels
label_noise     what corrupted labels do to the test error of rules that copy, or are linear in, labels
complexity      Rademacher, VC, norm, PAC-Bayes and stability bounds, evaluated
memorisation    how much an answer owes to one image, critical points, bits that are memorised
proofs          machine-checked proofs in Coq (`python -m theory.proofs`), and a verified checker
testing         assertions for other people's tests
checks          every claim with the check that decides it (`python -m theory`)
claims          the types: claim, evidence, verdict
curves          the command line that the subpackages' `curves` share
common          arrays, seeded streams, memory, atomic files, names, lazy imports, double-double numbers
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names
from theory.common.version import __version__ as __version__

if TYPE_CHECKING:
    from theory.claims import CheckedClaim, Claim, Evidence, Finding, Proof, Verdict
    from theory.expressivity import DepthTwoNetwork, interpolate, relu_interpolant
    from theory.kernels import KernelInterpolationClassifier, KernelInterpolator
    from theory.least_squares import (
        LeastSquaresResult,
        MinimumNormCertificate,
        certify_minimum_norm,
        minimum_norm_solution,
        stochastic_gradient_descent,
    )

__all__ = [
    "CheckedClaim",
    "Claim",
    "DepthTwoNetwork",
    "Evidence",
    "Finding",
    "KernelInterpolationClassifier",
    "KernelInterpolator",
    "LeastSquaresResult",
    "MinimumNormCertificate",
    "Proof",
    "Verdict",
    "certify_minimum_norm",
    "interpolate",
    "minimum_norm_solution",
    "relu_interpolant",
    "stochastic_gradient_descent",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
