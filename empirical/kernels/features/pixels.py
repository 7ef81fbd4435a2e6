"""Pixels as features: as they are, or whitened as the paper's networks get them."""

from dataclasses import dataclass
from math import prod

import torch

from empirical.datasets.lazy_images import Images
from empirical.datasets.preprocessing import preprocess
from empirical.kernels.features.blocks import FeatureBlocks, common_shape

_CROP = 28


@dataclass(frozen=True)
class Pixels:
    """Values divided by 255; `whitened`: cropped to 28 x 28 and whitened, image by image (`preprocessing`)."""

    whitened: bool = False

    @property
    def name(self) -> str:
        """The name, as it is typed."""
        return "whitened-pixels" if self.whitened else "pixels"

    def dimension(self, image_shape: tuple[int, ...]) -> int:
        """The number of values in an image."""
        channels, *sides = image_shape
        return channels * prod(min(side, _CROP) for side in sides) if self.whitened else prod(image_shape)

    def blocks(self, fit_images: Images, *sets: Images, device: str = "cpu") -> FeatureBlocks:
        """All features, in one block."""

        def compute(index: int, images: Images) -> torch.Tensor:
            if self.whitened:
                return preprocess(images, _CROP).flatten(1).to(device)
            return torch.tensor(images).flatten(1).to(device, torch.float32).div_(255)

        return FeatureBlocks(compute, sets, 1, self.dimension(common_shape(fit_images, sets)))
