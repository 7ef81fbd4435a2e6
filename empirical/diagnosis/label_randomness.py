"""Are random labels random?

One permutation of the classes, applied to all samples, gives labels that are wrong nearly everywhere and as learnable
as the truth. Random labels know nothing of the images: given the images, every order of the labels is as likely. That
makes an exact permutation test of any measure of dependence: compute it for the labels as they are and for 999 random
orders of them; under randomness the first is the largest with probability 1/1000 at most.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.passes import image_digests
from theory.common.streams import generator

Labels = npt.NDArray[np.int64]

_SHUFFLES = 999
_FEWEST = 20
"""Samples below which dependence would hardly show."""


def agreement_up_to_permutation(labels: Labels, reference: Labels, num_classes: int) -> float:
    """The largest share of labels equal to s(reference), over all permutations s of the classes.

    A linear assignment problem: the permutation chooses one cell in each row of the table of counts.
    """
    counts = np.bincount(reference * num_classes + labels, minlength=num_classes**2).reshape(num_classes, num_classes)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return int(counts[rows, columns].sum()) / len(labels)


def nearest_neighbours(images: torch.Tensor) -> npt.NDArray[np.int64]:
    """The index of the nearest other image in Euclidean distance for each image (n, ...): int64 (n,)."""
    flat = images.flatten(1).double()
    distances = torch.cdist(flat, flat).fill_diagonal_(torch.inf)
    return distances.argmin(dim=1).cpu().numpy()


def check_labels_random(
    images: torch.Tensor, labels: torch.Tensor, clean_labels: torch.Tensor | None, num_classes: int, seed: int
) -> Answer:
    """Are the labels independent of the images?

    Arguments:
        images, labels: as the network is given them. The first of several equal images counts.
        clean_labels: the true ones if they are known. Then the measure is the agreement with them up to a permutation
            of the classes; else how often an image has the label of its nearest neighbour.

    The threshold, p <= 1/1000, is the size of the test: so often are random labels taken for dependent ones.
    """
    question = "Are the random labels random?"
    _, firsts = np.unique(np.array(image_digests(images)), return_index=True)
    distinct = torch.from_numpy(firsts)
    distinct_labels = labels.cpu()[distinct].numpy()
    if len(distinct_labels) < _FEWEST:
        return Answer(
            question, f"{len(distinct_labels)} different images are too few", Verdict.CANNOT_TELL, "use more images"
        )
    statistic: Callable[[Labels], float]
    if clean_labels is not None:
        clean = clean_labels.cpu()[distinct].numpy()
        what = "agree with the true labels, up to the best permutation of the classes"

        def statistic(labels: Labels) -> float:
            return agreement_up_to_permutation(labels, clean, num_classes)
    else:
        neighbours = nearest_neighbours(images.cpu()[distinct])
        what = "have the label of the nearest other image"

        def statistic(labels: Labels) -> float:
            return float((labels == labels[neighbours]).mean())

    observed = statistic(distinct_labels)
    random = generator(seed, "diagnosis/label-randomness")
    shuffled = np.array([statistic(random.permutation(distinct_labels)) for _ in range(_SHUFFLES)])
    p_value = (1 + int((shuffled >= observed).sum())) / (1 + _SHUFFLES)
    measured = {"agreement": observed, "chance": float(shuffled.mean()), "p_value": p_value}
    words = f"{observed:.1%} {what}, by chance {shuffled.mean():.1%} would (p = {p_value:.3f})"
    if p_value > 1 / (1 + _SHUFFLES):
        return Answer(question, f"yes: {words}", Verdict.OK, "", measured)
    return Answer(
        question,
        f"no: {words}: they can be learnt, as true labels can",
        Verdict.PROBLEM,
        "draw a class for each sample, independently and uniformly: "
        "empirical.corrupt_labels(labels, num_classes, 1.0, seed); and see that it is these labels that are fed",
        measured,
    )
