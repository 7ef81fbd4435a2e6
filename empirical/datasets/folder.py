"""Any folder of images by class: ROOT/train/<class>/* and ROOT/test/<class>/*, or ROOT/<class>/*."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from empirical.datasets.decoders import Decoder, decoder_note, read_squares
from empirical.datasets.file_identity import file_identity
from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.lazy_images import LazyImages, Samples
from empirical.datasets.not_found import data_not_found
from empirical.datasets.storage import Storage, chosen_storage, fits_in_memory, store
from theory.common.streams import words

TEST_FRACTION = 0.2  # where the folder has no test split of its own
TEST_NAMES = ("test", "val", "valid", "validation")
_BESIDE_IMAGES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
"""What programs that show folders leave in them."""

_NO_IMAGES = frozenset({".csv", ".db", ".html", ".ini", ".json", ".log", ".md", ".pdf", ".py", ".txt", ".xml", ".yaml"})
"""Ends of names of files that are no images."""

_SHOWN = 5  # files or folders named in a message

_Item = tuple[str, int]  # a file's path below the root, and its label


@dataclass(frozen=True, eq=False)
class FileImages(LazyImages):
    """Images in files that are decoded whenever the images are asked for.

    Attributes:
        root: where the paths begin.
        paths: the paths of the files, in the order of their samples.
        image_size: the side of the squares, see `read_square`.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`.
    """

    root: Path
    paths: tuple[str, ...]
    image_size: int
    decoder: Decoder = "pillow"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(files, 3, image_size, image_size)."""
        return len(self.paths), 3, self.image_size, self.image_size

    def read(self, samples: Samples) -> npt.NDArray[np.uint8]:
        """Decode these files. Raises ValueError, naming the file, for one that is no image."""
        files = [self.root / self.paths[sample] for sample in samples]
        if not files:
            return np.empty((0, *self.shape[1:]), np.uint8)
        try:
            return read_squares(files, self.image_size, self.decoder)
        except Exception:  # decoders raise almost anything; a batch does not name its file
            for file in files:
                image = _try_to_read(file, self.image_size, self.decoder)
                if isinstance(image, str):
                    raise ValueError(f"a file cannot be read as an image: {image}") from None
            raise


@dataclass(frozen=True)
class ImageFiles:
    """The files below a root, in the order of their samples; see `load_folder`.

    Attributes:
        root: where the paths begin.
        train, test: (path, label) of each sample.
        class_names: the name of class 0, 1, ...
        how: how the split was made, in words.
    """

    root: Path
    train: list[_Item]
    test: list[_Item]
    class_names: tuple[str, ...]
    how: str

    def source(self, image_size: int) -> str:
        """A sentence on where the images came from."""
        return (
            f"{len(self.train) + len(self.test):,} images in {len(self.class_names):,} classes read from {self.root}, "
            f"resized to {image_size} x {image_size}, {self.how}"
        )

    def streamed(self, name: str, image_size: int, decoder: Decoder = "pillow") -> ImageDataset:
        """The data set of this name, its files decoded whenever they are asked for.

        The identity of a split is that of its files by their paths below the root, see `file_identity`.
        """
        train, test = (_stream_split(self.root, items, image_size, decoder) for items in (self.train, self.test))
        return ImageDataset(name, train, test, self.class_names, self.source(image_size) + decoder_note(decoder))


def load_folder(
    root: Path,
    image_size: int = 32,
    storage: Storage = "auto",
    map_directory: Path | None = None,
    decoder: Decoder = "pillow",
) -> ImageDataset:
    """The images under `root`, in colour, `image_size` pixels square.

    Classes are the folders that contain files, in order of name. With images in ROOT/train/<class> and in
    ROOT/test/<class> (or val, valid, validation), these are the splits. With ROOT/train/<class> or ROOT/<class>
    alone, a fixed fifth of the images, drawn without regard to class, is the test split. Within a split the images
    come in a fixed random order, so that the first n are a sample of them all. Split and order depend on the names
    and the number of the files alone.

    Files may be PNG, JPEG, BMP, GIF, PPM, TIFF or WebP, whatever their names. They are converted to RGB (transparency
    is dropped), their short side is resized to `image_size`, and they are cropped about the centre, as they are
    stored: a camera's EXIF note on how to turn an image is not followed. Names that begin with a dot and folders
    within a class are ignored; so are folders without files, links to a folder around them, and what programs leave
    among images (`Thumbs.db`, `desktop.ini`, texts), which the source and standard error name.

    Arguments:
        root: the folder.
        image_size: side of the squares.
        storage: where the images are kept, see `empirical.datasets.storage`. Digests are of the files (`file_identity`)
            whatever it is: machines of different memory have the same runs.
        map_directory: the directory of memory maps; by default `root`/.memory-map.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`; another decoder makes another data set.

    Raises DataNotFoundError if there are no images, ValueError if a file cannot be read as one, or if memory or disk
    does not hold them.
    """
    files = find_image_files(root, image_size)
    streamed = files.streamed("folder", image_size, decoder)
    if chosen_storage(storage, streamed.train.stored.nbytes + streamed.test.stored.nbytes) != "memory":
        return store(streamed, storage, map_directory or root / ".memory-map")
    fits_in_memory(storage, (len(files.train) + len(files.test), *streamed.image_shape), f"folder {root}")
    train, test = _read_splits(root, [files.train, files.test], image_size, decoder)
    return replace(
        streamed,
        train=replace(train, identity=streamed.train.identity),
        test=replace(test, identity=streamed.test.identity),
    )


def find_image_files(root: Path, image_size: int) -> ImageFiles:
    """Find the files that `load_folder` reads, without reading them; raises the same errors."""
    if image_size < 1:
        raise ValueError(f"image_size must be at least 1, got {image_size}")
    if (root / "val" / "val_annotations.txt").is_file():
        raise ValueError(f"{root} is laid out as Tiny ImageNet: read it with --data tiny-imagenet")
    train_root = "train" if _classes(root / "train")[0] else ""
    class_names, empty = _classes(root / train_root)
    train = _labelled_files(root, train_root, class_names)
    test_root = _test_folder(root) if train_root else None
    if test_root is not None:
        unknown = sorted(set(_classes(root / test_root)[0]) - set(class_names))
        if unknown:
            raise ValueError(
                f"{root / test_root}: classes that {root / train_root} does not have: {', '.join(unknown)}"
            )
        train = _shuffled(train, "folder-train")
        test = _shuffled(_labelled_files(root, test_root, class_names), "folder-test")
        extras = [name for name in TEST_NAMES if name != test_root and _classes(root / name)[0]]
        how = f"split as in its folders {train_root} and {test_root}"
        how += f"; {_listed(extras)} {'is' if len(extras) == 1 else 'are'} left out" if extras else ""
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
    notes = [f"without the folders {_listed(empty)}, which contain no images"] if empty else []
    places = [root / train_root] + ([root / test_root] if test_root else [])
    if beside := [str(path.relative_to(root)) for place in places for path in _no_images(place, class_names)]:
        notes.append(f"without {_listed(beside)}, no image by {'its name' if len(beside) == 1 else 'their names'}")
    for note in notes:
        print(f"{root / train_root}: read {note}", file=sys.stderr)
        how += f"; {note}"
    return ImageFiles(root, train, test, class_names, how)


def _test_folder(root: Path) -> str | None:
    """The folder of test images beside ROOT/train; None where nothing there could be meant for one.

    Raises ValueError for a folder that may be meant for one and cannot be read as one, DataNotFoundError for one
    without images.
    """
    names = [name for name in TEST_NAMES if (root / name).is_dir()]
    with_classes = [name for name in names if _classes(root / name)[0]]
    if with_classes:
        return with_classes[0]
    for name in names:
        if _has_file(root / name):
            raise ValueError(
                f"{root / name}: its images lie in no class folder: move them to {root / name}/<class>/, or move the "
                f"folder away, to test on a fixed {TEST_FRACTION:.0%} of {root / 'train'}"
            )
    if names:
        raise data_not_found(
            "A folder of images",
            [root / names[0]],
            ["at least one training and one test image"],
            f"put images in ROOT/{names[0]}/<class>/, or remove the folder.",
        )
    beside = [name for name in _folders(root) if name != "train" and _classes(root / name)[0]]
    if beside:
        raise ValueError(
            f"beside {root / 'train'} lies {_listed(beside)}, which may be meant for the test images: name it "
            f"{', '.join(TEST_NAMES[:-1])} or {TEST_NAMES[-1]}, or move it away"
        )
    return None


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The names in a folder, sorted. A folder of ImageNet contains more than a thousand entries, so no `Path` is made
    for each."""
    with os.scandir(folder) as entries:
        yield from sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _visible(folder) if entry.is_dir()] if folder.is_dir() else []


