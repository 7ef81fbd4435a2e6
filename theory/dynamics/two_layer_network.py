r"""Wide two-layer ReLU networks, and gradient descent on their hidden layer.

f(x) = m^(-1/2) A^T relu(W x), W (m, d) with rows w_r(0) ~ N(0, kappa^2 I), A (m, k) of fixed independent signs, one
column an output (Du, Zhai, Poczos, Singh 2019; Arora et al. 2019 have k = 1). The gradient of
(1/2) ||Y - f(X)||^2, the Frobenius norm over samples and outputs, is with R = Y - f(X) and the activation pattern
D = 1{X W^T > 0} (n, m)

    -m^(-1/2) (D * (R A^T))^T X:

two matrix products a step, O(n m d), and no automatic differentiation. At a hidden value of exactly zero the unit
counts as inactive.

*Row space.* W enters through X W^T alone and moves by multiples of rows of X. With X = L Q, Q (r, d) with orthonormal
rows, r = min(n, d), everything about the sample is that of the network W Q^T on the points L: gradient descent may run
there, O(n m r) a step, and W(t) = W(0) + (W Q^T(t) - W Q^T(0)) Q.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from theory.common.plain_numbers import plain_numbers
from theory.common.streams import normals, words

State = dict[str, torch.Tensor]
"""What gradient descent goes on from: step (), weights (m, d), signs (m, k), initially_active (n, m)."""


@dataclass(frozen=True, eq=False)
class TwoLayerNetwork:
    """x -> m^(-1/2) A^T relu(W x).

    Attributes:
        weights: W, (m, d), float64.
        signs: A, (m, k), float64, entries +-1.
    """

    weights: torch.Tensor
    signs: torch.Tensor

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs (n, k) at points (n, d)."""
        return (X @ self.weights.T).clamp_min_(0) @ self.signs / math.sqrt(len(self.weights))

    def tangent_gram(self, X: torch.Tensor) -> torch.Tensor:
        """H(W)_ij = <x_i, x_j> (1/m) sum_r 1{<w_r, x_i> > 0, <w_r, x_j> > 0}, (n, n): an output's gradients' products.

        The same for every output. Between outputs c and c' a factor a_rc a_rc' stands in the sum, of mean zero.
        """
        active = (X @ self.weights.T > 0).to(X.dtype)
        return X @ X.T * (active @ active.T) / len(self.weights)

    def in_row_space(self, basis: torch.Tensor) -> "TwoLayerNetwork":
        """The network W Q^T on coordinates, for Q (r, d) from `row_space`."""
        return TwoLayerNetwork(self.weights @ basis.T, self.signs)

    def moved(self, trained: "TwoLayerNetwork", basis: torch.Tensor) -> "TwoLayerNetwork":
        """This network after the training that took `self.in_row_space(basis)` to `trained`."""
        return TwoLayerNetwork(self.weights + (trained.weights - self.weights @ basis.T) @ basis, self.signs)


@plain_numbers
def random_network(
    features: int, width: int, *, outputs: int = 1, scale: float = 1.0, seed: int = 0
) -> TwoLayerNetwork:
    """A network at initialisation, kappa = `scale`.

    Unit r depends on (seed, features, r) alone, its signs on (seed, outputs, r): a wider network of the same seed has
    the units of a narrower one. Raises ValueError for numbers below 1 or a scale that is not positive.
    """
    if min(features, width, outputs) < 1 or not scale > 0:
        raise ValueError(
            f"features, width and outputs must be at least 1 and scale positive, got {features}, {width}, {outputs}, "
            f"{scale}"
        )
    units = np.arange(width)
    draws = normals(words(seed, "two-layer-weights", units, features + features % 2))[:, :features]  # made in pairs
    bits = words(seed, "two-layer-signs", units, outputs) >> np.uint64(63)
    return TwoLayerNetwork(scale * torch.from_numpy(draws), torch.from_numpy(2.0 * bits.astype(np.float64) - 1))


def row_space(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """L (n, r) and Q (r, d), Q Q^T = I, X = L Q, r = min(n, d): a QR factorisation of X^T."""
    Q, R = torch.linalg.qr(X.T)
    return R.T.contiguous(), Q.T.contiguous()


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """A network during gradient descent.

    Attributes:
        step: steps taken.
        residual: y - u_t, (n, k).
        changed_activations: share of the n m activations that differ from those at initialisation.
        state: to go on from.
    """

    step: int
    residual: torch.Tensor
    changed_activations: float
    state: State

    @property
    def residual_norm(self) -> float:
        """||y - u_t||, over samples and outputs; the loss is half its square."""
        return float(self.residual.norm())

    @property
    def network(self) -> TwoLayerNetwork:
        """The network at this step."""
        return TwoLayerNetwork(self.state["weights"], self.state["signs"])


def initial_state(network: TwoLayerNetwork, X: torch.Tensor) -> State:
    """The state before the first step, for points (n, d)."""
    return {
        "step": torch.tensor(0),
        "weights": network.weights,
        "signs": network.signs,
        "initially_active": X @ network.weights.T > 0,
    }


@plain_numbers
def gradient_descent(
    X: torch.Tensor, y: torch.Tensor, state: State, step_size: float, *, max_steps: int
) -> Iterator[TrainingStep]:
    """Full-batch gradient descent on (1/2) ||y - f(X)||^2 over W, step by step: the state itself first.

    Arguments:
        X: (n, d), float64, any device; coordinates in the row space save time if d > n.
        y: (n,) or (n, k), float64.
        state: from `initial_state`, or of an earlier step: training goes on from there, and is the same as if it had
            not stopped. It is not changed, and later steps leave those handed out before as they are.
        step_size: eta.
        max_steps: steps in all, those before the state included.

    Raises ValueError if shapes do not go together or step_size is not positive.
    """
    weights, signs, initially_active = state["weights"], state["signs"], state["initially_active"]
    labels = y[:, None] if y.ndim == 1 else y
    expected = {"y": (len(X), signs.shape[1]), "X": (len(initially_active), weights.shape[1])}
    for name, array in {"y": labels, "X": X}.items():
        if tuple(array.shape) != expected[name]:
            raise ValueError(f"{name} has shape {tuple(array.shape)}, the network and its state need {expected[name]}")
    if not step_size > 0:
        raise ValueError(f"step_size must be positive, got {step_size}")
    return _steps(X, labels, weights, signs, initially_active, step_size, range(int(state["step"]), max_steps + 1))


def _steps(
    X: torch.Tensor,
    y: torch.Tensor,
    weights: torch.Tensor,
    signs: torch.Tensor,
    initially_active: torch.Tensor,
    step_size: float,
    steps: range,
) -> Iterator[TrainingStep]:
    root = math.sqrt(len(weights))
    for step in steps:
        hidden = X @ weights.T
        active = hidden > 0
        residual = y - hidden.clamp_min_(0) @ signs / root
        yield TrainingStep(
            step=step,
            residual=residual,
            changed_activations=float((active ^ initially_active).sum()) / active.numel(),
            state={
                "step": torch.tensor(step),
                "weights": weights,
                "signs": signs,
                "initially_active": initially_active,
            },
        )
        slope = (residual @ signs.T).mul_(active)
        weights = torch.addmm(weights, slope.T, X, alpha=step_size / root)
