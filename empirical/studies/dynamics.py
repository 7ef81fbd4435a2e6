r"""A run of the `dynamics` experiment: a wide two-layer network trained on images, beside what H-infinity predicts.

*The labels.* Arora et al. 2019 have one output and labels +-1. Here y = +1 for classes of even number and -1 for odd
ones, of whatever labels the test gives: with k even, a label replaced with probability p is a sign replaced with
probability p, and random labels are fair signs. Ten outputs would share their hidden units: those move sqrt(10) times
as far, and the limit of infinite width asks for ten times the width.

*The images* are those that the paper's networks get (`preprocess`), less the mean training image, scaled to norm 1 as
the theory asks. The mean is a direction that all have in common: left in, it makes lambda_max, and with it the least
number of steps, several times as large (of the digits, n = 1,000: 171 against 42) and tells nothing of the labels.

*The step size* is the same for every test, as the paper's hyper-parameters are: eta = rate / n.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.preprocessing import preprocess
from empirical.outcome import outcome_on_test
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import DynamicsConfig
from theory.common.memory import available_memory
from theory.common.tensor_files import load_tensors, save_tensors
from theory.dynamics import (
    Spectrum,
    TwoLayerNetwork,
    complexity_measure,
    gradient_descent,
    initial_state,
    limiting_spectrum,
    predicted_residual_norms,
    predicted_steps,
    random_network,
    row_space,
)
from theory.kernels.kernels import EPS

_PART = 300_000_000_000  # multiplications between two kept states: about ten seconds on two cores
_ELEMENTWISE = 200  # multiplications that take as long as the other work of a step on a hidden value
_STEPS_SHOWN = 120
_HALF = 0.5**0.5  # share of the norm at half of the loss


@dataclass(frozen=True, eq=False)
class Points:
    """Images as the theory assumes them: float64 rows of norm 1.

    Attributes:
        train, test: (n, d) and (n_test, d).
        labels, clean_labels, test_labels: +-1; as the test gives them, before corruption, and of the test images.
    """

    train: torch.Tensor
    test: torch.Tensor
    labels: torch.Tensor
    clean_labels: torch.Tensor
    test_labels: torch.Tensor


def unit_points(randomized: RandomizedDataset, crop: int | None, device: str) -> Points:
    """Prepare the images of a test: less the mean training image, in unit norm, with the signs of their labels.

    Raises ValueError if an image is the mean image: it has no direction.
    """
    data = randomized.data
    train, test = (preprocess(split.images, crop).flatten(1).double().to(device) for split in (data.train, data.test))
    mean = train.mean(0)
    train, test = train - mean, test - mean
    norms = [points.norm(dim=1, keepdim=True) for points in (train, test)]
    if not all(bool((norm > 0).all()) for norm in norms):
        raise ValueError("an image is the mean of the training images: it has no direction to scale to norm 1")

    def signs(labels: npt.NDArray[np.int64]) -> torch.Tensor:
        return torch.tensor(1.0 - 2.0 * (labels % 2), dtype=torch.float64, device=device)

    return Points(
        train / norms[0],
        test / norms[1],
        signs(data.train.labels),
        signs(randomized.clean_labels),
        signs(data.test.labels),
    )


def measure_dynamics(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """Predict a run's training from H-infinity, train, and measure both.

    Deviations are relative to the initial residual: |measured - predicted| / ||y - u_0||, the largest over all steps
    taken; `largest_log_ratio` is the largest |log(measured / predicted)|. `largest_deviation_from_initial_kernel` uses
    the network's own kernel before training in place of H-infinity: what is left there is that kernel's change in
    training.

    Arguments:
        config: `study` is a `DynamicsConfig`.
        randomized: the test's images and labels.
        parts: the parts of the training; their weights lie beside them, in float64, the last only.
        records: not used.

    Returns the metrics; a number of steps is None where `max_steps` were too few. Raises ValueError if the step size
    is not below 2 / lambda_max, or H is singular: two images in the same direction.
    """
    study = config.study_of(DynamicsConfig)
    require_memory(len(randomized.clean_labels), study.width, available_memory(config.device))
    points = unit_points(randomized, config.crop, config.device)
    n, d = points.train.shape
    spectrum = limiting_spectrum(points.train)
    if study.rate / n >= 2 / spectrum.largest:
        raise ValueError(
            f"steps of {study.rate:g}/n diverge on these {n} images: H-infinity's largest eigenvalue is "
            f"{spectrum.largest:.3g}, {spectrum.largest / n:.2g} n; use more images (--train-size)"
        )
    complexity = complexity_measure(spectrum, points.labels)
    network = _to(random_network(d, study.width, scale=study.scale, seed=config.seed), config.device)
    residual = points.labels - network(points.train)[:, 0]
    initial, step_size = float(residual.norm()), study.rate / n
    losses = {"halve": (_HALF * initial) ** 2 / 2, "fit": (study.fitted * initial) ** 2 / 2}
    predicted = {name: predicted_steps(spectrum, residual, step_size, loss) for name, loss in losses.items()}
    level = study.fitted * initial
    course, trained = _train(points, network, step_size, level, study.max_steps, predicted["fit"], parts)
    norms = torch.tensor(course.norms, dtype=torch.float64, device=config.device)
    foreseen = predicted_residual_norms(spectrum, residual, step_size, range(len(norms)))
    at_width = predicted_residual_norms(
        _initial_spectrum(network, points.train), residual, step_size, range(len(norms))
    )
    shown = shown_steps(len(norms) - 1)
    outputs, test_outputs = trained(points.train)[:, 0], trained(points.test)[:, 0]
    fits = (outputs > 0) == (points.labels > 0)
    hits = (test_outputs > 0) == (points.test_labels > 0)
    return {
        "n": n,
        "width": study.width,
        "step_size": step_size,
        "initial_residual_norm": initial,
        "steps": shown,
        "residual_norms": [course.norms[step] for step in shown],
        "predicted_residual_norms": [float(foreseen[step]) for step in shown],
        "fitted": course.norms[-1] <= level,
        "steps_to_halve_loss": _first(course.norms, _HALF * initial),
        "predicted_steps_to_halve_loss": predicted["halve"],
        "steps_to_fit": _first(course.norms, level),
        "predicted_steps_to_fit": predicted["fit"],
        "largest_deviation": float((norms - foreseen).abs().max()) / initial,
        "largest_deviation_from_initial_kernel": float((norms - at_width).abs().max()) / initial,
        "largest_log_ratio": float((norms / foreseen).log().abs().max()),
        "complexity_measure": float(complexity.values[0]),
        "complexity_error": complexity.relative_error,
        **_complexity_of_random_labels(spectrum),
        "train_accuracy": _share(fits),
        "train_accuracy_clean_labels": _share((outputs > 0) == (points.clean_labels > 0)),
        "test_accuracy": _share(hits),
        "changed_activations": course.changed_activations,
        **_spectrum_facts(spectrum),
        "nearest_distance": float(nearest_distances(points.train).median()),
        **outcome_on_test(_classes(test_outputs), _classes(points.test_labels), 2),
    }


def require_memory(n: int, width: int, free: int) -> None:
    """Raise ValueError if n images and a network of this width take more than `free` bytes: n x n and n x width
    matrices."""
    needed = 8 * (6 * n * n + 4 * n * width)
    if needed > free:
        raise ValueError(
            f"the spectrum of {n:,} images and a network of width {width:,} take {needed / 1e9:.1f} GB of memory and "
            f"{free / 1e9:.1f} GB are free: use fewer images (--train-size)"
        )


def shown_steps(last: int) -> list[int]:
    """The steps to record: 0, then numbers in about equal ratios up to `last`, at most 120 in all."""
    ratios = np.geomspace(1, max(last, 1), _STEPS_SHOWN - 1)
    return sorted({0, *(int(step) for step in np.rint(ratios) if step <= last)})


def nearest_distances(X: torch.Tensor) -> torch.Tensor:
    """The distance from every point of unit norm (n, d) to the nearest other point, (n,)."""
    cosines = (X @ X.T).fill_diagonal_(-1)
    return (2 - 2 * cosines.amax(1)).clamp_min(0).sqrt()


@dataclass(frozen=True)
class _Course:
    """Train; returns ||y - u_t|| for t = 0, 1, ..., and the share of activations that differ at the end."""

    norms: list[float]
    changed_activations: float


def _train(
    points: Points,
    start: TwoLayerNetwork,
    step_size: float,
    level: float,
    max_steps: int,
    expected: int,
    parts: Parts,
) -> tuple[_Course, TwoLayerNetwork]:
    """Gradient descent until the residual's norm is at most `level`, or for `max_steps`; about `expected` steps.

    A part is a number of steps. The weights of a part are written before the part, and the weights before it are
    removed after: whenever a kill comes, the weights of the last finished part are there. Weights that are
    damaged or gone make the training begin again.
    """
    part_names: list[str] = []
    try:
        return _train_in_parts(points, start, step_size, level, max_steps, expected, parts, part_names)
    except _NoWeightsError as error:
        print(f"{error}: training begins again", file=sys.stderr)
        for name in part_names:
            parts.forget(name)
    return _train_in_parts(points, start, step_size, level, max_steps, expected, parts, [])


def _train_in_parts(
    points: Points,
    start: TwoLayerNetwork,
    step_size: float,
    level: float,
    max_steps: int,
    expected: int,
    parts: Parts,
    part_names: list[str],
) -> tuple[_Course, TwoLayerNetwork]:
    """See `_train`; the names of the parts that were asked for are added to `part_names`."""
    n, d = points.train.shape
    X, network, basis = points.train, start, None
    if d > n:  # O(n m n) a step in place of O(n m d)
        X, basis = row_space(points.train)
        network = start.in_row_space(basis)
    width = len(network.weights)
    per_part = max(1, _PART // (n * width * (2 * X.shape[1] + _ELEMENTWISE)))
    parts.total = -(-min(expected, max_steps) // per_part)
    norms: list[float] = []
    begin = stop = 0
    while True:
        begin, stop = stop, min(stop + per_part, max_steps)
        part_names.append(f"training to step {stop:,}")
        part = parts(
            part_names[-1],
            partial(_advance, X, points.labels, network, step_size, level, begin, stop, parts.directory),
        )
        _weights_file(parts.directory, begin).unlink(missing_ok=True)
        norms += part["norms"]
        if norms[-1] <= level or stop == max_steps:
            break
    weights = _saved_weights(parts.directory, stop).to(X.device)
    trained = TwoLayerNetwork(weights, network.signs)
    course = _Course(norms, part["changed_activations"])
    return course, start.moved(trained, basis) if basis is not None else trained


def _advance(
    X: torch.Tensor,
    y: torch.Tensor,
    network: TwoLayerNetwork,
    step_size: float,
    level: float,
    begin: int,
    stop: int,
    directory: Path,
) -> dict[str, Any]:
    """Train from step `begin` to `stop`, or to `level`: the norms of the steps after `begin`, and of step 0 in the
    first part."""
    state = initial_state(network, X)
    if begin:
        weights = _saved_weights(directory, begin).to(X.device)
        state |= {"step": torch.tensor(begin), "weights": weights}
    norms = []
    for step in gradient_descent(X, y, state, step_size, max_steps=stop):
        if step.step > begin or not begin:
            norms.append(step.residual_norm)
        if step.residual_norm <= level:
            break
    save_tensors(_weights_file(directory, stop), {"step": stop, "weights": step.network.weights.cpu()})
    return {"norms": norms, "changed_activations": step.changed_activations}


def _weights_file(directory: Path, step: int) -> Path:
    return directory / f"weights-{step}.pt"


class _NoWeightsError(ValueError):
    """Weights that are not there as they were written."""


def _saved_weights(directory: Path, step: int) -> torch.Tensor:
    path = _weights_file(directory, step)
    try:
        content = load_tensors(path)
    except (OSError, ValueError) as error:
        raise _NoWeightsError(str(error)) from error
    if content.get("step") != step or not isinstance(content.get("weights"), torch.Tensor):
        raise _NoWeightsError(f"{path} holds other weights than those after step {step:,}")
    weights: torch.Tensor = content["weights"]
    return weights


def _to(network: TwoLayerNetwork, device: str) -> TwoLayerNetwork:
    return TwoLayerNetwork(network.weights.to(device), network.signs.to(device))


def _first(norms: Sequence[float], level: float) -> int | None:
    """The first step at which the residual's norm is at most `level`; None if it never is."""
    return next((step for step, norm in enumerate(norms) if norm <= level), None)


