"""Figure 1a of one network and one seed: the training loss of the tests against steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from empirical.claims.fitting import first_fit
from empirical.claims.result_sets import ResultSet
from empirical.randomization import Randomization
from empirical.runs.records import Run
from empirical.runs.training_loss import loss_curve, online_loss_recorded, tell_training_loss
from figures.networks import loss_in_words
from figures.style import figure, test_colors, test_dashes, test_marker

_FAR_FROM_GUESSING = 10.0  # times the loss of guessing: of untrained networks with batch norm, 10^8 of it is possible

_FAR_BEYOND = 4  # times the steps up to which the axis is linear

Quantity = Literal["loss as trained", "loss of the fixed network", "error as trained"]


def training_quantity(runs: Sequence[Run]) -> Quantity:
    """What is drawn of a training: the loss of samples as they are trained on, where it was recorded.

    In older records there is the fixed network's alone. Without batch norm the two differ by an epoch's lag. With it
    the fixed network's goes by lagging averages, so that the error of samples as they are trained on is drawn.
    """
    if online_loss_recorded(runs):
        return "loss as trained"
    return "loss of the fixed network" if tell_training_loss(runs) else "error as trained"


def training_curve(run: Run, quantity: Quantity) -> tuple[list[int], list[float]]:
    """Steps, and what is drawn of a training then."""
    if quantity != "error as trained":
        return loss_curve(run, online=quantity == "loss as trained")
    errors = [(record.step, 1 - record.online_accuracy) for record in run.epochs if record.online_accuracy is not None]
    return [step for step, _ in errors], [error for _, error in errors]


def point_of_fit(run: Run, quantity: Quantity) -> tuple[int, float] | None:
    """The step after which every label is fitted for the first time, and what is drawn there.

    None if not every label is fitted, or if nothing is drawn there: it took no training.
    """
    if (fit := first_fit(run)) is None:
        return None
    value = dict(zip(*training_curve(run, quantity), strict=True)).get(fit.step)
    return None if value is None else (fit.step, value)


def in_words(runs: Sequence[Run], quantity: Quantity) -> str:
    """What is drawn of a training, for captions."""
    if quantity == "error as trained":
        return (
            "Share of training images that are given another label than theirs as they are trained on, over an epoch: "
            "their losses were not recorded, and the fixed network's go by batch norm's averages, which lag early on"
        )
    trainings = [run.config.training for run in runs if run.config.training]
    online = quantity == "loss as trained"
    return f"Mean cross-entropy of training images on the labels given, {loss_in_words(trainings, online=online)}"


def draw_loss_curves(results: ResultSet, path: Path) -> None:
    """Draw training loss against steps, of samples as they are trained on; a dot where every label is first fitted.

    Writes `path`.svg and `path`.png.
    """
    runs = list(results.trained.values())
    quantity = training_quantity(runs)
    caption = (
        f"{results.scale}. {in_words(runs, quantity)}. Large dots: every label is fitted for the first time. "
        f"Data: {results.config.source}."
    )
    curves = {test: training_curve(run, quantity) for test, run in results.trained.items()}
    with figure(path, caption, width=8.2) as drawing:
        axes = drawing.add_subplot()
        colors = test_colors(results.trained)
        # By the level of label corruption, the other tests after it in the order in which they were asked for.
        for test, run in sorted(results.trained.items(), key=lambda entry: _level(entry[0])):
            steps, losses = curves[test]
            axes.plot(
                steps,
                losses,
                color=colors[test],
                linewidth=1.4 if test.partial else 2,
                linestyle=test_dashes(test),
                marker=test_marker(test),
                markersize=4,
                markevery=(0.015 * list(colors).index(test) + 0.02, 0.14) if len(steps) > 2 else None,
                label=test.name,
            )
            if point := point_of_fit(run, quantity):
                axes.plot(*point, "o", color=colors[test], markersize=7, clip_on=False, zorder=4)
        name = "Training error as trained" if quantity == "error as trained" else "Training loss"
        axes.set(title=f"{name}, {results.network}, n = {results.config.n_train:,}")
        axes.set(ylabel="wrong training labels, share" if name.endswith("trained") else "training loss (nats)")
        axes.set_ylim(0, None)
        highest = max((loss for _, losses in curves.values() for loss in losses), default=0.0)
        if highest > _FAR_FROM_GUESSING * math.log(results.config.num_classes):
            axes.set_yscale("symlog", linthresh=math.log(results.config.num_classes), linscale=2.0)
            axes.set_ylabel("training loss (nats; linear up to guessing's)")
        first = min((run.epochs[1].step for run in results.trained.values() if len(run.epochs) > 1), default=1)
        last = max((step for steps, _ in curves.values() for step in steps), default=0)
        _scale_steps(axes, 10 * first, last)
        axes.legend(fontsize=8.5, loc="upper left", bbox_to_anchor=(1.01, 1), handlelength=4)


def _level(test: Randomization) -> float:
    return math.inf if test.corruption is None else test.corruption


def _scale_steps(axes: Axes, threshold: int, last: int) -> None:
    """A linear axis of steps; where training goes on far beyond `threshold`, logarithmic from there."""
    axes.set_xlabel("optimiser steps")
    powers = [10**power for power in range(1, len(str(last))) if 10**power >= 2 * threshold]
    if last > _FAR_BEYOND * threshold and powers:  # with no power of ten to mark, nobody could read it
        axes.set_xscale("symlog", linthresh=threshold, linscale=0.5)
        axes.set_xlabel(f"optimiser steps (linear to {threshold:,}, then logarithmic)")
        axes.set_xticks([0, threshold, *powers])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0, None)
