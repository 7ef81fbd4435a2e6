"""The results of a classifier on its test set, small enough for a record."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_CLASSES = 100  # a confusion matrix of a thousand classes would be longer than all else


def share_of(hits: Any) -> float:
    """The share of the values that are true, of an array or a tensor (n,)."""
    return int(hits.sum()) / len(hits)


def outcome_on_test(
    predictions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], num_classes: int
) -> dict[str, Any]:
    """`test_hits`, see `encode_hits`, and with up to 100 classes `test_confusion`, see `confusion_matrix`."""
    outcome: dict[str, Any] = {"test_hits": encode_hits(predictions == labels)}
    if num_classes <= _MOST_CLASSES:
        outcome["test_confusion"] = confusion_matrix(predictions, labels, num_classes)
    return outcome


def encode_hits(hits: npt.NDArray[np.bool_]) -> str:
    """Encode which test images were classified correctly: a bit each, in base64."""
    return base64.b64encode(np.packbits(hits).tobytes()).decode()


def decode_hits(encoded: str, n_test: int) -> npt.NDArray[np.bool_]:
    """Decode what `encode_hits` encoded, bool (n_test,)."""
    return np.unpackbits(np.frombuffer(base64.b64decode(encoded), np.uint8), count=n_test).astype(bool)


def confusion_matrix(
    predictions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], num_classes: int
) -> list[list[int]]:
    """The confusion matrix: row i, column j counts the test images of class j that were predicted as class i."""
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(counts, (predictions, labels), 1)
    table: list[list[int]] = counts.tolist()
    return table


def nearest_class(outputs: npt.NDArray[np.float64], num_classes: int) -> npt.NDArray[np.int64]:
    """The class whose number is nearest to the network's real output."""
    return np.clip(np.rint(outputs), 0, num_classes - 1).astype(np.int64)
