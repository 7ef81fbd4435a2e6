"""The training loss along a run, as papers draw it: of the samples as they are trained on, the mean over an epoch.

The fixed network's loss after the epoch is another number. Batch norm in evaluation goes by running averages of the
moments of past batches, of which a batch renews a tenth: in the first tens of steps, while the weights move fast, they
are those of weights long gone. An untrained Inception V3 has a loss of 10^8, and a small one that gets three quarters
of an epoch's samples right as it is trained can lose 30 times what guessing does. Records from before the loss of
samples as trained on was kept have the fixed network's alone: without batch norm the same, but for an epoch's lag.
"""

import math
from collections.abc import Iterable

from empirical.records import Run

_FAR_FROM_GUESSING = 2.0  # times log k: where no fixed network without such moments gets while it learns


def online_loss_recorded(runs: Iterable[Run]) -> bool:
    """Whether every epoch of every run has the loss of its samples as they were trained on."""
    return all(record.online_loss is not None for run in runs for record in run.epochs[1:])


def loss_curve(run: Run, *, online: bool) -> tuple[list[int], list[float]]:
    """Steps, and the mean cross-entropy in nats on the labels given.

    Arguments:
        online: of the samples as they were trained on, over the epoch that ends at the step; or else by the fixed
            network then, and before training.
    """
    if not online:
        return [record.step for record in run.epochs], [record.train_loss for record in run.epochs]
    points = [(record.step, record.online_loss) for record in run.epochs if record.online_loss is not None]
    return [step for step, _ in points], [loss for _, loss in points]


def tells_training_loss(run: Run) -> bool:
    """Whether the record has the loss of samples as trained on, or a fixed network's that it can stand for."""
    guessing = math.log(run.config.num_classes)
    highest = max(record.train_loss for record in run.epochs)
    return online_loss_recorded([run]) or highest <= _FAR_FROM_GUESSING * guessing


def steps_to_reach(run: Run, share: float) -> int | None:
    """Steps until the training loss is first below this share of guessing's, log k; None if it never is."""
    steps, losses = loss_curve(run, online=online_loss_recorded([run]))
    bound = share * math.log(run.config.num_classes)
    return next((step for step, loss in zip(steps, losses, strict=True) if loss < bound), None)
