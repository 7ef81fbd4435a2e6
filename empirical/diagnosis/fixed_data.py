"""Do the data stay what they are from one epoch to the next? What is drawn anew cannot be memorised.

Two passes are compared sample by sample. A sample is known by its index, or else by the content of its image; then
images that occur twice share a key, and it is the set of their labels that must stay.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.passes import Key, Pass, keys_of

Value = TypeVar("Value")

_FEWEST = 20
"""Samples that must be met twice. Labels drawn anew from k classes keep all of 20 labels with probability k^-20, at
most 1e-6."""

_MAY_BE_LEFT_OUT = 0.45
"""A pass that draws with replacement as often as there are samples leaves 1/e = 37% of them out; random flips change
half of the images."""

_GIVE_INDICES = "let the batches be (images, labels, indices), the index being the sample's place in the data set"


def check_labels_fixed(first: Pass, second: Pass) -> Answer:
    """Does the same image get the same label on a second pass?

    One sample whose label changes is a problem. Labels that stay at their place in the stream while the images move are
    named as such. They cannot be told from fixed ones where both passes come in one order, and the answer says so.
    """
    question = "Does an image keep its label from one epoch to the next?"
    first_keys, second_keys = keys_of(first, second)
    before, after = _sets(first_keys, first.labels.tolist()), _sets(second_keys, second.labels.tolist())
    common = before.keys() & after.keys()
    if len(common) < min(_FEWEST, len(before)) or not common:
        return Answer(
            question,
            f"only {len(common)} of {len(before):,} images of the first pass came again in the second",
            Verdict.CANNOT_TELL,
            f"make the passes comparable: switch augmentation off, or {_GIVE_INDICES}",
            {"matched": len(common)},
        )
    changed = sum(before[key] != after[key] for key in common)
    measured = {"matched": len(common), "changed": changed}
    if not changed:
        in_one_order = first_keys == second_keys
        note = "; both passes came in one order, so a label tied to the place in the batch would not show: shuffle"
        return Answer(
            question, f"yes, all {len(common):,} that came twice do{note * in_one_order}", Verdict.OK, "", measured
        )
    moved = [
        label == other
        for key, other_key, label, other in zip(first_keys, second_keys, first.labels, second.labels, strict=False)
        if key != other_key
    ]
    by_place = len(moved) >= _FEWEST and all(moved)
    why = "the labels go by the place in the batch, not by the image" if by_place else "labels are drawn anew"
    return Answer(
        question,
        f"no: {changed:,} of {len(common):,} images have another label on the second pass: {why}",
        Verdict.PROBLEM,
        "draw all labels once, before training, one for each sample, and look them up by the sample's index: "
        "empirical.corrupt_labels(labels, num_classes, 1.0, seed) gives them",
        measured,
    )


def check_images_fixed(first: Pass, second: Pass) -> Answer:
    """Is the same image the same, value for value, on a second pass? Augmentation is what makes it another.

    By index this is decided sample by sample. Without indices an image of the first pass that does not come again is a
    changed one, provided that both passes are whole.
    """
    question = "Does an image stay the same from one epoch to the next?"
    advice = (
        "switch augmentation off: --training.augmentation none, and in a pipeline of your own no random transforms "
        "(crop, flip, erasing, noise)"
    )
    if first.indices is not None and second.indices is not None:
        before = _sets(first.indices.tolist(), list(first.digests))
        after = _sets(second.indices.tolist(), list(second.digests))
        common = before.keys() & after.keys()
        changed, total = sum(before[key] != after[key] for key in common), len(common)
    elif first.whole and second.whole:
        changed, total = len(set(first.digests) - set(second.digests)), len(set(first.digests))
    else:
        changed = total = 0
    measured = {"compared": total, "changed": changed}
    if not total:
        return Answer(
            question, "the passes have no samples that can be matched", Verdict.CANNOT_TELL, _GIVE_INDICES, measured
        )
    if first.indices is None and 0 < changed < _MAY_BE_LEFT_OUT * total:
        words = (
            f"{changed:,} of {total:,} images do not come again on the second pass, and the others come unchanged: a "
            "pass that leaves samples out (drop_last, or a sampler with replacement) would do that, and so would "
            "augmentation that changes some"
        )
        return Answer(question, words, Verdict.CANNOT_TELL, _GIVE_INDICES, measured)
    if changed:
        words = f"no: {changed:,} of {total:,} images are other ones on the second pass: augmentation is on"
        return Answer(question, words, Verdict.PROBLEM, advice, measured)
    return Answer(question, f"yes, all {total:,} do: no augmentation", Verdict.OK, "", measured)


def _sets(keys: Sequence[Key], values: Sequence[Value]) -> dict[Key, set[Value]]:
    """All values of each key."""
    sets: dict[Key, set[Value]] = defaultdict(set)
    for key, value in zip(keys, values, strict=True):
        sets[key].add(value)
    return sets
