"""Figure 2 of the paper: accuracy along training on true labels, with and without what is said to help it."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from empirical.claims.paper import table_1_row
from empirical.randomization import TRUE_LABELS
from empirical.runs.records import Run
from figures.networks import DataSetRuns, Network, evaluation_times, scale, sources
from figures.palette import REFERENCE, Look, looks
from figures.result_figure import ResultFigure, ResultFigures
from figures.style import figure, set_panel_title, set_title, unit_of_steps


def draw_accuracy_along_training(runs: DataSetRuns, path: Path) -> None:
    """Draw Figure 2: test and train accuracy against steps, a panel for each comparison.

    Writes `path`.svg and `path`.png.
    """
    shown = panels(runs)
    samples = {network: [_run(network)] for drawn in shown.values() for network in drawn}
    marked = [network for network in samples if _paper_value(network) is not None]
    decayed = any(network.training.weight_decay for network in marked)
    caption = (
        f"{scale(samples)}. True labels; the fixed network over whole splits "
        f"{evaluation_times(network.training for network in samples)}. "
        "The paper's panels are of Inception V3 on ImageNet and of Inception on CIFAR-10. "
        "Shaded: from test accuracy to the best so far, what early stopping could gain. "
        + ("Stars: test accuracy at the end in the paper's Table 1" if marked else "")
        + (", which does not state how strong its weight decay is" if decayed else "")
        + (". " if marked else "")
        + f"Data: {sources(samples)}."
    )
    with figure(path, caption, width=9.2, height=1.2 + 3.4 * len(shown)) as drawing:
        set_title(drawing, f"Figure 2: accuracy along training, {runs.data}")
        for axes, (title, drawn) in zip(
            drawing.subplots(len(shown), 1, squeeze=False).flat, shown.items(), strict=True
        ):
            unit, steps = unit_of_steps(max(_run(network).epochs[-1].step for network in drawn))
            for network, look in zip(drawn, looks(len(drawn)), strict=True):
                _curves(axes, network, look, unit)
            handles = axes.get_legend_handles_labels()[0]
            handles += [
                Line2D([], [], color=REFERENCE, label="test"),
                Line2D([], [], color=REFERENCE, ls="--", label="train"),
            ]
            handles += [Patch(color=REFERENCE, alpha=0.25, label="test, best so far")]
            if any(network in marked for network in drawn):
                handles += [Line2D([], [], color=REFERENCE, marker="*", ls="", label="the paper, 50,000 images")]
            set_panel_title(axes, f"{title}, n = {drawn[0].config.n_train:,}")
            axes.set(xlabel=steps, ylabel="accuracy", xlim=(0, None), ylim=(0, 1.03))
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            # Beside the stars, half of which lie beyond the axes.
            axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.04, 1), fontsize=8)


def panels(runs: DataSetRuns) -> dict[str, list[Network]]:
    """The comparisons that can be drawn, each of networks on the same images, by title.

    Batch normalisation is Inception's, with it and without, both without explicit regularisers. Regularisers are those
    of one network: Inception if it was run with any, or else the one with most of them.
    """
    groups: dict[tuple[str, str], list[Network]] = {}
    for network in runs.networks:
        if TRUE_LABELS in network.runs:
            groups.setdefault((network.config.train_digest, network.config.test_digest), []).append(network)
    pairs, families = [], []
    for group in groups.values():
        plain = {network.config.model: network for network in group if not network.regularised}
        if {"inception", "inception-no-bn"} <= plain.keys():
            pairs.append([plain["inception"], plain["inception-no-bn"]])
        for model in dict.fromkeys(network.config.model for network in group):
            family = [network for network in group if network.config.model == model]
            if {network.regularised for network in family} == {True, False}:
                families.append(sorted(family, key=lambda network: network.regularised))
    pairs_by_title = {}
    if families:
        pairs_by_title["With and without explicit regularisers"] = max(
            families,
            key=lambda family: (family[0].config.model == "inception", len(family), family[0].config.n_train),
        )
    if pairs:
        pairs_by_title["With and without batch normalisation"] = max(pairs, key=lambda pair: pair[0].config.n_train)
    return pairs_by_title


FIGURES: ResultFigures[DataSetRuns] = {
    "Figure 2: accuracy along training": ResultFigure(
        "figure-2", draw_accuracy_along_training, lambda runs: bool(panels(runs))
    )
}


def _run(network: Network) -> Run:
    """The run of the lowest seed."""
    return network.runs[TRUE_LABELS][0]


def _paper_value(network: Network) -> float | None:
    """The paper's test accuracy in this setting, as a share."""
    paper = table_1_row(network.config, TRUE_LABELS)
    return paper.test / 100 if paper else None


def _curves(axes: Axes, network: Network, look: Look, unit: int) -> None:
    color = look.color
    epochs = _run(network).epochs
    steps = [record.step / unit for record in epochs]
    test = [record.test_accuracy for record in epochs]
    axes.plot(
        steps,
        test,
        color=color,
        linewidth=1.6,
        marker=look.marker,
        markersize=4.5,
        markevery=0.15,
        label=network.name,
    )
    train = [(record.step / unit, record.train_accuracy) for record in epochs if record.train_accuracy is not None]
    axes.plot(*zip(*train, strict=True), color=color, linewidth=1.2, linestyle="--")
    axes.fill_between(steps, test, np.maximum.accumulate(test), color=color, alpha=0.25, linewidth=0)
    paper = _paper_value(network)
    if paper is not None:
        at_the_end = axes.get_yaxis_transform()  # a share of the width, and an accuracy
        axes.plot(1, paper, "*", color=color, markersize=10, zorder=3, clip_on=False, transform=at_the_end)
