"""Every data set by name."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from empirical.datasets.decoders import Decoder, check_decoder
from empirical.datasets.image_dataset import ImageDataset
from empirical.datasets.not_found import DataNotFoundError
from empirical.datasets.storage import Storage


@dataclass(frozen=True)
class Location:
    """Where the files of a data set are, and how its images are kept.

    Attributes:
        directory: the directory of the files.
        is_default: whether the directory is the default: then a source may look elsewhere too.
        image_size: height and width to which images of any size are resized.
        storage, map_directory: see `empirical.datasets.storage`.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`.
    """

    directory: Path
    is_default: bool
    image_size: int
    storage: Storage
    map_directory: Path | None
    decoder: Decoder = "pillow"


@dataclass(frozen=True)
class Source:
    """A data set by name.

    Attributes:
        description: a line for `--list`.
        load: reads the data set from its location.
        needs_files: whether there are files to locate.
        stored_anywhere: whether its images may be streamed or in a memory map; otherwise they are kept in memory.
        resized: whether its images are resized to squares of a side that is asked for.
        reordered: whether its images come in another order than in their files, the same every time.
    """

    description: str
    load: Callable[[Location], ImageDataset]
    needs_files: bool = True
    stored_anywhere: bool = False
    resized: bool = False
    reordered: bool = False


def _digits(_: Location) -> ImageDataset:
    from empirical.datasets.digits import load_digits

    return load_digits()


def _cifar10(at: Location) -> ImageDataset:
    from empirical.datasets.cifar10 import load_cifar10

    return load_cifar10(at.directory)


def _cifar100(at: Location) -> ImageDataset:
    from empirical.datasets.cifar100 import load_cifar100

    return load_cifar100(at.directory)


def _svhn(at: Location) -> ImageDataset:
    from empirical.datasets.svhn import load_svhn

    return load_svhn(at.directory)


def _mnist(at: Location) -> ImageDataset:
    from empirical.datasets.idx import load_idx

    return load_idx("mnist", [at.directory])


def _fashion_mnist(at: Location) -> ImageDataset:
    from empirical.datasets.archives import DEBIAN_FASHION_MNIST
    from empirical.datasets.idx import load_idx

    return load_idx("fashion-mnist", [at.directory, *([DEBIAN_FASHION_MNIST] if at.is_default else [])])


def _folder(at: Location) -> ImageDataset:
    from empirical.datasets.folder import load_folder

    return load_folder(at.directory, at.image_size, at.storage, at.map_directory, at.decoder)


def _tiny_imagenet(at: Location) -> ImageDataset:
    from empirical.datasets.tiny_imagenet import load_tiny_imagenet

    return load_tiny_imagenet(at.directory, at.image_size, at.storage, at.map_directory, at.decoder)


def _imagenet(at: Location) -> ImageDataset:
    from empirical.datasets.imagenet import load_imagenet

    return load_imagenet(at.directory, at.image_size, at.storage, at.map_directory, at.decoder)


DATASETS = {
    "digits": Source(
        "scikit-learn's handwritten digits: 1,797 grey images of 8 x 8, 10 classes; no download",
        _digits,
        needs_files=False,
        reordered=True,
    ),
    "cifar10": Source(
        "CIFAR-10: 60,000 colour images of 32 x 32, 10 classes; official binary or Python files",
        _cifar10,
    ),
    "cifar100": Source(
        "CIFAR-100: 60,000 colour images of 32 x 32, 100 classes; official binary or Python files",
        _cifar100,
    ),
    "svhn": Source(
        "SVHN, house numbers: 99,289 colour images of 32 x 32, 10 classes; MATLAB files",
        _svhn,
    ),
    "mnist": Source(
        "MNIST, handwritten digits: 70,000 grey images of 28 x 28, 10 classes; idx files",
        _mnist,
    ),
    "fashion-mnist": Source(
        "Fashion-MNIST, clothing: 70,000 grey images of 28 x 28, 10 classes; idx files", _fashion_mnist
    ),
    "folder": Source(
        "your own images, in ROOT/<class>/ or in ROOT/train/<class>/ and ROOT/test/<class>/",
        _folder,
        stored_anywhere=True,
        resized=True,
        reordered=True,
    ),
    "tiny-imagenet": Source(
        "Tiny ImageNet: 110,000 colour images of 64 x 64, 200 classes; the archive's folders",
        _tiny_imagenet,
        stored_anywhere=True,
        resized=True,
        reordered=True,
    ),
    "imagenet": Source(
        "ImageNet: 1.3 million images, 1,000 classes; ROOT/train/<wnid>/, ROOT/val/<wnid>/, or parquet files",
        _imagenet,
        stored_anywhere=True,
        resized=True,
        reordered=True,
    ),
}
"""The data sets by name. An entry of `ARCHIVES` makes a data set downloadable."""

TORCHVISION = "torchvision:"
"""What the names of torchvision's own data sets begin with, before the name of their class."""


def _source(name: str) -> Source:
    """The data set of a name. Raises ValueError if there is none."""
    if name.startswith(TORCHVISION):
        from empirical.datasets.torchvision_readers import load_torchvision

        kind = name.removeprefix(TORCHVISION)
        return Source("read by torchvision", lambda at: load_torchvision(kind, at.directory, at.image_size))
    if name not in DATASETS:
        close = difflib.get_close_matches(name.lower(), DATASETS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"unknown data set (--data) {name!r}: {hint}There are {', '.join(DATASETS)}; and {TORCHVISION}NAME."
        )
    return DATASETS[name]


def load(
    name: str,
    root: str | Path | None = None,
    *,
    image_size: int = 32,
    download: bool = False,
    storage: Storage = "auto",
    map_directory: Path | None = None,
    decoder: Decoder = "pillow",
) -> ImageDataset:
    """The data set called `name`, one of `DATASETS` or `torchvision:NAME`, of a class of torchvision's.

    Arguments:
        name: the data set.
        root: the directory of its files; by default `data/<name>` under the current directory, and for
            fashion-mnist also where Debian's package puts it. digits takes none.
        image_size: height and width to which the images of a folder or of ImageNet are resized; the others keep theirs.
        download: fetch the official archives into `root` if files are missing.
        storage: where the images of a folder or of ImageNet are kept, see `empirical.datasets.storage`.
        map_directory: the directory of their memory maps; by default `.memory-map` below `root`.
        decoder: the decoder of the JPEGs of a folder or of ImageNet, see `empirical.datasets.decoders`.

    Raises:
        ValueError: there is no such data set, a file is damaged, or memory or disk does not hold the images.
        DataNotFoundError: files are missing; the message says which, and how to get them.
        DownloadError: a download failed or brought a file with another digest.
    """
    from empirical.datasets.archives import ARCHIVES, fetch

    source = _source(name)
    if not source.needs_files and root is not None:
        raise ValueError(f"{name} needs no root: its images come with a package; got {str(root)!r}")
    if not source.stored_anywhere and storage not in ("auto", "memory"):
        anywhere = ", ".join(title for title, entry in DATASETS.items() if entry.stored_anywhere)
        raise ValueError(f"--data-storage {storage} is for these only: {anywhere}. {name} is kept in memory")
    if not source.stored_anywhere and decoder != "pillow":
        raise ValueError(f"--data-decoder {decoder} is for JPEGs, in a folder or of ImageNet: {name} has none")
    check_decoder(decoder)
    directory = Path("data", name.replace(":", "-")) if root is None else Path(root)
    location = Location(directory, root is None, image_size, storage, map_directory, decoder)
    try:
        return source.load(location)
    except DataNotFoundError:
        if not (download and name in ARCHIVES):
            raise
    fetch(name, directory)
    return source.load(location)
