"""Memorisation scores: their distribution, the most memorised images, and what removing them costs."""

import base64
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import PercentFormatter

from empirical.claims.memorisation import MemorisationResults, changed_labels, scores_of
from empirical.runs.records import Run
from empirical.runs.studies import MemorisationConfig
from empirical.studies.memorisation import TRAINING_SETS
from figures.palette import REFERENCE, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, from_zero, set_panel_title, set_title

_ROWS, _COLUMNS = 3, 8


def draw_scores(results: MemorisationResults, path: Path) -> None:
    """Draw how many images have at least each score, and the test error without some images, for each labelling.

    Writes `path`.svg and `path`.png.
    """
    study = results.config.study_of(MemorisationConfig)
    caption = (
        f"{results.scale}. Score of an image: the share of networks that give it its training label when they are "
        "trained on it, less that share when they are not. Dashed: the images whose label was changed. Right: "
        f"{study.networks_without} networks each, without {study.removed:.0%} of the training images; bars: two "
        "standard errors over the networks; the claim is tested over test images, which differ more. "
        f"{_last_batch(results)}Data: {results.config.source}."
    )
    with figure(path, caption, width=9.2, height=4.6) as drawing:
        left, right = drawing.subplots(1, 2, width_ratios=(1.25, 1))
        set_title(drawing, f"What networks memorise, and what it is worth: {_scale(results)}")
        # A little label corruption has nearly the colour of none, and these two are what is compared.
        for index, (run, look) in enumerate(zip(results.runs, looks(len(results.runs)), strict=True)):
            color, name = look.color, run.config.randomization.name
            scores, changed = scores_of(run).score, changed_labels(run)
            unchanged = ": unchanged labels" if changed.any() else ""
            for chosen, dashes, words in ((~changed, "-", unchanged), (changed, "--", ": changed labels")):
                if chosen.any():
                    ordered = np.sort(scores[chosen])[::-1]
                    shares = np.arange(1, len(ordered) + 1) / len(ordered)
                    left.plot(ordered, shares, dashes, color=color, linewidth=1.8, label=name + words)
            removal = run.summary.metrics["removal"]
            error = [1 - removal[name]["test_accuracy"] for name in TRAINING_SETS]
            bars = [2 * removal[name]["deviation"] / study.networks_without**0.5 for name in TRAINING_SETS]
            places = np.arange(len(TRAINING_SETS)) + (index - (len(results.runs) - 1) / 2) * 0.12
            right.errorbar(places, error, yerr=bars, fmt=look.marker, color=color, capsize=3, label=name)
        left.set(xlabel="memorisation score at least", ylabel="share of the training images", xlim=(-0.02, 1.02))
        left.yaxis.set_major_formatter(PercentFormatter(1))
        right.set_xticks(
            range(len(TRAINING_SETS)), ["all images", "without the\nmost memorised", "without\nrandom ones"]
        )
        right.set(xlim=(-0.5, len(TRAINING_SETS) - 0.5), ylabel="test error")
        from_zero(right)
        right.yaxis.set_major_formatter(PercentFormatter(1))
        set_panel_title(left, "Scores of the training images")
        set_panel_title(right, "Test error without some of them")
        left.legend(fontsize=8.5)
        right.legend(fontsize=8.5, loc="lower right")


def draw_most_memorised(results: MemorisationResults, path: Path) -> None:
    """Draw the most memorised training images of the run on true labels, or of the first: label, answer, score.

    Writes `path`.svg and `path`.png.
    """
    run = results.true_labels or results.runs[0]
    shown = run.summary.metrics["shown"][: _ROWS * _COLUMNS]
    caption = (
        f"{results.scale}; {run.config.randomization.name}. The images with the highest scores, in order. In bold the "
        "label that they have, in colour what most networks say that were not trained on them; in grey the score. "
        f"Data: {results.config.source}."
    )
    second = looks(2)[1].color
    with figure(path, caption, width=9.2, height=5.0) as drawing:
        set_title(drawing, f"The most memorised images: {_scale(results)}")
        panels = drawing.subplots(_ROWS, _COLUMNS, gridspec_kw={"wspace": 0.3}).ravel()
        for axes in panels:
            axes.axis("off")
        for axes, image in zip(panels, shown, strict=False):
            pixels = _pixels(run, image["pixels"])
            axes.imshow(pixels, cmap="gray_r" if pixels.ndim == 2 else None, interpolation="nearest")
            axes.text(0.0, 1.04, str(image["label"]), transform=axes.transAxes, weight="bold", size=10)
            axes.text(0.5, 1.04, str(image["answer"]), transform=axes.transAxes, color=second, size=10, ha="center")
            axes.text(1.0, 1.04, f"{image['score']:.2f}", transform=axes.transAxes, color=REFERENCE, size=8, ha="right")


def _last_batch(results: MemorisationResults) -> str:
    """What a small last batch does to the networks without some images; nothing if it is not small."""
    study, training = results.config.study_of(MemorisationConfig), results.config.hyper_parameters
    images = results.config.n_train - round(study.removed * results.config.n_train)
    last = images % training.batch_size
    if not 0 < last < training.batch_size / 8:
        return ""
    return (
        f"Without some images every epoch ends with a batch of {last} in place of {training.batch_size} images, after "
        "which the errors of single networks jump. "
    )


def _scale(results: MemorisationResults) -> str:
    return f"{results.config.model}, n = {results.config.n_train:,}"


def _pixels(run: Run, encoded: str) -> npt.NDArray[np.uint8]:
    shape = tuple(run.summary.metrics["image_shape"])
    pixels = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(shape)
    return pixels[0] if shape[0] == 1 else np.moveaxis(pixels, 0, -1)


MEMORISATION_FIGURES: ResultFigures[MemorisationResults] = {
    "Memorisation scores": ResultFigure("memorisation", draw_scores),
    "The most memorised images": ResultFigure("most-memorised", draw_most_memorised),
}
