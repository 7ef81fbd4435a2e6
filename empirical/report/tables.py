"""Results as tables of text cells, from records alone: what a terminal, Markdown and LaTeX show alike."""

from empirical.claims.kernels import KernelResults, kernel_of, kernel_results, reference
from empirical.claims.paper_tables import PaperTable, Size, TableRow, data_sets, sized_tables_of
from empirical.claims.result_sets import ResultSet, result_sets
from empirical.claims.results_table import table
from empirical.claims.studies import COMPARISONS
from empirical.runs.records import Run
from empirical.text_table import TextTable


def tables_of_runs(runs: list[Run]) -> list[TextTable]:
    """Every table that runs fill: the tests by network and seed, the paper's tables, kernels, the studies."""
    tables = [results_table(results) for results in result_sets(runs)]
    for data, some in data_sets(runs).items():
        tables += [paper_table(paper, data, rows, size) for (paper, size), rows in sized_tables_of(data, some).items()]
    tables += [kernel_table(results) for results in kernel_results(runs)]
    for comparison in COMPARISONS.values():
        tables += [comparison.table(results) for results in comparison.results(runs)]
    return tables


def results_table(results: ResultSet, *, narrow: bool = False) -> TextTable:
    """Runs of one network on the tests; if narrow, without the columns that are not measurements of fit."""
    config = results.config
    parameters = {
        kind: f"{next(iter(runs.values())).summary.metrics['parameters']:,}" if runs else ""
        for kind, runs in (("trained", results.trained), ("explicit", results.explicit))
    }
    sizes = [f"{config.model} has {parameters['trained']} parameters"] * bool(results.trained)
    sizes += [f"the explicit 2n + d network of Theorem 1 has {parameters['explicit']}"] * bool(results.explicit)
    title = f"{results.scale}\n{', '.join(sizes)}, n = {config.n_train:,}"
    columns = ["test", "epochs\nto fit", "train,\ngiven\nlabels", "train,\nclean\nlabels", "test,\nclean\nlabels"]
    columns += ["explicit\nnetwork,\ntrain", "explicit\nnetwork,\ntest"]
    columns += [] if narrow else ["seconds", "for comparison,\ntest"]
    rows = []
    for row in table(results):
        cells = [
            row.test.replace("corrupted labels, p = ", "corrupted ") if narrow else row.test,
            "—" if row.epochs is None else f"{row.epochs}" if row.fitted else f"not in {row.epochs}",
            *map(_percent, (row.train_accuracy, row.train_accuracy_clean_labels, row.test_accuracy)),
            *map(_percent, (row.explicit_train_accuracy, row.explicit_test_accuracy)),
        ]
        cells += [] if narrow else ["—" if row.seconds is None else f"{row.seconds:.1f}", row.expected]
        rows.append(tuple(cells))
    return TextTable(title, tuple(columns), tuple(rows), words=frozenset({0} if narrow else {0, len(columns) - 1}))


def kernel_table(results: KernelResults) -> TextTable:
    """Errors and norms of kernel runs; two lines of headers and the units in them."""
    columns = "kernel", "test", "train", "test error", "norm", "largest\nresidual", "distance from\nminimum norm"
    rows = []
    for run in results.runs:
        metrics = run.summary.metrics
        residual, distance = metrics.get("max_residual"), metrics.get("distance_bound")
        rows.append(
            (
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
        )
    headers = (*columns, "seconds", "the paper's\ntest error")
    return TextTable(results.scale, headers, tuple(rows), words=frozenset({0, 1, len(headers) - 1}))


def paper_table(paper: PaperTable, data: str, rows: list[TableRow], size: Size) -> TextTable:
    """A table of the paper from runs on so many images of a data set, its accuracies beside ours, in percent."""
    with_best = any(row.paper_best is not None for row in rows)
    measured = "train", "test", "best epoch"
    papers = [f"the paper,\n{paper.source}:\n{name}" for name in measured[: 3 if with_best else 2]]
    ours = [f"\nours:\n{name}" for name in measured]
    columns = ("network", "test", "regularisers", *papers, *ours, "of")
    cells = [
        (
            *(row.model, row.test.name, row.regularisers_in_words),
            *(*row.paper_values[: len(papers)], *row.values, row.scale),
        )
        for row in rows
    ]
    return TextTable(
        f"{paper.title}: {data}, {size}", columns, tuple(cells), words=frozenset({0, 1, 2, len(columns) - 1})
    )


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.2%}"
