r"""Memorisation scores (Feldman 2020; Feldman, Zhang 2020): networks trained on random subsets, many of them at once.

    mem(i)  =  P(right on i | i in T)  -  P(right on i | i not in T),

T a random subset of the training images; `theory.memorisation` says how it is estimated. Two halves of the networks,
the even and the odd ones, share nothing but the data: their agreement says how much of a score belongs to the image.

Then networks are trained on all images, on all but the most memorised tenth, and on all but a random tenth, another one
for each network. Scores come from training images alone, so that the test images are new to the choice. Every network
takes the same number of steps.

Beside the networks' scores stand those of one-nearest-neighbour on the same images, exact, without a draw.
"""

import base64
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.preprocessing import preprocess
from empirical.models import build_model
from empirical.outcome import encode_hits
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import MemorisationConfig
from empirical.training.many_networks import classes_of, train_many
from theory.common.streams import torch_seed, words
from theory.memorisation import Counts, count_hits, memorisation_scores, nearest_neighbour_memorisation

ALL, WITHOUT_MEMORISED, WITHOUT_RANDOM = TRAINING_SETS = ("all", "without memorised", "without random")
"""What the networks of the second part are trained on, as records name it."""

Samples = npt.NDArray[np.int64]


def measure_memorisation(
    config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path
) -> dict[str, Any]:
    """The scores and what follows from them; a part for every group of networks that are trained together.

    Returns for each of two `halves` of the networks the counts that `theory.memorisation.Counts` has; which labels are
    `changed`; the `nearest_neighbour` scores; the images `shown`, the most memorised; under `removal` what the networks
    trained on each of `TRAINING_SETS` get right.

    Raises ValueError for networks that cannot be trained together, or so few that an image is in no subset or in all.
    """
    study, train, test = config.study_of(MemorisationConfig), randomized.data.train, randomized.data.test
    n, device = len(train.labels), torch.device(config.device)
    images, test_images = (preprocess(split.images, config.crop).to(device) for split in (train, test))
    labels = torch.tensor(train.labels, device=device)
    size = round(study.share * n)
    work = _Work(config, images, labels, test_images)
    parts.total = -(-study.networks // study.together) + len(TRAINING_SETS) * -(
        -study.networks_without // study.together
    )

    subsets = np.stack([random_subset(config.seed, f"subset-{i}", n, size) for i in range(study.networks)])
    inside = np.zeros((study.networks, n), dtype=bool)
    np.put_along_axis(inside, subsets, True, axis=1)
    _require_scores(inside)
    answers = work.predictions("subsets", subsets, parts)
    right = answers.train == train.labels
    halves = [count_hits(inside[half::2], right[half::2]) for half in (0, 1)]
    scores = memorisation_scores(halves[0] + halves[1]).score

    order = np.argsort(-scores, kind="stable")
    kept = n - round(study.removed * n)
    sets = {
        ALL: np.tile(np.arange(n), (study.networks_without, 1)),
        WITHOUT_MEMORISED: np.tile(np.sort(order[n - kept :]), (study.networks_without, 1)),
        WITHOUT_RANDOM: np.stack(
            [random_subset(config.seed, f"kept-{i}", n, kept) for i in range(study.networks_without)]
        ),
    }
    removal = {}
    for name, samples in sets.items():
        hits = work.predictions(name, samples, parts).test == test.labels
        removal[name] = {
            "images": samples.shape[1],
            "test_accuracy": float(hits.mean()),
            "deviation": float(hits.mean(axis=1).std(ddof=1)),
            "test_right": hits.sum(axis=0).tolist(),
        }
    outside = [np.where(inside[:, i], -1, answers.train[:, i]) for i in order[: study.shown]]
    return {
        "images": n,
        "subset": size,
        "test_accuracy": float((answers.test == test.labels).mean()),
        "halves": [_counts(half) for half in halves],
        "changed": encode_hits(train.labels != randomized.clean_labels),
        "nearest_neighbour": nearest_neighbour_memorisation(
            np.asarray(train.images).reshape(n, -1), train.labels, size
        ).tolist(),
        "removal": removal,
        "image_shape": list(train.images.shape[1:]),
        "shown": [
            {
                "image": int(i),
                "label": int(train.labels[i]),
                "clean_label": int(randomized.clean_labels[i]),
                "answer": int(np.bincount(classes[classes >= 0]).argmax()),
                "score": float(scores[i]),
                "pixels": base64.b64encode(np.ascontiguousarray(train.images[i]).tobytes()).decode(),
            }
            for i, classes in zip(order[: study.shown], outside, strict=True)
        ],
    }


