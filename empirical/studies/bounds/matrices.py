"""Bounds that read a fully connected network as a product of matrices: by counting (VC), and by norms and margins."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import Found, left_out
from empirical.studies.bounds.subject import Subject
from theory.common.arrays import Float64Array
from theory.complexity import (
    Bound,
    HomogeneousNetwork,
    ReLUArchitecture,
    best_over_margins,
    frobenius_margin_bound,
    homogeneous_network,
    log2_growth,
    margins,
    pac_bayes_spectral_bound,
    spectral_complexity,
    spectral_margin_bound,
    uniform_convergence_bound,
    vc_closed_form,
    vc_lower_bound,
    vc_upper_bound,
)


def _homogeneous(subject: Subject) -> tuple[HomogeneousNetwork, HomogeneousNetwork] | str:
    """The network after and before training as matrices, or the reason why it is no product of matrices."""
    try:
        return homogeneous_network(subject.trained), homogeneous_network(subject.initial)
    except (TypeError, ValueError) as error:
        return f"for fully connected ReLU networks: {error}"


VC_BOUNDS = ("VC",)


def counting_bounds(subject: Subject, parts: Parts) -> Found:
    """Uniform convergence by the growth function."""
    networks = _homogeneous(subject)
    if isinstance(networks, str):
        return left_out("VC", VC_BOUNDS, networks), {}
    network = networks[0]
    hidden = [len(matrix) - network.constant for matrix in network.matrices[:-1]]
    dimension = network.matrices[0].shape[1] - network.constant
    # If the network has no biases, the class with biases is larger, and the bound holds for the network too.
    architecture = ReLUArchitecture.fully_connected(dimension, *hidden, network.num_classes)
    bound = uniform_convergence_bound(
        subject.train_error,
        log2_growth(architecture, 2 * subject.n),
        subject.n,
        failure_probability=subject.study.failure_probability,
    )
    dimensions = {"lower": vc_lower_bound(architecture), "upper": vc_upper_bound(architecture)}
    closed = {"closed_form": vc_closed_form(architecture)} if hidden else {}
    return [subject.entry("VC", bound)], {"vc_dimension": dimensions | closed}


@dataclass(frozen=True, eq=False)
class MatrixNetwork:
    """What the margin bounds read of a network: its matrices, those before training, and its training sample.

    Attributes:
        lengths: the norms of the inputs, (n,).
        longest: the largest norm of an input.
        margins: the margins of the training sample, (n,).
    """

    network: HomogeneousNetwork
    reference: HomogeneousNetwork
    lengths: Float64Array
    longest: float
    margins: Float64Array
    failure_probability: float


NORM_BOUNDS: dict[str, Callable[[MatrixNetwork, float], Bound]] = {
    "Frobenius norms, margin": lambda at, gamma: frobenius_margin_bound(
        at.network, at.lengths, at.margins, gamma, failure_probability=at.failure_probability
    ),
    "spectral norms, margin": lambda at, gamma: spectral_margin_bound(
        at.network,
        at.lengths,
        at.margins,
        gamma,
        reference=at.reference,
        failure_probability=at.failure_probability,
    ),
    "PAC-Bayes, spectral norms, margin": lambda at, gamma: pac_bayes_spectral_bound(
        at.network, at.longest, at.margins, gamma, failure_probability=at.failure_probability
    ),
}
"""The margin bounds by name, as functions of the network and of the margin gamma."""


def norm_bounds(subject: Subject, parts: Parts) -> Found:
    """Margin bounds from the norms of the network's matrices."""
    networks = _homogeneous(subject)
    if isinstance(networks, str):
        return left_out("norm", NORM_BOUNDS, networks), {}
    network, reference = networks
    images = subject.data.train_images.cpu()
    values = margins(network(images), subject.data.train_labels.cpu())
    at = MatrixNetwork(
        network,
        reference,
        network.input_norms(images),
        math.sqrt(images[0].numel() + network.constant),  # the norm of every whitened image
        values,
        subject.study.failure_probability,
    )
    entries = []
    for name, bound in NORM_BOUNDS.items():
        try:
            entries.append(subject.entry("norm", best_over_margins(partial(bound, at), values)))
        except (ValueError, OverflowError) as error:  # no margin is positive, or a norm is 0 or not finite
            entries += left_out("norm", [name], str(error))
    differences = [a - m for a, m in zip(network.matrices, reference.matrices, strict=True)]
    measures = {
        "spectral": list(network.spectral_norms),
        "frobenius": [float(np.linalg.norm(matrix)) for matrix in network.matrices],
        "distance_from_initialisation": math.hypot(*(float(np.linalg.norm(change)) for change in differences)),
        "spectral_complexity": spectral_complexity(network, reference),
        "median_margin": float(np.median(values)),
    }
    return entries, {"norms": measures}
