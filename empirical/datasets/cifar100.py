"""CIFAR-100 (Krizhevsky, 2009) from either of its official layouts, with the 100 fine labels."""

from functools import partial
from pathlib import Path

from empirical.datasets.cifar_files import Layout, find_layout, read_batches, read_binary, read_pickle, split_of
from empirical.datasets.image_dataset import ImageDataset

_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
CLASS_NAMES = tuple(_NAMES.split())


def load_cifar100(root: Path) -> ImageDataset:
    """Read CIFAR-100 from `root`, the directory of the official files or its parent.

    The binary layout is read if both layouts are there. The 20 coarse labels, which the files have too, are not used.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged.
    """
    layout, directory = find_layout("cifar100", "CIFAR-100", _LAYOUTS, root)
    train, test = read_batches(layout, directory, len(CLASS_NAMES))
    return ImageDataset(
        name="cifar100",
        train=split_of([train]),
        test=split_of([test]),
        class_names=CLASS_NAMES,
        source=f"CIFAR-100, official {layout.title} layout, fine labels, read from {directory}",
    )


_LAYOUTS = (
    Layout("binary", "cifar-100-binary", ("train.bin", "test.bin"), partial(read_binary, label_bytes=2)),
    Layout("Python", "cifar-100-python", ("train", "test"), partial(read_pickle, key=b"fine_labels")),
)