def random_subset(seed: int, purpose: str, n: int, size: int) -> Samples:
    """A uniform subset of 0 .. n - 1, in rising order, int64 (size,)."""
    keys = words(seed, f"memorisation-{purpose}", [0], n)[0]
    return np.sort(np.argsort(keys, kind="stable")[:size])


def _require_scores(inside: npt.NDArray[np.bool_]) -> None:
    """Raise ValueError, before hours of training, if an image is in every subset or in none: it has no score."""
    networks, n = inside.shape
    if inside[0].sum() in (0, n):
        raise ValueError(
            f"a subset of {n:,} images has {inside[0].sum():,} of them, all or none, so that no image is inside some "
            "subsets and outside others: take more images (--train-size)"
        )
    if inside.all(axis=0).any() or not inside.any(axis=0).all():
        raise ValueError(
            f"with {networks:,} networks every image must be in some subset and outside another: train more "
            "networks (--memorisation.networks)"
        )


class _Answers:
    """The classes that networks give training and test images, (networks, images) each."""

    def __init__(self, groups: list[dict[str, Any]], n: int, m: int):
        def joined(name: str, count: int) -> npt.NDArray[np.int64]:
            rows = [np.frombuffer(base64.b64decode(group[name]), np.uint16).reshape(-1, count) for group in groups]
            return np.concatenate(rows).astype(np.int64)

        self.train, self.test = joined("train", n), joined("test", m)


class _Work:
    """What every group of networks shares: the configuration, the images, the labels."""

    def __init__(self, config: RunConfig, images: torch.Tensor, labels: torch.Tensor, test_images: torch.Tensor):
        self.config, self.images, self.labels, self.test_images = config, images, labels, test_images

    def predictions(self, purpose: str, samples: Samples, parts: Parts) -> _Answers:
        """What networks trained on these samples, a row each, answer; `together` of them are a part."""
        together = self.config.study_of(MemorisationConfig).together
        groups = [
            parts(f"{purpose}, networks from {start}", partial(self._group, purpose, start, samples[start:][:together]))
            for start in range(0, len(samples), together)
        ]
        return _Answers(groups, len(self.images), len(self.test_images))

    def _group(self, purpose: str, start: int, samples: Samples) -> dict[str, Any]:
        config, shape = self.config, tuple(self.images.shape[1:])
        seeds = [torch_seed(config.seed, f"memorisation/{purpose}/{start + i}") for i in range(len(samples))]
        assert len(shape) == 3, "images have channels, height and width"
        rule = config.hyper_parameters.initialization
        networks = [
            build_model(config.model, shape, config.num_classes, seed, rule).to(self.images.device) for seed in seeds
        ]
        many = train_many(networks, self.images, self.labels, samples, seeds, config.hyper_parameters)
        return {
            name: base64.b64encode(classes_of(many, images).astype(np.uint16).tobytes()).decode()
            for name, images in (("train", self.images), ("test", self.test_images))
        }


def _counts(counts: Counts) -> dict[str, list[int]]:
    return {
        "inside": counts.inside.tolist(),
        "right_inside": counts.right_inside.tolist(),
        "right_outside": counts.right_outside.tolist(),
    }
