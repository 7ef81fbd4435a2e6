"""Results as tables on a terminal."""

from rich import box
from rich.table import Table

from empirical.claims.kernels import KernelResults, kernel_of, reference
from empirical.claims.paper_tables import PaperTable, TableRow
from empirical.claims.randomization_tests import ResultSet, table


def results_table(results: ResultSet, *, narrow: bool) -> Table:
    """The runs of one network on the tests; a narrow terminal shows only the columns that measure the fit."""
    config = results.config
    parameters = {
        kind: f"{next(iter(runs.values())).summary.metrics['parameters']:,}" if runs else "no"
        for kind, runs in (("trained", results.trained), ("explicit", results.explicit))
    }
    title = (
        f"{results.scale}\n{config.model} has {parameters['trained']} parameters, the explicit 2n + d network of "
        f"Theorem 1 {parameters['explicit']}, n = {config.n_train:,}"
    )
    columns = Table(title=title, title_justify="left", box=box.SIMPLE if narrow else box.HEAVY_HEAD)
    columns.add_column("test")
    headers = ["epochs\nto fit", "train,\ngiven\nlabels", "train,\nclean\nlabels", "test,\nclean\nlabels"]
    headers += ["explicit\nnetwork,\ntrain", "explicit\nnetwork,\ntest"]
    headers += [] if narrow else ["seconds", "expected of test"]
    for header in headers:
        columns.add_column(header, justify="left" if header.startswith("expected") else "right", no_wrap=True)
    for row in table(results):
        cells = [
            "—" if row.epochs is None else f"{row.epochs}" if row.fitted else f"not in {row.epochs}",
            *map(_percent, (row.train_accuracy, row.train_accuracy_clean_labels, row.test_accuracy)),
            *map(_percent, (row.explicit_train_accuracy, row.explicit_test_accuracy)),
        ]
        cells += [] if narrow else ["—" if row.seconds is None else f"{row.seconds:.1f}", row.expected]
        columns.add_row(row.test.replace("corrupted labels, p = ", "corrupted ") if narrow else row.test, *cells)
    return columns


def kernel_table(results: KernelResults) -> Table:
    """Errors and norms of kernel runs; two lines of headers and the units in them."""
    table = Table(title=results.scale, title_justify="left", box=box.SIMPLE)
    for header in ("kernel", "test"):
        table.add_column(header)
    for header in ("train", "test error", "norm", "largest\nresidual", "distance from\nminimum norm", "seconds"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("the paper's\ntest error")
    for run in results.runs:
        metrics = run.summary.metrics
        residual, distance = metrics.get("max_residual"), metrics.get("distance_bound")
        table.add_row(
            kernel_of(run).name,
            run.config.randomization.name,
            _percent(metrics["train_accuracy"]),
            _percent(1 - metrics["test_accuracy"]),
            f"{metrics['norm']:.2f}" + ("" if metrics["converged"] else " (not converged)"),
            "—" if residual is None else f"{residual:.0e}",
            "—" if distance is None else f"< {distance / metrics['norm']:.0e}",
            f"{run.summary.time['seconds']:.1f}",
            reference(run) or "—",
        )
    return table


def paper_table(table: PaperTable, data: str, rows: list[TableRow]) -> Table:
    """A table of the paper from runs on a data set, its accuracies beside ours, in percent."""
    columns = Table(title=f"{table.title}: {data}", title_justify="left", box=box.SIMPLE)
    columns.add_column("network", no_wrap=True)
    columns.add_column("test")
    columns.add_column("regularisers", min_width=len("regularisers"))
    with_best = any(row.paper_best is not None for row in rows)
    paper = (f"the paper,\n{table.source}:\ntrain", "\n\ntest", "\n\nbest epoch")[: 3 if with_best else 2]
    for header in (*paper, "\nours:\ntrain", "\n\ntest", "\n\nbest epoch"):
        columns.add_column(header, justify="right", no_wrap=True)
    columns.add_column("of")
    for row in rows:
        numbers = [*row.paper_values[: len(paper)], *row.values]
        columns.add_row(row.model, row.test.name, row.regularisers_in_words, *numbers, row.scale)
    return columns


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.2%}"
