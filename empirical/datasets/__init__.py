"""Real images: any data set as training and test splits of (images, labels), with a digest of each."""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from empirical.datasets.cifar10 import load_cifar10
    from empirical.datasets.cifar100 import load_cifar100
    from empirical.datasets.digits import load_digits
    from empirical.datasets.download import DownloadError
    from empirical.datasets.folder import load_folder
    from empirical.datasets.idx import load_idx
    from empirical.datasets.image_dataset import ImageDataset, ImageSplit
    from empirical.datasets.imagenet import load_imagenet
    from empirical.datasets.lazy_images import LazyImages
    from empirical.datasets.loading import DATASETS, Location, Source, load
    from empirical.datasets.not_found import DataNotFoundError
    from empirical.datasets.svhn import load_svhn
    from empirical.datasets.tiny_imagenet import load_tiny_imagenet

__all__ = [
    "DATASETS",
    "DataNotFoundError",
    "DownloadError",
    "ImageDataset",
    "ImageSplit",
    "LazyImages",
    "Location",
    "Source",
    "load",
    "load_cifar10",
    "load_cifar100",
    "load_digits",
    "load_folder",
    "load_idx",
    "load_imagenet",
    "load_svhn",
    "load_tiny_imagenet",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
