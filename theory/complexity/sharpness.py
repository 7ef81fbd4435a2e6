r"""Sharpness: by how much the weights of a trained classifier may be perturbed before its training error rises.

Definitions of Jiang et al. 2020 (appendix C; those of noise are as in the code of Dziugaite, Drouin et al. 2020 but for
what is said below, those of boxes are quoted from memory), of weights w (d of them, biases among them), w_0 before
training, n training images, and a rise of the training error by 0.1:

    sigma:  the largest deviation of Gaussian noise, u_i ~ N(0, sigma^2), with a mean rise of 0.1 at most;
    alpha:  the largest box, |u_i| <= alpha, in which no perturbation raises the error by more than 0.1
            (Keskar et al. 2017);
    sigma', alpha':  the same in proportion to each weight, u_i ~ N(0, sigma'^2 w_i^2 + e^2) and
            |u_i| <= alpha' |w_i| + e.

1/sigma, 1/alpha, 1/sigma' and 1/alpha' are the measures of sharpness alone. With a reference r, 0 or w_0, McAllester's
PAC-Bayes bound of posterior N(w, sigma^2 I) and prior N(r, sigma^2 I), a union over 20,000 values of sigma in its
constant 10, has under its root

    (||w - r||^2 / (4 sigma^2) + log(n / sigma) + 10) / n.

In proportion to the weights, the posterior N(w, diag(s)) with s_i = sigma'^2 (w_i - r_i)^2 + e^2 and the prior
N(r, l I) at the best l, which is e^2 + (sigma'^2 + 1) ||w - r||^2 / d, have a divergence of (1/2) sum_i log(l / s_i),
and

    ((1/4) sum_i log(l / s_i) + log(n / sigma') + 10) / n.

The deviation of the noise of sigma' is in proportion to w_i, not to w_i - r_i, with either reference. (For r = 0 the
code of Dziugaite, Drouin et al. 2020 has a prior of 0 with the spread of w - w_0, which is no divergence; it also draws
noise of deviation sigma^2.)

*A box holds the noise.* With c = sqrt(2 log(2 d / delta)), all |u_i| <= c (deviation of u_i) with probability 1 - delta
at least (union bound). So noise of deviation alpha / c stays in the box of alpha, and that of sigma' = alpha' / c with
e / c in place of e in the box of alpha'. The measures of the box are those above with these deviations; delta is 0.05.
(Jiang et al. have other constants there.)

*How they are found.* The rise is a function of sigma, with the same random numbers at every sigma, which is nearly
increasing. The size is doubled or halved until the rise passes the limit, then bisected in its logarithm: what is
returned is a size at which the rise is at most the limit, and is above it at 2^(2^-steps) times this size. The mean
over m draws has a standard error of 1/(2 sqrt(m)) at most, and in fact of a small part of it, since each draw's error
is itself a mean over images. The largest rise in a box is searched by descent along the signs of a gradient, so that
alpha is an upper bound of the true one. The descent lowers the sum of the smallest margins that are not negative yet,
among the m smallest, where m errors are one more than the rise allows. A network and the same with a last layer ten
times as large take the same way. (Ascent of the mean cross-entropy moves all images, most of them in vain: on linear
classifiers, for which linear programs know alpha, it ended at a box up to twice as large.)
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.common.arrays import as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import torch_seed
from theory.complexity.bounds import require_probability

RISE = 0.1
"""The rise of the training error that is allowed, as Jiang et al. have it."""

FLOOR = 1e-3
"""e, the deviation of the noise on a weight that is 0, where noise is in proportion to the weights."""

_CONSTANT = 10.0  # log 20000, the values of sigma that the union bound of the source is over
_DOUBLINGS = 64
_HALVINGS = 1100  # from the largest float64 to the smallest

Weights = dict[str, torch.Tensor]


@plain_numbers
def largest_size(rise: Callable[[float], float], limit: float, start: float, *, steps: int = 7) -> float:
    """A size at which the rise is at most the limit, and is above it at 2^(2^-steps) times this size.

    Arguments:
        rise: size -> rise, taken as increasing.
        limit: the rise that is allowed.
        start: the first size that is tried.
        steps: bisections of a factor 2.

    Returns 0 if the rise at 0 is above the limit, infinity if it is not above at 2^64 times the first size. Raises
    ValueError for a start that is not positive and finite, or steps below 0.
    """
    if not (0 < start < math.inf and steps >= 0):
        raise ValueError(f"start must be positive and finite, and steps not negative, got {start} and {steps}")
    below = start
    if rise(start) > limit:
        if rise(0.0) > limit:
            return 0.0
        for _ in range(_HALVINGS):
            below /= 2
            if below == 0 or rise(below) <= limit:
                break
    else:
        for _ in range(_DOUBLINGS):
            if rise(2 * below) > limit:
                break
            below *= 2
        else:
            return math.inf
    for step in range(1, steps + 1):
        middle = below * 2.0 ** (2.0**-step)
        if rise(middle) <= limit:
            below = middle
    return below


@plain_numbers
def noise_tolerance(
    module: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    *,
    rise: float = RISE,
    floor: float | None = None,
    draws: int = 20,
    seed: int = 0,
    steps: int = 7,
) -> float:
    """sigma, or sigma' if a floor is given: see the module's docstring.

    Arguments:
        module: inputs -> logits (n, k); run in the mode that it is in: call `eval()` first. It is left as it is.
            Noise is on all its trainable parameters.
        inputs, labels: the training sample, on the module's device; labels integers (n,).
        rise: the mean rise of the error that is allowed.
        floor: e; None for noise of one deviation on all weights.
        draws: perturbed networks at every sigma.
        seed: the seed of the noise, which is drawn on the CPU: the same on every device.
        steps: bisections of a factor 2.

    Raises ValueError for a rise outside (0, 1), a floor that is negative, or no draws.
    """
    weights = _trainable(module, rise, floor)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    logits = _logits_of(module, weights, inputs)
    start = _error(logits({}), labels)

    @torch.no_grad()
    def mean_rise(size: float) -> float:
        random = torch.Generator().manual_seed(torch_seed(seed, "sharpness-noise"))
        total = 0.0
        for _ in range(draws):
            noisy = {}
            for name, values in weights.items():
                noise = torch.randn(values.shape, generator=random, dtype=values.dtype).to(values.device)
                spread = size if floor is None else torch.hypot(size * values, torch.full_like(values, floor))
                noisy[name] = values + spread * noise
            total += _error(logits(noisy), labels)
            if total / draws - start > rise:  # the mean is no less, whatever follows: no error is negative
                break
        return total / draws - start

    return largest_size(mean_rise, rise, _start(weights, floor), steps=steps)


@plain_numbers
def box_tolerance(
    module: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    *,
    rise: float = RISE,
    floor: float | None = None,
    search_steps: int = 10,
    steps: int = 7,
) -> float:
    """alpha, or alpha' if a floor is given, found by a descent and so an upper bound: see the module's docstring.

    The descent goes from the weights along the signs of the gradient, by the whole half-width of the box at first and
    less with every step, and stays in the box; the largest error on its way counts.

    Arguments and errors as in `noise_tolerance`; `search_steps`: gradients at every size.
    """
    weights = _trainable(module, rise, floor)
    if search_steps < 1:
        raise ValueError(f"search_steps must be at least 1, got {search_steps}")
    logits = _logits_of(module, weights, inputs)
    start = _error(logits({}), labels)
    missed = math.floor((rise + start) * len(labels)) + 1  # as many as the rise does not allow

    def largest_rise(size: float) -> float:
        widths = {
            name: torch.full_like(values, size) if floor is None else size * values.abs() + floor
            for name, values in weights.items()
        }
        places = {name: torch.zeros_like(values) for name, values in weights.items()}
        moved, answers, worst = weights, logits({}), 0.0
        for step in range(search_steps):
            margins = _margins(answers, labels)
            lowest = margins.topk(min(missed, len(margins)), largest=False).indices
            lowest = lowest[margins[lowest] >= 0]
            variables = {name: values.detach().requires_grad_() for name, values in moved.items()}
            kept = _margins(torch.func.functional_call(module, variables, (inputs[lowest],)), labels[lowest])
            slopes = torch.autograd.grad(-kept.sum(), list(variables.values()), allow_unused=True)
            length = 1 - step / search_steps
            for name, slope in zip(variables, slopes, strict=True):
                if slope is not None:
                    places[name] = (places[name] + length * slope.sign()).clamp(-1, 1)
            moved = {name: values + places[name] * widths[name] for name, values in weights.items()}
            answers = logits(moved)
            worst = max(worst, _error(answers, labels) - start)
            if worst > rise:  # this box is too large, whatever follows
                break
        return worst

    return largest_size(largest_rise, rise, _start(weights, floor), steps=steps)


@plain_numbers
def deviation_within(box: float, parameters: int, failure_probability: float = 0.05) -> float:
    """The deviation of Gaussian noise on so many weights that is in |u_i| <= box but for this probability at most.

    Raises ValueError for a box that is negative or no number, fewer than one parameter or a probability outside (0, 1).
    """
    require_probability(failure_probability)
    if not box >= 0:
        raise ValueError(f"box must be at least 0, got {box}")
    if parameters < 1:
        raise ValueError(f"parameters must be at least 1, got {parameters}")
    return box / math.sqrt(2 * math.log(2 * parameters / failure_probability))


@plain_numbers
def pac_bayes_measure(weights: Any, reference: Any, sigma: float, n: int) -> float:
    """(||w - r||^2 / (4 sigma^2) + log(n / sigma) + 10) / n; infinite for sigma = 0.

    Arguments:
        weights, reference: w and r, (d,).
        sigma: the deviation of the noise.
        n: number of training images.

    Raises ValueError for vectors of other shapes, a sigma that is negative or not finite, or n < 1.
    """
    change = _change(weights, reference, sigma, n)
    if sigma == 0:
        return math.inf
    k = math.frexp(sigma)[1]
    ratio = float(np.linalg.norm(np.ldexp(change, -k))) / math.ldexp(sigma, -k)
    return (ratio**2 / 4 + math.log(n) - math.log(sigma) + _CONSTANT) / n


@plain_numbers
def magnitude_aware_measure(weights: Any, reference: Any, sigma: float, floor: float, n: int) -> float:
    """((1/4) sum_i log(l / s_i) + log(n / sigma') + 10) / n, as in the module's docstring; infinite for sigma' = 0.

    Arguments:
        weights, reference, n: as in `pac_bayes_measure`.
        sigma: sigma', in proportion to the weights.
        floor: e.

    Raises ValueError as there, and for a floor that is not positive and finite.
    """
    change = _change(weights, reference, sigma, n)
    if not 0 < floor < math.inf:
        raise ValueError(f"floor must be positive and finite, got {floor}")
    if sigma == 0:
        return math.inf
    squares = (np.ldexp(change, -math.frexp(floor)[1]) / math.ldexp(floor, -math.frexp(floor)[1])) ** 2  # units of e
    prior = 1 + (sigma**2 + 1) * squares.mean()
    divergence = float((np.log(prior) - np.log1p(sigma**2 * squares)).sum()) / 2
    return (divergence / 2 + math.log(n) - math.log(sigma) + _CONSTANT) / n


def _change(weights: Any, reference: Any, sigma: float, n: int) -> Any:
    here, there = (as_points(vector, "weights").astype(np.float64) for vector in (weights, reference))
    if here.shape != there.shape or here.shape[1] != 1:
        raise ValueError(f"weights and reference must be vectors of one length, got {here.shape} and {there.shape}")
    if not 0 <= sigma < math.inf or n < 1:
        raise ValueError(f"sigma must be finite and not negative, and n at least 1, got {sigma} and {n}")
    return (here - there).ravel()


def _trainable(module: nn.Module, rise: float, floor: float | None) -> Weights:
    if not 0 < rise < 1:
        raise ValueError(f"rise, of the training error, must be between 0 and 1, got {rise}")
    if floor is not None and not 0 <= floor < math.inf:
        raise ValueError(f"floor must be finite and not negative, got {floor}")
    return {name: values.detach() for name, values in module.named_parameters() if values.requires_grad}


def _logits_of(module: nn.Module, weights: Weights, inputs: torch.Tensor) -> Callable[[Weights], torch.Tensor]:
    """Some weights, the others as they are -> the logits of all inputs, without a gradient."""

    @torch.no_grad()
    def logits(changed: Weights) -> torch.Tensor:
        answers: torch.Tensor = torch.func.functional_call(module, weights | changed, (inputs,))
        return answers

    return logits


def _error(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return int((logits.argmax(1) != labels).sum()) / len(labels)


def _margins(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The margins as `margins` has them, differentiable."""
    own = logits.gather(1, labels[:, None])[:, 0]
    return own - logits.scatter(1, labels[:, None], -math.inf).amax(1)


def _start(weights: Weights, floor: float | None) -> float:
    """Where the search begins: an eighth of the power of two below the largest weight, or an eighth in proportion."""
    if floor is not None:
        return 0.125
    largest = max((float(values.abs().max()) for values in weights.values() if values.numel()), default=0.0)
    return 2.0 ** (math.frexp(largest)[1] - 4) if largest else 0.125
