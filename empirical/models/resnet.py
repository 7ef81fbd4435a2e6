"""The residual network that most work after 2017 trains on CIFAR-10."""

import torch
from torch import nn

from empirical.models.torchvision_needed import require_torchvision


def resnet_18(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """ResNet-18 (He et al. 2016) by torchvision, with the stem for small images: a convolution 3 x 3, no max pooling.

    ImageNet's stem divides the sides by four before the first block, and leaves 1 x 1 of a CIFAR image at the last.
    With 3 channels and 10 classes the network has 11,173,962 parameters.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images; any height and width.
        num_classes: logits given.

    Raises ValueError if torchvision is missing.
    """
    require_torchvision("resnet-18")
    from torchvision.models import resnet18

    network: nn.Module = resnet18(num_classes=num_classes)
    network.conv1 = nn.Conv2d(image_shape[0], 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()
    return network.to(memory_format=torch.channels_last)
