"""Real images: any data set as training and test splits of (images, labels), with a digest of each.

image_dataset     images with labels in two splits, each with its digest
loading           every data set by name
given             a data set that a program has in memory
preprocessing     stored images turned into the network's input, as in the paper's appendix A
contradictions    equal images with different labels, which no network can fit
cifar10, cifar100, cifar_files  CIFAR in its official layouts
idx, digits, svhn, imagenet, tiny_imagenet  the other data sets that are known by name
folder, torchvision_readers  any folder of images by class; what torchvision reads
archives, download  the official archives with their digests; one file, whole or not at all
not_found         the error for missing data: where it was looked for, how to get it
file_identity     the identity of a data set of files
decoding, decoders  an image file as a square of pixels, and which library decodes it
lazy_images, storage  images that are not in memory, and where they are kept
memory_map, parquet, read_ahead  one file of raw pixels; images in parquet files; work done ahead of its use
byte_pickle, pickle_bounds  pickles read without running anything, and what they would do
"""

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
