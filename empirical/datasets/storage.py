"""Where the images of a large data set are kept: in memory, in their files, or in a memory map.

| storage  | what it does                                                                                |
| -------- | ------------------------------------------------------------------------------------------- |
| `memory` | decodes everything once, into memory                                                        |
| `stream` | decodes images whenever they are needed, by threads, ahead of their use                     |
| `memmap` | decodes everything once, into a file of raw pixels, which later runs use again              |
| `auto`   | `memory` if the images take at most an eighth of the machine's memory, otherwise `stream`   |

Pixels are the same to the bit, and so are digests. `auto` looks at the memory that the machine has, not at what is free
just now. Each of torchrun's processes on a machine has its own copy, and training on a CPU takes four times as much
again, as float32.
"""

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.lazy_images import LazyImages
from empirical.datasets.memory_map import mapped_images
from theory.common.memory import available_memory

Storage = Literal["auto", "memory", "stream", "memmap"]

_SHARE = 1 / 8  # the share of the machine's memory: with the same images as float32 it is five eighths
_WORTH_SAYING = 1e9  # bytes


def fits_in_memory(storage: Storage, shape: tuple[int, ...], title: str) -> bool:
    """Whether to keep uint8 images of this shape in memory; says on standard error what they take, if it is much.

    Raises ValueError if they are to be there, and what is free does not hold them.
    """
    needed, free, total = int(np.prod(shape, dtype=np.int64)), available_memory(), total_memory()
    chosen = chosen_storage(storage, needed)
    plan = (
        f"{title}: {shape[0]:,} images of {' x '.join(map(str, shape[1:]))} take {needed / 1e9:.1f} GB; "
        f"{free / 1e9:.1f} GB of memory are free, of {total / 1e9:.1f}"
    )
    if chosen == "memory" and needed > free:
        raise ValueError(f"{plan}: stream them (--data-storage stream or memmap), or choose a smaller --image-size")
    if needed >= _WORTH_SAYING:
        print(f"{plan}; --data-storage {storage}: {_OUTCOMES[chosen]}", file=sys.stderr, flush=True)
    return chosen == "memory"


def chosen_storage(storage: Storage, needed: int) -> Storage:
    """Resolve `storage` for images of this many bytes: never to `auto`."""
    if storage != "auto":
        return storage
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by torchrun
    return "memory" if needed * processes <= _SHARE * total_memory() else "stream"


_OUTCOMES = {
    "memory": "they are read into memory",
    "stream": "they are decoded whenever they are needed",
    "memmap": "they are read from a memory map",
}


def store(dataset: ImageDataset, storage: Storage, map_directory: Path) -> ImageDataset:
    """A streamed data set, with its images where `storage` says; its digests stay as they are.

    `map_directory` is where memory maps are made and looked for, each named after the split, the image size and the
    identity. Raises ValueError if memory or disk does not hold them.
    """
    train, test = dataset.train, dataset.test
    n = len(train.labels) + len(test.labels)
    if fits_in_memory(storage, (n, *dataset.image_shape), dataset.name):
        return replace(dataset, train=_resident(train), test=_resident(test))
    if storage != "memmap":
        return dataset
    return replace(dataset, train=_mapped(train, "train", map_directory), test=_mapped(test, "test", map_directory))


def _resident(split: ImageSplit) -> ImageSplit:
    return ImageSplit(split.images, split.labels, split.identity)


def _mapped(split: ImageSplit, name: str, directory: Path) -> ImageSplit:
    assert isinstance(split.stored, LazyImages), "a streamed split"
    key = hashlib.sha256(split.identity.encode()).hexdigest()[:12]
    path = directory / f"{name}-{split.stored.shape[2]}-{key}.npy"
    return ImageSplit(mapped_images(split.stored, split.identity, path), split.labels, split.identity)


def total_memory() -> int:
    """The bytes of memory of the machine, or of its control group if that may use fewer."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # no control group, or no limit ("max")
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    return min(limits)
