"""A randomisation test as an object that answers for itself, and what it makes of a data set."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from empirical.datasets import ImageDataset, ImageSplit
from empirical.randomization.label_noise import KINDS, LabelNoise, NoNoise, Uniform, parse_label_noise, read_label_noise
from empirical.randomization.pixels import Pixels, change_images, image_moments
from theory.common.names import nearest_name

_PIXELS = get_args(Pixels)


@dataclass(frozen=True)
class Randomization:
    """One of the tests.

    Attributes:
        pixels: what happens to the pixels of training and test images.
        label_noise: what replaces the labels of the training samples.
        noise_share: how much of every image is noise where pixels are `mixed` (`mix_with_noise`), above 0 and at most
            1; 0 for all other pixels.
    """

    pixels: Pixels = "original"
    label_noise: LabelNoise = field(default_factory=NoNoise)
    noise_share: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise_share", float(self.noise_share))  # 1 and 1.0 are the same, and have one hash
        if self.pixels not in _PIXELS:
            raise ValueError(f"pixels must be one of {', '.join(_PIXELS)}, got {self.pixels!r}")
        if self.pixels == "mixed" and not 0 < self.noise_share <= 1:
            raise ValueError(
                f"mixed pixels take a noise_share above 0 and at most 1, got {self.noise_share}; without noise pixels "
                "are original"
            )
        if self.pixels != "mixed" and self.noise_share:
            raise ValueError(f"noise_share is of mixed pixels, got {self.noise_share} with pixels {self.pixels!r}")
        if not isinstance(self.label_noise, LabelNoise):
            raise TypeError(f"label_noise must be a LabelNoise such as Uniform(0.2), got {self.label_noise!r}")

    @property
    def name(self) -> str:
        """The paper's name of the test, with the name of the label noise where that is not the paper's."""
        labels = self.label_noise.name
        if self.pixels == "original":
            return labels
        names = {"gaussian": "Gaussian", "mixed": f"images mixed with noise, share {self.noise_share:g}"}
        pixels = names.get(self.pixels, f"{self.pixels} pixels")
        return pixels if self.label_noise == NoNoise() else f"{pixels}, {labels}"

    @property
    def option(self) -> str:
        """The spelling on the command line: `parse_test` is the inverse."""
        if self.pixels == "original":
            return self.label_noise.option
        pixels = next((word for word, kind in _SPELLED_PIXELS.items() if kind == self.pixels), "")
        pixels = pixels or f"{_MIXED}{self.noise_share!r}"
        return pixels if self.label_noise == NoNoise() else f"{pixels}+{self.label_noise.option}"

    @property
    def corruption(self) -> float | None:
        """p, where uniform corruption of the labels is all that is changed, 0 for true labels; None for other tests.

        Whatever speaks of levels of corruption asks for this.
        """
        return self.label_noise.uniform_level if self.pixels == "original" else None

    @property
    def partial(self) -> bool:
        """Whether the test is uniform corruption of some labels, 0 < p < 1."""
        return self.corruption is not None and 0 < self.corruption < 1

    @property
    def with_clean_labels(self) -> "Randomization":
        """The test with the same pixels and without label noise."""
        return replace(self, label_noise=NoNoise())

    @property
    def order(self) -> tuple[int, float, bool, float, str]:
        """The place among tests: by pixels, as the paper has them, and the share of noise in them, then by rising
        uniform corruption, then by name.
        """
        level = self.label_noise.uniform_level
        return _PIXELS.index(self.pixels), self.noise_share, level is None, level or 0.0, self.name

    def check(self, data: ImageDataset) -> None:
        """Raise ValueError unless the label noise suits a whole data set."""
        self.label_noise.check(data.train.labels, data.num_classes)

    def on(self, data: ImageDataset) -> "Randomization":
        """The test for a data set or for its first samples; see `LabelNoise.on`."""
        return replace(self, label_noise=self.label_noise.on(data.train.labels, data.num_classes))

    def record(self) -> dict[str, Any]:
        """The test as records hold it, in JSON's types; part of a run's hash."""
        mixed = {"noise_share": self.noise_share} if self.noise_share else {}
        return {"pixels": self.pixels, "label_noise": self.label_noise.record(), **mixed}

    @staticmethod
    def from_record(content: dict[str, Any]) -> "Randomization":
        """The inverse of `record`. Raises ValueError for a value that is no such record."""
        noise_share = content.get("noise_share", 0.0)
        return Randomization(content["pixels"], read_label_noise(content["label_noise"]), noise_share)


TRUE_LABELS = Randomization()
RANDOM_LABELS = Randomization(label_noise=Uniform(1.0))
SHUFFLED_PIXELS = Randomization("shuffled")
RANDOM_PIXELS = Randomization("random")
GAUSSIAN = Randomization("gaussian")

_SPELLED_PIXELS: dict[str, Pixels] = {"shuffled-pixels": "shuffled", "random-pixels": "random", "gaussian": "gaussian"}
_MIXED = "mixed-"

TEST_SPELLINGS = (
    {spelling: words for kind in KINDS for spelling, words in kind.spellings.items()}
    | {
        "shuffled-pixels": "one permutation of the pixels, the same for all images",
        "random-pixels": "a permutation of the pixels for each image",
        "gaussian": "Gaussian images of the data's mean and variance",
        "mixed-S": "each image mixed with noise of its own mean and variance, of which there is a share S",
        "PIXELS+LABELS": "one of the four before, and one of the others for the labels, as gaussian+random-labels",
    }
)  # fmt: skip
"""The spellings of the tests, each with its meaning."""


def parse_test(word: str) -> Randomization:
    """The test with this spelling, one of `TEST_SPELLINGS`: the inverse of `Randomization.option`.

    Raises ValueError for any other word, for a probability outside 0 .. 1 and for a file that holds something else.
    """
    pixels, plus, labels = word.partition("+")
    share = _noise_share(pixels)
    if pixels in _SPELLED_PIXELS or share:
        noise = parse_label_noise(labels) if plus else NoNoise()
        if noise is not None:
            return Randomization(_SPELLED_PIXELS.get(pixels, "mixed"), noise, share)
    elif (noise := parse_label_noise(word)) is not None:
        return Randomization(label_noise=noise)
    raise ValueError(f"test (--tests): {nearest_name(word, TEST_SPELLINGS)}")


def _noise_share(word: str) -> float:
    """S of `mixed-S`, 0 for another word. Raises ValueError for what is no share of noise."""
    if not word.startswith(_MIXED):
        return 0.0
    number = word.removeprefix(_MIXED)
    try:
        share = float(number)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ValueError(
            f"test (--tests): mixed-S takes a share S of noise above 0 and at most 1, got {number!r}; without noise "
            "leave mixed-S out"
        )
    return share


@dataclass(frozen=True, eq=False)
class RandomizedDataset:
    """A randomised data set beside what it was made from.

    Attributes:
        data: what the network is given: training labels may be corrupted, the test labels are clean.
        clean_labels: the training labels before corruption, int64 (n,).
        changed: which training labels differ from the clean ones, bool (n,). Under uniform noise p among k classes
            their expected share is p (k - 1)/k: a label drawn anew is the old one once in k times.
    """

    data: ImageDataset
    clean_labels: npt.NDArray[np.int64]
    changed: npt.NDArray[np.bool_]


def randomize(data: ImageDataset, randomization: Randomization, seed: int) -> RandomizedDataset:
    """Apply a test to a data set: lazy images stay lazy.

    Raises ValueError for label noise of another number of classes or samples.
    """
    labels = randomization.label_noise.draw(data.train.labels, data.num_classes, seed)
    moments = image_moments(data.train.stored) if randomization.pixels == "gaussian" else (0.0, 0.0)
    train, test = (
        ImageSplit(
            change_images(split.stored, name, randomization.pixels, seed, moments, randomization.noise_share),
            split_labels,
            _identity(split, name, randomization, seed, moments),
        )
        for name, split, split_labels in (("train", data.train, labels), ("test", data.test, data.test.labels))
    )
    randomized = ImageDataset(
        name=data.name,
        train=train,
        test=test,
        class_names=data.class_names,
        source=data.source,
    )
    return RandomizedDataset(randomized, data.train.labels, labels != data.train.labels)


def _identity(
    split: ImageSplit, name: str, randomization: Randomization, seed: int, moments: tuple[float, float]
) -> str:
    if not split.identity or randomization.pixels == "original":
        return split.identity
    share = f" {randomization.noise_share!r}" if randomization.noise_share else ""
    return f"{split.identity}; {randomization.pixels}{share} pixels, {name}, seed {seed}, {moments}"
