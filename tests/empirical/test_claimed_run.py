"""A run that another process has finished meanwhile is not carried out again."""

import pytest

from empirical.claimed_run import carry_out_claimed, outcome_of, reason_of
from empirical.datasets import load
from empirical.experiments.randomization_tests import plan_randomization_tests
from empirical.experiments.settings import Settings
from empirical.runs.records import BusyError, RunDirectory
from empirical.training.config import TrainingConfig


class Nobody:
    """A watcher that does nothing."""

    def epoch(self, record) -> None: ...

    def stage(self, name, share) -> None: ...


SETTINGS = Settings("mlp-1x8", ("random-labels",), "cpu", training=TrainingConfig(max_steps=2))


@pytest.mark.parametrize("kind", ["trained", "explicit"])
def test_a_run_is_carried_out_once(kind, tmp_path, monkeypatch):
    digits = load("digits").subset(30, 10)
    config = next(config for config in plan_randomization_tests(digits, SETTINGS) if config.kind == kind)
    announced: list[bool] = []
    directory, late = RunDirectory(tmp_path, config), RunDirectory(tmp_path, config)
    assert not late.finished, "both processes see a run that is left to do"
    carry_out_claimed(directory, digits, {}, Nobody(), announce=announced.append)
    written = (directory.path / "summary.json").stat().st_mtime_ns
    monkeypatch.setattr("empirical.claimed_run.execute", None)
    carry_out_claimed(late, digits, {}, Nobody(), announce=announced.append)
    assert announced == [True, False]
    assert (directory.path / "summary.json").stat().st_mtime_ns == written
    assert "train " in outcome_of(late.read())


def test_reasons():
    assert reason_of(BusyError("at work")) == reason_of(ValueError("at work")) == "at work"
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
