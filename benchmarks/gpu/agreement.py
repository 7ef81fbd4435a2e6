"""The GPU against the CPU on the same steps; the GPU against itself: twice, resumed, and in other ways.

Tolerances on a GPU are guesses until one has been seen: the first loss differs by the rounding of a forward pass in
float32, 1e-6 of it or so; steps magnify that, by tenfold in a few. What falls outside is a number to look at.
"""

import copy
import os
import socket
from dataclasses import replace
from typing import Any, get_args

import torch
from torch import distributed, nn

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.subjects import CROP, Setting, prepared, saved, step_losses, weights
from empirical.kernels.config import KernelConfig
from empirical.kernels.interpolation import interpolate_images
from empirical.models import default_learning_rate
from empirical.randomization import parse_test, randomize
from empirical.training.augmentation import augment, draw_augmentations
from empirical.training.config import Augmentation, TrainingConfig
from empirical.training.distributed import BUFFERS_STAY, Ranks
from empirical.training.dropout import set_dropout
from empirical.training.evaluation import predict
from empirical.training.optimization import precision
from empirical.training.streamed_images import StreamedData, StreamedImages
from empirical.training.synchronised_layers import BatchShare, over_global_batch

_FIRST, _LAST = 1e-4, 5e-2
"""Relative differences of the first and the last loss that pass."""

_STEPS = 8


def check_agreement(checks: Checklist, setting: Setting) -> None:
    """Make the checks in turn, those that most depends on first."""
    for name in setting.networks:
        checks.check(f"agree {name}", lambda name=name: _network(setting, name))  # type: ignore[misc]
        checks.check(f"graphed {name}", lambda name=name: _graphed(setting, name))  # type: ignore[misc]
    checks.check("agree kernels", lambda: _kernels(setting))
    checks.check("agree augmentation", lambda: _augmentation(setting))
    for how in ("crop", "flip-rotate"):
        checks.check(f"graphed {how}", lambda how=how: _graphed(setting, "alexnet", augmentation=how))  # type: ignore[misc]
    checks.check("agree dropout", lambda: _dropout(setting))
    checks.check("agree streamed", lambda: _streamed(setting))
    for how in ("tf32", "bf16"):
        checks.check(f"precision {how}", lambda how=how: _precision(setting, how))  # type: ignore[misc]
    checks.check("nccl, one rank", lambda: _one_rank(setting))
    checks.check("compile", lambda: _compiled(setting))


def _config(setting: Setting, name: str, **changes: Any) -> TrainingConfig:
    """Steps a tenth of the paper's: rounding grows less."""
    rate = default_learning_rate(name) / 10
    whole = {"learning_rate": rate, "batch_size": setting.batch, "max_steps": _STEPS, "min_steps": _STEPS}
    return TrainingConfig(**(whole | changes))


def _network(setting: Setting, name: str) -> dict[str, Any]:
    n, m, config = _STEPS * setting.batch, setting.batch, _config(setting, name)
    on_cpu, cpu_data = prepared(name, setting, "cpu", n, m)
    on_gpu, data = prepared(name, setting, setting.device, n, m)
    same_start = torch.equal(weights(on_cpu), weights(on_gpu))
    same_start &= torch.equal(cpu_data.train_images, data.train_images.cpu())
    expected, _ = step_losses(on_cpu, cpu_data, config)
    losses, _ = step_losses(on_gpu, data, config)
    twice, _ = prepared(name, setting, setting.device, n, m)
    step_losses(twice, data, config)
    stopped, _ = prepared(name, setting, setting.device, n, m)
    _, state = step_losses(stopped, data, config, stop=3)
    resumed, _ = prepared(name, setting, setting.device, n, m)
    step_losses(resumed, data, config, saved(state))
    with precision(config, setting.device):
        on_test = predict(on_gpu, data.test_source, data.test_labels).loss
    first, last = (abs(losses[at] - expected[at]) / abs(expected[at]) for at in (0, -1))
    return {
        "verdict": "PASS" if same_start and first < _FIRST and last < _LAST else "FAIL",
        "same_start": same_start,
        "first_loss_off": f"{first:.1e}",
        "last_loss_off": f"{last:.1e}",
        "weights_off": f"{_off(weights(on_gpu), weights(on_cpu)):.1e}",
        "same_bits_twice": torch.equal(weights(on_gpu), weights(twice)),
        "same_bits_resumed": torch.equal(weights(on_gpu), weights(resumed)),
        "test_loss_off": f"{abs(on_test / predict(on_cpu, cpu_data.test_source, cpu_data.test_labels).loss - 1):.1e}",
    }


def _graphed(setting: Setting, name: str, augmentation: Augmentation = "none") -> dict[str, Any]:
    """Steps replayed as a graph against steps one operation at a time; the last batch is smaller."""
    if not setting.cuda:
        return {"verdict": "SKIP"}
    n, results = _STEPS * setting.batch - 7, []
    for graphed in (False, True):
        config = _config(setting, name, graphed=graphed, max_steps=2 * _STEPS, min_steps=2 * _STEPS)
        config = replace(config, augmentation=augmentation)
        model, data = prepared(name, setting, setting.device, n, 8, augmented=augmentation != "none")
        results.append((step_losses(model, data, config)[0], weights(model)))
    (expected, theirs), (losses, ours) = results
    off = max(abs(a / b - 1) for a, b in zip(losses, expected, strict=True))
    return {
        "verdict": "PASS" if off < _LAST else "FAIL",
        "same_bits": torch.equal(ours, theirs),
        "losses_off": f"{off:.1e}",
        "weights_off": f"{_off(ours, theirs):.1e}",
    }


