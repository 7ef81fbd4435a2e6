"""Redraw every figure and the report page from records alone: `python -m figures RECORDS`."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from empirical.comparison import ResultSet, result_sets
from empirical.kernel_comparison import KernelResults, kernel_results
from empirical.records import read_runs
from figures import figure_1, figure_2
from figures.corruption import draw_corruption
from figures.expressivity import EXPRESSIVITY
from figures.implicit_bias import IMPLICIT_BIAS
from figures.kernels import KERNEL_FIGURES
from figures.least_squares import LEAST_SQUARES
from figures.loss_curves import draw_loss_curves
from figures.networks import DataSetRuns, data_set_runs
from figures.report import lowest_seeds, write_report
from figures.result_figure import ResultFigure, ResultFigures, distinct, draw_figures

FIGURES: ResultFigures[ResultSet] = {
    "Training loss": ResultFigure("loss-curves", draw_loss_curves),
    "Label corruption": ResultFigure("corruption", draw_corruption),
}
DATA_SET_FIGURES: ResultFigures[DataSetRuns] = {**figure_1.DATA_SET_FIGURES, **figure_2.FIGURES}
THEORY_RECORDS = (EXPRESSIVITY, LEAST_SQUARES, IMPLICIT_BIAS)


@dataclass(frozen=True)
class Options:
    """Redraw every figure and the report page from the records of earlier runs."""

    records: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[RECORDS]")] = Path("runs")
    """Directory of the records."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to put `figures/` and `report.html`; beside the records by default."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, prog="python -m figures", args=arguments)
    out = options.out or options.records
    try:
        recorded = read_runs(options.records)
        all_results = [results for results in result_sets(recorded) if results.trained and results.several]
        all_kernels = kernel_results(recorded)
        all_runs = [runs for runs in data_set_runs(recorded) if runs.several]
        theory = [kind for kind in THEORY_RECORDS if (options.records / kind.file).exists()]
        if not (all_results or all_kernels or all_runs or theory):
            raise ValueError(
                f"no finished runs and no record of the theory under {options.records.absolute()}: python -m "
                "empirical.run makes the former; the latter are "
                + ", ".join(f"{kind.file} ({kind.command})" for kind in THEORY_RECORDS)
            )
        directory = out / "figures"
        made = [f"figures: {directory}"]
        for kind in theory:
            record = kind.read(options.records / kind.file)
            for name, one in kind.figures.items():
                one.draw(record, directory / name)
        whole = [(runs, _draw_data_set(runs, directory)) for runs in all_runs]
        shown = lowest_seeds(all_results)
        networks = [
            (results, draw_figures(FIGURES, results, slug, directory))
            for results, slug in zip(shown, _slugs(shown), strict=True)
        ]
        kernels = [
            (results, draw_figures(KERNEL_FIGURES, results, slug, directory))
            for results, slug in zip(all_kernels, _kernel_slugs(all_kernels), strict=True)
        ]
        if whole or networks or kernels:
            write_report(recorded, whole, networks, kernels, options.records / "theory.json", out / "report.html")
            made.append(f"report: {out / 'report.html'}")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*made, sep="   ")
    return 0


def _draw_data_set(runs: DataSetRuns, directory: Path) -> dict[str, Path]:
    """The paper's Figures 1 and 2, SVG files by title; Figure 1a for each network."""
    paths: dict[str, Path] = {}
    for network in runs.networks:
        drawn = draw_figures(figure_1.NETWORK_FIGURES, network, _plain(runs.data, network.label), directory)
        paths |= {f"{title}, {network.label}": path for title, path in drawn.items()}
    return paths | draw_figures(DATA_SET_FIGURES, runs, _plain(runs.data), directory)


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


def _plain(*parts: str) -> str:
    """Lower case, no commas, and hyphens for all but letters, digits and points."""
    return re.sub(r"[^a-z0-9.]+", "-", " ".join(parts).lower().replace(",", ""))


if __name__ == "__main__":
    sys.exit(main())
