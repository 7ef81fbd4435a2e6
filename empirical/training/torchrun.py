"""Whether torchrun has started this process beside others, from the environment alone."""

import os
from collections.abc import Mapping


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several that torchrun, or a launcher of its kind, has started."""
    return int(environment.get("WORLD_SIZE", "1")) > 1 and "RANK" in environment and "MASTER_ADDR" in environment


def of_first_rank(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the one that prints for all."""
    return not launched(environment) or environment["RANK"] == "0"
