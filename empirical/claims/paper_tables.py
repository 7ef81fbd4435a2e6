"""Tables 1, 2 and 4 of the paper, its values beside ours: from records alone.

A row is a network, a test and its regularisers; runs that differ in their seeds alone are its sample.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from empirical.claims.networks_on_tests import networks_on_tests
from empirical.claims.paper import NONE, TABLE_1, TABLE_2, TABLE_4, Regularisers, is_papers_size
from empirical.claims.seeds import seeds_in_words
from empirical.models import default_initialization, default_learning_rate
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig
from empirical.training.schedule import IMAGENET, PAPER_IMAGES, decay_of, is_the_papers


@dataclass(frozen=True)
class Spread:
    """The mean and standard deviation of shares over seeds; the deviation is None for one seed."""

    mean: float
    deviation: float | None

    @staticmethod
    def of(values: list[float]) -> "Spread":
        """Summarise at least one value."""
        return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)

    def __str__(self) -> str:
        """The mean and deviation in percent."""
        return f"{100 * self.mean:.2f}" + ("" if self.deviation is None else f" ± {100 * self.deviation:.2f}")


@dataclass(frozen=True, eq=False)
class TableRow:
    """A row of our runs beside the paper's numbers in percent, None where the paper prints none or its network failed
    to converge.

    Attributes:
        model, test, regularisers: what the row shows.
        paper_train, paper_test: the paper's accuracies.
        runs: our runs, a seed each; none if the row was not run.
        dropout: its probability; 0 for none.
        paper_best: the paper's best test accuracy along training, where the paper gives a value.
        paper_top_5: what the paper has of top-5 accuracy, in the same three places; all None but for ImageNet.
    """

    model: str
    test: Randomization
    regularisers: Regularisers
    paper_train: float | None
    paper_test: float | None
    runs: tuple[Run, ...]
    dropout: float = 0.0
    paper_best: float | None = None
    paper_top_5: tuple[float | None, float | None, float | None] = (None, None, None)

    @property
    def fitted(self) -> int:
        """The runs that fitted every label."""
        return sum(run.summary.metrics["fitted"] for run in self.runs)

    @property
    def train(self) -> Spread | None:
        """The accuracy on the given labels."""
        return self._spread("train_accuracy")

    @property
    def test_accuracy(self) -> Spread | None:
        """The accuracy on the test set, at the end."""
        return self._spread("test_accuracy")

    @property
    def best(self) -> Spread | None:
        """The best accuracy of any epoch on the test set, which early stopping could have reached."""
        return self._spread("best_test_accuracy")

    @property
    def online(self) -> Spread | None:
        """The accuracy on augmented samples as they were trained on in the last epoch."""
        return self._spread("online_accuracy") if self.regularisers[0] != "none" else None

    @property
    def shown_train(self) -> Spread | None:
        """The training accuracy that the paper prints in this row: online where images are flipped and rotated."""
        return self.online if self.regularisers[0] == "flip-rotate" else self.train

    @property
    def regularisers_in_words(self) -> str:
        """Augmentation, dropout, weight decay; empty for none."""
        augmentation, decay = self.regularisers
        words = [augmentation] * (augmentation != "none") + ["dropout"] * (self.dropout > 0) + ["weight decay"] * decay
        return ", ".join(words)

    @property
    def paper_values(self) -> tuple[str, str, str]:
        """The paper's accuracies on the training and test set and of the best epoch, top-5 in brackets."""
        values = zip((self.paper_train, self.paper_test, self.paper_best), self.paper_top_5, strict=True)
        train, test, best = (_with_top_5(*pair) for pair in values)
        return train, test, best

    @property
    def values(self) -> tuple[str, str, str]:
        """Our accuracies on the training and test set and of the best epoch, top-5 in brackets."""
        train_top_5, test_top_5 = self._spread("train_top_5_accuracy"), self._spread("test_top_5_accuracy")
        train, test = _with_top_5(self.shown_train, train_top_5), _with_top_5(self.test_accuracy, test_top_5)
        return train, test, _with_top_5(self.best, None)

    @property
    def scale(self) -> str:
        """Images, epochs and seeds behind our numbers, for the row's last cell."""
        if not self.runs:
            return "not run"
        config = self.runs[0].config
        epochs = sorted({run.summary.metrics["epoch"] for run in self.runs})
        span = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
        seeds = seeds_in_words(run.config.seed for run in self.runs)
        some = "" if is_papers_size(config) else f" of {PAPER_IMAGES:,}" if config.data == "cifar10" else ""
        return f"{config.n_train:,}{some} images, {span} epochs, {seeds}"

    def _spread(self, metric: str) -> Spread | None:
        values = [run.summary.metrics[metric] for run in self.runs if metric in run.summary.metrics]
        return Spread.of(values) if values else None


