"""Where a training run is: all that going on from here needs."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, fields
from typing import Any

import torch

from empirical.training.config import TrainingConfig
from empirical.training.evaluation import Online


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A run between two steps. The tensors are the live ones, which the next step changes.

    Attributes:
        model: the network's parameters and buffers by name.
        optimizer: the optimiser's own state, such as momentum.
        epoch: the epochs that are complete.
        step: the steps so far.
        batches: the batches taken of the epoch that has begun, 0 between epochs.
        online: the sums over these batches.
        recorded: the last epoch with a record.
        fitted: whether the network fitted every given label at that record.
        seconds: the run's time so far, evaluation included.
        training_seconds: the part of it that the steps took.
    """

    model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    epoch: int = 0
    step: int = 0
    batches: int = 0
    online: Online = field(default_factory=lambda: Online(0, 0))
    recorded: int = 0
    fitted: bool = False
    seconds: float = 0.0
    training_seconds: float = 0.0

    def goes_on(self, config: TrainingConfig) -> bool:
        """Whether to train on: a begun epoch is finished, and another follows until the stopping rule holds."""
        return self.batches > 0 or self.step < (config.min_steps if self.fitted else config.max_steps)

    def content(self) -> dict[str, Any]:
        """Tensors and plain numbers by name, as files hold them: they load with `weights_only=True`."""
        return {part.name: getattr(self, part.name) for part in fields(self)} | {"online": astuple(self.online)}

    @staticmethod
    def of(content: Mapping[str, Any]) -> "TrainingState":
        """The state with this content. Raises ValueError if a part is missing or not of its kind."""
        for name, kind in _KINDS.items():
            if not isinstance(content.get(name), kind):
                raise ValueError(f"the state has no {name}")
        parts = {name: content[name] for name in _KINDS}
        return TrainingState(**parts | {"online": Online(*content["online"])})


_KINDS: dict[str, type] = {"model": dict, "optimizer": dict, "online": tuple, "fitted": bool}
_KINDS |= {"seconds": float, "training_seconds": float}
_KINDS |= dict.fromkeys(("epoch", "step", "batches", "recorded"), int)
