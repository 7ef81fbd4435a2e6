"""Generalisation bounds on true and on random labels, beside the gaps that were measured."""

from pathlib import Path

from matplotlib.lines import Line2D

from empirical.claims.bounds import BoundsResults
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.studies.bounds import EvaluatedBound
from figures.palette import REFERENCE, marker
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import TEST_COLORS, figure


def draw_bounds(results: BoundsResults, path: Path) -> None:
    """Draw every bound as a dot on a logarithmic axis, a row each, with the measured gap of what it speaks of.

    Writes `path`.svg and `path`.png.
    """
    pairs = _drawable(results)
    caption = (
        f"{results.scale}. Dots: bounds, on the test error or (stability) on test less training loss; vertical bars: "
        "measured test less training error, or loss, of the function that the bound speaks of. Right of the line an "
        f"error bound says nothing; left of it a bound above {results.guessing:g} certifies no more than guessing. "
        "The stability bound that is not convex is an estimate, the Rademacher row the least such a bound can say. "
        f"Data: {results.config.source}."
    )
    with figure(path, caption, width=9.2, height=2.2 + 0.36 * len(pairs)) as drawing:
        axes = drawing.add_subplot()
        for row, pair in enumerate(pairs):
            for test, bound, shift in zip((TRUE_LABELS, RANDOM_LABELS), pair, (-0.13, 0.13), strict=True):
                if bound is None:
                    continue
                color = TEST_COLORS[test]
                if bound.value is not None:
                    axes.plot(bound.value, row + shift, marker(color), color=color, markersize=6)
                if bound.gap is not None and bound.gap > 0:  # a logarithmic axis has no place for others
                    axes.plot(bound.gap, row + shift, "|", color=color, markersize=10, markeredgewidth=2)
        axes.axvline(1, color=REFERENCE, linestyle=":", linewidth=1.5)
        axes.set(
            title=f"Bounds on true and on random labels, {results.config.model}, n = {results.config.n_train:,}",
            xlabel="bound, or gap",
            xscale="log",
        )
        axes.set_yticks(range(len(pairs)), [next(bound.name for bound in pair if bound) for pair in pairs])
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        marks = [
            Line2D(
                [],
                [],
                marker=sign or marker(TEST_COLORS[test]),
                linestyle="",
                color=TEST_COLORS[test],
                label=f"{what}, {test.name}",
                mew=2,
            )
            for sign, what in (("", "bound"), ("|", "gap"))
            for test in (TRUE_LABELS, RANDOM_LABELS)
        ]
        marks.append(Line2D([], [], color=REFERENCE, linestyle=":", label="error 1"))
        axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8.5)


BOUNDS_FIGURES: ResultFigures[BoundsResults] = {
    "Bounds on true and on random labels": ResultFigure("bounds", draw_bounds, lambda results: bool(_drawable(results)))
}


def _drawable(results: BoundsResults) -> list[tuple[EvaluatedBound | None, EvaluatedBound | None]]:
    """The bounds with a number on true or on random labels."""
    return [pair for pair in results.pairs() if any(bound and bound.value is not None for bound in pair)]
