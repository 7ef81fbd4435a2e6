r"""Minimum-norm interpolation in a kernel's Hilbert space, K alpha = y, at the size of whole data sets.

Zhang et al. 2017, section 5: the interpolant of least norm, found by solving one linear system and without any
regularisation, generalises; and its norm does not tell how well.

kernels              k(x, z), small objects
bandwidth, distances  their default bandwidth, and the distance that it is relative to
panels               large symmetric matrices, half of them stored
gram                 Gram matrices, from points or from streamed features
plan                 solver, precision, memory, before anything is allocated
cholesky             the direct solver
krylov               conjugate gradients with a randomised Nystrom preconditioner
smallest_eigenvalue  lower bounds on lambda_min(K)
certificate          bounds on the distance from the exact minimum-norm interpolant
random_fourier       random features of the Gaussian kernel, least squares of minimum norm on them
checkpoint           what an interrupted fit goes on from
interpolation        all of it in order
estimators           for scikit-learn
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.common.memory import available_memory
    from theory.kernels.bandwidth import MEDIAN_SHARE
    from theory.kernels.certificate import InterpolationCertificate, certify_interpolation
    from theory.kernels.checkpoint import Checkpoint
    from theory.kernels.distances import median_distance
    from theory.kernels.estimators import KernelInterpolationClassifier, KernelInterpolator
    from theory.kernels.gram import Gram, cross_product, gram_from_blocks
    from theory.kernels.interpolation import Interpolation, interpolate_gram
    from theory.kernels.kernels import (
        KERNELS,
        ArcCosine,
        Gaussian,
        Kernel,
        Laplacian,
        Linear,
        NeuralTangent,
        Polynomial,
    )
    from theory.kernels.panels import SymmetricPanels
    from theory.kernels.plan import FitPlan, plan_fit

__all__ = [
    "KERNELS",
    "MEDIAN_SHARE",
    "ArcCosine",
    "Checkpoint",
    "FitPlan",
    "Gaussian",
    "Gram",
    "Interpolation",
    "InterpolationCertificate",
    "Kernel",
    "KernelInterpolationClassifier",
    "KernelInterpolator",
    "Laplacian",
    "Linear",
    "NeuralTangent",
    "Polynomial",
    "SymmetricPanels",
    "available_memory",
    "certify_interpolation",
    "cross_product",
    "gram_from_blocks",
    "interpolate_gram",
    "median_distance",
    "plan_fit",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
