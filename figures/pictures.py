"""The six tests as pictures: `python -m figures.pictures --data digits` draws what a network is given.

Records have no images, so that this figure, alone of all, is drawn from the data set.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from empirical.datasets import DataNotFoundError, ImageDataset, load
from empirical.randomization import (
    GAUSSIAN,
    RANDOM_LABELS,
    RANDOM_PIXELS,
    SHUFFLED_PIXELS,
    TRUE_LABELS,
    Randomization,
    parse_test,
    randomize,
)
from figures.palette import RED, REFERENCE
from figures.style import figure, set_title
from theory.common.plain_text import visible

TESTS: dict[Randomization, str] = {
    TRUE_LABELS: "as they are",
    parse_test("corrupted-0.5"): "half of the labels drawn at random",
    RANDOM_LABELS: "every label drawn at random",
    SHUFFLED_PIXELS: "one permutation of the pixels for all images",
    RANDOM_PIXELS: "a permutation of its own for each image",
    GAUSSIAN: "noise of the data's mean and variance",
}
"""The paper's tests, and what each does."""


def draw_randomized_images(data: ImageDataset, path: Path, *, seed: int = 0, count: int = 10) -> None:
    """Draw a row of training images for each test, with the labels that the network is given.

    Writes `path`.svg and `path`.png.

    Arguments:
        count: the number of images, the first of the training split.
    """
    count = min(count, len(data.train.labels))
    caption = (
        f"{data.name}: the first {count} training images and the labels given with them, seed {seed}; red: a label "
        "that is not the image's own. The network, its settings and the number of images are the same in all six. "
        f"Data: {data.source}."
    )
    with figure(path, caption, width=1.1 + 0.95 * count, height=1.25 * len(TESTS) + 1.0) as drawing:
        set_title(drawing, f"The six tests: what the network is given, {data.name}")
        # A title over one panel would push that panel aside.
        strips = drawing.subfigures(len(TESTS), 1, squeeze=False)[:, 0]
        for strip, (test, words) in zip(strips, TESTS.items(), strict=True):
            randomized = randomize(data, test, seed)
            images = randomized.data.train.stored
            pictures = images[:count] if isinstance(images, np.ndarray) else images[np.arange(count)]
            for at, axes in enumerate(strip.subplots(1, count, squeeze=False)[0]):
                axes.set(xticks=[], yticks=[])
                axes.grid(visible=False)
                for side in axes.spines.values():
                    side.set_visible(False)
                axes.imshow(_shown(pictures[at]), cmap="gray", interpolation="nearest", vmin=0, vmax=1)
                name = data.class_names[randomized.data.train.labels[at]]
                wrong = bool(randomized.changed[at])
                axes.set_xlabel(
                    visible(str(name)), color=RED if wrong else REFERENCE, weight="bold" if wrong else "normal"
                )
            strip.suptitle(f"{test.name}: {words}", size=9, weight="normal", x=0.01, ha="left")


def _shown(image: np.ndarray) -> np.ndarray:
    """(channels, height, width) in 0..255 as a picture with values in 0..1, (height, width) or with three channels."""
    scaled = np.clip(image.astype(np.float64) / 255, 0, 1)
    return scaled[0] if len(scaled) == 1 else np.moveaxis(scaled[:3], 0, -1)


@dataclass(frozen=True)
class Options:
    """Draw the images of the six tests."""

    data: str = "digits"
    """The data set."""

    data_root: Path | None = None
    """Directory of its files."""

    data_note: str = ""
    """A remark on the files that goes into the caption after the source, as for `python -m empirical.run`."""

    seed: int = 0
    """The seed of the tests."""

    out: Path = Path("runs/figures")
    """Directory of the figure."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, prog="python -m figures.pictures", args=arguments)
    try:
        data = load(options.data, options.data_root)
        if options.data_note:
            data = replace(data, source=f"{data.source} ({options.data_note})")
        path = options.out / f"six-tests_{data.name}"
        draw_randomized_images(data, path, seed=options.seed)
    except (ValueError, OSError, DataNotFoundError) as error:
        print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    print(f"figure: {path}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
