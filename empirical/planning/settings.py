"""What a user states for a plan: part of the command line."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from theory.common.plain_numbers import plain_numbers


@plain_numbers
@dataclass(frozen=True)
class PlanSettings:
    """The size of a full run, and how it is measured."""

    train_images: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Plan for this many training images, whatever the size of a sample here; 1281167 for ImageNet."""

    test_images: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Plan for this many test images; 50000 for ImageNet."""

    seconds: float = 15.0
    """Measure each network for about this many seconds."""

    record: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None
    """Write all that was measured and counted; `python -m benchmarks.scaling` goes on from there to other machines."""

    def __post_init__(self) -> None:
        for name in ("train_images", "test_images", "seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"--plan.{name.replace('_', '-')} must be positive, got {value:g}")
