"""CIFAR-10 (Krizhevsky, 2009) from either of its official layouts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from empirical.datasets.archives import how_to_get
from empirical.datasets.byte_pickle import ByteArray, read_byte_pickle
from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.not_found import data_not_found

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32

_Records = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]  # pixels (n, 3072), labels (n,)


def load_cifar10(root: Path) -> ImageDataset:
    """Read CIFAR-10 from `root`, the directory of the official files or its parent.

    The binary layout is read if both layouts are there. Whether the content is official is not checked here; the
    digests of the splits tell.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged.
    """
    candidates = [
        (layout, directory, [name for name in layout.files if not (directory / name).is_file()])
        for layout in _LAYOUTS
        for directory in (root / layout.directory, root)
    ]
    layout, directory, missing = min(candidates, key=lambda candidate: len(candidate[2]))
    if missing:
        some_found = len(missing) < len(layout.files)
        looked_in = [directory] if some_found else dict.fromkeys(place for _, place, _ in candidates)
        raise data_not_found("CIFAR-10", looked_in, missing, how_to_get("cifar10", root))

    paths = [directory / name for name in layout.files]
    batches = [layout.read(path) for path in paths]
    for path, (_, labels) in zip(paths, batches, strict=True):
        if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
            raise ValueError(f"{path}: labels run from {labels.min()} to {labels.max()}, not within 0 .. 9")
        if len(labels) != len(batches[0][1]):
            raise ValueError(
                f"{path}: {len(labels):,} images, but {paths[0].name} has {len(batches[0][1]):,}: "
                "the official files are equally long"
            )
    return ImageDataset(
        name="cifar10",
        train=_split(batches[:-1]),
        test=_split(batches[-1:]),
        class_names=CLASS_NAMES,
        source=f"CIFAR-10, official {layout.title} layout, read from {directory}",
    )


def _split(batches: list[_Records]) -> ImageSplit:
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return ImageSplit(pixels.reshape(-1, *_SHAPE), np.concatenate([labels for _, labels in batches]))


def _read_binary(path: Path) -> _Records:
    """A batch of the binary layout: for each image a byte of label and 3,072 of pixels."""
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % (1 + _PIXELS):
        raise ValueError(f"{path}: {content.size:,} bytes, not a whole number of records of {1 + _PIXELS:,} bytes")
    records = content.reshape(-1, 1 + _PIXELS)
    return records[:, 1:], records[:, 0].astype(np.int64)


def _read_pickle(path: Path) -> _Records:
    """A batch of the Python layout: a dictionary with b"data", bytes (n, 3072), and b"labels", a list."""
    match read_byte_pickle(path):
        case {b"data": ByteArray(array=np.ndarray() as pixels), b"labels": list() as labels}:
            pass
        case _:
            raise ValueError(f'{path}: not a dictionary with an array b"data" and a list b"labels"')
    if pixels.ndim != 2 or pixels.shape[1] != _PIXELS or len(pixels) == 0:
        raise ValueError(f"{path}: the pixels have shape {pixels.shape}, not (n, {_PIXELS:,})")
    if len(labels) != len(pixels) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"{path}: the labels are not {len(pixels):,} bytes, one for each image")
    return pixels, np.array(labels, dtype=np.int64)


@dataclass(frozen=True)
class _Layout:
    title: str
    directory: str
    files: tuple[str, ...]  # the training batches, then the test batch
    read: Callable[[Path], _Records]


_LAYOUTS = (
    _Layout(
        "binary",
        "cifar-10-batches-bin",
        (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"),
        _read_binary,
    ),
    _Layout(
        "Python",
        "cifar-10-batches-py",
        (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"),
        _read_pickle,
    ),
)
