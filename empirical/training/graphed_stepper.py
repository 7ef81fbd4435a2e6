"""Steps as one CUDA graph each: the operations of `stepper`, started together, without the host.

A step of a small network takes a GPU less time than it takes Python to start its dozens of operations. Recorded once,
they are started by one call: picking the batch out of the images, augmentation, forward, backward, update, and the
sums for the record. All that changes from step to step lies in tensors at fixed places: the epoch's order, the number
of the batch, the step size, the draws of augmentation. The operations are the same ones, and so are the results.

The first steps of a process are taken one operation at a time: they make the optimiser's buffers, which a graph takes
as they are. So is the smaller last batch of an epoch.

This has never run on a GPU. On a CPU the same body runs unrecorded, and has the bits of `Stepper`
(`tests/empirical/training/test_graphed_stepper.py`); `python -m benchmarks.gpu` compares the two on a GPU.
"""

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.data import TrainingData
from empirical.training.distributed import ALONE, Ranks
from empirical.training.evaluation import Online
from empirical.training.image_source import ResidentImages
from empirical.training.random_state import forked_rng
from empirical.training.stepper import Stepper

_FIRST_STEPS = 3
"""The steps that are taken before one is recorded, as torch asks: libraries choose their methods and allocate memory in
them."""


def chosen_stepper(model: nn.Module, config: TrainingConfig, seed: int, ranks: Ranks, data: TrainingData) -> Stepper:
    """The stepper of a run. Raises ValueError where graphed steps are asked for and impossible."""
    if not config.graphed:
        return Stepper(model, config, seed, ranks, data)
    if data.train_labels.device.type != "cuda" or ranks.count > 1 or not isinstance(data.train_source, ResidentImages):
        raise ValueError(
            "graphed (--training.graphed) needs a GPU of its own, with the images in its memory: leave it out on a "
            "CPU, under torchrun, and where images are streamed"
        )
    return GraphedStepper(model, config, seed, data)


class GraphedStepper(Stepper):
    """A `Stepper` of one rank, for SGD on resident images. On a CPU the same steps are taken without a graph."""

    def __init__(self, model: nn.Module, config: TrainingConfig, seed: int, data: TrainingData):
        super().__init__(model, config, seed, ALONE, data)
        n, device, size = len(data.train_labels), self._device, config.batch_size
        self._data = data
        self._order = torch.zeros(n, dtype=torch.int64, device=device)
        self._numbers = torch.zeros(n, 5, device=device) if config.augmentation != "none" else None
        self._places = torch.arange(size, device=device)
        self._batch = torch.zeros((), dtype=torch.int64, device=device)
        self._rate = torch.zeros((), device=device)
        self._hits = torch.zeros((), dtype=torch.int64, device=device)
        self._losses = torch.zeros(-(-n // size), device=device)
        self._steps_taken = 0
        self._replay: Callable[[], None] | None = None

    def over(self, batches: Batches, at: int) -> Iterator[int]:
        """The sizes of an epoch's batches from number `at` on; their samples are put where the graph looks for them."""
        self._order.copy_(batches.order)
        if self._numbers is not None and batches.numbers is not None:
            self._numbers.copy_(batches.numbers)
        self._batch.fill_(at)
        return iter(batches.sizes[at:])

    def take(self, batches: Iterator[int], steps: int, step: int) -> Online:
        """Train on this many batches; see `Stepper.take`."""
        self._model.train()
        self._hits.zero_()
        self._losses.zero_()
        first: torch.Tensor | int = self._batch.clone()
        for group in self.optimizer.param_groups:  # a state that was loaded has put a number there
            group["lr"] = self._rate
        with forked_rng(self._device), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            for number in range(step, step + steps):
                size = next(batches)
                self._seed_layers(number, size)
                self._rate.fill_(self._step_size(number, self._config.step_size))
                if size < self._config.batch_size:
                    self._step(size)
                else:
                    self._whole_step()
        places = torch.arange(steps, device=self._device) + first
        return Online.sums(int(self._hits), self._losses.index_select(0, places).tolist())

    def _whole_step(self) -> None:
        size = self._config.batch_size
        if self._device.type != "cuda":
            self._step(size)
        elif self._steps_taken < _FIRST_STEPS:
            aside = torch.cuda.Stream()  # gradients made on the usual stream could not be recorded on another
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                self._step(size)
            torch.cuda.current_stream().wait_stream(aside)
            self._steps_taken += 1
        else:
            if self._replay is None:
                self._replay = self._recorded(size)
            self._replay()

    def _recorded(self, size: int) -> Callable[[], None]:
        """Record the step without carrying it out. Raises ValueError for a network that asks the host in between."""
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._step(size)
        except RuntimeError as error:
            raise ValueError(
                f"graphed (--training.graphed): a step of this network cannot be recorded, leave it out: {error}"
            ) from error
        replay: Callable[[], None] = graph.replay
        return replay

    def _step(self, size: int) -> None:
        """Take a whole step with tensors at fixed addresses."""
        samples = self._order.index_select(0, self._places[:size] + self._batch * self._config.batch_size)
        images = next(self._data.train_source.batches([samples], self._config.augmentation, self._numbers))
        right, loss = self._update(images, self._data.train_labels.index_select(0, samples), size)
        self._hits += right
        self._losses.index_copy_(0, self._batch.reshape(1), loss.reshape(1))
        self._batch += 1
