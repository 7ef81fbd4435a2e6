"""One self-contained page: tables, figures, claims with their verdicts, and exactly what was run."""

import datetime
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import jinja2

from empirical.claims.kernels import KernelResults, compare_kernels, kernel_of, reference
from empirical.claims.paper_claims import CLAIMS
from empirical.claims.paper_tables import PaperTable, Size, TableRow, data_sets, sized_tables_of, sizes, tables_of
from empirical.claims.randomization_tests import compare
from empirical.claims.regularization import compare_regularizers
from empirical.claims.result_sets import ResultSet
from empirical.claims.results_table import Row, table
from empirical.claims.seeds import numbers_in_words
from empirical.claims.studies import Comparison
from empirical.claims.training_in_words import explicit_regularisers, length_in_words, optimizer_in_words
from empirical.claims.verdicts import DEPENDS, claim_verdicts, subjects, write_verdicts
from empirical.randomization import TRUE_LABELS
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.text_table import TextTable
from figures.networks import DataSetRuns
from figures.seed_comparison import seed_tables
from theory.claims import Finding, Verdict
from theory.common.atomic import replacing
from theory.common.plain_text import visible
from theory.proofs.record import checked_proof


@dataclass(frozen=True, eq=False)
class DataSetSection:
    """What the page shows of all networks on a data set.

    Attributes:
        data: the data set.
        tables: the paper's, its values beside ours, by size and table: networks are compared on equally many images.
            None if only one network was run.
        not_run: the paper's rows that were run on no number of images, in words.
        seeds: networks and optimisers compared over seeds.
        figures: the paper's as SVG by title.
        findings: on regularisation, if there are tables.
    """

    data: str
    tables: Mapping[tuple[Size, PaperTable], Sequence[TableRow]]
    not_run: str
    seeds: Sequence[TextTable]
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class Section:
    """What the page shows of one set of results: its table, its figures as SVG by title, its claims.

    `title` tells it from all others. `other_seeds` are those of runs that differ in nothing else.
    """

    title: str
    results: ResultSet
    other_seeds: str
    rows: list[Row]
    figures: Mapping[str, str]
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class KernelSection:
    """What the page shows of kernel runs: their figures as SVG by title, their claims; the table is of the runs."""

    title: str
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
            _sized_tables(section.data, tabled.get(section.data, [])),
            _not_run(section.data, tabled.get(section.data, [])),
            seed_tables(section),
            _inline_all(paths),
            _on_regularizers(tabled[section.data]) if section.data in tabled else [],
        )
        for section, paths in whole
    ]
    sections = [
        Section(title, results, _other_seeds(results, runs), table(results), _inline_all(paths), compare(results))
        for (results, paths), title in zip(networks, _titles([results for results, _ in networks]), strict=True)
    ]
    kernel_sections = [
        KernelSection(title, results, _inline_all(paths), compare_kernels(results))
        for (results, paths), title in zip(kernels, _kernel_titles([results for results, _ in kernels]), strict=True)
    ]
    study_sections = [
        StudySection(
            title,
            comparison.table(results),
            _inline_all(paths),
            comparison.compare(results),
        )
        for (comparison, results, paths), title in zip(studies, _study_titles(studies), strict=True)
    ]
    verdicts = claim_verdicts(subjects(runs), theory)
    counts = Counter(verdict.verdict for verdict in verdicts if verdict.claim in CLAIMS)
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
        verdicts={kind: [verdict for verdict in verdicts if verdict.verdict == kind] for kind in _ORDER},
        counted=_counted(counts),
        theory=theory,
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    with replacing(destination) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_verdicts(verdicts, destination.with_name("claims.json"))


_ORDER = (Verdict.HOLDS.value, DEPENDS, Verdict.DOES_NOT_HOLD.value, Verdict.NOT_DECIDED.value)
"""What holds comes first."""


def _counted(counts: Mapping[str, int]) -> str:
    """How many of the paper's claims have each verdict, in a sentence."""
    parts = []
    for kind in _ORDER:
        number, several = counts.get(kind, 0), counts.get(kind, 0) != 1
        words = {
            Verdict.HOLDS.value: "hold" if several else "holds",
            DEPENDS: "depend on the data" if several else "depends on the data",
            Verdict.DOES_NOT_HOLD.value: "do not hold" if several else "does not hold",
            Verdict.NOT_DECIDED.value: "are not decided here" if several else "is not decided here",
        }[kind]
        parts += [f"{number} {words}"] if number else []
    total = sum(counts.values())
    if len(parts) < 2:
        return f"The paper makes {total} claims: {''.join(parts)}."
    return f"The paper makes {total} claims: {', '.join(parts[:-1])} and {parts[-1]}."


