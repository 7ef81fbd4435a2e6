"""Plans of the paper's tables and figures: which runs, with which settings, at which scale."""

from dataclasses import replace

import numpy as np
import pytest

from empirical.claims.paper import INCEPTION_V3_DROPOUT
from empirical.claims.paper_tables import regularisers
from empirical.datasets import ImageDataset, ImageSplit
from empirical.experiments.cells import Cell
from empirical.experiments.experiments import find_experiment
from empirical.experiments.paper import FIGURE_1_CELLS, TABLE_1_CELLS, TABLE_2_CELLS, TABLE_4_CELLS
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig, trained_run
from empirical.training.config import TrainingConfig
from empirical.training.schedule import IMAGENET


@pytest.fixture(scope="module")
def dataset() -> ImageDataset:
    """Blank but for their labels: 12,000 and 600 images in CIFAR-10's shape, shared memory."""
    images = np.broadcast_to(np.zeros((), np.uint8), (12_000, 3, 32, 32))
    labels = np.arange(12_000) % 10
    train, test = ImageSplit(images, labels), ImageSplit(images[:600], labels[:600])
    return ImageDataset("cifar10", train, test, tuple("abcdefghij"), "made up")


def plan(name: str, dataset: ImageDataset, **settings) -> list[RunConfig]:
    return find_experiment(name).plan(dataset, Settings(**settings))


def test_cells_are_the_papers_rows():
    """A row of each table as the paper has it: all are made from the numbers that the paper gives them."""
    assert TABLE_1_CELLS[:2] == (
        Cell("inception", "true-labels", "crop", weight_decay=True),
        Cell("inception", "true-labels", "crop"),
    )
    assert TABLE_2_CELLS[4] == Cell(
        "inception-v3", "random-labels", weight_decay=True, dropout=INCEPTION_V3_DROPOUT, schedule=IMAGENET
    )
    assert TABLE_4_CELLS[-1] == Cell("inception", "random-labels", "flip-rotate")
    levels = {cell.test for cell in FIGURE_1_CELLS if cell.model == "mlp-1x512"}
    assert levels == {"true-labels", "random-labels", *(f"corrupted-{p / 10:g}" for p in range(1, 10))}


def test_hyper_parameters_are_the_papers_and_a_scale_changes_images_and_steps_alone(dataset):
    laptop, smoke, paper = (plan("table1", dataset, scale=scale) for scale in ("laptop", "smoke", "paper"))
    assert len(laptop) == len(smoke) == len(paper) == 19
    for runs in zip(laptop, smoke, paper, strict=True):
        reduced = [
            replace(
                run.with_training(replace(run.training, max_steps=1, epochs_per_train_evaluation=1)),
                n_train=0,
                n_test=0,
                train_digest="",
                test_digest="",
                source="",
            )
            for run in runs
        ]
        assert reduced[0] == reduced[1] == reduced[2]
    for run in paper:
        assert run.n_train == 12_000
        assert run.training.learning_rate == (0.1 if run.model.startswith("inception") else 0.01)
        assert run.training.weight_decay == (1e-4 if regularisers(run)[1] else 0.0)
        assert (run.training.momentum, run.training.learning_rate_decay, run.training.decay_steps) == (0.9, 0.95, 391)
    assert {run.model: run.n_train for run in laptop} == {
        "inception": 1_000,
        "inception-no-bn": 1_000,
        "alexnet": 1_000,
        "mlp-3x512": 10_000,
        "mlp-1x512": 10_000,
    }
    assert {run.n_train for run in smoke} == {160}


def test_experiments_share_runs(dataset):
    table, figure = ({run.hash for run in plan(name, dataset)} for name in ("table1", "figure1"))
    assert len(table & figure) == 6, "three networks on true and on random labels"
    six = plan("randomization-tests", dataset, n_train=10_000)
    assert len(table & {run.hash for run in six}) == 2, "mlp-1x512 on true and on random labels"


def test_seeds_multiply_the_runs(dataset):
    runs = plan("table4", dataset, seeds=(0, 3))
    assert [run.seed for run in runs] == [0] * 6 + [3] * 6
    assert len({run.hash for run in runs}) == 12


