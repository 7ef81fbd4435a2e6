"""The files of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): two official layouts, binary and Python's pickles."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from empirical.datasets.archives import how_to_get
from empirical.datasets.byte_pickle import ByteArray, read_byte_pickle
from empirical.datasets.image_dataset import ImageSplit
from empirical.datasets.not_found import data_not_found

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32

Records = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Pixels (n, 3072), labels (n,)."""


@dataclass(frozen=True)
class Layout:
    """An official layout.

    Attributes:
        title: its name.
        directory: what the archive calls the directory of the files.
        files: the training batches, then the test batch.
        read: a file's records; raises ValueError if it is damaged.
    """

    title: str
    directory: str
    files: tuple[str, ...]
    read: Callable[[Path], Records]


def find_layout(name: str, title: str, layouts: tuple[Layout, ...], root: Path) -> tuple[Layout, Path]:
    """Find the layout whose files are there, the first of several, and their directory: `root` or the archive's in it.

    Raises DataNotFoundError if files are missing.
    """
    candidates = [
        (layout, directory, [file for file in layout.files if not (directory / file).is_file()])
        for layout in layouts
        for directory in (root / layout.directory, root)
    ]
    layout, directory, missing = min(candidates, key=lambda candidate: len(candidate[2]))
    if missing:
        some_found = len(missing) < len(layout.files)
        looked_in = [directory] if some_found else dict.fromkeys(place for _, place, _ in candidates)
        raise data_not_found(title, looked_in, missing, how_to_get(name, root))
    return layout, directory


def read_batches(layout: Layout, directory: Path, num_classes: int) -> list[Records]:
    """Read the records of every file, in order. Raises ValueError for a damaged file, and for a label out of range."""
    paths = [directory / name for name in layout.files]
    batches = [layout.read(path) for path in paths]
    for path, (_, labels) in zip(paths, batches, strict=True):
        if not 0 <= labels.min() <= labels.max() < num_classes:
            raise ValueError(
                f"{path}: labels run from {labels.min()} to {labels.max()}, not within 0 .. {num_classes - 1}"
            )
    return batches


def split_of(batches: list[Records]) -> ImageSplit:
    """Put the images of batches one after another."""
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return ImageSplit(pixels.reshape(-1, *_SHAPE), np.concatenate([labels for _, labels in batches]))


def read_binary(path: Path, label_bytes: int = 1) -> Records:
    """A batch of the binary layout: for each image its bytes of labels, the last of which counts, and 3,072 of
    pixels.
    """
    content = np.fromfile(path, np.uint8)
    size = label_bytes + _PIXELS
    if content.size == 0 or content.size % size:
        raise ValueError(f"{path}: {content.size:,} bytes, not a whole number of records of {size:,} bytes")
    records = content.reshape(-1, size)
    return records[:, label_bytes:], records[:, label_bytes - 1].astype(np.int64)


def read_pickle(path: Path, key: bytes = b"labels") -> Records:
    """A batch of the Python layout: a dictionary with b"data", bytes (n, 3072), and a list of labels."""
    content = read_byte_pickle(path)
    match content:
        case {b"data": ByteArray(array=np.ndarray() as pixels)} if isinstance(content.get(key), list):
            labels = content[key]
        case _:
            raise ValueError(f'{path}: not a dictionary with an array b"data" and a list b"{key.decode()}"')
    if pixels.ndim != 2 or pixels.shape[1] != _PIXELS or len(pixels) == 0:
        raise ValueError(f"{path}: the pixels have shape {pixels.shape}, not (n, {_PIXELS:,})")
    if len(labels) != len(pixels) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"{path}: the labels are not {len(pixels):,} bytes, one for each image")
    return pixels, np.array(labels, dtype=np.int64)
