r"""The end points of adaptive methods: Wilson, Roelofs, Stern, Srebro, Recht 2017, lemma 3.1 and their counter-example.

If X sign(X^T y) = c y for some c > 0, then on ||Xw - y||^2 from zero, full-batch, Adagrad, RMSprop and Adam stay on the
ray of sign(X^T y) and end, if they interpolate, in

    w = sign(X^T y) / c,

whatever their step sizes and decay rates: on the ray every gradient is a multiple of X^T y, and dividing each
coordinate by a mean of its own past magnitudes leaves its sign. The lemma is for denominators sqrt(v); the usual
sqrt(v) + epsilon bends the ray by about epsilon / |gradient|.
"""

import numpy as np

from theory.common.plain_numbers import plain_numbers
from theory.implicit_bias.optimizers import UnderdeterminedProblem
from theory.implicit_bias.potentials import Float64Array

_PER_SAMPLE = 5  # columns of its own for every sample


@plain_numbers
def wilson_problem(positives: int, negatives: int) -> UnderdeterminedProblem:
    """Wilson et al. 2017, section 3.3: labels +-1 that one feature gives away, and that adaptive methods do not use.

    Row i: y_i, 1, 1, then in columns of its own 1 (once if y_i = 1, five times if y_i = -1), 0 elsewhere; five more
    columns belong to a sample not seen in training. X is (n, 3 + 5(n + 1)).
    Raises ValueError unless positives > negatives >= 1: then X sign(X^T y) = 4y.
    """
    if not positives > negatives >= 1:
        raise ValueError(
            f"there must be more positives than negatives, and at least one negative, got {positives} and {negatives}"
        )
    y = np.concatenate([np.ones(positives), -np.ones(negatives)])
    X = np.zeros((len(y), 3 + _PER_SAMPLE * (len(y) + 1)))
    for i, label in enumerate(y):
        X[i] = _wilson_row(label, i, X.shape[1])
    return UnderdeterminedProblem(f"{positives} positives, {negatives} negatives", X, y)


def wilson_unseen(problem: UnderdeterminedProblem) -> Float64Array:
    """An unseen positive and an unseen negative sample of `wilson_problem`, (2, d)."""
    n, d = problem.X.shape
    return np.stack([_wilson_row(1.0, n, d), _wilson_row(-1.0, n, d)])


def adaptive_limit(problem: UnderdeterminedProblem) -> Float64Array:
    """The limit sign(X^T y) / c of Adagrad, RMSprop and Adam, (d,).

    Raises ValueError unless X sign(X^T y) = c y for some c > 0, up to rounding.
    """
    sign: Float64Array = np.sign(problem.X.T @ problem.y)
    image = problem.X @ sign
    c = float(image @ problem.y / (problem.y @ problem.y))
    if not (c > 0 and np.abs(image - c * problem.y).max() <= 1e-12 * np.abs(image).max()):
        raise ValueError(
            f"X sign(X^T y) is not a positive multiple of y: off by {np.abs(image - c * problem.y).max():.1e}"
        )
    return sign / c


def _wilson_row(label: float, sample: int, dimension: int) -> Float64Array:
    row = np.zeros(dimension)
    row[:3] = label, 1.0, 1.0
    first = 3 + _PER_SAMPLE * sample
    row[first : first + (1 if label > 0 else _PER_SAMPLE)] = 1.0
    return row
