"""Memorised bits against enumeration of all data sets, and bits of labels against the counts they invert."""

import itertools
import math

import numpy as np
import pytest

from theory.common.streams import generator
from theory.expressivity.lower_bounds import min_parameters
from theory.expressivity.narrow import narrow_parameter_count
from theory.memorisation import (
    counting_bits,
    memorised_bits,
    most_memorised_bits,
    narrow_bits,
    theorem_1_bits,
    uniform_bits,
)


def test_what_is_memorised():
    assert uniform_bits(5, 2, 8) == 30
    assert memorised_bits([0.0, 0.0], 3, 4) == 12, "known by heart"
    assert memorised_bits([-6.0], 3, 4) == 0, "no better than guessing"
    assert memorised_bits([-60.0, 0.0], 3, 4) == 6, "the coder goes back to the uniform code"
    assert memorised_bits([-1.5, -4.0], 1, 8) == 1.5
    assert most_memorised_bits(3.0, 0) == 3, "no data, no choice of code"


@pytest.mark.parametrize(("models", "sequences"), [(1, 1), (3, 2), (8, 2), (40, 3)])
def test_no_training_memorises_more_than_its_models_number(models, sequences):
    """All V^S sequences, all data sets of them, the best of M models for each: the mean against the bound."""
    tokens, vocabulary = 2, 2
    count = vocabulary**tokens
    random = generator(0, f"models-{models}-{sequences}")
    probabilities = random.dirichlet(np.full(count, 0.2), models).clip(1e-300)
    probabilities /= probabilities.sum(1, keepdims=True)
    logarithms = np.minimum(np.log2(probabilities), 0.0)
    clipped, plain = [], []
    for data in itertools.product(range(count), repeat=sequences):
        chosen = logarithms[:, data]
        clipped.append(max(memorised_bits(row, tokens, vocabulary) for row in chosen))
        plain.append((uniform_bits(sequences, tokens, vocabulary) + chosen.sum(1)).max())
    assert np.mean(plain) <= math.log2(models) + 1e-12  # rounding of a mean of at most 64 numbers below 40
    assert np.mean(plain) <= np.mean(clipped) <= most_memorised_bits(math.log2(models), sequences)


def test_a_model_for_every_data_set_reaches_the_bound():
    """As many models as data sets, each sure of its own: every bit is memorised, and log2 M is all of them."""
    models = 4**2
    assert memorised_bits([0.0, 0.0], 1, 4) == math.log2(models)


def test_label_bits_are_the_counts_inverted():
    for parameters in (300, 1_000):
        labels = round(narrow_bits(parameters, 64, 10) / math.log2(10))
        if labels > 2:
            assert narrow_parameter_count(labels, 64, 10) <= parameters
            assert narrow_bits(parameters, 64, 2) == labels
        most = int(counting_bits(parameters))
        assert min_parameters(most) <= parameters < min_parameters(most + 1)
        weights = 2 * round(theorem_1_bits(parameters, 64, 4) / 2) + 64
        assert weights in (parameters, parameters - 1)
    for labels in (2051, 2901):  # where the closed form has the least room
        too_few = narrow_parameter_count(labels, 64, 10) - 1
        assert round(narrow_bits(too_few, 64, 10) / math.log2(10)) < labels
    assert narrow_bits(280, 64, 10) == narrow_bits(1, 1, 2) == theorem_1_bits(65, 64, 2) == 0
    assert narrow_bits(100_000, 64, 10) > theorem_1_bits(100_000, 64, 10)


def test_arguments():
    for make in (
        lambda: memorised_bits([0.1], 1, 2),
        lambda: memorised_bits([math.nan], 1, 2),
        lambda: memorised_bits([[0.0]], 1, 2),
        lambda: uniform_bits(0, 1, 2),
        lambda: uniform_bits(1, 0, 2),
        lambda: uniform_bits(1, 1, 1),
        lambda: most_memorised_bits(-1.0, 1),
        lambda: most_memorised_bits(1.0, -1),
        lambda: theorem_1_bits(10, 0, 2),
        lambda: narrow_bits(10, 1, 11),
        lambda: counting_bits(0),
    ):
        with pytest.raises(ValueError, match="must"):
            make()
