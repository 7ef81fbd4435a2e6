"""Training speed beside its peers, in one run: `python -m benchmarks.training [--networks ...] [--images N]`.

For each network, images per second of an epoch's training, evaluation apart, batch 128, SGD with momentum:

ours        the training loop of `empirical.training.loop` on resident images
standard    a PyTorch program as tutorials have it: a Dataset of PIL images, torchvision's transforms for each sample,
            a DataLoader with as many workers as cores, kept from epoch to epoch, and on a GPU pinned memory, from
            which batches are copied while the GPU works (needs torchvision)
bare        forward, loss, backward and step on one and the same batch, again and again: what no loop can do without

Random images in CIFAR-10's shape, cropped to 28 x 28, or of 79 x 79 pixels, cropped to 75 x 75, for Inception V3, which
takes none smaller: none of the three depends on what is in them. The three are timed in turn, several times over;
printed are medians, and medians of the ratios of each turn with the least and the greatest of them.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.datasets import ImageDataset, ImageSplit
from empirical.models import build_model
from empirical.randomization import Randomization, randomize
from empirical.runs.preparation import resident_data
from empirical.training.config import TrainingConfig
from empirical.training.loop import train

_BATCH = 128
_NETWORKS = {
    "mlp-1x512": 20_000,
    "mlp-3x512": 20_000,
    "alexnet": 1_280,
    "inception": 256,
    "inception-no-bn": 256,
    "wide-resnet-28-1": 256,
    "inception-v3": 256,
}
"""Images an epoch on a CPU: seconds of work. A GPU takes an epoch of the paper, lest its start be all that is timed."""

_ON_A_GPU = 50_000


def side(name: str) -> int:
    """Pixels a side of the images that a network is given."""
    return 75 if name == "inception-v3" else 28


def random_images(n: int, side: int) -> ImageDataset:
    """n training images, of four pixels a side more than are used, and a few test images, which do not matter here."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, 3, side + 4, side + 4), dtype=np.uint8)
    labels = random.integers(0, 10, n)
    return ImageDataset("random", ImageSplit(images, labels), ImageSplit(images[:8], labels[:8]), (*"abcdefghij",), "")


def network(name: str, device: str) -> tuple[nn.Module, torch.memory_format]:
    """A network as `empirical.execution.execute` has it: channels_last if it is convolutional."""
    model = build_model(name, (3, side(name), side(name)), 10, seed=0)
    convolutional = any(isinstance(module, nn.Conv2d) for module in model.modules())
    memory_format = torch.channels_last if convolutional else torch.contiguous_format
    return model.to(device).to(memory_format=memory_format), memory_format


def sgd(model: nn.Module) -> torch.optim.SGD:
    """The configuration, with so small a step that nothing is fitted: a fit would stop the loop."""
    return torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, fused=True)


def ours(name: str, dataset: ImageDataset, device: str) -> Callable[[], float]:
    """Seconds of our loop's next epoch, without evaluation."""
    model, memory_format = network(name, device)
    data = resident_data(randomize(dataset, Randomization(), 0), side(name), device, memory_format=memory_format)
    loop = train(model, data, TrainingConfig(learning_rate=1e-6, max_steps=10**9), seed=0)
    _, state = next(loop)
    seconds = [state.training_seconds]

    def epoch() -> float:
        seconds.append(next(loop)[1].training_seconds)
        return float(seconds[-1] - seconds[-2])

    return epoch


def standard(name: str, dataset: ImageDataset, device: str) -> Callable[[], float]:
    """Seconds of an epoch of the standard program."""
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    class Images(Dataset[Any]):
        def __init__(self) -> None:
            self.images = dataset.train.images.transpose(0, 2, 3, 1)
            self.transform = transforms.Compose(
                [
                    transforms.CenterCrop(side(name)),
                    transforms.ToTensor(),
                    transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
                ]
            )

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return self.transform(Image.fromarray(self.images[index])), int(dataset.train.labels[index])

    model, _ = network(name, device)
    optimizer = sgd(model)
    loader = DataLoader(
        Images(),
        batch_size=_BATCH,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
        pin_memory=device == "cuda",
        persistent_workers=True,
    )

    def epoch() -> float:
        model.train()
        start = time.perf_counter()
        for images, labels in loader:
            step(model, optimizer, images.to(device, non_blocking=True), labels.to(device, non_blocking=True))
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return epoch


def bare(name: str, n: int, device: str) -> Callable[[], float]:
    """Seconds of as many steps as an epoch has, on one batch."""
    model, memory_format = network(name, device)
    optimizer = sgd(model)
    images = torch.randn(_BATCH, 3, side(name), side(name), device=device).contiguous(memory_format=memory_format)
    labels = torch.randint(0, 10, (_BATCH,), device=device)

    def epoch() -> float:
        model.train()
        start = time.perf_counter()
        for _ in range(n // _BATCH):
            step(model, optimizer, images, labels)
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return epoch


def step(model: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Forward, loss, backward, step."""
    loss = functional.cross_entropy(model(images), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(_NETWORKS), help="names of networks")
    parser.add_argument("--images", type=int, help="images an epoch; by default what a few seconds allow")
    parser.add_argument("--turns", type=int, default=5, help="timed epochs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = options.device
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = False, True  # in all three as our loop has it
    name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {name}; images per second of training, batch {_BATCH}, float32,")
    print(f"medians of {options.turns} epochs in turn")
    print(f"{'network':<17}{'ours':>9}{'standard':>10}{'bare':>9}{'ours/standard':>21}{'ours/bare':>21}")
    for network_name in options.networks:
        by_default = _ON_A_GPU if device == "cuda" else _NETWORKS.get(network_name, 1_280)
        n = (options.images or by_default) // _BATCH * _BATCH
        dataset = random_images(n, side(network_name))
        programs = [ours(network_name, dataset, device), bare(network_name, n, device)]
        try:
            programs.append(standard(network_name, dataset, device))
        except ImportError:
            print("  (no torchvision here: the standard program is left out)")
        for program in programs:
            program()  # warm-up
        turns = [[n / program() for program in programs] for _ in range(options.turns)]
        rates = [statistics.median(column) for column in zip(*turns, strict=True)]
        to_bare = spread([turn[0] / turn[1] for turn in turns])
        to_standard = spread([turn[0] / turn[2] for turn in turns]) if len(rates) > 2 else "-"
        other = f"{rates[2]:.0f}" if len(rates) > 2 else "-"
        print(
            f"{network_name:<17}{rates[0]:>9.0f}{other:>10}{rates[1]:>9.0f}{to_standard:>21}{to_bare:>21}", flush=True
        )


def spread(ratios: list[float]) -> str:
    """Their median, and between which they are."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


if __name__ == "__main__":
    main()
