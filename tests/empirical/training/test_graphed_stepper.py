"""Graphed steps do what the others do, to the bit: the body on a CPU, where it is not recorded."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from empirical.models import build_model
from empirical.training import loop
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.dropout import set_dropout
from empirical.training.graphed_stepper import GraphedStepper
from empirical.training.loop import train
from tests.empirical.training.test_synchronisations import data_on
from tests.simulated_cuda import simulated_cuda

CONFIG = TrainingConfig(learning_rate=0.01, batch_size=4, max_steps=12, min_steps=12, weight_decay=1e-3, decay_steps=5)
NETWORKS = ("mlp-1x512", "alexnet", "inception", "inception-no-bn", "wide-resnet-10-1")


def trained(name: str, config: TrainingConfig, graphed: bool, monkeypatch, *, interrupted: bool = False):
    """Records, and weights with running moments, of two epochs whose last batches are smaller."""
    if graphed:
        monkeypatch.setattr(
            loop, "chosen_stepper", lambda model, config, seed, ranks, data: GraphedStepper(model, config, seed, data)
        )
    else:
        monkeypatch.undo()
    torch.set_num_threads(1)

    def network() -> nn.Module:
        return set_dropout(build_model(name, (3, 28, 28), 10, seed=0), config.dropout or 0.0)

    model, records, state = network(), [], None
    course = train(model, data_on("cpu"), config, 0, None, 0.0)
    for record, state in course:
        if record:
            records.append(replace(record, seconds=0.0))
        elif interrupted:
            state = replace(state, model={key: value.clone() for key, value in state.model.items()})
            model = network()
            course = train(model, data_on("cpu"), config, 0, state, 0.0)
            for record, _ in course:
                if record:
                    records.append(replace(record, seconds=0.0))
            break
    return records, {key: value.clone() for key, value in model.state_dict().items()}


def assert_same(outcome, reference) -> None:
    assert outcome[0] == reference[0]
    for (key, value), same in zip(outcome[1].items(), reference[1].values(), strict=True):
        assert torch.equal(value, same), key


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_same_bits(name, monkeypatch):
    assert_same(trained(name, CONFIG, True, monkeypatch), trained(name, CONFIG, False, monkeypatch))


@pytest.mark.parametrize(
    "changes", [*({"augmentation": name} for name in ("crop", "flip-rotate", "resized-crop")), {"dropout": 0.5}]
)
def test_regularisers_have_the_same_bits(changes, monkeypatch):
    config = replace(CONFIG, **changes)
    assert_same(trained("mlp-1x512", config, True, monkeypatch), trained("mlp-1x512", config, False, monkeypatch))


def test_a_run_goes_on_within_an_epoch(monkeypatch):
    """From a state of its own, whose optimiser holds the step size as a tensor."""
    whole = trained("mlp-1x512", CONFIG, False, monkeypatch)
    assert_same(trained("mlp-1x512", CONFIG, True, monkeypatch, interrupted=True), whole)


@pytest.mark.parametrize("changes", [{"compile": True}, {"optimizer": "torch.optim:Adam", "weight_decay": 0.0}])
def test_what_cannot_be_graphed_is_refused(changes):
    with pytest.raises(ValueError, match="graphed"):
        replace(CONFIG, graphed=True, **changes)


def test_without_a_gpu_it_is_refused():
    data: ResidentData = data_on("cpu")
    with pytest.raises(ValueError, match="leave it out on a CPU"):
        next(train(build_model("mlp-1x512", (3, 28, 28), 10, seed=0), data, replace(CONFIG, graphed=True), 0))


def test_no_step_waits_for_the_device():
    """The body as it would be recorded, on the simulated device: a wait within could not be recorded."""
    waits = []
    for steps in (2, 5):
        with simulated_cuda() as device:
            model, data = build_model("inception", (3, 28, 28), 10, seed=0).to("cuda"), data_on("cuda")
            stepper = GraphedStepper(model, replace(CONFIG, augmentation="crop"), 0, data)
            stepper._whole_step = lambda stepper=stepper: stepper._step(CONFIG.batch_size)
            batches = stepper.over(loop.Batches(data, replace(CONFIG, augmentation="crop"), 0, 1), 0)
            device.synchronisations.clear()
            stepper.take(batches, steps, 0)
            waits.append(len(device.synchronisations))
    assert waits == [2, 2]
