r"""A perceptron with independent Gaussian weights: its answers are drawn, its weights are not.

Layer l maps z to W z + b, followed by ReLU in all layers but the last. The entries of all W and b are independent,
W_jk ~ N(M_jk, S_jk) and b_j ~ N(m_j, s_j).

**One input.** For a fixed z the entries of W z + b are independent, because the rows of W are, and

    (W z + b)_j  ~  N(sum_k M_jk z_k + m_j,  sum_k S_jk z_k^2 + s_j).

The next layer's weights are independent of z. So Gaussian numbers drawn layer by layer, one for each unit, have exactly
the law of the network's output on this input: no weight needs to be drawn (Kingma, Salimans, Welling 2015).

**Many inputs.** The error of the stochastic network on a sample is the mean over inputs i of q_i = P_W(wrong on x_i).
How the answers on two inputs depend on each other does not enter. So the weights may be drawn anew for each input: the
answers to n inputs, r times each, are r n independent events whose mean has the expectation (1/n) sum_i q_i, the error
itself. Hoeffding's inequality (1963, theorem 1) takes independent variables of different expectations, so that
`monte_carlo_error_bound` holds for r n of them: r n, where networks drawn whole would give r.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import Float64Array
from theory.common.plain_numbers import plain_numbers

_AT_ONCE = 4096  # inputs; the activations of a wide layer are in memory together


@dataclass(frozen=True, eq=False)
class GaussianLayer:
    """Independent Gaussian weights of one layer.

    Attributes:
        weights, weight_variances: (units, inputs).
        biases, bias_variances: (units,).

    Raises ValueError for shapes that do not match, numbers that are not finite, and variances that are not positive.
    """

    weights: npt.NDArray[Any]
    biases: npt.NDArray[Any]
    weight_variances: npt.NDArray[Any]
    bias_variances: npt.NDArray[Any]

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if len(shape) != 2 or self.weight_variances.shape != shape:
            raise ValueError(f"weights and their variances must be matrices alike, got {shape}")
        if not self.biases.shape == self.bias_variances.shape == shape[:1]:
            raise ValueError(f"a layer of {shape[0]} units needs as many biases and variances, got {self.biases.shape}")
        means, variances = (self.weights, self.biases), (self.weight_variances, self.bias_variances)
        if not all(np.isfinite(values).all() for values in (*means, *variances)):
            raise ValueError("the means and variances of the weights must be finite")
        if not all((values > 0).all() for values in variances):
            raise ValueError("the variances of the weights must be positive")

    def draw(self, inputs: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
        """Pre-activations (n, units) of inputs (n, d), weights drawn anew for each row; in the inputs' dtype."""
        dtype = inputs.dtype
        weights, variances = self.weights.astype(dtype), self.weight_variances.astype(dtype)
        means = inputs @ weights.T + self.biases.astype(dtype)
        spread = np.sqrt(inputs**2 @ variances.T + self.bias_variances.astype(dtype))
        return np.asarray(means + spread * random.standard_normal(means.shape).astype(dtype, copy=False), dtype=dtype)


@dataclass(frozen=True, eq=False)
class StochasticPerceptron:
    """Layers with independent Gaussian weights, and ReLU between them.

    Raises ValueError for no layer, or layers that do not fit together.
    """

    layers: tuple[GaussianLayer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("a perceptron needs a layer")
        for layer, following in pairwise(self.layers):
            if layer.weights.shape[0] != following.weights.shape[1]:
                raise ValueError(
                    f"a layer of {len(layer.biases)} units is followed by one of {following.weights.shape[1]} inputs"
                )

    @property
    def means(self) -> Float64Array:
        """The means of all weights, (d,): each layer's weights row by row, then its biases."""
        return _flat([values for layer in self.layers for values in (layer.weights, layer.biases)])

    @property
    def variances(self) -> Float64Array:
        """The variances of all weights, (d,), in the order of `means`."""
        return _flat([values for layer in self.layers for values in (layer.weight_variances, layer.bias_variances)])

    def draw(self, inputs: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
        """Outputs (n, k) of inputs (n, d), of a network drawn anew for each input; computed in the inputs' dtype.

        Raises TypeError for inputs that are neither float32 nor float64.
        """
        if inputs.dtype not in (np.float32, np.float64):
            raise TypeError(f"inputs must be float32 or float64, got {inputs.dtype}: convert them with astype")
        outputs = inputs
        for layer in self.layers[:-1]:
            outputs = np.maximum(layer.draw(outputs, random), 0)
        return self.layers[-1].draw(outputs, random)


@plain_numbers
def draw_errors(
    network: StochasticPerceptron,
    inputs: npt.NDArray[Any],
    labels: npt.NDArray[np.int64],
    random: np.random.Generator,
    draws: int = 1,
) -> npt.NDArray[np.bool_]:
    """Which answers are wrong, the largest output being the answer: independent events, bool (draws, n).

    Arguments:
        inputs, labels: (n, d), float32 or float64, and (n,).
        random: a generator that has no part in how the network's means and variances were chosen.

    Raises ValueError for numbers of inputs and labels that differ, for none, and for no draw, TypeError for inputs of
    another dtype.
    """
    if not len(inputs) == len(labels) > 0 or draws < 1:
        raise ValueError(f"as many labels as inputs and a draw are needed, got {len(inputs)}, {len(labels)}, {draws}")
    wrong = np.empty((draws, len(inputs)), dtype=bool)
    for row in wrong:
        for start in range(0, len(inputs), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            row[part] = network.draw(inputs[part], random).argmax(axis=1) != labels[part]
    return wrong


def _flat(arrays: list[npt.NDArray[Any]]) -> Float64Array:
    return np.concatenate([values.astype(np.float64).ravel() for values in arrays])
