import pytest
import torch
from torch import nn

from empirical.models.local_response_normalization import LocalResponseNormalization

TORCHS = nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)


def activations(channels: int, dtype: torch.dtype, scale: float) -> torch.Tensor:
    return scale * torch.randn(2, channels, 3, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("channels", [1, 3, 8, 64])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_torchs(channels, scale, dtype):
    """To rounding: a sum of nine squares, a root of a root and three products are within some 20 units of roundoff."""
    images = activations(channels, dtype, scale)
    upstream = activations(channels, dtype, 1.0).flip(0)
    results = []
    for layer in (LocalResponseNormalization(channels).to(dtype), TORCHS):
        inputs = images.clone().requires_grad_()
        outputs = layer(inputs)
        outputs.backward(upstream)
        results.append((outputs.detach(), inputs.grad))
    tolerance = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(results[0][0], results[1][0], rtol=tolerance, atol=0)
    # A gradient is a difference of terms that can cancel: of the size of the upstream gradient, at most 5.
    torch.testing.assert_close(results[0][1], results[1][1], rtol=tolerance, atol=5 * tolerance)


def test_the_definition():
    images = activations(12, torch.float64, 30.0)
    expected = torch.empty_like(images)
    for channel in range(12):
        neighbours = images[:, max(0, channel - 4) : channel + 5]
        expected[:, channel] = images[:, channel] / (1 + 0.001 / 9 * neighbours.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(LocalResponseNormalization(12).double()(images), expected, rtol=1e-14, atol=0)


def test_gradients_against_differences():
    layer = LocalResponseNormalization(6).double()
    images = activations(6, torch.float64, 50.0)[:1, :, :2, :2].requires_grad_()
    assert torch.autograd.gradcheck(layer, images)
    assert torch.autograd.gradgradcheck(layer, images)


def test_has_no_state():
    assert not LocalResponseNormalization(64).state_dict()


def test_keeps_channels_last():
    images = activations(8, torch.float32, 1.0).to(memory_format=torch.channels_last)
    assert LocalResponseNormalization(8)(images).is_contiguous(memory_format=torch.channels_last)
