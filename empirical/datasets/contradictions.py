"""Equal images with different labels, which no network can fit."""

import hashlib

import numpy as np

from empirical.datasets.image_dataset import ImageSplit
from empirical.datasets.preprocessing import crop_box

_SHOWN = 3


def contradictions(split: ImageSplit, crop: int | None = None) -> list[tuple[int, int]]:
    """Pairs of rows whose images are equal, pixel for pixel, and whose labels differ.

    Arguments:
        split: a split of a data set. Images that are not in memory are not compared: such a split yields no pairs.
        crop: side of the centre crop within which images are compared; None for whole images.

    Returns (first row of such an image, a later row of it with another label than the first), in order of the later.
    """
    if not isinstance(split.stored, np.ndarray):
        return []
    top, left, rows, columns = crop_box(split.stored.shape[2:], crop)
    cropped = split.stored[:, :, top : top + rows, left : left + columns]
    first: dict[bytes, int] = {}
    pairs = []
    for row, image in enumerate(cropped):
        other = first.setdefault(hashlib.sha256(image.tobytes()).digest(), row)
        if split.labels[other] != split.labels[row]:
            pairs.append((other, row))
    return pairs


def told(pairs: list[tuple[int, int]], split: ImageSplit) -> str:
    """A sentence on contradictions, with the rows and labels of the first of them."""
    shown = ", ".join(
        f"{first} and {later} (labels {split.labels[first]} and {split.labels[later]})"
        for first, later in pairs[:_SHOWN]
    )
    more = f" and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
    return f"no network can fit all labels: equal training images have different ones, rows {shown}{more}"
