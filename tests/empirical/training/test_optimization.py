"""A user's optimiser trains at the rates that it was made with, times the schedule's factor."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.loop import train
from empirical.training.optimization import build_optimizer
from empirical.training.schedule import is_the_papers
from tests.empirical.training.saved_states import loaded, saved

CONFIG = TrainingConfig(
    optimizer="own_optimizers:groups", learning_rate=0.01, batch_size=8, max_steps=10, learning_rate_decay=0.5,
    decay_steps=4,
)  # fmt: skip


@pytest.fixture
def data() -> ResidentData:
    random = np.random.default_rng(0)
    labels = torch.from_numpy(random.integers(0, 3, 20))
    images = torch.from_numpy(random.standard_normal((20, 1, 4, 4)).astype(np.float32))
    return ResidentData(images, labels, labels, images, labels)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))


class Recorded(torch.optim.SGD):
    """Notes the rates that it steps with."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.rates = []

    def step(self, closure=None):
        self.rates.append([group["lr"] for group in self.param_groups])
        return super().step(closure)


class Sharpness(torch.optim.SGD):
    """As SAM does, it asks for a closure, though its signature does not."""

    def step(self, closure=None):
        assert closure is not None, "SAM needs a closure"


class Silent(torch.optim.SGD):
    def step(self, closure=None):
        return closure()


@pytest.fixture
def optimisers(monkeypatch):
    """The optimisers made, by factories in an importable module."""
    module, optimisers = types.ModuleType("own_optimizers"), []

    def groups(parameters, rate):
        first, *rest = parameters
        optimisers.append(Recorded([{"params": [first], "lr": 0.0}, {"params": rest, "lr": 64 * rate}], lr=rate))
        return optimisers[-1]

    module.groups = groups
    module.own_rate = lambda parameters, rate: optimisers.append(Recorded(parameters, lr=1e-4)) or optimisers[-1]
    module.lbfgs = lambda parameters, rate: torch.optim.LBFGS(parameters, lr=rate)
    module.silent_sam = lambda parameters, rate: Silent(parameters, lr=rate)
    module.sam = lambda parameters, rate: Sharpness(parameters, lr=rate)
    monkeypatch.setitem(sys.modules, "own_optimizers", module)
    return optimisers


def test_every_group_keeps_its_own_rate(data, optimisers):
    model = network()
    frozen, trained = (model[1].weight.detach().clone(), model[3].weight.detach().clone())
    records = [record for record, _ in train(model, data, CONFIG, seed=0) if record]
    expected = [[0.0, 0.64 * 0.5 ** (step // 4)] for step in range(len(optimisers[0].rates))]
    assert optimisers[0].rates == expected
    assert torch.equal(model[1].weight, frozen)
    assert not torch.equal(model[3].weight, trained)
    assert records[0].learning_rate == 0.64, "the largest"


def test_a_factory_may_choose_its_own_rate(data, optimisers):
    records = [record for record, _ in train(network(), data, replace(CONFIG, optimizer="own_optimizers:own_rate"), 0)]
    assert optimisers[0].rates[0] == [1e-4]
    assert records[0].learning_rate == 1e-4


def test_a_resumed_run_keeps_the_rates(data, optimisers):
    whole = network()
    for _, state in train(whole, data, CONFIG, seed=0):
        if state.epoch == 2:
            content = saved(state)
    again = network()
    for _ in train(again, data, CONFIG, 0, loaded(content)):
        pass
    assert optimisers[2].rates == optimisers[0].rates[6:], "optimisers[1] is the one that is tried"
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_sgd_is_as_it_was(data):
    """The weights after some steps, against SGD with momentum written out, at the rates of the schedule."""
    config, model, expected = replace(CONFIG, optimizer="sgd", batch_size=20, max_steps=6), network(), network()
    for _ in train(model, data, config, seed=0):
        pass
    optimizer = torch.optim.SGD(expected.parameters(), lr=1.0, momentum=0.9, fused=True)
    for step in range(6):
        order = torch.arange(20)
        optimizer.param_groups[0]["lr"] = 0.01 * 0.5 ** (step // 4)
        optimizer.zero_grad()
        nn.functional.cross_entropy(expected(data.train_images[order]), data.train_labels[order]).backward()
        optimizer.step()
    for a, b in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)  # the order of the samples changes the last bits


def test_weight_decay_of_weights_alone():
    """One step without gradients: w becomes (1 - rate c) w where it decays, and stays where it does not."""
    config = TrainingConfig(learning_rate=0.5, weight_decay=0.1, momentum=0.0)
    for chosen, factor in (("parameters", 0.95), ("weights", 1.0)):
        model = network()
        before = [parameter.detach().clone() for parameter in model.parameters()]
        optimizer = build_optimizer(model, replace(config, weight_decay_of=chosen))
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        for was, parameter in zip(before, model.parameters(), strict=True):
            torch.testing.assert_close(parameter.detach(), was * (0.95 if was.dim() > 1 else factor))


def test_the_papers_decay_is_by_the_epoch():
    """0.95 an epoch of 50,000 images: 391 steps of 128, 500 of 100."""
    assert is_the_papers(TrainingConfig())
    assert is_the_papers(TrainingConfig(batch_size=100, decay_steps=500))
    assert is_the_papers(TrainingConfig(batch_size=100)), "by the steps of the authors' batches"
    assert not is_the_papers(TrainingConfig(decay_steps=500))
    assert not is_the_papers(TrainingConfig(batch_size=100, decay_steps=500, learning_rate_decay=0.98))


@pytest.mark.parametrize("name", ["lbfgs", "sam", "silent_sam"])
def test_an_optimiser_that_wants_a_closure_is_refused(optimisers, name):
    config = replace(CONFIG, optimizer=f"own_optimizers:{name}")
    with pytest.raises(ValueError, match=rf"optimizer 'own_optimizers:{name}' asks for a closure"):
        build_optimizer(network(), config)
