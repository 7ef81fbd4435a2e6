"""A run without a network: the training set interpolated with the least norm in a kernel's Hilbert space.

Zhang et al. 2017, section 5. One-hot labels are regressed exactly, K alpha = Y; the class is the largest output. The
kernel acts on features of the images (`features`), and its bandwidth is a share of the median distance between training
images in these features.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.lazy_images import Images
from empirical.kernels.config import KernelConfig
from empirical.kernels.features import FeatureBlocks, parse_features
from empirical.outcome import outcome_on_test, share_of
from empirical.randomization import RandomizedDataset
from theory.common.names import nearest_name
from theory.common.streams import uniform_integers, words
from theory.kernels import (
    ArcCosine,
    Checkpoint,
    Gaussian,
    InterpolationCertificate,
    Kernel,
    Laplacian,
    Linear,
    NeuralTangent,
    Polynomial,
    certify_interpolation,
    gram_from_blocks,
    interpolate_gram,
    plan_fit,
)
from theory.kernels.distances import median_of_distances, sample_rows
from theory.kernels.gram import Gram
from theory.kernels.interpolation import StageClock, StageReport
from theory.kernels.panels import HEIGHT


def parse_kernel(name: str, bandwidth: float) -> Kernel:
    """The kernel called `name`, with this bandwidth if the kernel takes a bandwidth. Raises ValueError for unknown
    names and parameters."""
    base, _, number = name.rpartition("-")
    makers: dict[str, Callable[[int], Kernel]] = {
        "polynomial": Polynomial,
        "arc-cosine": ArcCosine,
        "neural-tangent": NeuralTangent,
    }
    if name in ("gaussian", "laplacian"):
        return Gaussian(bandwidth) if name == "gaussian" else Laplacian(bandwidth)
    if name == "linear":
        return Linear()
    if base in makers and number.isdigit():
        return makers[base](int(number))
    names = ["linear", "polynomial-D", "gaussian", "laplacian", "arc-cosine-0", "arc-cosine-1", "neural-tangent-L"]
    raise ValueError(f"kernel (--kernel.name): {nearest_name(name, names)}")


def interpolate_images(
    config: KernelConfig,
    randomized: RandomizedDataset,
    num_classes: int,
    *,
    seed: int,
    device: str = "cpu",
    memory_limit: int | None = None,
    checkpoint: Checkpoint | None = None,
    report: StageReport = lambda stage, share: None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Interpolate, certify and evaluate: what was measured, and what it took.

    Arguments:
        config: how to interpolate.
        randomized: images and labels.
        num_classes: the number of classes, k.
        seed: the seed of random features, of forced labels and of the solver's preconditioner.
        device: where features are computed and the Gram matrix lies.
        memory_limit: the bytes that the matrix may take; by default all that are free.
        checkpoint: where to save progress, and to go on from.
        report: told of progress.

    Raises ValueError if it does not fit into memory, before anything is allocated, or the features do not suit.
    """
    train, test = randomized.data.train, randomized.data.test
    images, labels = _interpolated_sample(config, randomized, num_classes, seed)
    features = parse_features(config.features, seed)
    n, dimension = len(images), features.dimension(images.shape[1:])
    blocks = features.blocks(train.images, images, test.images, device=device)
    plan = plan_fit(
        n,
        num_classes,
        (n + len(test.images)) * min(dimension, blocks.width) * 2 + len(test.images) * n,
        solver=config.solver,
        leave_one_out=config.leave_one_out,
        memory_limit=memory_limit,
        device=device,
    )
    clock = StageClock()
    distance = _median_distance(blocks, train.images, seed)
    kernel = parse_kernel(config.kernel, config.bandwidth * distance)
    gram = gram_from_blocks(
        kernel,
        blocks.astype(plan.dtype),
        ridge=config.ridge,
        devices=(device,),
        checkpoint=checkpoint,
        report=lambda share: report("Gram matrix", share),
    )
    clock.lap("Gram matrix")
    targets = torch.from_numpy(np.eye(num_classes)[labels])
    solved = interpolate_gram(
        gram.training,
        targets,
        plan,
        leave_one_out=config.leave_one_out,
        bound_eigenvalue=config.certify,
        seed=seed,
        checkpoint=checkpoint,
        report=report,
    )
    clock.seconds.update(solved.seconds)
    clock.restart()
    evaluated = _evaluated(gram, solved.coefficients, config.ridge, randomized, num_classes)
    clock.lap("evaluate")
    metrics: dict[str, Any] = {
        "kernel": str(kernel),
        "dimension": dimension,
        **evaluated,
        "solver": solved.solver,
        "precision": str(plan.dtype).removeprefix("torch."),
        "iterations": solved.iterations,
        "relative_residual": solved.relative_residual,
        "converged": solved.converged,
        "operations": plan.operations,
    }
    if solved.leave_one_out is not None:
        held_out = solved.leave_one_out[: len(train.labels)].argmax(1).numpy()
        metrics["leave_one_out_accuracy"] = share_of(held_out == train.labels)
    if solved.smallest_eigenvalue is not None:
        points = _points(blocks) if dimension <= blocks.width else None
        certificate = certify_interpolation(
            gram.training,
            targets,
            solved.coefficients,
            solved.smallest_eigenvalue,
            kernel=kernel if points is not None else None,
            points=points,
            ridge=config.ridge,
            checkpoint=checkpoint,
            report=lambda share: report("certify", share),
        )
        clock.lap("certify")
        metrics |= _certified(certificate, config.ridge)
    used = {
        "seconds": sum(clock.seconds.values()),
        "stages": clock.seconds,
        "planned_bytes": plan.total_memory,
        "peak_bytes": _peak_memory(),
    }
    return metrics, used


