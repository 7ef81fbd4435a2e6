"""One self-contained page: tables, figures, claims with their verdicts, and exactly what was run."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from empirical.claims.kernels import KernelResults, compare_kernels, kernel_of, reference
from empirical.claims.paper_claims import CLAIMS
from empirical.claims.paper_tables import PaperTable, TableRow, data_sets, sizes, tables_of
from empirical.claims.randomization_tests import ResultSet, Row, compare, table
from empirical.claims.regularization import compare_regularizers
from empirical.claims.studies import Comparison
from empirical.claims.verdicts import claim_verdicts, subjects, write_verdicts
from empirical.randomization import TRUE_LABELS
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.text_table import TextTable
from figures.networks import DataSetRuns
from theory.claims import Finding, Verdict
from theory.common.atomic import replacing
from theory.common.plain_text import visible
from theory.proofs.record import checked_proof


@dataclass(frozen=True, eq=False)
class DataSetSection:
    """What the page shows of all networks on a data set.

    Attributes:
        data: the data set.
        tables: the paper's, its values beside ours; none if only one network was run.
        figures: the paper's as SVG by title.
        findings: on regularisation, if there are tables.
    """

    data: str
    tables: Mapping[PaperTable, Sequence[TableRow]]
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class Section:
    """What the page shows of one set of results: its table, its figures as SVG by title, its claims.

    `other_seeds` are those of runs that differ in nothing else.
    """

    results: ResultSet
    other_seeds: list[int]
    rows: list[Row]
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class KernelSection:
    """What the page shows of kernel runs: their figures as SVG by title, their claims; the table is of the runs."""

    results: KernelResults
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class StudySection:
    """What the page shows of an experiment that compares theory with measurement."""

    title: str
    table: TextTable
    figures: Mapping[str, str]
    findings: list[Finding]


Figures = Mapping[str, Path]
"""The titles and the SVG files."""


def write_report(
    runs: list[Run],
    whole: Sequence[tuple[DataSetRuns, Figures]],
    networks: Sequence[tuple[ResultSet, Figures]],
    kernels: Sequence[tuple[KernelResults, Figures]],
    studies: Sequence[tuple[Comparison, Any, Figures]],
    theory: list[Finding],
    destination: Path,
) -> None:
    """Write the page, and `claims.json` beside it.

    Arguments:
        runs: all that is recorded.
        whole: what there is of each data set as a whole, a section each, and its figures.
        networks, kernels: the sets of results, a section each, and their figures.
        studies: those of the experiments that hold theory against measurement, and how they are read.
        theory: its findings; their section is left out if there are none.
        destination: the HTML file, written whole or not at all.
    """
    tabled = data_sets(runs)
    data_set_sections = [
        DataSetSection(
            section.data,
            tables_of(section.data, tabled[section.data]) if section.data in tabled else {},
            _inline_all(paths),
            _on_regularizers(tabled[section.data]) if section.data in tabled else [],
        )
        for section, paths in whole
    ]
    sections = [
        Section(results, _other_seeds(results, runs), table(results), _inline_all(paths), compare(results))
        for results, paths in networks
    ]
    kernel_sections = [
        KernelSection(results, _inline_all(paths), compare_kernels(results)) for results, paths in kernels
    ]
    study_sections = [
        StudySection(
            f"{comparison.title}: {results.config.data}",
            comparison.table(results),
            _inline_all(paths),
            comparison.compare(results),
        )
        for comparison, results, paths in studies
    ]
    verdicts = claim_verdicts(subjects(runs), theory)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("figures", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,  # a figure is Markup, and larger
    )
    environment.filters["percent"] = lambda share: "—" if share is None else f"{share:.2%}"
    environment.globals.update(kernel_of=kernel_of, reference=reference, proved=checked_proof)
    page = environment.get_template("report.html.jinja").render(
        data_set_sections=data_set_sections,
        sections=sections,
        kernel_sections=kernel_sections,
        study_sections=study_sections,
        verdicts=verdicts,
        counts=Counter(verdict.verdict for verdict in verdicts if verdict.claim in CLAIMS),
        theory=theory,
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    with replacing(destination) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_verdicts(verdicts, destination.with_name("claims.json"))


def lowest_seeds(sets: Sequence[ResultSet]) -> list[ResultSet]:
    """The set of the lowest seed among sets that differ in their seeds alone."""
    lowest: dict[RunConfig, ResultSet] = {}
    for results in sorted(sets, key=lambda results: results.config.seed):
        lowest.setdefault(_but_for_seed(results.config), results)
    return [results for results in sets if results in lowest.values()]


def _other_seeds(results: ResultSet, runs: Sequence[Run]) -> list[int]:
    alike = _but_for_seed(results.config)
    seeds = {run.config.seed for run in runs if run.config.training and _but_for_seed(run.config) == alike}
    return sorted(seeds - {results.config.seed})


def _but_for_seed(config: RunConfig) -> RunConfig:
    return replace(config, seed=0, randomization=TRUE_LABELS, source="")


def _inline_all(paths: Figures) -> dict[str, str]:
    return {title: _inline(path) for title, path in paths.items()}


def _inline(path: Path) -> str:
    """The SVG element of a file, with ids of its own, since several share a page."""
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    prefix = path.stem.replace(" ", "-")
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{prefix}-")
    return svg


def _on_regularizers(runs: list[Run]) -> list[Finding]:
    """The findings that decide each claim, on any number of images; where none decides, the finding on the most
    images."""
    findings = [
        replace(finding, evidence=replace(finding.evidence, measured=f"{n:,} images: {finding.evidence.measured}"))
        for n, some in sizes(runs).items()
        for finding in compare_regularizers(some)
    ]
    shown = []
    for claim in dict.fromkeys(finding.claim.id for finding in findings):
        of_claim = [finding for finding in findings if finding.claim.id == claim]
        decisive = [finding for finding in of_claim if finding.evidence.verdict is not Verdict.NOT_DECIDED]
        shown += decisive or of_claim[:1]
    return shown
