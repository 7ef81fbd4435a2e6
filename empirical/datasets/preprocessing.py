"""Turn stored images into the network's input, as in the paper's appendix A."""

from collections.abc import Sequence

import torch

from empirical.datasets.lazy_images import Images

_BLOCK = 4096


def preprocess(images: Images, crop: int | None = 28) -> torch.Tensor:
    """Divide by 255, centre-crop to crop x crop, whiten each image: subtract its mean, divide by its deviation.

    An image smaller than `crop` is kept whole in that dimension; None crops nothing.

    Returns float32 (n, channels, height, width), contiguous, on the CPU.
    """
    top, left, rows, columns = crop_box(images.shape[2:], crop)
    cropped = images[:, :, top : top + rows, left : left + columns]
    out = torch.empty(cropped.shape, dtype=torch.float32)
    for start in range(0, len(cropped), _BLOCK):
        block = torch.from_numpy(cropped[start : start + _BLOCK].astype("float32"))
        out[start : start + _BLOCK] = whiten(block)
    return out


def crop_box(sides: Sequence[int], crop: int | None) -> tuple[int, int, int, int]:
    """The centre crop of side `crop` of an image of these sides, as (top, left, rows, columns)."""
    rows, columns = (min(side, crop or side) for side in sides)
    return (sides[0] - rows) // 2, (sides[1] - columns) // 2, rows, columns


def seen_shape(image_shape: Sequence[int], crop: int | None) -> tuple[int, int, int]:
    """(channels, rows, columns) of stored images of this shape as a network sees them, after the centre crop."""
    channels, *sides = image_shape
    _, _, rows, columns = crop_box(sides, crop)
    return channels, rows, columns


def whiten(images: torch.Tensor) -> torch.Tensor:
    """Divide by 255, subtract each image's mean, divide by its deviation.

    The deviation is taken as at least 1/sqrt(number of values), which keeps flat images finite.

    Arguments:
        images: (n, channels, height, width), pixel values.

    Returns float32, of the same shape.
    """
    scaled = images.float() / 255
    deviation, mean = torch.std_mean(scaled, dim=(1, 2, 3), correction=0, keepdim=True)
    return (scaled - mean) / deviation.clamp_min(images[0].numel() ** -0.5)
