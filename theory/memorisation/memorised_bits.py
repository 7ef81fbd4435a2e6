r"""Memorised bits (Morris et al. 2025): how much shorter a trained model makes the code of its own training data.

Sequences x_1 .. x_N of S tokens are drawn uniformly among V: each takes S log2 V bits, and nothing about them can be
learnt but the tokens themselves. With a model that gives x the probability q(x), an ideal code takes -log2 q(x) bits.
The coder may always go back to the uniform code, so that x takes -log2 max(q(x), V^-S) bits, and the model has
memorised

    mem  =  sum_i max(0,  S log2 V + log2 q(x_i)).                                                          (clipped)

Labels are sequences of one token: labels drawn uniformly among k classes take log2 k bits each.

*No model of b bits memorises more than b bits, but for the clipping.* Let the training choose among M models, however
it likes. Without the clipping, for uniform data X,

    E 2^{max_m sum_i (S log2 V + log2 q_m(x_i))}  <=  sum_m E prod_i V^S q_m(x_i)  =  sum_m 1  =  M,

because E V^S q_m(x_i) = sum_x q_m(x) = 1. So the expectation of the largest sum is at most log2 M by Jensen's
inequality. With the clipping each max(q, V^-S) is a measure of mass at most 2, which adds at most N bits: the choice of
code.

    E mem  <=  log2 M + N.                                                                                  (bound)

Parameters of 32 bits make log2 M at most 32 a parameter.
"""

import math

import numpy as np
import numpy.typing as npt

from theory.common.plain_numbers import plain_numbers


@plain_numbers
def memorised_bits(log2_probabilities: npt.ArrayLike, tokens: int, vocabulary: int) -> float:
    """The bits that a model has memorised of uniform sequences, (clipped).

    Arguments:
        log2_probabilities: log2 q(x_i), (N,), each at most 0.
        tokens: S, tokens of a sequence.
        vocabulary: V, the number of tokens to choose from, at least 2.

    Raises ValueError for probabilities above 1 or NaN, other shapes, and numbers out of range.
    """
    values = np.asarray(log2_probabilities, dtype=np.float64)
    if values.ndim != 1 or not (values <= 0).all():
        raise ValueError("log2_probabilities must be a vector of logarithms of probabilities, at most 0")
    return float(np.maximum(0.0, uniform_bits(1, tokens, vocabulary) + values).sum())


@plain_numbers
def uniform_bits(sequences: int, tokens: int, vocabulary: int) -> float:
    """The bits N S log2 V of uniform sequences. Raises ValueError for fewer than one of either, or V < 2."""
    if sequences < 1 or tokens < 1 or vocabulary < 2:
        raise ValueError(
            "there must be at least one sequence of at least one token among at least two, got "
            f"sequences = {sequences}, tokens = {tokens}, vocabulary = {vocabulary}"
        )
    return sequences * tokens * math.log2(vocabulary)


@plain_numbers
def most_memorised_bits(log2_models: float, sequences: int) -> float:
    """(bound): the expected memorised bits of a training that chooses among M models are at most this.

    Raises ValueError for a negative logarithm or number.
    """
    if not log2_models >= 0 or sequences < 0:
        raise ValueError(f"log2_models and sequences must be at least 0, got {log2_models} and {sequences}")
    return log2_models + sequences
