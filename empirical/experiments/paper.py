"""The paper's tables and figures: the cells of each, in its order."""

from functools import partial

from empirical.claims import paper
from empirical.experiments.cells import TAKEN_BY_CELLS, Cell, plan_cells
from empirical.experiments.experiment import Experiment
from empirical.training.schedule import IMAGENET

TABLE_1_CELLS = tuple(
    Cell(model, test.option, augmentation, decay) for model, test, (augmentation, decay) in paper.TABLE_1
)
"""Table 1, in its order."""

TABLE_2_CELLS = tuple(
    Cell("inception-v3", test.option, augmentation, decay, dropout, schedule=IMAGENET)
    for test, augmentation, dropout, decay in paper.TABLE_2
)
"""Table 2, in its order."""

TABLE_4_CELLS = tuple(
    Cell(model, "random-labels", augmentation, decay) for model, (augmentation, decay) in paper.TABLE_4
)
"""Table 4, in its order."""


def _corruption_cells(model: str, levels: int) -> list[Cell]:
    tests = [f"corrupted-{level / levels:g}" for level in range(1, levels)]
    return [Cell(model, test) for test in ("true-labels", *tests, "random-labels")]


FIGURE_1_CELLS = (
    *(Cell("inception", test) for test in ("shuffled-pixels", "random-pixels", "gaussian")),
    *_corruption_cells("inception", 5),
    *_corruption_cells("alexnet", 5),
    *_corruption_cells("mlp-1x512", 10),
)
"""Figure 1: (a) Inception on the tests, (b) and (c) three networks at levels of corruption."""


FIGURE_2_STEPS = 10_000


FIGURE_2_CELLS = (Cell("inception", min_steps=FIGURE_2_STEPS), Cell("inception-no-bn", min_steps=FIGURE_2_STEPS))
"""Figure 2b: Inception with and without batch normalisation. (Figure 2a shows the runs of table 2.)"""


FIGURE_1 = Experiment(
    "figure1",
    "Figure 1: loss curves of the tests; time to fit and test error against label corruption, three networks.",
    partial(plan_cells, FIGURE_1_CELLS),
    "cifar10",
    takes=TAKEN_BY_CELLS,
)
FIGURE_2 = Experiment(
    "figure2",
    "Figure 2b: test accuracy along training with and without batch normalisation.",
    partial(plan_cells, FIGURE_2_CELLS),
    "cifar10",
    takes=TAKEN_BY_CELLS,
)
TABLE_1 = Experiment(
    "table1",
    "Table 1: accuracies of five networks with and without regularisers, on true and on random labels.",
    partial(plan_cells, TABLE_1_CELLS),
    "cifar10",
    takes=TAKEN_BY_CELLS,
)
TABLE_2 = Experiment(
    "table2",
    "Table 2: Inception V3 on ImageNet's layout of folders, with and without regularisers.",
    partial(plan_cells, TABLE_2_CELLS),
    "folder",
    crop=None,
    image_size=299,
    takes=TAKEN_BY_CELLS,
)
TABLE_4 = Experiment(
    "table4",
    "Table 4: fitting random labels with explicit regularisation.",
    partial(plan_cells, TABLE_4_CELLS),
    "cifar10",
    takes=TAKEN_BY_CELLS,
)
