"""What a kernel acts on: pixels, Gabor wavelets, random convolutional networks (Zhang et al. 2017, section 5)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from empirical.kernels.features.feature_name import RANDOM_CONVOLUTION, FeatureName
from theory.common.lazy import lazy_names
from theory.common.names import nearest_name

if TYPE_CHECKING:
    from empirical.kernels.features.blocks import FeatureBlocks, FeatureMap
    from empirical.kernels.features.gabor import GaborWavelets
    from empirical.kernels.features.pixels import Pixels
    from empirical.kernels.features.random_convolution import RandomConvolution
    from empirical.kernels.features.standardised import Standardised

FEATURES = {
    "pixels": "pixel values",
    "whitened-pixels": "centre crop to 28 x 28, each image whitened, as the paper's networks get them",
    "gabor": "amplitudes of Gabor wavelets around each place",
    "random-convolution-F": "F random patches as filters, rectification, pooling: 8 F features",
    "standardised-NAME": "any of the others, each feature of mean 0 and deviation 1 over the training images",
}
"""The feature maps by name."""


def parse_features(name: str, seed: int) -> "FeatureMap":
    """The feature map called `name`; `seed` is that of random patches. Raises ValueError for any other name."""
    from empirical.kernels.features.gabor import GaborWavelets
    from empirical.kernels.features.pixels import Pixels
    from empirical.kernels.features.random_convolution import RandomConvolution
    from empirical.kernels.features.standardised import Standardised

    parts = FeatureName.parse(name)
    feature_maps: dict[str, Callable[[], FeatureMap]] = {
        "pixels": Pixels,
        "whitened-pixels": lambda: Pixels(whitened=True),
        "gabor": GaborWavelets,
    }
    if (filters := parts.filters) is not None:
        feature_maps[RANDOM_CONVOLUTION] = lambda: RandomConvolution(filters, seed)
    if parts.family not in feature_maps:
        raise ValueError(f"features (--kernel.features): {nearest_name(parts.family, FEATURES)}")
    features = feature_maps[parts.family]()
    return Standardised(features) if parts.standardised else features


__all__ = [
    "FEATURES",
    "FeatureBlocks",
    "FeatureMap",
    "FeatureName",
    "GaborWavelets",
    "Pixels",
    "RandomConvolution",
    "Standardised",
    "parse_features",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