def _with_top_5(accuracy: float | Spread | None, top_5: float | Spread | None) -> str:
    first, second = (f"{value:.2f}" if isinstance(value, float) else f"{value or '—'}" for value in (accuracy, top_5))
    return first if top_5 is None else f"{first} ({second})"


def regularisers(config: RunConfig) -> Regularisers:
    """The regularisers of a trained run, as the tables name them."""
    training = config.hyper_parameters
    return training.augmentation, training.weight_decay > 0


def data_sets(runs: list[Run]) -> dict[str, list[Run]]:
    """Trained runs by data set, for the data sets with several networks or with regularisers, which make a table."""
    by_data: dict[str, list[Run]] = {}
    for run in networks_on_tests(runs):
        by_data.setdefault(run.config.data, []).append(run)
    return {
        data: some
        for data, some in by_data.items()
        if len({(run.config.model, regularisers(run.config)) for run in some}) > 1
    }


@dataclass(frozen=True, order=True)
class Size:
    """How many images networks are trained and tested on, and which: folders of other images share a name and a number.

    Attributes:
        train, test: their numbers.
        digests: those of the training and the test images.
    """

    train: int
    test: int
    digests: tuple[str, str] = field(repr=False)

    @classmethod
    def of(cls, config: RunConfig) -> "Size":
        """The size of a run."""
        return cls(config.n_train, config.n_test, (config.train_digest, config.test_digest))

    def __str__(self) -> str:
        return f"{self.train:,} training and {self.test:,} test images"


def by_size(runs: Iterable[Run]) -> dict[Size, list[Run]]:
    """Runs by the images that they are of, the most first: accuracies are compared on the same images alone."""
    groups: dict[Size, list[Run]] = {}
    for run in runs:
        groups.setdefault(Size.of(run.config), []).append(run)
    return dict(sorted(groups.items(), reverse=True))


def sizes(runs: list[Run]) -> dict[Size, list[Run]]:
    """The runs of a data set `by_size`, where there are several networks, or regularisers, to compare."""
    return {size: some for size, some in by_size(runs).items() if data_sets(some)}


def table_2(runs: list[Run]) -> list[TableRow]:
    """Table 2 from runs on one data set; other networks' rows follow the paper's."""
    samples = _by_row(runs)
    rows = []
    for (test, augmentation, dropout, decay), paper in TABLE_2.items():
        key = "inception-v3", test, (augmentation, decay), dropout
        sample = samples.pop(key, ())
        top_5 = paper.train_top_5, paper.test_top_5, paper.best_top_5
        accuracies = paper.train_top_1, paper.test_top_1
        rows.append(TableRow(*key[:3], *accuracies, sample, dropout, paper.best_top_1, top_5))
    return rows + [TableRow(*key[:3], None, None, sample, key[3]) for key, sample in samples.items()]


def table_1(runs: list[Run]) -> list[TableRow]:
    """Table 1 from runs on one data set, rows without a run included; other networks' rows follow the paper's."""
    samples = _by_row(runs)
    rows = [TableRow(*key, paper.train, paper.test, samples.pop((*key, 0.0), ())) for key, paper in TABLE_1.items()]
    additions = [
        TableRow(*key[:3], None, None, sample, key[3])
        for key, sample in samples.items()
        if key[1] == TRUE_LABELS or (key[2], key[3]) == (NONE, 0.0)
    ]
    return rows + additions


