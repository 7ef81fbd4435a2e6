"""The machine and the most that it does a second, which are the ceilings of every other number."""

import os
import sys
import time
from typing import Any

import torch

from benchmarks.gpu.checklist import Checklist
from benchmarks.gpu.subjects import Setting

_REPEATS = 5


def check_machine(checks: Checklist, setting: Setting) -> None:
    """Record the machine's parts and its ceilings."""
    checks.check("machine", lambda: _parts(setting))
    for kind in ("float32", "tf32", "bf16", "float64"):
        checks.check(f"product {kind}", lambda kind=kind: _product(setting, kind))  # type: ignore[misc]
    checks.check("copy", lambda: _copy(setting))


def _parts(setting: Setting) -> dict[str, Any]:
    parts: dict[str, Any] = {"python": sys.version.split()[0], "torch": torch.__version__, "cores": os.cpu_count()}
    if setting.cuda:
        gpu = torch.cuda.get_device_properties(0)
        parts |= {"gpu": gpu.name, "gb": round(gpu.total_memory / 1e9, 1), "cudnn": torch.backends.cudnn.version()}
        parts["gpus"] = torch.cuda.device_count()
    return parts | {"verdict": "INFO"}


def _product(setting: Setting, kind: str) -> dict[str, Any]:
    """Operations a second of a large square product."""
    n = 256 if setting.tiny else 4096 if kind == "float64" else 8192
    dtype = {"bf16": torch.bfloat16, "float64": torch.float64}.get(kind, torch.float32)
    A, B = (torch.randn(n, n, device=setting.device, dtype=dtype) for _ in range(2))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if kind == "tf32" else "highest")
    try:
        seconds = _seconds(setting, lambda: A @ B)
    finally:
        torch.set_float32_matmul_precision(before)
    return {"tflops": round(2 * n**3 / seconds / 1e12, 2), "verdict": "INFO"}


def _copy(setting: Setting) -> dict[str, Any]:
    """Bytes read and written a second, within the device's memory."""
    source = torch.empty(1 << (20 if setting.tiny else 30), dtype=torch.uint8, device=setting.device)
    goal = torch.empty_like(source)
    seconds = _seconds(setting, lambda: goal.copy_(source))
    return {"gb_per_s": round(2 * source.numel() / seconds / 1e9, 1), "verdict": "INFO"}


def _seconds(setting: Setting, work: Any) -> float:
    """The seconds of a call: the mean of a few calls, after two that do not count."""
    for _ in range(2):
        work()
    setting.synchronize()
    begun = time.perf_counter()
    for _ in range(_REPEATS):
        work()
    setting.synchronize()
    return (time.perf_counter() - begun) / _REPEATS
