"""Does every layer learn: gradients at initialisation and after a short training, and units that never answer."""

import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from empirical.diagnosis.answer import Answer, Verdict
from empirical.training.data import ResidentData
from empirical.training.random_state import forked_rng
from theory.common.streams import torch_seed

_LARGEST_RATIO = 1e4
"""The largest ratio allowed between the relative gradients of the fastest and the slowest layer. One step size serves
all layers: at 10,000 the slowest moves in 60,000 steps, the longest training by default, in proportion as far as the
fastest in 6."""

_DEAD_SHARE = 0.5
"""The share of a layer's units from which dead units are a problem. Initialisations leave a few percent dead; a layer
that is half dead is a layer of half the width."""


@dataclass(frozen=True)
class ParameterGradient:
    """The gradient of the mean loss with respect to one parameter tensor.

    Attributes:
        name: the parameter's name.
        dimensions: the number of its dimensions, 2 or more for weights and 1 for biases.
        norm: the norm of the gradient; None if there is no gradient.
        size: the norm of the parameter.
        frozen: whether the parameter is excluded from training (requires_grad is False).
    """

    name: str
    dimensions: int
    norm: float | None
    size: float
    frozen: bool


@dataclass(frozen=True)
class UnitCount:
    """The units of a ReLU layer, and how many of them are 0 on every sample: features, or channels of images."""

    units: int
    dead: int


def parameter_gradients(model: nn.Module, data: ResidentData, batch_size: int, seed: int) -> list[ParameterGradient]:
    """Gradients of the mean cross-entropy over the sample, in training mode. The model is left as it is."""
    network = copy.deepcopy(model).train()
    network.zero_grad(set_to_none=True)
    batches = zip(data.train_images.split(batch_size), data.train_labels.split(batch_size), strict=True)
    with forked_rng(data.train_labels.device):
        torch.manual_seed(torch_seed(seed, "diagnosis/stochastic-layers"))
        for images, labels in batches:
            loss = functional.cross_entropy(network(images), labels, reduction="sum") / len(data.train_labels)
            if loss.requires_grad:
                loss.backward()
    return [
        ParameterGradient(
            name,
            parameter.ndim,
            None if parameter.grad is None else parameter.grad.double().norm().item(),
            parameter.detach().double().norm().item(),
            not parameter.requires_grad,
        )
        for name, parameter in network.named_parameters()
    ]


def relu_units(model: nn.Module, images: torch.Tensor, batch_size: int, seed: int) -> dict[str, UnitCount]:
    """The units of every nn.ReLU, by its name, in training mode; a module used k times counts k times (name, name #2).

    ReLUs that are functions rather than modules are not seen. The model is left as it is.
    """
    network = copy.deepcopy(model).train()
    alive: dict[str, torch.Tensor] = {}
    calls: Counter[str] = Counter()

    def hook(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]:
        def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            calls[name] += 1
            key = name if calls[name] == 1 else f"{name} #{calls[name]}"
            units = output.movedim(1, -1) if output.ndim == 4 else output
            answers = (units != 0).reshape(-1, units.shape[-1]).any(dim=0)
            alive[key] = answers | alive[key] if key in alive else answers

        return count

    for name, module in network.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(hook(name or "(the network)"))
    with torch.no_grad(), forked_rng(images.device):
        torch.manual_seed(torch_seed(seed, "diagnosis/stochastic-layers"))
        for batch in images.split(batch_size):
            calls.clear()
            network(batch)
    return {name: UnitCount(len(answers), int((~answers).sum())) for name, answers in alive.items()}


