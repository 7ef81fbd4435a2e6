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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.preprocessing import preprocess
from empirical.outcome import outcome_on_test, share_of
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import DynamicsConfig
from theory.common.memory import available_memory
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
        parts: the training is the one part.
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
    train = partial(_train, points, network, step_size, level, study.max_steps, predicted["fit"])
    trained = parts.in_steps("training", train)
    norms, outputs, test_outputs = (
        torch.tensor(trained[name], dtype=torch.float64, device=config.device)
        for name in ("norms", "outputs", "test_outputs")
    )
    foreseen = predicted_residual_norms(spectrum, residual, step_size, range(len(norms)))
    at_width = predicted_residual_norms(
        _initial_spectrum(network, points.train), residual, step_size, range(len(norms))
    )
    shown = shown_steps(len(norms) - 1)
    fits = (outputs > 0) == (points.labels > 0)
    hits = (test_outputs > 0) == (points.test_labels > 0)
    return {
        "n": n,
        "width": study.width,
        "step_size": step_size,
        "initial_residual_norm": initial,
        "steps": shown,
        "residual_norms": [trained["norms"][step] for step in shown],
        "predicted_residual_norms": [float(foreseen[step]) for step in shown],
        "fitted": trained["norms"][-1] <= level,
        "steps_to_halve_loss": _first(trained["norms"], _HALF * initial),
        "predicted_steps_to_halve_loss": predicted["halve"],
        "steps_to_fit": _first(trained["norms"], level),
        "predicted_steps_to_fit": predicted["fit"],
        "largest_deviation": float((norms - foreseen).abs().max()) / initial,
        "largest_deviation_from_initial_kernel": float((norms - at_width).abs().max()) / initial,
        "largest_log_ratio": float((norms / foreseen).log().abs().max()),
        "complexity_measure": float(complexity.values[0]),
        "complexity_error": complexity.relative_error,
        **_complexity_of_random_labels(spectrum),
        "train_accuracy": share_of(fits),
        "train_accuracy_clean_labels": share_of((outputs > 0) == (points.clean_labels > 0)),
        "test_accuracy": share_of(hits),
        "changed_activations": trained["changed_activations"],
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


def _train(
    points: Points,
    start: TwoLayerNetwork,
    step_size: float,
    level: float,
    max_steps: int,
    expected: int,
    state: PartState,
) -> dict[str, Any]:
    """Gradient descent until the residual's norm is at most `level`, or for `max_steps`; about `expected` steps.

    Returns the norms ||y - u_t|| for t = 0, 1, ..., the share of activations that differ in the end, and the trained
    network's outputs on both splits.
    """
    n, d = points.train.shape
    X, network, basis = points.train, start, None
    if d > n:  # O(n m n) a step in place of O(n m d)
        X, basis = row_space(points.train)
        network = start.in_row_space(basis)
    begin, norms = -1, []
    first = initial_state(network, X)
    if saved := state.load():
        begin, norms = saved["step"], saved["norms"]
        first |= {"step": torch.tensor(begin), "weights": saved["weights"].to(X.device)}

    def reached() -> dict[str, Any]:
        return {"step": step.step, "weights": step.network.weights, "norms": norms}

    for step in gradient_descent(X, points.labels, first, step_size, max_steps=max_steps):
        if step.step > begin:  # it begins with the step that it is given
            norms.append(step.residual_norm)
        if step.residual_norm <= level:
            break
        state.offer(min(step.step / max(1, min(expected, max_steps)), 1.0), reached)
    trained = TwoLayerNetwork(step.network.weights, network.signs)
    if basis is not None:
        trained = start.moved(trained, basis)
    return {
        "norms": norms,
        "changed_activations": step.changed_activations,
        "outputs": trained(points.train)[:, 0].tolist(),
        "test_outputs": trained(points.test)[:, 0].tolist(),
    }


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
