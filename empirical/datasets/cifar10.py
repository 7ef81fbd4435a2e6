"""CIFAR-10 (Krizhevsky, 2009) from either of its official layouts."""

from pathlib import Path

from empirical.datasets.cifar_files import Layout, find_layout, read_batches, read_binary, read_pickle, split_of
from empirical.datasets.image_dataset import ImageDataset

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10(root: Path) -> ImageDataset:
    """Read CIFAR-10 from `root`, the directory of the official files or its parent.

    The binary layout is read if both layouts are there. Whether the content is official is not checked here; the
    digests of the splits tell.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged.
    """
    layout, directory = find_layout("cifar10", "CIFAR-10", _LAYOUTS, root)
    batches = read_batches(layout, directory, len(CLASS_NAMES))
    for name, (_, labels) in zip(layout.files, batches, strict=True):
        if len(labels) != len(batches[0][1]):
            raise ValueError(
                f"{directory / name}: {len(labels):,} images, but {layout.files[0]} has {len(batches[0][1]):,}: "
                "the official files are equally long"
            )
    return ImageDataset(
        name="cifar10",
        train=split_of(batches[:-1]),
        test=split_of(batches[-1:]),
        class_names=CLASS_NAMES,
        source=f"CIFAR-10, official {layout.title} layout, read from {directory}",
    )


_LAYOUTS = (
    Layout(
        "binary",
        "cifar-10-batches-bin",
        (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"),
        read_binary,
    ),
    Layout(
        "Python",
        "cifar-10-batches-py",
        (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"),
        read_pickle,
    ),
)
