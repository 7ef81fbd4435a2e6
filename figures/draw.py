"""Every figure of a directory of records, and the page that shows them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from empirical.claims.kernels import KernelResults, kernel_results
from empirical.claims.result_sets import ResultSet, result_sets
from empirical.claims.studies import COMPARISONS, Comparison
from empirical.execution.progress import RunLine, RunProgress
from empirical.runs.records import Run, has_records, read_runs
from figures import figure_1, figure_2, only_labels
from figures.bits import BITS_FIGURES
from figures.bounds import BOUNDS_FIGURES
from figures.capacity import CAPACITY_FIGURES
from figures.corruption import draw_corruption, several_levels
from figures.cost import COST
from figures.distance import DISTANCE_FIGURES
from figures.double_descent import DOUBLE_DESCENT_FIGURES
from figures.drawings import Drawings
from figures.dynamics import DYNAMICS_FIGURES
from figures.expressivity import EXPRESSIVITY
from figures.hyper_parameters import HYPER_PARAMETER_FIGURES
from figures.implicit_bias import IMPLICIT_BIAS
from figures.interpolants import INTERPOLANT_FIGURES
from figures.kernels import KERNEL_FIGURES
from figures.label_noise import NOISE_FIGURES
from figures.least_squares import LEAST_SQUARES
from figures.loss_curves import draw_loss_curves
from figures.measures import MEASURES_FIGURES
from figures.memorisation import MEMORISATION_FIGURES
from figures.network_double_descent import NETWORK_DOUBLE_DESCENT_FIGURES
from figures.networks import DataSetRuns, data_set_runs
from figures.order import ORDER_FIGURES
from figures.pac_bayes import PAC_BAYES_FIGURES
from figures.report import lowest_seeds, write_report
from figures.result_figure import ResultFigure, ResultFigures, distinct, draw_figures
from figures.scaling import SCALING
from figures.theory_record import TheoryRecord
from theory.claims import Finding, read_findings
from theory.common.names import hyphenated

FIGURES: ResultFigures[ResultSet] = {
    "Same network, same settings, only the labels differ": ResultFigure(
        "only-labels", only_labels.draw_only_labels, only_labels.possible
    ),
    "Training loss": ResultFigure("loss-curves", draw_loss_curves),
    "Label corruption": ResultFigure("corruption", draw_corruption, several_levels),
}
DATA_SET_FIGURES: ResultFigures[DataSetRuns] = {
    **figure_1.DATA_SET_FIGURES,
    **figure_2.FIGURES,
    **HYPER_PARAMETER_FIGURES,
}
STUDY_FIGURES: dict[str, ResultFigures[Any]] = {
    "bits": BITS_FIGURES,
    "bounds": BOUNDS_FIGURES,
    "capacity": CAPACITY_FIGURES,
    "distance": DISTANCE_FIGURES,
    "double-descent": DOUBLE_DESCENT_FIGURES,
    "network-double-descent": NETWORK_DOUBLE_DESCENT_FIGURES,
    "dynamics": DYNAMICS_FIGURES,
    "interpolants": INTERPOLANT_FIGURES,
    "measures": MEASURES_FIGURES,
    "memorisation": MEMORISATION_FIGURES,
    "noise": NOISE_FIGURES,
    "order": ORDER_FIGURES,
    "pac-bayes": PAC_BAYES_FIGURES,
}
THEORY_RECORDS = (EXPRESSIVITY, LEAST_SQUARES, IMPLICIT_BIAS)
CURVES = (*THEORY_RECORDS, SCALING, COST)
"""Records in one file each, with figures of their own."""


def draw_all(records: Path, out: Path) -> list[str]:
    """Draw all figures of the records under a directory, and the page; returns what was written, in words.

    Arguments:
        records: a directory of records, or a directory of such directories.
        out: the folder of `figures/` and `report.html`.

    Raises ValueError if there are no records, or damaged ones, and OSError.
    """
    recorded = all_runs(record_folders(records))
    all_results = [results for results in result_sets(recorded) if results.trained and results.several]
    all_kernels = kernel_results(recorded)
    data_sets = [runs for runs in data_set_runs(recorded) if runs.several]
    all_studies = [
        (name, comparison, results)
        for name, comparison in COMPARISONS.items()
        for results in comparison.results(recorded)
    ]
    curves = _curve_files(record_folders(records))
    if not (recorded or curves):
        raise ValueError(
            f"no finished runs and no record of the theory under {records.absolute()}: python -m "
            "empirical.run makes the former; the latter are "
            + ", ".join(f"{kind.file} ({kind.command})" for kind in THEORY_RECORDS)
        )
    directory = out / "figures"
    outputs = [f"figures: {directory}"]
    with RunProgress(total=1) as progress, Drawings(directory, RunLine(progress, "figures").stage) as drawings:
        for kind, file in curves:
            record = kind.read(file)
            for name, figure in kind.figures.items():
                drawings.add(figure.draw, record, directory / name)
        whole = [(runs, _draw_data_set(runs, directory, drawings)) for runs in data_sets]
        shown = lowest_seeds(all_results)
        networks = [
            (results, draw_figures(FIGURES, results, slug, directory, drawings.add))
            for results, slug in zip(shown, _slugs(shown), strict=True)
        ]
        kernels = [
            (results, draw_figures(KERNEL_FIGURES, results, slug, directory, drawings.add))
            for results, slug in zip(all_kernels, _kernel_slugs(all_kernels), strict=True)
        ]
        first_seeds = lowest_seeds([results for *_, results in all_studies])
        drawn = [study for study in all_studies if study[2] in first_seeds]
        slugs = {
            (name, results.config): slug for (name, _, results), slug in zip(drawn, _study_slugs(drawn), strict=True)
        }
        studies = [
            (
                comparison,
                results,
                draw_figures(STUDY_FIGURES[name], results, slug, directory, drawings.add)
                if (slug := slugs.get((name, results.config)))
                else {},
            )
            for name, comparison, results in all_studies
        ]
    if recorded:
        findings = theory_findings_of(records)
        write_report(recorded, whole, networks, kernels, studies, findings, out / "report.html")
        outputs.append(f"report: {out / 'report.html'}")
    return outputs


def _curve_files(folders: Sequence[Path]) -> list[tuple[TheoryRecord, Path]]:
    """The kinds of `CURVES` with their files, from the first folder that has one: what is there twice counts once, as
    with runs."""
    files = [(kind, [path for folder in folders if (path := folder / kind.file).exists()]) for kind in CURVES]
    return [(kind, paths[0]) for kind, paths in files if paths]


def record_folders(records: Path) -> list[Path]:
    """A directory of records, and those of its subdirectories that hold some themselves."""
    inner = [path for path in sorted(records.glob("*")) if path.is_dir() and path.name != "figures"]
    return [records, *(path for path in inner if has_records(path) or any(path.glob("*.json")))]


def all_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs of several directories; a run in two directories counts once."""
    runs = {run.config.hash: run for folder in reversed(folders) for run in read_runs(folder)}
    return sorted(runs.values(), key=lambda run: run.path.name)