def check_dead_units(before: Mapping[str, UnitCount], after: Mapping[str, UnitCount] | None) -> Answer:
    """Is a ReLU layer 0 on the whole sample, for most of its units?

    Arguments:
        before, after: at initialisation and after a short training; None if that did not lower the loss, which is then
            the step size's fault. The later state decides.

    A dead unit has no gradient. Above a share of `_DEAD_SHARE` in a layer it is a problem.
    """
    question = "Are ReLU units dead, 0 on every image?"
    state, when = (before, "at initialisation") if after is None else (after, "after a short training")
    if not state:
        return Answer(
            question,
            "the network has no nn.ReLU module to watch",
            Verdict.CANNOT_TELL,
            "use nn.ReLU() in place of functional.relu to have its units counted",
        )
    name, worst = max(state.items(), key=lambda item: item[1].dead / item[1].units)
    dead, units = sum(count.dead for count in state.values()), sum(count.units for count in state.values())
    measured = {"dead": dead, "units": units, "largest_share": worst.dead / worst.units}
    if worst.dead / worst.units > _DEAD_SHARE:
        at_first = before[name].dead / before[name].units if name in before else 1.0
        remedy = (
            "initialise their biases at 0 (or a little above) and their weights by torch's default, and see that the "
            "images are whitened"
            if at_first > _DEAD_SHARE
            else "training killed them: use a smaller step size (--training.learning-rate)"
        )
        return Answer(
            question,
            f"yes: {worst.dead} of {worst.units} units of {name} {when}",
            Verdict.PROBLEM,
            f"dead units get no gradient; {remedy}; or use a leaky ReLU",
            measured,
        )
    return Answer(question, f"{dead} of {units:,} are, {when}", Verdict.OK, "", measured)


def check_gradients(before: Sequence[ParameterGradient], after: Sequence[ParameterGradient] | None) -> Answer:
    """Does every parameter get a gradient, of a size that one step size can serve?

    Arguments:
        before, after: at initialisation and after a short training, or None as in `check_dead_units`.

    Problems: frozen parameters; parameters that the loss does not depend on; weights whose gradient is 0 or not finite;
    relative gradients |gradient| / |weights| of two layers that are further apart than `_LARGEST_RATIO`. A gradient
    that is 0 at initialisation but not afterwards is none: the layer behind it may start at 0. Biases are left out of
    the last two: before batch norm theirs are 0 by right.
    """
    question = "Does every layer get a gradient?"
    states = [before] if after is None else [before, after]
    latest = states[-1]
    frozen = [gradient.name for gradient in latest if gradient.frozen]
    unused = [gradient.name for gradient in latest if gradient.norm is None and not gradient.frozen]
    weights = [gradient for gradient in latest if gradient.dimensions > 1 and gradient.norm is not None]
    broken = [gradient.name for gradient in latest if not math.isfinite(gradient.norm or 0.0)]
    zero = [gradient.name for gradient in weights if gradient.norm == 0]
    measured: dict[str, float] = {"frozen": len(frozen), "unused": len(unused), "zero": len(zero)}
    for names, what, advice in (
        (frozen, "frozen", "let them be trained: parameter.requires_grad_(True)"),
        (
            unused,
            "no part of the output",
            "use them in forward, or remove them; look for .detach() and no_grad",
        ),
        (
            broken,
            "with a gradient that is not finite",
            "look for divisions, logarithms and roots near 0 in the network",
        ),
        (
            zero,
            "with a gradient of exactly 0",
            "look for a layer before the output that is constant: dead, or all zeros",
        ),
    ):
        if names:
            words = f"no, {what}: {_listed(names)}"
            return Answer(question, words, Verdict.PROBLEM, advice, measured)
    if not weights:
        return Answer(question, "the network has no weights to train", Verdict.CANNOT_TELL)
    ratio, slowest, fastest = min(_spread(state) for state in states)
    measured["ratio"] = ratio
    words = f"relative gradients of layers are up to {ratio:.1e} apart, {slowest} the smallest, {fastest} the largest"
    if ratio > _LARGEST_RATIO:
        return Answer(
            question,
            f"no, gradients vanish: {words}",
            Verdict.PROBLEM,
            "put in batch norm or skip connections, initialise for the activation (nn.init.kaiming_normal_ for ReLU), "
            "replace sigmoid and tanh by ReLU, or use fewer layers",
            measured,
        )
    return Answer(question, f"yes; {words}" if len(weights) > 1 else "yes", Verdict.OK, "", measured)


def _spread(state: Sequence[ParameterGradient]) -> tuple[float, str, str]:
    """The ratio of the largest to the smallest relative gradient of the weights, and the names of the two."""
    relative = {g.name: g.norm / g.size for g in state if g.dimensions > 1 and g.norm and g.size}
    if not relative:
        return 1.0, "", ""
    slowest, fastest = min(relative, key=relative.__getitem__), max(relative, key=relative.__getitem__)
    return relative[fastest] / relative[slowest], slowest, fastest


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
