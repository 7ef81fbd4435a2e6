"""The speed at which images that are not in memory come: `python -m benchmarks.image_reading [--data-root DIR]
[--image-size N]`.

Images a second, in random order, by batches of 128, ready for a network on the CPU (read, decoded, whitened):

files, threads     JPEGs of a folder by `empirical.training.streamed_images`
files, processes   the same, decoded by a pool of processes
parquet            the same files in row groups of 100 rows
memory map         made from them beforehand; the rate of making it is shown, too

Without --data-root, 512 made-up photographs of 500 x 375 pixels and about 110 kB, ImageNet's average. All files are in
the operating system's cache: what a disk adds is not measured here.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from empirical.datasets import LazyImages
from empirical.datasets.folder import FileImages
from empirical.datasets.imagenet import load_imagenet
from empirical.datasets.memory_map import mapped_images
from empirical.datasets.preprocessing import whiten
from empirical.training.streamed_images import StreamedImages

_BATCH = 128
_N = 512


def photographs(root: Path) -> None:
    """Write made-up images with as much detail as makes 110 kB each."""
    random = np.random.default_rng(0)
    for split, n in (("train", _N), ("val", 4)):
        folder = root / split / "n00000000"
        folder.mkdir(parents=True)
        for at in range(n):
            coarse = random.integers(0, 256, (60, 80, 3)).repeat(7, 0).repeat(7, 1)[:375, :500]
            noisy = (coarse + random.normal(0, 16, coarse.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).resize((500, 375)).save(folder / f"{at}.JPEG", quality=84)


def training_images(root: Path, image_size: int) -> LazyImages:
    """The images in ImageNet's folder or parquet files, decoded when they are asked for."""
    images = load_imagenet(root, image_size, "stream").train.stored
    assert isinstance(images, LazyImages), "streamed images are lazy"
    return images


def write_parquet(images: FileImages, folder: Path) -> None:
    """The first files of a folder's training split, in the order of its samples, in Hugging Face's layout."""
    import pyarrow as pa
    from pyarrow import parquet

    paths = [images.root / path for path in images.paths[:_N]]
    for split, some in (("train", paths), ("validation", paths[:4])):
        rows = [{"bytes": path.read_bytes(), "path": path.name} for path in some]
        table = pa.table({"image": rows, "label": [0] * len(rows)})
        parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet", row_group_size=100)


def streamed(images: LazyImages, workers: int) -> Iterator[torch.Tensor]:
    """All images in random order, by threads."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    return StreamedImages(images, None, "cpu", workers=workers).batches(order.split(_BATCH))


def by_processes(images: LazyImages, pool: ProcessPoolExecutor) -> Iterator[torch.Tensor]:
    """All images in random order, by processes, pieces of 16."""
    order = np.random.default_rng(0).permutation(len(images))
    pieces = pool.map(images.read, np.array_split(order, -(-len(order) // 16)))
    for _ in range(0, len(order), _BATCH):
        yield whiten(torch.cat([torch.from_numpy(next(pieces)) for _ in range(_BATCH // 16)]))


def main() -> None:
    """Measure the speeds and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, help="ImageNet's folder: the first images of it are used")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = options.data_root or Path(scratch) / "folder"
        if options.data_root is None:
            photographs(root)
        files = training_images(root, options.image_size)
        if not isinstance(files, FileImages):
            parser.error(f"{root} holds no folder of images for each class, which is what is measured here")
        images = files.first(_N)
        images.read(np.arange(_N))  # into the cache
        write_parquet(files, Path(scratch))
        parquet = training_images(Path(scratch), options.image_size)
        begun = time.perf_counter()
        mapped = mapped_images(images, "benchmark", Path(scratch) / "map.npy")
        speed = _N / (time.perf_counter() - begun)
        with ProcessPoolExecutor(1) as lone_pool, ProcessPoolExecutor(2) as two:
            ways = {
                "files, 1 thread": partial(streamed, images, 1),
                "files, 2 threads": partial(streamed, images, 2),
                "files, 1 process": partial(by_processes, images, lone_pool),
                "files, 2 processes": partial(by_processes, images, two),
                "parquet, 2 threads": partial(streamed, parquet, 2),
                "memory map, 1 thread": partial(streamed, mapped, 1),
                "memory map, 2 threads": partial(streamed, mapped, 2),
            }
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(options.turns):
                for name, way in ways.items():
                    begun = time.perf_counter()
                    n = sum(len(batch) for batch in way())
                    rates[name].append(n / (time.perf_counter() - begun))
    print(f"{_N} images, squares of {options.image_size}, medians of {options.turns} turns; images a second")
    for name, speeds in rates.items():
        print(f"{name:<24}{statistics.median(speeds):>8.0f}  ({min(speeds):.0f} to {max(speeds):.0f})")
    print(f"{'making the memory map':<24}{speed:>8.0f}")


if __name__ == "__main__":
    main()
