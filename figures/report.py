"""One self-contained page: tables, figures, claims with their verdicts, and exactly what was run."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from empirical.comparison import ResultSet, Row, compare, table
from theory.atomic import replacing
from theory.claims import Finding, read_findings


@dataclass(frozen=True, eq=False)
class Section:
    """What the page shows of one set of results: its table, its figures as SVG by title, its claims."""

    results: ResultSet
    rows: list[Row]
    figures: Mapping[str, str]
    findings: list[Finding]


def write_report(
    all_results: list[ResultSet], figures: Sequence[Mapping[str, Path]], theory: Path, destination: Path
) -> None:
    """Write the page.

    Arguments:
        all_results: the sets of results, a section each.
        figures: for each of them, its figures' titles and SVG files.
        theory: JSON file of the theory's findings; left out if it is not there.
        destination: the HTML file, written whole or not at all.
    """
    sections = [
        Section(results, table(results), {title: _inline(path) for title, path in paths.items()}, compare(results))
        for results, paths in zip(all_results, figures, strict=True)
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("figures", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["percent"] = lambda share: "—" if share is None else f"{share:.2%}"
    page = environment.get_template("report.html.jinja").render(
        sections=sections,
        theory=read_findings(theory) if theory.exists() else [],
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    with replacing(destination) as temporary:
        temporary.write_text(page)


def _inline(path: Path) -> str:
    """The SVG element of a file, ids made its own: several share a page."""
    svg = path.read_text()
    svg = svg[svg.index("<svg") :]
    prefix = path.stem.replace(" ", "-")
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{prefix}-")
    return svg
