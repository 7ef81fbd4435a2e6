"""A data set that a program has in memory: arrays, or data sets of torch, torchvision or Hugging Face."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.datasets.image_dataset import ImageDataset, ImageSplit

_CHANNELS = (1, 3)
_DARK = 64  # a quarter of the range of a byte
_IMAGE_KEYS = ("image", "img")
_ROUNDING = 1e-3  # the rounding of a byte over 255: float32 keeps 24 bits, and ToTensor() divides once


def dataset_of(train: Any, test: Any, class_names: Sequence[str] = (), name: str = "arrays") -> ImageDataset:
    """A data set of two splits.

    Arguments:
        train, test: each either a pair (images, labels), or something with a length that gives pairs (image, label) or
            mappings with `image` (or `img`) and `label` by number, such as a data set of torch, torchvision or Hugging
            Face. Images are (height, width), (channels, height, width) or (height, width, channels), with 1 or 3
            channels, all of one size: whole numbers 0 .. 255, or bytes divided by 255, as torchvision's ToTensor gives
            them. Labels are whole numbers from 0 on, (n,), and each has an image unless `class_names` are given.
        class_names: the names of class 0, 1, ...; by default their numbers.
        name: in records.

    Raises ValueError for others, and for pixels of a range so small that whitening would leave most images dark.
    Normalised or randomly augmented images are refused or would be frozen as they are
    drawn: give the stored ones, for the paper's whitening is done later and --training.augmentation augments.
    """
    train_split, test_split = _split(train, "train"), _split(test, "test")
    names = tuple(class_names) or _numbered(train_split, test_split)
    source = f"{len(train_split.labels):,} training and {len(test_split.labels):,} test images given in Python"
    return ImageDataset(name, train_split, test_split, names, source)


def _numbered(*splits: ImageSplit) -> tuple[str, ...]:
    """The classes' numbers; ValueError where one below the highest has no image, as with labels from 1 on."""
    present = np.unique(np.concatenate([split.labels for split in splits]))
    missing = np.setdiff1d(np.arange(present[-1]), present)
    if missing.size:
        some = ", ".join(map(str, missing[:3])) + ", ..." * (missing.size > 3)
        raise ValueError(
            f"labels run to {present[-1]}, but no image has {some}: random labels would be drawn from classes that do "
            "not exist. Number the classes of both splits from 0 on, as np.unique(labels, return_inverse=True) does, "
            "or give class_names if they exist"
        )
    return tuple(map(str, range(len(present))))


def _split(split: Any, title: str) -> ImageSplit:
    if isinstance(split, ImageSplit):
        return split
    if isinstance(split, str | bytes | Mapping):
        keys = f" with {', '.join(map(str, list(split)[:6]))}" if isinstance(split, Mapping) else ""
        raise ValueError(
            f"{title}: (images, labels) or a data set is wanted, got a {type(split).__name__}{keys}: give the arrays, "
            "as in (file['images'], file['labels'])"
        )
    if isinstance(split, tuple | list) and len(split) == 2 and not isinstance(split[0], tuple | list | dict):
        images, labels = split
    elif hasattr(split, "__len__") and hasattr(split, "__getitem__"):
        images, labels = _collected(split, title)
    else:
        raise ValueError(f"{title}: (images, labels) or a data set is wanted, got a {type(split).__name__}")
    return ImageSplit(_stored(np.asarray(images), title), _whole_labels(np.asarray(labels), title))


def _collected(split: Any, title: str) -> tuple[npt.NDArray[Any], list[Any]]:
    images, labels = [], []
    for at in range(len(split)):
        sample = split[at]
        if isinstance(sample, dict):
            key = next((key for key in _IMAGE_KEYS if key in sample), None)
            if key is None or "label" not in sample:
                raise ValueError(f"{title}: a sample needs image (or img) and label, it contains {', '.join(sample)}")
            image, label = sample[key], sample["label"]
        else:
            image, label = _pair(sample, title)
        images.append(_pixels(image))
        labels.append(label)
    if not images:
        raise ValueError(f"{title}: there are no images")
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        some = " and ".join(map(str, sorted(shapes)[:2]))
        raise ValueError(f"{title}: images of different shapes, {some}: resize or crop them to one")
    return np.stack(images), labels


def _pair(sample: Any, title: str) -> tuple[Any, Any]:
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        what = f"{len(sample)} values" if isinstance(sample, tuple | list) else f"a {type(sample).__name__}"
        raise ValueError(f"{title}: a sample is a pair (image, label), this data set gives {what}")
    return sample[0], sample[1]


def _pixels(image: Any) -> npt.NDArray[Any]:
    """An image's array. A Pillow image is grey or RGB first: the numbers of one with a palette are no colours."""
    from PIL import Image

    from empirical.datasets.decoding import as_rgb

    if isinstance(image, Image.Image) and image.mode not in ("L", "RGB"):
        image = image.convert("L") if image.mode in ("1", "LA") else as_rgb(image)
    return np.asarray(image)


def _stored(images: npt.NDArray[Any], title: str) -> npt.NDArray[np.uint8]:
    """Convert images to uint8 (n, channels, height, width)."""
    if images.ndim == 3:
        images = images[:, np.newaxis]
    if images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        images = np.moveaxis(images, 3, 1)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"{title}: images must have shape (n, channels, height, width), got {images.shape}")
    if images.shape[1] not in _CHANNELS:
        raise ValueError(
            f"{title}: images must have 1 or 3 channels, first or last, got {images.shape}: convert them to grey or RGB"
        )
    if images.dtype == np.uint8 and images.max() > 1:
        return _with_contrast(np.array(images, order="C"), title)  # a copy: the data set makes it read-only
    if not (np.issubdtype(images.dtype, np.number) or images.dtype == bool) or np.iscomplexobj(images):
        raise ValueError(f"{title}: images of dtype {images.dtype} are not pixels")
    values = images.astype(np.float64)
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
        raise ValueError(f"{title}: image {at} contains NaN or infinity")
    if values.max() <= 1:  # black and white too, in whatever type
        values = 255 * values
    rounded = np.rint(values)
    if values.min() < 0 or values.max() > 255 or np.abs(values - rounded).max() > _ROUNDING:
        raise ValueError(
            f"{title}: pixels run from {images.min()} to {images.max()} and are no bytes: give whole numbers 0 .. 255, "
            "or these divided by 255, before any normalisation"
        )
    return _with_contrast(rounded.astype(np.uint8), title)


def _with_contrast(images: npt.NDArray[np.uint8], title: str) -> npt.NDArray[np.uint8]:
    """The images; ValueError where most are too dark for whitening, as pixels of 0 .. 16 are: their deviation is below
    the least that whitening divides by, and a network would hardly see them."""
    some = images[:1000].reshape(min(len(images), 1000), -1) / 255
    least = some.shape[1] ** -0.5
    if images.max() <= _DARK and 0 < np.median(some.std(axis=1)) < least:
        raise ValueError(
            f"{title}: pixels run from {images.min()} to {images.max()}, of 0 .. 255, and most images vary too little "
            f"for the whitening of the paper's appendix A: multiply them by {255 // int(images.max())}"
        )
    return images


def _whole_labels(labels: npt.NDArray[Any], title: str) -> npt.NDArray[np.int64]:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not labels.size:
        raise ValueError(
            f"{title}: labels must be whole numbers from 0 on, of shape (n,), "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels > np.iinfo(np.int64).max))
    if wrong.size:
        raise ValueError(f"{title}: labels must be whole numbers from 0 on, label {wrong[0]} is {labels[wrong[0]]}")
    return labels.astype(np.int64)
