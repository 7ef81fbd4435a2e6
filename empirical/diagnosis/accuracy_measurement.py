"""Is accuracy measured with the fixed network?

The running mean over an epoch, each batch by the weights of its step, belongs to no network: it lags behind, and an
exact fit does not show in it. Training here is judged by the fixed network in evaluation mode, on every sample; the
check says what the difference is. With batch norm there is a second one: evaluation mode uses running averages of the
statistics that training takes from the batch.
"""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.probe import Probe
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.evaluation import evaluate
from empirical.training.random_state import forked_rng

_GAP = 0.05
"""Accuracy in training mode above that in evaluation mode that counts as a gap: on 1,000 samples the difference of two
accuracies has a standard deviation of at most 2.3 points."""

_NOT_SETTLED = 0.01
"""Share of their first values that running averages may keep at the end of training."""


def check_accuracy(trained: Probe, data: ResidentData, config: TrainingConfig) -> Answer:
    """Does the accuracy reported belong to the network that was trained?

    If evaluation mode is worse than training mode on the same weights, by more than `_GAP`, the statistics of batch
    norm are taken anew over the whole sample. If that does not help, batches are too small for their statistics to
    stand for the data: a problem. If it does, the running averages lag: a problem only if they move so slowly, by
    `momentum`, that (1 - momentum)^max_steps of their first values, above `_NOT_SETTLED`, is left at the end;
    otherwise they catch up as the steps get small.
    """
    question = "Is accuracy measured with the fixed network?"
    if trained.running_accuracy is None or trained.stopped:
        return Answer(question, "no epoch was finished: see the step size", Verdict.CANNOT_TELL)
    training, evaluation = trained.after.accuracy, trained.fixed_accuracy
    measured = {"running": trained.running_accuracy, "fixed": evaluation, "fixed_in_training_mode": training}
    words = (
        f"yes: {evaluation:.1%} after the last epoch of the probe, where the running mean over its batches says "
        f"{trained.running_accuracy:.1%}: report the first"
    )
    norms = [m for m in trained.network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if training - evaluation <= _GAP or not norms:
        return Answer(question, words, Verdict.OK, "", measured)
    refreshed = _accuracy_with_fresh_statistics(trained.network, data, config.batch_size)
    measured["fixed_with_fresh_statistics"] = refreshed
    gap = f"the fixed network reaches {training:.1%} by the batch's statistics, {evaluation:.1%} in evaluation mode"
    if training - refreshed > _GAP:
        return Answer(
            question,
            f"{gap}, {refreshed:.1%} with statistics taken anew: those of a batch do not stand for the data",
            Verdict.PROBLEM,
            f"use larger batches than {config.batch_size} (--training.batch-size), or GroupNorm",
            measured,
        )
    momentum = min(1.0 if norm.momentum is None else norm.momentum for norm in norms)
    if (1 - momentum) ** config.max_steps > _NOT_SETTLED:
        return Answer(
            question,
            f"{gap}: batch norm's running averages hardly move, momentum {momentum:g} in {config.max_steps:,} steps",
            Verdict.PROBLEM,
            "give BatchNorm momentum=0.1, torch's default: the weight of the newest batch",
            measured,
        )
    return Answer(question, f"{words}; {gap}, which closes as the steps get small", Verdict.OK, "", measured)


def _accuracy_with_fresh_statistics(model: nn.Module, data: ResidentData, batch_size: int) -> float:
    """The accuracy in evaluation mode with batch norm's averages replaced by plain means over the batches of the
    sample."""
    network = copy.deepcopy(model).train()
    for module in network.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            module.reset_running_stats()
            module.momentum = None  # torch's way to say: a plain mean
    with torch.no_grad(), forked_rng(data.train_labels.device):
        for batch in data.train_images.split(batch_size):
            network(batch)
    hits = evaluate(network, data.train_images).argmax(dim=1) == data.train_labels
    return int(hits.sum()) / len(hits)
