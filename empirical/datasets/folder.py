"""Any folder of images by class: ROOT/train/<class>/* and ROOT/test/<class>/*, or ROOT/<class>/*."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.not_found import data_not_found
from theory.streams import words

TEST_FRACTION = 0.2  # where the folder has no test split of its own
_SHOWN = 5  # unreadable files named in an error

_Item = tuple[Path, int]  # a file and its label


def load_folder(root: Path, image_size: int = 32) -> ImageDataset:
    """The images under `root`, in colour, `image_size` pixels square.

    Classes are the folders, in order of name. With images in ROOT/train/<class> and in ROOT/test/<class> (or
    ROOT/val/<class>), these are the splits. With ROOT/train/<class> or ROOT/<class> alone, a fixed fifth of
    the images, drawn without regard to class, is the test split. Within a split the images come in a fixed
    random order, so that the first n are a sample of them all. Split and order depend on the names and the
    number of the files alone.

    Files may be of any format that Pillow reads. They are converted to RGB (transparency is dropped), their
    short side is resized to `image_size`, and they are cropped about the centre. Names that begin with a dot
    and folders within a class are ignored.

    Raises DataNotFoundError if there are no images, ValueError if a file cannot be read as one.
    """
    if image_size < 1:
        raise ValueError(f"image_size must be at least 1, got {image_size}")
    train_root = root / "train" if _class_names(root / "train") else root
    test_root = next((root / name for name in ("test", "val") if _class_names(root / name)), None)
    class_names = _class_names(train_root)
    train = _labelled_files(train_root, class_names)
    if train_root != root and test_root is not None:
        unknown = sorted(set(_class_names(test_root)) - set(class_names))
        if unknown:
            raise ValueError(f"{test_root}: classes that {train_root} does not have: {', '.join(unknown)}")
        train = _shuffled(train, "folder-train")
        test = _shuffled(_labelled_files(test_root, class_names), "folder-test")
        how = f"split as in its folders {train_root.name} and {test_root.name}"
    else:
        shuffled = _shuffled(train, "folder-split")
        n_test = max(1, round(TEST_FRACTION * len(shuffled)))
        train, test = shuffled[n_test:], shuffled[:n_test]
        how = f"a fixed {TEST_FRACTION:.0%} of them to test on"
    if not (train and test):
        raise data_not_found(
            "A folder of images",
            [root],
            ["at least one training and one test image"],
            "put images in ROOT/<class>/, or in ROOT/train/<class>/ and ROOT/test/<class>/.",
        )
    return ImageDataset(
        name="folder",
        train=_read_split(train, image_size),
        test=_read_split(test, image_size),
        class_names=class_names,
        source=(
            f"{len(train) + len(test):,} images in {len(class_names):,} classes read from {root}, "
            f"resized to {image_size} x {image_size}, {how}"
        ),
    )


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _class_names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in _visible(folder) if path.is_dir()) if folder.is_dir() else ()


def _labelled_files(folder: Path, class_names: tuple[str, ...]) -> list[_Item]:
    return [
        (path, label)
        for label, name in enumerate(class_names)
        if (folder / name).is_dir()
        for path in _visible(folder / name)
        if not path.is_dir()
    ]


def _shuffled(items: list[_Item], purpose: str) -> list[_Item]:
    if not items:
        return []
    order = np.argsort(words(0, purpose, np.arange(len(items)), 1)[:, 0], kind="stable")
    return [items[i] for i in order]


def _read_split(items: list[_Item], image_size: int) -> ImageSplit:
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(partial(_try_to_read, image_size=image_size), [path for path, _ in items]))
    images = [result for result in results if not isinstance(result, str)]
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        shown = "\n  ".join(failures[:_SHOWN])
        more = f"\n  and {len(failures) - _SHOWN:,} more" if len(failures) > _SHOWN else ""
        raise ValueError(f"{len(failures):,} of {len(items):,} files cannot be read as images:\n  {shown}{more}")
    return ImageSplit(np.stack(images), np.array([label for _, label in items], dtype=np.int64))


def _try_to_read(path: Path, image_size: int) -> npt.NDArray[np.uint8] | str:
    """The image (3, image_size, image_size), or a sentence on why there is none."""
    try:
        with Image.open(path) as image:
            square = ImageOps.fit(_to_rgb(image), (image_size, image_size), Image.Resampling.LANCZOS)
        return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)
    except Exception as error:  # Pillow's decoders raise almost anything
        return f"{path}: {error}"


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255, which turns such images white
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no fixed range; save it with 8 bits a channel")
    if image.mode == "P":  # by way of RGBA, as Pillow asks for palettes with transparency
        image = image.convert("RGBA")
    return image.convert("RGB")
