"""Random changes of training images: an explicit regulariser (Zhang et al. 2017, section 3, tables 1, 2 and 4).

| name           | what happens to an image                                                        | in the paper   |
| -------------- | ------------------------------------------------------------------------------- | -------------- |
| `crop`         | a square at a random place instead of the centre                                | table 1        |
| `flip-rotate`  | left-right flip with probability 1/2, rotation by up to 25 degrees, centre crop | table 4        |
| `resized-crop` | a random part of 8% to 100% of the area, sides 3:4 to 4:3, scaled; flip         | table 2, usual |

What happens to image i in epoch e is a function of (seed, e, i) alone, and the label stays the image's. A whole batch
is changed at once. `crop` is index arithmetic and copies pixels as they are. The others are affine maps of the plane,
read off by bilinear interpolation; what lies outside an image repeats its border.
"""

import math
from typing import get_args

import numpy as np
import torch
from torch.nn import functional

from empirical.datasets.preprocessing import crop_box
from empirical.training.config import Augmentation
from theory.common.streams import uniforms, words

_MOST_DEGREES = 25.0  # table 4
_AREAS, _LOG_RATIOS = (0.08, 1.0), (math.log(3 / 4), math.log(4 / 3))
_NUMBERS = 5  # random numbers for an image in an epoch


def check_augmentation(name: str, image_shape: tuple[int, int, int], crop: int | None) -> None:
    """Raise ValueError for an unknown name, or for a random crop of images that leave the crop no choice."""
    if name not in get_args(Augmentation):
        raise ValueError(f"augmentation must be one of {', '.join(get_args(Augmentation))}, got {name!r}")
    if name == "crop" and (crop is None or max(image_shape[1:]) <= crop):
        raise ValueError(
            f"augmentation crop: images of {image_shape[1]} x {image_shape[2]} pixels leave a crop of side {crop} no "
            "choice; choose a smaller one with --crop, or another augmentation"
        )


def draw_augmentations(seed: int, epoch: int, n: int) -> torch.Tensor:
    """The random numbers, uniform on [0, 1), behind the changes of n images in an epoch: float32 (n, 5)."""
    numbers = uniforms(words(seed, f"augmentation/{epoch}", np.arange(n), _NUMBERS))
    return torch.from_numpy(numbers.astype(np.float32)).clamp_(max=1 - 2**-24)  # rounding must not reach 1


def augment(name: Augmentation, images: torch.Tensor, numbers: torch.Tensor, crop: int | None) -> torch.Tensor:
    """Change images as the augmentation says; only whitening is left to do.

    Arguments:
        images: (n, channels, height, width), uint8 or float32, as stored.
        numbers: (n, 5), uniform on [0, 1), see `draw_augmentations`.
        crop: side of the crop; None crops nothing.

    Returns (n, channels, rows, columns), of the images' dtype for `none` and `crop`, else float32.
    """
    top, left, rows, columns = crop_box(images.shape[2:], crop)
    match name:
        case "none":
            return images[:, :, top : top + rows, left : left + columns]
        case "crop":
            return _crop(images, numbers, rows, columns)
        case "flip-rotate":
            turned = _resample(images, _flips_and_rotations(numbers, images.shape[2:]), images.shape[2:])
            return turned[:, :, top : top + rows, left : left + columns]
        case "resized-crop":
            return _resample(images, _flips_and_parts(numbers, images.shape[2:]), (rows, columns))


def _crop(images: torch.Tensor, numbers: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Crop rows x columns at a place of its own in every image, each place equally likely."""
    n, _, height, width = images.shape
    tops = (numbers[:, 0] * (height - rows + 1)).long()
    lefts = (numbers[:, 1] * (width - columns + 1)).long()
    sample = torch.arange(n, device=images.device)[:, None, None]
    row = tops[:, None, None] + torch.arange(rows, device=images.device)[None, :, None]
    column = lefts[:, None, None] + torch.arange(columns, device=images.device)
    return images.permute(0, 2, 3, 1)[sample, row, column].permute(0, 3, 1, 2)


def _flips_and_rotations(numbers: torch.Tensor, sides: torch.Size) -> torch.Tensor:
    """The affine maps (n, 2, 3) from places in the new image to places in the old, both in units of half an image."""
    height, width = sides
    angle = (2 * numbers[:, 0] - 1) * math.radians(_MOST_DEGREES)
    cos, sin, flip = torch.cos(angle), torch.sin(angle), _signs(numbers[:, 4])
    zero = torch.zeros_like(angle)
    across = torch.stack([cos * flip, -sin * height / width, zero], dim=1)
    down = torch.stack([sin * flip * width / height, cos, zero], dim=1)
    return torch.stack([across, down], dim=1)


def _flips_and_parts(numbers: torch.Tensor, sides: torch.Size) -> torch.Tensor:
    """The affine maps (n, 2, 3) of random parts. A part that would be wider or higher than the image is cut to its
    side."""
    height, width = sides
    area = (_AREAS[0] + numbers[:, 0] * (_AREAS[1] - _AREAS[0])) * height * width
    ratio = torch.exp(_LOG_RATIOS[0] + numbers[:, 1] * (_LOG_RATIOS[1] - _LOG_RATIOS[0]))
    across = (torch.sqrt(area * ratio) / width).clamp_max(1.0)
    down = (torch.sqrt(area / ratio) / height).clamp_max(1.0)
    zero, flip = torch.zeros_like(across), _signs(numbers[:, 4])
    first = torch.stack([across * flip, zero, (2 * numbers[:, 2] - 1) * (1 - across)], dim=1)
    second = torch.stack([zero, down, (2 * numbers[:, 3] - 1) * (1 - down)], dim=1)
    return torch.stack([first, second], dim=1)


def _signs(numbers: torch.Tensor) -> torch.Tensor:
    return torch.where(numbers < 0.5, -1.0, 1.0)


def _resample(images: torch.Tensor, maps: torch.Tensor, sides: tuple[int, ...] | torch.Size) -> torch.Tensor:
    # Elementwise, in float32: a matrix product would be rounded where low precision is allowed (TF32, bfloat16).
    rows, columns = ((2 * torch.arange(side, device=images.device) + 1) / side - 1 for side in sides)
    across, down = columns[None, None, :], rows[None, :, None]
    place = [
        a[:, None, None] * across + b[:, None, None] * down + c[:, None, None]
        for a, b, c in (maps[:, 0].unbind(1), maps[:, 1].unbind(1))
    ]
    grid = torch.stack(place, dim=3)
    return functional.grid_sample(images.float(), grid, "bilinear", "border", align_corners=False)