def _initial_spectrum(network: TwoLayerNetwork, X: torch.Tensor) -> Spectrum:
    """The spectrum of H(W(0)) on points (n, d), in O(n^2 m + n^3)."""
    eigenvalues, eigenvectors = torch.linalg.eigh(network.tangent_gram(X))
    return Spectrum(eigenvalues.flip(0), eigenvectors.flip(1), len(X) * EPS * float(eigenvalues[-1]))


def _complexity_of_random_labels(spectrum: Spectrum) -> dict[str, float]:
    """The measure of fair random signs y: q = y^T H^-1 y has mean tr H^-1 and variance 2 sum_{i != j} (H^-1)_ij^2.

    sqrt(2 q / n) of the mean, and the standard deviation to first order.
    """
    n, scaled = len(spectrum.eigenvalues), spectrum.eigenvectors / spectrum.eigenvalues
    inverse = scaled @ spectrum.eigenvectors.T
    variance = 2 * float(inverse.square().sum() - inverse.diagonal().square().sum())
    mean = (2 * float(inverse.trace()) / n) ** 0.5
    return {"complexity_of_random_labels": mean, "complexity_spread": max(variance, 0.0) ** 0.5 / (n * mean)}


def _spectrum_facts(spectrum: Spectrum) -> dict[str, Any]:
    return {
        "largest_eigenvalue": spectrum.largest,
        "smallest_eigenvalue": spectrum.smallest,
        "eigenvalue_error": spectrum.error,
        "condition": spectrum.condition,
    }


def _classes(outputs: torch.Tensor) -> npt.NDArray[np.int64]:
    """The two classes: 0 for even numbers, with output +1, and 1 for odd numbers."""
    classes: npt.NDArray[np.int64] = (outputs <= 0).cpu().numpy().astype(np.int64)
    return classes


def _share(hits: torch.Tensor) -> float:
    return int(hits.sum()) / len(hits)