def _interpolated_sample(
    config: KernelConfig, randomized: RandomizedDataset, num_classes: int, seed: int
) -> tuple[Images, npt.NDArray[np.int64]]:
    """The images and the labels that are interpolated: the training set, and with forced labels the test images too."""
    train, test = randomized.data.train, randomized.data.test
    if config.interpolant != "forced-test-labels":
        return train.images, train.labels
    forced = uniform_integers(words(seed, "forced-labels", np.arange(len(test.labels)), 1), num_classes)[:, 0]
    return np.concatenate([train.images, test.images]), np.concatenate([train.labels, forced])


def _evaluated(
    gram: Gram, coefficients: torch.Tensor, ridge: float, randomized: RandomizedDataset, num_classes: int
) -> dict[str, Any]:
    """The accuracies of the interpolant and its norm, for the record."""
    train, test = randomized.data.train, randomized.data.test
    outputs = gram.training.multiply(coefficients) - ridge * coefficients
    predictions = outputs[: len(train.labels)].argmax(1).numpy()
    rows = gram.others[0].split(HEIGHT)  # converted to float64 a few at a time
    on_device = coefficients.to(gram.others[0].device)
    test_predictions = torch.cat([(row.to(on_device.dtype) @ on_device).argmax(1) for row in rows]).cpu().numpy()
    return {
        "fitted": bool((predictions == train.labels).all()),
        "train_accuracy": share_of(predictions == train.labels),
        "train_accuracy_clean_labels": share_of(predictions == randomized.clean_labels),
        "test_accuracy": share_of(test_predictions == test.labels),
        **outcome_on_test(test_predictions, test.labels, num_classes),
        "norm": float((coefficients * outputs).sum().clamp_min(0) ** 0.5),
    }


def _certified(certificate: InterpolationCertificate, ridge: float) -> dict[str, Any]:
    """The bounds of the certificate for the record. With a ridge the system is K + lambda I: the bounds are on a norm
    in another space, and are left out."""
    norms: dict[str, float | None] = {"norm_lower_bound": None, "distance_bound": None}
    if not ridge:
        norms["norm_lower_bound"] = float(certificate.norm_lower_bounds.norm())
        if bool(torch.isfinite(certificate.distance_bounds).all()):
            norms["distance_bound"] = float(certificate.distance_bounds.norm())
    return {
        **norms,
        "max_residual": certificate.max_residual,
        "residual_rounding": certificate.rounding,
        "smallest_eigenvalue": certificate.smallest_eigenvalue.value,
        "eigenvalue_evidence": certificate.smallest_eigenvalue.evidence,
        "failure_probability": certificate.smallest_eigenvalue.failure_probability,
        "gram_error": certificate.gram_error,
    }


def _points(blocks: FeatureBlocks) -> torch.Tensor:
    """The training images' features, if all are one block."""
    points: torch.Tensor = blocks[0][0]
    return points


def _median_distance(blocks: FeatureBlocks, images: Images, seed: int) -> float:
    """`median_distance` of these images' features, a block of them at a time."""
    rows = sample_rows(len(images), seed)
    squared = torch.zeros(len(rows) * (len(rows) - 1) // 2, dtype=torch.float64)
    for (block,) in blocks.of(images[rows]):
        squared += torch.pdist(block.double().cpu()).square()
    return median_of_distances(squared.sqrt())


def _peak_memory() -> int | None:
    """The most bytes that this process has held so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # not POSIX
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
