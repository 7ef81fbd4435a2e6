"""From stored images to the network's input, as in the paper's appendix A."""

import numpy as np
import torch

from empirical.randomization import Images

_BLOCK = 4096


def preprocess(images: Images, crop: int | None = 28) -> torch.Tensor:
    """Divide by 255, centre-crop to crop x crop, whiten each image: subtract its mean, divide by its deviation.

    The deviation is taken as at least 1/sqrt(number of values), which keeps flat images finite. An image smaller
    than `crop` is kept whole in that dimension; None crops nothing.

    Returns float32 (n, channels, height, width), contiguous, on the CPU.
    """
    height, width = images.shape[2:]
    top, left = (max(0, (side - crop) // 2) if crop else 0 for side in (height, width))
    cropped = images[:, :, top : top + (crop or height), left : left + (crop or width)]
    out = torch.empty(cropped.shape, dtype=torch.float32)
    floor = 1.0 / np.sqrt(out[0].numel()) if len(out) else 1.0
    for start in range(0, len(cropped), _BLOCK):
        block = torch.from_numpy(cropped[start : start + _BLOCK].astype(np.float32)) / 255
        deviation, mean = torch.std_mean(block, dim=(1, 2, 3), correction=0, keepdim=True)
        out[start : start + _BLOCK] = (block - mean) / deviation.clamp_min(floor)
    return out
