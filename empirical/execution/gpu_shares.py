"""The GPUs of this machine, dealt out to the processes of a sweep."""

import os
from collections.abc import Mapping

RUNS_PER_GPU = 3
"""The number of processes that share a GPU by default: the paper's networks are small, a step of a single network
leaves most of a GPU idle, and every process takes half a gigabyte for itself. This number is not measured on a GPU
yet."""


class GpuShares:
    """The assignment of processes to GPUs. A process sees its own GPU alone, as `cuda:0`."""

    def __init__(self, gpus: list[str]):
        """Share these GPUs, given by number or identifier; without any, processes see what the launcher sees."""
        self._runs: dict[str, set[str]] = {gpu: set() for gpu in gpus}

    @property
    def processes(self) -> int | None:
        """The number of processes that all GPUs serve together; None without GPUs."""
        return RUNS_PER_GPU * len(self._runs) or None

    def take(self, run: str) -> dict[str, str]:
        """Give a run, or a worker, the GPU with the fewest processes: returns what to add to the environment of its
        process."""
        if not self._runs:
            return {}
        gpu = min(self._runs, key=lambda gpu: len(self._runs[gpu]))
        self._runs[gpu].add(run)
        return {"CUDA_VISIBLE_DEVICES": gpu}

    def give_back(self, run: str) -> None:
        """Take back the share of a run that has ended."""
        for runs in self._runs.values():
            runs.discard(run)


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        import torch

        return [str(number) for number in range(torch.cuda.device_count())]
    return [gpu.strip() for gpu in named.split(",") if gpu.strip()]
