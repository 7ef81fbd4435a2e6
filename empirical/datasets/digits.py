"""scikit-learn's handwritten digits: real images that need no download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from theory.common.arrays import Float64Array
from theory.common.streams import words

_TRAIN = 1297
_FILE = Path("datasets", "data", "digits.csv.gz")


def load_digits() -> ImageDataset:
    """The 1,797 digits, 8 x 8, grey: 1,297 to train on, 500 to test, in a fixed random order.

    Order and split are the same for every run, whatever its seed. The grey values 0 .. 16 are rescaled to
    0 .. 255. The paper's whitening divides an image by 255, then by its standard deviation but by no less
    than 1/sqrt(number of elements) = 1/8: with values up to 16 every image would fall below that floor, and
    none would be whitened.
    """
    table = _table()
    images = np.rint(table[:, :-1].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    labels = table[:, -1].astype(np.int64)
    order = np.argsort(words(0, "digits-split", np.arange(len(labels)), 1)[:, 0], kind="stable")

    def split(chosen: npt.NDArray[np.intp]) -> ImageSplit:
        return ImageSplit(images[chosen], labels[chosen])

    return ImageDataset(
        name="digits",
        train=split(order[:_TRAIN]),
        test=split(order[_TRAIN:]),
        class_names=tuple("0123456789"),
        source=(
            "scikit-learn's handwritten digits: 1,797 images of 8 x 8, rescaled from 0 .. 16 to 0 .. 255, "
            "1,297 train / 500 test by a fixed split"
        ),
    )


def _table() -> Float64Array:
    """64 grey values and a label a row, read from scikit-learn's file: importing scikit-learn takes seconds."""
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        if (Path(folder) / _FILE).is_file():
            return np.loadtxt(Path(folder) / _FILE, delimiter=",")
    from sklearn.datasets import load_digits as load_bunch  # a version that keeps the file elsewhere

    bunch = load_bunch()
    return np.column_stack([bunch.data, bunch.target])
