"""Wide residual networks."""

import torch
from torch import nn

from empirical.models.networks import blocks_per_group


class ResidualBlock(nn.Module):
    """Batch norm, ReLU and a convolution 3 x 3, twice, added to the block's input.

    Where the number of channels changes, the sum's other term is a 1 x 1 convolution of the input after its batch norm
    and ReLU, so that the identity is only added where it is one.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.activation = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.Dropout(dropout),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        self.projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, inputs, height, width) to (n, outputs, height / stride, width / stride)."""
        activated = self.activation(images)
        shortcut = images if self.projection is None else self.projection(activated)
        return self.residual(activated) + shortcut  # type: ignore[no-any-return]


def wide_resnet(
    image_shape: tuple[int, int, int], num_classes: int, depth: int = 28, width: int = 1, dropout: float = 0.0
) -> nn.Sequential:
    """WRN-depth-width (Zagoruyko, Komodakis 2016): the network of the authors' public release of their experiment.

    A convolution 3 x 3 to 16 channels; three groups of (depth - 4) / 6 pre-activation residual blocks with 16, 32 and
    64 times `width` channels, the second and third group starting with stride 2; batch norm, ReLU, mean over all
    places, a linear layer. WRN-28-1 for 3 channels and 10 classes has 369,498 parameters, the number that the release
    prints.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images; any height and width.
        num_classes: logits given.
        depth: 6 n + 4 for n blocks in each group.
        width: factor on the number of channels.
        dropout: probability in the middle of each block; 0 as in the release's defaults, which regularise by
            weight decay only.

    Weights are normal, as in the release, with variance 2 / fan_out for convolutions (He et al. 2015), of
    2 / (fan_in + fan_out) for the linear layer (Glorot, Bengio 2010), whose biases are 0.
    Raises ValueError for a depth that is not 6 n + 4.
    """
    blocks = blocks_per_group(depth)
    layers: list[nn.Module] = [nn.Conv2d(image_shape[0], 16, 3, padding=1, bias=False)]
    channels = 16
    for group in range(3):
        outputs = 16 * 2**group * width
        for block in range(blocks):
            layers.append(ResidualBlock(channels, outputs, 2 if group and not block else 1, dropout))
            channels = outputs
    linear = nn.Linear(channels, num_classes)
    network = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    nn.init.xavier_normal_(linear.weight)
    nn.init.zeros_(linear.bias)
    return network.to(memory_format=torch.channels_last)
