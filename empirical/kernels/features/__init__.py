"""What a kernel acts on: pixels, Gabor wavelets, random convolutional networks (Zhang et al. 2017, section 5)."""

from typing import TYPE_CHECKING

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

STANDARDISED = "standardised-"
"""The start of the names of standardised features."""


def parse_features(name: str, seed: int) -> "FeatureMap":
    """The feature map called `name`; `seed` is that of random patches. Raises ValueError for any other name."""
    from empirical.kernels.features.gabor import GaborWavelets
    from empirical.kernels.features.pixels import Pixels
    from empirical.kernels.features.random_convolution import RandomConvolution
    from empirical.kernels.features.standardised import Standardised

    if name.startswith(STANDARDISED) and not (other := name.removeprefix(STANDARDISED)).startswith(STANDARDISED):
        return Standardised(parse_features(other, seed))
    kind, _, number = name.rpartition("-")
    if kind == "random-convolution" and number.isdigit():
        return RandomConvolution(int(number), seed)
    feature_maps: dict[str, FeatureMap] = {
        "pixels": Pixels(),
        "whitened-pixels": Pixels(whitened=True),
        "gabor": GaborWavelets(),
    }
    if name not in feature_maps:
        raise ValueError(f"features (--kernel.features): {nearest_name(name, FEATURES)}")
    return feature_maps[name]


__all__ = [
    "FEATURES",
    "STANDARDISED",
    "FeatureBlocks",
    "FeatureMap",
    "GaborWavelets",
    "Pixels",
    "RandomConvolution",
    "Standardised",
    "parse_features",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
