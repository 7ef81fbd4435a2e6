"""One readable training loop: a record for each epoch, exact resume, on one process or on several ranks.

Everything an epoch does is a function of the state at its start and of the seed: the order of the samples and their
augmentation are drawn from streams keyed by the epoch, the noise of layers such as dropout from streams keyed by the
step, and the step size is a function of the step. So the state to save is the network, the optimiser and where the run
is, even within an epoch. A run resumed from it equals the undisturbed one to the bit on the same device and number of
threads and ranks; on a GPU but for operations that add up in no fixed order there (see `precision`).

Over several ranks each trains on its share of every batch, and the experiment stays the same: the batch is the global
one, every sample comes once an epoch, gradients are of the mean over the whole batch, evaluation counts each sample
once. N ranks give the curve of one up to the order of sums.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.data import TrainingData
from empirical.training.distributed import ALONE, Ranks
from empirical.training.epoch_record import EpochRecord
from empirical.training.evaluation import Online, epoch_record, misses_a_label, predict
from empirical.training.graphed_stepper import chosen_stepper
from empirical.training.optimization import diverged, precision
from empirical.training.state import TrainingState


def train(
    model: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
    seed: int,
    state: TrainingState | None = None,
    seconds_between_states: float = math.inf,
    ranks: Ranks = ALONE,
) -> Iterator[tuple[EpochRecord | None, TrainingState]]:
    """Train until every given label is fitted, or for `max_steps`; yields a record and the state after each epoch, or
    after every `epochs_per_record` of them and the last.

    Arguments:
        model: the network, on the device of `data`; it is changed in place.
        seed: the seed of the order of samples, of augmentation and of stochastic layers.
        state: a state that was yielded before, to go on from.
        seconds_between_states: between records it also yields None and the state, about as often: what is then lost by
            a kill. It changes nothing else.
        ranks: that train together; all of them yield the same.

    The yielded state refers to the live tensors: save it before asking for more.
    Raises FloatingPointError if the loss is no longer finite, ValueError for a configuration without learning rate, and
    for augmentation without stored images.
    """
    if config.augmentation != "none":  # a missing requirement is named now, not after the first evaluation
        next(data.train_source.batches([], config.augmentation, torch.zeros(0, 5)), None)
    stepper = chosen_stepper(model, config, seed, ranks, data)
    start = time.perf_counter() - (state.seconds if state else 0.0)

    def live(state: TrainingState, **changes: Any) -> TrainingState:
        network, optimizer = model.state_dict(), stepper.optimizer.state_dict()
        return replace(state, model=network, optimizer=optimizer, seconds=time.perf_counter() - start, **changes)

    def observe(state: TrainingState) -> tuple[EpochRecord, TrainingState]:
        if config.batch_norm == "local":
            ranks.copy_buffers(model)
        with precision(config, data.train_labels.device):
            on_test = predict(model, data.test_source, data.test_labels, ranks)
            on_train = None
            whole = state.epoch % config.epochs_per_train_evaluation == 0 or state.step >= config.max_steps
            if whole or not misses_a_label(model, data, ranks):
                on_train = predict(model, data.train_source, data.train_labels, ranks)
        online = state.online if state.epoch else None
        size = stepper.largest_step_size(state.step)
        record = epoch_record(on_train, on_test, data, state.epoch, state.step, size, start, online)
        split, loss = ("test", record.test_loss) if record.train_loss is None else ("training", record.train_loss)
        if state.epoch and not math.isfinite(loss):
            raise diverged(f"the {split} loss", loss, state.epoch, config)
        return record, live(state, online=Online(0, 0), recorded=state.epoch, fitted=record.fitted)

    if state is None:
        record, state = observe(TrainingState(model.state_dict(), stepper.optimizer.state_dict()))
        yield record, state
    else:
        model.load_state_dict(state.model)
        stepper.optimizer.load_state_dict(state.optimizer)
    pace, yielded = _Pace.first(seconds_between_states), time.perf_counter()
    while state.goes_on(config):
        batches = Batches(data, config, seed, state.epoch + 1, ranks)
        images = stepper.over(batches, state.batches)
        while state.batches < len(batches):
            begun = time.perf_counter()
            steps = min(ranks.agree(pace.steps), len(batches) - state.batches)
            online = state.online + stepper.take(images, steps, state.step)
            seconds = time.perf_counter() - begun
            pace = pace.after(steps, seconds)
            state = live(
                state,
                step=state.step + steps,
                batches=state.batches + steps,
                online=online,
                training_seconds=state.training_seconds + seconds,
            )
            if state.batches < len(batches):
                yield None, state
        state = live(state, epoch=state.epoch + 1, batches=0)
        if state.epoch % config.epochs_per_record and state.goes_on(config):
            state = replace(state, online=Online(0, 0))
            if time.perf_counter() - yielded > seconds_between_states:
                yielded = time.perf_counter()
                yield None, state
        else:
            record, state = observe(state)
            yield record, state


@dataclass(frozen=True)
class _Pace:
    """The number of steps before the next state: about as many as the time between states allows. The number is agreed
    in advance, so that all ranks stop at the same step. It starts at 1 and at most doubles, since the first steps are
    slower than those that follow.
    """

    seconds: float
    steps: int

    @staticmethod
    def first(seconds: float) -> "_Pace":
        """Begin with this many seconds between states."""
        return _Pace(seconds, 1 if seconds < math.inf else sys.maxsize)

    def after(self, steps: int, seconds: float) -> "_Pace":
        """The next pace, after this many steps took this many seconds."""
        if self.seconds == math.inf:
            return self
        rate = steps / max(seconds, 1e-9)
        return _Pace(self.seconds, max(1, min(2 * steps, int(rate * self.seconds))))
