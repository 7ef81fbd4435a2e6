"""Processes of a sweep share the machine's GPUs evenly, and no run streams images because others fill its GPU."""

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from empirical.datasets import ImageDataset, ImageSplit
from empirical.execution.gpu_shares import RUNS_PER_GPU, GpuShares, visible_gpus
from empirical.execution.progress import RunProgress
from empirical.execution.workers import Outcome, WorkerConfig, carry_out
from empirical.experiments.experiments import find_experiment
from empirical.experiments.settings import Settings
from empirical.options import Options
from empirical.planned_runs import plan_runs
from empirical.randomization import randomize
from empirical.run import main
from empirical.runs.config import StudyRun
from empirical.runs.preparation import prepare_training
from empirical.runs.records import RunDirectory
from empirical.runs.studies import BoundsConfig, InterpolantsConfig
from empirical.training.data import ResidentData
from empirical.training.streamed_images import StreamedData
from tests.simulated_cuda import simulated_cuda


def test_each_run_gets_a_gpu_that_fewest_have():
    shares = GpuShares(["0", "GPU-a"])
    assert shares.processes == 2 * RUNS_PER_GPU
    devices = [shares.take(run)["CUDA_VISIBLE_DEVICES"] for run in "abcd"]
    assert devices == ["0", "GPU-a", "0", "GPU-a"]
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


def visible(directory, watcher):
    """Performs no run, and says which GPUs it would see."""
    return Outcome(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))


@pytest.mark.parametrize(("gpus", "expected"), [(["0", "1"], ["0", "0", "1", "1"]), ([], ["all"] * 4)])
def test_workers_are_dealt_a_gpu_each(gpus, expected, tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    _, _, configs = plan_runs(Options(train_size=20, test_size=10))
    runs = [RunDirectory(tmp_path, config) for config in configs[:4]]
    shares = GpuShares(gpus)
    with RunProgress(len(runs)) as progress:
        outcomes = carry_out(runs, WorkerConfig(4, 1, visible, forked=True, gpus=shares), progress)
    assert sorted(outcome.text for _, outcome in outcomes) == expected
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert all(not runs for runs in shares._runs.values()), "all are given back"


def doomed(directory, watcher):
    """Has its process killed once it has said that it is done, but for the last seed's runs."""
    if directory.config.seed < 2:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
    elif directory.config.seed == 2:
        time.sleep(1.0)  # until the workers that have nothing to do are dead
    return Outcome("done")


def test_a_worker_that_is_killed_while_it_waits_costs_no_run(tmp_path):
    """Three workers: two die idle; of the two runs that wait for the third run one gets a new worker."""
    _, _, configs = plan_runs(Options(train_size=20, test_size=10, tests=("random-labels",), seed=(0, 1, 2)))
    trained = [config for config in configs if config.training]
    studies = [StudyRun(study, trained[2].training) for study in (InterpolantsConfig(), BoundsConfig())]
    configs = [*trained, *(replace(trained[2], what=study) for study in studies)]
    runs = [RunDirectory(tmp_path, config) for config in configs]
    with RunProgress(len(runs)) as progress:
        outcomes = carry_out(runs, WorkerConfig(3, 1, doomed, forked=True), progress)
    assert [outcome.text for _, outcome in outcomes] == ["done"] * 5


def test_a_sweep_on_gpus_has_three_processes_to_each_at_most(monkeypatch, tmp_path):
    launches = []
    monkeypatch.setattr(
        "empirical.launch.launch_local", lambda runs, workers, arguments, out: launches.append(workers) or []
    )
    monkeypatch.setattr("empirical.job.report_runs", lambda *arguments: True)
    monkeypatch.setattr("empirical.launch.cpu_count", lambda: 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with simulated_cuda(count=2):
        arguments = ["--device", "cuda", "--launcher", "local", "--train-size", "20", "--test-size", "10"]
        assert main([*arguments, "--out", str(tmp_path)]) == 0
        assert main([*arguments, "--launcher.processes", "9", "--out", str(tmp_path)]) == 0
    assert [workers.count for workers in launches] == [6, 9]
    assert [workers.gpus.processes for workers in launches] == [6, 6]
    assert not any(workers.forked for workers in launches)


@pytest.mark.parametrize(
    ("free", "whole", "expected"), [(10**9, 10**9, ResidentData), (10, 10**9, None), (10, 1000, StreamedData)]
)
def test_a_gpu_that_others_fill_is_an_error_with_numbers(free, whole, expected):
    """A GPU that could not hold the images at all has them streamed."""
    images = np.zeros((8, 1, 4, 4), np.uint8) + np.arange(16, dtype=np.uint8).reshape(4, 4)
    split = ImageSplit(images, np.arange(8) % 2)
    dataset = ImageDataset("made-up", split, split, ("a", "b"), "made up")
    plan = find_experiment("randomization-tests").plan(dataset, Settings(tests=("random-labels",)))
    config = replace(next(config for config in plan if config.kind == "trained"), device="cuda")
    with simulated_cuda(memory=(free, whole)):
        randomized = randomize(dataset, config.randomization, 0)
        if expected is None:
            with pytest.raises(ValueError, match=r"0\.0 of 1\.0 GB are free: have fewer processes"):
                prepare_training(config, randomized)
        else:
            assert isinstance(prepare_training(config, randomized)[1], expected)
