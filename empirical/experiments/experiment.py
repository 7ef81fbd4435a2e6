"""What a named experiment is."""

from collections.abc import Callable
from dataclasses import dataclass

from empirical.datasets import ImageDataset
from empirical.experiments.settings import Settings
from empirical.runs.config import RunConfig
from empirical.runs.records import Run


@dataclass(frozen=True)
class Experiment:
    """A named experiment: what it shows, the runs that show it, its data set, centre crop, and the size of a folder's
    images.

    Where the next runs depend on the results of earlier runs, `follow` plans them from the finished runs: none at the
    end. `takes` names the user's settings that this experiment uses, beside the settings that all experiments use.
    """

    name: str
    description: str
    plan: Callable[[ImageDataset, Settings], list[RunConfig]]
    data: str = "digits"
    crop: int | None = 28
    image_size: int = 32
    follow: Callable[[ImageDataset, Settings, list[Run]], list[RunConfig]] | None = None
    takes: tuple[str, ...] = ("model", "training", "crop")