def test_a_users_optimiser_has_no_weight_decay_from_here(dataset):
    runs = plan("table1", dataset, training=TrainingConfig(optimizer="torch.optim:Adam"), model="alexnet")
    assert [regularisers(run) for run in runs] == [("crop", False), ("none", False), ("none", False)]


@pytest.mark.parametrize("changes", [{"augmentation": "crop"}, {"dropout": 0.1}, {"min_steps": 5}, {"dropout": 0}])
def test_what_a_table_varies_cannot_be_given(dataset, changes):
    with pytest.raises(ValueError, match="are what this experiment varies"):
        plan("table1", dataset, training=TrainingConfig(**changes))


def test_more_steps_than_the_scale_has(dataset):
    runs = plan("table1", dataset, training=TrainingConfig(max_steps=5_000), model="inception")
    assert {run.training.max_steps for run in runs} == {5_000}
    six = plan("randomization-tests", dataset, training=TrainingConfig(max_steps=200_000))
    assert six[0].training.max_steps == 200_000


def test_a_default_that_is_stated_is_a_choice(dataset):
    """The laptop's AlexNet has 1,000 steps, and the paper's is evaluated on all training images in each tenth epoch."""
    defaults = ("max_steps", "epochs_per_train_evaluation", "decay_steps")
    for scale in ("laptop", "paper"):
        runs = plan("table1", dataset, scale=scale, model="alexnet", stated=defaults)
        assert {(run.training.max_steps, run.training.epochs_per_train_evaluation) for run in runs} == {(60_000, 1)}
    with pytest.raises(ValueError, match="are what this experiment varies"):
        plan("table1", dataset, stated=("weight_decay",))
    (run, *_) = plan("order", dataset, stated=("max_steps",), scale="smoke")
    assert run.hyper_parameters.max_steps == 60_000
    (run, *_) = plan("capacity", dataset, stated=("max_steps",), scale="smoke")
    assert run.training.max_steps == 60_000


def test_table_2_has_the_schedule_of_imagenet():
    pytest.importorskip("torchvision")
    images = np.broadcast_to(np.zeros((), np.uint8), (2_000, 3, 75, 75))
    split = ImageSplit(images, np.arange(2_000) % 10)
    dataset = ImageDataset("imagenet", split, split, tuple("abcdefghij"), "made up")
    for scale, steps in (("paper", 1_000_900), ("laptop", 400)):
        for run in plan("table2", dataset, crop=None, scale=scale):
            training = run.training
            assert (training.learning_rate, training.learning_rate_decay) == (0.045, 0.94)
            assert (training.decay_steps, training.max_steps) == (20_018, steps)
            assert (training.weight_decay, training.dropout) in ((0.0, None), (4e-5, None), (4e-5, 0.2))
    (first, *_) = plan("table2", dataset, crop=None, scale="paper", model="torch.nn:Identity")
    assert (first.training.decay_steps, first.training.max_steps) == (20_018, 1_000_900), "a user's network has it too"
    schedule = TrainingConfig(learning_rate_decay=0.9)
    assert {run.training.decay_steps for run in plan("table2", dataset, crop=None, training=schedule)} == {391}
    stated = plan("table2", dataset, crop=None, stated=("decay_steps",))
    assert {(run.training.learning_rate_decay, run.training.decay_steps) for run in stated} == {(0.95, 391)}
    (trained, _) = plan("randomization-tests", dataset, model="inception-v3", crop=None, tests=("true-labels",))
    assert (trained.training.decay_steps, trained.training.max_steps) == (391, 60_000)


def test_no_images_are_refused(dataset):
    with pytest.raises(ValueError, match="0 images asked for"):
        plan("table1", dataset, n_train=0)


def test_images_that_a_network_does_not_take_are_refused_before_anything_runs(dataset):
    pytest.importorskip("torchvision")
    with pytest.raises(ValueError, match="inception-v3 takes colour images of at least 75"):
        plan("table2", dataset, crop=None)


def test_a_users_own_dropout_is_as_the_cell_has_it(dataset):
    (first, *_) = plan("table1", dataset, model="torch.nn:Identity")
    assert first.training.dropout == 0.0
    (first, *_) = plan("table1", dataset, model="alexnet")
    assert first.training.dropout is None


