"""Figure 1a: the training loss of the randomisation tests against steps."""

import math
from pathlib import Path

from empirical.claims.randomization_tests import ResultSet
from empirical.runs.training_loss import loss_curve, online_loss_recorded, tell_training_loss
from figures.networks import loss_in_words
from figures.style import figure, test_colors, test_dashes

_FAR_FROM_GUESSING = 10.0  # times the loss of guessing: of untrained networks with batch norm, 10^8 of it is possible


def draw_loss_curves(results: ResultSet, path: Path) -> None:
    """Draw training loss against steps, of samples as they are trained on; a dot where every label is fitted.

    The fixed network's loss stands for it where that is all that a record has.

    Writes `path`.svg and `path`.png.
    """
    runs = list(results.trained.values())
    online = online_loss_recorded(runs)
    trainings = [run.config.training for run in runs if run.config.training]
    lagging = "" if tell_training_loss(runs) else "; early on, batch norm's running averages lag behind its weights"
    caption = (
        f"{results.scale}. Mean cross-entropy of training images on the labels given, "
        f"{loss_in_words(trainings, online=online)}{lagging}. Data: {results.config.source}."
    )
    curves = {test: loss_curve(run, online=online) for test, run in results.trained.items()}
    with figure(path, caption) as drawing:
        axes = drawing.add_subplot()
        colors = test_colors(results.trained)
        for test, run in results.trained.items():
            color = colors[test]
            steps, losses = curves[test]
            axes.plot(
                steps,
                losses,
                color=color,
                linewidth=1.2 if test.partial else 2,
                linestyle=test_dashes(test),
                label=test.name,
            )
            if run.epochs[-1].fitted and steps:
                axes.plot(steps[-1], losses[-1], "o", color=color, markersize=4)
        axes.set(title="Training loss of the randomisation tests")
        axes.set(ylabel="training loss (nats)", ylim=(0, None))
        highest = max((loss for _, losses in curves.values() for loss in losses), default=0.0)
        far = highest > _FAR_FROM_GUESSING * math.log(results.config.num_classes)
        if far:
            axes.set_yscale("symlog", linthresh=math.log(results.config.num_classes), linscale=2.0)
            axes.set_ylabel("training loss (nats; linear up to guessing's)")
        first = min((run.epochs[1].step for run in results.trained.values() if len(run.epochs) > 1), default=1)
        axes.set_xscale("symlog", linthresh=10 * first, linscale=0.5)
        axes.set_xlabel(f"optimiser steps (linear to {10 * first}, then logarithmic)")
        axes.set_xlim(0, None)
        beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}  # such curves leave no corner free
        axes.legend(fontsize=8.5, **(beside if far else {"loc": "upper right"}))
