"""Measuring a network's cost: what is measured, equal networks once, and what is beyond the time given."""

import json
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from empirical.datasets import ImageDataset, ImageSplit, load
from empirical.datasets.lazy_images import ComputedImages
from empirical.datasets.read_ahead import usable_cores
from empirical.experiments.randomization_tests import plan_randomization_tests
from empirical.experiments.settings import Settings
from empirical.planning.step_cost import (
    PeakMemory,
    StepCost,
    batch_sizes,
    measure_reading,
    measure_step_cost,
    network_key,
)
from empirical.training.config import TrainingConfig


def config_of(model="mlp-1x16", **training):
    settings = Settings(model, ("random-labels",), "cpu", training=TrainingConfig(**training), n_train=100, n_test=50)
    (trained, _) = plan_randomization_tests(load("digits"), settings)
    return trained


@pytest.fixture(scope="module")
def cost(tmp_path_factory) -> StepCost:
    return measure_step_cost(config_of(), load("digits"), 120.0, tmp_path_factory.mktemp("scratch"))


def test_what_is_measured(cost):
    assert cost.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert cost.images == (2, 8, 32, 128)
    assert all(0 < seconds < 1 for seconds in cost.seconds)
    assert cost.step == cost.seconds[-1]
    assert cost.seconds[-1] / 128 < cost.seconds[0] / 2, "small batches are less efficient"
    assert 0 < cost.evaluation < 0.01
    assert cost.evaluated == (512, 2048)
    # Weights and momentum in float32, and what torch writes beside them.
    assert 2 * 4 * cost.parameters < cost.checkpoint_bytes < 2 * 4 * cost.parameters + 10_000
    assert 0 < cost.checkpoint < 5
    assert 200 < cost.record_bytes < 2_000


def test_batch_sizes():
    assert batch_sizes(128) == [2, 8, 32, 128]
    assert batch_sizes(100) == [2, 8, 32, 100]
    assert batch_sizes(2) == [2]
    assert batch_sizes(1) == [1]


def test_without_time_the_smallest_batch_alone(tmp_path):
    cost = measure_step_cost(config_of(), load("digits"), 1e-9, tmp_path)
    assert cost.images == (2,)
    assert cost.step == pytest.approx(64 * cost.seconds[0]), "in proportion, for want of another"


def test_a_diverging_network_is_measured_all_the_same(tmp_path):
    cost = measure_step_cost(config_of(learning_rate=1e30), load("digits"), 0.5, tmp_path)
    assert cost.step > 0


def test_memory_follows_the_line_through_what_was_measured(cost):
    made_up = replace(
        cost,
        images=(2, 8),
        memory=(1_000, 1_600),
        batch=128,
        evaluated=(10, 20),
        evaluation_memory=(900, 1_000),
    )
    assert made_up.network_memory(2048) == max(1_600 + 100 * 120, 1_000 + 10 * 2028)
    assert replace(made_up, evaluation_memory=(None, None)).network_memory(2048) == 13_600
    unknown = replace(made_up, memory=(None, None), evaluation_memory=(None, None))
    assert unknown.network_memory(2048) is None


def test_peak_memory_sees_what_was_freed():
    memory = PeakMemory("cpu")
    if memory.peak() is None:
        pytest.skip("this system does not tell")
    memory.reset()
    block = bytearray(200_000_000)
    del block
    peak = memory.peak()
    assert 190_000_000 < peak < 400_000_000
    assert memory.peak(but=150_000_000) == pytest.approx(peak - 150_000_000, abs=20_000_000)
    memory.reset()
    assert memory.peak() < 100_000_000


def test_equal_networks_have_one_key():
    base = config_of()
    assert network_key(base) == network_key(config_of(weight_decay=0.1, max_steps=7, learning_rate=1.0))
    for variant in (config_of("mlp-1x8"), config_of(batch_size=4), config_of(dropout=0.5), replace(base, crop=4)):
        assert network_key(base) != network_key(variant)


def test_the_record_is_json(cost):
    assert json.loads(json.dumps(asdict(cost)))["parameters"] == cost.parameters


def test_reading_is_beside_computing_on_a_gpu_alone(cost):
    assert cost.reading == 0.0, "images in memory"
    slow = replace(cost, reading=0.01)
    assert slow.with_reading(2.0, 128, "cpu") == pytest.approx(3.28)
    assert slow.with_reading(2.0, 128, "cuda") == 2.0
    assert slow.with_reading(1.0, 128, "cuda") == pytest.approx(1.28)


def test_seconds_of_reading():
    """An image that takes two milliseconds, by as many threads as there are cores."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 8, 8), np.uint8)

    def read(samples):
        time.sleep(2e-3 * len(samples))
        return pixels[samples]

    split = ImageSplit(ComputedImages(pixels.shape, pixels.dtype, read), np.arange(64) % 10, "slow ones")
    dataset = ImageDataset("slow", split, split, tuple("abcdefghij"), "")
    reading = measure_reading(dataset, config_of())
    assert 2e-3 / usable_cores() * 0.9 < reading < 10e-3
    in_memory = ImageDataset("quick", *[ImageSplit(pixels, split.labels)] * 2, dataset.class_names, "")
    assert measure_reading(in_memory, config_of()) == 0.0
