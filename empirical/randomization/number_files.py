"""Arrays of numbers in small files: NumPy's format, comma-separated or blank-separated text, JSON."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SUFFIXES = (".npy", ".csv", ".txt", ".json")


def read_numbers(path: Path) -> npt.NDArray[Any]:
    """The array in a file, int64 or float64: `.npy`, `.csv` (commas), `.txt` (blanks or new lines) or `.json` (lists).

    Raises ValueError for another suffix or for a file that holds no array of numbers, OSError for one that cannot be
    read.
    """
    try:
        array = _read(path)
    except (ValueError, UnicodeDecodeError, EOFError) as error:
        raise ValueError(f"{path} holds no array of numbers: {error}") from error
    if array.dtype.kind not in "iuf" or not array.size:
        raise ValueError(f"{path} holds no array of numbers, but an array of {array.dtype}, shape {array.shape}")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def _read(path: Path) -> npt.NDArray[Any]:
    match path.suffix.lower():
        case ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        case ".csv" | ".txt" as suffix:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # numpy warns of an empty file: the caller says so
                return np.loadtxt(path, delimiter="," if suffix == ".csv" else None, ndmin=1)
        case ".json":
            return np.array(json.loads(path.read_text(encoding="utf-8")))
        case _:
            raise ValueError(f"its name must end in {', '.join(SUFFIXES)}")
