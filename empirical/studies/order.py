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

from collections.abc import Iterator
from itertools import islice
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
from empirical.training.optimization import precision
from empirical.training.state import TrainingState
from theory.memorisation import find_critical_samples


def measure_order(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """Train and look; the training is the one part.

    Returns the `looks`, the numbers of `unchanged` and `changed` training labels, the number of test images `searched`
    for critical samples, and whether the network has `fitted` every label in the end.
    """
    course = _Course(config, randomized)
    looks = parts.in_steps("training", course.looks)
    changed = int(course.changed.sum())
    return {
        "unchanged": len(course.changed) - changed,
        "changed": changed,
        "searched": len(course.searched),
        "fitted": looks[-1]["unchanged_right"] + looks[-1]["changed_given"] == len(course.changed),
        "looks": looks,
    }


def look_epochs(ratio: float) -> Iterator[int]:
    """0, 1, and on: each epoch the least that is at least one more, and `ratio` times, the one before."""
    epoch = 0
    while True:
        yield epoch
        epoch = max(epoch + 1, int(ratio * epoch))


class _Course:
    """Training, and what is seen of the network on the way."""

    def __init__(self, config: RunConfig, randomized: RandomizedDataset):
        self.config, self.study = config, config.study_of(OrderConfig)
        self.network: nn.Module
        self.data: ResidentData
        self.network, self.data = prepare(config, randomized)
        self.changed = self.data.train_labels != self.data.clean_labels
        self.searched = self.data.test_images[: self.study.images]

    def looks(self, kept: PartState) -> list[dict[str, Any]]:
        """Train to the end, and look at the epochs of `look_epochs` and at the last.

        With several epochs between records of training a look waits for the next record.
        """
        training = self.config.hyper_parameters
        saved = kept.load()
        state, looks = (TrainingState.of(saved), saved["looks"]) if saved else (None, [])
        due = islice(look_epochs(self.study.ratio), len(looks), None)
        following = next(due)

        def reached() -> dict[str, Any]:
            assert state is not None, "training yields at least the untrained network"
            return {**state.content(), "looks": looks}

        steps = train(self.network, self.data, training, self.config.seed, state, checkpoint_interval(0.0))
        for record, latest in steps:
            state = latest
            ended = not state.goes_on(training)
            if record and (state.epoch >= following or ended):
                looks.append(self._look(state))
                following = next(due)
            kept.offer(min(state.step / training.max_steps, 1.0), reached)
        return looks

    def _look(self, state: TrainingState) -> dict[str, Any]:
        data = self.data
        with precision(self.config.hyper_parameters, data.train_labels.device):
            on_train = predict(self.network, data.train_source, data.train_labels)
            on_test = predict(self.network, data.test_source, data.test_labels)
            critical = find_critical_samples(
                self.network, self.searched, self.study.radius, steps=self.study.search_steps, seed=self.config.seed
            )
        new_hits, old_hits = on_train.classes == data.train_labels, on_train.classes == data.clean_labels
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
