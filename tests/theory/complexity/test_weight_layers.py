"""Layers' weights against torch's, and spectral norms against the singular values of a convolution's whole matrix."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from empirical.models import build_model
from theory.complexity import WeightLayer, weight_layers


def matrix_of(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a linear map, a column for each input."""
    size = math.prod(shape)
    with torch.no_grad():
        return layer(torch.eye(size, dtype=torch.float64).reshape(size, *shape)).flatten(1).T.numpy()


@given(
    seed=st.integers(0, 99),
    sides=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.sampled_from([0, 1, 2, (0, 1), "valid"]),
    dilation=st.sampled_from([1, (1, 2)]),
    groups=st.sampled_from([1, 2]),
)
def test_a_convolutions_norm_is_bounded(seed, sides, kernel, stride, padding, dilation, groups):
    pads = (0, 0) if padding == "valid" else padding if isinstance(padding, tuple) else (padding, padding)
    spread = kernel[0], 1 + (kernel[1] - 1) * (2 if dilation != 1 else 1)
    if any(side + 2 * pad < size for side, pad, size in zip(sides, pads, spread, strict=True)):
        return
    torch.manual_seed(seed)
    layer = nn.Conv2d(
        2, 4, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False
    ).double()
    (weights,) = weight_layers(layer, torch.zeros(1, 2, *sides).double())
    whole = np.linalg.norm(matrix_of(layer, (2, *sides)), 2)
    assert whole <= weights.spectral_norm * (1 + 1e-12)
    assert weights.frobenius_norm == pytest.approx(float(layer.weight.detach().norm()), rel=1e-12)


@pytest.mark.parametrize("sides", [(5, 6), (4, 9)])
@pytest.mark.parametrize(("kernel", "groups"), [((3, 3), 1), ((1, 4), 1), ((3, 2), 2), ((4, 1), 4)])
def test_a_convolution_that_goes_round_the_torus_has_exactly_this_norm(sides, kernel, groups):
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 4, kernel, padding="same", padding_mode="circular", groups=groups, bias=False).double()
    kernels = layer.weight.detach().unflatten(0, (groups, -1)).numpy()
    torus = tuple(1 if size == 1 else side for size, side in zip(kernel, sides, strict=True))
    whole = np.linalg.norm(matrix_of(layer, (4, *sides)), 2)
    assert WeightLayer(kernels, torus).spectral_norm == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
def test_the_bound_is_near_on_larger_images(groups):
    """A convolution of 3 x 3 on images of 24 x 24, whose zeros are few."""
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 2, 3, padding=1, groups=groups, bias=False).double()
    (weights,) = weight_layers(layer, torch.zeros(1, 2, 24, 24).double())
    assert np.linalg.norm(matrix_of(layer, (2, 24, 24)), 2) > 0.97 * weights.spectral_norm


def test_a_dilated_kernel_has_its_zeros_on_a_torus_of_the_padded_image():
    layer = nn.Conv2d(1, 1, (3, 1), dilation=(2, 1), padding="same")
    (weights,) = weight_layers(layer, torch.zeros(1, 1, 7, 5))
    assert (weights.kernels.shape, weights.torus) == ((1, 1, 1, 5, 1), (11, 1))
    assert weights.kernels[0, 0, 0, 1::2, 0].tolist() == [0, 0]


def test_layers_come_in_the_order_of_the_forward_pass():
    torch.manual_seed(0)

    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(8, 3)
            self.first = nn.Conv2d(1, 2, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.last(self.first(images).relu().flatten(1))

    network = Backwards()
    first, last = weight_layers(network, torch.zeros(2, 1, 4, 4))
    np.testing.assert_array_equal(first.kernels[0], network.first.weight.detach().double().numpy())
    np.testing.assert_array_equal(last.kernels[0, :, :, 0, 0], network.last.weight.detach().double().numpy())
    assert last.spectral_norm == pytest.approx(float(torch.linalg.svdvals(network.last.weight.detach().double())[0]))
    assert not network.first._forward_pre_hooks


def test_the_papers_alexnet_has_five_layers():
    layers = weight_layers(build_model("alexnet", (3, 28, 28), 10, 0), torch.zeros(1, 3, 28, 28))
    assert [layer.torus for layer in layers] == [(32, 32), (18, 18), (1, 1), (1, 1), (1, 1)]
    assert sum(layer.kernels.size for layer in layers) == 1_387_786 - 64 - 64 - 384 - 192 - 10


def test_what_has_no_known_norm_is_named():
    images = torch.zeros(1, 2, 4, 4)
    cases: list[tuple[nn.Module, type[Exception], str]] = [
        (nn.Sequential(nn.BatchNorm2d(2)), TypeError, "'0' is a BatchNorm2d"),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), TypeError, "'reflect'"),
        (nn.Sequential(shared := nn.Conv2d(2, 2, 1), shared), ValueError, "'0' is applied 2 times"),
    ]
    for module, error, message in cases:
        with pytest.raises(error, match=message):
            weight_layers(module, images)
    with pytest.raises(ValueError, match="larger than the torus"):
        WeightLayer(np.ones((1, 1, 1, 3, 3)), (2, 4))
    with pytest.raises(ValueError, match="five axes"):
        WeightLayer(np.ones((2, 2)))
    with pytest.raises(ValueError, match="one shape"):
        WeightLayer(np.ones((1, 1, 1, 3, 3)), (4, 4)) - WeightLayer(np.ones((1, 1, 1, 3, 3)), (5, 4))
