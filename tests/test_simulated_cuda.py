"""The simulated device refuses what a real one refuses, and sees where the host waits."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.simulated_cuda import CUDA, simulated_cuda


@pytest.fixture
def device():
    with simulated_cuda() as device:
        yield device


def test_tensors_say_where_they_are(device):
    zeros = torch.zeros(3, device="cuda")
    moved = torch.ones(3).to("cuda")
    total = zeros + 2 * moved
    for tensor in (zeros, moved, total, total[1:], total.view(3, 1), torch.zeros_like(total), total.new_tensor([1.0])):
        assert tensor.device == CUDA
        assert tensor.is_cuda
    assert torch.ones(3).device.type == total.cpu().device.type == "cpu"
    assert torch.zeros_like(total, device="cpu").device.type == "cpu"
    assert torch.equal(total.cpu(), torch.full((3,), 2.0))
    assert torch.ones(3).to(total).device == CUDA


def test_a_network_and_its_gradients_are_where_it_was_sent(device):
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)).to("cuda")
    copied = copy.deepcopy(network)
    device.synchronisations.clear()  # every parameter was copied
    labels = torch.zeros(5, dtype=torch.long, device="cuda")
    functional.cross_entropy(network(torch.randn(5, 3, device="cuda")), labels).backward()
    tensors = [*network.parameters(), *network.buffers(), *(p.grad for p in network.parameters())]
    assert all(tensor.device == CUDA for tensor in [*tensors, *copied.parameters(), *copied.buffers()])
    assert not device.synchronisations
    assert all(tensor.device.type == "cpu" for tensor in network.cpu().parameters())


@pytest.mark.parametrize(
    "refused",
    [
        lambda here, there: here + there,
        lambda here, there: there @ here,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: here.add_(there.sum()),
        lambda here, there: there.index_select(0, torch.tensor([0])),
        lambda here, there: here[torch.tensor([0], device="cuda")],
        lambda here, there: functional.linear(there, here),
        lambda here, there: there.bernoulli_(0.5, generator=torch.Generator()),
    ],
)
def test_two_devices_in_one_operation_are_refused(device, refused):
    here, there = torch.ones(2, 2), torch.ones(2, 2, device="cuda")
    with pytest.raises(RuntimeError, match=r"same device|generator"):
        refused(here, there)


def test_what_cuda_allows_across_devices(device):
    there = torch.ones(2, 2, device="cuda")
    assert (there * torch.tensor(2.0)).device == CUDA
    assert there[torch.tensor([0])].device == CUDA
    here = torch.zeros(2, 2)
    assert here.copy_(there).device.type == "cpu"
    assert torch.equal(here, torch.ones(2, 2))


def test_numpy_has_no_view_of_the_device(device):
    there = torch.ones(2, device="cuda")
    for convert in (torch.Tensor.numpy, np.asarray):
        with pytest.raises(TypeError, match="numpy"):
            convert(there)
    assert there.cpu().numpy().sum() == 2


def test_gradients_of_outputs_must_be_where_the_outputs_are(device):
    weight = torch.ones(2, device="cuda", requires_grad=True)
    with pytest.raises(RuntimeError, match="gradient"):
        torch.autograd.grad((weight * 2).sum(), [weight], [torch.tensor(1.0)])
    torch.autograd.grad((weight * 2).sum(), [weight], [torch.tensor(1.0, device="cuda")])


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: int(x.sum()),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.equal(x, x),
        lambda x: x.copy_(torch.zeros(3)),
        lambda x: torch.zeros(3).to("cuda", non_blocking=True),
        lambda x: torch.tensor([1.0], device="cuda"),
    ],
)
def test_the_host_waits_once(device, waits):
    x = torch.ones(3, device="cuda")
    waits(x)
    assert len(device.synchronisations) == 1
    assert device.synchronisations[0].startswith("tests/test_simulated_cuda.py:")


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda x: x.sum(),
        lambda x: x[torch.zeros(1, dtype=torch.long, device="cuda")],
        lambda x: x.__setitem__(0, 2.0),
        lambda x: torch.zeros(3).pin_memory().to("cuda", non_blocking=True),
        lambda x: torch.where(x > 0, x, 0.0),
        lambda x: torch.full((2,), 3.0, device="cuda"),
    ],
)
def test_the_host_does_not_wait(device, goes_on):
    x = torch.ones(3, device="cuda")
    goes_on(x)
    assert not device.synchronisations


def test_all_is_as_before_afterwards():
    with simulated_cuda() as device:
        x = torch.ones(3, device="cuda")
        assert x in device
    assert x.device.type == "cpu"
    assert torch.autocast.__module__.startswith("torch")
    assert torch.ones(1) not in device
