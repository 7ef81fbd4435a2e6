r"""Two interpolants of one sample: Theorem 1's network and a trained one, and how each answers off the sample.

Both are taken as functions of the stored image, pixels 0 .. 255: the explicit network takes it as it is, the trained
one behind its centre crop and whitening, which are part of the function here. Distances are Euclidean in that space, in
units of the median distance from a training image to its nearest neighbour among them.

*Margin*: for the trained network the logit of the label less the largest other; Theorem 1's has one output, rounded to
the nearest class, and its margin is what is left to the nearest rounding threshold, 1/2 where a label is met exactly.
Margins of the two are of different scales. The ratio of the margin of the class predicted to its slope,

    |m(x)| / ||grad m(x)||,

is not: to first order it is the distance to where the answer changes. For Theorem 1's network, piecewise linear along
one direction a, the slope is exact, at a knot that of the steeper side; so is the Lipschitz constant, the largest slope
times ||a||. For the trained network the largest gradient found is a lower bound on it.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from empirical.datasets.lazy_images import Images
from empirical.datasets.preprocessing import crop_box, whiten
from empirical.outcome import nearest_class, outcome_on_test
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import InterpolantsConfig
from empirical.runs.trained_network import load_trained
from empirical.training.optimization import precision
from theory.common.memory import available_memory
from theory.common.streams import normals, uniform_integers, words
from theory.complexity.margins import margins
from theory.expressivity import DepthTwoNetwork, relu_interpolant

Float64Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_BATCH = 512


class OfStoredPixels(nn.Module):
    """A network as a function of stored images (n, channels, height, width), float32, 0 .. 255; crops and whitens."""

    def __init__(self, network: nn.Module, crop: int | None, sides: tuple[int, int]):
        super().__init__()
        self.network, self.box = network, crop_box(sides, crop)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        top, left, rows, columns = self.box
        logits: torch.Tensor = self.network(whiten(images[:, :, top : top + rows, left : left + columns])).float()
        return logits


class TrainedInterpolant:
    """The trained network: classes, and the margin with its slope, of images in stored pixels."""

    def __init__(self, network: OfStoredPixels, device: str):
        self.network, self.device = network, device

    def classes(self, images: Images) -> Labels:
        """The class of the largest logit, (n,)."""
        with torch.no_grad():
            return np.concatenate([self.network(batch).argmax(1).cpu().numpy() for batch in self._batches(images)])

    def logits(self, images: Images) -> Float64Array:
        """The logits (n, classes)."""
        with torch.no_grad():
            return np.concatenate([self.network(batch).double().cpu().numpy() for batch in self._batches(images)])

    def margin_and_slope(self, images: Images) -> tuple[Float64Array, Float64Array]:
        """The largest logit less the second, and the norm of this margin's gradient in the stored pixels, (n,) each."""
        pieces = []
        for batch in self._batches(images):
            batch.requires_grad_()
            first, second = self.network(batch).topk(2, dim=1).values.unbind(1)
            (gradient,) = torch.autograd.grad((first - second).sum(), batch)
            slope = gradient.flatten(1).double().norm(dim=1)
            pieces.append(torch.stack([(first - second).detach().double(), slope]).cpu().numpy())
        margin, slope_of_all = np.concatenate(pieces, axis=1)
        return margin, slope_of_all

    def _batches(self, images: Images) -> list[torch.Tensor]:
        return [
            torch.from_numpy(images[start : start + _BATCH].astype(np.float32)).to(self.device)
            for start in range(0, len(images), _BATCH)
        ]


class ExplicitInterpolant:
    """Theorem 1's network with its output rounded to a class: classes, and the margin with its slope."""

    def __init__(self, network: DepthTwoNetwork, num_classes: int):
        self.network, self.num_classes = network, num_classes
        self.norm = float(np.linalg.norm(network.direction))
        # The slopes of the pieces between knots.
        self.slopes = np.concatenate([[0.0], np.abs(np.cumsum(network.weights[:, 0]))])

    @property
    def lipschitz(self) -> float:
        """The exact Lipschitz constant of the output and of the margin."""
        return self.network.lipschitz_in_projection * self.norm

    def classes(self, images: Images) -> Labels:
        """The class nearest to the output, (n,)."""
        return nearest_class(self.network(images), self.num_classes)

    def margin_and_slope(self, images: Images) -> tuple[Float64Array, Float64Array]:
        """The distance of the output from the nearest rounding threshold, and the slope there, (n,) each."""
        outputs = self.network(images)
        classes = nearest_class(outputs, self.num_classes)
        below = np.where(classes == 0, np.inf, outputs - (classes - 0.5))
        above = np.where(classes == self.num_classes - 1, np.inf, classes + 0.5 - outputs)
        z = self.network.project(images)
        pieces = [np.searchsorted(self.network.biases, z, side=side) for side in ("left", "right")]
        return np.minimum(below, above), np.maximum(*(self.slopes[piece] for piece in pieces)) * self.norm


