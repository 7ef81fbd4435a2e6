"""Networks and data as a run has them, and losses step by step."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from empirical.datasets import ImageDataset, load
from empirical.models import build_model
from empirical.randomization import parse_test, randomize
from empirical.runs.preparation import resident_data
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData, TrainingData
from empirical.training.loop import train
from empirical.training.state import TrainingState

CROP, CLASSES = 28, 10


@dataclass(frozen=True)
class Setting:
    """The setting of every check.

    Attributes:
        device: cuda, or cpu for a rehearsal.
        tiny: a few images and steps: whether the program works, and nothing else.
        data, data_root: names of a data set and its folder, for commands.
        dataset: the same, read.
        out: folder of all that is written.
        precision: the precision of the tables' runs.
        processes: that share the GPU then.
    """

    device: torch.device
    tiny: bool
    data: str
    data_root: Path
    dataset: ImageDataset
    out: Path
    precision: str
    processes: int

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU."""
        return self.device.type == "cuda"

    @property
    def batch(self) -> int:
        """The number of samples in a step of the comparisons."""
        return 16 if self.tiny else 64

    @property
    def networks(self) -> list[str]:
        """The networks that are compared and timed."""
        if self.tiny:
            return ["mlp-1x512", "alexnet"]
        return ["mlp-1x512", "mlp-3x512", "alexnet", "inception", "inception-no-bn", "wide-resnet-28-1"]

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.cuda:
            torch.cuda.synchronize()


def images_here(root: Path, tiny: bool, out: Path) -> tuple[str, Path, ImageDataset]:
    """CIFAR-10 if it is there, else made-up images in its shape, as a folder of PNGs: name, folder, data."""
    if (root / "cifar-10-batches-bin").is_dir():
        return "cifar10", root, load("cifar10", root)
    folder = out / "made-up-images"
    if not folder.is_dir():
        random = np.random.default_rng(0)
        for split, images in (("train", 20 if tiny else 320), ("test", 6 if tiny else 110)):
            for number in range(CLASSES * images):
                path = folder / split / "abcdefghij"[number % CLASSES] / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    print(f"no CIFAR-10 in {root}: made-up images take its place", flush=True)
    return "folder", folder, load("folder", folder, image_size=32)


def prepared(
    name: str, setting: Setting, device: torch.device | str, n: int, m: int, *, augmented: bool = False
) -> tuple[nn.Module, ResidentData]:
    """A network and the first n and m images with random labels, as `empirical.runs.preparation` has them."""
    model = build_model(name, (3, CROP, CROP), CLASSES, seed=0)
    convolutional = any(isinstance(module, nn.Conv2d) for module in model.modules())
    memory_format = torch.channels_last if convolutional else torch.contiguous_format
    randomized = randomize(setting.dataset.subset(n, m), parse_test("random-labels"), 0)
    data = resident_data(randomized, CROP, str(device), augmented=augmented, memory_format=memory_format)
    return model.to(device).to(memory_format=memory_format), data


def step_losses(
    model: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
    state: TrainingState | None = None,
    stop: int | None = None,
) -> tuple[list[float], TrainingState]:
    """The mean loss of every step of the first epoch, and the state after step `stop`, or the last."""
    losses: list[float] = []
    before = state.online.nanos if state else 0
    for record, now in train(model, data, config, 0, state, seconds_between_states=0.0):
        state = now
        if record is None:
            losses.append((now.online.nanos - before) / 1e9 / config.batch_size)
            before = now.online.nanos
            if stop and len(losses) >= stop:
                break
    assert state is not None, "training yields at least the untrained network"
    return losses, state


def saved(state: TrainingState) -> TrainingState:
    """The state after writing and reading a checkpoint."""
    file = io.BytesIO()
    torch.save(state.content(), file)
    file.seek(0)
    return TrainingState.of(torch.load(file, map_location="cpu", weights_only=True))


def weights(model: nn.Module) -> torch.Tensor:
    """All parameters as one vector, float64 on the CPU."""
    return torch.cat([parameter.detach().double().cpu().reshape(-1) for parameter in model.parameters()])
