"""Arrays of numbers in small files: NumPy's format, comma-separated or blank-separated text, JSON, torch's.

A file of torch's may hold several arrays by name, as CIFAR-10N's `CIFAR-10_human.pt` does: `FILE.pt:NAME` is one.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.array_files import DAMAGED

SUFFIXES = (".npy", ".csv", ".txt", ".json", ".pt")


def file_of(place: str | Path) -> Path:
    """Return the file that `FILE` or `FILE.pt:NAME` names."""
    return _file_and_name(place)[0]


def read_numbers(place: str | Path) -> npt.NDArray[Any]:
    """The array in a file, int64 or float64: `.npy`, `.csv` (commas), `.txt` (blanks or new lines), `.json` (lists) or
    `.pt`, where a name may follow.

    Raises ValueError for another suffix or for a file that holds no array of numbers, OSError for one that cannot be
    read.
    """
    path, name = _file_and_name(place)
    try:
        array = _read(path, name)
    except DAMAGED as error:
        raise ValueError(f"{path} holds no array of numbers: {error}") from error
    if array.dtype.kind not in "iuf" or not array.size:
        raise ValueError(f"{path} holds no array of numbers, but an array of {array.dtype}, shape {array.shape}")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def _file_and_name(place: str | Path) -> tuple[Path, str]:
    file, _, name = str(place).rpartition(":")
    return (Path(file), name) if file.lower().endswith(".pt") else (Path(place), "")


def _read(path: Path, name: str) -> npt.NDArray[Any]:
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    match path.suffix.lower():
        case ".npy":
            # As a map, which is not longer than the file: a header may announce any size.
            array = np.load(path, allow_pickle=False, mmap_mode="r")
            if not isinstance(array, np.ndarray):
                raise ValueError("it is an archive of arrays (.npz)")
            return np.array(array)
        case ".csv" | ".txt" as suffix:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # numpy warns of an empty file: the caller says so
                return np.loadtxt(path, delimiter="," if suffix == ".csv" else None, ndmin=1)
        case ".json":
            return np.array(json.loads(path.read_text(encoding="utf-8")))
        case ".pt":
            return _read_torch(path, name)
        case _:
            raise ValueError(f"its name must end in {', '.join(SUFFIXES)}")


def _read_torch(path: Path, name: str) -> npt.NDArray[Any]:
    """An array, a tensor, or one of those in a dictionary. Nothing that the file asks for is run, and of NumPy it may
    ask for plain arrays alone.
    """
    import torch

    reconstruct = np.empty(0).__reduce__()[0]
    allowed: list[Any] = [np.ndarray, np.dtype, *(type(np.dtype(name)) for name in ("int64", "int32", "uint8"))]
    # The first name of NumPy's is that of versions before 2.
    allowed += [(reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")]
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a malformed pickle can raise almost anything
        raise ValueError(f"{type(error).__name__}: {(str(error) or 'it is damaged').splitlines()[0]}") from error
    if isinstance(content, dict):
        if name not in content:
            raise ValueError(
                f"it holds {', '.join(map(str, content))}: name one of them, as {path}:{next(iter(content))}"
            )
        content = content[name]
    elif name:
        raise ValueError(f"it holds nothing called {name!r}")
    return np.asarray(content)
