import numpy as np
import pytest

from empirical.outcome import confusion_matrix, decode_hits, encode_hits, outcome_on_test


@pytest.mark.parametrize("n", [1, 7, 8, 1000])
def test_hits_survive_a_record(n):
    hits = np.random.default_rng(n).random(n) < 0.3
    np.testing.assert_array_equal(decode_hits(encode_hits(hits), n), hits)


def test_confusion_counts_predictions_by_row():
    assert confusion_matrix(np.array([0, 2, 2]), np.array([0, 1, 2]), 3) == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


def test_many_classes_have_no_confusion_matrix():
    labels = np.arange(200)
    assert "test_confusion" not in outcome_on_test(labels, labels, 200)
    assert "test_confusion" in outcome_on_test(labels[:9], labels[:9], 9)
