"""The table of networks on the tests, beside what the paper, guessing or memorising gives."""

from dataclasses import dataclass

from empirical.claims.chance import chance_range, guessing_interval
from empirical.claims.paper import is_papers_size, table_1_row
from empirical.claims.result_sets import ResultSet, chance_interval
from empirical.claims.significance import SIZE
from empirical.randomization import Randomization
from empirical.training.schedule import PAPER_IMAGES


@dataclass(frozen=True)
class Row:
    """A line of the results table; None where there is no finished run."""

    test: str
    epochs: int | None
    seconds: float | None
    fitted: bool | None
    train_accuracy: float | None
    train_accuracy_clean_labels: float | None
    test_accuracy: float | None
    expected: str
    explicit_train_accuracy: float | None
    explicit_test_accuracy: float | None


def table(results: ResultSet) -> list[Row]:
    """The table of results, a row for each test."""
    rows = []
    for test in dict.fromkeys([*results.trained, *results.explicit]):
        trained, explicit = results.trained.get(test), results.explicit.get(test)
        measured = trained.summary.metrics if trained else {}
        built = explicit.summary.metrics if explicit else {}
        rows.append(
            Row(
                test=test.name,
                epochs=measured.get("epoch"),
                seconds=trained.summary.time["seconds"] if trained else None,
                fitted=measured.get("fitted"),
                train_accuracy=measured.get("train_accuracy"),
                train_accuracy_clean_labels=measured.get("train_accuracy_clean_labels"),
                test_accuracy=measured.get("test_accuracy"),
                expected=_expected(results, test),
                explicit_train_accuracy=built.get("train_accuracy"),
                explicit_test_accuracy=built.get("test_accuracy"),
            )
        )
    return rows


def _expected(results: ResultSet, test: Randomization) -> str:
    """The paper's accuracies of the network, or else the test accuracy that chance or memorising predicts."""
    config = results.config
    reference = table_1_row(config, test)
    if reference is not None:
        images = "" if is_papers_size(config) else f" on {PAPER_IMAGES:,} images"
        return f"paper{images}: train {reference.train:.2f}, test {reference.test:.2f}"
    run = results.trained.get(test) or results.explicit[test]
    low, high = chance_interval(results)
    if test.label_noise.is_independent(config.num_classes):
        return f"chance: {low:.1%} to {high:.1%}"
    low, high = guessing_interval(config, SIZE, chance_range(run))
    if test.pixels == "gaussian":
        return f"chance: {low:.1%} to {high:.1%}"
    if test.pixels == "random":
        colours = run.summary.metrics.get("colour_statistics_accuracy")
        return f"pixel values: {low:.1%} and up" if colours is None else f"pixel values alone: {colours:.1%}"
    clean = results.trained.get(test.with_clean_labels)
    if test != test.with_clean_labels and clean is not None:
        clean_accuracy = clean.summary.metrics["test_accuracy"]
        return f"memorising: {test.label_noise.copying_accuracy(clean_accuracy, config.num_classes):.1%}"
    if test.label_noise.uniform_level is None:
        return f"memorising: needs a run on {test.with_clean_labels.name}"
    return f"above chance, {high:.1%}"
