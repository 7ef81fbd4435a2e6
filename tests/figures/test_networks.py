"""Runs sorted into data sets and networks."""

from dataclasses import replace

import pytest

from empirical.randomization import GAUSSIAN, RANDOM_LABELS, TRUE_LABELS
from empirical.training.config import TrainingConfig
from figures.figure_1 import draw_error_after_convergence, draw_time_to_fit, draw_training_loss
from figures.figure_2 import draw_accuracy_along_training
from figures.networks import Network, data_set_runs, evaluation_times, scale, seeds, sources
from tests.figures.made_up_networks import network_run, rise

ACCURACIES = rise(0.4, 5)


def networks(*runs) -> list[Network]:
    (only,) = data_set_runs(runs)
    return list(only.networks)


def test_a_network_for_each_setting_in_the_papers_order():
    settings = networks(
        network_run("mine:network", "true-labels", 5, ACCURACIES),
        network_run("mlp-1x512", "true-labels", 5, ACCURACIES),
        network_run("inception", "true-labels", 5, ACCURACIES, weight_decay=0.01),
        network_run("inception", "true-labels", 5, ACCURACIES, n_train=2000),
        network_run("inception", "true-labels", 5, ACCURACIES),
    )
    assert [network.label for network in settings] == [
        "inception, n = 1,000",
        "inception, n = 1,000, weight decay 0.01",
        "inception, n = 2,000",
        "mlp-1x512, n = 1,000",
        "mine:network, n = 1,000",
    ]
    assert [network.regularised for network in settings] == [False, True, False, False, False]


def test_seeds_and_tests_are_one_network():
    (network,) = networks(
        network_run("alexnet", "random-labels", 5, ACCURACIES, seed=3),
        network_run("alexnet", "true-labels", 5, ACCURACIES, seed=3),
        network_run("alexnet", "true-labels", 5, ACCURACIES, seed=1),
        network_run("alexnet", "gaussian", 5, ACCURACIES, seed=1),
    )
    seeds = {test: [run.config.seed for run in runs] for test, runs in network.runs.items()}
    assert seeds == {TRUE_LABELS: [1, 3], RANDOM_LABELS: [3], GAUSSIAN: [1]}
    assert list(network.levels) == [0.0, 1.0], "Gaussian images are no level of label corruption"


@pytest.mark.parametrize("order", [1, -1])
def test_of_runs_that_go_on_after_the_fit_the_longest_is_kept(order):
    short = network_run("inception", "true-labels", 5, ACCURACIES)
    long = network_run("inception", "true-labels", 5, rise(0.4, 20), min_steps=160)
    (network,) = networks(*[short, long][::order])
    assert network.runs[TRUE_LABELS] == (long,)


def test_what_tells_settings_apart_is_said():
    settings = networks(
        network_run("alexnet", "true-labels", 5, ACCURACIES, max_steps=1000),
        network_run("alexnet", "true-labels", 5, ACCURACIES, max_steps=2000, device="cuda"),
    )
    assert {network.label for network in settings} == {
        "alexnet, n = 1,000, max steps 1000, device cpu",
        "alexnet, n = 1,000, max steps 2000, device cuda",
    }


def test_settings_that_look_the_same_get_a_hash():
    run = network_run("mine:network", "true-labels", 5, ACCURACIES)
    edited = replace(run, config=replace(run.config, model_source="another file"))
    assert len({network.label for network in networks(run, edited)}) == 2


@pytest.mark.parametrize(
    ("apart", "words"),
    [([1, 1], "after each epoch"), ([5, 5], "after every 5 epochs"), ([5, 1], "after every 1 or 5 epochs")],
)
def test_evaluation_times(apart, words):
    assert evaluation_times(TrainingConfig(epochs_per_record=epochs) for epochs in apart) == words


def test_captions_of_the_papers_figures_say_when_networks_were_looked_at(drawings, tmp_path):
    tests = ("true-labels", "random-labels", "random-pixels")
    made_up = [network_run("inception", test, 5, ACCURACIES, epochs_per_record=5) for test in tests]
    decayed = network_run("inception", "true-labels", 5, ACCURACIES, epochs_per_record=5, weight_decay=0.1)
    (runs,) = data_set_runs([*made_up, decayed])
    draw_training_loss(runs.networks[0], tmp_path / "1a")
    draw_time_to_fit(runs, tmp_path / "1b")
    draw_error_after_convergence(runs, tmp_path / "1c")
    draw_accuracy_along_training(runs, tmp_path / "2")
    assert all("after every 5 epochs" in caption for caption, _ in drawings)
    assert len(drawings) == 4


def test_several():
    run = network_run("alexnet", "true-labels", 5, ACCURACIES)
    assert not data_set_runs([run, network_run("alexnet", "random-labels", 5, ACCURACIES)])[0].several
    for changes in ({"seed": 1}, {"n_train": 2000}, {"weight_decay": 0.1}):
        assert data_set_runs([run, network_run("alexnet", "true-labels", 5, ACCURACIES, **changes)])[0].several


def test_data_sets_are_kept_apart():
    runs = [network_run("alexnet", "true-labels", 5, ACCURACIES, data=data) for data in ("mnist", "cifar10")]
    assert [data_set.data for data_set in data_set_runs(runs)] == ["cifar10", "mnist"]


def test_scale_and_sources():
    settings = networks(
        network_run("inception", "true-labels", 5, ACCURACIES, seed=2),
        network_run("alexnet", "true-labels", 5, ACCURACIES, seed=0, n_train=2000),
        network_run("alexnet", "true-labels", 5, ACCURACIES, seed=1, n_train=2000),
    )
    samples = {network: network.runs[TRUE_LABELS] for network in settings}
    assert scale(samples) == (
        "cifar10; inception, n = 1,000 (SGD from 0.1, seed 2); alexnet, n = 2,000 (SGD from 0.01, seeds 0, 1); "
        "n training images, 1,000 test images, cpu"
    )
    assert sources(samples) == "cifar10, made up"


def test_captions_do_not_claim_seeds_that_points_do_not_have():
    every = [
        network_run("alexnet", test, 5, ACCURACIES, seed=seed)
        for test in ("true-labels", "random-labels")
        for seed in (0, 1)
    ]
    assert seeds(every) == "seeds 0, 1"
    assert seeds(every[:-1]) == "seeds 0, 1, fewer at some points"
    strong = network_run("alexnet", "true-labels", 5, ACCURACIES, weight_decay=0.01)
    assert seeds([*every, strong]) == "seeds 0, 1, fewer at some points"
    assert seeds(every[:1]) == "seed 0"
