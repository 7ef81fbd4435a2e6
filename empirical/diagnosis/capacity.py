"""Can this network fit these labels at all: parameters, the narrowest layer, equal images with different labels.

2n + d weights are enough for any labels of n distinct points in R^d (Theorem 1 of Zhang et al. 2017), in a network
built for the purpose. Order sqrt(n log n) are enough in another (`theory.expressivity.narrow`), but nothing says that
training finds them.
"""

import copy
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.passes import Pass
from empirical.models import num_parameters

_CONSTANT = 1e-5
"""The difference that float32's rounding may leave between equal logits, as a share of the largest logit."""

Hook = Callable[[nn.Module, tuple[Any, ...], Any], Any]


def check_parameters(model: nn.Module, n: int, d: int) -> Answer:
    """Are there enough trainable parameters, for n labels of images of d values?

    Fewer than n are a problem: fewer numbers to choose than labels to meet. From 2n + d on Theorem 1 says that the
    number, at least, is not what is missing. Between the two it depends on the network.
    """
    question = "Are there enough parameters?"
    parameters, enough = num_parameters(model), 2 * n + d
    measured = {"parameters": parameters, "n": n, "theorem_1": enough}
    words = f"{parameters:,} for n = {n:,} labels; Theorem 1's network has 2n + d = {enough:,}"
    if parameters < n:
        return Answer(
            question,
            f"no: {words}",
            Verdict.PROBLEM,
            "a wider network, such as --model mlp-1x512, or fewer images, by --train-size",
            measured,
        )
    if parameters < enough:
        return Answer(question, words, Verdict.CANNOT_TELL, "a wider network leaves no doubt", measured)
    return Answer(question, f"yes: {words}", Verdict.OK, "", measured)


def check_narrowest_layer(model: nn.Module, images: torch.Tensor) -> Answer:
    """Does everything pass through a layer of too few units?

    The logits of k classes matter up to a common shift: in general position they take k - 1 dimensions, which a linear
    output cannot make of fewer. With layers in between fewer may do (one is enough for Theorem 1), but training is not
    known to find how. So a layer that gives fewer than k - 1 numbers, or one, is a bottleneck, if there is no way past
    it: if the logits no longer depend on the image once its output is held at that of the first image.
    """
    question = "Is a layer too narrow?"
    network = copy.deepcopy(model).eval()
    leaves = {module: name for name, module in network.named_modules() if name and not list(module.children())}
    widths: dict[str, int] = {}

    def measure(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim > 1 and len(output) == len(images):
            name, width = leaves[module], output[0].numel()
            widths[name] = min(widths.pop(name, width), width)  # in the order of their last use

    logits = _logits(network, images, dict.fromkeys(leaves, measure))
    if widths:
        widths.popitem()  # the last one gives the logits
    if not widths:
        return Answer(question, "there are no modules before the output to watch", Verdict.CANNOT_TELL)
    needed = max(logits.shape[1] - 1, 2)
    narrowest = min(widths, key=widths.__getitem__)
    candidates = {module: name for module, name in leaves.items() if widths.get(name, needed) < needed}
    measured = {"narrowest": widths[narrowest], "needed": needed}
    for module, name in candidates.items():
        if _constant(_logits(network, images, {module: _hold})) and not _constant(logits):
            return Answer(
                question,
                f"yes: all passes through {name}, of {widths[name]} unit{'s' * (widths[name] != 1)}; "
                f"{logits.shape[1]} classes need {needed}",
                Verdict.PROBLEM,
                f"make {name} wider: at least {needed} units, better some hundreds",
                measured,
            )
    return Answer(
        question, f"no: the narrowest, layer {narrowest}, gives {widths[narrowest]} numbers", Verdict.OK, "", measured
    )


def check_duplicates(samples: Pass) -> Answer:
    """Do equal images, as the network sees them, have different labels? No function fits both.

    The best accuracy of any network is the share of the samples that have the most frequent label of their image.
    """
    question = "Can the labels be fitted at all, or are equal images labelled differently?"
    groups: dict[bytes, list[int]] = defaultdict(list)
    for digest, label in zip(samples.digests, samples.labels.tolist(), strict=True):
        groups[digest].append(label)
    n = len(samples.digests)
    twice = sum(len(labels) for labels in groups.values() if len(labels) > 1)
    lost = sum(len(labels) - max(Counter(labels).values()) for labels in groups.values())
    measured = {"images_that_occur_again": twice, "labels_that_cannot_be_fitted": lost, "best_accuracy": 1 - lost / n}
    if lost:
        conflicts = sum(len(set(labels)) > 1 for labels in groups.values())
        return Answer(
            question,
            f"{conflicts:,} image{'s' * (conflicts != 1)} occur{'s' * (conflicts == 1)} more than once, with different "
            f"labels: no network gets more than {_below_one(1 - lost / n)} right",
            Verdict.PROBLEM,
            "keep one of each of the repeated images, give them one label, or see if preprocessing made them equal",
            measured,
        )
    words = f"yes: {twice:,} of {n:,} images occur again, with the same label" if twice else f"yes: all {n:,} differ"
    return Answer(question, words, Verdict.OK, "", measured)


def _logits(network: nn.Module, images: torch.Tensor, hooks: dict[nn.Module, Hook]) -> torch.Tensor:
    handles = [module.register_forward_hook(hook) for module, hook in hooks.items()]
    try:
        with torch.no_grad():
            logits: torch.Tensor = network(images)
    finally:
        for handle in handles:
            handle.remove()
    return logits


def _hold(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    """The output of a network that gives every image the first image's."""
    return output[:1].expand_as(output).clone()


def _constant(logits: torch.Tensor) -> bool:
    return (logits - logits[:1]).abs().max().item() <= _CONSTANT * logits.abs().max().item()


def _below_one(share: float) -> str:
    """A share below 1, in as many digits as show that it is below 1."""
    digits = next(digits for digits in range(1, 18) if round(100 * share, digits) < 100)
    return f"{100 * share:.{digits}f}%"
