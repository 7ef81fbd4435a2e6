"""What would stop a user's run late is said before any run starts, with the remedy."""

import random
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from empirical.datasets.given import dataset_of
from empirical.options import Options
from empirical.planned_runs import plan_runs
from empirical.run import main
from empirical.runs.own_code import check_own_code
from empirical.training.config import TrainingConfig


def frozen(shape, classes):
    return network(shape, classes).requires_grad_(False)


def parameterless(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(classes))


def network(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], 8), nn.ReLU(), nn.Linear(8, classes))


def normalised(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], 8), nn.BatchNorm1d(8), nn.Linear(8, classes))


def drawn_elsewhere(shape, classes):
    drawn = network(shape, classes)
    drawn[1].bias.data = torch.tensor([random.random() for _ in range(8)])
    return drawn


def weights_alone(parameters, rate):
    weights = [p for p in parameters if p.ndim > 1]
    return torch.optim.SGD([{"params": weights}], lr=rate)


def in_two_passes(parameters, rate):
    weights, vectors = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim == 1]
    assert vectors, "a generator would be exhausted"
    return torch.optim.SGD([{"params": weights}, {"params": vectors, "weight_decay": 0.0}], lr=rate)


class Noting(nn.Linear):
    """Keeps an object in its state."""

    def get_extra_state(self):
        return {"when": np.float64(3)}

    def set_extra_state(self, state):
        pass


def noting(shape, classes):
    return nn.Sequential(nn.Flatten(), Noting(shape[1] * shape[2], classes))


class WithScalars(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            group["decayed"] = np.float64(0.1)


class Failing(torch.optim.SGD):
    def step(self, closure=None):
        raise KeyError("momentum_buffer")


MODULE = types.ModuleType("own_code_of_a_user")
MODULE.__dict__.update(
    frozen=frozen,
    parameterless=parameterless,
    network=network,
    normalised=normalised,
    noting=noting,
    drawn_elsewhere=drawn_elsewhere,
    weights_alone=weights_alone,
    in_two_passes=in_two_passes,
    scalars=lambda parameters, rate: WithScalars(parameters, lr=rate),
    failing=lambda parameters, rate: Failing(parameters, lr=rate),
    lbfgs=lambda parameters, rate: torch.optim.LBFGS(parameters, lr=rate),
    needs_more=lambda parameters, rate, more: None,
    adam=torch.optim.Adam,
)


def checked(model="network", optimizer="", n=33, batch_size=16):
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (n, 8, 8), np.uint8), np.arange(n) % 3
    dataset = dataset_of((images, labels), (images[:9], labels[:9]), class_names="abc")
    training = TrainingConfig(
        optimizer=f"own_code_of_a_user:{optimizer}" if optimizer else "sgd", batch_size=batch_size
    )
    name = f"own_code_of_a_user:{model}"
    _, _, configs = plan_runs(Options(model=name, tests=("true-labels",), training=training), dataset)
    check_own_code(configs, dataset)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE.__name__, MODULE)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"model": "frozen"}, "frozen' has no trainable parameters"),
        ({"model": "parameterless"}, "parameterless' has no trainable parameters"),
        ({"model": "drawn_elsewhere"}, "drawn_elsewhere' has other initial weights when it is built again"),
        ({"optimizer": "weights_alone"}, "weights_alone' leaves 1.bias, 3.bias out of its groups"),
        ({"model": "noting"}, "noting': its state cannot be read again from a checkpoint"),
        ({"optimizer": "scalars"}, "scalars': its state cannot be read again from a checkpoint"),
        ({"optimizer": "failing"}, "failing' cannot take a step: KeyError: 'momentum_buffer'"),
        ({"optimizer": "lbfgs"}, "lbfgs' asks for a closure"),
        ({"optimizer": "needs_more"}, r"needs_more' cannot be built: TypeError: .*'more'"),
        ({"model": "normalised"}, r"last batch of an epoch, which .*--training.batch-size than 16, or --train-size 32"),
        ({"model": "normalised", "n": 1, "batch_size": 8}, "last batch of an epoch"),
    ],
)
def test_what_would_stop_a_run_late_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        checked(**choice)


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"optimizer": "adam"},
        {"optimizer": "in_two_passes"},
        {"model": "normalised", "n": 32},
        {"model": "normalised", "n": 34},
    ],
)
def test_what_works_passes(choice):
    checked(**choice)


def test_our_own_networks_with_batch_norm_cannot_take_a_last_batch_of_one_either():
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (33, 8, 8), np.uint8), np.arange(33) % 3
    dataset = dataset_of((images, labels), (images[:9], labels[:9]))
    for n, refused in ((33, True), (32, False)):
        training = TrainingConfig(batch_size=16)
        options = Options(model="resnet-18", tests=("true-labels",), training=training, train_size=n)
        _, _, configs = plan_runs(options, dataset)
        if refused:
            with pytest.raises(ValueError, match="last batch of an epoch, which contains one"):
                check_own_code(configs, dataset)
        else:
            check_own_code(configs, dataset)


def test_the_command_line_says_it_before_a_record_is_begun(tmp_path, capsys):
    command = ["--model", "own_code_of_a_user:frozen", "--train-size", "20", "--test-size", "9"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "has no trainable parameters" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
