"""A memory map: the decoded squares of a split in one file of raw pixels, made once and read in place afterwards.

    NAME.npy       the pixels, a NumPy array (n, channels, height, width) of bytes
    NAME.json      whose pixels they are, how they were made, and the histogram of their values
    NAME.partial   the array while it is made
    NAME.done      a line for each chunk of it whose pixels are on the disk
    NAME.lock      held by the process that makes it

A map is there if and only if NAME.npy is there and NAME.json fits: the array gets its name last. A chunk gets its line
once its pixels are on the disk, so a kill at any moment loses what the threads are at work on and nothing else.
"""

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from empirical.datasets.lazy_images import LazyImages, Samples, count_values
from empirical.datasets.read_ahead import ProgressLines, read_ahead
from theory.common.array_files import DAMAGED
from theory.common.atomic import replacing

_CHUNK = 256  # images


@dataclass(frozen=True, eq=False)
class MappedImages(LazyImages):
    """Images in a memory map.

    Attributes:
        pixels: the map, uint8 (n, channels, height, width).
        counts: how often each value occurs, int64 (256,).
    """

    pixels: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, channels, height, width)."""
        n, channels, height, width = self.pixels.shape
        return n, channels, height, width

    def read(self, samples: Samples) -> npt.NDArray[np.uint8]:
        """Copy these images. Raises ValueError if the file has become shorter than its pixels meanwhile."""
        _require_whole(self.pixels)
        return np.asarray(self.pixels)[samples]

    def histogram(self) -> npt.NDArray[np.int64]:
        """How often each value occurs, as counted when the map was made."""
        return self.counts


def mapped_images(images: LazyImages, identity: str, path: Path, workers: int | None = None) -> MappedImages:
    """Open the memory map of images in the file `path`, and make the file first if it is missing.

    If several processes ask, one makes the map and the others wait. After a kill the next process goes on.

    Arguments:
        images: uint8.
        identity: tells the images from all others, see `ImageSplit`.
        path: ends in .npy; the other files lie beside it.
        workers: threads that make it; by default the cores that this process may use.

    Raises ValueError if the disk does not hold it, and if an image cannot be read, OSError if it cannot be written.
    """
    memory_map = _open(path, images, identity)
    if memory_map is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.with_suffix(".lock")):
                if _open(path, images, identity) is None:  # another process may have made it meanwhile
                    _make(images, identity, path, workers)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            advice = f"{error.strerror}: name another folder for memory maps with --data-map"
            raise OSError(error.errno, advice, str(path)) from error
        memory_map = _open(path, images, identity)
        assert memory_map is not None, "it has just been made"
    return memory_map


def _open(path: Path, images: LazyImages, identity: str) -> MappedImages | None:
    """The map, if the file is there, whole, and of these images; else None."""
    try:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if not path.is_file():
            return None
        pixels = np.load(path, mmap_mode="r")
        if (about["identity"], pixels.shape, pixels.dtype) != (identity, images.shape, images.dtype):
            return None
        histogram = np.array(about["histogram"], np.int64)
        if histogram.shape != (256,) or histogram.min() < 0 or histogram.sum() != pixels.size:
            return None
    except (OSError, LookupError, AttributeError, *DAMAGED):
        return None  # not JSON or not of these keys, a file shorter than its array, no array
    return MappedImages(pixels, histogram)


def _require_whole(pixels: npt.NDArray[np.uint8]) -> None:
    """A page of a map that its file no longer has would end the process by SIGBUS, without a word."""
    path = getattr(pixels, "filename", None)
    if path is None:
        return
    try:
        size = os.stat(path).st_size
    except OSError:  # removed or out of reach: what is mapped stays
        return
    needed = getattr(pixels, "offset", 0) + pixels.nbytes
    if size < needed:
        raise ValueError(
            f"memory map {path} was cut to {size:,} bytes of {needed:,} while it was in use: remove it, and give the "
            "same command again, which makes it anew"
        )


def _make(images: LazyImages, identity: str, path: Path, workers: int | None) -> None:
    partial, log = path.with_suffix(".partial"), path.with_suffix(".done")
    key = {"identity": identity, "shape": list(images.shape), "chunk": _CHUNK}
    offset = _offset(partial)
    done = _done_chunks(log, key) if offset else None
    _check_disk(images, path, partial if done is not None else None)
    if done is None:
        log.unlink(missing_ok=True)
        offset = _write_empty(partial, images)
        with replacing(log) as temporary:
            temporary.write_text(json.dumps(key) + "\n", encoding="utf-8")
        done = {}
    order = images.reading_order()
    chunks = [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]
    missing = [number for number in range(len(chunks)) if number not in done]
    lines = ProgressLines(f"memory map {path.name}", sum(len(chunks[number]) for number in missing))
    size = images.nbytes // len(images)
    with _descriptor(partial, os.O_RDWR) as file, _descriptor(log, os.O_WRONLY | os.O_APPEND) as journal:

        def write(number: int) -> tuple[int, list[int]]:
            block = np.ascontiguousarray(images.read(chunks[number]), np.uint8)
            for sample, image in zip(chunks[number], block, strict=True):
                _write_at(file, image.data.cast("B"), offset + int(sample) * size)
            os.fsync(file)
            counts = count_values(block).tolist()
            os.write(
                journal, (json.dumps([number, counts]) + "\n").encode()
            )  # one call: a whole line, whoever else writes
            return number, counts

        try:
            for number, counts in read_ahead(write, missing, workers=workers):
                done[number] = counts
                lines.advance(len(chunks[number]))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise OSError(
                error.errno,
                f"the disk is full after {len(done):,} of {len(chunks):,} parts of a memory map: free some of it and "
                "give the same command again, which goes on",
                str(partial),
            ) from error
    about = {
        "identity": identity,
        "shape": list(images.shape),
        "how": "RGB, channels first; short side resized (Lanczos if the identity names no other), centre cropped",
        "pillow": PIL.__version__,
        "histogram": np.sum(list(done.values()), axis=0).tolist(),
    }
    path.unlink(missing_ok=True)  # the map is of other images: a kill must not leave it beside the description of these
    with replacing(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    log.unlink()


def _done_chunks(log: Path, key: dict[str, Any]) -> dict[int, list[int]] | None:
    """The histograms of the finished chunks; None if the log is not of this map. A torn last line is dropped."""
    if not log.is_file():
        return None
    content = log.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(log, len(whole))
    first, *lines = whole.decode().splitlines() or [""]
    if first != json.dumps(key):
        return None
    try:
        return dict(map(json.loads, lines))
    except ValueError:  # a disk that lost power
        return None


def _write_empty(path: Path, images: LazyImages) -> int:
    """Make an array file whose pixels are still missing; returns the offset at which they begin."""
    path.unlink(missing_ok=True)
    array = np.lib.format.open_memmap(path, "w+", images.dtype, images.shape)
    return int(array.offset)


def _offset(partial: Path) -> int:
    """The offset at which the pixels of an array file begin; 0 if there is no file."""
    try:
        return int(np.load(partial, mmap_mode="r").offset)
    except (OSError, AttributeError, *DAMAGED):
        return 0


def _check_disk(images: LazyImages, path: Path, partial: Path | None) -> None:
    """Say how much disk the map takes; raises ValueError if less is free. What is written already is not counted."""
    written = partial.stat().st_blocks * 512 if partial else 0
    needed, free = max(0, images.nbytes - written), shutil.disk_usage(path.parent).free
    plan = (
        f"memory map {path}: {len(images):,} images take {images.nbytes / 1e9:.1f} GB of disk, of which "
        f"{needed / 1e9:.1f} GB are still to be written; {free / 1e9:.1f} GB are free"
    )
    if needed > free:
        raise ValueError(
            f"{plan}: make room, name a folder on another disk with --data-map, choose a smaller --image-size, or do "
            "without (--data-storage stream)"
        )
    print(plan, file=sys.stderr, flush=True)


def _write_at(file: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(file, content, offset)
        content, offset = content[written:], offset + written


@contextmanager
def _descriptor(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock of this file, and lock it; a kill releases the lock."""
    with open(path, "w") as file:
        try:
            import fcntl
        except ImportError:  # not POSIX: nothing keeps two processes apart there
            pass
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
