import pytest
import torch

from empirical.models.small_alexnet import small_alexnet


@pytest.mark.parametrize(("side", "places"), [(28, 7), (32, 8), (24, 6), (13, 4), (1, 1)])
def test_the_first_full_layer_takes_every_place(side, places):
    network = small_alexnet((3, side, side), 10)
    features = network[:8](torch.zeros(2, 3, side, side))
    assert features.shape == (2, 64, places, places)
    assert network[9].in_features == places * places * 64


def test_the_layers_are_the_papers():
    names = [type(layer).__name__ for layer in small_alexnet((3, 28, 28), 10)]
    features = ["Conv2d", "ReLU", "MaxPool2d", "LocalResponseNormalization"]
    assert names == [*features, *features, "Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear"]
