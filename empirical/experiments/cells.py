"""Runs of trained networks, as cells of a table: a network, a test, and what regularises it."""

from dataclasses import dataclass, replace

from empirical.datasets import ImageDataset
from empirical.experiments.run_config import require_trainable, run_config
from empirical.experiments.scales import reduction
from empirical.experiments.settings import Settings
from empirical.randomization import parse_test
from empirical.runs.config import RunConfig, Trained
from empirical.training.config import Augmentation
from empirical.training.schedule import CIFAR_10, Schedule


@dataclass(frozen=True)
class Cell:
    """A cell of a table or a curve's point in the paper: a network, a test, and what regularises it.

    `weight_decay` is whether there is any: its strength is the schedule's. A `dropout` of None is that of the network
    itself.
    """

    model: str
    test: str = "true-labels"
    augmentation: Augmentation = "none"
    weight_decay: bool = False
    dropout: float | None = 0.0
    min_steps: int = 0
    schedule: Schedule = CIFAR_10


TAKEN_BY_CELLS = ("model", "training", "crop", "scale")
"""The settings that an experiment of cells takes."""


def plan_cells(cells: tuple[Cell, ...], dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """The runs of cells at the chosen scale, for every seed.

    A network of the user's takes the place of the cells' own, its own dropout as the cell has it; chosen tests restrict
    the cells, and where no cell has one of them, it is run without regularisers. The weight decay of a user's optimiser
    cannot be set from here: cells with weight decay are left out. Raises ValueError for unknown tests, models,
    optimisers or devices, and for regularisers beside the cells'.
    """
    no_decay = settings.chose("weight_decay") and not settings.training.weight_decay
    if no_decay or any(map(settings.chose, ("augmentation", "dropout", "min_steps"))):
        raise ValueError(
            "--training.augmentation, --training.dropout, --training.min-steps and --training.weight-decay 0 are what "
            "this experiment varies: leave them out, or use the experiment randomization-tests"
        )
    if settings.training.optimizer != "sgd":
        cells = tuple(cell for cell in cells if not cell.weight_decay)
    if settings.model:
        cells = tuple(cell for cell in cells if cell.model == settings.model) or tuple(
            dict.fromkeys(replace(cell, model=settings.model) for cell in cells)
        )
    if settings.tests:
        plain = dict.fromkeys(Cell(cell.model, schedule=cell.schedule) for cell in cells)
        cells = tuple(
            cell
            for test in settings.tests
            for cell in [c for c in cells if c.test == test] or [replace(template, test=test) for template in plain]
        )
    return [
        trained_run(dataset, settings, seed, replace(cell, dropout=_dropout(cell)), scaled=True)
        for seed in settings.seeds
        for cell in dict.fromkeys(cells)
    ]


def users_cell(settings: Settings, test: str) -> Cell:
    """The cell of a test with the user's own regularisers."""
    training = settings.training
    return Cell(
        settings.model or "mlp-1x512",
        test,
        training.augmentation,
        training.weight_decay > 0,
        training.dropout,
        training.min_steps,
    )


def trained_run(dataset: ImageDataset, settings: Settings, seed: int, cell: Cell, *, scaled: bool) -> RunConfig:
    """A network's run. Its numbers of images and steps are the scale's unless the user sets them."""
    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import check_model, default_initialization, default_learning_rate

    shape = seen_shape(dataset.image_shape, settings.crop)
    check_model(cell.model, shape, dataset.num_classes)
    require_trainable(dataset, settings, cell.augmentation)
    training, schedule = settings.training, cell.schedule
    reduced = reduction(settings.scale if scaled else "paper", cell.model)
    grid = training.epochs_per_train_evaluation
    if scaled and not settings.chose("epochs_per_train_evaluation"):
        grid = reduced.epochs_per_train_evaluation
    max_steps = training.max_steps if settings.chose("max_steps") else reduced.max_steps or schedule.max_steps
    if not (settings.chose("learning_rate_decay") or settings.chose("decay_steps")):
        training = schedule.applied(training)
    training = replace(
        training,
        learning_rate=training.learning_rate or default_learning_rate(cell.model),
        augmentation=cell.augmentation,
        weight_decay=(training.weight_decay or schedule.weight_decay) if cell.weight_decay else 0.0,
        dropout=cell.dropout,
        max_steps=max_steps,
        min_steps=min(cell.min_steps, max_steps),
        epochs_per_train_evaluation=grid,
        initialization=training.initialization or default_initialization(cell.model),
    )
    n_train, n_test = (
        min(limit or available, available) if choice is None else choice
        for choice, limit, available in (
            (settings.n_train, reduced.n_train, len(dataset.train.labels)),
            (settings.n_test, reduced.n_test, len(dataset.test.labels)),
        )
    )
    return run_config(
        "randomization-tests",
        dataset.subset(n_train, n_test),
        settings,
        seed,
        parse_test(cell.test),
        Trained(training),
        model=cell.model,
    )


def _dropout(cell: Cell) -> float | None:
    """The dropout of a cell of a table; without any, that of a user's network is switched off, and ours have none."""
    if cell.dropout:
        return cell.dropout
    return 0.0 if ":" in cell.model else None
