"""The identity of a data set of files: the names, the sizes and the bytes of its files.

Laid end to end, the files are one row of bytes. A row of up to a gigabyte is hashed whole. From a longer one 4,096
blocks of 4 KiB are hashed, evenly spaced, with the first and the last bytes among them: that takes seconds where all
bytes would take hours, tells apart data sets that were made differently, and misses a change of a few files that leaves
their sizes as they were. Which of the two it is follows from the files alone: every machine and every storage finds the
same.
"""

import hashlib
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from empirical.datasets.read_ahead import read_ahead

WHOLE = 2**30
"""A row of up to this many bytes is hashed whole."""
BLOCK = 4096
BLOCKS = 4096

_AT_ONCE = 2**20  # bytes that are in memory at once, of each thread


@dataclass(frozen=True)
class _Piece:
    """A piece of a file: its bytes `start` .. `stop`."""

    path: Path
    start: int
    stop: int


def file_identity(named: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 of the names, the sizes and the bytes of the files, or a sample of the bytes, in hexadecimal.

    Arguments:
        named: the name and the path of each file, in the order of the data set.

    Raises ValueError, naming the file, if one cannot be read.
    """
    files = list(named)
    sizes = [_size(path) for _, path in files]
    digest = hashlib.sha256()
    for (name, _), size in zip(files, sizes, strict=True):
        digest.update(f"{name}\t{size}\n".encode("utf-8", "surrogateescape"))
    paths = [path for _, path in files]
    pieces = _whole(paths, sizes) if sum(sizes) <= WHOLE else _sample(paths, sizes)
    for piece_digest in read_ahead(_digest, pieces):
        digest.update(piece_digest)
    return digest.hexdigest()


def _whole(paths: Sequence[Path], sizes: Sequence[int]) -> Iterator[_Piece]:
    return (_Piece(path, 0, size) for path, size in zip(paths, sizes, strict=True))


def _sample(paths: Sequence[Path], sizes: Sequence[int]) -> Iterator[_Piece]:
    """The blocks, each cut where a file ends and the next one begins."""
    ends, total = np.array(list(accumulate(sizes)), np.int64), sum(sizes)
    for block in range(BLOCKS):
        at = max(0, total - BLOCK) * block // (BLOCKS - 1)
        stop = min(at + BLOCK, total)
        while at < stop:
            number = int(np.searchsorted(ends, at, side="right"))
            first = int(ends[number]) - sizes[number]
            until = min(stop, int(ends[number]))
            yield _Piece(paths[number], at - first, until - first)
            at = until


def _digest(piece: _Piece) -> bytes:
    digest, missing = hashlib.sha256(), piece.stop - piece.start
    try:
        with open(piece.path, "rb", buffering=0) as file:
            file.seek(piece.start)
            while missing and (content := file.read(min(missing, _AT_ONCE))):
                digest.update(content)
                missing -= len(content)
    except OSError as error:
        raise _unreadable(piece.path, error) from error
    return digest.digest()


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"a file cannot be read: {path}: it is no regular file")
    return status.st_size


def _unreadable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"a file cannot be read: {path}: {error.strerror}")
