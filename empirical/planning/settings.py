"""What a user states for a plan: part of the command line."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from empirical.planning.scaling import Interconnect


@dataclass(frozen=True)
class PlanSettings:
    """Of plan: the size of a run in full, and the machines that are not at hand."""

    train_images: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Plan for so many training images, whatever a sample here has; 1281167 for ImageNet."""

    test_images: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """The same for test images; 50000 for ImageNet."""

    seconds: float = 15.0
    """Measure each network for about so long."""

    devices: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...")] = ()
    """Numbers of devices that share every batch: predict and simulate the time of an epoch on each."""

    bandwidth_gbps: float = 100.0
    """Of the interconnect, for each device: gigabits a second."""

    latency_us: float = 5.0
    """Of the interconnect, for each message: microseconds."""

    images_per_second: Annotated[float | None, tyro.conf.arg(metavar="R")] = None
    """Training rate of another device, in place of the one measured here."""

    overhead_ms: float = 0.0
    """Of that device: milliseconds of a step beside its images."""

    variation: float = 0.05
    """Coefficient of variation of a device's compute from step to step."""

    mtbf_hours: Annotated[float | None, tyro.conf.arg(metavar="HOURS")] = None
    """Mean time between failures of a device; none fails by default."""

    slots: Annotated[tuple[int, ...], tyro.conf.arg(metavar="K ...")] = ()
    """Numbers of machines, or shares of them, that each carry out one run of a sweep at a time: simulate it."""

    runs: int = 1000
    """Of the sweep: the planned ones again and again."""

    records: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of finished runs: the sweep's times are drawn from theirs, in place of the time to the limit."""

    preemptions_per_hour: float = 0.0
    """Of each slot while it works."""

    limit_hours: Annotated[float | None, tyro.conf.arg(metavar="HOURS")] = None
    """Time limit of an attempt at a run."""

    record: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None
    """Write all that was measured, stated and found; `python -m figures` draws a file called scaling.json."""

    def __post_init__(self) -> None:
        for name in (
            "train_images",
            "test_images",
            "seconds",
            "images_per_second",
            "runs",
            "mtbf_hours",
            "limit_hours",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"--plan.{name.replace('_', '-')} must be positive, got {value:g}")
        for name in ("overhead_ms", "variation", "preemptions_per_hour"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"--plan.{name.replace('_', '-')} must be at least 0, got {value:g}")
        for name in ("devices", "slots"):
            if min(getattr(self, name), default=1) < 1:
                raise ValueError(f"--plan.{name} are numbers from 1 on, got {' '.join(map(str, getattr(self, name)))}")
        _ = self.link

    @property
    def link(self) -> Interconnect:
        """The interconnect stated."""
        return Interconnect(self.bandwidth_gbps * 1e9 / 8, self.latency_us * 1e-6)
