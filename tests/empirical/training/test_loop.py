import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from empirical.models import build_model
from empirical.outcome import decode_hits
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.distributed import Ranks
from empirical.training.evaluation import evaluated_at_once, predict
from empirical.training.loop import train
from tests.empirical.training.saved_states import loaded, saved

CONFIG = TrainingConfig(learning_rate=0.05, batch_size=8, max_steps=40)


@pytest.fixture
def data() -> ResidentData:
    """60 Gaussian images in 3 classes; a third of the labels changed."""
    random = np.random.default_rng(0)
    clean = torch.from_numpy(random.integers(0, 3, 60))
    labels = torch.where(torch.arange(60) % 3 == 0, (clean + 1) % 3, clean)
    images = torch.from_numpy(random.standard_normal((60, 1, 4, 4)).astype(np.float32))
    return ResidentData(images, labels, clean, images[:20] + 0.1, clean[:20])


def model(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    if dropout:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 3))
    return build_model("mlp-1x512", (1, 4, 4), 3, seed)


def metrics(record):
    return {name: value for name, value in asdict(record).items() if name != "seconds"}


_ON_TRAINING_SPLIT = (
    *("train_loss", "train_accuracy", "train_accuracy_clean_labels"),
    *("train_accuracy_changed", "train_accuracy_unchanged"),
)


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
    right = network(data.test_images).argmax(dim=1) == data.test_labels
    assert record.test_accuracy == right.double().mean().item()
    assert decode_hits(record.test_hits, len(data.test_labels)).tolist() == right.tolist()


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


@pytest.mark.parametrize("augmentation", ["none", "crop", "flip-rotate", "resized-crop"])
def test_augmented_runs_resume_to_the_bit_within_an_epoch(data, augmentation):
    """Stopped after every batch, each time with a new network, a new process's generators and a saved state."""
    stored = (data.train_images * 10 + 100).clamp(0, 255).to(torch.uint8)
    data = replace(data, stored_images=stored, crop=3)
    cropped = [images[:, :, :3, :3] for images in (data.train_images, data.test_images)]
    data = replace(data, train_images=cropped[0], test_images=cropped[1])
    config = replace(CONFIG, augmentation=augmentation, max_steps=24)

    def fresh(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        layers = [nn.Conv2d(1, 8, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32, 3)]
        return nn.Sequential(*layers)

    undisturbed = list(train(fresh(0), data, config, seed=0))
    records, state, stops = [], None, 0
    while state is None or state.goes_on(config):
        torch.manual_seed(stops)
        going_on = train(fresh(0 if state is None else 99), data, config, 0, state, seconds_between_states=0.0)
        record, latest = next(going_on)
        records += [record] if record else []
        stops += record is None
        state = loaded(saved(latest))
    assert stops == 3 * 7, "an epoch of 8 batches can be stopped 7 times within"
    assert [metrics(record) for record in records] == [metrics(record) for record, _ in undisturbed]
    for key, value in undisturbed[-1][1].model.items():
        assert torch.equal(state.model[key], value)


def test_min_steps_go_on_after_the_fit(data):
    config = replace(CONFIG, max_steps=5000)
    short = [record for record, _ in train(model(), data, config, seed=0)]
    long = [record for record, _ in train(model(), data, replace(config, min_steps=short[-1].step + 20), seed=0)]
    assert [metrics(record) for record in long[: len(short)]] == [metrics(record) for record in short]
    assert long[-1].step == short[-1].step + 24, "whole epochs of 8 steps"


def test_online_accuracy_and_loss_are_of_the_samples_as_they_were_trained_on(data):
    hits, losses = [], []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = self.inner(images)
            if self.training:
                rows = (images.flatten(1)[:, None] == data.train_images.flatten(1)).all(dim=2).nonzero()[:, 1]
                hits.append((logits.argmax(1) == data.train_labels[rows]).sum().item())
                losses.append(nn.functional.cross_entropy(logits, data.train_labels[rows], reduction="sum").item())
            return logits

    records = [record for record, _ in train(Spy(), data, replace(CONFIG, max_steps=16), seed=0)]
    assert records[0].online_accuracy is records[0].online_loss is None
    assert [record.online_accuracy for record in records[1:]] == [sum(hits[:8]) / 60, sum(hits[8:]) / 60]
    expected = [sum(losses[:8]) / 60, sum(losses[8:]) / 60]
    assert [record.online_loss for record in records[1:]] == pytest.approx(expected, rel=1e-5)  # float32 means


def test_channels_last_images_train_the_same_network(data):
    def fresh() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 8, 2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))

    plain = [record for record, _ in train(fresh(), data, CONFIG, seed=0)]
    wide = data.train_images.expand(-1, 1, -1, -1).contiguous(memory_format=torch.channels_last)
    last = [record for record, _ in train(fresh(), replace(data, train_images=wide), CONFIG, seed=0)]
    assert [r.train_loss for r in plain] == pytest.approx([r.train_loss for r in last], rel=1e-4)


