"""The paper's first finding as one picture: same network, same settings, only the labels differ."""

from pathlib import Path

from matplotlib.ticker import PercentFormatter

from empirical.claims.fitting import FITS
from empirical.claims.result_sets import ResultSet
from empirical.claims.significance import SIZE, share_interval
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from figures.palette import BLUE, RED, marker
from figures.style import chance_line, figure, label_ends, set_panel_title, set_title


def possible(results: ResultSet) -> bool:
    """Whether there are runs on true and on random labels."""
    return {TRUE_LABELS, RANDOM_LABELS} <= results.trained.keys()


def draw_only_labels(results: ResultSet, path: Path) -> None:
    """Draw accuracy against epochs on true and on random labels: on the training images, and on test images.

    Writes `path`.svg and `path`.png.
    """
    config, m = results.config, results.config.n_test
    runs = [(results.trained[TRUE_LABELS], BLUE), (results.trained[RANDOM_LABELS], RED)]
    intervals, ends = [], {}
    for run, _ in runs:
        accuracy = run.summary.metrics["test_accuracy"]
        low, high = share_interval(accuracy, m)
        intervals.append((low, high))
        ends[run.config.randomization.name] = f"{accuracy:.1%} ({low:.1%} to {high:.1%})"
    learns_from_one = intervals[1][1] < intervals[0][0]
    fits_both = all(run.summary.metrics["train_accuracy"] >= FITS for run, _ in runs)
    between = any(record.train_accuracy is None for run, _ in runs for record in run.epochs)
    while_training = "Thin, left: its answers while it trains, one for each image of the epoch. " if between else ""
    caption = (
        f"{results.scale}. Accuracy of the fixed network: left on the training images and the labels given with them, "
        f"right on test images and their true labels. {while_training}At the end, with exact binomial {1 - SIZE:.0%} "
        f"intervals over the test images: {'; '.join(f'{name} {end}' for name, end in ends.items())}. "
        f"Data: {config.source}."
    )
    with figure(path, caption, width=11.0, height=4.4) as drawing:
        set_title(
            drawing, f"Same network, same settings, only the labels differ: {results.network}, n = {config.n_train:,}"
        )
        left, right = drawing.subplots(1, 2, sharey=True)
        for run, color in runs:
            if between:
                answers = [
                    (epoch.epoch, epoch.online_accuracy) for epoch in run.epochs if epoch.online_accuracy is not None
                ]
                left.plot(*zip(*answers, strict=True), color=color, linewidth=1)
            for axes, metric in ((left, "train_accuracy"), (right, "test_accuracy")):
                curve = [
                    (record.epoch, value) for record in run.epochs if (value := getattr(record, metric)) is not None
                ]
                axes.plot(
                    [epoch for epoch, _ in curve],
                    [value for _, value in curve],
                    color=color,
                    marker=marker(color),
                    markersize=4.5,
                    markevery=1 if between and axes is left else 0.12,
                    linewidth=2,
                    linestyle="" if between and axes is left else "-",
                    label=run.config.randomization.name,
                )
        titles = (
            "Training accuracy: both are fitted" if fits_both else "Training accuracy",
            "Test accuracy: one is learnt from" if learns_from_one else "Test accuracy",
        )
        for axes, title in zip((left, right), titles, strict=True):
            set_panel_title(axes, title)
            axes.set(xlabel="epochs", xlim=(0, None), ylim=(0, 1.1))  # room for the label of a curve that ends early
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        left.set_ylabel("accuracy")
        chance_line(right, results.chance)
        label_ends(left, width=14)
        label_ends(right, width=14)
