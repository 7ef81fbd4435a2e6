"""The random numbers that torch draws by itself, as in dropout: a block that leaves their state as it was."""

from contextlib import AbstractContextManager

import torch


def forked_rng(device: torch.device) -> AbstractContextManager[None]:
    """Restore the generators of the CPU and of this device after the block. Other devices are left alone: torch's own
    function would look at every GPU, even for a run on a CPU, and take memory on each.
    """
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
