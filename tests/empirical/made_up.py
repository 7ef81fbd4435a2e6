"""Outcomes on a test set of 1,000 images in 10 classes, for records made up to lie on either side of a rule."""

import numpy as np

from empirical.outcome import outcome_on_test

LABELS = np.repeat(np.arange(10), 100)


def outcome(accuracy: float, seed: int = 0) -> dict[str, object]:
    """As many hits in every class, on images drawn by the seed; the wrong ones spread over the other classes."""
    random = np.random.default_rng([seed, round(1000 * accuracy)])
    right = round(100 * accuracy)
    predictions = []
    for label in range(10):
        wrong = np.repeat(np.delete(np.arange(10), label), (100 - right) // 9)
        rest = np.full(100 - right - len(wrong), (label + 1) % 10)
        predictions.append(random.permutation(np.concatenate([np.full(right, label), wrong, rest])))
    return {"test_accuracy": right / 100, **outcome_on_test(np.concatenate(predictions), LABELS, 10)}
