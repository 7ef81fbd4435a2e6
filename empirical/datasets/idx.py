"""MNIST and Fashion-MNIST from idx files, compressed or not.

An idx file is two zero bytes, a byte for the type of the elements, a byte for the number of dimensions, the
dimensions as big-endian 32-bit integers, and the elements. MNIST: LeCun, Cortes, Burges (1998);
Fashion-MNIST: Xiao, Rasul, Vollgraf (2017).
"""

import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from empirical.datasets.archives import how_to_get
from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.not_found import data_not_found

_BYTES = 0x08  # idx's code for unsigned bytes

MOST_BYTES = 2**29
"""What a gzipped file may unpack to: ten times MNIST's largest. A kilobyte can unpack to a megabyte."""
_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class _Idx:
    title: str
    folder: str  # as torchvision calls it
    class_names: tuple[str, ...]


_DATASETS = {
    "mnist": _Idx("MNIST", "MNIST", tuple("0123456789")),
    "fashion-mnist": _Idx(
        "Fashion-MNIST",
        "FashionMNIST",
        (
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
    ),
}


def load_idx(name: str, roots: Sequence[Path]) -> ImageDataset:
    """Read MNIST or Fashion-MNIST from the first of `roots` that contains all four files.

    The files may be gzipped, and may have a dot for the hyphen before `idx`. They may also lie where torchvision puts
    them below a root: in MNIST/raw or FashionMNIST/raw.

    Arguments:
        name: "mnist" or "fashion-mnist".
        roots: directories to look in, at least one.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged.
    """
    entry = _DATASETS[name]
    places = [place for root in roots for place in (root, root / "raw", root / entry.folder / "raw")]
    matches = [{file: path for file in _FILES if (path := _find(place, file))} for place in places]
    paths = max(matches, key=len)
    if len(paths) < len(_FILES):
        missing = [f"{file}[.gz]" for file in _FILES if file not in paths]
        raise data_not_found(entry.title, roots, missing, how_to_get(name, roots[0]))
    train_images, train_labels, test_images, test_labels = (paths[file] for file in _FILES)
    return ImageDataset(
        name=name,
        train=_split(train_images, train_labels, len(entry.class_names)),
        test=_split(test_images, test_labels, len(entry.class_names)),
        class_names=entry.class_names,
        source=f"{entry.title}, idx files, read from {train_images.parent}",
    )


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes, gzipped if its name ends in `.gz`.

    Raises ValueError, naming the file, if its header or length is wrong, or if it unpacks to more than `MOST_BYTES`.
    """
    if path.suffix == ".gz":
        try:
            with gzip.open(path) as file:
                content = file.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: not a whole gzip file: {error}") from error
        if len(content) > MOST_BYTES:
            raise ValueError(f"{path}: it unpacks to more than {MOST_BYTES:,} bytes")
    else:
        content = path.read_bytes()
    if len(content) < 4 or content[:3] != bytes([0, 0, _BYTES]):
        raise ValueError(f"{path}: begins with {content[:4].hex(' ')}, not with 00 00 08 as an idx file of bytes")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise ValueError(f"{path}: {len(content):,} bytes, less than its header of {header:,}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    if len(content) - header != math.prod(shape):
        raise ValueError(
            f"{path}: {len(content) - header:,} bytes after the header, "
            f"where an array of shape {shape} has {math.prod(shape):,}"
        )
    try:
        return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    except ValueError as error:  # no bytes, by a size of 0 beside sizes that NumPy cannot multiply
        raise ValueError(f"{path}: an array of shape {shape} is more than memory can have") from error


def _find(root: Path, file: str) -> Path | None:
    names = (spelling + suffix for spelling in (file, file.replace("-idx", ".idx")) for suffix in ("", ".gz"))
    return next((root / name for name in names if (root / name).is_file()), None)


def _split(images_path: Path, labels_path: Path, num_classes: int) -> ImageSplit:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"{images_path}: an array of shape {images.shape}, not (n, height, width)")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{labels_path}: shape {labels.shape}, but {images_path.name} has {len(images):,} images")
    if labels.max() >= num_classes:
        raise ValueError(f"{labels_path}: labels up to {labels.max()}, not within 0 .. {num_classes - 1}")
    return ImageSplit(images[:, np.newaxis], labels.astype(np.int64))