def _classes(folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """The subfolders that contain files, and the subfolders that contain none or are links to a folder around them."""
    around = {folder.resolve(), *folder.resolve().parents}
    classes: list[str] = []
    rest: list[str] = []
    for name in _folders(folder):
        path = folder / name
        loop = path.is_symlink() and path.resolve() in around
        filled = not loop and _has_file(path)
        (classes if filled else rest).append(name)
    return tuple(classes), rest


def _has_file(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(
            not entry.name.startswith(".") and _may_be_image(entry.name) and not entry.is_dir() for entry in entries
        )


def _may_be_image(name: str) -> bool:
    """Whether a file may be an image, by its name: all but what is known to be none, since names do not tell."""
    return name.lower() not in _BESIDE_IMAGES and Path(name).suffix.lower() not in _NO_IMAGES


def _no_images(place: Path, class_names: tuple[str, ...]) -> list[Path]:
    """The files in class folders that are known to be no images, in order of name."""
    folders = [place / name for name in class_names if (place / name).is_dir()]
    entries = [entry for folder in folders for entry in _visible(folder)]
    return [Path(entry.path) for entry in entries if not _may_be_image(entry.name) and not entry.is_dir()]


def _listed(names: list[str]) -> str:
    shown = [*names[:_SHOWN], *([f"{len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _labelled_files(root: Path, place: str, class_names: tuple[str, ...]) -> list[_Item]:
    return [
        (os.path.join(place, name, entry.name), label)
        for label, name in enumerate(class_names)
        if (root / place / name).is_dir()
        for entry in _visible(root / place / name)
        if _may_be_image(entry.name) and not entry.is_dir()
    ]


def _shuffled(items: list[_Item], purpose: str) -> list[_Item]:
    return [items[i] for i in fixed_order(len(items), purpose)]


def fixed_order(n: int, purpose: str) -> Samples:
    """A random order of n samples, the same for every run."""
    return np.argsort(words(0, purpose, np.arange(n), 1)[:, 0], kind="stable").astype(np.int64)


def _stream_split(root: Path, items: list[_Item], image_size: int, decoder: Decoder) -> ImageSplit:
    paths = tuple(path for path, _ in items)
    labels = np.array([label for _, label in items], dtype=np.int64)
    identity = file_identity((Path(path).as_posix(), root / path) for path in paths)
    images = FileImages(root, paths, image_size, decoder)
    return ImageSplit(images, labels, f"content of files {identity}{decoder_note(decoder)}")


def _read_splits(root: Path, splits: list[list[_Item]], image_size: int, decoder: Decoder) -> list[ImageSplit]:
    """All of them at once, so that an error is of all files that cannot be read."""
    paths = [root / path for items in splits for path, _ in items]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(partial(_try_to_read, image_size=image_size, decoder=decoder), paths))
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        shown = "\n  ".join(failures[:_SHOWN])
        more = f"\n  and {len(failures) - _SHOWN:,} more" if len(failures) > _SHOWN else ""
        raise ValueError(f"{len(failures):,} of {len(paths):,} files cannot be read as images:\n  {shown}{more}")
    images = iter(result for result in results if not isinstance(result, str))
    return [
        ImageSplit(
            np.stack([next(images) for _ in items]),
            np.array([label for _, label in items], dtype=np.int64),
        )
        for items in splits
    ]


def _try_to_read(path: Path, image_size: int, decoder: Decoder) -> npt.NDArray[np.uint8] | str:
    """The image (3, image_size, image_size), or a sentence on why there is none."""
    try:
        image: npt.NDArray[np.uint8] = read_squares([path], image_size, decoder)[0]
        return image
    except Exception as error:  # decoders raise almost anything
        return f"{path}: {error}"
