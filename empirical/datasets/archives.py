"""The official archives of the data sets, with their digests."""

import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from empirical.datasets.download import download

MOST_UNPACKED = 2**31
"""Bytes that an archive may unpack to: ten times what the largest of them does."""

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Archive:
    """A file to download: its address, and its digest as "sha256:..." or "md5:..."."""

    url: str
    digest: str

    @property
    def filename(self) -> str:
        """The file's name, the last part of the address."""
        return self.url.rpartition("/")[2]


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_SVHN = "http://ufldl.stanford.edu/housenumbers"
_FASHION_MNIST = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

ARCHIVES = {
    "cifar10": (
        Archive(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    "cifar100": (
        Archive(
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "md5:eb9058c3a382ffc7106e4002c42a8d85",
        ),
    ),
    "svhn": (
        Archive(f"{_SVHN}/train_32x32.mat", "md5:e26dedcc434d2e4c54c9b2d4a06d8373"),
        Archive(f"{_SVHN}/test_32x32.mat", "md5:eb5a983be6a315427106f1b164d9cef3"),
    ),
    "mnist": (
        Archive(f"{_MNIST}/train-images-idx3-ubyte.gz", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Archive(f"{_MNIST}/train-labels-idx1-ubyte.gz", "md5:d53e105ee54ea40749a09fcbcd1e9432"),
        Archive(f"{_MNIST}/t10k-images-idx3-ubyte.gz", "md5:9fb629c4189551a2d022fa330f9573f3"),
        Archive(f"{_MNIST}/t10k-labels-idx1-ubyte.gz", "md5:ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "fashion-mnist": (
        Archive(f"{_FASHION_MNIST}/train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        Archive(f"{_FASHION_MNIST}/train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe"),
        Archive(f"{_FASHION_MNIST}/t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79"),
        Archive(f"{_FASHION_MNIST}/t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    ),
}


def fetch(name: str, directory: Path, *, progress: bool = True) -> None:
    """Download the archives of data set `name` into `directory` and unpack them there.

    Raises DownloadError if a transfer fails or brings a file with another digest.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for archive in ARCHIVES[name]:
        path = directory / archive.filename
        download(archive.url, path, archive.digest, progress=progress)
        if archive.filename.endswith(".tar.gz"):
            unpack(path, directory)


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a tar archive in `directory`; a file appears there whole or not at all.

    Raises ValueError, and unpacks nothing, if it holds a link or a name that leads out of the directory, more than
    `MOST_UNPACKED` bytes, or is damaged.
    """
    try:
        _unpack(archive, directory)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"{archive}: the archive is damaged: {error}") from error


def _unpack(archive: Path, directory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=directory, prefix=".unpacking-") as scratch:
        with tarfile.open(archive) as tar:
            # By hand, since tarfile's own filters are newer than the Python 3.11.2 of Debian 12.
            root, total = Path(scratch).resolve(), 0
            for member in tar:
                total += member.size
                if total > MOST_UNPACKED:  # said by the headers, so before any of it is unpacked
                    raise ValueError(f"{archive}: it unpacks to more than {MOST_UNPACKED / 1e9:.0f} GB: stopped")
                inside = (root / member.name).resolve().is_relative_to(root)
                if not inside or not (member.isfile() or member.isdir()):
                    raise ValueError(f"{archive}: {member.name!r} is a link or leads out of the directory: stopped")
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(scratch)
        for path in sorted(Path(scratch).rglob("*")):
            target = directory / path.relative_to(scratch)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                path.replace(target)


def how_to_get(name: str, directory: Path) -> str:
    """Say in a sentence or two how to get data set `name` into `directory`."""
    unpacked = any(archive.filename.endswith(".tar.gz") for archive in ARCHIVES[name])
    lines = [
        "--download (in Python, download=True) fetches it. By hand, "
        f"{'unpack' if unpacked else 'put'} in {directory.absolute()}:",
        *(archive.url for archive in ARCHIVES[name]),
    ]
    if name == "fashion-mnist":
        lines.append(f"On Debian, `apt install dataset-fashion-mnist` puts it in {DEBIAN_FASHION_MNIST}.")
    return "\n             ".join(lines)
