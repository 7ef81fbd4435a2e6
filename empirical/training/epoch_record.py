"""The record of an epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """The network after an epoch, evaluated as it stands over whole splits; epoch 0 is before training.

    Accuracies are fractions: on the labels given, on the clean ones, and on the given labels of the samples whose
    label was changed and was not (None where there are none). Losses are mean cross-entropies in nats. What is about
    the training split is None where the network was seen to miss a label and not evaluated on the rest
    (`TrainingConfig.epochs_per_train_evaluation`). `seconds` is the time of training and evaluation so far, over
    interruptions. `online_accuracy` and `online_loss` are other things: of the epoch's samples, augmented if they
    are, at the moment the network was trained on them, which was changing from batch to batch, with dropout on and
    batch norm by each batch's own moments. None before training. `test_hits` says which test images the network gets
    right (`empirical.outcome.encode_hits`); records from before it was kept have None.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float | None
    train_accuracy: float | None
    train_accuracy_clean_labels: float | None
    train_accuracy_changed: float | None
    train_accuracy_unchanged: float | None
    test_loss: float
    test_accuracy: float
    seconds: float
    online_accuracy: float | None = None
    online_loss: float | None = None
    test_hits: str | None = None

    @property
    def fitted(self) -> bool:
        """Whether the network reproduces every given training label."""
        return self.train_accuracy == 1.0
