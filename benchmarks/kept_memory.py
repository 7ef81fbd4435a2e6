"""Training and evaluation with freed memory kept beside the C library's own way: `python -m benchmarks.kept_memory`.

For each network, images per second of the training loop's epoch and of evaluation, in one process that keeps what it
frees (`empirical.execution.kept_memory`) and in one that gives it back, as every PyTorch program does by default. The
two take turns; printed are medians of their rates, and of the ratios of each turn with the least and the greatest.
Batch 128; random images in CIFAR-10's shape, cropped to 28 x 28.
"""

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext

import torch

from benchmarks.training import network, ours, random_images, spread
from empirical.execution.kept_memory import kept_memory
from empirical.training.evaluation import evaluate

_NETWORKS = {"mlp-1x512": 20_000, "alexnet": 1_280, "inception": 256}
"""Images an epoch: seconds of work."""


def rates(name: str, n: int, *, kept: bool) -> tuple[float, float]:
    """Images per second of training and of evaluation, after a warm-up."""
    model, memory_format = network(name, "cpu")
    images = torch.randn(n, 3, 28, 28).contiguous(memory_format=memory_format)
    with kept_memory() if kept else nullcontext():
        epoch = ours(name, random_images(n, 28), "cpu")
        epoch()
        trained = n / epoch()
        model.eval()
        evaluate(model, images)
        begun = time.perf_counter()
        evaluate(model, images)
        return trained, n / (time.perf_counter() - begun)


def in_a_process(name: str, n: int, *, kept: bool) -> tuple[float, float]:
    """`rates` in a process of its own: the options of an allocator belong to a process."""
    arguments = [sys.executable, "-m", "benchmarks.kept_memory", "--networks", name, "--images", str(n), "--only"]
    done = subprocess.run([*arguments, "kept" if kept else "given-back"], capture_output=True, text=True, check=True)
    trained, evaluated = map(float, done.stdout.split())
    return trained, evaluated


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(_NETWORKS), help="names of networks")
    parser.add_argument("--images", type=int, help="images an epoch; by default what a few seconds allow")
    parser.add_argument("--turns", type=int, default=5, help="pairs of processes")
    parser.add_argument("--only", choices=("kept", "given-back"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(*rates(options.networks[0], options.images, kept=options.only == "kept"))
        return
    print(f"torch {torch.__version__}, CPU, {torch.get_num_threads()} threads; images per second, batch 128, float32,")
    print(f"medians of {options.turns} pairs of processes")
    print(f"{'network':<12}{'work':<12}{'kept':>9}{'given back':>12}{'ratio':>20}")
    for name in options.networks:
        n = options.images or _NETWORKS.get(name, 1_280)
        turns = [[in_a_process(name, n, kept=kept) for kept in (True, False)] for _ in range(options.turns)]
        for at, work in enumerate(("training", "evaluation")):
            kept, returned = ([turn[side][at] for turn in turns] for side in (0, 1))
            ratio = spread([mine / other for mine, other in zip(kept, returned, strict=True)])
            print(f"{name:<12}{work:<12}{statistics.median(kept):>9.0f}{statistics.median(returned):>12.0f}{ratio:>20}")


if __name__ == "__main__":
    main()
