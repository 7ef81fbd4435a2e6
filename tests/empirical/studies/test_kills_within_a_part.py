"""Measurements whose parts may take hours: a kill within a part loses seconds of it, and changes no bit of the rest."""

import json
from typing import Any

import pytest

from empirical.datasets import load
from empirical.execution.execute import MEASUREMENTS
from empirical.randomization import parse_test, randomize
from empirical.runs.config import RunConfig, StudyRun
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import (
    BitsConfig,
    DynamicsConfig,
    MeasuresConfig,
    NetworkDoubleDescentConfig,
    OrderConfig,
    PacBayesConfig,
)
from empirical.training.config import TrainingConfig
from tests.made_up import made_up_config

_STEPS = 40
_TRAINING = TrainingConfig(
    learning_rate=0.01, max_steps=_STEPS, batch_size=20, initialization="torch", epochs_per_record=3
)
_STUDIES: dict[str, StudyRun] = {
    "transformer-1x8": StudyRun(
        BitsConfig(offered=(0.5,), vocabulary=4, length=3, steps=_STEPS, head=4, batch_size=32)
    ),
    "mlp-1x8": StudyRun(BitsConfig(offered=(0.1,), steps=_STEPS, batch_size=7)),
    "two-layer": StudyRun(NetworkDoubleDescentConfig(ratios=(1.0,), levels=(0.0, 0.4), networks=2, steps=_STEPS)),
    "mlp-1x16": StudyRun(PacBayesConfig(steps=_STEPS, stretches=1, draws=1, batch_size=20), _TRAINING),
    "mlp-1x24": StudyRun(MeasuresConfig(draws=1, search_steps=1, bisections=1), _TRAINING),
    "mlp-1x32": StudyRun(OrderConfig(ratio=2.0, search_steps=1, images=5), _TRAINING),
    "two-layer-128": StudyRun(DynamicsConfig(width=128, fitted=0.5)),
}
"""By the model, each of which has parts of forty steps, or of as many epochs as those take."""
_BETWEEN_KILLS = 4  # states that are written


def _measured(config: RunConfig, directory: Any, kills: bool = False) -> dict[str, Any]:
    last, states = "", 0

    def report(name: str, share: float) -> None:
        nonlocal last, states
        assert 0 <= share <= 1
        states += name == last
        last = name
        if kills and states > _BETWEEN_KILLS:
            raise KeyboardInterrupt

    digits = load("digits").subset(60, 30)
    randomized = randomize(digits, parse_test("corrupted-0.5"), 0)
    return MEASUREMENTS[config.kind](config, randomized, Parts(directory, report), directory)


@pytest.fixture
def after_every_step(monkeypatch) -> None:
    """States are written whenever they are offered."""
    monkeypatch.setattr("empirical.runs.checkpoint_interval.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr("empirical.runs.checkpoint_interval._LARGEST_SHARE", float("inf"))


@pytest.mark.usefixtures("after_every_step")
@pytest.mark.parametrize("model", _STUDIES)
def test_a_measurement_that_is_killed_within_its_parts_is_the_undisturbed_one(model, tmp_path):
    config = made_up_config(_STUDIES[model], "corrupted-0.5", n_train=60, n_test=30, model=model)
    whole = _measured(config, tmp_path / "whole")
    kills, again = 0, None
    while again is None:
        try:
            again = _measured(config, tmp_path / "killed", kills=True)
        except KeyboardInterrupt:
            kills += 1
            assert kills < _STEPS, "every attempt goes on from the last state that was written"
    assert kills >= 2
    assert json.dumps(again) == json.dumps(whole)
    assert not list((tmp_path / "killed").glob("*.pt")), "a finished part leaves no state"


@pytest.mark.usefixtures("after_every_step")
def test_a_damaged_state_begins_the_part_again(tmp_path, capsys):
    config = made_up_config(_STUDIES["transformer-1x8"], n_train=60, n_test=30, model="transformer-1x8")
    whole = _measured(config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _measured(config, tmp_path / "killed", kills=True)
    (state,) = (tmp_path / "killed").glob("*.pt")
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    assert _measured(config, tmp_path / "killed") == whole
    assert "begins again" in capsys.readouterr().err
