"""Results as tables on a terminal."""

from rich import box
from rich.table import Table

from empirical.claims.kernels import KernelResults
from empirical.claims.paper_tables import PaperTable, Size, TableRow
from empirical.claims.result_sets import ResultSet
from empirical.report import tables
from empirical.text_table import TextTable


def results_table(results: ResultSet, *, narrow: bool) -> Table:
    """The runs of one network on the tests; a narrow terminal shows only the columns that measure the fit."""
    return _drawn(tables.results_table(results, narrow=narrow), box.SIMPLE if narrow else box.HEAVY_HEAD)


def kernel_table(results: KernelResults) -> Table:
    """Errors and norms of kernel runs."""
    return _drawn(tables.kernel_table(results), wrapped=("kernel", "test", "the paper's\ntest error"))


def paper_table(table: PaperTable, data: str, rows: list[TableRow], size: Size) -> Table:
    """A table of the paper from runs on a data set, its accuracies beside ours, in percent."""
    return _drawn(tables.paper_table(table, data, rows, size), wrapped=("test", "regularisers", "of"))


def _drawn(table: TextTable, style: box.Box = box.SIMPLE, wrapped: tuple[str, ...] = ("test",)) -> Table:
    """The table; only the columns named are made narrower where the terminal is too narrow."""
    columns = Table(title=table.title, title_justify="left", box=style)
    for at, header in enumerate(table.columns):
        columns.add_column(
            header,
            justify="left" if at in table.words else "right",
            no_wrap=header not in wrapped,
            min_width=len("regularisers") if header == "regularisers" else None,
        )
    for row in table.rows:
        columns.add_row(*row)
    return columns