def _kernels(setting: Setting) -> dict[str, Any]:
    n, m = (100, 40) if setting.tiny else (3000, 1000)
    randomized = randomize(setting.dataset.subset(n, m), parse_test("true-labels"), 0)
    facts: dict[str, Any] = {"verdict": "PASS"}
    for solver in ("cholesky", "conjugate-gradients"):
        config = KernelConfig(solver=solver)
        (here, _), (there, used) = (
            interpolate_images(config, randomized, setting.dataset.num_classes, seed=0, device=device)
            for device in ("cpu", str(setting.device))
        )
        off = abs(here["test_accuracy"] - there["test_accuracy"])
        facts[solver] = f"{used['seconds']:.1f} s, residual {there['relative_residual']:.0e}, accuracy off {off:.4f}"
        if off > 2 / m or not there["fitted"]:
            facts["verdict"] = "FAIL"
    return facts


def _augmentation(setting: Setting) -> dict[str, Any]:
    """Pixels are copied as they are, or interpolated: by at most half a grey level's difference."""
    images, numbers = torch.tensor(setting.dataset.train.images[:64]), draw_augmentations(0, 1, 64)
    off = {}
    for how in get_args(Augmentation):
        here = augment(how, images, numbers, CROP).float()
        there = augment(how, images.to(setting.device), numbers.to(setting.device), CROP).float().cpu()
        off[how] = float((here - there).abs().max())
    good = off["none"] == off["crop"] == 0 and max(off.values()) < 0.5
    return {"verdict": "PASS" if good else "FAIL", **{how: f"{value:.1e}" for how, value in off.items()}}


def _dropout(setting: Setting) -> dict[str, Any]:
    losses = []
    for _ in range(2):
        model, data = prepared("mlp-1x512", setting, setting.device, _STEPS * setting.batch, 8)
        losses.append(step_losses(set_dropout(model, 0.5), data, _config(setting, "mlp-1x512", dropout=0.5))[0])
    return {"verdict": "PASS" if losses[0] == losses[1] else "FAIL"}


def _streamed(setting: Setting) -> dict[str, Any]:
    """Images read ahead by threads against images in the device's memory."""
    n, config = _STEPS * setting.batch, _config(setting, "alexnet", augmentation="crop")
    model, data = prepared("alexnet", setting, setting.device, n, 8, augmented=True)
    other = copy.deepcopy(model)
    part = randomize(setting.dataset.subset(n, 8), parse_test("random-labels"), 0).data
    sources = [
        StreamedImages(split.stored, CROP, setting.device, memory_format=torch.channels_last)
        for split in (part.train, part.test)
    ]
    streamed = StreamedData(sources[0], data.train_labels, data.clean_labels, sources[1], data.test_labels)
    expected, losses = step_losses(model, data, config)[0], step_losses(other, streamed, config)[0]
    off = max(abs(a / b - 1) for a, b in zip(losses, expected, strict=True))
    return {"verdict": "PASS" if off < 1e-3 else "FAIL", "losses_off": f"{off:.1e}"}


def _precision(setting: Setting, how: str) -> dict[str, Any]:
    """What a lower precision changes, of Inception's losses."""
    name = setting.networks[-1] if setting.tiny else "inception"
    losses = []
    for kind in ("float32", how):
        model, data = prepared(name, setting, setting.device, _STEPS * setting.batch, 8)
        losses.append(step_losses(model, data, _config(setting, name, precision=kind))[0])
    first, last = (abs(losses[1][at] / losses[0][at] - 1) for at in (0, -1))
    return {"verdict": "INFO", "first_loss_off": f"{first:.1e}", "last_loss_off": f"{last:.1e}"}


def _one_rank(setting: Setting) -> dict[str, Any]:
    """What torchrun's ranks do, by one of them: NCCL's sums, synchronised batch norm, wrapped gradients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    names = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": "0", "WORLD_SIZE": "1"}
    os.environ |= names
    distributed.init_process_group("nccl" if setting.cuda else "gloo")
    try:
        for dtype in (torch.int64, torch.float64, torch.float32):
            distributed.all_reduce(torch.ones(3, dtype=dtype, device=setting.device))
        name = setting.networks[-1]
        model, data = prepared(name, setting, setting.device, setting.batch, 8)
        ranks = Ranks(device=setting.device.type)
        model = over_global_batch(model, ranks, BatchShare(setting.device.type), batch_norm=True)
        wrapped = nn.parallel.DistributedDataParallel(model, **BUFFERS_STAY, static_graph=True)
        for _ in range(3):
            wrapped(data.train_images).sum().backward()
        setting.synchronize()
    finally:
        distributed.destroy_process_group()
        for key in names:
            del os.environ[key]
    return {}


def _compiled(setting: Setting) -> dict[str, Any]:
    """Two networks of one process, each with a smaller last batch."""
    if not setting.cuda:
        return {"verdict": "SKIP"}
    n, results = _STEPS * setting.batch - 7, []
    for name, compiled in (("alexnet", False), ("mlp-1x512", True), ("alexnet", True)):
        model, data = prepared(name, setting, setting.device, n, 8)
        config = _config(setting, name, compile=compiled, max_steps=2 * _STEPS, min_steps=2 * _STEPS)
        results.append(step_losses(model, data, config)[0])
    off = max(abs(a / b - 1) for a, b in zip(results[2], results[0], strict=True))
    return {"verdict": "PASS" if off < _LAST else "FAIL", "losses_off": f"{off:.1e}"}


def _off(values: torch.Tensor, expected: torch.Tensor) -> float:
    return float((values - expected).norm() / expected.norm())
