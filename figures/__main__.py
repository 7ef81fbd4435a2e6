"""Redraw every figure and the report page from records alone: `python -m figures RECORDS`."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from empirical.comparison import ResultSet, result_sets
from empirical.kernel_comparison import KernelResults, kernel_results
from empirical.records import read_runs
from figures.corruption import draw_corruption
from figures.expressivity import EXPRESSIVITY
from figures.implicit_bias import IMPLICIT_BIAS
from figures.kernels import KERNEL_FIGURES
from figures.least_squares import LEAST_SQUARES
from figures.loss_curves import draw_loss_curves
from figures.report import write_report

FIGURES = {
    "Training loss": ("loss-curves", draw_loss_curves),
    "Label corruption": ("corruption", draw_corruption),
}
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
        all_results = [results for results in result_sets(recorded) if results.trained]
        all_kernels = kernel_results(recorded)
        theory = [kind for kind in THEORY_RECORDS if (options.records / kind.file).exists()]
        if not all_results and not all_kernels and not theory:
            raise ValueError(
                f"no finished runs and no record of the theory under {options.records.absolute()}: python -m "
                "empirical.run makes the former; the latter are "
                + ", ".join(f"{kind.file} ({kind.command})" for kind in THEORY_RECORDS)
            )
        made = [f"figures: {out / 'figures'}"]
        for kind in theory:
            record = kind.read(options.records / kind.file)
            for name, one in kind.figures.items():
                one.draw(record, out / "figures" / name)
        drawn = []
        for results in all_results:
            paths = {}
            for title, (name, draw) in FIGURES.items():
                path = out / "figures" / f"{name}_{_slug(results, all_results)}"
                draw(results, path)
                paths[title] = path.with_name(path.name + ".svg")
            drawn.append(paths)
        kernels_drawn = []
        for kernels in all_kernels:
            paths = {}
            for title, (name, draw_kernels, possible) in KERNEL_FIGURES.items():
                if possible(kernels):
                    path = out / "figures" / f"{name}_{_kernel_slug(kernels, all_kernels)}"
                    draw_kernels(kernels, path)
                    paths[title] = path.with_name(path.name + ".svg")
            kernels_drawn.append(paths)
        if all_results or all_kernels:
            write_report(
                list(zip(all_results, drawn, strict=True)),
                list(zip(all_kernels, kernels_drawn, strict=True)),
                options.records / "theory.json",
                out / "report.html",
            )
            made.append(f"report: {out / 'report.html'}")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*made, sep="   ")
    return 0


def _kernel_slug(results: KernelResults, all_results: list[KernelResults]) -> str:
    """Name of a set of kernel runs among others: data, number of images, seed, a hash where these are not enough."""

    def plain(each: KernelResults) -> str:
        return f"{each.config.data}-{each.config.n_train}-seed-{each.config.seed}"

    alike = sum(plain(each) == plain(results) for each in all_results)
    return plain(results) if alike == 1 else f"{plain(results)}-{results.config.hash}"


def _slug(results: ResultSet, all_results: list[ResultSet]) -> str:
    """Name of a set of results among others: data, network, seed, and a hash where these are not enough."""

    def plain(each: ResultSet) -> str:
        config = each.config
        return re.sub(r"[^a-z0-9.]+", "-", f"{config.data}_{config.model}_seed-{config.seed}".lower().replace("_", " "))

    name = plain(results)
    alike = sum(plain(each) == name for each in all_results)
    return name if alike == 1 else f"{name}-{results.config.hash}"


if __name__ == "__main__":
    sys.exit(main())
