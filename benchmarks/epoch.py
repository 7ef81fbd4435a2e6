"""An epoch of the training loop beside its bare matrix products, in one run: `python -m benchmarks.epoch`.

On random tensors of CIFAR-10's size (or --n samples of it) and the paper's MLP 1x512. The bare products are those that
an epoch cannot do without: for every batch, each layer's forward product, its weight gradient and, but for the first
layer, its input gradient; for the evaluation, each layer's forward product over the training and test sets. Both
are timed in turn, several times; what is printed are medians and the ratio of each pair.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch

from empirical.models import build_model
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.loop import train


def bare_training(n: int, batch: int, sizes: list[int]) -> None:
    """Compute the products of an epoch's steps into buffers made once."""
    inputs = [torch.randn(batch, size) for size in sizes]
    weights = [torch.randn(b, a) for a, b in itertools.pairwise(sizes)]
    weight_gradients = [torch.empty_like(weight) for weight in weights]
    outputs = [torch.empty(batch, size) for size in sizes]
    for _ in range(n // batch):
        for layer, weight in enumerate(weights):
            torch.mm(inputs[layer], weight.T, out=outputs[layer + 1])
        for layer in reversed(range(len(weights))):
            torch.mm(inputs[layer + 1].T, inputs[layer], out=weight_gradients[layer])
            if layer > 0:
                torch.mm(inputs[layer + 1], weights[layer], out=outputs[layer])


def bare_evaluation(n: int, sizes: list[int], batch: int = 2048) -> None:
    """Compute the forward products of evaluating n samples."""
    inputs = [torch.randn(batch, size) for size in sizes]
    weights = [torch.randn(b, a) for a, b in itertools.pairwise(sizes)]
    outputs = [torch.empty(batch, size) for size in sizes]
    for _ in range(n // batch):
        for layer, weight in enumerate(weights):
            torch.mm(inputs[layer], weight.T, out=outputs[layer + 1])


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Time the epoch and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=50_000, help="training samples")
    parser.add_argument("--epochs", type=int, default=7, help="timed epochs")
    options = parser.parse_args()
    n, n_test, sizes = options.n, options.n // 5, [2352, 512, 10]
    # So small a step that nothing is fitted: the loop would stop.
    config = TrainingConfig(learning_rate=1e-6, max_steps=(options.epochs + 1) * -(-n // 128))
    images, labels = torch.randn(n, 3, 28, 28), torch.randint(0, 10, (n,))
    data = ResidentData(images, labels, labels, images[:n_test], labels[:n_test])
    loop = train(build_model("mlp-1x512", (3, 28, 28), 10, seed=0), data, config, seed=0)
    next(loop)  # epoch 0: evaluation only
    next(loop)  # warm-up
    bare_training(n, 128, sizes)
    ours, bare = [], []
    for _ in range(options.epochs):
        ours.append(seconds(lambda: next(loop)))
        bare.append(seconds(lambda: bare_training(n, 128, sizes)) + seconds(lambda: bare_evaluation(n + n_test, sizes)))
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(f"MLP 1x512, {n:,} + {n_test:,} samples of 3 x 28 x 28, batch 128, {torch.get_num_threads()} threads,")
    print(f"torch {torch.__version__}, medians of {options.epochs} epochs (training and evaluation):")
    print(f"  ours           {statistics.median(ours):.2f} s")
    print(f"  bare products  {statistics.median(bare):.2f} s")
    print(f"  ratio          {statistics.median(ratios):.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
