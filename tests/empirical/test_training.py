import io
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from empirical.models import build_model
from empirical.training import ResidentData, TrainingConfig, train

CONFIG = TrainingConfig(learning_rate=0.05, batch_size=8, max_steps=40)


@pytest.fixture
def data() -> ResidentData:
    """60 Gaussian images in 3 classes; a third of the labels changed."""
    random = np.random.default_rng(0)
    clean = torch.from_numpy(random.integers(0, 3, 60))
    given = torch.where(torch.arange(60) % 3 == 0, (clean + 1) % 3, clean)
    images = torch.from_numpy(random.standard_normal((60, 1, 4, 4)).astype(np.float32))
    return ResidentData(images, given, clean, images[:20] + 0.1, clean[:20])


def model(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    if dropout:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 3))
    return build_model("mlp-1x512", (1, 4, 4), 3, seed)


def metrics(record):
    return {name: value for name, value in asdict(record).items() if name != "seconds"}


def test_stops_when_every_given_label_is_fitted(data):
    network = model()
    records = [record for record, _ in train(network, data, replace(CONFIG, max_steps=5000), seed=0)]
    assert records[0].epoch == 0
    assert records[-1].train_accuracy == 1.0
    assert all(record.train_accuracy < 1.0 for record in records[:-1])
    predictions = network(data.train_images).argmax(dim=1)
    torch.testing.assert_close(predictions, data.train_labels)
    assert records[-1].train_accuracy_clean_labels == pytest.approx(2 / 3)
    assert records[-1].train_accuracy_changed == records[-1].train_accuracy_unchanged == 1.0


def test_limit_of_steps_finishes_its_epoch(data):
    records = [record for record, _ in train(model(), data, replace(CONFIG, max_steps=10), seed=0)]
    assert [record.step for record in records] == [0, 8, 16]


def test_accuracies_of_the_untrained_network(data):
    network = model()
    record, _ = next(train(network, data, CONFIG, seed=0))
    logits = network(data.train_images)
    hits = logits.argmax(dim=1) == data.train_labels
    changed = data.train_labels != data.clean_labels
    assert record.train_accuracy == hits.double().mean().item()
    assert record.train_accuracy_changed == pytest.approx(hits[changed].float().mean().item())
    assert record.train_accuracy_unchanged == pytest.approx(hits[~changed].float().mean().item())
    assert record.train_loss == pytest.approx(functional.cross_entropy(logits, data.train_labels).item(), rel=1e-6)
    assert record.test_accuracy == (network(data.test_images).argmax(dim=1) == data.test_labels).double().mean().item()


def test_no_changed_labels(data):
    record, _ = next(train(model(), replace(data, clean_labels=data.train_labels), CONFIG, seed=0))
    assert record.train_accuracy_changed is None


def test_follows_the_update_rule(data):
    """Two epochs against SGD with momentum, weight decay and the stepwise decay written out by hand."""
    config = replace(CONFIG, max_steps=16, weight_decay=0.01, learning_rate_decay=0.5, decay_steps=3)
    network, reference = model(), model()
    orders = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if self.training:
                orders.append(images)
            return self.inner(images)

    list(train(Spy(), data, config, seed=0))
    velocity = [torch.zeros_like(p) for p in reference.parameters()]
    flat = data.train_images.flatten(1)
    for step, images in enumerate(orders):
        rows = (images.flatten(1)[:, None] == flat).all(dim=2).nonzero()[:, 1]
        loss = functional.cross_entropy(reference(images), data.train_labels[rows])
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        with torch.no_grad():
            for p, g, v in zip(reference.parameters(), gradients, velocity, strict=True):
                v.mul_(0.9).add_(g + 0.01 * p)
                p.sub_(0.05 * 0.5 ** (step // 3) * v)
    assert len(orders) == 16
    for p, q in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)
    first, second = (torch.cat(orders[:8]), torch.cat(orders[8:]))
    for epoch in (first, second):  # every sample once an epoch
        assert len(torch.unique(epoch.flatten(1), dim=0)) == len(epoch) == 60
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("stop", [0, 1, 3])
def test_resumes_to_the_bit(data, dropout, stop):
    undisturbed = list(train(model(dropout=dropout), data, CONFIG, seed=0))
    torch.manual_seed(123)  # whatever else the process draws must not matter
    for epoch, (_record, state) in enumerate(train(model(dropout=dropout), data, CONFIG, seed=0)):
        if epoch == stop:
            saved = io.BytesIO()
            torch.save(state, saved)
            break
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    resumed = list(train(model(seed=9, dropout=dropout), data, CONFIG, seed=0, state=state))
    assert [metrics(r) for r, _ in resumed] == [metrics(r) for r, _ in undisturbed[stop + 1 :]]
    for key, value in undisturbed[-1][1]["model"].items():
        assert torch.equal(resumed[-1][1]["model"][key], value)


def test_seed_matters(data):
    first, second = (list(train(model(), data, CONFIG, seed))[-1][0] for seed in (0, 1))
    assert metrics(first) != metrics(second)


def test_a_diverging_run_says_so(data):
    huge = replace(data, train_images=data.train_images * 1e20)
    with pytest.raises(FloatingPointError, match=r"learning rate 1000000\.0 is too large"):
        list(train(model(), huge, replace(CONFIG, learning_rate=1e6), seed=0))


def test_an_optimiser_by_import_path(data):
    config = replace(CONFIG, optimizer="torch.optim:Adam", learning_rate=0.01)
    records = [record for record, _ in train(model(), data, config, seed=0)]
    assert records[-1].train_loss < records[0].train_loss


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive and finite, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"optimizer": "torch.optim:Adam", "weight_decay": 0.1}, "set them in your own optimiser's factory"),
    ],
)
def test_bad_hyper_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**changes)
