r"""Uniform stability of SGD: how much one training example can matter (Hardt, Recht, Singer 2016).

A randomised algorithm A is e-uniformly stable if for all samples S and S' of size n that differ in one example

    sup_z E_A [f(A(S); z) - f(A(S'); z)]  <=  e,

and then |E[error - training error]| <= e, in the loss f (theorem 2.2; numbers of theorems and constants from memory,
and those of the arXiv version, 1509.01240v2, which the proceedings need not share). For SGD, one example a step, either
each drawn uniformly or a new random order every epoch, f(.; z) L-Lipschitz and b-smooth in the weights for every z:

* *convex f, steps eta_t <= 2/b* (theorem 3.8). A step is no expansion, ||G(v) - G(w)|| <= ||v - w||, but for the step
  on the example that differs, which adds at most 2 eta L. It comes with probability 1/n:

      E ||w_T - w'_T||  <=  (2L/n) sum_t eta_t,      e  =  (2 L^2 / n) sum_t eta_t.

  Projections onto a convex set are no expansion either: L need only hold there. In whole epochs in random order with
  one step size the example comes exactly once an epoch, and the first holds for each run, without expectation.

* *f in [0, 1], not convex, eta_t non-increasing and at most c/t* (theorem 3.12):

      e  =  (1 + 1/(bc)) / (n - 1)  (2 c L^2)^{1/(bc + 1)}  T^{bc/(bc + 1)}.

No label enters either bound but through L and b. Where these do not depend on labels (logistic loss: L = max ||x||, b =
max ||x||^2 / 4) the bound is the same for true and for random labels: it cannot tell them apart (Zhang et al. 2017,
section 2.2), though stability measured for a given sample may.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array, as_array, as_points, as_real
from theory.common.plain_numbers import plain_numbers
from theory.complexity.bounds import Bound

Sample = tuple[Any, Any]
"""Inputs (n, ...) and labels (n, ...)."""


@dataclass(frozen=True, eq=False)
class MeasuredStability:
    """What replacing one training example changed, with the same randomness on both samples.

    Attributes:
        parameter_distances: ||w - w'|| of each seed, float64 (seeds,).
        loss_differences: f(w; z) - f(w'; z), float64 (seeds, test points).
    """

    parameter_distances: Float64Array
    loss_differences: Float64Array

    @property
    def parameter_distance(self) -> float:
        """The mean of ||w - w'|| over seeds."""
        return float(self.parameter_distances.mean())

    @property
    def loss_difference(self) -> float:
        """The largest |mean over seeds of f(w; z) - f(w'; z)| over test points: a lower bound of e, up to sampling."""
        return float(np.abs(self.loss_differences.mean(0)).max())


@plain_numbers
def convex_stability_bound(
    lipschitz: float, smoothness: float, step_sizes: Sequence[float], n: int, *, loss_range: float = math.inf
) -> Bound:
    """(2 L^2 / n) sum_t eta_t for convex losses: theorem 3.8.

    Arguments:
        lipschitz, smoothness: L and b, of every example's loss in the weights (b = 0: linear).
        step_sizes: eta_t of every step, all at most 2/b.
        n: size of the training sample.
        loss_range: what the loss cannot exceed; a bound above it is vacuous.

    Raises ValueError for a step above 2/b, which the theorem does not cover, negative numbers or n < 1.
    """
    return Bound(
        "uniform stability, convex",
        lipschitz * parameter_distance_bound(lipschitz, smoothness, step_sizes, n),
        "expected test loss less training loss",
        "Hardt, Recht, Singer 2016, theorem 3.8",
        trivial=loss_range,
    )


@plain_numbers
def parameter_distance_bound(lipschitz: float, smoothness: float, step_sizes: Sequence[float], n: int) -> float:
    """(2L/n) sum_t eta_t, on E ||w_T - w'_T|| for convex losses. Arguments and errors as `convex_stability_bound`."""
    steps = _as_steps(lipschitz, smoothness, step_sizes)
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if steps.max(initial=0.0) * smoothness > 2:
        raise ValueError(f"step sizes must be at most 2/smoothness = {2 / smoothness:.3g}, got {steps.max():.3g}")
    return 2 * lipschitz / n * math.fsum(steps)


@plain_numbers
def nonconvex_stability_bound(lipschitz: float, smoothness: float, step_sizes: Sequence[float], n: int) -> Bound:
    """The bound of theorem 3.12 for losses in [0, 1], with the smallest c that has eta_t <= c/t.

    Arguments as in `convex_stability_bound`, smoothness and the first step positive.
    Raises ValueError for step sizes that increase or are all zero, negative numbers or n < 2.
    """
    steps = _as_steps(lipschitz, smoothness, step_sizes)
    if n < 2 or not smoothness > 0 or not steps.max(initial=0.0) > 0:
        raise ValueError("the bound needs n >= 2, a positive smoothness and a positive step size")
    if (np.diff(steps) > 0).any():
        raise ValueError("step sizes must not increase")
    total = len(steps)
    c = float((steps * np.arange(1, total + 1)).max())
    power = 1 / (smoothness * c + 1)
    size = (2 * c) ** power * lipschitz ** (2 * power)  # c L^2 may underflow where its root does not
    return Bound(
        "uniform stability, not convex",
        (1 + 1 / (smoothness * c)) / (n - 1) * size * total ** (1 - power),
        "expected test loss less training loss, loss in [0, 1]",
        "Hardt, Recht, Singer 2016, theorem 3.12",
    )


@plain_numbers
def measure_stability(
    train: Callable[[Sample, int], Any],
    losses: Callable[[Any], Any],
    sample: Sample,
    index: int,
    replacement: Sample,
    seeds: Sequence[int],
) -> MeasuredStability:
    """Train on a sample and on its neighbour, and compare.

    Arguments:
        train: (sample, seed) -> parameters (p,), a function of these alone: the seed decides initialisation and order.
        losses: parameters -> loss at each test point, (m,).
        sample: inputs and labels, numpy or torch.
        index: which example is replaced.
        replacement: the input and label to take its place.
        seeds: one run on each sample for every seed.

    Raises ValueError for no seeds, or an index outside the sample.
    """
    if not len(seeds):
        raise ValueError("at least one seed is needed")
    other = neighbour(sample, index, replacement)
    distances, differences = [], []
    for seed in seeds:
        here, there = train(sample, seed), train(other, seed)
        distances.append(float(np.linalg.norm(_vector(here, "parameters") - _vector(there, "parameters"))))
        differences.append(_vector(losses(here), "losses") - _vector(losses(there), "losses"))
    return MeasuredStability(np.array(distances), np.array(differences))


@plain_numbers
def neighbour(sample: Sample, index: int, replacement: Sample) -> Sample:
    """The sample with one example replaced; numpy arrays of the same dtypes, copies.

    Raises ValueError for an index outside the sample, inputs and labels of different lengths, or a replacement that the
    dtypes do not hold: integers must be the same, and numbers stay finite.
    """
    inputs, labels = (as_array(part).copy() for part in sample)
    if len(inputs) != len(labels) or not 0 <= index < len(inputs):
        raise ValueError(f"index {index} is not one of {len(inputs)} inputs with {len(labels)} labels")
    for values, new, name in zip((inputs, labels), map(as_array, replacement), ("input", "label"), strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            held = np.asarray(new).astype(values.dtype)
        same = np.isfinite(held) == np.isfinite(new) if values.dtype.kind == "f" else held == new
        if not np.all(same):
            raise ValueError(
                f"the {name} {new} of the replacement does not fit into {values.dtype}: convert the sample"
            )
        values[index] = held
    return inputs, labels


def _vector(values: Any, name: str) -> Float64Array:
    vector: Float64Array = as_points(values, name).astype(np.float64).ravel()
    return vector


def _as_steps(lipschitz: float, smoothness: float, step_sizes: Sequence[float]) -> Float64Array:
    steps = as_real(step_sizes, "step_sizes").astype(np.float64)
    if not (0 <= lipschitz < math.inf and 0 <= smoothness < math.inf):
        raise ValueError(f"lipschitz and smoothness must be finite and not negative, got {lipschitz}, {smoothness}")
    if steps.ndim != 1 or not np.isfinite(steps).all() or steps.min(initial=0.0) < 0:
        raise ValueError("step_sizes must be a vector of finite numbers, none negative")
    return steps