def test_what_is_missing_is_named(data):
    with pytest.raises(ValueError, match="learning_rate is not set"):
        next(train(model(), data, TrainingConfig(), seed=0))
    with pytest.raises(ValueError, match="needs the stored images"):
        next(train(model(), data, replace(CONFIG, augmentation="crop"), seed=0))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("stop", [0, 1, 3])
def test_resumes_to_the_bit(data, dropout, stop):
    undisturbed = list(train(model(dropout=dropout), data, CONFIG, seed=0))
    torch.manual_seed(123)  # whatever else the process draws must not matter
    for epoch, (_record, state) in enumerate(train(model(dropout=dropout), data, CONFIG, seed=0)):
        if epoch == stop:
            content = saved(state)
            break
    resumed = list(train(model(seed=9, dropout=dropout), data, CONFIG, seed=0, state=loaded(content)))
    assert [metrics(r) for r, _ in resumed] == [metrics(r) for r, _ in undisturbed[stop + 1 :]]
    for key, value in undisturbed[-1][1].model.items():
        assert torch.equal(resumed[-1][1].model[key], value)


def test_seed_matters(data):
    first, second = (list(train(model(), data, CONFIG, seed))[-1][0] for seed in (0, 1))
    assert metrics(first) != metrics(second)


def test_a_diverging_run_says_so(data):
    huge = replace(data, train_images=data.train_images * 1e20)
    with pytest.raises(FloatingPointError, match=r"learning rate 1000000\.0 is too large"):
        list(train(model(), huge, replace(CONFIG, learning_rate=1e6), seed=0))
    turning = replace(CONFIG, weight_decay=1e6)
    with pytest.raises(FloatingPointError, match=r"weight decay 1e\+06 at the learning rate .* makes them larger"):
        list(train(model(), data, turning, seed=0))


def test_an_optimiser_by_import_path(data):
    config = replace(CONFIG, optimizer="torch.optim:Adam", learning_rate=0.01)
    records = [record for record, _ in train(model(), data, config, seed=0)]
    assert records[-1].train_loss < records[0].train_loss


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 1.0}, "momentum must be below 1, got 1.0"),
        ({"batch_size": 0}, "batch_size must be positive and finite, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"dropout": 1.0}, "dropout is a probability below 1"),
        ({"augmentation": "mixup"}, "augmentation must be one of none, crop"),
        ({"min_steps": 10, "max_steps": 5}, "min_steps is 10, above max_steps, 5"),
        ({"optimizer": "torch.optim:Adam", "weight_decay": 0.1}, "set them in your own optimiser's factory"),
    ],
)
def test_bad_hyper_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**changes)


@pytest.mark.parametrize("stop", [2, 5, 9])
def test_rare_records_change_nothing_but_when_it_looks(data, stop):
    """And a state between records resumes to the bit."""
    rare = replace(CONFIG, learning_rate=0.001, max_steps=80, epochs_per_record=4)  # too small to fit in 80 steps
    every = [record for record, _ in train(model(), data, replace(rare, epochs_per_record=1), seed=0)]
    undisturbed = [record for record, _ in train(model(), data, rare, seed=0)]
    assert [record.epoch for record in undisturbed] == [0, 4, 8, 10], "and the last"
    assert [metrics(record) for record in undisturbed] == [metrics(every[record.epoch]) for record in undisturbed]
    last = None
    for record, state in train(model(), data, rare, seed=0, seconds_between_states=0.0):
        last = last if record is None else record.epoch
        assert state.recorded == last, "what must be on disk for the state to be of use"
    states = train(model(), data, rare, seed=0, seconds_between_states=0.0)
    _, state = next(pair for pair in states if pair[1].epoch == stop)
    resumed = [record for record, _ in train(model(seed=9), data, rare, seed=0, state=loaded(saved(state)))]
    assert [metrics(record) for record in resumed] == [metrics(r) for r in undisturbed if r.epoch > stop]


