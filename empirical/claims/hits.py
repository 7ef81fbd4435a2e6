"""Which test images networks hit: from records alone."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from empirical.outcome import decode_hits
from empirical.runs.records import Run

EPOCH_HITS = "records that say after every epoch which test images were hit, which these are too old for (--rerun)"
NEWER_RECORDS = "records that say which test images were hit, which these are too old for: run them again (--rerun)"


def hits_recorded(runs: Sequence[Run]) -> bool:
    """Whether all records say which test images were hit."""
    return all("test_hits" in run.summary.metrics for run in runs)


def hits_on_test(run: Run) -> npt.NDArray[np.bool_]:
    """Whether a run classifies each test image correctly, bool (m,)."""
    return decode_hits(run.summary.metrics["test_hits"], run.config.n_test)


def hits_by_epoch(run: Run) -> npt.NDArray[np.bool_] | None:
    """Whether a network classifies each test image correctly after each recorded epoch, bool (epochs, m); None if the
    record lacks it."""
    encoded = [record.test_hits for record in run.epochs]
    if not encoded or None in encoded:
        return None
    return np.array([decode_hits(code, run.config.n_test) for code in encoded if code is not None])
