"""Measures of generalisation: which order networks on true before those on random labels, and follow the gap."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from empirical.claims.measures import (
    MeasuresResults,
    noise_levels,
    rank_correlations,
    ranking,
    share_ordered,
)
from empirical.claims.significance import MIN_SEEDS, SIZE, seeds_interval
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.studies.measures import OVER_MARGIN, SHARPNESS
from figures.palette import BLUE, GREEN, INK, ORCHID, RED, REFERENCE, marker
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, set_panel_title, set_title

_FAMILIES = {
    "sharpness": RED,
    "norms over the margin": BLUE,
    "norms, or the margin, alone": GREEN,
    "PAC-Bayes, noise or box": ORCHID,
    "the same for all labels": INK,
}


def draw_measures(results: MeasuresResults, path: Path) -> None:
    """Draw a row for each measure, the best first: its share of ordered pairs and, where levels of label noise lie
    between true and random labels, its rank correlation with the gap.

    Writes `path`.svg and `path`.png.
    """
    names, levels = ranking(results), noise_levels(results)
    ranked = len(levels) > 2  # two levels give the share of ordered pairs once more
    caption = (
        f"{results.scale}. {'Left: the' if ranked else 'The'} share of the pairs of a network on true and one on "
        "random labels in which the latter's measure is larger; dotted: a measure that does not depend on the labels. "
    )
    if ranked:
        caption += (
            f"Right: Kendall's tau of measure and gap, test less training error, over {len(levels)} levels of label "
            f"noise, mean over seeds; lines: {1 - SIZE:.0%} intervals, Student's t. "
        )
    with figure(path, f"{caption}Data: {results.config.source}.", 9.6, 1.9 + 0.24 * len(names)) as drawing:
        axes, *others = drawing.subplots(1, 1 + ranked, squeeze=False)[0]
        set_title(drawing, "Which measures order true before random labels")
        rows = range(len(names))
        for family, color in _FAMILIES.items():
            own = [row for row in rows if _family(names[row]) == family]
            shares = [share_ordered(*results.pairs(names[row])) for row in own]
            if own:
                axes.plot(shares, own, marker(color), color=color, markersize=7, label=family)
        axes.axvline(0.5, color=REFERENCE, linestyle=":", linewidth=1.5)
        axes.set_yticks(list(rows), names, fontsize=8.5)
        axes.set(xlim=(-0.04, 1.04), ylim=(len(names) - 0.4, -0.6))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        set_panel_title(axes, "Pairs that are ordered rightly")
        for right in others:
            _draw_correlations(right, results, names)
            right.set_ylim(axes.get_ylim())
        drawing.legend(loc="outside right upper", fontsize=8)


def _draw_correlations(axes: Axes, results: MeasuresResults, names: list[str]) -> None:
    """Draw the rank correlation of each measure with the gap, and its interval."""
    for row, name in enumerate(names):
        taus, color = rank_correlations(results, name, noise_levels(results)), _FAMILIES[_family(name)]
        if not len(taus):
            continue
        axes.plot(taus.mean(), row, marker(color), color=color, markersize=7)
        if len(taus) >= MIN_SEEDS:
            low, high = seeds_interval(list(taus), SIZE)
            axes.plot([max(low, -1.0), min(high, 1.0)], [row, row], "-", color=color, linewidth=1.6)
    axes.axvline(0, color=REFERENCE, linestyle=":", linewidth=1.5)
    axes.set_yticks(range(len(names)), [""] * len(names))
    axes.set_xlim(-1.08, 1.08)
    set_panel_title(axes, "Kendall's tau with the gap")


def _family(name: str) -> str:
    """The measure's key in `_FAMILIES`."""
    sharpness, over, alone, bounds, same = _FAMILIES
    if name in SHARPNESS:
        return sharpness
    if name in OVER_MARGIN:
        return over
    if name == "parameters":
        return same
    return bounds if name.endswith(("origin", ", initialisation")) else alone


def _possible(results: MeasuresResults) -> bool:
    return any({(seed, TRUE_LABELS), (seed, RANDOM_LABELS)} <= results.by_seed.keys() for seed in results.seeds)


MEASURES_FIGURES: ResultFigures[MeasuresResults] = {
    "Which measures order true before random labels": ResultFigure("measures", draw_measures, _possible),
}
"""The figures by title."""
