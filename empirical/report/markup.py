"""Tables as Markdown and as LaTeX, for a page or a paper, and the command that writes them."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from empirical.report.tables import tables_of_runs
from empirical.runs.records import has_records, read_runs
from empirical.text_table import TextTable
from theory.common.atomic import replacing
from theory.common.plain_text import visible

Format = Literal["markdown", "latex"]

_MARKDOWN = re.compile(r"[\\|`*_<\[\]]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "—": "---",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "²": "$^2$",
    "‖": r"$\|$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
}
"""What LaTeX takes for orders, and signs that its text fonts lack."""


def markdown(table: TextTable) -> str:
    """A table of GitHub's Markdown under its title in bold, its note below; columns of numbers are to the right."""
    rule = [":--" if at in table.words else "--:" for at in range(len(table.columns))]
    lines = [" | ".join(map(_in_markdown, row)) for row in (table.columns, *table.rows)]
    body = [f"| {line} |" for line in (lines[0], " | ".join(rule), *lines[1:])]
    note = ["", _in_markdown(table.note)] if table.note else []
    return "\n".join([f"**{_in_markdown(_title(table))}**", "", *body, *note]) + "\n"


def latex(table: TextTable) -> str:
    r"""A `table` environment with a `tabular` in it, for a document in UTF-8 that uses the package booktabs.

    The title is its caption, with the note behind it; columns of numbers are to the right.
    """
    kinds = "".join("l" if at in table.words else "r" for at in range(len(table.columns)))
    header, *rows = (" & ".join(map(_in_latex, row)) + r" \\" for row in (table.columns, *table.rows))
    caption = ". ".join(filter(None, [_in_latex(_title(table)), _in_latex(table.note)]))
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{caption}}}", rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines += [header, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


WRITERS: dict[str, Callable[[TextTable], str]] = {"markdown": markdown, "latex": latex}
"""The writers by the name of their format."""


def in_markup(tables: list[TextTable], form: Format) -> str:
    """All the tables, an empty line between them. Raises ValueError for an unknown format."""
    if form not in WRITERS:
        raise ValueError(f"format must be one of {', '.join(WRITERS)}, got {form!r}")
    return "\n".join(map(WRITERS[form], tables))


@dataclass(frozen=True)
class TablesOptions:
    """Print the results that are recorded in a directory as tables of Markdown or LaTeX, for a page or a paper.

    Nothing is run. LaTeX's tables use the package booktabs.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[DIR]")] = Path("runs")
    """Directory of the records."""

    format: Format = "markdown"
    """Language of the tables."""

    to: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to write them; to the terminal by default."""


def tables_command(arguments: list[str]) -> int:
    """Carry out `tables`; returns the exit status. Raises FileNotFoundError if the directory holds no finished run."""
    options = tyro.cli(TablesOptions, prog="python -m empirical.run tables", args=arguments)
    runs = read_runs(options.folder) if has_records(options.folder) else []
    if not runs:
        raise FileNotFoundError(f"no finished run under {options.folder.absolute()}: name the --out of an experiment")
    text = in_markup(tables_of_runs(runs), options.format)
    if options.to is None:
        sys.stdout.write(text)
        return 0
    with replacing(options.to) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"tables: {options.to}")
    return 0


def _on_one_line(text: str) -> str:
    return " ".join(visible(text).split())


def _title(table: TextTable) -> str:
    return "; ".join(table.title.splitlines())


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(lambda sign: f"\\{sign[0]}", _on_one_line(text))


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in _on_one_line(text))
