"""One run over several processes, the ranks that torchrun starts: gloo between CPUs, NCCL between GPUs.

An experiment is the same whatever the number of ranks. Its batch is the global one, of which each rank trains on a
share; every rank holds the whole network, and torch's DistributedDataParallel adds up the gradients. The first rank
alone writes records; what it decides it tells the others.

Ranks that hear nothing from each other for a time-out (a cut network, a process that hangs) end with an error that says
so; torchrun's `--max-restarts` begins them all again from the last checkpoint, and so does the same command later.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from inspect import signature
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from empirical.training.torchrun import launched

_OF_BUFFERS = "forward_sync_buffers"  # since torch 2.14; "broadcast_buffers" before
if _OF_BUFFERS not in signature(DistributedDataParallel).parameters:
    _OF_BUFFERS = "broadcast_buffers"
BUFFERS_STAY: dict[str, Any] = {_OF_BUFFERS: False}
"""For `DistributedDataParallel`: a step copies no buffers from the first rank to the others."""

_LONGEST_TURN = timedelta(days=30)
"""The ranks wait this long for the first rank to finish what it does alone."""


class LostRankError(RuntimeError):
    """Raised where the ranks do not hear from each other."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """This process among the processes that train one network together; by default there is no other.

    Attributes:
        rank: its number, from 0.
        count: the number of ranks.
        device: where its tensors are: cpu, or cuda for its own GPU.
        turns: the group of processes in which the first rank announces what comes next.
    """

    rank: int = 0
    count: int = 1
    device: str = "cpu"
    turns: Any = None

    @property
    def first(self) -> bool:
        """Whether this rank is the first, which writes and decides."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """This rank's part of n samples: the parts together contain each sample once, and their sizes differ by at most
        1."""
        return slice(n * self.rank // self.count, n * (self.rank + 1) // self.count)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Replace a tensor by its sum over ranks."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def agree(self, value: int) -> int:
        """Return the first rank's value on every rank."""
        if self.count == 1:
            return value
        agreed = torch.tensor(value, device=self.device)
        distributed.broadcast(agreed, src=0)
        return int(agreed)

    def tell(self, message: Any) -> Any:
        """Return the first rank's message, for which the other ranks wait as long as it takes."""
        if self.count == 1:
            return message
        box = [message]
        distributed.broadcast_object_list(box, src=0, group=self.turns)
        return box[0]

    def wrap(self, model: nn.Module, *, some_unused: bool) -> nn.Module:
        """Wrap a network so that its gradients are averages over ranks.

        Arguments:
            model: the same on every rank.
            some_unused: whether some parameters take no part in the output; these stay as they are.
        """
        if self.count == 1:
            return model
        return DistributedDataParallel(
            model,
            **BUFFERS_STAY,  # batch norm's are equal by themselves, or the first rank's count (copy_buffers)
            find_unused_parameters=some_unused,
            static_graph=not some_unused,
            gradient_as_bucket_view=True,
        )

    def copy_buffers(self, model: nn.Module) -> None:
        """Give every rank the first rank's buffers."""
        if self.count > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, src=0)


ALONE = Ranks()
"""A process that trains by itself."""


@contextmanager
def joined_ranks(device: str, timeout: float) -> Iterator[Ranks]:
    """Join the other processes, if there are any, for the time of the block.

    Arguments:
        device: cpu or cuda.
        timeout: seconds after which a rank that hears nothing from the others gives up.

    Raises LostRankError if the processes do not all come together, or lose each other within the block.
    """
    if not launched():
        yield Ranks(device=device)
        return
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        backend = "nccl" if device == "cuda" else "gloo"
        # torchrun's restarted processes meet in the store of those that died: their addresses must not be found there.
        store, *_ = next(rendezvous("env://", timeout=timedelta(seconds=timeout)))
        attempt = f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        distributed.init_process_group(
            backend,
            store=distributed.PrefixStore(attempt, store),  # type: ignore[attr-defined]
            rank=rank,
            world_size=count,
            timeout=timedelta(seconds=timeout),
        )
        turns = distributed.new_group(backend="gloo", timeout=_LONGEST_TURN)
        yield Ranks(rank, count, device, turns)
    except RuntimeError as error:
        if not _of_communication(error):
            raise
        raise LostRankError(
            f"rank {rank} of {count} lost the other ranks: one of them ended, or nothing was heard for {timeout:g} s "
            "(--network-timeout): it hangs, or the network between them is cut. The same command goes on from the last "
            f"checkpoint. ({_first_line(error)})"
        ) from error
    else:
        distributed.destroy_process_group()


def _of_communication(error: RuntimeError) -> bool:
    """Whether an error is about the connection of ranks; gloo's errors have no type of their own."""
    return isinstance(error, distributed.DistError) or any(
        word in str(error).lower() for word in ("gloo", "nccl", "connection closed by peer", "connection reset")
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
