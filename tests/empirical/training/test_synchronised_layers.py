"""Batch norms over ranks are made from those of every network, with the same parameters and the same results on one."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from empirical.models import MODELS, build_model
from empirical.training.distributed import Ranks
from empirical.training.synchronised_layers import BatchShare, over_global_batch

SIDES = {"inception-v3": 75}


@pytest.mark.parametrize("name", MODELS)
def test_every_network_can_be_synchronised_on_gpus(name):
    """On one rank, here the CPU, torch's SyncBatchNorm computes what the layers before did: to the bit."""
    side = SIDES.get(name, 28)
    network = build_model(name, (3, side, side), 10, seed=0)
    synchronised = over_global_batch(copy.deepcopy(network), Ranks(device="cuda"), _Share(), batch_norm=True)
    layers = [layer for layer in synchronised.modules() if isinstance(layer, _BatchNorm)]
    assert all(type(layer) is nn.SyncBatchNorm for layer in layers)
    assert len(layers) == sum(isinstance(layer, _BatchNorm) for layer in network.modules())
    assert list(synchronised.state_dict()) == list(network.state_dict())
    assert [n for n, _ in synchronised.named_parameters()] == [n for n, _ in network.named_parameters()]
    images = torch.randn(4, 3, side, side)
    for model in (network, synchronised):
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # its draws are another matter
        model.train()(images).square().sum().backward()
    for (key, value), counterpart in zip(network.state_dict().items(), synchronised.state_dict().values(), strict=True):
        assert torch.equal(value, counterpart), f"running moments, {key}"
    for ours, theirs in zip(synchronised.parameters(), network.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)
    assert torch.equal(network.eval()(images), synchronised.eval()(images))


class _Share(BatchShare):
    """Without a generator, which would be the GPU's."""

    def __init__(self) -> None:
        self.rows, self.total = slice(0, 0), 0
