r"""The order of learning (Arpit et al. 2017): a network looked at along training on partly corrupted labels.

After epochs 0, 1, 2, 3, 4, 5, 7, 9, ... in about equal ratios, and after the last, a look counts

- the training images whose label was left as it was, and how many of them are given that label;
- the images whose label was changed, and how many are given the new label, and how many the label from before;
- the test images that are classified rightly;
- the *critical samples* among the first test images: those with another predicted class within a small box around them,
  found by a search (`theory.memorisation.critical_samples`). The images are the network's inputs, each whitened to
  deviation 1, so that the box's radius is in standard deviations of an image's pixels.

The network is the one that the main job trains of the same hyper-parameters and seed, to the bit.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from empirical.outcome import encode_hits
from empirical.randomization import RandomizedDataset
from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.config import RunConfig
from empirical.runs.preparation import prepare
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import OrderConfig
from empirical.training.data import ResidentData
from empirical.training.evaluation import predict
from empirical.training.loop import train
from empirical.training.state import TrainingState
from theory.common.tensor_files import load_tensors, save_tensors
from theory.memorisation import find_critical_samples


def measure_order(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """The looks along training; each is a part, with the training that leads to it.

    Returns the `looks`, the numbers of `unchanged` and `changed` training labels, the number of test images `searched`
    for critical samples, and whether the network has `fitted` every label in the end.
    """
    course = _Course(config, randomized, parts.directory)
    parts.total = _estimated_looks(config, len(course.data.train_labels))
    names: list[str] = []
    try:
        looks = _looks(course, parts, names)
    except _LostStateError as error:
        print(f"{error}: training begins again", file=sys.stderr)
        for name in names:
            parts.forget(name)
        looks = _looks(_Course(config, randomized, parts.directory), parts, [])
    changed = int(course.changed.sum())
    return {
        "unchanged": len(course.changed) - changed,
        "changed": changed,
        "searched": len(course.searched),
        "fitted": looks[-1]["unchanged_right"] + looks[-1]["changed_given"] == len(course.changed),
        "looks": looks,
    }


def _looks(course: "_Course", parts: Parts, names: list[str]) -> list[dict[str, Any]]:
    """All looks; the names of the parts that were asked for are added to `names`."""
    looks: list[dict[str, Any]] = []
    begin = None
    for epoch in look_epochs(course.study.ratio):
        names.append(f"training to epoch {epoch:,}")
        part = parts.in_steps(names[-1], partial(course.advance, begin, epoch))
        course.forget(begin)
        looks.append(part["look"])
        if part["ended"]:
            break
        begin = epoch
    return looks


def look_epochs(ratio: float) -> Iterator[int]:
    """0, 1, and on: each epoch the least that is at least one more, and `ratio` times, the one before."""
    epoch = 0
    while True:
        yield epoch
        epoch = max(epoch + 1, int(ratio * epoch))


def _estimated_looks(config: RunConfig, n: int) -> int:
    """The looks until the limit of steps."""
    training = config.hyper_parameters
    most = -(-training.max_steps // -(-n // training.batch_size))
    epochs = look_epochs(config.study_of(OrderConfig).ratio)
    return next(count for count, epoch in enumerate(epochs, start=1) if epoch >= most)


class _LostStateError(ValueError):
    """The state of training that is not there as it was saved."""


class _Course:
    """Training from one look to the next. The state after each look lies in the directory until the next is done."""

    def __init__(self, config: RunConfig, randomized: RandomizedDataset, directory: Path):
        self.config, self.directory, self.study = config, directory, config.study_of(OrderConfig)
        self.network: nn.Module
        self.data: ResidentData
        self.network, self.data = prepare(config, randomized)
        self.changed = self.data.train_labels != self.data.clean_labels
        self.searched = self.data.test_images[: self.study.images]

    def advance(self, begin: int | None, stop: int, kept: PartState) -> dict[str, Any]:
        """Train from the look at epoch `begin`, or from the start, to epoch `stop` or the end, and look.

        With several epochs between records of training it goes on to the next record.
        """
        training = self.config.hyper_parameters
        saved = kept.load()
        state = TrainingState.of(saved) if saved else None if begin is None else self._saved(begin)
        first = state.epoch if state else 0
        for record, reached in train(
            self.network, self.data, training, self.config.seed, state, checkpoint_interval(0.0)
        ):
            state = reached
            if record and state.epoch >= stop:
                break
            kept.offer(min(1.0, (state.epoch - first) / max(1, stop - first)), state.content)
        assert state is not None, "training yields at least the untrained network"
        look = self._look(state)
        save_tensors(self._file(stop), state.content())
        return {"look": look, "ended": not state.goes_on(training)}

    def forget(self, epoch: int | None) -> None:
        """Remove the state after a look that is no longer needed."""
        if epoch is not None:
            self._file(epoch).unlink(missing_ok=True)

    def _look(self, state: TrainingState) -> dict[str, Any]:
        data = self.data
        on_train = predict(self.network, data.train_source, data.train_labels)
        on_test = predict(self.network, data.test_source, data.test_labels)
        new_hits, old_hits = on_train.classes == data.train_labels, on_train.classes == data.clean_labels
        critical = find_critical_samples(
            self.network, self.searched, self.study.radius, steps=self.study.search_steps, seed=self.config.seed
        )
        hits = (on_test.classes == data.test_labels).cpu().numpy()
        return {
            "epoch": state.epoch,
            "step": state.step,
            "train_loss": on_train.loss,
            "unchanged_right": int(new_hits[~self.changed].sum()),
            "changed_given": int(new_hits[self.changed].sum()),
            "changed_true": int(old_hits[self.changed].sum()),
            "test_accuracy": float(hits.mean()),
            "test_hits": encode_hits(hits),
            "critical": encode_hits(critical.cpu().numpy()),
        }

    def _saved(self, epoch: int) -> TrainingState:
        path = self._file(epoch)
        try:
            state = TrainingState.of(load_tensors(path))
        except (OSError, ValueError) as error:
            raise _LostStateError(str(error)) from error
        if state.epoch < epoch:
            raise _LostStateError(f"{path} holds the state of another epoch than {epoch:,}")
        return state

    def _file(self, epoch: int) -> Path:
        return self.directory / f"state-{epoch}.pt"