def measure_interpolants(
    config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path
) -> dict[str, Any]:
    """Accuracy, margins, Lipschitz constant and stability of both networks, side by side.

    Returns the numbers of `_of_network` under `trained` and `explicit`, and under `noise` and `segment` the shares of
    answers that stay the given label, with the standard error of their mean difference image by image.

    Raises ValueError if the trained network's run is not among the records, or two equal images have different labels.
    """
    study = config.study_of(InterpolantsConfig)
    train, test = randomized.data.train, randomized.data.test
    values = math.prod(train.images.shape[1:])
    needed, free = 8 * values * (len(train.labels) + len(test.labels) + 4 * study.images), available_memory()
    if needed > free:
        raise ValueError(
            f"the images take {needed / 1e9:.1f} GB in float64 and {free / 1e9:.1f} GB are free: use fewer of them "
            "(--train-size, --test-size)"
        )
    parts.total = 3 + len(study.norms) + len(study.fractions)
    network, _, data = load_trained(config, randomized, records)
    _, *sides = randomized.data.image_shape
    trained = TrainedInterpolant(OfStoredPixels(network, config.crop, (sides[0], sides[1])), config.device)
    built = relu_interpolant(train.images, train.labels, seed=config.seed)
    explicit = ExplicitInterpolant(built, config.num_classes)
    images, labels = train.images[: study.images], train.labels[: study.images]
    neighbourhood = parts("neighbours", lambda: _neighbours(train.images, len(images)))
    neighbours, unit = np.array(neighbourhood["index"]), neighbourhood["median_distance"]
    with precision(config.hyper_parameters, data.train_images.device):

        def stays(disturbed: list[Images]) -> dict[str, Any]:
            """The shares of answers that are the label of the disturbed image."""
            hits = [
                np.mean([interpolant.classes(moved) == labels for moved in disturbed], axis=0)
                for interpolant in (trained, explicit)
            ]
            difference = hits[0] - hits[1]
            return {
                "trained": float(hits[0].mean()),
                "explicit": float(hits[1].mean()),
                "difference_error": float(difference.std(ddof=1)) / len(labels) ** 0.5,
            }

        def noise(norm: float) -> dict[str, Any]:
            return {"norm": norm} | stays(
                [_perturbed(images, norm * unit, config.seed, f"perturbation-{draw}") for draw in range(study.draws)]
            )

        def segment(fraction: float) -> dict[str, Any]:
            start, end = images.astype(np.float32), train.images[neighbours].astype(np.float32)
            return {"fraction": fraction} | stays([start + np.float32(fraction) * (end - start)])

        of_trained = parts("trained", lambda: _of_network(trained, randomized, config, unit))
        of_explicit = parts("explicit", lambda: _of_network(explicit, randomized, config, unit))
        distances = [of.pop("distances") for of in (of_trained, of_explicit)]
        farther = sum(a > b for a, b in zip(*(map(_or_infinite, pair) for pair in distances), strict=True))
        return {
            "unit": unit,
            "trained": of_trained,
            "explicit": of_explicit | {"lipschitz": explicit.lipschitz * unit, "weights": built.num_weights},
            "farther": farther,
            "neighbour_on_the_line": parts("line", lambda: _on_the_line(built, randomized, unit)),
            "noise": [parts(f"noise {norm:g}", partial(noise, norm)) for norm in study.norms],
            "segment": [parts(f"segment {fraction:g}", partial(segment, fraction)) for fraction in study.fractions],
        }


