import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from empirical.models import build_model, num_parameters
from empirical.models.wide_resnet import ResidualBlock, wide_resnet


def test_wrn_28_10_has_its_inventors_parameters():
    """36.5 million (Zagoruyko, Komodakis 2016, table 4)."""
    with torch.device("meta"):
        assert round(num_parameters(wide_resnet((3, 32, 32), 10, depth=28, width=10)) / 1e6, 1) == 36.5


def test_depth_counts_the_layers_with_weights():
    model = build_model("wide-resnet-28-1", (3, 8, 8), 10, seed=0)
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules()) == 28


def test_sides_and_channels():
    images, shapes = torch.zeros(2, 3, 28, 28), []
    for layer in wide_resnet((3, 28, 28), 10, depth=16, width=2):
        images = layer(images)
        if isinstance(layer, ResidualBlock):
            shapes.append(tuple(images.shape[1:]))
    assert shapes == [(32, 28, 28)] * 2 + [(64, 14, 14)] * 2 + [(128, 7, 7)] * 2


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 8, 2), (4, 8, 1)])
def test_a_block_is_the_published_one(inputs, outputs, stride):
    """Written out on its own weights, in evaluation, where batch norm is an affine map of each channel."""
    block = ResidualBlock(inputs, outputs, stride, dropout=0.5).double().eval()
    first, second = block.activation[0], block.residual[2]
    for norm in (first, second):
        for values in (norm.running_mean, norm.weight.data, norm.bias.data):
            values.normal_()
        norm.running_var.uniform_(0.5, 2)

    def activate(norm: nn.BatchNorm2d, images: torch.Tensor) -> torch.Tensor:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return ((images - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).relu()

    images = torch.randn(2, inputs, 6, 6, dtype=torch.float64)
    activated = activate(first, images)
    inner = functional.conv2d(activated, block.residual[0].weight, stride=stride, padding=1)
    expected = functional.conv2d(activate(second, inner), block.residual[4].weight, padding=1)
    if inputs == outputs:
        expected = expected + images
    else:
        expected = expected + functional.conv2d(activated, block.projection.weight, stride=stride)
    torch.testing.assert_close(block(images), expected)


def test_dropout_acts_in_training_alone():
    block = ResidualBlock(4, 4, 1, dropout=0.5).eval()
    images = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(images), block(images))
    block.residual[1].train()
    assert not torch.equal(block(images), block(images))


def test_initial_weights():
    """Variances 2 / fan_out and 2 / (fan_in + fan_out): over 36,864 and 640 normal numbers a sample variance is
    within 5 deviations, 5 sqrt(2 / n), of them."""
    model = wide_resnet((3, 28, 28), 10)
    convolution = [m for m in model.modules() if isinstance(m, nn.Conv2d)][-1].weight
    linear = model[-1]
    for weight, variance in ((convolution, 2 / (9 * 64)), (linear.weight, 2 / 74)):
        assert weight.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / weight.numel()))
    assert not linear.bias.any()