def table_4(runs: list[Run]) -> list[TableRow]:
    """Table 4 from runs on one data set; other networks' rows follow the paper's."""
    samples = {key: sample for key, sample in _by_row(runs).items() if key[1] == RANDOM_LABELS}
    rows = [
        TableRow(model, RANDOM_LABELS, chosen, paper, None, samples.pop((model, RANDOM_LABELS, chosen, 0.0), ()))
        for (model, chosen), paper in TABLE_4.items()
    ]
    additions = [
        TableRow(*key[:3], None, None, sample, key[3])
        for key, sample in samples.items()
        if (key[2], key[3]) != (NONE, 0.0)
    ]
    return rows + additions


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper.

    Attributes:
        title: its number, and what it shows.
        data, source: the data set of the paper's numbers, as records name it and as headings do.
        rows: the table from runs on one data set.
    """

    title: str
    data: str
    source: str
    rows: Callable[[list[Run]], list[TableRow]]

    def rows_on(self, data: str, runs: list[Run]) -> list[TableRow]:
        """The table from runs on a data set; on other data than the paper's only the rows that were run."""
        return [row for row in self.rows(runs) if row.runs or data == self.data]


TABLES = {
    "table1": PaperTable("Table 1: accuracy", "cifar10", "CIFAR-10", table_1),
    "table2": PaperTable("Table 2: ImageNet, top-1 (top-5) accuracy", "imagenet", "ImageNet", table_2),
    "table4": PaperTable("Table 4: random labels, with regularisers", "cifar10", "CIFAR-10", table_4),
}
"""The tables by the name of their experiment."""


def tables_of(data: str, runs: list[Run]) -> dict[PaperTable, list[TableRow]]:
    """The tables from all runs on a data set: runs of Inception V3, or with ImageNet's schedule, belong to Table 2."""
    large = [run for run in runs if _of_table_2(run.config)]
    small = [run for run in runs if not _of_table_2(run.config)]
    tables = {table: table.rows_on(data, large if table is TABLES["table2"] else small) for table in TABLES.values()}
    return {table: rows for table, rows in tables.items() if any(row.runs for row in rows)}


def sized_tables_of(data: str, runs: list[Run]) -> dict[tuple[PaperTable, Size], list[TableRow]]:
    """The tables from all runs on a data set, one for each size, the most training images first.

    Accuracies of networks on different numbers of images are not comparable, so that no table has two sizes. Where
    there are several, the paper's rows that were not run are left out.
    """
    groups = by_size(runs)
    return {
        (paper, size): [row for row in rows if row.runs or len(groups) == 1]
        for size, some in groups.items()
        for paper, rows in tables_of(data, some).items()
    }


def _of_table_2(config: RunConfig) -> bool:
    return config.model == "inception-v3" or decay_of(config.hyper_parameters) == IMAGENET.decay


def _by_row(runs: list[Run]) -> dict[tuple[str, Randomization, Regularisers, float], tuple[Run, ...]]:
    """Runs on true and random labels by row: network, test, regularisers, dropout.

    A sample's configurations differ in their seed alone. Among several samples the row shows the sample of the most
    images; among equals the sample with most of the paper's hyper-parameters, then a sample that ends at the fit rather
    than one that trains on, then the sample of the most seeds, then the first by hash.
    """
    groups: dict[tuple[str, Randomization, Regularisers, float], dict[str, list[Run]]] = {}
    for run in runs:
        config = run.config
        if config.training is None:
            continue
        key = config.model, config.randomization, regularisers(config), config.training.dropout or 0.0
        if config.randomization in (TRUE_LABELS, RANDOM_LABELS):
            groups.setdefault(key, {}).setdefault(replace(config, seed=0).hash, []).append(run)

    def rank(sample: tuple[str, list[Run]]) -> tuple[int, int, int, int, str]:
        config = sample[1][0].config
        training = config.hyper_parameters
        changed = _changed(config.model, training)
        return -config.n_train, changed, training.min_steps, -len(sample[1]), sample[0]

    return {
        key: tuple(sorted(min(samples.items(), key=rank)[1], key=lambda run: run.config.seed))
        for key, samples in groups.items()
    }


def _changed(model: str, training: TrainingConfig) -> int:
    """How many of the hyper-parameters of SGD are not the paper's."""
    built_in = ":" not in model
    paper = TrainingConfig(
        learning_rate=default_learning_rate(model) if built_in else training.learning_rate,
        initialization=default_initialization(model) if built_in else training.initialization,
    )
    names = ("optimizer", "learning_rate", "momentum", "batch_size", "initialization", "weight_decay_of")
    changed = [name for name in names if getattr(training, name) != getattr(paper, name)]
    return len(changed) + (not is_the_papers(training))
