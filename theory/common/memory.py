"""Bytes that can still be allocated."""

import os
from pathlib import Path


def available_memory(device: str = "cpu") -> int:
    """The bytes that can still be allocated: on the GPU, or else in the machine or its control group, whichever is
    less."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    limits = [int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))]
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        limits = [1024 * int(lines["MemAvailable"].split()[0])]
    except (OSError, KeyError, ValueError):
        pass  # not Linux: free pages, which leave out what caches would give back
    try:
        maximum, used, details = (
            Path(f"/sys/fs/cgroup/memory.{name}").read_text(encoding="utf-8") for name in ("max", "current", "stat")
        )
        cache = int(dict(line.split() for line in details.splitlines()).get("inactive_file", 0))
        limits.append(int(maximum) - int(used) + cache)
    except (OSError, ValueError):
        pass  # no control group, or no limit ("max")
    return min(limits)
