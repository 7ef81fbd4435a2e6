"""The training loss along a run, as papers draw it: of the samples as they are trained on, the mean over an epoch.

The fixed network's loss after the epoch is another number. Batch norm in evaluation goes by running averages of the
moments of past batches, of which a batch renews a tenth: in the first tens of steps, while the weights move fast, they
are those of weights long gone. An untrained Inception V3 has a loss of 10^8, and a small one that gets three quarters
of an epoch's samples right as it is trained can lose 30 times what guessing does. Records from before the loss of
samples as trained on was kept have the fixed network's alone: without batch norm, dropout and augmentation the same,
but for an epoch's lag.
"""

import math
from collections.abc import Iterable, Sequence

from empirical.runs.records import Run

_LAGGING = 1.5
"""A fixed network's loss above this multiple of log k is not drawn. In our records the highest losses of networks
without batch norm are at most 1.03 log k; with batch norm they are 2.1 to 34, and 10^7 for Inception V3."""


def online_loss_recorded(runs: Iterable[Run]) -> bool:
    """Whether every epoch of every run records the loss of its samples as they were trained on."""
    return all(record.online_loss is not None for run in runs for record in run.epochs[1:])


def loss_curve(run: Run, *, online: bool) -> tuple[list[int], list[float]]:
    """The steps, and the mean cross-entropy in nats on the given labels.

    Arguments:
        online: whether to return the loss of the samples as they were trained on, over the epoch that ends at the step,
            or else the fixed network's loss at the step, and before training.
    """
    if not online:
        recorded = [(record.step, record.train_loss) for record in run.epochs]
    else:
        recorded = [(record.step, record.online_loss) for record in run.epochs]
    points = [(step, loss) for step, loss in recorded if loss is not None]
    return [step for step, _ in points], [loss for _, loss in points]


def tell_training_loss(runs: Sequence[Run]) -> bool:
    """Whether the records contain the losses of samples as trained on, or losses of the fixed network that can stand
    for them."""
    highest = (max(loss_curve(run, online=False)[1]) / math.log(run.config.num_classes) for run in runs)
    return online_loss_recorded(runs) or max(highest) <= _LAGGING


def steps_to_cross(run: Run, share: float) -> float | None:
    """Steps until the training loss falls below this share of guessing's, between records by a straight line.

    The loss as trained on where every epoch has it; before training it is the fixed network's. None if it never does.
    """
    before = loss_curve(run, online=False)
    steps, losses = loss_curve(run, online=online_loss_recorded([run]))
    if not steps or steps[0] > before[0][0]:
        steps, losses = [before[0][0], *steps], [before[1][0], *losses]
    bound = share * math.log(run.config.num_classes)
    below = next((at for at, loss in enumerate(losses) if loss < bound), None)
    if below is None:
        return None
    if below == 0:
        return float(steps[0])
    rest = (losses[below - 1] - bound) / (losses[below - 1] - losses[below])
    return steps[below - 1] + rest * (steps[below] - steps[below - 1])


def first_losses_below(runs: Sequence[Run], share: float) -> list[float] | None:
    """The runs' training losses at the first step that all recorded at which each is below this share of log k.

    None if there is no such step. All runs are measured alike: by the loss as trained on if every record contains it.
    """
    online = online_loss_recorded(runs)
    curves = [dict(zip(*loss_curve(run, online=online), strict=True)) for run in runs]
    bounds = [share * math.log(run.config.num_classes) for run in runs]
    for step in sorted(set.intersection(*map(set, curves))):
        losses = [curve[step] for curve in curves]
        if all(loss < bound for loss, bound in zip(losses, bounds, strict=True)):
            return losses
    return None


def steps_around(runs: Sequence[Run], share: float) -> list[tuple[int, int] | None]:
    """The records between which the training loss falls below this share of log k: the step of the last record before,
    0 if there is none, and that of the first below; None if the loss never is. All runs are measured alike: by the loss
    as trained on if every record contains it.
    """
    online = online_loss_recorded(runs)
    spans: list[tuple[int, int] | None] = []
    for run in runs:
        bound = share * math.log(run.config.num_classes)
        steps, losses = loss_curve(run, online=online)
        at = next((at for at, loss in enumerate(losses) if loss < bound), None)
        spans.append(None if at is None else (steps[at - 1] if at else 0, steps[at]))
    return spans
