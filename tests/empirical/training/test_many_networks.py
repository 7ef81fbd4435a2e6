"""Networks trained at once are those that the training loop makes one by one."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from empirical.models import build_model
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.loop import train
from empirical.training.many_networks import ManyNetworks, classes_of, train_many

CONFIG = TrainingConfig(
    learning_rate=0.1,
    batch_size=16,
    max_steps=20,
    min_steps=20,
    weight_decay=1e-3,
    decay_steps=7,
    learning_rate_decay=0.5,
)
SEEDS = (3, 4, 2**60)


def networks() -> list[nn.Module]:
    return [build_model("mlp-1x8", (1, 4, 4), 3, seed).double() for seed in SEEDS]


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    images = torch.from_numpy(random.standard_normal((40, 1, 4, 4)))
    labels = torch.from_numpy(random.integers(0, 3, 40))
    samples = np.stack([np.sort(random.permutation(40)[:25]) for _ in SEEDS])
    return images, labels, samples


def test_each_is_the_network_that_the_training_loop_makes(data):
    images, labels, samples = data
    many = train_many(networks(), images, labels, samples, SEEDS, CONFIG)
    for i, (network, seed) in enumerate(zip(networks(), SEEDS, strict=True)):
        initial = torch.cat([p.detach().flatten() for p in network.parameters()])
        chosen = torch.from_numpy(samples[i])
        own = ResidentData(images[chosen], labels[chosen], labels[chosen], images, labels)
        for _ in train(network, own, CONFIG, seed):
            pass
        single = torch.cat([p.detach().flatten() for p in network.parameters()])
        stacked = torch.cat([p.detach()[i].flatten() for p in many.stacked])
        assert (single - initial).abs().max() > 0.1, "it has been trained"
        assert (single - stacked).abs().max() < 1e-6, "the loop takes the loss of float64 in float32, of a unit of 6e-8"
        with torch.no_grad():
            classes = network(images).argmax(1)
        np.testing.assert_array_equal(classes_of(many, images)[i], classes)


def adam(parameters, learning_rate):
    """With a rate of its own, whatever the configuration's."""
    return torch.optim.Adam(parameters, lr=1e-3)


@pytest.mark.parametrize("change", [{"weight_decay": 1.0, "weight_decay_of": "weights"}, {"optimizer": "users:adam"}])
def test_the_optimiser_has_the_groups_and_rates_that_it_has_in_the_loop(data, change, monkeypatch):
    monkeypatch.setitem(sys.modules, "users", types.SimpleNamespace(adam=adam))
    plain = {"momentum": TrainingConfig.momentum, "weight_decay": 0.0}
    config = replace(CONFIG, **(plain | change))
    images, labels, samples = data
    many = train_many(networks()[:1], images, labels, samples[:1], SEEDS[:1], config)
    (network,) = networks()[:1]
    chosen = torch.from_numpy(samples[0])
    for _ in train(
        network, ResidentData(images[chosen], labels[chosen], labels[chosen], images, labels), config, SEEDS[0]
    ):
        pass
    for own, stacked in zip(network.parameters(), many.stacked, strict=True):
        torch.testing.assert_close(stacked[0], own, atol=1e-6, rtol=0)


def test_a_networks_company_does_not_matter(data):
    images, labels, samples = data
    together = train_many(networks(), images, labels, samples, SEEDS, CONFIG)
    alone = train_many(networks()[1:2], images, labels, samples[1:2], SEEDS[1:2], CONFIG)
    for stacked, own in zip(together.stacked, alone.stacked, strict=True):
        torch.testing.assert_close(stacked[1:2], own, atol=1e-9, rtol=0)


def test_what_cannot_be_trained_together_is_refused(data):
    images, labels, samples = data
    for layer in (nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Dropout2d(0.5), nn.AlphaDropout(0.5)):
        with pytest.raises(ValueError, match="without batch normalisation and dropout"):
            ManyNetworks([nn.Sequential(layer, nn.Flatten(), nn.Linear(16, 3))])
    with pytest.raises(ValueError, match="as many rows"):
        train_many(networks(), images, labels, samples[:2], SEEDS, CONFIG)
    ignored = {"augmentation": "crop", "dropout": 0.5, "precision": "bf16", "compile": True}
    for name, value in ignored.items():
        with pytest.raises(ValueError, match=f"leave out --training.{name.replace('_', '-')}"):
            train_many(networks(), images, labels, samples, SEEDS, TrainingConfig(learning_rate=0.1, **{name: value}))
    diverging = TrainingConfig(learning_rate=1e200, max_steps=10)
    with pytest.raises(FloatingPointError, match="too large"):
        train_many(networks(), images, labels, samples, SEEDS, diverging)
