"""A run on the CPU leaves the GPUs of its machine alone: a context alone takes hundreds of megabytes on each."""

import json

import pytest
import torch

from empirical.run import main


@pytest.fixture
def a_gpu(monkeypatch):
    """This machine seems to have one; whatever would open a context on it fails."""

    def refuse() -> None:
        raise AssertionError("a GPU was touched")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "_lazy_init", refuse)
    monkeypatch.setattr("torch.cuda.random._lazy_init", refuse)


def test_the_fixture_notices(a_gpu):
    for touch in (lambda: torch.random.fork_rng().__enter__(), torch.cuda.get_device_name):
        with pytest.raises(AssertionError, match="touched"):
            touch()


@pytest.mark.parametrize("name", ["randomization-tests", "diagnose"])
def test_a_run_on_the_cpu_touches_no_gpu(a_gpu, monkeypatch, tmp_path, name):
    monkeypatch.setattr("empirical.job.report_runs", lambda *arguments: True)
    size = ["--train-size", "30", "--test-size", "10", "--training.max-steps", "2", "--tests", "random-labels"]
    assert main([name, "--device", "cpu", "--out", str(tmp_path), *size]) in (0, 1), "a diagnosis finds causes"
    for path in tmp_path.glob("*/summary.json"):
        assert json.loads(path.read_text())["environment"]["accelerator"] is None
