"""One self-contained page: tables, figures, claims with their verdicts, and exactly what was run."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from empirical.comparison import ResultSet, Row, compare, table
from empirical.kernel_comparison import KernelResults, compare_kernels, kernel_of, reference
from theory.atomic import replacing
from theory.claims import Finding, read_findings


@dataclass(frozen=True, eq=False)
class Section:
    """What the page shows of one set of results: its table, its figures as SVG by title, its claims."""

    results: ResultSet
    rows: list[Row]
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class KernelSection:
    """What the page shows of kernel runs: their figures as SVG by title, their claims; the table is of the runs."""

    results: KernelResults
    figures: Mapping[str, str]
    findings: list[Finding]


Figures = Mapping[str, Path]
"""Titles and SVG files."""


def write_report(
    networks: Sequence[tuple[ResultSet, Figures]],
    kernels: Sequence[tuple[KernelResults, Figures]],
    theory: Path,
    destination: Path,
) -> None:
    """Write the page.

    Arguments:
        networks, kernels: the sets of results, a section each, and their figures.
        theory: JSON file of the theory's findings; left out if it is not there.
        destination: the HTML file, written whole or not at all.
    """
    sections = [Section(results, table(results), _inline_all(paths), compare(results)) for results, paths in networks]
    kernel_sections = [
        KernelSection(results, _inline_all(paths), compare_kernels(results)) for results, paths in kernels
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("figures", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["percent"] = lambda share: "—" if share is None else f"{share:.2%}"
    environment.globals.update(kernel_of=kernel_of, reference=reference)
    page = environment.get_template("report.html.jinja").render(
        sections=sections,
        kernel_sections=kernel_sections,
        theory=read_findings(theory) if theory.exists() else [],
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    with replacing(destination) as temporary:
        temporary.write_text(page)


def _inline_all(paths: Figures) -> dict[str, str]:
    return {title: _inline(path) for title, path in paths.items()}


def _inline(path: Path) -> str:
    """The SVG element of a file, ids made its own: several share a page."""
    svg = path.read_text()
    svg = svg[svg.index("<svg") :]
    prefix = path.stem.replace(" ", "-")
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{prefix}-")
    return svg
