import pytest
import torch
from torch import nn
from torch.nn import functional

from empirical.models import build_model
from empirical.models.small_inception import ShiftBatchNorm2d, SideBySide, small_inception


@pytest.mark.parametrize("batch_norm", [True, False])
def test_sides_and_channels_are_the_papers(batch_norm):
    network = small_inception((3, 28, 28), 10, batch_norm)
    images, shapes = torch.zeros(2, 3, 28, 28), []
    for layer in list(network)[:-2]:
        images = layer(images)
        shapes.append(tuple(images.shape[1:3]))
    channels = [96, 64, 80, 160, 160, 160, 160, 144, 240, 336, 336, 336]
    assert shapes == list(zip(channels, [28] * 3 + [14] * 5 + [7] * 3 + [1], strict=True))


def test_the_mean_over_all_places_is_the_papers_mean_pool_of_seven():
    images = torch.randn(2, 336, 7, 7)
    pooled = nn.AdaptiveAvgPool2d(1)(images)
    torch.testing.assert_close(pooled, functional.avg_pool2d(images, 7))


def test_a_downsampling_module_is_a_convolution_beside_a_pool():
    network = small_inception((3, 28, 28), 10, batch_norm=False)
    module = next(m for m in network if isinstance(m, SideBySide) and isinstance(m.branches[1], nn.MaxPool2d))
    images = torch.randn(2, 80, 14, 14)
    outputs, convolution = module(images), module.branches[0][0]
    expected = functional.conv2d(images, convolution.weight, convolution.bias, stride=2, padding=1).relu()
    torch.testing.assert_close(outputs[:, :80], expected)
    torch.testing.assert_close(outputs[:, 80:], functional.max_pool2d(images, 3, 2, 1))


def test_batch_norm_in_training():
    layer = ShiftBatchNorm2d(5).double()
    nn.init.normal_(layer.bias)
    images = torch.randn(6, 5, 4, 3, dtype=torch.float64) * 3 + 2
    mean, variance = images.mean((0, 2, 3)), images.var((0, 2, 3), correction=0)
    centred = images - mean[:, None, None]
    expected = centred / (variance + 0.001).sqrt()[:, None, None] + layer.bias[:, None, None]
    torch.testing.assert_close(layer(images), expected)
    torch.testing.assert_close(layer.running_mean, 0.1 * mean)
    torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * images.var((0, 2, 3)))


def test_batch_norm_in_evaluation():
    layer = ShiftBatchNorm2d(5).double()
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    nn.init.normal_(layer.bias)
    images = torch.randn(6, 5, 4, 3, dtype=torch.float64)
    mean, deviation, shift = (
        v[:, None, None] for v in (layer.running_mean, (layer.running_var + 0.001).sqrt(), layer.bias)
    )
    torch.testing.assert_close(layer.eval()(images), (images - mean) / deviation + shift)


def test_batch_norm_has_no_scale_to_train_or_to_save():
    layer = ShiftBatchNorm2d(5)
    assert [name for name, _ in layer.named_parameters()] == ["bias"]
    assert set(layer.state_dict()) == {"bias", "running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("name", ["inception", "inception-no-bn"])
def test_signals_pass_at_initialisation(name):
    """Glorot's weights: torch's default loses the images' differences without batch norm, He's explode in training."""
    model = build_model(name, (3, 16, 16), 10, seed=0)
    images = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        deviation = model(images).std(dim=0).mean()
    assert 1e-3 < deviation < 1  # torch's default without batch norm: 2e-5
