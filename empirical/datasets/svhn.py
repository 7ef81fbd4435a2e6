"""SVHN, street view house numbers (Netzer et al. 2011): its cropped digits, in MATLAB's files."""

from pathlib import Path

import numpy as np

from empirical.datasets.archives import how_to_get
from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.not_found import data_not_found

_FILES = ("train_32x32.mat", "test_32x32.mat")


def load_svhn(root: Path) -> ImageDataset:
    """Read SVHN from `root`/train_32x32.mat and `root`/test_32x32.mat; the extra images are not used.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged.
    """
    missing = [name for name in _FILES if not (root / name).is_file()]
    if missing:
        raise data_not_found("SVHN", [root], missing, how_to_get("svhn", root))
    train, test = (_read(root / name) for name in _FILES)
    names = tuple(map(str, range(10)))
    return ImageDataset("svhn", train, test, names, f"SVHN, cropped digits, read from {root}")


def _read(path: Path) -> ImageSplit:
    """X is uint8 (32, 32, 3, n), y is (n, 1) with 1 to 9, and 10 for the digit 0."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=("X", "y"))
        pixels, labels = content["X"], np.asarray(content["y"])
    except Exception as error:  # a malformed file can raise almost anything
        raise ValueError(f"{path}: not a MATLAB file with the arrays X and y: {error}") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3) or not pixels.size:
        raise ValueError(f"{path}: X is {pixels.dtype} {pixels.shape}, not bytes (32, 32, 3, n)")
    digits = labels.reshape(-1)
    if digits.dtype.kind not in "iuf" or len(digits) != pixels.shape[3] or not np.isin(digits, np.arange(11)).all():
        raise ValueError(f"{path}: y is not a digit 1 .. 10 for each of {pixels.shape[3]:,} images")
    return ImageSplit(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), digits.astype(np.int64) % 10)
