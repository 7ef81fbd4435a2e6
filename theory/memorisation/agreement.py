r"""Do two estimates rank the same items alike? Spearman's rank correlation, with a bootstrap interval over the items.

Spearman's rho is the correlation of ranks, ties at their mean rank. Its interval is the percentile bootstrap's (Efron
1979): items are drawn with replacement and rho is computed anew. It speaks of items drawn as these were, the estimates
of each taken as they are. Fisher's interval is for normal variables without ties, which memorisation scores are not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import generator


@dataclass(frozen=True)
class Agreement:
    """Spearman's rho, and the ends of its interval."""

    correlation: float
    low: float
    high: float


@plain_numbers
def rank_agreement(
    first: Any, second: Any, *, failure_probability: float = 0.01, draws: int = 400, seed: int = 0
) -> Agreement:
    """Spearman's rank correlation of two estimates, (n,) each, and its interval of level 1 - failure_probability.

    An estimate that is the same for all items ranks nothing: then the correlation is 0 and its interval -1 to 1.
    Raises ValueError for NaN, which has no rank, lengths that differ, fewer than three items, or a probability that
    `draws` samples cannot tell from 0.
    """
    from scipy.stats import rankdata

    left, right = (as_real(estimate, "an estimate").astype(np.float64) for estimate in (first, second))
    if left.ndim != 1 or left.shape != right.shape or len(left) < 3:
        raise ValueError(f"the two estimates must be vectors of one length of at least 3: {left.shape}, {right.shape}")
    if np.isnan(left).any() or np.isnan(right).any():
        raise ValueError("the two estimates must be numbers: NaN has no rank")
    if not 2 / draws <= failure_probability < 1:
        raise ValueError(f"failure_probability must be between 2 / draws and 1, got {failure_probability}")
    if left.min() == left.max() or right.min() == right.max():
        return Agreement(0.0, -1.0, 1.0)

    def correlation(chosen: Any) -> float:
        ranks = [rankdata(estimate[chosen]) for estimate in (left, right)]
        centred = [rank - rank.mean() for rank in ranks]
        scale = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
        return float(centred[0] @ centred[1]) / scale if scale else 0.0

    random = generator(seed, "rank-agreement")
    n = len(left)
    resampled = [correlation(random.integers(n, size=n)) for _ in range(draws)]
    low, high = np.quantile(resampled, [failure_probability / 2, 1 - failure_probability / 2])
    return Agreement(correlation(slice(None)), float(low), float(high))