def theory_findings_of(records: Path) -> list[Finding]:
    """The findings of `python -m theory`, from `theory.json` beside the records, or `theory/claims.json` below them."""
    files = [path for path in (records / "theory.json", records / "theory" / "claims.json") if path.exists()]
    return read_findings(files[0]) if files else []


def _draw_data_set(runs: DataSetRuns, directory: Path, drawings: Drawings) -> dict[str, Path]:
    """The paper's Figures 1 and 2, SVG files by title; Figure 1a for each network."""
    paths: dict[str, Path] = {}
    for network in runs.networks:
        slug = _plain(runs.data, network.label)
        drawn = draw_figures(figure_1.NETWORK_FIGURES, network, slug, directory, drawings.add)
        paths |= {f"{title}, {network.label}": path for title, path in drawn.items()}
    return paths | draw_figures(DATA_SET_FIGURES, runs, _plain(runs.data), directory, drawings.add)


def _slugs(sets: Sequence[ResultSet]) -> list[str]:
    """Names of sets of results: data, network, seed, and a hash where these are not enough."""
    configs = [results.config for results in sets]
    names = [_plain(config.data, config.model, f"seed {config.seed}") for config in configs]
    return distinct(names, [config.hash for config in configs])


def _kernel_slugs(sets: Sequence[KernelResults]) -> list[str]:
    """Names of sets of kernel runs: data, number of images, seed, and a hash where these are not enough."""
    configs = [results.config for results in sets]
    names = [_plain(config.data, str(config.n_train), f"seed {config.seed}") for config in configs]
    return distinct(names, [config.hash for config in configs])


def _study_slugs(studies: Sequence[tuple[str, Comparison, Any]]) -> list[str]:
    """Names of the other experiments' results: data and number of images, and a hash where these are not enough."""
    configs = [results.config for _, _, results in studies]
    names = [_plain(name, config.data) for (name, _, _), config in zip(studies, configs, strict=True)]
    distinct_names = distinct(names, [config.hash for config in configs])
    return [name.removeprefix(f"{kind}-") for (kind, _, _), name in zip(studies, distinct_names, strict=True)]


def _plain(*parts: str) -> str:
    return hyphenated(" ".join(parts).replace(",", ""))
