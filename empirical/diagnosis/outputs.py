"""Can the network's outputs be logits? Cross-entropy takes a softmax itself: outputs in a narrow range cannot fit.

If all outputs of k classes lie within an interval of length r, no sample's cross-entropy is below
log(1 + (k - 1) exp(-r)): 1.46 nats for ten probabilities, which are what a softmax gives.
"""

import copy
import math

import torch
from torch import nn

from empirical.diagnosis.answer import Answer, Verdict

_SCALE = 1000.0
"""The last layer's weights times this: outputs that are logits grow as much, bounded ones come to their bounds."""

_GROWS = 10.0
_FLOOR = 0.01
"""Nats. Below this floor of the loss the labels are fitted all the same: a cap on logits at 30 does no harm."""


def check_outputs(model: nn.Module, images: torch.Tensor) -> Answer:
    """Are the outputs unbounded, as logits are? Asked of a copy whose last layer is `_SCALE` times as large."""
    question = "Are the network's outputs logits?"
    outputs, layers = _outputs_and_layers(model, images)
    scaled = next((other for other in (_scaled(model, images, layer) for layer in layers) if other is not None), None)
    if scaled is None or outputs.ndim != 2 or not outputs.any() or not outputs.isfinite().all():
        return Answer(question, "its outputs, or its last layer, are not to be seen", Verdict.CANNOT_TELL)
    growth = (scaled.abs().max() / outputs.abs().max()).item()
    both = torch.cat([outputs, scaled])
    span = (both.max() - both.min()).item()
    floor = math.log1p((outputs.shape[1] - 1) * math.exp(-span))
    measured = {"growth": growth, "range": span, "least_loss": floor}
    if growth >= _GROWS or floor <= _FLOOR:
        return Answer(question, "yes: they grow with the last layer's weights", Verdict.OK, "", measured)
    probabilities = bool((both >= 0).all()) and torch.allclose(both.sum(1), torch.ones(len(both)), atol=1e-4)
    what = "they are probabilities, a softmax is the last step" if probabilities else "they are bounded or normalised"
    return Answer(
        question,
        f"no: {what}; outputs within {span:.3g} of each other leave a loss of at least {floor:.2f} nats",
        Verdict.PROBLEM,
        "leave out what follows the last linear layer, such as softmax, sigmoid, tanh or normalisation: cross-entropy "
        "takes logits, and does the softmax itself",
        measured,
    )


def _outputs_and_layers(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
    """The outputs in evaluation mode, and the modules with parameters of their own by name, the last to end first."""
    names: list[str] = []
    network = copy.deepcopy(model).eval()
    for name, module in network.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_hook(lambda module, inputs, outputs, name=name: names.append(name))
    with torch.no_grad():
        outputs = network(images).float().cpu()
    return outputs, names[::-1]


def _scaled(model: nn.Module, images: torch.Tensor, layer: str) -> torch.Tensor | None:
    """The outputs with the layer's parameters times `_SCALE`; None if they stay the same, as of an unused layer."""
    large = copy.deepcopy(model).eval()
    with torch.no_grad():
        before = large(images).float().cpu()
        for parameter in large.get_submodule(layer).parameters(recurse=False):
            parameter.mul_(_SCALE)
        after = large(images).float().cpu()
    return None if torch.equal(before, after) else after
