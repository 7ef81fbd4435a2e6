"""Is explicit regularisation on? The experiment switches it off (Zhang et al. 2017, section 3): dropout, weight decay.

Neither makes fitting impossible by itself. But with weight decay the paper's AlexNet failed to converge on random
labels (table 4), and with dropout and weight decay Inception V3 stayed at 91.18% on random labels of ImageNet, against
95.20% without (table 2). So they come first when a network does not fit.
"""

import copy

import torch
from torch import nn

from empirical.diagnosis.answer import Answer, Verdict
from empirical.training.config import TrainingConfig
from empirical.training.dropout import DROPOUT_LAYERS
from empirical.training.optimization import optimizer_factory
from empirical.training.random_state import forked_rng
from theory.common.streams import torch_seed

_ROUNDING = 1e-4
"""The difference between passes that counts as noise, as a share of the largest logit. Two orders of one float32 sum,
which is all that differs between equal passes on some devices, stay a hundred times below this share; noise that
matters to training is far above."""


def check_stochastic_layers(model: nn.Module, images: torch.Tensor, seed: int) -> Answer:
    """Does the network compute the same twice, from the same state and images?

    Batch norm does, for the same batch: two passes of two copies of the network in training mode differ only if a layer
    draws random numbers. In evaluation mode none should. Dropout layers are named whether their noise shows or not.
    """
    question = "Is a layer random in training, such as dropout?"
    training, evaluation = (_difference(model, images, seed, training=mode) for mode in (True, False))
    layers = {name or "(the network)": m for name, m in model.named_modules() if isinstance(m, DROPOUT_LAYERS)}
    dropout = {name: layer.p for name, layer in layers.items() if layer.p > 0}
    measured = {"difference_in_training": training, "difference_in_evaluation": evaluation, "dropout": len(dropout)}
    if evaluation > _ROUNDING:
        return Answer(
            question,
            f"yes, even in evaluation mode: two passes differ by {evaluation:.1%} of the largest logit",
            Verdict.PROBLEM,
            "let the layer that draws random numbers do so if self.training only, "
            "such as functional.dropout(..., training=self.training); and switch it off for this experiment",
            measured,
        )
    if dropout:
        names = ", ".join(f"{name} (p = {p:g})" for name, p in dropout.items())
        return Answer(
            question,
            f"yes, dropout: {names}",
            Verdict.PROBLEM,
            "set p = 0 in these layers, or leave them out of the network",
            measured,
        )
    if training > _ROUNDING:
        return Answer(
            question,
            f"yes: two passes in training mode differ by {training:.1%} of the largest logit, with no nn.Dropout on",
            Verdict.PROBLEM,
            "switch off what draws random numbers in the network's forward: functional.dropout, drop-path, noise",
            measured,
        )
    return Answer(question, "no: two passes in training mode are equal", Verdict.OK, "", measured)


def check_weight_decay(model: nn.Module, config: TrainingConfig) -> Answer:
    """Does the optimiser pull the weights to zero? Any positive coefficient counts: the paper's setting is none."""
    question = "Is weight decay on?"
    if config.optimizer == "sgd":
        decay, where = config.weight_decay, "--training.weight-decay 0"
    else:
        optimizer = optimizer_factory(config.optimizer)(model.parameters(), config.step_size)
        decay = max((float(group.get("weight_decay", 0.0)) for group in optimizer.param_groups), default=0.0)
        where = f"weight_decay=0 in {config.optimizer} (torch's AdamW has 0.01 by default)"
    measured = {"weight_decay": decay}
    if decay > 0:
        return Answer(question, f"yes, {decay:g}", Verdict.PROBLEM, f"switch it off: {where}", measured)
    return Answer(question, "no", Verdict.OK, "", measured)


def _difference(model: nn.Module, images: torch.Tensor, seed: int, *, training: bool) -> float:
    """The largest difference between two passes, as a share of the largest logit."""
    outputs = []
    for number in range(2):
        network = copy.deepcopy(model).train(training)
        with torch.no_grad(), forked_rng(images.device):
            torch.manual_seed(torch_seed(seed, f"diagnosis/pass-{number}"))
            outputs.append(network(images).double())
    scale = outputs[0].abs().max().item()
    return (outputs[0] - outputs[1]).abs().max().item() / scale if scale > 0 else 0.0
