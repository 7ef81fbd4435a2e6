"""What the network is given: the scale of the images, the numbers of the classes, the order of the samples."""

import numpy as np
import torch

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.passes import Pass

_LARGE = 10.0
"""Root mean square of the pixels above which they count as not normalised: standardised ones have 1, images in 0 .. 1
about 0.5, those in 0 .. 255 about 100."""

_FEWEST = 20
_EXCESS = 0.2
"""Share of neighbours with equal labels above chance that counts as sorted, beside six standard deviations."""


def check_scale(images: torch.Tensor) -> Answer:
    """Are the images normalised? Step sizes are for inputs of about unit variance."""
    question = "Are the images normalised?"
    values = images.float()
    size, low, high = values.square().mean().sqrt().item(), values.min().item(), values.max().item()
    measured = {"root_mean_square": size, "smallest": low, "largest": high}
    words = f"pixels from {low:.3g} to {high:.3g}, root mean square {size:.3g}"
    if size > _LARGE:
        return Answer(
            question,
            f"no: {words}",
            Verdict.PROBLEM,
            "divide images by 255, or subtract their mean and divide by their standard deviation "
            "(empirical.preprocess does the latter for each image)",
            measured,
        )
    return Answer(question, f"yes: {words}", Verdict.OK, "", measured)


def check_classes(labels: torch.Tensor, outputs: int) -> Answer:
    """Are the classes numbered 0 .. k - 1, k being the number of outputs?"""
    question = "Are the classes numbered from 0?"
    low, high = int(labels.min()), int(labels.max())
    measured = {"smallest": low, "largest": high, "outputs": outputs}
    if low > 0 and high >= outputs - 1:
        return Answer(
            question,
            f"no: labels from {low} to {high} for {outputs} outputs, none of them 0: they are shifted by {low}",
            Verdict.PROBLEM,
            f"subtract {low} from the labels: class j is output j, counted from 0",
            measured,
        )
    return Answer(question, f"yes: labels from {low} to {high}, {outputs} outputs", Verdict.OK, "", measured)


def check_order(first: Pass) -> Answer:
    """Do the samples come in random order? Neighbours' labels are compared: sorted ones are mostly equal.

    Shuffled, neighbours agree as often as two samples drawn at random. The number that agree has about the variance
    of a binomial; six standard deviations are passed once in 10^9 passes.
    """
    question = "Do the samples come in random order?"
    labels = first.labels
    shares = np.unique(labels, return_counts=True)[1] / max(len(labels), 1)
    chance = float(np.sum(shares**2))
    if len(labels) < _FEWEST or chance > 1 - _EXCESS:
        return Answer(question, "there are too few samples, or classes, to tell", Verdict.CANNOT_TELL)
    agreeing = float(np.mean(labels[1:] == labels[:-1]))
    limit = chance + max(_EXCESS, 6 * (chance * (1 - chance) / len(labels)) ** 0.5)
    measured = {"neighbours_agree": agreeing, "by_chance": chance}
    if agreeing > limit:
        return Answer(
            question,
            f"no: {agreeing:.0%} of neighbours have one label, by chance {chance:.0%} would: they come sorted by class",
            Verdict.PROBLEM,
            "shuffle at every epoch (DataLoader(..., shuffle=True)): batches of one class pull the weights to and fro, "
            "and batch norm then normalises by the moments of one class",
            measured,
        )
    return Answer(question, f"yes: {agreeing:.0%} of neighbours have one label, as by chance", Verdict.OK, "", measured)
