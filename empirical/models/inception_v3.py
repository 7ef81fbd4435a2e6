"""The paper's network for ImageNet."""

import torch
from torch import nn

from empirical.models.torchvision_needed import require_torchvision

_SMALLEST_SIDE = 75


def inception_v3(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Inception V3 (Szegedy et al. 2016) by torchvision, without its auxiliary classifier.

    The paper trains it on ImageNet, 299 x 299, with and without explicit regularisation. This is the network of the
    rows without: no dropout, no label smoothing in the loss, and no auxiliary classifier, whose loss its inventors
    found to regularise. With 1,000 classes it has 23,834,568 parameters: 17,216 more than TensorFlow's, whose batch
    norms do not scale. Weights are drawn as in TensorFlow's package: normal, of deviation 0.1, truncated.

    Arguments:
        image_shape: (3, height, width), both sides at least 75.
        num_classes: logits given.
        dropout: probability before the linear layer.

    Raises ValueError for other shapes, and if torchvision is missing.
    """
    require_torchvision("inception-v3")
    from torchvision.models import Inception3

    channels, height, width = image_shape
    if channels != 3 or min(height, width) < _SMALLEST_SIDE:
        raise ValueError(
            f"inception-v3 takes colour images of at least {_SMALLEST_SIDE} x {_SMALLEST_SIDE} (the paper: 299 x 299), "
            f"got {channels} x {height} x {width}; for small images there is the model inception"
        )
    network: nn.Module = Inception3(num_classes=num_classes, aux_logits=False, init_weights=True, dropout=dropout)
    return network.to(memory_format=torch.channels_last)
