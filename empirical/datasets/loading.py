"""Every data set by name."""

import difflib
from pathlib import Path

from empirical.datasets.image_dataset import ImageDataset
from empirical.datasets.not_found import DataNotFoundError
from empirical.datasets.storage import STORED_ANYWHERE, Storage

DATASETS = {
    "digits": "scikit-learn's handwritten digits: 1,797 grey images of 8 x 8, 10 classes; no download",
    "cifar10": "CIFAR-10: 60,000 colour images of 32 x 32, 10 classes; official binary or Python files",
    "mnist": "MNIST, handwritten digits: 70,000 grey images of 28 x 28, 10 classes; idx files",
    "fashion-mnist": "Fashion-MNIST, clothing: 70,000 grey images of 28 x 28, 10 classes; idx files",
    "folder": "your own images, in ROOT/<class>/ or in ROOT/train/<class>/ and ROOT/test/<class>/",
    "imagenet": "ImageNet: 1.3 million images, 1,000 classes; ROOT/train/<wnid>/, ROOT/val/<wnid>/, or parquet files",
}


def load(
    name: str,
    root: str | Path | None = None,
    *,
    image_size: int = 32,
    download: bool = False,
    storage: Storage = "auto",
    map_directory: Path | None = None,
) -> ImageDataset:
    """The data set called `name`, one of `DATASETS`.

    Arguments:
        name: the data set.
        root: the directory of its files; by default `data/<name>` under the current directory, and for
            fashion-mnist also where Debian's package puts it. digits takes none.
        image_size: height and width to which the images of a folder or of ImageNet are resized; the others keep theirs.
        download: fetch the official archives into `root` if files are missing.
        storage: where the images of a folder or of ImageNet are kept, see `empirical.datasets.storage`.
        map_directory: of their memory maps; by default `.memory-map` below `root`.

    Raises:
        ValueError: there is no such data set, a file is damaged, or memory or disk does not hold the images.
        DataNotFoundError: files are missing; the message says which, and how to get them.
        DownloadError: a download failed or brought a file with another digest.
    """
    if name not in DATASETS:
        close = difflib.get_close_matches(name.lower(), DATASETS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"unknown data set (--data) {name!r}: {hint}There are {', '.join(DATASETS)}.")
    if name == "digits":
        if root is not None:
            raise ValueError(f"digits needs no root: scikit-learn brings them; got {str(root)!r}")
        from empirical.datasets.digits import load_digits

        return load_digits()
    from empirical.datasets.archives import ARCHIVES, fetch

    directory = Path("data", name) if root is None else Path(root)
    try:
        return _load_from(name, directory, root is None, image_size, storage, map_directory)
    except DataNotFoundError:
        if not (download and name in ARCHIVES):
            raise
    fetch(name, directory)
    return _load_from(name, directory, root is None, image_size, storage, map_directory)


def _load_from(
    name: str, directory: Path, is_default: bool, image_size: int, storage: Storage, map_directory: Path | None
) -> ImageDataset:
    if name not in STORED_ANYWHERE and storage not in ("auto", "memory"):
        raise ValueError(f"--data-storage {storage} is for folder and imagenet: {name} is kept in memory")
    match name:
        case "folder":
            from empirical.datasets.folder import load_folder

            return load_folder(directory, image_size, storage, map_directory)
        case "imagenet":
            from empirical.datasets.imagenet import load_imagenet

            return load_imagenet(directory, image_size, storage, map_directory)
        case "cifar10":
            from empirical.datasets.cifar10 import load_cifar10

            return load_cifar10(directory)
        case _:
            from empirical.datasets.archives import DEBIAN_FASHION_MNIST
            from empirical.datasets.idx import load_idx

            packaged = [DEBIAN_FASHION_MNIST] if name == "fashion-mnist" and is_default else []
            return load_idx(name, [directory, *packaged])