def _of_network(
    interpolant: TrainedInterpolant | ExplicitInterpolant, randomized: RandomizedDataset, config: RunConfig, unit: float
) -> dict[str, Any]:
    """The accuracies of a network, its margins on training images by the given labels, and its slopes; lengths are in
    median neighbour distances.

    `distances` are the first-order distances of the training images to where the answer changes, None where the slope
    is zero. `lipschitz_lower_bound` is the largest slope over training and test images.
    """
    train, test = randomized.data.train, randomized.data.test
    answers, test_answers = interpolant.classes(train.images), interpolant.classes(test.images)
    margin, slope = interpolant.margin_and_slope(train.images)
    _, test_slope = interpolant.margin_and_slope(test.images)
    label_margins = (
        margins(interpolant.logits(train.images), train.labels)
        if isinstance(interpolant, TrainedInterpolant)
        else 0.5 - np.abs(interpolant.network(train.images) - train.labels)
    )
    distances = np.divide(margin, slope * unit, out=np.full(len(margin), np.inf), where=slope > 0)
    lipschitz = float(max(slope.max(), test_slope.max())) * unit
    return {
        "fitted": bool((answers == train.labels).all()),
        "train_accuracy": float(np.mean(answers == train.labels)),
        "test_accuracy": float(np.mean(test_answers == test.labels)),
        **outcome_on_test(test_answers, test.labels, config.num_classes),
        "smallest_margin": float(label_margins.min()),
        "median_margin": float(np.median(label_margins)),
        "lipschitz_lower_bound": lipschitz,
        "median_slope": float(np.median(slope)) * unit,
        "margin_over_lipschitz": float(np.median(label_margins)) / lipschitz if lipschitz else None,
        "median_distance": _finite(float(np.median(distances))),
        "distances": [_finite(float(distance)) for distance in distances],
    }


def _neighbours(images: Images, count: int) -> dict[str, Any]:
    """Index of the nearest other training image for the first `count`, and the median of these distances."""
    from sklearn.neighbors import NearestNeighbors

    flat = images.reshape(len(images), -1).astype(np.float64)
    search = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(flat)
    distances, indices = search.kneighbors(flat[:count])
    second = (indices[:, 0] == np.arange(count)).astype(np.int64)  # an image comes first itself, unless there are twins
    rows = np.arange(count)
    return {"index": indices[rows, second].tolist(), "median_distance": float(np.median(distances[rows, second]))}


def _perturbed(images: Images, norm: float, seed: int, purpose: str) -> npt.NDArray[np.float32]:
    """The images, each moved by `norm` in a direction of its own, uniform on the sphere; not rounded, not clipped."""
    out = np.empty(images.shape, dtype=np.float32)
    size = math.prod(images.shape[1:])
    for start in range(0, len(images), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(images)))
        direction = normals(words(seed, purpose, rows, size + size % 2))[:, :size]
        direction *= norm / np.linalg.norm(direction, axis=1, keepdims=True)
        out[rows] = images[rows] + direction.reshape(len(rows), *images.shape[1:])
    return out


def _on_the_line(network: DepthTwoNetwork, randomized: RandomizedDataset, unit: float) -> dict[str, Any]:
    """The training image whose projection is nearest, which decides Theorem 1's answer, and its distance from the test
    image."""
    train, test = randomized.data.train, randomized.data.test
    z = network.project(train.images)
    order = np.argsort(z, kind="stable")
    right = np.clip(np.searchsorted(z[order], at := network.project(test.images)), 1, len(z) - 1)
    left = right - 1
    nearest = order[np.where(at - z[order][left] <= z[order][right] - at, left, right)]
    flat = [images.reshape(len(images), -1).astype(np.float64) for images in (train.images[nearest], test.images)]
    # A thousand random pairs give the distance of two unrelated images.
    pairs = uniform_integers(words(0, "random-pairs", np.arange(2000), 1), len(z))[:, 0]
    random = train.images[pairs].reshape(2000, -1).astype(np.float64)
    return {
        "median_distance": float(np.median(np.linalg.norm(flat[0] - flat[1], axis=1))) / unit,
        "median_distance_of_random_pairs": float(np.median(np.linalg.norm(random[::2] - random[1::2], axis=1))) / unit,
        "label_agrees": float(np.mean(train.labels[nearest] == test.labels)),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