def _sized_tables(data: str, runs: Sequence[Run]) -> dict[tuple[Size, PaperTable], list[TableRow]]:
    """The paper's tables of what was run, by size, the most training images first."""
    tables = sized_tables_of(data, list(runs))
    return {(size, paper): [row for row in rows if row.runs] for (paper, size), rows in tables.items()}


def _not_run(data: str, runs: Sequence[Run]) -> str:
    """The rows of the paper's tables that no runs are of, in words; of a table with no run at all nothing is said."""
    rows = [row for rows in tables_of(data, list(runs)).values() for row in rows if not row.runs]
    names = [f"{row.model} on {row.test.name}, {row.regularisers_in_words or 'no regularisers'}" for row in rows]
    return "; ".join(dict.fromkeys(names))


def _telling(parts: Sequence[Sequence[str]]) -> list[str]:
    """A title each from its words, of which the first is in every title: as many as tell it from all others."""

    def title(words: Sequence[str], count: int) -> str:
        return ", ".join(words[:count])

    titles = []
    for words in parts:
        others = [other for other in parts if other is not words]
        enough = (n for n in range(1, len(words)) if all(title(other, n) != title(words, n) for other in others))
        titles.append(title(words, next(enough, len(words))))
    return titles


def _titles(sets: Sequence[ResultSet]) -> list[str]:
    """Data, network, number of images and seed; regularisers, optimiser and test set where these are not enough."""
    parts = []
    for results in sets:
        config, training = results.config, results.config.hyper_parameters
        name = f"{config.data}, {config.model}, n = {config.n_train:,}, seed {config.seed}"
        regularised = ", ".join(explicit_regularisers(training)) or "no regularisers"
        others = f"{config.n_test:,} test images, {config.device}"
        parts.append([name, regularised, optimizer_in_words(training), length_in_words(training), others, config.hash])
    return _telling(parts) if parts else []


def _kernel_titles(sets: Sequence[KernelResults]) -> list[str]:
    configs = [results.config for results in sets]
    parts = [
        [
            f"{config.data}, kernel interpolation, n = {config.n_train:,}, seed {config.seed}",
            f"{config.n_test:,} test images",
            config.hash,
        ]
        for config in configs
    ]
    return _telling(parts) if parts else []


def _study_titles(studies: Sequence[tuple[Comparison, Any, Figures]]) -> list[str]:
    parts = [
        [
            f"{comparison.title}: {results.config.data}",
            f"n = {results.config.n_train:,}",
            f"seed {results.config.seed}",
            results.config.hash,
        ]
        for comparison, results, _ in studies
    ]
    return _telling(parts) if parts else []


class _Results(Protocol):
    @property
    def config(self) -> RunConfig: ...


Results = TypeVar("Results", bound=_Results)


def lowest_seeds(sets: Sequence[Results]) -> list[Results]:
    """The set of the lowest seed among sets that differ in their seeds alone."""
    lowest: dict[RunConfig, Results] = {}
    for results in sorted(sets, key=lambda results: results.config.seed):
        lowest.setdefault(_but_for_seed(results.config), results)
    return [results for results in sets if results in lowest.values()]


def _other_seeds(results: ResultSet, runs: Sequence[Run]) -> str:
    alike = _but_for_seed(results.config)
    seeds = {run.config.seed for run in runs if run.config.training and _but_for_seed(run.config) == alike}
    return numbers_in_words(seeds - {results.config.seed})


def _but_for_seed(config: RunConfig) -> RunConfig:
    return replace(config, seed=0, randomization=TRUE_LABELS, source="")


def _inline_all(paths: Figures) -> dict[str, str]:
    return {title: _inline(path) for title, path in paths.items()}


def _inline(path: Path) -> str:
    """The SVG element of a file, with ids of its own, since several share a page.

    Ids that nothing refers to, rotations by nothing and a coordinate's decimals beyond two, in points, are left out:
    nobody sees them.
    """
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\n\s*", "\n", svg).replace("; font-family: 'DejaVu Sans'", "")  # the page's style sheet has it
    svg = re.sub(r" transform=\"rotate\(-0 [^)]*\)\"", "", svg)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = re.sub(r' (?:d|x|y)="[^"]*"', lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), svg)
    prefix = path.stem.replace(" ", "-")
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{prefix}-")
    return svg


def _on_regularizers(runs: list[Run]) -> list[Finding]:
    """The findings that decide each claim, on any number of images; where none decides, the finding on the most
    images."""
    findings = [
        replace(finding, evidence=replace(finding.evidence, measured=f"{size}: {finding.evidence.measured}"))
        for size, some in sizes(runs).items()
        for finding in compare_regularizers(some)
    ]
    shown = []
    for claim in dict.fromkeys(finding.claim.id for finding in findings):
        of_claim = [finding for finding in findings if finding.claim.id == claim]
        decisive = [finding for finding in of_claim if finding.evidence.verdict is not Verdict.NOT_DECIDED]
        shown += decisive or of_claim[:1]
    return shown
