"""Second derivatives on the device: what is multiplied into a gradient lies where the gradient does."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from empirical.studies.bounds.sgd_stability import _constants_seen
from tests.simulated_cuda import simulated_cuda


def subject(device: str) -> SimpleNamespace:
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)).to(device) for _ in range(2)]
    images, labels = torch.randn(6, 3, 2, 2).to(device), (torch.arange(6) % 3).to(device)
    data = SimpleNamespace(train_images=images, train_labels=labels)
    return SimpleNamespace(initial=networks[0], trained=networks[1], data=data, n=6)


def test_gradients_and_curvatures_are_those_of_the_cpu():
    expected = _constants_seen(subject("cpu"))
    with simulated_cuda():
        assert _constants_seen(subject("cuda")) == pytest.approx(expected, rel=1e-6)
    assert expected["smoothness"] > 0
