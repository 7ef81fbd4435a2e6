"""Data sets that torchvision reads from disk, by the name of their class: `torchvision:STL10`."""

import inspect
from pathlib import Path
from typing import Any

from empirical.datasets.given import dataset_of
from empirical.datasets.image_dataset import ImageDataset
from empirical.datasets.loading import TORCHVISION
from empirical.datasets.not_found import data_not_found


def load_torchvision(name: str, root: Path, image_size: int) -> ImageDataset:
    """Read the data set of torchvision's class `name`, read from `root` with its own reader and kept in memory.

    The class must take `train=True` or `split="train"`, as STL10, KMNIST, USPS, GTSRB, Flowers102 and most others do.
    Images that are not all of one size are resized to squares of `image_size`, those that are keep theirs. Grey images
    in a colour data set become colour ones.

    Raises ValueError for an unknown class, or one that has no two splits of images with a label each; DataNotFoundError
    if torchvision finds no files.
    """
    try:
        from torchvision import datasets
    except ImportError as error:
        raise ValueError(f"{TORCHVISION}{name} needs torchvision: pip install torchvision") from error
    kind = getattr(datasets, name, None)
    if not (isinstance(kind, type) and issubclass(kind, datasets.VisionDataset)):
        readers = [title for title in datasets.__all__ if _splits(getattr(datasets, title))]
        raise ValueError(
            f"torchvision has no data set called {name!r} (--data {TORCHVISION}{name}); it reads {', '.join(readers)}"
        )
    splits = _splits(kind)
    if not splits:
        raise ValueError(f"{TORCHVISION}{name} takes neither train=True nor split='train': give its arrays in Python")
    train, test = (_read(kind, root, options) for options in splits)
    return _dataset(name, root, train, test, image_size)


def _splits(kind: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The arguments that give the training and the test split; None for a class without them."""
    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return None
    if "train" in parameters:
        return {"train": True}, {"train": False}
    return ({"split": "train"}, {"split": "test"}) if "split" in parameters else None


def _read(kind: Any, root: Path, options: dict[str, Any]) -> Any:
    try:
        return kind(str(root), **options)
    except (RuntimeError, FileNotFoundError) as error:  # what torchvision's readers raise for files that are not there
        files = f"{kind.__name__}'s files, as torchvision lays them out"
        raise data_not_found(f"torchvision's {kind.__name__}", [root], [files], str(error)) from error
    except ValueError as error:
        if options.get("split") == "test":  # some call it otherwise
            return _read(kind, root, {"split": "val"})
        raise ValueError(f"{TORCHVISION}{kind.__name__}: {error}") from error


def _dataset(name: str, root: Path, train: Any, test: Any, image_size: int) -> ImageDataset:
    from PIL import Image
    from torchvision.transforms.functional import center_crop, resize

    sizes, modes = set(), set()
    for split in (train, test):
        for at in range(len(split)):
            image, label = split[at]
            if not isinstance(image, Image.Image) or not isinstance(label, int):
                raise ValueError(f"{TORCHVISION}{name}: its samples are no images with a whole number as label each")
            sizes.add(image.size)
            modes.add(image.mode)
    grey = modes <= {"L", "1"}

    class _Square:
        """A split with images of one size and mode."""

        def __init__(self, split: Any) -> None:
            self._split = split

        def __len__(self) -> int:
            return len(self._split)

        def __getitem__(self, at: int) -> tuple[Any, int]:
            image, label = self._split[at]
            image = image.convert("L" if grey else "RGB")
            if len(sizes) > 1:
                image = center_crop(resize(image, image_size, antialias=True), image_size)
            return image, label

    data = dataset_of(_Square(train), _Square(test), getattr(train, "classes", ()), name.lower())
    how = f", resized to {image_size} x {image_size}" if len(sizes) > 1 else ""
    return ImageDataset(
        data.name, data.train, data.test, data.class_names, f"torchvision's {name}, read from {root}{how}"
    )
