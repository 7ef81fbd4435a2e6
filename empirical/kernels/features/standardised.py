"""Features of mean 0 and deviation 1 over the training images.

Few features of a random convolutional network are large, and they alone would make the distances between images.
Standardised, every feature counts alike. The authors' group published such a pipeline for CIFAR-10: random patches,
standardised, and a linear model with a ridge (Sparks et al., KeystoneML, 2017).
"""

from dataclasses import dataclass

import torch

from empirical.datasets.lazy_images import Images
from empirical.kernels.features.blocks import FeatureBlocks, FeatureMap
from empirical.kernels.features.feature_name import STANDARDISED

_FLAT = 1e-6  # relative to the largest value of a feature: ten roundings of float32


@dataclass(frozen=True)
class Standardised:
    """(f - m) / s for each feature f of another map, m its mean and s its deviation over the images fitted on.

    A feature that is the same for all of these images up to float32's rounding has s = 1: it becomes 0 there.

    Attributes:
        features: the other map.
    """

    features: FeatureMap

    @property
    def name(self) -> str:
        """The spelling."""
        return STANDARDISED + self.features.name

    def dimension(self, image_shape: tuple[int, ...]) -> int:
        """The other map's number. Raises ValueError as it does."""
        return self.features.dimension(image_shape)

    def blocks(self, fit_images: Images, *sets: Images, device: str = "cpu") -> FeatureBlocks:
        """See `FeatureMap.blocks`. The moments of a block are computed once; if `fit_images` is the first set itself,
        with no more features than the set needs.
        """
        inner = self.features.blocks(fit_images, *sets, device=device)
        moments: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        def compute(index: int, images: Images) -> torch.Tensor:
            block = inner.compute(index, images) if images is fit_images or index in moments else None
            if index not in moments:
                fitted = inner.compute(index, fit_images) if block is None else block
                deviation, mean = torch.std_mean(fitted.double(), dim=0, correction=0)
                varies = deviation > _FLAT * fitted.abs().amax(0)
                moments[index] = mean.float(), deviation.where(varies, 1.0).float()
            mean, deviation = moments[index]
            return (inner.compute(index, images) if block is None else block).sub(mean).div_(deviation)

        return FeatureBlocks(compute, sets, inner.number, inner.width)
