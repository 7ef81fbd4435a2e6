"""Results in Markdown and LaTeX: the same cells as on the terminal, and nothing in them is an order."""

import re

import pytest

from empirical import run_experiment
from empirical.report.markup import in_markup, latex, markdown
from empirical.report.tables import tables_of_runs
from empirical.run import main
from empirical.text_table import TextTable
from tests.figures.made_up_networks import paper_runs
from tests.made_up import write_run

AWKWARD = TextTable(
    title="a_b\nc & d",
    columns=("name", "share\nof all"),
    rows=((r"x|y\z *w* <b> $1", "10 %"), ("#{~^}", "3.0 ± 0.1")),
    note="50% — of λ",
)


def cells_of_markdown(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell) for cell in row] for row in [rows[0], *rows[2:]]], rows[1]


def test_markdown_keeps_every_cell():
    (header, *rows), rule = cells_of_markdown(markdown(AWKWARD))
    assert header == ["name", "share of all"]
    assert rows == [list(row) for row in AWKWARD.rows]
    assert rule == [":--", "--:"]
    assert markdown(AWKWARD).startswith("**a\\_b; c & d**\n\n| name")
    assert markdown(AWKWARD).endswith("|\n\n50% — of λ\n")


def test_latex_takes_no_cell_for_an_order():
    assert latex(AWKWARD).splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{a\_b; c \& d. 50\% --- of $\lambda$}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"name & share of all \\",
        r"\midrule",
        r"x$|$y\textbackslash{}z *w* $<$b$>$ \$1 & 10 \% \\",
        r"\#\{\textasciitilde{}\textasciicircum{}\} & 3.0 $\pm$ 0.1 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


@pytest.fixture(scope="module")
def runs():
    return paper_runs()


def test_the_papers_tables_stand_beside_ours(runs):
    titles = [table.title.splitlines()[0] for table in tables_of_runs(runs)]
    assert {"Table 1: accuracy: cifar10", "Table 4: random labels, with regularisers: cifar10"} <= {
        title.rpartition(", ")[0] for title in titles
    }
    table_1 = next(table for table in tables_of_runs(runs) if table.title.startswith("Table 1"))
    header = cells_of_markdown(markdown(table_1))[0][0]
    assert len(set(header)) == len(header), "every column says whose number it has"
    assert "the paper, CIFAR-10: test" in header


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_the_command_writes_what_python_gives(form, runs, tmp_path, capsys):
    for run in runs:
        write_run(run, tmp_path / "runs")
    assert main(["tables", str(tmp_path / "runs"), "--format", form]) == 0
    printed = capsys.readouterr().out
    assert main(["tables", str(tmp_path / "runs"), "--format", form, "--to", str(tmp_path / "out.txt")]) == 0
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == printed
    assert sorted(printed.splitlines()) == sorted(in_markup(tables_of_runs(runs), form).splitlines())
    assert ("\\begin{tabular}" in printed) == (form == "latex")


def test_results_of_python_have_their_tables(tmp_path):
    results = run_experiment(model="mlp-1x8", tests="random-labels", train_size=20, test_size=10, out=tmp_path)
    assert "| random labels |" in results.markdown() == results._repr_markdown_()
    assert "random labels & " in results.latex()
    with pytest.raises(ValueError, match="format must be one of markdown, latex, got 'html'"):
        in_markup(results.tables, "html")


def test_nothing_recorded_is_an_error(tmp_path, capsys):
    assert main(["tables", str(tmp_path)]) == 2
    assert "no finished run under" in capsys.readouterr().err
