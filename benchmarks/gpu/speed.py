"""Images a second of training, beside what the machine could do: each network in each precision, alone and together.

The arithmetic: multiplications and additions of an image, counted by torch on the network itself, forward and backward,
times images a second, as a share of the product measured in `machine`.
"""

import json
import subprocess
import sys
import time
from functools import cache
from typing import Any

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.commands import environment
from benchmarks.gpu.subjects import CLASSES, CROP, Setting
from benchmarks.training import network, random_images
from empirical.models import build_model
from empirical.randomization import Randomization, randomize
from empirical.runs.preparation import resident_data
from empirical.training.config import Augmentation, Precision, TrainingConfig
from empirical.training.loop import train

_BATCH, _FOREVER = 128, 10**9


def check_speed(checks: Checklist, setting: Setting) -> None:
    """Alone, one operation at a time and as graphs; then the peers' programs; then several processes."""
    ways: list[tuple[Precision, bool]] = [("float32", False)]
    if setting.cuda:
        ways = [(kind, graphed) for kind in ("float32", "tf32", "bf16") for graphed in (False, True)]
    for name in setting.networks:
        for kind, graphed in ways:
            title = f"speed {name} {kind}" + " graphed" * graphed
            checks.check(title, lambda n=name, k=kind, g=graphed: _alone(checks, setting, n, k, g))  # type: ignore[misc]
    for how in ("crop", "flip-rotate"):
        last = setting.networks[-1] if setting.tiny else "inception"
        checks.check(
            f"speed {last} {how}",
            lambda how=how, last=last: _alone(checks, setting, last, ways[-1][0], False, how),  # type: ignore[misc]
        )
    checks.check("speed inception-v3 at 299", lambda: _imagenet(setting))
    checks.check("speed of peers", lambda: _peers(checks, setting))


def check_together(checks: Checklist, setting: Setting) -> None:
    """Several runs on one GPU: images a second of all."""
    counts = {"mlp-1x512": (1, 2)} if setting.tiny else {"mlp-1x512": (1, 4, 8), "alexnet": (1, 4), "inception": (1, 3)}
    for name, numbers in counts.items():
        for count in numbers:
            checks.check(
                f"together {count} x {name}",
                lambda name=name, count=count: _together(checks, setting, name, count),  # type: ignore[misc]
            )


def images_per_second(name: str, device: str, config: TrainingConfig, n: int, seconds: float) -> tuple[float, float]:
    """The rate of training on n random images without evaluation, over this many seconds, and the seconds of the
    warm-up before."""
    begun = time.perf_counter()
    model, memory_format = network(name, device)
    augmented = config.augmentation != "none"
    images = randomize(random_images(n, CROP), Randomization(), 0)
    data = resident_data(images, CROP, device, memory_format=memory_format, augmented=augmented)
    first: Any = None
    for _, state in train(model, data, config, seed=0, seconds_between_states=seconds / 4):
        if first is None and state.step >= 16:  # a graph is recorded by then
            first, warm = state, time.perf_counter() - begun
        elif first is not None and state.training_seconds - first.training_seconds > seconds:
            break
    steps = state.step - first.step
    return steps * config.batch_size / (state.training_seconds - first.training_seconds), warm


def _config(setting_tiny: bool, **changes: Any) -> TrainingConfig:
    """The configuration, with so small a step that nothing is fitted: a fit would stop the loop."""
    return TrainingConfig(
        learning_rate=1e-6,
        batch_size=16 if setting_tiny else _BATCH,
        max_steps=_FOREVER,
        min_steps=_FOREVER,
        epochs_per_record=_FOREVER,
        **changes,
    )


def _alone(
    checks: Checklist,
    setting: Setting,
    name: str,
    kind: Precision,
    graphed: bool,
    augmentation: Augmentation = "none",
) -> dict[str, Any]:
    config = _config(setting.tiny, precision=kind, graphed=graphed, augmentation=augmentation)
    n, seconds = (640, 0.3) if setting.tiny else (12_800, 1.5)
    if setting.cuda:
        torch.cuda.reset_peak_memory_stats()
    rate, warm = images_per_second(name, str(setting.device), config, n, seconds)
    achieved = rate * operations(name) / 1e12
    facts = {"images_per_s": round(rate), "warm_up_s": round(warm, 1), "tflops": round(achieved, 3)}
    peaks = [row["tflops"] for row in _rows(checks) if row["check"] == f"product {kind}" and "tflops" in row]
    if peaks:
        facts["share_of_peak"] = round(achieved / peaks[-1], 3)
    if setting.cuda:
        facts["peak_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return facts | {"verdict": "INFO"}


@cache
def operations(name: str) -> int:
    """Multiplications and additions of products and convolutions, one image forward and backward."""
    with torch.device("meta"):
        model = build_model_on_meta(name)
        with FlopCounterMode(display=False) as counter:
            functional.cross_entropy(model(torch.randn(2, 3, CROP, CROP)), torch.zeros(2, dtype=torch.long)).backward()
    return int(counter.get_total_flops()) // 2


def build_model_on_meta(name: str) -> torch.nn.Module:
    """Shapes without values, in training mode."""
    return build_model(name, (3, CROP, CROP), CLASSES, seed=0).to("meta").train()


def _rows(checks: Checklist) -> list[dict[str, Any]]:
    """The rows of this call and of earlier calls."""
    return [json.loads(line) for line in checks.path.read_text().splitlines() if line.endswith("}")]


def _imagenet(setting: Setting) -> dict[str, Any]:
    """Inception V3 on one batch, again and again: what its loop can come to."""
    if setting.tiny:
        return {"verdict": "SKIP"}
    side, n = 299, 128
    images = torch.randn(n, 3, side, side, device=setting.device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (n,), device=setting.device)
    model = build_model("inception-v3", (3, side, side), 1000, seed=0).to(setting.device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, fused=True)
    steps = 8
    for number in range(-3, steps):
        if number == 0:
            setting.synchronize()
            begun = time.perf_counter()
        with torch.autocast(setting.device.type, torch.bfloat16):
            loss = functional.cross_entropy(model(images).float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    setting.synchronize()
    return {"verdict": "INFO", "bf16_images_per_s": round(steps * n / (time.perf_counter() - begun))}


def _peers(checks: Checklist, setting: Setting) -> dict[str, Any]:
    if setting.tiny:
        return {"verdict": "SKIP"}
    command = [sys.executable, "-m", "benchmarks.training", "--device", str(setting.device), "--turns", "1"]
    command += ["--networks", "mlp-1x512", "inception"]
    seconds = max(1.0, checks.until - time.monotonic())
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment(), check=True)
    return {"verdict": "INFO", "table": done.stdout.strip().splitlines()[2:]}


def _together(checks: Checklist, setting: Setting, name: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.gpu.speed", name, str(setting.device), setting.precision]
    command += ["tiny"] * setting.tiny
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) for _ in range(count)]
    try:
        rates = [float(process.communicate()[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return {"verdict": "INFO", "images_per_s": round(sum(rates)), "of_each": [round(rate) for rate in rates]}


def main() -> None:
    """One of several processes: print its images a second."""
    name, device, kind, *tiny = sys.argv[1:]
    config = _config(bool(tiny), precision=kind if device == "cuda" else "float32")
    n, seconds = (640, 0.5) if tiny else (12_800, 6.0)
    print(images_per_second(name, device, config, n, seconds)[0])


if __name__ == "__main__":
    main()