@pytest.mark.parametrize("learning_rate", [0.1, 0.001])
@pytest.mark.parametrize("grid", [3, 1000])
def test_a_thinned_evaluation_finds_the_same_first_fit(data, learning_rate, grid, monkeypatch):
    monkeypatch.setattr("empirical.training.evaluation._EVALUATED", 16)  # several batches, so that a miss may be in any
    config = replace(CONFIG, learning_rate=learning_rate, max_steps=200)
    whole = [record for record, _ in train(model(), data, config, seed=0)]
    thinned = [record for record, _ in train(model(), data, replace(config, epochs_per_train_evaluation=grid), seed=0)]
    assert [record.fitted for record in thinned] == [record.fitted for record in whole]
    for thin_record, full_record in zip(thinned, whole, strict=True):
        evaluated = thin_record.epoch % grid == 0 or thin_record.fitted or thin_record is thinned[-1]
        assert (thin_record.train_loss is not None) == evaluated
        left_out = {} if evaluated else dict.fromkeys(_ON_TRAINING_SPLIT)
        assert replace(thin_record, seconds=0.0) == replace(full_record, seconds=0.0, **left_out)


def test_fewer_large_images_are_evaluated_at_once():
    assert evaluated_at_once((3, 28, 28)) == 2048
    assert evaluated_at_once((3, 299, 299)) == 25_000_000 // (3 * 299 * 299)
    assert evaluated_at_once((3, 5000, 5000)) == 1


def test_predictions_are_by_sample_over_several_batches(data, monkeypatch):
    """In batches of 7 as all at once; the network's own logits, by hand."""
    monkeypatch.setattr("empirical.training.evaluation._EVALUATED", 7)
    network = model()
    predictions = predict(network, data.train_source, data.train_labels)
    logits = network(data.train_images)
    assert torch.equal(predictions.classes, logits.argmax(1))
    expected = -logits.double().log_softmax(1)[torch.arange(60), data.train_labels]
    torch.testing.assert_close(predictions.losses, expected, rtol=1e-6, atol=1e-6)
    assert predictions.top_5.all(), "of three classes"


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs g++")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's own
def test_a_compiled_network_trains_alike(data, monkeypatch):
    """Up to rounding, fused operations add in another order, for 40 steps; its last batches of 4 included."""
    curves, compilations, original = [], [], torch.compile
    monkeypatch.setattr("torch.compile", lambda network, **how: compilations.append(how) or original(network, **how))
    for compiled in (False, True, True):  # a process's second compiled network must not be of a symbolic batch
        config = replace(CONFIG, compile=compiled)
        curves.append([record.train_loss for record, _ in train(model(), data, config, seed=0)])
    assert compilations == 2 * [{"mode": None, "dynamic": False}]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    assert curves[2] == curves[1]
    assert curves[0][-1] < 0.5 * curves[0][0]


def test_compiling_on_several_ranks_is_refused(data, monkeypatch):
    monkeypatch.setattr(Ranks, "wrap", lambda ranks, model, **how: model)
    with pytest.raises(ValueError, match="compile"):
        next(train(model(), data, replace(CONFIG, compile=True), seed=0, ranks=Ranks(0, 2)))


@pytest.mark.parametrize("kind", ["tf32", "bf16"])
def test_lower_precision_is_taken_and_put_back(data, kind):
    """bfloat16 has 8 bits: losses move by some of 2^-8; TF32 is the GPU's, a CPU has none or its own."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    precisions = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.inner(images)
            precisions.append((torch.get_float32_matmul_precision(), logits.dtype))
            return logits

    whole = [record.train_loss for record, _ in train(model(), data, replace(CONFIG, max_steps=16), seed=0)]
    lower = replace(CONFIG, max_steps=16, precision=kind)
    losses = [record.train_loss for record, _ in train(Spy(), data, lower, seed=0)]
    assert set(precisions) == {("high", torch.float32) if kind == "tf32" else ("highest", torch.bfloat16)}
    assert losses == pytest.approx(whole, rel=0.05)
    if kind == "bf16":
        assert losses != whole
    after = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    assert after == before
