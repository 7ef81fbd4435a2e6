"""Processes of a sweep share the machine's GPUs evenly, and no run streams images because others fill its GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from empirical.datasets import ImageDataset, ImageSplit
from empirical.execution import launcher
from empirical.execution.gpu_shares import RUNS_PER_GPU, GpuShares, visible_gpus
from empirical.experiments.experiments import Settings, find_experiment
from empirical.randomization import randomize
from empirical.run import main
from empirical.runs.preparation import prepare_training
from empirical.training.data import ResidentData
from empirical.training.streamed_images import StreamedData
from tests.simulated_cuda import simulated_cuda


def test_each_run_gets_a_gpu_that_fewest_have():
    shares = GpuShares(["0", "GPU-a"])
    assert shares.processes == 2 * RUNS_PER_GPU
    taken = [shares.take(run)["CUDA_VISIBLE_DEVICES"] for run in "abcd"]
    assert taken == ["0", "GPU-a", "0", "GPU-a"]
    shares.give_back("b")
    shares.give_back("d")
    assert [shares.take(run)["CUDA_VISIBLE_DEVICES"] for run in "efg"] == ["GPU-a", "GPU-a", "0"]


def test_without_gpus_a_process_sees_what_its_launcher_sees():
    assert GpuShares([]).take("a") == {}
    assert GpuShares([]).processes is None


def test_gpus_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert visible_gpus({}) == ["0", "1", "2"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "2, GPU-a"}) == ["2", "GPU-a"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == []


def test_a_sweep_on_gpus_is_dealt_out(monkeypatch, tmp_path):
    """Networks go to a GPU each; what needs none sees none of this."""
    seen = {}

    class Process:
        returncode = 0

        def __init__(self, command, environment, log):
            seen[command[-1]] = environment.get("CUDA_VISIBLE_DEVICES")

        def poll(self):
            return 0

    monkeypatch.setattr(launcher, "_start", Process)
    monkeypatch.setattr("empirical.run._report", lambda *arguments: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with simulated_cuda():
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        arguments = ["--device", "cuda", "--launcher", "local", "--launcher.processes", "4", "--train-size", "20"]
        assert main([*arguments, "--test-size", "10", "--out", str(tmp_path)]) == 0
    of_networks = [gpu for gpu in seen.values() if gpu is not None]
    assert len(seen) == 2 * len(of_networks) == 16, "half of the runs construct Theorem 1's network"
    assert sorted(of_networks) == 4 * ["0"] + 4 * ["1"]


@pytest.mark.parametrize(
    ("free", "whole", "expected"), [(10**9, 10**9, ResidentData), (10, 10**9, None), (10, 1000, StreamedData)]
)
def test_a_gpu_that_others_fill_is_an_error_with_numbers(monkeypatch, free, whole, expected):
    """A GPU that could not hold the images at all has them streamed."""
    images = np.zeros((8, 1, 4, 4), np.uint8) + np.arange(16, dtype=np.uint8).reshape(4, 4)
    split = ImageSplit(images, np.arange(8) % 2)
    dataset = ImageDataset("made-up", split, split, ("a", "b"), "made up")
    plan = find_experiment("randomization-tests").plan(dataset, Settings(tests=("random-labels",)))
    config = replace(next(config for config in plan if config.kind == "trained"), device="cuda")
    with simulated_cuda():
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (free, whole))
        randomized = randomize(dataset, config.randomization, 0)
        if expected is None:
            with pytest.raises(ValueError, match=r"0\.0 of 1\.0 GB are free: have fewer processes"):
                prepare_training(config, randomized)
        else:
            assert isinstance(prepare_training(config, randomized)[1], expected)
