"""The machine and the packages that made a result."""

import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any


def environment(device: str) -> dict[str, Any]:
    """The environment that a result may depend on beside its configuration. Only a run on `cuda` is asked for its GPU,
    since the question takes memory there.
    """
    import torch

    packages = ("numpy", "scipy", "scikit-learn", "torch", "cvxpy", "matplotlib", "rethinking-generalization")
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "accelerator": torch.cuda.get_device_name() if device.startswith("cuda") else None,
        "threads": torch.get_num_threads(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        match = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        match = None
    return match.group(1) if match else platform.processor()
