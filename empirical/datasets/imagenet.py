"""ImageNet (ILSVRC 2012, Russakovsky et al. 2015) as it is distributed: folders of JPEGs, or parquet files."""

import math
import sys
from pathlib import Path

from empirical.datasets.decoders import Decoder
from empirical.datasets.folder import find_image_files
from empirical.datasets.image_dataset import ImageDataset
from empirical.datasets.not_found import data_not_found
from empirical.datasets.parquet import find_parquet, load_parquet
from empirical.datasets.storage import Storage, chosen_storage, store

_WORTH_SAYING = 1_000_000_000  # bytes
_HOW_TO_GET = (
    "https://image-net.org gives it to those who accept its terms; unpack it in ROOT/train/<wnid>/ and "
    "ROOT/val/<wnid>/, or put the parquet files of Hugging Face's imagenet-1k in ROOT or ROOT/data."
)


def load_imagenet(
    root: Path,
    image_size: int = 32,
    storage: Storage = "auto",
    map_directory: Path | None = None,
    decoder: Decoder = "pillow",
) -> ImageDataset:
    """Read ImageNet from parquet files in `root` or `root`/data if there are any, else from `root`/train and
    `root`/val.

    Files are read and ordered as those of `load_folder`; classes are the folders, in order of name: WordNet's numbers,
    in the order that everybody has them in. Digests are of the files (`file_identity`) whatever the storage, so that a
    run is the same run under each.

    Arguments:
        root: the folder.
        image_size: side of the squares to which images are resized and cropped.
        storage: where they are kept, see `empirical.datasets.storage`.
        map_directory: the directory of memory maps; by default `root`/.memory-map.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`; another decoder makes another data set.

    Raises DataNotFoundError if files are missing, ValueError if one is damaged, or memory or disk does not hold them.
    """
    parquet = find_parquet(root)
    if parquet:
        streamed = load_parquet(parquet, image_size, decoder)
        needed = (len(streamed.train.labels) + len(streamed.test.labels)) * math.prod(streamed.image_shape)
        if chosen_storage(storage, needed) == "stream" and needed > _WORTH_SAYING:
            print(
                f"{parquet}: a random order reads a hundred rows for each image; --data-storage memmap, made "
                "once, spares that",
                file=sys.stderr,
            )
    else:
        if not (root / "train").is_dir():
            raise data_not_found(
                "ImageNet", [root, root / "data"], ["train/<wnid>/*.JPEG or train-*.parquet"], _HOW_TO_GET
            )
        inside = sorted((root / "val").glob("[!.]*"))
        flat = next((path for path in inside if path.is_file()), None)
        if flat and not any(path.is_dir() for path in inside):
            raise ValueError(
                f"{flat} lies in no class folder: move the validation images to {root / 'val'}/<wnid>/, as the usual "
                "script valprep.sh does"
            )
        streamed = find_image_files(root, image_size).streamed("imagenet", image_size, decoder)
    return store(streamed, storage, map_directory or root / ".memory-map")
