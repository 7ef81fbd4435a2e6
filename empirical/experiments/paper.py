"""The paper's tables and figures: the cells of each, in its order."""

from functools import partial

from empirical.claims.paper import INCEPTION_V3_DROPOUT
from empirical.experiments.cells import TAKEN_BY_CELLS, Cell, plan_cells
from empirical.experiments.experiment import Experiment
from empirical.training.config import Augmentation
from empirical.training.schedule import IMAGENET

_REGULARISED: tuple[tuple[Augmentation, bool], ...] = (("crop", True), ("crop", False), ("none", True), ("none", False))


TABLE_1_CELLS = (
    *(Cell("inception", "true-labels", crop, decay) for crop, decay in _REGULARISED),
    Cell("inception", "random-labels"),
    *(Cell("inception-no-bn", "true-labels", "none", decay) for decay in (True, False)),
    Cell("inception-no-bn", "random-labels"),
    *(Cell("alexnet", "true-labels", crop, decay) for crop, decay in _REGULARISED),
    Cell("alexnet", "random-labels"),
    *(
        cell
        for model in ("mlp-3x512", "mlp-1x512")
        for cell in (Cell(model, weight_decay=True), Cell(model), Cell(model, "random-labels"))
    ),
)
"""Table 1, in its order."""


_TABLE_2_ROWS: tuple[tuple[str, Augmentation, float, bool], ...] = (
    ("true-labels", "resized-crop", INCEPTION_V3_DROPOUT, True),
    ("true-labels", "resized-crop", 0.0, False),
    ("true-labels", "none", 0.0, True),
    ("true-labels", "none", 0.0, False),
    ("random-labels", "none", INCEPTION_V3_DROPOUT, True),
    ("random-labels", "none", 0.0, True),
    ("random-labels", "none", 0.0, False),
)


TABLE_2_CELLS = tuple(
    Cell("inception-v3", test, augmentation, decay, dropout, schedule=IMAGENET)
    for test, augmentation, dropout, decay in _TABLE_2_ROWS
)
"""Table 2, in its order."""


TABLE_4_CELLS = (
    *(Cell(model, "random-labels", weight_decay=True) for model in ("inception", "alexnet", "mlp-3x512", "mlp-1x512")),
    Cell("inception", "random-labels", "crop"),
    Cell("inception", "random-labels", "flip-rotate"),
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
