"""The host does not wait for a GPU within the loop over steps: it would leave the GPU idle at every one of them."""

from dataclasses import replace

import pytest
import torch

from empirical.datasets.preprocessing import whiten
from empirical.models import build_model
from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.distributed import ALONE
from empirical.training.dropout import set_dropout
from empirical.training.stepper import Stepper
from tests.simulated_cuda import simulated_cuda

CONFIG = TrainingConfig(learning_rate=0.01, batch_size=4, max_steps=100, weight_decay=1e-4)
NETWORKS = ("mlp-1x512", "mlp-3x512", "alexnet", "inception", "inception-no-bn", "wide-resnet-10-1")


def data_on(device: str, n: int = 22) -> ResidentData:
    random = torch.Generator().manual_seed(0)
    stored = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=random).to(device)
    images, labels = whiten(stored[:, :, 2:30, 2:30]), (torch.arange(n) % 10).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    return ResidentData(images, labels, labels.clone(), images[:4], labels[:4], stored, 28)


def waits(name: str, config: TrainingConfig, steps: int) -> int:
    """How often the host waits while so many steps are taken."""
    with simulated_cuda() as device:
        model = set_dropout(build_model(name, (3, 28, 28), 10, seed=0), config.dropout or 0.0).to("cuda")
        data = data_on("cuda")
        stepper = Stepper(model, config, 0, ALONE, data)
        batches = Batches(data, config, 0, 1).starting(0)
        device.synchronisations.clear()
        stepper.take(batches, steps, 0)
        return len(device.synchronisations)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_step_of_any_network_waits(name):
    """At the end of them the host asks for two sums, whatever the number of steps; the last batch is smaller."""
    assert waits(name, CONFIG, 2) == waits(name, CONFIG, 6) == 2


@pytest.mark.parametrize(
    "changes",
    [
        *({"augmentation": name} for name in ("crop", "flip-rotate", "resized-crop")),
        {"dropout": 0.5},
        {"precision": "bf16"},
        {"optimizer": "torch.optim:Adam"},
    ],
)
def test_no_regulariser_precision_or_optimiser_waits(changes):
    config = replace(CONFIG, **({"weight_decay": 0.0} | changes))
    assert waits("mlp-1x512", config, 2) == waits("mlp-1x512", config, 6) == 2


def test_a_step_that_waits_is_counted(monkeypatch):
    """The counter sees what it is for."""
    rate = "empirical.training.stepper.step_size_at"
    monkeypatch.setattr(rate, lambda config, step, rate: float(torch.full((), 0.01, device="cuda")))
    assert waits("mlp-1x512", CONFIG, 6) == waits("mlp-1x512", CONFIG, 2) + 4
