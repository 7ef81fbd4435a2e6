"""JSON that anybody may have written: bounded in size and depth, and without NaN and infinity, which JSON does not
define."""

import json
import math
import os
from pathlib import Path
from typing import Any, NoReturn

from theory.common.regular_files import open_regular

LARGEST = 2**28
"""The most bytes of a file of records: the largest files ever made are a hundredth of this size."""


def parse_json(text: str | bytes) -> Any:
    """Parse a value; raises ValueError for text that is no JSON, is nested too deeply, or contains a number that is not
    finite."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_json(path: Path) -> Any:
    """Read the value in a file; raises OSError, and ValueError as `parse_json` does or for a file that is too large."""
    return parse_json(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Read a regular file that is not too large; raises OSError or ValueError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST:
            raise ValueError(f"{path.name} is {size:,} bytes long; records are at most {LARGEST:,}")
        return file.read(size)  # as much as it was: a larger number is set aside in memory, whatever the file is


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value