def test_a_network_and_tests_of_the_users(dataset):
    own = plan("table1", dataset, model="torch.nn:Identity")
    assert {run.model for run in own} == {"torch.nn:Identity"}
    assert len(own) == len({run.hash for run in own}) == 5, "four regularisations and random labels"
    assert [run.model for run in plan("table1", dataset, model="alexnet")] == ["alexnet"] * 5
    chosen = plan("table1", dataset, model="mlp-1x512", tests=("random-labels", "corrupted-0.3"))
    assert [run.randomization.name for run in chosen] == ["random labels", "corrupted labels, p = 0.3"]


def test_the_users_settings_come_first(dataset):
    training = TrainingConfig(learning_rate=0.5, weight_decay=0.003, max_steps=7, batch_size=50)
    runs = plan("table4", dataset, training=training, n_train=300, n_test=100)
    assert {(run.n_train, run.n_test) for run in runs} == {(300, 100)}
    assert {run.training.weight_decay for run in runs} == {0.0, 0.003}
    assert {(run.training.learning_rate, run.training.max_steps, run.training.batch_size) for run in runs} == {
        (0.5, 7, 50)
    }


def test_the_default_experiment_takes_regularisers_from_the_user(dataset):
    training = TrainingConfig(weight_decay=0.003, augmentation="crop", dropout=0.1)
    runs = plan("randomization-tests", dataset, training=training, tests=("true-labels",))
    assert runs[0].training == replace(training, learning_rate=0.01, initialization="glorot")
    assert runs[1].kind == "explicit"


@pytest.mark.parametrize("scale", ["smoke", "laptop"])
@pytest.mark.parametrize("name", ["randomization-tests", "bounds", "interpolants", "distance", "measures"])
def test_every_experiment_of_users_networks_takes_the_users_dropout(dataset, name, scale):
    for model in ("mlp-1x512", "torch.nn:Flatten"):
        for dropout in (0.5, None):
            runs = plan(name, dataset, training=TrainingConfig(dropout=dropout), model=model, scale=scale)
            assert {run.training.dropout for run in runs if run.training} == {dropout}


def test_imagenet_is_not_cropped_to_28_pixels():
    assert find_experiment("table2").crop is None
    assert find_experiment("table2").image_size == 299
    assert find_experiment("table1").crop == 28


def test_a_crop_without_a_choice_is_refused_before_anything_runs(dataset):
    with pytest.raises(ValueError, match="leave a crop of side 32 no choice"):
        plan("table1", dataset, crop=32)


def test_bounds_and_interpolants_follow_the_networks_that_they_study(dataset):
    for name in ("bounds", "interpolants"):
        runs = plan(name, dataset, n_train=100, seeds=(0, 1))
        for trained, study in zip(runs[::2], runs[1::2], strict=True):
            assert (trained.kind, study.kind, study.experiment) == ("trained", name, name)
            assert trained_run(study) == trained
    shared = plan("randomization-tests", dataset, n_train=100, tests=("random-labels",))
    assert shared[0] in plan("bounds", dataset, n_train=100), "the network is one that other experiments train too"


def test_noise_measures_what_it_predicts(dataset):
    prediction, *measured = plan("noise", dataset, n_train=100)
    assert prediction.kind == "noise"
    assert prediction.randomization.corruption == 0.0, "a prediction is made from clean labels"
    for kind in ("trained", "explicit", "kernel"):
        levels = [run.randomization.corruption for run in measured if run.kind == kind]
        assert levels == list(prediction.study.levels)
    assert {run.kernel.bandwidth for run in measured if run.kernel} == {prediction.study.bandwidth}
    with pytest.raises(ValueError, match="noise takes uniform label corruption"):
        plan("noise", dataset, tests=("gaussian",))


def test_dynamics_runs_every_test_at_both_widths(dataset):
    runs = plan("dynamics", dataset, scale="smoke")
    assert {(run.study.width, run.randomization.name) for run in runs} == {
        (width, name)
        for width in (512, 4096)
        for name in (
            "true labels",
            "corrupted labels, p = 0.2",
            "corrupted labels, p = 0.5",
            "corrupted labels, p = 0.8",
            "random labels",
            "random pixels",
            "Gaussian",
        )
    }
    assert len({run.hash for run in runs}) == len(runs)
