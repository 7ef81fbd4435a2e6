import importlib.util

import pytest
import torch
from torch import nn

from empirical.models import build_model, num_parameters

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="needs torchvision: the extra imagenet"
)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build_model("inception-v3", (3, 299, 299), 1000, seed=0)


def test_parameters(network):
    """Keras's InceptionV3 has 23,817,352 trainable ones: without the scales of 17,216 batch-normalised channels."""
    scales = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert scales == 17_216
    assert num_parameters(network) - scales == 23_817_352


def test_no_explicit_regularisation(network):
    assert network.AuxLogits is None
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.0]


def test_logits_of_the_smallest_images(network):
    images = torch.randn(2, 3, 75, 75, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for training in (True, False):
            logits = network.train(training)(images)
            assert logits.shape == (2, 1000)
            assert logits.isfinite().all()


def test_initialisation_is_the_seeds_own(network):
    again = build_model("inception-v3", (3, 75, 75), 1000, seed=0)
    for p, q in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("image_shape", [(3, 74, 299), (3, 299, 74), (1, 299, 299), (3, 28, 28)])
def test_unsuitable_images(image_shape):
    with pytest.raises(ValueError, match="colour images of at least 75 x 75"):
        build_model("inception-v3", image_shape, 10, seed=0)
