"""scikit-learn's handwritten digits: real images that need no download."""

import numpy as np
import numpy.typing as npt

from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from theory.common.streams import words

_TRAIN = 1297


def load_digits() -> ImageDataset:
    """The 1,797 digits, 8 x 8, grey: 1,297 to train on, 500 to test, in a fixed random order.

    Order and split are the same for every run, whatever its seed. The grey values 0 .. 16 are rescaled to
    0 .. 255. The paper's whitening divides an image by 255, then by its standard deviation but by no less
    than 1/sqrt(number of elements) = 1/8: with values up to 16 every image would fall below that floor, and
    none would be whitened.
    """
    from sklearn.datasets import load_digits as load_bunch

    bunch = load_bunch()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, np.newaxis]
    labels = bunch.target.astype(np.int64)
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
