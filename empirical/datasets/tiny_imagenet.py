"""Tiny ImageNet: 200 of ImageNet's classes, 64 x 64 pixels, as its archive unpacks."""

from pathlib import Path

from empirical.datasets.decoders import Decoder
from empirical.datasets.folder import ImageFiles, fixed_order
from empirical.datasets.image_dataset import ImageDataset
from empirical.datasets.not_found import data_not_found
from empirical.datasets.storage import Storage, store

_ARCHIVE = "tiny-imagenet-200"
_ANNOTATIONS = Path("val") / "val_annotations.txt"
_HOW_TO_GET = f"unpack {_ARCHIVE}.zip of Stanford's course cs231n in ROOT."


def load_tiny_imagenet(
    root: Path,
    image_size: int = 32,
    storage: Storage = "auto",
    map_directory: Path | None = None,
    decoder: Decoder = "pillow",
) -> ImageDataset:
    """Read Tiny ImageNet from `root`, or `root`/tiny-imagenet-200: train/<wnid>/images/*, val/images/*.

    The classes are the folders in train, in order of name. The validation images are the test split, with the labels in
    val/val_annotations.txt; the archive's test images have none. Within a split the order is a fixed random one.

    Arguments:
        root: the folder.
        image_size: side of the squares to which images are resized.
        storage, map_directory: see `empirical.datasets.storage`; memory maps lie in `root`/.memory-map by default.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged or a label is unknown.
    """
    places = (root / _ARCHIVE, root)
    place = next((place for place in places if (place / _ANNOTATIONS).is_file()), None)
    if place is None or not (place / "train").is_dir():
        missing = ["train/<wnid>/images/*.JPEG", str(_ANNOTATIONS)]
        raise data_not_found("Tiny ImageNet", [place] if place else places, missing, _HOW_TO_GET)
    train = [
        (path.relative_to(place).as_posix(), path.parent.parent.name)
        for path in sorted(place.glob("train/*/images/[!.]*"))
    ]
    class_names = tuple(sorted({name for _, name in train}))
    numbers = {name: number for number, name in enumerate(class_names)}
    test = _annotated(place, numbers)
    if not train or not test:
        raise data_not_found("Tiny ImageNet", [place], ["images in train and in val"], _HOW_TO_GET)
    labelled = [(path, numbers[name]) for path, name in train]
    files = ImageFiles(
        place,
        [labelled[i] for i in fixed_order(len(labelled), "tiny-imagenet-train")],
        [test[i] for i in fixed_order(len(test), "tiny-imagenet-test")],
        class_names,
        "split as in its folders train and val",
    )
    return store(files.streamed("tiny-imagenet", image_size, decoder), storage, map_directory or root / ".memory-map")


def _annotated(place: Path, numbers: dict[str, int]) -> list[tuple[str, int]]:
    """The validation images as (path, label); each line of the file gives a name, a class and a box."""
    samples = []
    for at, line in enumerate((place / _ANNOTATIONS).read_text(encoding="utf-8").splitlines(), start=1):
        name, _, rest = line.partition("\t")
        label = rest.partition("\t")[0]
        if label not in numbers:
            raise ValueError(f"{place / _ANNOTATIONS}, line {at}: {label!r} is no folder of {place / 'train'}")
        samples.append((f"val/images/{name}", numbers[label]))
    return samples
