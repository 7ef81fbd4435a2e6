"""Figure 2: what is drawn is what the records say."""

import numpy as np
import pytest

from empirical.claims.paper import TABLE_1
from empirical.randomization import TRUE_LABELS
from figures.figure_2 import FIGURES, draw_accuracy_along_training, panels
from figures.networks import DataSetRuns, data_set_runs
from tests.figures.made_up_networks import STEPS, network_run, rise

ACCURACIES = [0.1, 0.3, 0.5, 0.4, 0.45, 0.35]
BATCH_NORM = "With and without batch normalisation"
REGULARISERS = "With and without explicit regularisers"


def data_set(*runs) -> DataSetRuns:
    (only,) = data_set_runs(runs)
    return only


def names(runs: DataSetRuns) -> dict[str, list[str]]:
    return {title: [network.label for network in networks] for title, networks in panels(runs).items()}


def test_both_panels(drawings, curve, tmp_path):
    runs = data_set(
        network_run("inception", "true-labels", 2, ACCURACIES, min_steps=5 * STEPS),
        network_run("inception", "true-labels", 3, ACCURACIES[:4], weight_decay=0.1),
        network_run("inception", "true-labels", 2, ACCURACIES, seed=1, min_steps=5 * STEPS),
        network_run("inception-no-bn", "true-labels", 4, rise(0.3, 5), min_steps=5 * STEPS),
        network_run("inception", "random-labels", 5, rise(0.1, 5)),
    )
    draw_accuracy_along_training(runs, tmp_path / "figure")
    ((caption, drawing),) = drawings
    regularisers, batch_norm = drawing.axes
    assert regularisers.get_title() == f"{REGULARISERS}, n = 1,000"
    assert batch_norm.get_title() == f"{BATCH_NORM}, n = 1,000"
    steps = [STEPS * epoch for epoch in range(6)]
    assert curve(batch_norm, "inception") == list(zip(steps, ACCURACIES, strict=True))
    assert curve(batch_norm, "inception-no-bn") == list(zip(steps, rise(0.3, 5), strict=True))
    assert curve(regularisers, "inception, weight decay 0.1") == list(zip(steps[:4], ACCURACIES[:4], strict=True))
    dashed = [list(line.get_ydata()) for line in batch_norm.lines if line.get_linestyle() == "--"]
    assert dashed == [pytest.approx([0, 1 / 3, 1, 1, 1, 1]), pytest.approx([0, 0.2, 0.4, 0.6, 1, 1])]
    for part in ("seed 0,", "True labels", "cifar10", "1,000 test images", "cpu", "made up"):
        assert part in caption


def test_the_best_so_far_is_shaded(drawings, tmp_path):
    runs = data_set(*(network_run(model, "true-labels", 2, ACCURACIES) for model in ("inception", "inception-no-bn")))
    draw_accuracy_along_training(runs, tmp_path / "figure")
    (axes,) = drawings[0][1].axes
    steps = np.arange(6) * STEPS
    best_so_far = [0.1, 0.3, 0.5, 0.5, 0.5, 0.5]
    expected = {(round(x, 9), y) for line in (ACCURACIES, best_so_far) for x, y in zip(steps, line, strict=True)}
    for shade in axes.collections:
        (path,) = shade.get_paths()
        assert {tuple(np.round(corner, 9)) for corner in path.vertices} == expected
    assert len(axes.collections) == 2


@pytest.mark.parametrize("data", ["cifar10", "mnist"])
def test_the_papers_ends(data, drawings, tmp_path):
    runs = data_set(
        *(network_run(model, "true-labels", 2, ACCURACIES, data=data) for model in ("inception", "inception-no-bn")),
        network_run("inception", "true-labels", 2, ACCURACIES, data=data, augmentation="crop"),
        network_run("inception", "true-labels", 2, ACCURACIES, data=data, augmentation="crop", dropout=0.5),
    )
    draw_accuracy_along_training(runs, tmp_path / "figure")
    ((caption, drawing),) = drawings
    stars = [[line.get_ydata()[0] for line in axes.lines if line.get_marker() == "*"] for axes in drawing.axes]
    plain, without, crop = (
        TABLE_1[model, TRUE_LABELS, (augmentation, False)].test / 100
        for model, augmentation in (("inception", "none"), ("inception-no-bn", "none"), ("inception", "crop"))
    )
    assert stars == ([[plain, crop], [plain, without]] if data == "cifar10" else [[], []])
    assert ("Stars" in caption) is (data == "cifar10")


def test_only_networks_on_the_same_images_share_a_panel():
    inception = network_run("inception", "true-labels", 2, ACCURACIES, n_train=1000)
    without = network_run("inception-no-bn", "true-labels", 2, ACCURACIES, n_train=2000)
    decayed = network_run("inception", "true-labels", 2, ACCURACIES, n_train=3000, weight_decay=0.1)
    assert not FIGURES["Figure 2: accuracy along training"].possible(data_set(inception, without, decayed))
    alike = network_run("inception-no-bn", "true-labels", 2, ACCURACIES, n_train=1000)
    assert names(data_set(inception, without, alike)) == {
        BATCH_NORM: ["inception, n = 1,000", "inception-no-bn, n = 1,000"]
    }


def test_without_inception_the_network_with_most_regularisers():
    runs = data_set(
        network_run("alexnet", "true-labels", 2, ACCURACIES),
        network_run("alexnet", "true-labels", 2, ACCURACIES, weight_decay=0.1),
        network_run("alexnet", "true-labels", 2, ACCURACIES, augmentation="crop"),
        network_run("mlp-1x512", "true-labels", 2, ACCURACIES, n_train=10_000),
        network_run("mlp-1x512", "true-labels", 2, ACCURACIES, n_train=10_000, weight_decay=0.1),
    )
    expected = ["alexnet, n = 1,000", "alexnet, n = 1,000, augmentation crop", "alexnet, n = 1,000, weight decay 0.1"]
    assert names(runs) == {REGULARISERS: expected}


def test_nothing_to_compare():
    assert panels(data_set(network_run("inception", "true-labels", 2, ACCURACIES))) == {}
    assert panels(data_set(network_run("inception", "random-labels", 2, ACCURACIES, weight_decay=0.1))) == {}
